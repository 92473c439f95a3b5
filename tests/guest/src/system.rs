//! The few system calls that std has no name for.
//!
//! Owns: the `unsafe` around them. Must not: decide anything; each function is one request to
//! the kernel and gives its answer.

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Turns the -1 of a system call into its errno.
pub fn check(result: libc::c_long) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

fn c_string(text: &OsStr) -> io::Result<CString> {
    CString::new(text.as_bytes()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

/// mount(2).
pub fn mount(
    source: &Path,
    target: &Path,
    kind: &str,
    flags: libc::c_ulong,
    data: &str,
) -> io::Result<()> {
    let source = c_string(source.as_os_str())?;
    let target = c_string(target.as_os_str())?;
    let kind = c_string(kind.as_ref())?;
    let data = c_string(data.as_ref())?;
    // SAFETY: all four pointers are NUL-terminated strings that outlive the call, and file
    // systems take their data as such a string.
    check(libc::c_long::from(unsafe {
        libc::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            flags,
            data.as_ptr().cast(),
        )
    }))
}

pub fn set_hostname(name: &str) -> io::Result<()> {
    // SAFETY: pointer and length describe the bytes of `name`.
    check(libc::c_long::from(unsafe {
        libc::sethostname(name.as_ptr().cast(), name.len())
    }))
}

/// Gives the loopback interface its address (by setting it up, the kernel adds 127.0.0.1).
pub fn loopback_up() -> io::Result<()> {
    let socket = std::net::UdpSocket::bind(("0.0.0.0", 0))?;
    // SAFETY: ifreq is plain data, for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = *from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq with a name and flags, which `request` is.
    check(libc::c_long::from(unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)
    }))
}

/// Loads one uncompressed kernel module; one that is there already is no error.
pub fn load_module(path: &Path) -> io::Result<()> {
    let file = File::open(path)?;
    // SAFETY: finit_module takes a file descriptor, a NUL-terminated string and flags.
    let result =
        check(unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), c"".as_ptr(), 0) });
    match result {
        Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(()),
        other => other,
    }
}

/// What uname(2) calls the release.
pub fn kernel_release() -> String {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
        .map_or_else(|_| "unknown".into(), |release| release.trim_end().into())
}

/// Sends a signal to every process but this one.
pub fn signal_all(signal: libc::c_int) {
    // SAFETY: kill takes two numbers. With pid -1 it never reaches process 1 itself.
    unsafe { libc::kill(-1, signal) };
}

/// Ends the machine; does not return.
pub fn power_off() -> ! {
    // SAFETY: neither call has memory operands.
    unsafe {
        libc::sync();
        libc::reboot(libc::RB_POWER_OFF);
    }
    // The kernel refused: wait for the runner to end the machine. Process 1 must not exit.
    loop {
        std::thread::park();
    }
}
