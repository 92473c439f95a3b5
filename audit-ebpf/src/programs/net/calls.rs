//! The exits of system calls on sockets.
//!
//! Owns how a call says what was done, and to which socket: everything but what becomes of a TCP connect
//! under way. What is told of it is decided in `acts`.

use audit_common::{Kind, Lane, net::call};
use aya_ebpf::{macros::tracepoint, programs::TracePointContext};

use super::{
    acts::{self, Act, Given, is_restarted},
    datagrams,
    notes::notes,
    socket::{self, Socket},
};
use crate::{
    arch::{
        self, ACCEPT, ACCEPT4, BIND, CONNECT, LISTEN, SENDMMSG, SENDMSG, SENDTO, SOCKET, registers,
    },
    done::Turn,
    emit::lost,
    programs::{exec_failed::result_in, way::By},
    read::Memory,
    scratch::{self, Small},
    task,
};

/// One system call that is over.
#[derive(Clone, Copy)]
pub struct Call {
    pub act: Act,
    pub regs: u64,
}

impl Call {
    #[inline(always)]
    pub fn descriptor(self) -> u32 {
        arch::argument::<0>(self.regs) as u32
    }

    /// The address that it was given.
    #[inline(always)]
    fn given(self) -> Given {
        Given {
            at: arch::argument::<1>(self.regs),
            length: arch::argument::<2>(self.regs) as u32,
            memory: Memory::Program,
        }
    }

    /// The socket that it is about.
    #[inline(always)]
    fn socket(self) -> Socket {
        socket::behind(self.act.task, self.descriptor())
    }
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
    let act = Act {
        task,
        result: result_in(ctx),
        slot,
        by: By::Call,
    };
    let call = Call { act, regs };
    // What the first has done, if only to take a mark, the twin must not do again.
    let token = number << 48 ^ arch::argument::<1>(regs) << 8 ^ act.result as u64;
    if is_restarted(act.errno()) || !turn.takes(task, token) {
        return;
    }
    notes(slot).clear();
    let is_told = match number {
        SENDTO | SENDMSG | SENDMMSG => datagrams::sent(call, number),
        CONNECT => connected(call),
        ACCEPT | ACCEPT4 => accepted(call),
        BIND => acts::placed(act, call::BIND, call.socket(), call.given()),
        LISTEN => acts::placed(act, call::LISTEN, call.socket(), Given::NONE),
        SOCKET => made(call),
        _ => false,
    };
    if is_told {
        acts::tell(act);
    }
}

#[inline(always)]
fn connected(call: Call) -> bool {
    let of = call.socket();
    if of.sock == 0 {
        if call.act.errno() == 0 {
            // Closed by another thread before we looked: what it was nobody knows.
            lost(Kind::Net, Lane::Bulk);
        }
        return false;
    }
    acts::connected(call.act, of, call.given())
}

#[inline(always)]
fn accepted(call: Call) -> bool {
    let fd = match call.act.errno() {
        0 => call.act.result as u32,
        _ => call.descriptor(),
    };
    let of = socket::behind(call.act.task, fd);
    if of.sock == 0 {
        if call.act.errno() == 0 {
            lost(Kind::Net, Lane::Bulk);
        }
        return false;
    }
    acts::accepted(call.act, of)
}

#[inline(always)]
fn made(call: Call) -> bool {
    let asked = acts::Kind {
        family: arch::argument::<0>(call.regs) as u16,
        kind: arch::argument::<1>(call.regs),
        protocol: arch::argument::<2>(call.regs),
    };
    if !asked.is_raw() {
        return false;
    }
    let of = match call.act.errno() {
        0 => socket::behind(call.act.task, call.act.result as u32),
        _ => Socket::NONE,
    };
    acts::made(call.act, asked, of)
}
