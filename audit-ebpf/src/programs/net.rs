//! Sockets: what is connected, sent, accepted, bound, listened on, closed, and made raw.
//!
//! A connect of TCP is told by what becomes of the socket's state, which is the final result whoever waits
//! for it: the event is made when the state leaves "closed", in the caller's context, and kept by the
//! socket until the state says more, in whatever context that is. All else is told at the exit of its
//! system call (`calls`), or where 32-bit calls and io_uring meet it (`inside`).
//!
//! Owns the attempts under way and the connections whose end is to be told. An attempt is told once: what
//! is told, or left out, before the call's exit leaves a mark for it, with the socket's inode, because
//! addresses of sockets come round.

mod acts;
mod calls;
mod datagrams;
mod filter;
mod inside;
mod notes;
mod socket;

use audit_common::{
    Kind, Lane,
    counters::Filtered,
    net::{Net, call, flag},
};
use aya_ebpf::{
    macros::{btf_tracepoint, map},
    maps::{Array, HashMap, LruHashMap},
    programs::BtfTracePointContext,
};

use super::{
    exec_failed::registers,
    way::{self, By},
};
use crate::{
    arch::{self, CONNECT},
    emit::{emit, filtered, lost},
    read,
    scratch::{self, Small},
    settings::{offset, setting},
    task,
};

/// Sizes are set by the daemon. Attempts under way, by socket; where there is no room an attempt is lost.
#[map]
static CONNECTS: HashMap<u64, Net> = HashMap::with_max_entries(1, 0);
/// Sockets whose attempt was told or lost, with their inodes, until the call's exit takes the mark.
#[map]
static TOLD_CONNECTS: LruHashMap<u64, u64> = LruHashMap::with_max_entries(1, 0);
/// The same of those that are left out, which are most: a place for each inode, that costs next to nothing. Where
/// two meet an attempt that fails is counted twice among what is filtered.
#[map]
static LEFT_OUT: Array<u64> = Array::with_max_entries(LEFT_OUT_PLACES, 0);
const LEFT_OUT_PLACES: u32 = 4096;

/// Connections whose end is to be told.
#[map]
static CONNECTIONS: HashMap<u64, Net> = HashMap::with_max_entries(1, 0);

/// As every machine numbers them.
const TCP: u32 = 6;
const ESTABLISHED: u32 = 1;
const SYN_SENT: u32 = 2;
const CLOSED: u32 = 7;
const ECONNABORTED: u32 = 103;
const EINPROGRESS: u32 = 115;

#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn net_state(ctx: BtfTracePointContext) -> i32 {
    changed(ctx.arg(0), ctx.arg(1), ctx.arg(2));
    0
}

/// Once more, for outcomes alone: an interrupt can bring one while the first program is at work on that CPU,
/// and the kernel then skips that. What the first has told is not there any more.
#[btf_tracepoint(function = "inet_sock_set_state")]
pub fn net_outcome(ctx: BtfTracePointContext) -> i32 {
    let (old, new): (u32, u32) = (ctx.arg(1), ctx.arg(2));
    if old != CLOSED {
        changed(ctx.arg(0), old, new);
    }
    0
}

/// The same on the trace event, whose program is never preempted.
#[cfg(not(feature = "legacy"))]
#[aya_ebpf::macros::tracepoint]
pub fn net_state_traced(ctx: aya_ebpf::programs::TracePointContext) -> u32 {
    use aya_ebpf::EbpfContext;
    let record = ctx.as_ptr() as u64;
    changed(
        read::kernel(record + u64::from(setting!(state_sock_at))),
        read::kernel(record + u64::from(setting!(state_old_at))),
        read::kernel(record + u64::from(setting!(state_new_at))),
    );
    0
}

/// A segment is sent once more: of a socket that is still to be connected, the first time after a second.
#[btf_tracepoint(function = "tcp_retransmit_skb")]
pub fn net_pending(ctx: BtfTracePointContext) -> i32 {
    waits(ctx.arg(0));
    0
}

/// The same on the trace event.
#[cfg(not(feature = "legacy"))]
#[aya_ebpf::macros::tracepoint]
pub fn net_pending_traced(ctx: aya_ebpf::programs::TracePointContext) -> u32 {
    use aya_ebpf::EbpfContext;
    let record = ctx.as_ptr() as u64;
    waits(read::kernel(
        record + u64::from(setting!(retransmit_sock_at)),
    ));
    0
}

#[inline(always)]
fn changed(sock: u64, old: u32, new: u32) {
    if old == CLOSED && new == SYN_SENT {
        begins(sock);
    } else if new == ESTABLISHED {
        ends(sock, new);
    } else if new == CLOSED {
        ends(sock, new);
        if setting!(net_close) != 0 {
            closes(sock);
        }
    }
}

/// An attempt begins, in the context of whoever asked for it.
#[inline(always)]
fn begins(sock: u64) {
    if socket::protocol(sock) != TCP {
        return;
    }
    if filter::is_of_this_machine(sock) {
        filtered(Lane::Bulk, Filtered::Loopback);
        leave_out(socket::inode_of(sock));
        return;
    }
    let Some(slot) = scratch::small(Small::NetState) else {
        return;
    };
    // SAFETY: the slot is larger than the event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<Net>() };
    socket::describe(event, sock, call::CONNECT);
    socket::addresses(event, sock);
    let inode = event.inode;
    if let Some(why) = filter::left_out(event, task::current()) {
        filtered(Lane::Bulk, why);
        leave_out(inode);
        return;
    }
    let by = way::beside_calls(task::current()).unwrap_or(By::Call);
    socket::identify(event, by);
    let _ = TOLD_CONNECTS.remove(&sock);
    was_left_out(inode);
    if CONNECTS.insert(&sock, event, 0).is_err() {
        lost(Kind::Net, Lane::Bulk);
        let _ = TOLD_CONNECTS.insert(&sock, &inode, 0);
    }
}

/// An attempt has an outcome, in any context.
#[inline(always)]
fn ends(sock: u64, new: u32) {
    let Some(entry) = CONNECTS.get_ptr_mut(&sock) else {
        return;
    };
    // SAFETY: a live map value, of an attempt that only we end; another one of this socket begins later.
    let event = unsafe { &mut *entry };
    let error: u32 = read::kernel(sock + offset!(sock_err));
    if new == ESTABLISHED {
        event.errno = 0;
        socket::addresses(event, sock);
    } else if error != 0 {
        // The port is given back by now, and still stands in one place.
        event.local_port = socket::old_port(sock);
        event.errno = error;
    } else if is_in_its_call(event) {
        event.flags |= flag::INSIDE;
        return;
    } else {
        event.errno = ECONNABORTED;
        event.flags |= flag::ABANDONED;
        event.local_port = socket::old_port(sock);
    }
    let inode = event.inode;
    tell(event);
    if new == ESTABLISHED && setting!(net_close) != 0 {
        let _ = CONNECTIONS.insert(&sock, event, 0);
    }
    let _ = TOLD_CONNECTS.insert(&sock, &inode, 0);
    let _ = CONNECTS.remove(&sock);
}

/// Is it the very call that asked for it, which is not over?
#[inline(always)]
fn is_in_its_call(event: &Net) -> bool {
    let task = task::current();
    if read::kernel::<u32>(task + offset!(task_pid)) != event.header.tid || task::in_compat(task) {
        return false;
    }
    let regs = registers(task);
    arch::number(regs) == CONNECT && arch::is_under_way(regs)
}

/// Emits an event that stands in a map.
#[inline(always)]
fn tell(event: &mut Net) {
    event.header.time_ns = task::now();
    let at = core::ptr::from_mut(event).cast();
    // SAFETY: a whole event with its header.
    unsafe { emit(Kind::Net, Lane::Bulk, at, size_of::<Net>() as u64) }
}

/// The outcome of an attempt that ended inside its call. False: there is none.
#[inline(always)]
fn ended_inside(sock: u64, errno: u32) -> bool {
    let Some(entry) = CONNECTS.get_ptr_mut(&sock) else {
        return false;
    };
    // SAFETY: as in `ends`.
    let event = unsafe { &mut *entry };
    if event.flags & flag::INSIDE == 0 {
        return false;
    }
    event.flags &= !flag::INSIDE;
    event.errno = errno;
    if errno == 0 {
        // The call was for something else: to be connected no more.
        event.errno = ECONNABORTED;
        event.flags |= flag::ABANDONED;
    }
    tell(event);
    let _ = CONNECTS.remove(&sock);
    true
}

/// The attempt of the socket with this inode is left out.
#[inline(always)]
fn leave_out(inode: u64) {
    if let Some(place) = LEFT_OUT.get_ptr_mut(inode as u32 & (LEFT_OUT_PLACES - 1)) {
        // SAFETY: a live map value, of one word.
        unsafe { place.write_volatile(inode) };
    }
}

/// Was the attempt of this call left out? Asked once.
#[inline(always)]
fn was_left_out(inode: u64) -> bool {
    let Some(place) = LEFT_OUT.get_ptr_mut(inode as u32 & (LEFT_OUT_PLACES - 1)) else {
        return false;
    };
    // SAFETY: as above.
    unsafe {
        let was = inode != 0 && place.read_volatile() == inode;
        if was {
            place.write_volatile(0);
        }
        was
    }
}

/// Was the attempt of this call told already? Asked once.
#[inline(always)]
fn was_told(sock: u64, inode: u64) -> bool {
    // SAFETY: copied at once.
    let told = unsafe { TOLD_CONNECTS.get(&sock) }.copied();
    if told.is_some() {
        let _ = TOLD_CONNECTS.remove(&sock);
    }
    told == Some(inode)
}

/// An attempt goes on.
#[inline(always)]
fn waits(sock: u64) {
    if read::kernel::<u8>(sock + offset!(sock_state)) != SYN_SENT as u8 {
        return;
    }
    let Some(entry) = CONNECTS.get_ptr_mut(&sock) else {
        return;
    };
    // SAFETY: as in `ends`; a socket sends one segment at a time.
    let event = unsafe { &mut *entry };
    let patience = u64::from(setting!(net_pending_ms)) * 1_000_000;
    if event.flags & flag::ANSWERS != 0 || task::now() - event.started_ns < patience {
        return;
    }
    event.errno = EINPROGRESS;
    socket::addresses(event, sock);
    event.flags |= flag::PENDING;
    tell(event);
    event.flags = event.flags & flag::RING | flag::ANSWERS;
}

/// The end of a connection is to be told.
#[inline(always)]
fn opened(sock: u64, event: &Net) {
    if CONNECTIONS.insert(&sock, event, 0).is_err() {
        lost(Kind::Net, Lane::Bulk);
    }
}

/// A connection is over, in any context.
#[inline(always)]
fn closes(sock: u64) {
    let Some(entry) = CONNECTIONS.get_ptr_mut(&sock) else {
        return;
    };
    // SAFETY: a live map value, of a connection that ends once.
    let event = unsafe { &mut *entry };
    let is_inbound = event.call == call::ACCEPT;
    event.call = call::CLOSE;
    event.flags = if is_inbound { flag::INBOUND } else { 0 };
    (event.bytes_in, event.bytes_out) = socket::traffic(sock);
    tell(event);
    let _ = CONNECTIONS.remove(&sock);
}
