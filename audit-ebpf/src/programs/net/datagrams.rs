//! Datagrams that a socket sends to a peer that it is not connected to: the first to each is told.
//!
//! Owns the table of peers. It is bounded, and the peer that was not written to for longest goes: then the
//! next datagram to it is a first one again.

use audit_common::{
    Kind, Lane,
    counters::Filtered,
    net::{Address, call, family},
};
use aya_ebpf::{macros::map, maps::LruHashMap};

use super::{
    acts::{self, Act, Given},
    calls::Call,
    filter,
    socket::{self, Socket},
};
#[cfg(not(feature = "legacy"))]
use crate::programs::way::By;
use crate::{
    arch::{self, SENDMMSG, SENDTO},
    emit::{filtered, lost},
    read::{self, Memory},
};

#[derive(Clone, Copy)]
#[repr(C)]
struct Peer {
    /// The socket's.
    inode: u64,
    address: Address,
    port: u32,
    /// Failures are another thing than successes.
    errno: u32,
}

/// The size is set by the daemon.
#[map]
static PEERS: LruHashMap<Peer, u64> = LruHashMap::with_max_entries(1, 0);

const UDP: u32 = 17;
const UDP_LITE: u32 = 136;
const EAGAIN: u32 = 11;

/// `struct msghdr` as programs give it: where its name is, with its length.
const MESSAGE_NAME_AT: u64 = 0;
const MESSAGE_NAME_LENGTH_AT: u64 = 8;
/// `struct mmsghdr`
#[cfg(not(feature = "legacy"))]
const MESSAGES_BYTES: u64 = 64;
/// Messages of one call that are looked at; what is beyond is one loss.
#[cfg(not(feature = "legacy"))]
const MESSAGES_MAX: u32 = 64;
#[cfg(feature = "legacy")]
const MESSAGES_MAX: u32 = 1;

/// True: what stands in the slot is to be told.
#[inline(always)]
pub fn sent(call: Call, number: u64) -> bool {
    if call.act.errno() == EAGAIN {
        return false;
    }
    let messages = arch::argument::<1>(call.regs);
    let given = match number {
        SENDTO => Given {
            at: arch::argument::<4>(call.regs),
            length: arch::argument::<5>(call.regs) as u32,
            memory: Memory::Program,
        },
        _ => named(messages),
    };
    if given.at == 0 {
        return false;
    }
    let from = socket::behind(call.act.task, call.descriptor());
    if !sends_datagrams(from) {
        return false;
    }
    if number == SENDMMSG && call.act.result > 1 {
        let count = call.act.result as u32;
        if count > MESSAGES_MAX {
            lost(Kind::Net, Lane::Bulk);
        }
        return each(call.act, from, messages, count.min(MESSAGES_MAX));
    }
    one(call.act, from, given)
}

/// The same where a kernel's function has it all in hand.
#[inline(always)]
pub fn sent_inside(act: Act, from: Socket, given: Given) -> bool {
    act.errno() != EAGAIN && sends_datagrams(from) && one(act, from, given)
}

/// A message's address.
#[inline(always)]
fn named(message: u64) -> Given {
    let length: u32 = read::try_user(message + MESSAGE_NAME_LENGTH_AT).unwrap_or(0);
    Given {
        at: read::try_user(message + MESSAGE_NAME_AT).unwrap_or(0),
        length,
        memory: Memory::Program,
    }
}

/// Is it a socket of which datagrams are told?
#[inline(always)]
fn sends_datagrams(from: Socket) -> bool {
    if from.sock == 0 {
        return false;
    }
    let (of, protocol) = (socket::family(from.sock), socket::protocol(from.sock));
    let is_ip = of == family::INET || of == family::INET6;
    is_ip && (protocol == UDP || protocol == UDP_LITE)
}

/// A key in the slot, behind the state of the loop: the stack has no room for it.
const PEER_AT: usize = 1280;

#[inline(always)]
fn peer_in<'a>(slot: *mut u8) -> &'a mut Peer {
    // SAFETY: inside the slot, which is this CPU's and program's own.
    unsafe { &mut *slot.add(PEER_AT).cast::<Peer>() }
}

/// One datagram to the address that stands there: is it the first?
#[inline(always)]
fn one(act: Act, from: Socket, given: Given) -> bool {
    let said = given.said();
    if said.family != family::INET && said.family != family::INET6 {
        return false;
    }
    let event = acts::event_in(act.slot);
    (event.call, event.family) = (call::SEND, said.family);
    (event.remote, event.remote_port) = (said.address, said.port);
    if let Some(why) = filter::left_out(event, act.task) {
        filtered(Lane::Bulk, why);
        return false;
    }
    let peer = peer_in(act.slot);
    (peer.inode, peer.address) = (from.inode, said.address);
    (peer.port, peer.errno) = (said.port, act.errno());
    if let Some(count) = PEERS.get_ptr_mut(&*peer) {
        // SAFETY: a live map value.
        unsafe { crate::atomic::add(count, 1) };
        filtered(Lane::Bulk, Filtered::Repeat);
        return false;
    }
    let _ = PEERS.insert(&*peer, &1, 0);
    socket::describe(event, from.sock, call::SEND);
    event.inode = from.inode;
    event.errno = act.errno();
    socket::addresses(event, from.sock);
    acts::be_remote(event, &said);
    true
}

/// The state of the loop, in the slot behind everything else: to the verifier one turn looks like the next.
#[cfg(not(feature = "legacy"))]
#[repr(C)]
struct Turns {
    task: crate::scratch::Word,
    result: crate::scratch::Word,
    sock: crate::scratch::Word,
    inode: crate::scratch::Word,
    messages: crate::scratch::Word,
}

#[cfg(not(feature = "legacy"))]
const TURNS_AT: usize = 1024;

#[cfg(not(feature = "legacy"))]
fn turns<'a>(slot: *mut u8) -> &'a mut Turns {
    // SAFETY: inside the slot, which is this CPU's and program's own.
    unsafe { &mut *slot.add(TURNS_AT).cast::<Turns>() }
}

#[cfg(not(feature = "legacy"))]
#[inline(always)]
fn each(act: Act, from: Socket, messages: u64, count: u32) -> bool {
    let turns = turns(act.slot);
    turns.task.set(act.task);
    turns.result.set(act.result as u64);
    turns.sock.set(from.sock);
    turns.inode.set(from.inode);
    turns.messages.set(messages);
    let mut frame = crate::scratch::Frame { slot: act.slot };
    read::repeat(count, turn, &mut frame);
    false
}

#[cfg(not(feature = "legacy"))]
extern "C" fn turn(at: u64, frame: *mut core::ffi::c_void) -> i64 {
    // SAFETY: the frame of `each`.
    let slot = unsafe { (*frame.cast::<crate::scratch::Frame>()).slot };
    let turns = turns(slot);
    let act = Act {
        task: turns.task.get(),
        result: turns.result.get() as i64,
        slot,
        by: By::Call,
    };
    let from = Socket {
        sock: turns.sock.get(),
        inode: turns.inode.get(),
    };
    let given = named(turns.messages.get() + at * MESSAGES_BYTES);
    if given.at != 0 && one(act, from, given) {
        acts::finish(act);
    }
    0
}

/// Without loops the first has to do.
#[cfg(feature = "legacy")]
#[inline(always)]
fn each(act: Act, from: Socket, messages: u64, _: u32) -> bool {
    one(act, from, named(messages))
}
