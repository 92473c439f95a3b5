//! Rows of what is done to sockets.
//!
//! Owns these attach points. Must not know how any of them is attached.

use audit_common::Kind;

use super::{raw, traced, twinned};
use crate::hooks::{
    BlindSpot::{self, *},
    Candidate, HookRow, Precision,
};

const STATES: &[BlindSpot] = &[Skipped, Uncounted, NoLoginUser];
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
