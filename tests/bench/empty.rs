//! Empty programs on the hooks that the daemon uses: what the kernel's own part of a hook costs.
//!
//! Owns two instructions (`r0 = 0; exit`), loaded and attached by system call, so that nothing of
//! the daemon's loader is in the comparison. Where to attach is read from its hook table: of each row
//! the first candidate that works here, as the daemon chooses. A raw tracepoint costs the same by
//! name as with the kernel's types, so one form serves for both.

use std::{
    ffi::CString,
    io, mem,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};

use anyhow::{Context, Result, bail};
use audit_daemon::hooks::{Candidate, HOOKS, Mechanism};

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_GET_NEXT_ID: libc::c_int = 11;
const BPF_PROG_GET_FD_BY_ID: libc::c_int = 13;
const BPF_RAW_TRACEPOINT_OPEN: libc::c_int = 17;
/// Kprobes, tracepoints, perf events, raw tracepoints (writable ones too), trampolines, LSM: what
/// can cost a system call something.
const TRACING_TYPES: [u32; 7] = [2, 5, 7, 17, 24, 26, 29];
const BPF_PROG_TYPE_TRACEPOINT: u32 = 5;
const BPF_PROG_TYPE_RAW_TRACEPOINT: u32 = 17;
const PERF_TYPE_TRACEPOINT: u32 = 2;
/// `_IOW('$', 8, u32)` and `_IO('$', 0)`.
const PERF_EVENT_IOC_SET_BPF: libc::c_ulong = 0x4004_2408;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
/// `r0 = 0; exit`
const PROGRAM: [u64; 2] = [0xb7, 0x95];
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Attached until dropped.
pub struct Empty {
    links: Vec<OwnedFd>,
    programs: Vec<OwnedFd>,
}

impl Empty {
    pub fn attach() -> Result<Empty> {
        // The daemon does the same at its start, and nobody else may have.
        audit_daemon::kernel::tracefs().expect("tracefs");
        let mut empty = Empty {
            links: Vec::new(),
            programs: Vec::new(),
        };
        for row in HOOKS {
            let mut last = None;
            // One for each row: a point takes a program once.
            let raw = load(BPF_PROG_TYPE_RAW_TRACEPOINT).context("cannot load an empty program")?;
            let perf = load(BPF_PROG_TYPE_TRACEPOINT).context("cannot load an empty program")?;
            let usable = row
                .candidates
                .iter()
                .filter(|candidate| !candidate.only_compat && !candidate.never_skipped)
                .filter(|candidate| candidate.mechanism != Mechanism::Trampoline);
            let attached = usable.into_iter().find_map(|candidate| {
                attach(candidate, &raw, &perf)
                    .map_err(|error| last = Some(error))
                    .ok()
            });
            match (attached, last) {
                (Some(of_row), _) => empty.links.extend(of_row),
                // What only adds to others, and which not every kernel has (modules).
                (None, Some(_)) if row.auxiliary => {}
                (None, Some(error)) => return Err(error.context(format!("hook {}", row.name))),
                // Only where programs are preempted, which this comparison leaves out.
                (None, None) => {}
            }
            empty.programs.extend([raw, perf]);
        }
        Ok(empty)
    }
}

/// How many programs somebody has loaded already that `off` may hold the cost of.
pub fn tracing_programs() -> usize {
    let mut count = 0;
    let mut attributes = ProgramId::default();
    // SAFETY: the attributes are plain data, and the kernel writes the next id into them.
    while unsafe {
        let size = mem::size_of::<ProgramId>();
        libc::syscall(
            libc::SYS_bpf,
            BPF_PROG_GET_NEXT_ID,
            &raw mut attributes,
            size,
        )
    } == 0
    {
        let id = attributes.next;
        count += usize::from(program_type(id).is_some_and(|of| TRACING_TYPES.contains(&of)));
        attributes = ProgramId {
            id,
            ..ProgramId::default()
        };
    }
    count
}

/// In both commands that are used the first word is an id.
#[repr(C)]
#[derive(Default)]
struct ProgramId {
    id: u32,
    next: u32,
    open_flags: u32,
}

fn program_type(id: u32) -> Option<u32> {
    let program = bpf(
        BPF_PROG_GET_FD_BY_ID,
        &ProgramId {
            id,
            ..ProgramId::default()
        },
    )
    .ok()?;
    let path = format!("/proc/self/fdinfo/{}", program.as_raw_fd());
    let text = std::fs::read_to_string(path).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("prog_type:")?.trim().parse().ok())
}

/// To all of its points that this kernel has; an error if that is none.
fn attach(candidate: &Candidate, raw: &OwnedFd, perf: &OwnedFd) -> Result<Vec<OwnedFd>> {
    let points = candidate.points.iter();
    let (mut links, mut last) = (Vec::new(), None);
    for attached in points.map(|point| match candidate.mechanism {
        Mechanism::RawTracepoint => open_raw(point, raw),
        Mechanism::Tracepoint => open_perf(point, perf),
        Mechanism::Trampoline => bail!("functions are not compared"),
    }) {
        match attached {
            Ok(link) => links.push(link),
            Err(error) => last = Some(error),
        }
    }
    match last {
        Some(error) if links.is_empty() => Err(error),
        _ => Ok(links),
    }
}

#[repr(C)]
#[derive(Default)]
struct ProgLoad {
    prog_type: u32,
    insn_count: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct RawOpen {
    name: u64,
    prog_fd: u32,
    reserved: u32,
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<OwnedFd> {
    // SAFETY: the attributes are plain data of the size that is passed, and what they point to
    // outlives the call.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            mem::size_of::<T>(),
        )
    };
    owned(fd)
}

fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
    match RawFd::try_from(fd) {
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

fn load(prog_type: u32) -> io::Result<OwnedFd> {
    let attributes = ProgLoad {
        prog_type,
        insn_count: PROGRAM.len() as u32,
        insns: PROGRAM.as_ptr() as u64,
        license: c"Dual MIT/GPL".as_ptr() as u64,
        ..ProgLoad::default()
    };
    bpf(BPF_PROG_LOAD, &attributes)
}

fn open_raw(point: &str, program: &OwnedFd) -> Result<OwnedFd> {
    let name = CString::new(point)?;
    let prog_fd = program.as_raw_fd() as u32;
    let attributes = RawOpen {
        name: name.as_ptr() as u64,
        prog_fd,
        reserved: 0,
    };
    bpf(BPF_RAW_TRACEPOINT_OPEN, &attributes).with_context(|| format!("raw tracepoint {point}"))
}

/// The beginning of `struct perf_event_attr`, as its first version had it: enough for a tracepoint.
#[repr(C)]
#[derive(Default)]
struct PerfAttributes {
    event_type: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    rest: [u64; 5],
}

fn open_perf(point: &str, program: &OwnedFd) -> Result<OwnedFd> {
    let id = tracepoint_id(point)?;
    let size = mem::size_of::<PerfAttributes>() as u32;
    let attributes = PerfAttributes {
        event_type: PERF_TYPE_TRACEPOINT,
        size,
        config: id,
        ..PerfAttributes::default()
    };
    let (pid, cpu, group, flags) = (-1, 0, -1, libc::c_ulong::from(8u8));
    // SAFETY: the attributes outlive the call and say their own size. Flag 8 is CLOEXEC.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            pid,
            cpu,
            group,
            flags,
        )
    };
    let event = owned(fd).with_context(|| format!("tracepoint {point}"))?;
    // SAFETY: an event and a program of ours; both commands take an integer.
    let done = unsafe {
        libc::ioctl(
            event.as_raw_fd(),
            PERF_EVENT_IOC_SET_BPF,
            program.as_raw_fd(),
        ) == 0
            && libc::ioctl(event.as_raw_fd(), PERF_EVENT_IOC_ENABLE, 0) == 0
    };
    if !done {
        return Err(io::Error::last_os_error()).with_context(|| format!("tracepoint {point}"));
    }
    Ok(event)
}

fn tracepoint_id(point: &str) -> Result<u64> {
    let read = |tracefs: &&str| std::fs::read_to_string(format!("{tracefs}/events/{point}/id"));
    let text = TRACEFS.iter().find_map(|tracefs| read(tracefs).ok());
    let text = text.with_context(|| format!("tracefs knows no tracepoint {point}"))?;
    text.trim()
        .parse()
        .with_context(|| format!("the id of {point}"))
}
