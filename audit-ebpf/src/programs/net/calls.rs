//! The exits of system calls on sockets.
//!
//! Owns what is told by a call: everything but what becomes of a TCP connect under way. What a socket
//! knows itself is told by it; addresses of failures are the program's word, and marked so.

use audit_common::{
    Kind, Lane,
    net::{Net, call, family, flag},
};
use aya_ebpf::{macros::tracepoint, programs::TracePointContext};

use super::{
    TCP, datagrams, ended_inside, filter,
    notes::{OF_PEER, OF_SOCKET, SAID, name, note_name, notes},
    opened,
    socket::{self, Said},
    was_told,
};
use crate::{
    arch::{
        self, ACCEPT, ACCEPT4, BIND, CONNECT, LISTEN, SENDMMSG, SENDMSG, SENDTO, SOCKET, registers,
    },
    done::Turn,
    emit::{emit, filtered, lost},
    programs::exec_failed::result_in,
    read::mask,
    scratch::{self, Small},
    settings::setting,
    task,
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

/// One system call that is over.
#[derive(Clone, Copy)]
pub struct Call {
    pub task: u64,
    pub regs: u64,
    /// As the kernel gave it.
    pub result: i64,
    pub slot: *mut u8,
}

impl Call {
    /// 0: success.
    #[inline(always)]
    pub fn errno(self) -> u32 {
        if self.result < 0 {
            -self.result as u32
        } else {
            0
        }
    }

    #[inline(always)]
    pub fn descriptor(self) -> u32 {
        arch::argument::<0>(self.regs) as u32
    }
}

/// It goes on, or will be asked for once more: no result.
#[inline(always)]
pub fn is_restarted(errno: u32) -> bool {
    errno == EINTR || (ERESTART_FIRST..=ERESTART_LAST).contains(&errno)
}

#[tracepoint]
pub fn net_called(ctx: TracePointContext) -> u32 {
    returned(&ctx, Small::NetCalled, Turn::First);
    0
}

/// Does what the first did not, because it was skipped.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn net_called_again(ctx: TracePointContext) -> u32 {
    returned(&ctx, Small::NetCalledAgain, Turn::Twin);
    0
}

#[inline(always)]
fn returned(ctx: &TracePointContext, slot: Small, turn: Turn) {
    let task = task::current();
    let regs = registers(task);
    let number = arch::number(regs);
    // Most calls that send name no address: they cost as little as can be.
    if number == SENDTO && arch::argument::<4>(regs) == 0 {
        return;
    }
    let Some(slot) = scratch::small(slot) else {
        return;
    };
    let call = Call {
        task,
        regs,
        result: result_in(ctx),
        slot,
    };
    // What the first has done, if only to take a mark, the twin must not do again.
    let token = number << 48 ^ arch::argument::<1>(regs) << 8 ^ call.result as u64;
    if is_restarted(call.errno()) || !turn.takes(task, token) {
        return;
    }
    let notes = notes(slot);
    notes.clear();
    let is_told = match number {
        SENDTO | SENDMSG | SENDMMSG => datagrams::sent(call, number),
        CONNECT => connected(call),
        ACCEPT | ACCEPT4 => accepted(call),
        BIND => placed(call, call::BIND),
        LISTEN => placed(call, call::LISTEN),
        SOCKET => made(call),
        _ => false,
    };
    if is_told && finish(call) && notes.ends.get() != 0 {
        opened(notes.ends.get(), event_in(slot));
    }
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

#[inline(always)]
fn connected(call: Call) -> bool {
    let errno = call.errno();
    let (sock, inode) = socket::behind(call.task, call.descriptor());
    if sock == 0 {
        if errno == 0 {
            // Closed by another thread before we looked: what it was nobody knows.
            lost(Kind::Net, Lane::Bulk);
        }
        return false;
    }
    let (of, protocol) = (socket::family(sock), socket::protocol(sock));
    let is_stream = socket::socket_type(sock) == STREAM && of != family::UNIX;
    if !is_told(of) || protocol == MPTCP {
        return false;
    }
    if errno == EINPROGRESS || errno == EALREADY {
        return false;
    }
    if is_stream && protocol == TCP {
        let is_told = ended_inside(sock, errno) || was_told(sock, inode);
        if is_told || errno == 0 {
            return false;
        }
    }
    let (at, length) = (
        arch::argument::<1>(call.regs),
        arch::argument::<2>(call.regs),
    );
    let said = socket::said(at, length as u32);
    if said.family == UNSPECIFIED {
        return false;
    }
    let event = event_in(call.slot);
    socket::describe(event, sock, call::CONNECT);
    event.inode = inode;
    event.errno = errno;
    socket::addresses(event, sock);
    let is_its_peer = event.remote == said.address && event.remote_port == said.port;
    if errno == EISCONN && is_its_peer {
        return false;
    }
    if errno != 0 || of == family::VSOCK {
        be_remote(event, &said);
        note_name(call.slot, SAID, at, length);
    } else {
        note_name(call.slot, OF_PEER, sock, 0);
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

#[inline(always)]
fn accepted(call: Call) -> bool {
    let errno = call.errno();
    if errno == EAGAIN {
        return false;
    }
    let fd = match errno {
        0 => call.result as u32,
        _ => call.descriptor(),
    };
    let (sock, inode) = socket::behind(call.task, fd);
    if sock == 0 {
        if errno == 0 {
            lost(Kind::Net, Lane::Bulk);
        }
        return false;
    }
    if !is_told(socket::family(sock)) {
        return false;
    }
    let event = event_in(call.slot);
    socket::describe(event, sock, call::ACCEPT);
    event.inode = inode;
    event.errno = errno;
    socket::addresses(event, sock);
    let ends = setting!(net_close) != 0 && errno == 0 && event.protocol == TCP;
    note_name(call.slot, OF_SOCKET, sock, 0);
    notes(call.slot).ends.set(if ends { sock } else { 0 });
    true
}

/// bind and listen.
#[inline(always)]
fn placed(call: Call, which: u32) -> bool {
    let errno = call.errno();
    let (sock, inode) = socket::behind(call.task, call.descriptor());
    if sock == 0 || !is_told(socket::family(sock)) {
        return false;
    }
    let event = event_in(call.slot);
    socket::describe(event, sock, which);
    event.inode = inode;
    event.errno = errno;
    socket::addresses(event, sock);
    let (at, length) = (
        arch::argument::<1>(call.regs),
        arch::argument::<2>(call.regs),
    );
    let is_said = which == call::BIND && (errno != 0 || event.family == family::VSOCK);
    if is_said {
        let said = socket::said(at, length as u32);
        (event.local, event.local_port) = (said.address, said.port);
        event.scope = said.scope;
        event.flags |= flag::SAID;
        note_name(call.slot, SAID, at, length);
    } else {
        note_name(call.slot, OF_SOCKET, sock, 0);
    }
    true
}

/// A socket was made: only raw ones are told.
#[inline(always)]
fn made(call: Call) -> bool {
    let (of, kind) = (
        arch::argument::<0>(call.regs),
        arch::argument::<1>(call.regs),
    );
    let protocol = arch::argument::<2>(call.regs);
    let of = of as u16;
    let is_packet = of == family::PACKET || of == family::INET && kind & TYPE_BITS == SOCK_PACKET;
    let is_raw = (of == family::INET || of == family::INET6) && kind & TYPE_BITS == SOCK_RAW;
    if !is_packet && !is_raw {
        return false;
    }
    let event = event_in(call.slot);
    socket::blank(event, call::RAW_SOCKET);
    if call.result >= 0 {
        let (sock, inode) = socket::behind(call.task, call.result as u32);
        if sock != 0 {
            socket::describe(event, sock, call::RAW_SOCKET);
            event.inode = inode;
        }
    }
    (event.family, event.socket_type) = (of, (kind & TYPE_BITS) as u16);
    event.protocol = match is_packet {
        true => {
            event.family = family::PACKET;
            u32::from(u16::from_be(protocol as u16))
        }
        false => protocol as u32,
    };
    event.errno = call.errno();
    true
}

/// Filters, adds the name and who acts, and emits; false: it is left out.
#[inline(always)]
pub fn finish(call: Call) -> bool {
    let event = event_in(call.slot);
    if let Some(why) = filter::left_out(event, call.task) {
        filtered(Lane::Bulk, why);
        return false;
    }
    let notes = notes(call.slot);
    notes.size.set(size_of::<Net>() as u64);
    if event.family == family::UNIX {
        name(call.slot);
    }
    socket::identify(event);
    let size = mask!(notes.size.get(), 0x1ff);
    // SAFETY: the slot begins with the event; the name ends before 512 bytes.
    unsafe { emit(Kind::Net, Lane::Bulk, call.slot, size) };
    true
}
