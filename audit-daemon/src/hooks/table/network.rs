//! Rows of what is done to sockets.
//!
//! Owns these attach points. Must not know how any of them is attached.

use audit_common::Kind;

use super::{function, raw, traced, twinned};
use crate::hooks::{
    BlindSpot::{self, *},
    Candidate, HookRow, Precision,
};

const STATES: &[BlindSpot] = &[Skipped, Uncounted, NoLoginUser];
const OF_FUNCTIONS: &[BlindSpot] = &[Skipped, Uncounted, AddressTold, NoLoginUser];
#[rustfmt::skip]
const OF_CALLS: &[BlindSpot] = &[Skipped, Uncounted, SocketsOf32Bits, SocketsByRing, AddressTold, NoLoginUser];

/// A row that makes events of the kind of [`CALLS`].
const fn beside(name: &'static str, candidates: &'static [Candidate]) -> HookRow {
    HookRow {
        name,
        group: "network",
        kinds: &[],
        auxiliary: true,
        candidates,
    }
}

/// Connections of TCP that begin, are made, fail and end.
pub const STATE: HookRow = beside(
    "network_state",
    &[
        traced("net_state_traced", &["sock/inet_sock_set_state"]),
        Candidate {
            blind: STATES,
            ..raw("net_state", &["inet_sock_set_state"], (5, 5))
        },
    ],
);

/// Their outcomes once more, for what the first was skipped for.
pub const OUTCOME: HookRow = beside(
    "network_outcome",
    &[raw("net_outcome", &["inet_sock_set_state"], (5, 5))],
);

/// Those that take long.
pub const PENDING: HookRow = beside(
    "network_pending",
    &[
        traced("net_pending_traced", &["tcp/tcp_retransmit_skb"]),
        raw("net_pending", &["tcp_retransmit_skb"], (5, 5)),
    ],
);

pub const CALLS: HookRow = HookRow {
    name: "network",
    group: "network",
    kinds: &[Kind::Net],
    auxiliary: false,
    candidates: &[Candidate {
        precision: Precision::ByDescriptor,
        blind: OF_CALLS,
        ..twinned(
            "net_called",
            "net_called_again",
            &["net_called_again"],
            &[
                "syscalls/sys_exit_connect",
                "syscalls/sys_exit_accept",
                "syscalls/sys_exit_accept4",
                "syscalls/sys_exit_bind",
                "syscalls/sys_exit_listen",
                "syscalls/sys_exit_socket",
                "syscalls/sys_exit_sendto",
                "syscalls/sys_exit_sendmsg",
                "syscalls/sys_exit_sendmmsg",
            ],
        )
    }],
};

/// On functions of the kernel, beside [`CALLS`]: what calls of 32 bits do to sockets, if all are there.
pub const OF_NARROW_CALLS: [&str; 7] = [
    CONNECT.name,
    ACCEPT.name,
    BIND.name,
    LISTEN.name,
    SEND.name,
    SEND_V6.name,
    CREATE.name,
];
/// The same of io_uring.
pub const OF_RINGS: [&str; 5] = [
    CONNECT.name,
    ACCEPT.name,
    SEND.name,
    SEND_V6.name,
    CREATE.name,
];
/// And where it can be asked for these.
pub const OF_RINGS_LATER: [&str; 2] = [BIND_BY_RING.name, LISTEN_BY_RING.name];

const fn on_function(program: &'static str, names: &'static [&'static str]) -> Candidate {
    Candidate {
        blind: OF_FUNCTIONS,
        ..function(program, names)
    }
}

pub const CONNECT: HookRow = beside(
    "network_connect",
    &[on_function("net_connected_inside", &["__sys_connect_file"])],
);

/// Before 5.15 another function gives a number there, and is not hooked.
pub const ACCEPT: HookRow = beside(
    "network_accept",
    &[on_function("net_accepted_inside", &["do_accept"])],
);

pub const BIND: HookRow = beside(
    "network_bind",
    &[on_function("net_bound_narrow", &["__sys_bind"])],
);

pub const BIND_BY_RING: HookRow = beside(
    "network_bind_ring",
    &[on_function("net_bound_by_ring", &["__sys_bind_socket"])],
);

pub const LISTEN: HookRow = beside(
    "network_listen",
    &[on_function("net_listens_narrow", &["__sys_listen"])],
);

pub const LISTEN_BY_RING: HookRow = beside(
    "network_listen_ring",
    &[on_function("net_listens_by_ring", &["__sys_listen_socket"])],
);

pub const SEND: HookRow = beside(
    "network_send",
    &[on_function("net_sent_inside", &["udp_sendmsg"])],
);

pub const SEND_V6: HookRow = beside(
    "network_send_v6",
    &[on_function("net_sent_inside_v6", &["udpv6_sendmsg"])],
);

pub const CREATE: HookRow = beside(
    "network_create",
    &[on_function("net_made_inside", &["__sock_create"])],
);
