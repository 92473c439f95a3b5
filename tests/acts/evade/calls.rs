//! Other ways into the kernel than a system call of this program's own kind.

use std::io::{IoSlice, IoSliceMut, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use super::{ended, opened};
use crate::{Words, refused};

/// open(2) as 32-bit programs number it.
const OPEN_32: i64 = 5;
const GETPID_32: i64 = 20;

/// A system call as 32-bit programs make it: arguments are cut to 32 bits.
///
/// # Safety
/// As the call; pointers must be below 4 GiB.
#[cfg(target_arch = "x86_64")]
unsafe fn call_32(number: i64, first: i64, second: i64, third: i64) -> i32 {
    let result: i64;
    // SAFETY: the caller's. The compiler keeps rbx for itself, so it is changed and changed back; the
    // kernel does not promise to keep r8 to r11.
    unsafe {
        std::arch::asm!(
            "xchg {first}, rbx",
            "int 0x80",
            "xchg {first}, rbx",
            first = inout(reg) first => _,
            inlateout("rax") number => result,
            in("rcx") second,
            in("rdx") third,
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result as i32
}

/// On other machines 64-bit code has no way to make one.
#[cfg(not(target_arch = "x86_64"))]
unsafe fn call_32(_number: i64, _first: i64, _second: i64, _third: i64) -> i32 {
    -libc::ENOSYS
}

/// Below 4 GiB.
#[cfg(target_arch = "x86_64")]
const MAP_LOW: i32 = libc::MAP_32BIT;
#[cfg(not(target_arch = "x86_64"))]
const MAP_LOW: i32 = 0;

/// Kernels without 32-bit calls kill who makes one: asked in a process of its own.
fn has_32_bit() -> bool {
    // SAFETY: the child makes one call without arguments and ends.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::_exit(i32::from(call_32(GETPID_32, 0, 0, 0) <= 0));
        }
        assert!(pid > 0, "fork: {}", std::io::Error::last_os_error());
        ended(pid) == 0
    }
}

/// `open-32 PATH FLAGS`: a program of 64 bits that calls as one of 32. Ends with 0 or the errno
/// (ENOSYS: there are no such calls).
pub fn by_32_bit(words: &mut Words) {
    const PAGE: usize = 4096;
    let (path, flags) = (words.c_string(), words.number());
    if !has_32_bit() {
        println!("{}", libc::ENOSYS);
        return;
    }
    let bytes = path.as_bytes_with_nul();
    assert!(bytes.len() <= PAGE, "a path of one page");
    // SAFETY: new memory, long enough for what is copied there.
    let fd = unsafe {
        let low = libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | MAP_LOW,
            -1,
            0,
        );
        assert_ne!(low, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), low.cast(), bytes.len());
        call_32(OPEN_32, low as i64, flags.into(), 0)
    };
    if fd >= 0 {
        // It is truly open.
        super::behind(fd);
    }
    println!("{}", if fd < 0 { -fd } else { 0 });
}

/// `pass-open PATH FLAGS`: another process opens; this one gets the descriptor and writes by it.
/// Prints the other's pid.
pub fn pass(words: &mut Words) {
    let (path, flags) = (words.c_string(), words.number().cast_signed());
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    // SAFETY: no other thread runs in this program.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        send(&theirs, opened(&path, flags).as_raw_fd());
        // SAFETY: ends this process without running anything of its parent's.
        unsafe { libc::_exit(0) };
    }
    assert!(pid > 0, "fork: {}", std::io::Error::last_os_error());
    drop(theirs);
    let got = receive(&ours);
    assert_eq!(ended(pid), 0, "who opens");
    std::fs::File::from(got)
        .write_all(b"written")
        .unwrap_or_else(|_| refused());
    println!("{pid}");
}

/// Room for one descriptor, aligned as the kernel asks.
type Control = [u64; 8];

fn message(part: *mut libc::iovec, control: &mut Control) -> libc::msghdr {
    // SAFETY: all zeros are a value of it: nothing is pointed to.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    // SAFETY: only computes.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(size_of::<RawFd>() as u32) } as usize;
    message
}

fn send(socket: &UnixStream, fd: RawFd) {
    let mut control = Control::default();
    let mut part = IoSlice::new(b"x");
    // SAFETY: an IoSlice is an iovec; the header has room for one descriptor, as `message` says.
    unsafe {
        let message = message((&raw mut part).cast(), &mut control);
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as usize;
        libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(fd);
        let sent = libc::sendmsg(socket.as_raw_fd(), &raw const message, 0);
        assert_eq!(sent, 1, "sendmsg: {}", std::io::Error::last_os_error());
    }
}

fn receive(socket: &UnixStream) -> OwnedFd {
    let mut control = Control::default();
    let mut byte = [0u8];
    let mut part = ManuallyDrop::new(IoSliceMut::new(&mut byte));
    // SAFETY: as above; what was received is a new descriptor of ours.
    unsafe {
        let mut message = message((&raw mut part).cast(), &mut control);
        let got = libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC);
        assert_eq!(got, 1, "recvmsg: {}", std::io::Error::last_os_error());
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        assert!(!header.is_null(), "no descriptor came");
        OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned())
    }
}
