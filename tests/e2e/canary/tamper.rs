//! What root can do to hooks behind the daemon's back.
//!
//! Owns: taking pins away, closing descriptors inside the daemon as a debugger would, and writing to
//! the watch maps. Must not: use the daemon's code for it.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use audit_tests::daemon::patience;

const BPF_MAP_UPDATE_ELEM: i32 = 2;
const BPF_OBJ_GET: i32 = 7;
const BPF_MAP_GET_NEXT_ID: i32 = 12;
const BPF_MAP_GET_FD_BY_ID: i32 = 14;
const BPF_OBJ_GET_INFO_BY_FD: i32 = 15;
const BPF_LINK_GET_FD_BY_ID: i32 = 30;
const BPF_LINK_DETACH: i32 = 34;
/// Bytes of the filter before the map of watched objects.
const FILTER_BYTES: usize = 1 << 17;
#[cfg(target_arch = "x86_64")]
/// `syscall`
const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// Some words: whatever of bpf's attributes is needed here begins so.
fn bpf<const WORDS: usize>(command: i32, mut attributes: [u64; WORDS]) -> io::Result<i64> {
    bpf_with(command, &mut attributes)
}

/// The same, of what the kernel answers in.
fn bpf_with<const WORDS: usize>(command: i32, attributes: &mut [u64; WORDS]) -> io::Result<i64> {
    let size = size_of_val(attributes);
    // SAFETY: plain data of that size; a path in it is the caller's and outlives the call.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command, attributes.as_mut_ptr(), size) };
    match done {
        0.. => Ok(done),
        _ => Err(io::Error::last_os_error()),
    }
}

fn owned(fd: i64) -> OwnedFd {
    // SAFETY: made by the kernel just now.
    unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).expect("a descriptor")) }
}

fn pinned(path: &Path) -> OwnedFd {
    let name = std::ffi::CString::new(path.as_os_str().as_bytes()).expect("a path");
    let fd = bpf(BPF_OBJ_GET, [name.as_ptr() as u64, 0]);
    owned(fd.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn link_id(fdinfo: &str) -> Option<u32> {
    let line = fdinfo
        .lines()
        .find_map(|line| line.strip_prefix("link_id:"));
    line.and_then(|id| id.trim().parse().ok())
}

/// The kernel's number of the link that is pinned there.
pub fn id_of_pin(path: &Path) -> u32 {
    let fd = pinned(path);
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()));
    link_id(&info.expect("fdinfo")).expect("a link")
}

/// Is there a link of this number?
pub fn is_alive(id: u32) -> bool {
    let found = bpf(BPF_LINK_GET_FD_BY_ID, [u64::from(id), 0]);
    found.map(owned).is_ok()
}

/// As `bpftool link detach` does.
pub fn detach(path: &Path) -> io::Result<()> {
    let fd = pinned(path);
    bpf(BPF_LINK_DETACH, [fd.as_raw_fd() as u64, 0]).map(|_| ())
}

/// A link as another process holds it.
pub struct Link {
    pub fd: i32,
    pub id: u32,
    /// `tracing`, `perf_event`.
    pub kind: String,
}

pub fn links_in(pid: u32) -> Vec<Link> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("fdinfo");
    let link = |entry: std::fs::DirEntry| {
        let info = std::fs::read_to_string(entry.path()).ok()?;
        let kind = info
            .lines()
            .find_map(|line| line.strip_prefix("link_type:"))?;
        Some(Link {
            fd: entry.file_name().to_str()?.parse().ok()?,
            id: link_id(&info)?,
            kind: kind.trim().to_owned(),
        })
    };
    entries.flatten().filter_map(link).collect()
}

/// Closes a descriptor inside another process.
#[track_caller]
pub fn close_in(pid: u32, fd: i32) {
    let pid = i32::try_from(pid).expect("a pid");
    trace(libc::PTRACE_SEIZE, pid, 0, 0);
    let deadline = Instant::now() + patience();
    loop {
        trace(libc::PTRACE_INTERRUPT, pid, 0, 0);
        wait_stopped(pid);
        if let Some(result) = call_close(pid, fd) {
            trace(libc::PTRACE_DETACH, pid, 0, 0);
            assert_eq!(result, 0, "close({fd}) in {pid}");
            return;
        }
        // It was not in a system call: some moment later it will be.
        trace(libc::PTRACE_CONT, pid, 0, 0);
        assert!(Instant::now() < deadline, "{pid} is never in a system call");
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn call_close(pid: i32, _fd: i32) -> Option<i64> {
    panic!("registers of {pid} are known on x86_64 only");
}

/// Makes a stopped process call close; `None`: there is no system call instruction behind it.
#[cfg(target_arch = "x86_64")]
fn call_close(pid: i32, fd: i32) -> Option<i64> {
    // SAFETY: plain numbers, all of which the kernel fills in.
    let mut before: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    trace(libc::PTRACE_GETREGS, pid, 0, (&raw mut before) as usize);
    let mut code = [0; 2];
    let memory = File::open(format!("/proc/{pid}/mem")).ok()?;
    std::os::unix::fs::FileExt::read_exact_at(&memory, &mut code, before.rip - 2).ok()?;
    if code != SYSCALL {
        return None;
    }
    let mut call = before;
    call.rip -= 2;
    call.rax = libc::SYS_close as u64;
    call.rdi = u64::try_from(fd).expect("a descriptor");
    // What it was interrupted in is not begun again now.
    call.orig_rax = u64::MAX;
    trace(libc::PTRACE_SETREGS, pid, 0, (&raw const call) as usize);
    trace(libc::PTRACE_SINGLESTEP, pid, 0, 0);
    wait_stopped(pid);
    trace(libc::PTRACE_GETREGS, pid, 0, (&raw mut call) as usize);
    trace(libc::PTRACE_SETREGS, pid, 0, (&raw const before) as usize);
    Some(call.rax.cast_signed())
}

#[track_caller]
fn trace(request: u32, pid: i32, address: usize, data: usize) {
    // SAFETY: the requests used here read or write one structure of registers of the caller's, or
    // nothing of ours.
    let done = unsafe { libc::ptrace(request, pid, address, data) };
    assert_eq!(done, 0, "ptrace {request}: {}", io::Error::last_os_error());
}

fn wait_stopped(pid: i32) {
    let mut status = 0;
    // SAFETY: writes one number.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, libc::__WALL) };
    assert!(
        waited == pid && libc::WIFSTOPPED(status),
        "{waited}: {status:#x}"
    );
}

/// Makes the kernel believe that no inode is watched.
pub fn forget_watches(pin_dir: &Path) {
    let map = pinned(&pin_dir.join("map_WATCH_FILTER"));
    // SAFETY: new memory where the kernel chooses, and zeros within it.
    unsafe {
        let at = libc::mmap(
            std::ptr::null_mut(),
            FILTER_BYTES,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            map.as_raw_fd(),
            0,
        );
        assert_ne!(at, libc::MAP_FAILED, "{}", io::Error::last_os_error());
        at.cast::<u8>().write_bytes(0, FILTER_BYTES);
        libc::munmap(at, FILTER_BYTES);
    }
}

/// Where a map's name stands in what the kernel says of it.
const MAP_NAME_AT: usize = 24;
const MAP_INFO_BYTES: usize = 128;

/// The maps of this name, whoever made them.
fn maps_named(wanted: &str) -> Vec<OwnedFd> {
    let (mut found, mut last) = (Vec::new(), 0);
    loop {
        let mut next = [last, 0];
        if bpf_with(BPF_MAP_GET_NEXT_ID, &mut next).is_err() {
            return found;
        }
        last = next[0] >> 32;
        let Ok(fd) = bpf(BPF_MAP_GET_FD_BY_ID, [last, 0]).map(owned) else {
            continue;
        };
        let mut info = [0_u8; MAP_INFO_BYTES];
        let about = fd.as_raw_fd() as u64 | (MAP_INFO_BYTES as u64) << 32;
        let told = bpf(BPF_OBJ_GET_INFO_BY_FD, [about, info.as_mut_ptr() as u64]);
        let name = info[MAP_NAME_AT..].split(|byte| *byte == 0).next();
        if told.is_ok() && name == Some(wanted.as_bytes()) {
            found.push(fd);
        }
    }
}

/// Has no connection of anybody told, by a rule for all addresses that nobody configured.
pub fn ignore_everybody() -> Vec<io::Result<i64>> {
    const PREFIX_BYTES: usize = 20;
    let (every_address, every_port) = ([0_u8; PREFIX_BYTES], [0xffff_u32; 8]);
    let (key, value) = (every_address.as_ptr() as u64, every_port.as_ptr() as u64);
    let put = |map: OwnedFd| bpf(BPF_MAP_UPDATE_ELEM, [map.as_raw_fd() as u64, key, value, 0]);
    maps_named("IGNORED").into_iter().map(put).collect()
}

/// The pins of a hook's links, in the order of their names.
pub fn pins_of(pin_dir: &Path, hook: &str) -> Vec<PathBuf> {
    let start = format!("link_{hook}_");
    let is_of = |name: &str| {
        let rest = name.strip_prefix(&start);
        rest.is_some_and(|rest| rest.split('_').all(|part| part.parse::<u32>().is_ok()))
    };
    let entries = std::fs::read_dir(pin_dir).expect("the pins").flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_of))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
