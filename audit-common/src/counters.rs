//! The two shared maps of sums: what the kernel saw, and what the daemon has made durable.
//!
//! Owns their layout. `COUNTERS` is written by kernel programs only, by atomic add; `LEDGER` by
//! the daemon only, after a group commit. Both live as long as the programs' load, so the identity
//! of sums holds over restarts of the daemon. One slot per possible CPU.

use crate::header::Lane;
use crate::kind::KIND_SLOTS;

/// Why a kernel program left an event out on purpose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum Filtered {
    NoWatch = 0,
    Oneself = 1,
    Excluded = 2,
    Repeat = 3,
    Rate = 4,
    Loopback = 5,
    Unix = 6,
    Ignored = 7,
    /// An act that left everything as it was.
    NoChange = 8,
}

pub const FILTER_REASONS: [&str; 9] = [
    "no-watch",
    "self",
    "excluded",
    "repeat",
    "rate",
    "loopback",
    "unix",
    "ignored",
    "no-change",
];
/// Strands: numbers are per interrupt nesting depth where the kernel has no fetching atomics.
pub const STRANDS: usize = 4;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct LaneSums {
    /// Numbers given, one for each event that passed the filters: submitted + lost.
    pub numbered: [u64; STRANDS],
    /// The ring had no space.
    pub lost: u64,
    pub filtered: [u64; FILTER_REASONS.len()],
}

impl LaneSums {
    pub fn numbered_total(&self) -> u64 {
        self.numbered.iter().sum()
    }
    pub fn filtered_total(&self) -> u64 {
        self.filtered.iter().sum()
    }
    pub fn seen(&self) -> u64 {
        self.numbered_total() + self.filtered_total()
    }
    pub fn submitted(&self) -> u64 {
        self.numbered_total().saturating_sub(self.lost)
    }
}

/// One CPU's slot of `COUNTERS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct CpuCounters {
    pub lanes: [LaneSums; Lane::COUNT],
    /// Events numbered, by kind.
    pub kinds: [u64; KIND_SLOTS],
    /// Interrupt nesting depth, where numbers are not atomic; otherwise unused.
    pub depth: u64,
}

/// What became of the events of one (cpu, lane), as of an acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct LedgerLane {
    /// Highest number read, per strand.
    pub highest: [u64; STRANDS],
    pub recorded: u64,
    pub folded: u64,
    pub left_out: u64,
    /// Declared lost in a record of the log.
    pub lost: u64,
}

/// One CPU's slot of one copy in `LEDGER`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct CpuLedger {
    pub lanes: [LedgerLane; Lane::COUNT],
}

/// `LEDGER` holds two copies, so that an acknowledgement is one store: slot 0 is a [`LedgerHead`],
/// then come the CPUs of copy 0 and the CPUs of copy 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct LedgerHead {
    /// The copy that counts: 0 or 1. Stored last.
    pub copy: u64,
    /// Ring positions up to which everything is durable, by copy and lane.
    pub positions: [[u64; Lane::COUNT]; 2],
}

const _: () = assert!(size_of::<LedgerHead>() <= size_of::<CpuLedger>());

/// The only slot of `LOAD`: which programs these maps belong to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Load {
    /// Random, made with each load; written last, so 0 means that loading was not finished.
    pub load_id: u64,
    /// First 16 bytes of SHA-256 over the object, its read-only data and map sizes.
    pub fingerprint: [u8; 16],
    /// CLOCK_BOOTTIME of the load.
    pub loaded_ns: u64,
    /// Daemons that have adopted this load so far.
    pub adopted: u64,
    /// Links that belong to it.
    pub links: u64,
}
