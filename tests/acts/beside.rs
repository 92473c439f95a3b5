//! Acts on sockets by ways that differ in how they come into the kernel: `sockets-by COMMAND… end`.
//!
//! ```text
//! by WAY              native | narrow (calls of 32 bits) | socketcall (the one of old) | ring | async (a
//!                     worker of a ring does it)
//! socket KIND         tcp | udp | udp6 | unix | icmp (raw) | packet (raw); they are numbered from 0
//! bind N ADDRESS      ADDRESS: ip:port, or the name of a unix socket
//! listen N            connect N ADDRESS
//! accept N            the new one has the next number
//! sendto N ADDRESS    sendmsg N ADDRESS (one byte)
//! ```
//!
//! Each command but `by` prints 0, or the errno of what was refused.

use std::mem::size_of;
use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;

use libc::{c_int, c_long, sockaddr_in, sockaddr_in6, sockaddr_un};

use crate::Words;
use crate::entry::{enter, kept_low};
use crate::evade::ring::{Ring, Submission};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Native,
    Narrow,
    Socketcall,
    Ring,
    /// The same by a worker.
    Async,
}

const OP_SENDMSG: u8 = 9;
const OP_ACCEPT: u8 = 13;
const OP_CONNECT: u8 = 16;
const OP_SOCKET: u8 = 45;
const OP_BIND: u8 = 56;
const OP_LISTEN: u8 = 57;
const SQE_ASYNC: u8 = 1 << 4;
const BACKLOG: u64 = 8;

/// One call: its own number, that of 32 bits, that of socketcall, and how a ring is asked for it.
struct Call {
    native: c_long,
    narrow: u32,
    old: u32,
    opcode: Option<u8>,
}

const fn call(native: c_long, narrow: u32, old: u32, opcode: Option<u8>) -> Call {
    Call {
        native,
        narrow,
        old,
        opcode,
    }
}

const SOCKET: Call = call(libc::SYS_socket, 359, 1, Some(OP_SOCKET));
const BIND: Call = call(libc::SYS_bind, 361, 2, Some(OP_BIND));
const CONNECT: Call = call(libc::SYS_connect, 362, 3, Some(OP_CONNECT));
const LISTEN: Call = call(libc::SYS_listen, 363, 4, Some(OP_LISTEN));
const ACCEPT: Call = call(libc::SYS_accept4, 364, 18, Some(OP_ACCEPT));
const SENDMSG: Call = call(libc::SYS_sendmsg, 370, 16, Some(OP_SENDMSG));
/// Six arguments: by the narrow entry socketcall hands them over.
const SENDTO: Call = call(libc::SYS_sendto, SOCKETCALL, 11, None);
const SOCKETCALL: u32 = 102;

struct Sockets {
    way: Way,
    ring: Option<Ring>,
    descriptors: Vec<i64>,
    requests: u64,
}

/// Does them all.
pub fn act(words: &mut Words) {
    let mut sockets = Sockets {
        way: Way::Native,
        ring: None,
        descriptors: Vec::new(),
        requests: 0,
    };
    loop {
        let command = words.bytes();
        let result = match &*command {
            b"end" => return,
            b"by" => {
                sockets.way = way(&words.bytes());
                if matches!(sockets.way, Way::Ring | Way::Async) {
                    sockets.ring.get_or_insert_with(|| Ring::new(0));
                }
                continue;
            }
            _ => sockets.done(&command, words),
        };
        println!("{}", if result < 0 { -result } else { 0 });
    }
}

fn way(name: &[u8]) -> Way {
    match name {
        b"native" => Way::Native,
        b"narrow" => Way::Narrow,
        b"socketcall" => Way::Socketcall,
        b"ring" => Way::Ring,
        b"async" => Way::Async,
        _ => panic!("no such way: {name:?}"),
    }
}

impl Sockets {
    /// A descriptor or number, or an errno below zero.
    fn done(&mut self, command: &[u8], words: &mut Words) -> i64 {
        if command == b"socket" {
            let [family, kind, protocol] = kind(&words.bytes());
            return self.keep(|one| one.call(&SOCKET, &[family, kind, protocol]));
        }
        let fd = self.descriptors[words.number() as usize].cast_unsigned();
        match command {
            b"bind" => self.with_address(&BIND, fd, words),
            b"connect" => self.with_address(&CONNECT, fd, words),
            b"listen" => self.call(&LISTEN, &[fd, BACKLOG]),
            b"accept" => self.keep(|one| one.call(&ACCEPT, &[fd, 0, 0, 0])),
            b"sendto" => {
                let (address, bytes) = address(&words.bytes());
                let byte = kept_low(b"x");
                self.call(&SENDTO, &[fd, byte, 1, 0, address, bytes])
            }
            b"sendmsg" => {
                let message = self.message(address(&words.bytes()));
                self.call(&SENDMSG, &[fd, message, 0])
            }
            _ => panic!("no such command: {command:?}"),
        }
    }

    /// Numbers what it gives, also what it does not.
    fn keep(&mut self, make: impl FnOnce(&mut Sockets) -> i64) -> i64 {
        let fd = make(self);
        self.descriptors.push(fd);
        fd
    }

    fn with_address(&mut self, call: &Call, fd: u64, words: &mut Words) -> i64 {
        let (address, bytes) = address(&words.bytes());
        self.call(call, &[fd, address, bytes])
    }

    /// `struct msghdr` as the way takes it.
    fn message(&self, (address, bytes): (u64, u64)) -> u64 {
        let byte = kept_low(b"x");
        if matches!(self.way, Way::Narrow | Way::Socketcall) {
            let part = kept_low(&words32(&[byte, 1]));
            return kept_low(&words32(&[address, bytes, part, 1, 0, 0, 0]));
        }
        let part = kept_low(&words64(&[byte, 1]));
        kept_low(&words64(&[address, bytes, part, 1, 0, 0, 0]))
    }

    fn call(&mut self, call: &Call, arguments: &[u64]) -> i64 {
        let mut six = [0; 6];
        six[..arguments.len()].copy_from_slice(arguments);
        match self.way {
            Way::Native => native(call, six),
            Way::Narrow if call.narrow != SOCKETCALL => narrow(call.narrow, six),
            Way::Narrow | Way::Socketcall => {
                let all = kept_low(&words32(&six));
                narrow(SOCKETCALL, [call.old.into(), all, 0, 0, 0, 0])
            }
            Way::Ring | Way::Async => match call.opcode {
                Some(opcode) => self.ask(opcode, six),
                None => panic!("no ring is asked for this"),
            },
        }
    }

    fn ask(&mut self, opcode: u8, [first, second, third, ..]: [u64; 6]) -> i64 {
        self.requests += 1;
        let mut request = Submission {
            opcode,
            flags: if self.way == Way::Async { SQE_ASYNC } else { 0 },
            fd: first as i32,
            user_data: self.requests,
            ..Submission::default()
        };
        match opcode {
            OP_SOCKET => (request.offset, request.length) = (second, third as u32),
            OP_LISTEN => request.length = second as u32,
            OP_SENDMSG => (request.address, request.length) = (second, 1),
            OP_BIND | OP_CONNECT => (request.address, request.offset) = (second, third),
            _ => {}
        }
        let ring = self.ring.as_ref().expect("a ring");
        ring.submit(vec![request], false);
        ring.result(self.requests).into()
    }
}

fn native(call: &Call, [a, b, c, d, e, f]: [u64; 6]) -> i64 {
    // SAFETY: addresses among the arguments are of memory that is kept.
    match unsafe { libc::syscall(call.native, a, b, c, d, e, f) } {
        -1 => {
            let error = std::io::Error::last_os_error();
            -i64::from(error.raw_os_error().expect("an errno"))
        }
        done => done,
    }
}

fn narrow(number: u32, arguments: [u64; 6]) -> i64 {
    // SAFETY: as for `native`, and all of it stands below 4 GiB.
    unsafe { enter(number, arguments.map(|one| one as u32)) }.into()
}

fn words32(words: &[u64]) -> Vec<u8> {
    let narrow = |word: &u64| u32::try_from(*word).expect("32 bits").to_ne_bytes();
    words.iter().flat_map(narrow).collect()
}

fn words64(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// Family, type and protocol.
fn kind(name: &[u8]) -> [u64; 3] {
    let all: [c_int; 3] = match name {
        b"tcp" => [libc::AF_INET, libc::SOCK_STREAM, 0],
        b"udp" => [libc::AF_INET, libc::SOCK_DGRAM, 0],
        b"udp6" => [libc::AF_INET6, libc::SOCK_DGRAM, 0],
        b"unix" => [libc::AF_UNIX, libc::SOCK_STREAM, 0],
        b"icmp" => [libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP],
        b"packet" => {
            let all = (libc::ETH_P_ALL as u16).to_be();
            [libc::AF_PACKET, libc::SOCK_RAW, all.into()]
        }
        _ => panic!("no such kind: {name:?}"),
    };
    all.map(|one| one as u64)
}

/// Where the address stands, below 4 GiB, and its length.
fn address(text: &[u8]) -> (u64, u64) {
    let parsed: Option<SocketAddr> = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    let bytes = match parsed {
        Some(SocketAddr::V4(v4)) => bytes_of(&sockaddr_in {
            sin_family: libc::AF_INET as u16,
            sin_port: v4.port().to_be(),
            sin_addr: libc::in_addr {
                s_addr: u32::from_ne_bytes(v4.ip().octets()),
            },
            sin_zero: [0; 8],
        }),
        Some(SocketAddr::V6(v6)) => bytes_of(&sockaddr_in6 {
            sin6_family: libc::AF_INET6 as u16,
            sin6_port: v6.port().to_be(),
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr {
                s6_addr: v6.ip().octets(),
            },
            sin6_scope_id: 0,
        }),
        None => {
            let family = (libc::AF_UNIX as u16).to_ne_bytes();
            let name = std::ffi::OsStr::from_bytes(text).as_bytes();
            assert!(name.len() < size_of::<sockaddr_un>() - family.len());
            [&family, name, b"\0"].concat()
        }
    };
    (kept_low(&bytes), bytes.len() as u64)
}

fn bytes_of<T>(one: &T) -> Vec<u8> {
    // SAFETY: a structure of numbers without padding, read as bytes.
    unsafe { std::slice::from_raw_parts(std::ptr::from_ref(one).cast(), size_of::<T>()) }.to_vec()
}
