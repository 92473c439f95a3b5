//! Descriptors that another process opened.

use std::io::{IoSlice, IoSliceMut, Write};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use super::{ended, opened};
use crate::{Words, refused};

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

pub fn send(socket: &UnixStream, fd: RawFd) {
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

pub fn receive(socket: &UnixStream) -> OwnedFd {
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
