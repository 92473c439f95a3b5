//! What is told of an act on a socket, by whichever way it is seen: at the exit of its system call, or of
//! a function of the kernel that other ways pass too.
//!
//! Owns what each act's event holds, and the way from there to the ring. What a socket knows itself is
//! told by it; addresses of failures are the program's word, and marked so. Must not know where the socket
//! was found.

use audit_common::{
    Kind as EventKind, Lane,
    counters::Filtered,
    net::{Net, call, family, flag},
};

use super::{
    TCP, ended_inside, filter,
    notes::{COPIED, OF_PEER, OF_SOCKET, SAID, name, note_name, notes},
    opened,
    socket::{self, Said, Socket},
    was_left_out, was_told,
};
use crate::{
    emit::{emit, filtered},
    programs::way::By,
    read::{Memory, mask},
    settings::setting,
};

const SOCK_RAW: u64 = 3;
const SOCK_PACKET: u64 = 10;
const TYPE_BITS: u64 = 0xf;
const MPTCP: u32 = 262;
const STREAM: u16 = 1;
const UNSPECIFIED: u16 = 0;

const EINTR: u32 = 4;
const EAGAIN: u32 = 11;
const EISCONN: u32 = 106;
const EALREADY: u32 = 114;
const EINPROGRESS: u32 = 115;
const ERESTART_FIRST: u32 = 512;
const ERESTART_LAST: u32 = 516;

/// One act that is over.
#[derive(Clone, Copy)]
pub struct Act {
    pub task: u64,
    /// As the kernel gave it: an errno below zero.
    pub result: i64,
    pub slot: *mut u8,
    pub by: By,
}

impl Act {
    /// 0: success.
    #[inline(always)]
    pub fn errno(self) -> u32 {
        if self.result < 0 {
            -self.result as u32
        } else {
            0
        }
    }
}

/// Where an address stands that a program gave.
#[derive(Clone, Copy)]
pub struct Given {
    pub at: u64,
    pub length: u32,
    pub memory: Memory,
}

impl Given {
    pub const NONE: Given = Given {
        at: 0,
        length: 0,
        memory: Memory::Kernel,
    };

    #[inline(always)]
    pub fn said(self) -> Said {
        socket::said(self.at, self.length, self.memory)
    }

    /// The name of a unix socket is read there.
    #[inline(always)]
    fn note(self, slot: *mut u8) {
        let named = match self.memory {
            Memory::Program => SAID,
            Memory::Kernel => COPIED,
        };
        note_name(slot, named, self.at, u64::from(self.length));
    }
}

/// It goes on, or will be asked for once more: no result.
#[inline(always)]
pub fn is_restarted(errno: u32) -> bool {
    errno == EINTR || (ERESTART_FIRST..=ERESTART_LAST).contains(&errno)
}

/// Is this a family that is told?
#[inline(always)]
fn is_told(family: u16) -> bool {
    matches!(
        family,
        family::INET | family::INET6 | family::UNIX | family::VSOCK
    )
}

/// # Safety of use
/// The slot is larger than the event, and this CPU's and program's own.
#[inline(always)]
pub fn event_in<'a>(slot: *mut u8) -> &'a mut Net {
    // SAFETY: as said above; the reference ends with the program.
    unsafe { &mut *slot.cast::<Net>() }
}

/// True, here and below: what stands in the slot is to be told.
#[inline(always)]
pub fn connected(act: Act, of: Socket, given: Given) -> bool {
    let (errno, sock) = (act.errno(), of.sock);
    let (family, protocol) = (socket::family(sock), socket::protocol(sock));
    let is_stream = socket::socket_type(sock) == STREAM && family != family::UNIX;
    if !is_told(family) || protocol == MPTCP {
        return false;
    }
    // Also of one that goes on: what comes of it is left out as well, and its mark is for no other attempt.
    let is_left_out = protocol == TCP && was_left_out(of.inode);
    if errno == EINPROGRESS || errno == EALREADY {
        return false;
    }
    // io_uring tries again, and then it may wait.
    if errno == EAGAIN && act.by == By::Ring {
        return false;
    }
    if is_stream && protocol == TCP {
        let is_told = is_left_out || ended_inside(sock, errno) || was_told(sock, of.inode);
        if is_told || errno == 0 {
            return false;
        }
    }
    let said = given.said();
    if said.family == UNSPECIFIED {
        return false;
    }
    let event = event_in(act.slot);
    socket::describe(event, sock, call::CONNECT);
    event.inode = of.inode;
    event.errno = errno;
    socket::addresses(event, sock);
    let is_its_peer = event.remote == said.address && event.remote_port == said.port;
    if errno == EISCONN && is_its_peer {
        return false;
    }
    if errno != 0 || family == family::VSOCK {
        be_remote(event, &said);
        given.note(act.slot);
    } else {
        note_name(act.slot, OF_PEER, sock, 0);
    }
    true
}

/// The other side's address, as the program gave it.
#[inline(always)]
pub fn be_remote(event: &mut Net, said: &Said) {
    event.remote = said.address;
    event.remote_port = said.port;
    event.scope = said.scope;
    event.flags |= flag::SAID;
}

/// Of a success the new socket, of a failure the one that listens.
#[inline(always)]
pub fn accepted(act: Act, of: Socket) -> bool {
    let sock = of.sock;
    if act.errno() == EAGAIN || !is_told(socket::family(sock)) {
        return false;
    }
    if filter::is_of_this_machine(sock) {
        filtered(Lane::Bulk, Filtered::Loopback);
        return false;
    }
    let event = event_in(act.slot);
    socket::describe(event, sock, call::ACCEPT);
    event.inode = of.inode;
    event.errno = act.errno();
    socket::addresses(event, sock);
    let ends = setting!(net_close) != 0 && act.errno() == 0 && event.protocol == TCP;
    note_name(act.slot, OF_SOCKET, sock, 0);
    notes(act.slot).ends.set(if ends { sock } else { 0 });
    true
}

/// bind and listen.
#[inline(always)]
pub fn placed(act: Act, which: u32, of: Socket, given: Given) -> bool {
    let sock = of.sock;
    if sock == 0 || !is_told(socket::family(sock)) {
        return false;
    }
    let event = event_in(act.slot);
    socket::describe(event, sock, which);
    event.inode = of.inode;
    event.errno = act.errno();
    socket::addresses(event, sock);
    let is_said = which == call::BIND && (act.errno() != 0 || event.family == family::VSOCK);
    if is_said {
        let said = given.said();
        (event.local, event.local_port) = (said.address, said.port);
        event.scope = said.scope;
        event.flags |= flag::SAID;
        given.note(act.slot);
    } else {
        note_name(act.slot, OF_SOCKET, sock, 0);
    }
    true
}

/// What a socket was asked for as.
#[derive(Clone, Copy)]
pub struct Kind {
    pub family: u16,
    pub kind: u64,
    pub protocol: u64,
}

impl Kind {
    #[inline(always)]
    fn is_packet(self) -> bool {
        self.family == family::PACKET
            || self.family == family::INET && self.kind & TYPE_BITS == SOCK_PACKET
    }

    /// Only raw ones are told.
    #[inline(always)]
    pub fn is_raw(self) -> bool {
        let is_ip = self.family == family::INET || self.family == family::INET6;
        self.is_packet() || is_ip && self.kind & TYPE_BITS == SOCK_RAW
    }
}

/// A raw socket was made, if there is one.
#[inline(always)]
pub fn made(act: Act, asked: Kind, of: Socket) -> bool {
    let event = event_in(act.slot);
    socket::blank(event, call::RAW_SOCKET);
    if of.sock != 0 {
        socket::describe(event, of.sock, call::RAW_SOCKET);
        event.inode = of.inode;
    }
    (event.family, event.socket_type) = (asked.family, (asked.kind & TYPE_BITS) as u16);
    event.protocol = match asked.is_packet() {
        true => {
            event.family = family::PACKET;
            u32::from(u16::from_be(asked.protocol as u16))
        }
        false => asked.protocol as u32,
    };
    event.errno = act.errno();
    true
}

/// What stands in the slot, and whose end is to be told as well.
#[inline(always)]
pub fn tell(act: Act) {
    let ends = notes(act.slot);
    if finish(act) && ends.ends.get() != 0 {
        opened(ends.ends.get(), event_in(act.slot));
    }
}

/// Filters, adds the name and who acts, and emits; false: it is left out.
#[inline(always)]
pub fn finish(act: Act) -> bool {
    let event = event_in(act.slot);
    if let Some(why) = filter::left_out(event, act.task) {
        filtered(Lane::Bulk, why);
        return false;
    }
    let notes = notes(act.slot);
    notes.size.set(size_of::<Net>() as u64);
    if event.family == family::UNIX {
        name(act.slot);
    }
    socket::identify(event, act.by);
    let size = mask!(notes.size.get(), 0x1ff);
    // SAFETY: the slot begins with the event; the name ends before 512 bytes.
    unsafe { emit(EventKind::Net, Lane::Bulk, act.slot, size) };
    true
}
