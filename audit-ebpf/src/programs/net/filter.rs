//! What of sockets is not told: those of this machine with itself, unix ones, ignored addresses, and what
//! the daemon does.
//!
//! Owns the map of ignored prefixes, which the daemon fills. A rule is about the other side's address, or
//! of bind and listen the own one, and about the port that was connected to.

use audit_common::{
    counters::Filtered,
    net::{
        Address, Net, call, family,
        ignored::{Ports, RANGES, is_outside},
    },
};
use aya_ebpf::{
    bindings::BPF_F_NO_PREALLOC,
    macros::map,
    maps::{LpmTrie, lpm_trie::Key},
};

use super::socket::{self, MAPPED};
use crate::{
    read,
    settings::{offset, setting},
    watch,
};

/// The size is set by the daemon.
#[map]
static IGNORED: LpmTrie<Address, Ports> = LpmTrie::with_max_entries(1, BPF_F_NO_PREALLOC);

/// The first byte of IPv4's own addresses.
const LOOPBACK_NET: u8 = 127;
/// Bits of a whole address.
const WHOLE: u32 = 128;

/// Why this is not told; `None`: it is.
#[inline(always)]
pub fn left_out(event: &Net, task: u64) -> Option<Filtered> {
    if event.family == family::UNIX {
        if setting!(net_unix) == 0 {
            return Some(Filtered::Unix);
        }
    } else if event.family == family::INET || event.family == family::INET6 {
        let is_own = event.call == call::BIND || event.call == call::LISTEN;
        let address = if is_own { &event.local } else { &event.remote };
        if event.call != call::RAW_SOCKET {
            if setting!(net_loopback) == 0 && is_loopback(address) {
                return Some(Filtered::Loopback);
            }
            let is_server = is_own || event.call == call::ACCEPT;
            let port = if is_server {
                event.local_port
            } else {
                event.remote_port
            };
            if is_ignored(address, port) {
                return Some(Filtered::Ignored);
            }
        }
    }
    let tgid: u32 = read::kernel(task + offset!(task_tgid));
    watch::is_the_daemon(tgid).then_some(Filtered::Oneself)
}

/// Is the other side of this socket this machine, and is that not told? What [`left_out`] would say first of all,
/// by as little as that takes.
#[inline(always)]
pub fn is_of_this_machine(sock: u64) -> bool {
    setting!(net_loopback) == 0
        && match socket::family(sock) {
            family::INET => read::kernel::<u8>(sock + offset!(sock_daddr)) == LOOPBACK_NET,
            family::INET6 => is_loopback(&read::kernel(sock + offset!(sock_v6_daddr))),
            _ => false,
        }
}

#[inline(always)]
fn is_loopback(address: &Address) -> bool {
    let mut differs_mapped = address[12] ^ LOOPBACK_NET;
    let mut differs_v6 = address[15] ^ 1;
    let mut at = 0;
    while at < 12 {
        differs_mapped |= address[at] ^ MAPPED[at];
        differs_v6 |= address[at];
        at += 1;
    }
    differs_v6 |= address[12] | address[13] | address[14];
    differs_mapped == 0 || differs_v6 == 0
}

#[inline(always)]
fn is_ignored(address: &Address, port: u32) -> bool {
    let key = Key::new(WHOLE, *address);
    let Some(ports) = IGNORED.get(&key) else {
        return false;
    };
    let mut at = 0;
    let mut misses = 1;
    while at < RANGES {
        misses &= is_outside(ports.ranges[at], port);
        at += 1;
    }
    misses == 0
}
