//! Sockets where calls of 32 bits and io_uring meet those of 64 bits: the functions of the kernel that do
//! what was asked.
//!
//! Owns these entry points and what their arguments are. They tell only what passes by the tracepoints of
//! system calls: a call of 64 bits is told at its own exit. What fails before the kernel has the socket is
//! not seen here.

use audit_common::net::call;
use aya_ebpf::{EbpfContext, macros::fexit, programs::FExitContext};

use super::{
    acts::{self, Act, Given, is_restarted},
    datagrams,
    notes::notes,
    socket::{self, MAPPED, Socket},
};
use crate::{
    programs::way::{self, By},
    read::{self, Memory},
    scratch::{self, Small},
    settings::offset,
    task,
};

const ERRNO_LAST: u64 = 4095;

#[fexit(function = "__sys_connect_file")]
pub fn net_connected_inside(ctx: FExitContext) -> i32 {
    let (file, given) = (ctx.arg(0), copied(ctx.arg(1), ctx.arg(2)));
    ended(ctx.arg(4), Small::NetConnectedInside, |act| {
        let of = Socket::of_file(file);
        of.sock != 0 && acts::connected(act, of, given)
    });
    0
}

#[fexit(function = "do_accept")]
pub fn net_accepted_inside(ctx: FExitContext) -> i32 {
    let listening = ctx.arg(0);
    // A number, and nothing that the verifier knows: it would not let it be compared with an error.
    let made: u64 = read::kernel(ctx.as_ptr() as u64 + 8 * 5);
    let is_error = made.wrapping_neg() <= ERRNO_LAST;
    let result = if is_error { made as i32 } else { 0 };
    ended(result, Small::NetAcceptedInside, |act| {
        let of = Socket::of_file(if is_error { listening } else { made });
        of.sock != 0 && acts::accepted(act, of)
    });
    0
}

/// Of calls: what they do behind it may be a part of this function, and not be passed as one of its own.
#[fexit(function = "__sys_bind")]
pub fn net_bound_narrow(ctx: FExitContext) -> i32 {
    let (fd, at, length) = (ctx.arg(0), ctx.arg(1), ctx.arg(2));
    let given = Given {
        at,
        length,
        memory: Memory::Program,
    };
    ended(ctx.arg(3), Small::NetBoundNarrow, |act| {
        acts::placed(act, call::BIND, socket::behind(act.task, fd), given)
    });
    0
}

/// Of io_uring.
#[fexit(function = "__sys_bind_socket")]
pub fn net_bound_by_ring(ctx: FExitContext) -> i32 {
    let (socket, given) = (ctx.arg(0), copied(ctx.arg(1), ctx.arg(2)));
    ended(ctx.arg(3), Small::NetBoundByRing, |act| {
        act.by == By::Ring && acts::placed(act, call::BIND, Socket::of(socket), given)
    });
    0
}

/// As for binding.
#[fexit(function = "__sys_listen")]
pub fn net_listens_narrow(ctx: FExitContext) -> i32 {
    let fd = ctx.arg(0);
    ended(ctx.arg(2), Small::NetListensNarrow, |act| {
        let of = socket::behind(act.task, fd);
        acts::placed(act, call::LISTEN, of, Given::NONE)
    });
    0
}

#[fexit(function = "__sys_listen_socket")]
pub fn net_listens_by_ring(ctx: FExitContext) -> i32 {
    let socket = ctx.arg(0);
    ended(ctx.arg(2), Small::NetListensByRing, |act| {
        act.by == By::Ring && acts::placed(act, call::LISTEN, Socket::of(socket), Given::NONE)
    });
    0
}

#[fexit(function = "udp_sendmsg")]
pub fn net_sent_inside(ctx: FExitContext) -> i32 {
    sent(&ctx, Small::NetSentInside, |_| true);
    0
}

/// What goes as IPv4 passes the other one, and is told there.
#[fexit(function = "udpv6_sendmsg")]
pub fn net_sent_inside_v6(ctx: FExitContext) -> i32 {
    sent(&ctx, Small::NetSentInsideV6, |given| {
        given.said().address[..MAPPED.len()] != MAPPED
    });
    0
}

#[fexit(function = "__sock_create")]
pub fn net_made_inside(ctx: FExitContext) -> i32 {
    let (family, kind, protocol): (u32, u32, u32) = (ctx.arg(1), ctx.arg(2), ctx.arg(3));
    let by_the_kernel: u32 = ctx.arg(5);
    // A pointer to a pointer is nothing that 6.1 lets programs load from there.
    let to: u64 = read::kernel(ctx.as_ptr() as u64 + 8 * 4);
    let asked = acts::Kind {
        family: family as u16,
        kind: u64::from(kind),
        protocol: u64::from(protocol),
    };
    if by_the_kernel == 0 && asked.is_raw() {
        ended(ctx.arg(6), Small::NetMadeInside, |act| {
            let of = match act.errno() {
                0 => Socket::of(read::kernel(to)),
                _ => Socket::NONE,
            };
            acts::made(act, asked, of)
        });
    }
    0
}

/// An address in the kernel's own memory: a copy of what the program gave.
#[inline(always)]
fn copied(at: u64, length: u32) -> Given {
    Given {
        at,
        length,
        memory: Memory::Kernel,
    }
}

/// A datagram, where it names whom it goes to.
#[inline(always)]
fn sent(ctx: &FExitContext, slot: Small, is_told_here: impl FnOnce(Given) -> bool) {
    let (sock, message): (u64, u64) = (ctx.arg(0), ctx.arg(1));
    let given = copied(
        read::kernel(message + offset!(socket_message_name)),
        read::kernel(message + offset!(socket_message_length)),
    );
    // Nothing costs most of what is sent more than this.
    if given.at == 0 {
        return;
    }
    ended(ctx.arg(3), slot, |act| {
        is_told_here(given) && datagrams::sent_inside(act, Socket::of_sock(sock), given)
    });
}

/// Tells what `look` finds, if no system call of 64 bits does.
#[inline(always)]
fn ended(result: i32, slot: Small, look: impl FnOnce(Act) -> bool) {
    let task = task::current();
    let Some(by) = way::beside_calls(task) else {
        return;
    };
    let Some(slot) = scratch::small(slot) else {
        return;
    };
    notes(slot).clear();
    let act = Act {
        task,
        result: i64::from(result),
        slot,
        by,
    };
    if !is_restarted(act.errno()) && look(act) {
        acts::tell(act);
    }
}
