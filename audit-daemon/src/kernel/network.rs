//! Which sockets the kernel tells: what stands in settings, and the map of ignored prefixes.
//!
//! Owns the sizes of the maps of sockets.

use audit_common::{net::ignored::Ports, settings::Settings};
use aya::{
    Ebpf, Pod,
    maps::{LpmTrie, lpm_trie::Key},
};

use super::KernelError;
use crate::network::ignored::Prefix;

/// Connects of TCP under way: beyond it they are lost, and counted.
const CONNECTS_MAX: u32 = 8_192;
/// Marks for the exits of calls; the oldest goes.
const MARKS_MAX: u32 = 8_192;
/// Peers of sockets that are not connected; the oldest goes, and is new again.
const PEERS_MAX: u32 = 8_192;
/// Connections whose end is to be told: beyond it ends are lost, and counted.
const CONNECTIONS_MAX: u32 = 32_768;
const IGNORED_MAX: u32 = 1_024;

/// A segment is sent again a tick or two early.
const TICKS_MS: u32 = 20;

/// What the operator decides about sockets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketFilter {
    pub loopback: bool,
    pub unix: bool,
    pub close: bool,
    pub pending_ms: u32,
    pub ignored: Vec<Prefix>,
}

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Plain(Ports);
// SAFETY: an array of integers.
unsafe impl Pod for Plain {}

impl SocketFilter {
    /// Maps with their entries; of a group that is off the least.
    pub fn map_sizes(&self, off: &[&str]) -> [(&'static str, u32); 5] {
        let is_on = !off.contains(&"network");
        let entries = |wanted: bool, entries: u32| if wanted { entries } else { 1 };
        [
            ("CONNECTS", entries(is_on, CONNECTS_MAX)),
            ("TOLD_CONNECTS", entries(is_on, MARKS_MAX)),
            ("PEERS", entries(is_on, PEERS_MAX)),
            ("CONNECTIONS", entries(is_on && self.close, CONNECTIONS_MAX)),
            ("IGNORED", IGNORED_MAX),
        ]
    }

    /// Those settings that are about sockets. `member` says where one stands in a trace event's record.
    pub fn settings(&self, member: impl Fn(&str, &str) -> u32) -> Settings {
        Settings {
            net_loopback: self.loopback.into(),
            net_unix: self.unix.into(),
            net_close: self.close.into(),
            net_pending_ms: self.pending_ms.saturating_sub(TICKS_MS),
            state_sock_at: member("sock/inet_sock_set_state", "skaddr"),
            state_old_at: member("sock/inet_sock_set_state", "oldstate"),
            state_new_at: member("sock/inet_sock_set_state", "newstate"),
            retransmit_sock_at: member("tcp/tcp_retransmit_skb", "skaddr"),
            ..Settings::ZERO
        }
    }

    /// All that is not in the settings, for the fingerprint.
    pub fn each_byte(&self, mut each: impl FnMut(&[u8])) {
        for (address, bits, ports) in &self.ignored {
            each(address);
            each(&bits.to_ne_bytes());
            ports
                .ranges
                .iter()
                .for_each(|range| each(&range.to_ne_bytes()));
        }
    }

    pub fn ignore(&self, ebpf: &mut Ebpf) -> Result<(), KernelError> {
        let object = |reason: String| KernelError::Object { reason };
        let map = ebpf
            .map_mut("IGNORED")
            .ok_or_else(|| object("no map IGNORED".into()))?;
        let mut map: LpmTrie<_, [u8; 16], Plain> =
            LpmTrie::try_from(map).map_err(|error| object(error.to_string()))?;
        for (address, bits, ports) in &self.ignored {
            map.insert(&Key::new(*bits, *address), Plain(*ports), 0)
                .map_err(|error| object(error.to_string()))?;
        }
        Ok(())
    }
}
