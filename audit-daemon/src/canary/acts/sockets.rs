//! Acts on sockets. Nothing of them leaves the machine and nobody can connect to them: calls that fail, a datagram
//! socket that gets a peer and sends nothing, and a connection over the loopback device to an address that
//! belongs to nobody, which is given up at once.
//!
//! The address is of those that are kept for examples (RFC 5737); ports tell the acts apart.

use std::net::Ipv4Addr;

use audit_common::net::call;
use nix::{errno::Errno, libc as c};

use super::{Act, Answer, Mark, Needs, on};
use crate::canary::scene::{Done, Scene, Undone};

const NOBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const ADDRESS_BYTES: usize = size_of::<c::sockaddr_in>();

const CONNECT_PORT: u16 = 1;
const STATE_PORT: u16 = 2;
const BIND_PORT: u16 = 3;
const SENDTO_PORT: u16 = 4;
const SENDMSG_PORT: u16 = 5;
const SENDMMSG_PORT: u16 = 6;

/// "For experiments" (RFC 3692).
const RAW_PROTOCOL: u32 = 253;
/// No datagram is so long.
static TOO_LONG: [u8; 1 << 16] = [0; 1 << 16];
/// Of accept4.
const UNKNOWN_FLAGS: usize = 1;
const LOOPBACK_DEVICE: &[u8] = b"lo\0";

const fn net(name: &'static str, answer: Answer, doing: fn(&Scene) -> Done) -> Act {
    on("network", name, answer, doing)
}

const fn to(address: Ipv4Addr, act: Act) -> Act {
    Act {
        needs: Needs::Address(address),
        ..act
    }
}

const fn port(call: u32, port: u16) -> Answer {
    Answer::Socket(call, Mark::Port(port))
}

fn address(port: u16) -> c::sockaddr_in {
    c::sockaddr_in {
        sin_family: c::AF_INET as c::sa_family_t,
        sin_port: port.to_be(),
        sin_addr: c::in_addr {
            s_addr: u32::from_ne_bytes(NOBODY.octets()),
        },
        sin_zero: [0; 8],
    }
}

fn socket(at: &Scene, kind: i32) -> Result<usize, Undone> {
    let kind = (kind | c::SOCK_CLOEXEC) as usize;
    at.opened(c::SYS_socket, &[c::AF_INET as usize, kind, 0])
}

/// By a call that takes socket, address and length.
fn on_address(at: &Scene, number: i64, port: u16) -> Done {
    let address = address(port);
    let place = (&raw const address) as usize;
    at.call(number, &[socket(at, c::SOCK_DGRAM)?, place, ADDRESS_BYTES])
}

/// It waits for an answer from nobody, and is closed when the act is over.
fn waits(at: &Scene) -> Done {
    let fd = socket(at, c::SOCK_STREAM | c::SOCK_NONBLOCK)?;
    let device = LOOPBACK_DEVICE.as_ptr() as usize;
    let (level, option) = (c::SOL_SOCKET as usize, c::SO_BINDTODEVICE as usize);
    let bind = [fd, level, option, device, LOOPBACK_DEVICE.len()];
    if at.raw(c::SYS_setsockopt, &bind) != 0 {
        return Err(Undone);
    }
    let address = address(STATE_PORT);
    let place = (&raw const address) as usize;
    let result = at.raw(c::SYS_connect, &[fd, place, ADDRESS_BYTES]);
    match result < 0 && Errno::last() == Errno::EINPROGRESS {
        true => Ok(()),
        false => Err(Undone),
    }
}

/// A message that is too long to be sent, for a call that takes socket, message, and two numbers.
fn sends(at: &Scene, number: i64, port: u16, [third, fourth]: [usize; 2]) -> Done {
    let mut address = address(port);
    let mut piece = c::iovec {
        iov_base: TOO_LONG.as_ptr().cast_mut().cast(),
        iov_len: TOO_LONG.len(),
    };
    // SAFETY: of plain numbers and pointers, of which none is followed while it is null.
    let mut message: c::mmsghdr = unsafe { std::mem::zeroed() };
    message.msg_hdr.msg_name = (&raw mut address).cast();
    message.msg_hdr.msg_namelen = ADDRESS_BYTES as c::socklen_t;
    message.msg_hdr.msg_iov = &raw mut piece;
    message.msg_hdr.msg_iovlen = 1;
    let place = (&raw const message) as usize;
    at.call(number, &[socket(at, c::SOCK_DGRAM)?, place, third, fourth])
}

fn sends_to(at: &Scene) -> Done {
    let address = address(SENDTO_PORT);
    let (place, bytes) = ((&raw const address) as usize, TOO_LONG.as_ptr() as usize);
    let fd = socket(at, c::SOCK_DGRAM)?;
    at.call(
        c::SYS_sendto,
        &[fd, bytes, TOO_LONG.len(), 0, place, ADDRESS_BYTES],
    )
}

#[rustfmt::skip]
pub const ACTS: &[Act] = &[
    to(NOBODY, net("connect", port(call::CONNECT, CONNECT_PORT), |at| on_address(at, c::SYS_connect, CONNECT_PORT))),
    to(NOBODY, net("bind", port(call::BIND, BIND_PORT), |at| on_address(at, c::SYS_bind, BIND_PORT))),
    // Of sockets of datagrams neither is to be had.
    to(Ipv4Addr::UNSPECIFIED, net("listen", Answer::Socket(call::LISTEN, Mark::Errno(c::EOPNOTSUPP)), |at| {
        at.call(c::SYS_listen, &[socket(at, c::SOCK_DGRAM)?, 0])
    })),
    to(Ipv4Addr::UNSPECIFIED, net("accept", Answer::Socket(call::ACCEPT, Mark::Errno(c::EOPNOTSUPP)), |at| {
        at.call(c::SYS_accept, &[socket(at, c::SOCK_DGRAM)?, 0, 0])
    })),
    to(Ipv4Addr::UNSPECIFIED, net("accept4", Answer::Socket(call::ACCEPT, Mark::Errno(c::EINVAL)), |at| {
        at.call(c::SYS_accept4, &[socket(at, c::SOCK_DGRAM)?, 0, 0, UNKNOWN_FLAGS])
    })),
    net("socket", Answer::Socket(call::RAW_SOCKET, Mark::Protocol(RAW_PROTOCOL)), |at| {
        let kind = (c::SOCK_RAW | c::SOCK_CLOEXEC) as usize;
        at.descriptor(c::SYS_socket, &[c::AF_INET as usize, kind, RAW_PROTOCOL as usize])
    }),
    to(NOBODY, net("sendto", port(call::SEND, SENDTO_PORT), sends_to)),
    to(NOBODY, net("sendmsg", port(call::SEND, SENDMSG_PORT), |at| {
        sends(at, c::SYS_sendmsg, SENDMSG_PORT, [0, 0])
    })),
    to(NOBODY, net("sendmmsg", port(call::SEND, SENDMMSG_PORT), |at| {
        sends(at, c::SYS_sendmmsg, SENDMMSG_PORT, [1, 0])
    })),
    to(NOBODY, on("network_state", "state", port(call::CONNECT, STATE_PORT), waits)),
];
