//! Something was done to a socket: connected, sent to a new peer, accepted, bound, listened on, closed, or
//! made as a raw one. One event per attempt, with its final result.
//!
//! Tail: of a unix socket UNIX_NAME, as the kernel has it or, with `flag::SAID`, as the program gave it.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::header::Header;

/// `Net::call`
pub mod call {
    pub const CONNECT: u32 = 1;
    /// The first datagram of a socket to a peer that it is not connected to.
    pub const SEND: u32 = 2;
    pub const ACCEPT: u32 = 3;
    pub const BIND: u32 = 4;
    pub const LISTEN: u32 = 5;
    /// A connection that was told has ended.
    pub const CLOSE: u32 = 6;
    /// A raw or packet socket was made.
    pub const RAW_SOCKET: u32 = 7;
}

/// `Net::flags`
pub mod flag {
    /// The address is the program's word: the socket has none.
    pub const SAID: u32 = 1 << 0;
    /// No outcome came in time: another event will tell it.
    pub const PENDING: u32 = 1 << 1;
    /// The outcome of what was told as pending.
    pub const ANSWERS: u32 = 1 << 2;
    /// The program gave the attempt up.
    pub const ABANDONED: u32 = 1 << 3;
    /// Of a close: the connection came from outside.
    pub const INBOUND: u32 = 1 << 4;
    /// In the kernel only: the attempt ended inside the call, whose exit knows the result.
    pub const INSIDE: u32 = 1 << 5;
    /// Asked for by io_uring.
    pub const RING: u32 = 1 << 6;
}

/// Families that are told, as every machine numbers them.
pub mod family {
    pub const UNIX: u16 = 1;
    pub const INET: u16 = 2;
    pub const INET6: u16 = 10;
    pub const PACKET: u16 = 17;
    pub const VSOCK: u16 = 40;
}

/// An IPv4 address stands in the last four bytes, behind the prefix of mapped ones. Of vsock the first
/// four bytes are the context id.
pub type Address = [u8; 16];

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Net {
    /// Who asked, in that moment; `time_ns` is that of the outcome.
    pub header: Header,
    /// When the attempt, or the connection, began.
    pub started_ns: u64,
    /// Of the socket's file: no two sockets that are there at one time have the same. 0: it has none.
    pub inode: u64,
    /// 0: nobody has asked the kernel for one.
    pub cookie: u64,
    /// Of a close: bytes of data that came, and that were sent.
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub local: Address,
    pub remote: Address,
    pub local_port: u32,
    pub remote_port: u32,
    pub call: u32,
    /// Positive; 0 is success.
    pub errno: u32,
    pub flags: u32,
    /// Index of the interface that a link-local address belongs to; 0: none.
    pub scope: u32,
    pub family: u16,
    pub socket_type: u16,
    /// Of a packet socket the type of frames.
    pub protocol: u32,
    /// The socket's own.
    pub net_ns: u32,
    /// Pid in the innermost pid namespace.
    pub namespace_pid: u32,
}

const _: () = assert!(size_of::<Net>() == 256);

/// What is left out by its address, as the kernel looks it up: by the longest prefix that an address has.
pub mod ignored {
    /// Ranges of ports of one prefix.
    pub const RANGES: usize = 8;

    /// First and last port of each range in one word; a range that is not used is [`NONE`].
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    #[repr(C)]
    pub struct Ports {
        pub ranges: [u32; RANGES],
    }

    /// From 65535 to 0.
    pub const NONE: u32 = 0xffff << 16;

    pub const fn range(first: u16, last: u16) -> u32 {
        (first as u32) << 16 | last as u32
    }

    /// 1 if the port is not in the range, else 0: without a branch, which a verifier would follow both ways.
    #[inline(always)]
    pub const fn is_outside(range: u32, port: u32) -> u64 {
        let (first, last, port) = ((range >> 16) as i64, (range & 0xffff) as i64, port as i64);
        ((port - first) | (last - port)) as u64 >> 63
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        fn holds(range: u32, port: u32) -> bool {
            is_outside(range, port) == 0
        }

        #[test]
        fn a_range_holds_its_ends_and_none_holds_nothing() {
            let https = range(443, 444);
            assert!(holds(https, 443) && holds(https, 444));
            assert!(!holds(https, 442) && !holds(https, 445));
            assert!((0..=65_535).all(|port| !holds(NONE, port)));
            assert!((0..=65_535).all(|port| holds(range(0, 65_535), port)));
        }
    }
}
