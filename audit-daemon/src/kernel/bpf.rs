//! The calls of bpf(2) and perf_event_open(2) that links need, and what the kernel says of a link; and the
//! smallest program that there is.
//!
//! Owns their structures. The loader library makes links too, but does not hand out their
//! descriptors, and can neither ask for a link nor make one of a program that somebody else loaded.

use std::{
    ffi::CString,
    io,
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_OBJ_PIN: libc::c_int = 6;
const BPF_OBJ_GET: libc::c_int = 7;
const BPF_OBJ_GET_INFO_BY_FD: libc::c_int = 15;
const BPF_MAP_FREEZE: libc::c_int = 22;
const BPF_RAW_TRACEPOINT_OPEN: libc::c_int = 17;
const BPF_LINK_CREATE: libc::c_int = 28;
/// Attach type of a link to a perf event.
const BPF_PERF_EVENT: u32 = 41;
const PERF_TYPE_TRACEPOINT: u32 = 2;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 8;
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
const PERF_EVENT_IOC_SET_BPF: libc::c_ulong = 0x4004_2408;
const PERF_EVENT_IOC_QUERY_BPF: libc::c_ulong = 0xc008_240a;
/// Programs on one event, of everybody: the kernel's own limit.
const PROGRAMS_MAX: usize = 64;

const BPF_PROG_TYPE_TRACING: u32 = 26;
const BPF_TRACE_FEXIT: u32 = 25;
/// `r0 = 0; exit`
const EMPTY: [u64; 2] = [0xb7, 0x95];

/// The beginning of what BPF_PROG_LOAD takes.
#[repr(C)]
#[derive(Default)]
struct ProgramLoad {
    kind: u32,
    instructions: u32,
    instructions_at: u64,
    licence_at: u64,
    log: [u32; 2],
    log_at: u64,
    kernel_version: u32,
    flags: u32,
    name: [u64; 2],
    interface: u32,
    expected_attach_type: u32,
    of_btf: [u32; 9],
    attach_btf_id: u32,
    attach_program: u32,
    /// Named, and not left to be padding: the kernel reads it, or insists on zeroes there.
    relocations: u32,
}

const _: () = assert!(size_of::<ProgramLoad>() == 120, "no padding");
const _: () = assert!(std::mem::offset_of!(ProgramLoad, attach_btf_id) == 108);

#[repr(C)]
struct Object {
    path: u64,
    fd: u32,
    flags: u32,
}

#[repr(C)]
struct Info {
    fd: u32,
    bytes: u32,
    info: u64,
}

#[repr(C)]
struct RawOpen {
    name: u64,
    program: u32,
    zero: u32,
}

#[repr(C)]
struct LinkCreate {
    program: u32,
    target: u32,
    attach_type: u32,
    flags: u32,
}

/// The beginning of `struct perf_event_attr`, as its first version had it: enough for a tracepoint.
#[repr(C)]
#[derive(Default)]
struct PerfAttributes {
    event_type: u32,
    size: u32,
    config: u64,
    rest: [u64; 6],
}

#[repr(C)]
struct Query {
    room: u32,
    count: u32,
    ids: [u32; PROGRAMS_MAX],
}

/// What the kernel says of a program, a map or a link: how all of their structures begin.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    kind: u32,
    pub id: u32,
    /// Of a link; 0: it has none any more.
    pub program: u32,
}

fn bpf<T>(command: libc::c_int, attributes: &T) -> io::Result<libc::c_long> {
    // SAFETY: plain data of the size that is passed; what it points to outlives the call, which is
    // the promise of each caller below.
    let done = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<T>(),
        )
    };
    match done {
        0.. => Ok(done),
        _ => Err(io::Error::last_os_error()),
    }
}

fn owned(fd: libc::c_long) -> io::Result<OwnedFd> {
    match RawFd::try_from(fd) {
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(io::Error::last_os_error()),
    }
}

fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd().cast_unsigned()
}

/// From now on nobody can write to this map but programs.
pub fn freeze(map: BorrowedFd<'_>) -> io::Result<()> {
    bpf(BPF_MAP_FREEZE, &number(map)).map(|_| ())
}

fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

pub fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let attributes = Object {
        path: path.as_ptr() as u64,
        fd: number(object),
        flags: 0,
    };
    bpf(BPF_OBJ_PIN, &attributes).map(|_| ())
}

/// What is pinned there.
pub fn pinned(path: &Path) -> io::Result<OwnedFd> {
    let path = c_path(path)?;
    let attributes = Object {
        path: path.as_ptr() as u64,
        fd: 0,
        flags: 0,
    };
    owned(bpf(BPF_OBJ_GET, &attributes)?)
}

/// What is behind this descriptor; an error if it is none of bpf's.
pub fn identity(object: BorrowedFd<'_>) -> io::Result<Identity> {
    let mut identity = Identity::default();
    let attributes = Info {
        fd: number(object),
        bytes: size_of::<Identity>() as u32,
        info: (&raw mut identity) as u64,
    };
    bpf(BPF_OBJ_GET_INFO_BY_FD, &attributes)?;
    Ok(identity)
}

/// A program that does nothing, for the exit of the function with this number among the kernel's types.
pub fn load_empty_on_exit(function: u32) -> io::Result<OwnedFd> {
    let attributes = ProgramLoad {
        kind: BPF_PROG_TYPE_TRACING,
        instructions: EMPTY.len() as u32,
        instructions_at: EMPTY.as_ptr() as u64,
        licence_at: c"GPL".as_ptr() as u64,
        expected_attach_type: BPF_TRACE_FEXIT,
        attach_btf_id: function,
        ..ProgramLoad::default()
    };
    owned(bpf(BPF_PROG_LOAD, &attributes)?)
}

/// Attaches a program that knows its place itself: it was loaded for it.
pub fn attach_loaded(program: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let attributes = RawOpen {
        name: 0,
        program: number(program),
        zero: 0,
    };
    owned(bpf(BPF_RAW_TRACEPOINT_OPEN, &attributes)?)
}

/// Attaches a program to a trace event. With links it is one; before 5.15 it is the event itself.
pub fn attach_event(program: BorrowedFd<'_>, event: u64, with_link: bool) -> io::Result<OwnedFd> {
    let attributes = PerfAttributes {
        event_type: PERF_TYPE_TRACEPOINT,
        size: size_of::<PerfAttributes>() as u32,
        config: event,
        ..PerfAttributes::default()
    };
    let (any_process, cpu, no_group) = (-1, 0, -1);
    // SAFETY: the attributes outlive the call and say their own size.
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            any_process,
            cpu,
            no_group,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    let event = owned(fd)?;
    if with_link {
        let attributes = LinkCreate {
            program: number(program),
            target: event.as_raw_fd().cast_unsigned(),
            attach_type: BPF_PERF_EVENT,
            flags: 0,
        };
        return owned(bpf(BPF_LINK_CREATE, &attributes)?);
    }
    let on_event = |request, argument: libc::c_int| {
        // SAFETY: an event of ours; both requests take an integer.
        match unsafe { libc::ioctl(event.as_raw_fd(), request, argument) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    on_event(PERF_EVENT_IOC_SET_BPF, program.as_raw_fd())?;
    on_event(PERF_EVENT_IOC_ENABLE, 0)?;
    Ok(event)
}

/// Is the program with this id among those of the trace event?
pub fn event_has(event: BorrowedFd<'_>, program: u32) -> bool {
    let mut query = Query {
        room: PROGRAMS_MAX as u32,
        count: 0,
        ids: [0; PROGRAMS_MAX],
    };
    // SAFETY: the kernel writes at most `room` ids behind the two words; anything but an event
    // refuses the request.
    let done = unsafe { libc::ioctl(event.as_raw_fd(), PERF_EVENT_IOC_QUERY_BPF, &raw mut query) };
    let count = (query.count as usize).min(PROGRAMS_MAX);
    done == 0 && query.ids[..count].contains(&program)
}
