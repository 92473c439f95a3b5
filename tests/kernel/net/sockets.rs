//! Sockets in a network namespace of the test's own, by plain calls.
//!
//! Owns: the namespace and the calls. Must not: judge what comes of them.

use std::io::Error;
use std::mem::{size_of, zeroed};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use libc::{c_int, c_void, sockaddr, sockaddr_storage, socklen_t};

/// Of this test, on the loopback interface, and no address of loopback.
pub const HERE: &str = "10.77.0.1";
pub const HERE_6: &str = "fd77::1";
/// Nothing leads there.
pub const NOWHERE: &str = "192.0.2.1:9";

/// Does this in a thread with a network namespace of its own, and gives it that namespace's number.
pub fn apart<T: Send>(act: impl FnOnce(u32) -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // SAFETY: a number; only this thread's namespace changes.
            must(unsafe { libc::unshare(libc::CLONE_NEWNET) });
            bring_up();
            wait_until_usable();
            act(namespace())
        });
        thread
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn namespace() -> u32 {
    let name = std::fs::read_link("/proc/thread-self/ns/net").expect("a namespace");
    let name = name.to_str().expect("UTF-8").to_owned();
    let digits = name
        .strip_prefix("net:[")
        .and_then(|rest| rest.strip_suffix(']'));
    digits
        .and_then(|digits| digits.parse().ok())
        .expect("a number")
}

#[track_caller]
fn must(done: c_int) -> c_int {
    assert!(done >= 0, "{}", Error::last_os_error());
    done
}

/// An address of IPv6 may be used a moment after it was given.
fn wait_until_usable() {
    const TENTATIVE: u32 = 0x40;
    let is_usable = || {
        let all = std::fs::read_to_string("/proc/thread-self/net/if_inet6").expect("addresses");
        let flags = |line: &str| u32::from_str_radix(line.split_whitespace().nth(4)?, 16).ok();
        let mut ours = all.lines().filter(|line| line.starts_with("fd77"));
        ours.any(|line| flags(line).is_some_and(|flags| flags & TENTATIVE == 0))
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !is_usable() {
        assert!(
            std::time::Instant::now() < deadline,
            "{HERE_6} stays tentative"
        );
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// The loopback interface gets two addresses more.
fn bring_up() {
    #[repr(C)]
    struct Address6 {
        address: [u8; 16],
        bits: u32,
        interface: c_int,
    }
    const LO: &[u8] = b"lo";
    const ALIAS: &[u8] = b"lo:1";
    let named = |name: &[u8]| {
        // SAFETY: plain memory.
        let mut request: libc::ifreq = unsafe { zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name) {
            *to = *from as libc::c_char;
        }
        request
    };
    let v4 = socket(libc::AF_INET, libc::SOCK_DGRAM, 0);
    let mut up = named(LO);
    up.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as i16;
    let mut alias = named(ALIAS);
    let (address, _) = raw(at(HERE, 0));
    // SAFETY: as long as the address is.
    alias.ifr_ifru.ifru_addr = unsafe { std::ptr::read((&raw const address).cast()) };
    let v6 = socket(libc::AF_INET6, libc::SOCK_DGRAM, 0);
    let IpAddr::V6(here) = HERE_6.parse().expect("an address") else {
        unreachable!("of IPv6")
    };
    let address = Address6 {
        address: here.octets(),
        bits: 128,
        interface: 1,
    };
    // SAFETY: structures that these requests read.
    unsafe {
        must(libc::ioctl(
            v4.as_raw_fd(),
            libc::SIOCSIFFLAGS,
            &raw const up,
        ));
        must(libc::ioctl(
            v4.as_raw_fd(),
            libc::SIOCSIFADDR,
            &raw const alias,
        ));
        must(libc::ioctl(
            v6.as_raw_fd(),
            libc::SIOCSIFADDR,
            &raw const address,
        ));
    }
}

pub fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().expect("an address"), port)
}

/// An address as calls take it.
pub fn raw(address: SocketAddr) -> (sockaddr_storage, socklen_t) {
    // SAFETY: plain memory, and each structure fits into the storage.
    unsafe {
        let mut storage: sockaddr_storage = zeroed();
        let to = (&raw mut storage).cast::<c_void>();
        let size = match address {
            SocketAddr::V4(v4) => {
                let mut one: libc::sockaddr_in = zeroed();
                one.sin_family = libc::AF_INET as u16;
                one.sin_port = v4.port().to_be();
                one.sin_addr.s_addr = u32::from_ne_bytes(v4.ip().octets());
                to.cast::<libc::sockaddr_in>().write(one);
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(v6) => {
                let mut one: libc::sockaddr_in6 = zeroed();
                one.sin6_family = libc::AF_INET6 as u16;
                one.sin6_port = v6.port().to_be();
                one.sin6_addr.s6_addr = v6.ip().octets();
                to.cast::<libc::sockaddr_in6>().write(one);
                size_of::<libc::sockaddr_in6>()
            }
        };
        (storage, size as socklen_t)
    }
}

pub fn socket(family: c_int, kind: c_int, protocol: c_int) -> OwnedFd {
    // SAFETY: numbers; the descriptor is ours.
    unsafe {
        OwnedFd::from_raw_fd(must(libc::socket(
            family,
            kind | libc::SOCK_CLOEXEC,
            protocol,
        )))
    }
}

fn family(address: SocketAddr) -> c_int {
    match address {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    }
}

/// 0, or the errno.
fn outcome(done: isize) -> i32 {
    match done {
        0.. => 0,
        _ => Error::last_os_error().raw_os_error().expect("an errno"),
    }
}

pub fn connect(socket: &OwnedFd, address: SocketAddr) -> i32 {
    let (address, size) = raw(address);
    let at = (&raw const address).cast::<sockaddr>();
    // SAFETY: an address of that size.
    outcome(unsafe { libc::connect(socket.as_raw_fd(), at, size) } as isize)
}

pub fn bind(socket: &OwnedFd, address: SocketAddr) -> i32 {
    let (address, size) = raw(address);
    let at = (&raw const address).cast::<sockaddr>();
    // SAFETY: an address of that size.
    outcome(unsafe { libc::bind(socket.as_raw_fd(), at, size) } as isize)
}

pub fn tcp(address: SocketAddr, flags: c_int) -> OwnedFd {
    socket(family(address), libc::SOCK_STREAM | flags, 0)
}

pub fn udp(address: SocketAddr) -> OwnedFd {
    socket(family(address), libc::SOCK_DGRAM, 0)
}

/// Bound and listening, with room for so many that wait; on a port of its own if none is said.
pub fn listener(address: SocketAddr, room: c_int) -> (OwnedFd, SocketAddr) {
    let socket = tcp(address, 0);
    assert_eq!(bind(&socket, address), 0, "bind {address}");
    // SAFETY: numbers.
    must(unsafe { libc::listen(socket.as_raw_fd(), room) });
    let port = local(&socket).port();
    (socket, SocketAddr::new(address.ip(), port))
}

pub fn accept(listener: &OwnedFd) -> OwnedFd {
    let none = std::ptr::null_mut();
    let flags = libc::SOCK_CLOEXEC;
    // SAFETY: no address is asked for; the descriptor is ours.
    unsafe {
        let fd = libc::accept4(listener.as_raw_fd(), none, none.cast(), flags);
        OwnedFd::from_raw_fd(must(fd))
    }
}

/// The own address of a socket.
pub fn local(socket: &OwnedFd) -> SocketAddr {
    // SAFETY: plain memory of the size that is told, of which the family tells what it is.
    unsafe {
        let mut storage: sockaddr_storage = zeroed();
        let mut size = size_of::<sockaddr_storage>() as socklen_t;
        let at = (&raw mut storage).cast::<sockaddr>();
        must(libc::getsockname(socket.as_raw_fd(), at, &raw mut size));
        if c_int::from(storage.ss_family) == libc::AF_INET {
            let one = (&raw const storage).cast::<libc::sockaddr_in>().read();
            let address = one.sin_addr.s_addr.to_ne_bytes();
            return SocketAddr::new(address.into(), u16::from_be(one.sin_port));
        }
        let one = (&raw const storage).cast::<libc::sockaddr_in6>().read();
        let address = one.sin6_addr.s6_addr;
        SocketAddr::new(address.into(), u16::from_be(one.sin6_port))
    }
}

/// One datagram by sendto.
pub fn send_to(socket: &OwnedFd, to: SocketAddr) -> i32 {
    let (address, size) = raw(to);
    let at = (&raw const address).cast::<sockaddr>();
    // SAFETY: one byte, and an address of that size.
    outcome(unsafe { libc::sendto(socket.as_raw_fd(), c"x".as_ptr().cast(), 1, 0, at, size) })
}

/// Datagrams by one sendmmsg, or by sendmsg if it is one.
pub fn send_messages(socket: &OwnedFd, to: &[SocketAddr]) -> usize {
    let mut addresses: Vec<_> = to.iter().map(|to| raw(*to)).collect();
    let mut part = libc::iovec {
        iov_base: c"x".as_ptr().cast_mut().cast(),
        iov_len: 1,
    };
    let mut messages: Vec<libc::mmsghdr> = addresses
        .iter_mut()
        .map(|(address, size)| {
            // SAFETY: plain memory.
            let mut message: libc::mmsghdr = unsafe { zeroed() };
            message.msg_hdr.msg_name = (&raw mut *address).cast();
            message.msg_hdr.msg_namelen = *size;
            message.msg_hdr.msg_iov = &raw mut part;
            message.msg_hdr.msg_iovlen = 1;
            message
        })
        .collect();
    // SAFETY: messages whose parts live until the call is over.
    unsafe {
        if let [one] = &messages[..] {
            must(libc::sendmsg(socket.as_raw_fd(), &raw const one.msg_hdr, 0) as c_int);
            return 1;
        }
        let count = messages.len() as u32;
        must(libc::sendmmsg(
            socket.as_raw_fd(),
            messages.as_mut_ptr(),
            count,
            0,
        )) as usize
    }
}

/// Waits until a socket can be written to, or has failed; the errno it failed with, or 0.
pub fn settled(socket: &OwnedFd) -> i32 {
    let mut wanted = libc::pollfd {
        fd: socket.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    let (mut error, mut size) = (0, size_of::<c_int>() as socklen_t);
    let at = (&raw mut error).cast();
    // SAFETY: structures of ours, with their sizes.
    unsafe {
        assert_eq!(libc::poll(&raw mut wanted, 1, 120_000), 1, "no outcome");
        let (level, name) = (libc::SOL_SOCKET, libc::SO_ERROR);
        must(libc::getsockopt(
            socket.as_raw_fd(),
            level,
            name,
            at,
            &raw mut size,
        ));
    }
    error
}

/// Without waiting for what is still to be sent: the other side is told at once.
pub fn set(socket: &OwnedFd, name: c_int, value: c_int) {
    let at = (&raw const value).cast();
    let size = size_of::<c_int>() as socklen_t;
    // SAFETY: a number of that size.
    must(unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, at, size) });
}

/// The kernel's number of a socket, as records name it.
pub fn inode(fd: RawFd) -> u64 {
    // SAFETY: a structure that the call fills.
    unsafe {
        let mut stat: libc::stat = zeroed();
        must(libc::fstat(fd, &raw mut stat));
        stat.st_ino
    }
}
