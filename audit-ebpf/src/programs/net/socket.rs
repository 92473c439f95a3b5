//! What the kernel knows of a socket.
//!
//! Owns the reading of sockets and of addresses as programs give them. Must not decide what is told.

use audit_common::{
    header,
    net::{Address, Net, family, flag},
};

use crate::{
    programs::way::By,
    read::{self, Memory},
    settings::{offset, present},
    task,
};

/// Before an IPv4 address in one of IPv6.
pub const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const TYPE_BITS: u32 = 0xf000;
const TYPE_SOCKET: u32 = 0xc000;
/// SOCK_DONE of a socket's flags: the other side has sent its end, which counts as a byte.
const DONE: u64 = 1 << 1;

#[inline(always)]
pub fn family(sock: u64) -> u16 {
    read::kernel(sock + offset!(sock_family))
}

#[inline(always)]
pub fn socket_type(sock: u64) -> u16 {
    read::kernel(sock + offset!(sock_type))
}

#[inline(always)]
pub fn protocol(sock: u64) -> u32 {
    u32::from(read::kernel::<u16>(sock + offset!(sock_protocol)))
}

/// A socket, with its inode's number.
#[derive(Clone, Copy)]
pub struct Socket {
    /// 0: there is none.
    pub sock: u64,
    pub inode: u64,
}

impl Socket {
    pub const NONE: Socket = Socket { sock: 0, inode: 0 };

    /// The one behind an open file.
    #[inline(always)]
    pub fn of_file(file: u64) -> Socket {
        let inode: u64 = read::kernel(file + offset!(file_inode));
        let mode: u32 = u32::from(read::kernel::<u16>(inode + offset!(inode_mode)));
        if mode & TYPE_BITS != TYPE_SOCKET {
            return Socket::NONE;
        }
        let socket: u64 = read::kernel(file + offset!(socket_of_file));
        Socket {
            sock: read::kernel(socket + offset!(socket_sk)),
            inode: read::kernel(inode + offset!(inode_ino)),
        }
    }

    /// The one that a file has, or will have.
    #[inline(always)]
    pub fn of(socket: u64) -> Socket {
        let inode = socket + offset!(socket_inode);
        Socket {
            sock: read::kernel(socket + offset!(socket_sk)),
            inode: read::kernel(inode + offset!(inode_ino)),
        }
    }

    /// By its own structure.
    #[inline(always)]
    pub fn of_sock(sock: u64) -> Socket {
        Socket {
            sock,
            inode: inode_of(sock),
        }
    }
}

/// The socket behind a descriptor of the current task.
#[inline(always)]
pub fn behind(task: u64, fd: u32) -> Socket {
    match task::files(task).at(fd) {
        0 => Socket::NONE,
        file => Socket::of_file(file),
    }
}

/// The number of the inode of a socket's own file; 0: it has none.
#[inline(always)]
pub fn inode_of(sock: u64) -> u64 {
    let socket: u64 = read::kernel(sock + offset!(sock_socket));
    if socket == 0 {
        return 0;
    }
    let file: u64 = read::kernel(socket + offset!(socket_file));
    if file == 0 {
        return 0;
    }
    let inode: u64 = read::kernel(file + offset!(file_inode));
    read::kernel(inode + offset!(inode_ino))
}

/// An event with nothing in it but its beginning.
#[inline(always)]
pub fn blank(event: &mut Net, call: u32) {
    event.started_ns = task::now();
    (event.inode, event.cookie) = (0, 0);
    (event.bytes_in, event.bytes_out) = (0, 0);
    (event.local, event.remote) = ([0; 16], [0; 16]);
    (event.local_port, event.remote_port) = (0, 0);
    (event.call, event.errno, event.flags) = (call, 0, 0);
    (event.scope, event.net_ns) = (0, 0);
    (event.family, event.socket_type, event.protocol) = (0, 0, 0);
}

/// All of an event that is the socket's, but for addresses.
#[inline(always)]
pub fn describe(event: &mut Net, sock: u64, call: u32) {
    blank(event, call);
    event.inode = inode_of(sock);
    event.cookie = read::kernel(sock + offset!(sock_cookie));
    event.family = family(sock);
    event.socket_type = socket_type(sock);
    event.protocol = protocol(sock);
    let net: u64 = read::kernel(sock + offset!(sock_net));
    event.net_ns = read::kernel(net + offset!(net_ns_inum));
}

/// Who acts, and by which way if it is none of those that most take.
#[inline(always)]
pub fn identify(event: &mut Net, by: By) {
    let task = task::current();
    (event.namespace_pid, _) = task::fill(&mut event.header, task);
    match by {
        By::Call => {}
        By::NarrowCall => event.header.flags |= header::flag::COMPAT,
        By::Ring => {
            event.namespace_pid = task::be_the_process(&mut event.header, task);
            event.flags |= flag::RING;
        }
    }
}

#[inline(always)]
fn mapped(address: [u8; 4]) -> Address {
    let mut whole = [0; 16];
    whole[10] = 0xff;
    whole[11] = 0xff;
    whole[12] = address[0];
    whole[13] = address[1];
    whole[14] = address[2];
    whole[15] = address[3];
    whole
}

/// Both addresses as the socket has them.
#[inline(always)]
pub fn addresses(event: &mut Net, sock: u64) {
    match event.family {
        family::INET => {
            event.remote = mapped(read::kernel(sock + offset!(sock_daddr)));
            event.local = mapped(read::kernel(sock + offset!(sock_rcv_saddr)));
        }
        family::INET6 => {
            event.remote = read::kernel(sock + offset!(sock_v6_daddr));
            event.local = read::kernel(sock + offset!(sock_v6_rcv_saddr));
        }
        _ => return,
    }
    let remote_port: u16 = read::kernel(sock + offset!(sock_dport));
    event.remote_port = u32::from(u16::from_be(remote_port));
    event.local_port = u32::from(read::kernel::<u16>(sock + offset!(sock_num)));
    event.scope = scope(event.remote, event.local, || {
        read::kernel(sock + offset!(sock_bound_if))
    });
}

/// The local port of a socket that has just been closed.
#[inline(always)]
pub fn old_port(sock: u64) -> u32 {
    u32::from(u16::from_be(read::kernel(sock + offset!(sock_sport))))
}

/// Only link-local addresses have one.
#[inline(always)]
fn scope(remote: Address, local: Address, of: impl FnOnce() -> u32) -> u32 {
    let is_of_link = |address: Address| address[0] == 0xfe && address[1] & 0xc0 == 0x80;
    if is_of_link(remote) || is_of_link(local) {
        return of();
    }
    0
}

/// An address as a program gave it.
#[derive(Clone, Copy)]
pub struct Said {
    pub family: u16,
    pub address: Address,
    pub port: u32,
    pub scope: u32,
}

/// `sockaddr` of any family; a name of unix is read elsewhere.
#[inline(always)]
pub fn said(at: u64, length: u32, memory: Memory) -> Said {
    let mut said = Said {
        family: 0,
        address: [0; 16],
        port: 0,
        scope: 0,
    };
    if length < 2 {
        return said;
    }
    said.family = read::try_from(at, memory).unwrap_or(0);
    let port = || u32::from(u16::from_be(read::try_from(at + 2, memory).unwrap_or(0)));
    match said.family {
        family::INET if length >= 8 => {
            said.port = port();
            said.address = mapped(read::try_from(at + 4, memory).unwrap_or([0; 4]));
        }
        family::INET6 if length >= 24 => {
            said.port = port();
            said.address = read::try_from(at + 8, memory).unwrap_or([0; 16]);
            said.scope = scope(said.address, said.address, || {
                read::try_from(at + 24, memory).unwrap_or(0)
            });
        }
        family::VSOCK if length >= 16 => {
            said.port = read::try_from(at + 4, memory).unwrap_or(0);
            let cid: [u8; 4] = read::try_from(at + 8, memory).unwrap_or([0; 4]);
            said.address[0] = cid[0];
            said.address[1] = cid[1];
            said.address[2] = cid[2];
            said.address[3] = cid[3];
        }
        _ => {}
    }
    said
}

/// Bytes of data that came and that were sent.
#[inline(always)]
pub fn traffic(sock: u64) -> (u64, u64) {
    if !present(offset!(sock_tcp_received)) || !present(offset!(sock_tcp_sent)) {
        return (0, 0);
    }
    let flags: u64 = read::kernel(sock + offset!(sock_flags));
    let received: u64 = read::kernel(sock + offset!(sock_tcp_received));
    let sent: u64 = read::kernel(sock + offset!(sock_tcp_sent));
    let again: u64 = read::kernel(sock + offset!(sock_tcp_again));
    let end = u64::from(flags & DONE != 0 && received > 0);
    (received - end, sent - again)
}
