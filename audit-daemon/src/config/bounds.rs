//! The least and the most that sizes, times and numbers may be, each with its reason.
//!
//! OWNS: these bounds. MUST NOT: know which setting they are for; `settings` does.

use std::time::Duration;

use super::quantity::{GIB, Interval, KIB, MIB, RingSize, Size, SizeOrAuto, TIB};
use super::scalar::Integer;

/// Two of the longest lines a record may have fit into the smallest segment.
pub(super) const SEGMENT_SIZE: Size = Size {
    min: 128 * KIB,
    max: 16 * GIB,
};

/// At least two of the smallest segments: one being written, one to delete.
pub(super) const CAP: SizeOrAuto = SizeOrAuto(Size {
    min: 256 * KIB,
    max: 1_024 * TIB,
});

/// Share of the file system that the log may fill by default.
pub(super) const CAP_AUTO_PERCENT: u64 = 5;

/// What the log may fill by default on a large file system.
pub(super) const CAP_AUTO_BYTES_MAX: u64 = 2 * GIB;

/// Below the least, the disk is busy with nothing else; above the most, a crash loses
/// what the rings cannot hold.
pub(super) const COMMIT_INTERVAL: Interval = Interval {
    min: Duration::from_millis(1),
    max: Duration::from_secs(1),
};

/// What BPF ring buffers can be, up to what one should pin of a host's memory.
pub(super) const RING: RingSize = RingSize {
    min: 4 * KIB,
    max: 256 * MIB,
};

/// The kernel programs' scratch slot ends at 32 KiB; below 256 bytes a command line is
/// no evidence.
pub(super) const COMMAND_LINE: Size = Size {
    min: 256,
    max: 32 * KIB,
};

/// From a small appliance to the most processes that 64-bit Linux has (PID_MAX_LIMIT).
pub(super) const PROCESSES: Integer = Integer {
    min: 1_024,
    max: 4_194_304,
};

/// From a handful of accounts to a large directory service.
pub(super) const USERS: Integer = Integer {
    min: 16,
    max: 1_048_576,
};

/// A directory service that needs longer than a minute does not answer.
pub(super) const LOOKUP_TIMEOUT: Interval = Interval {
    min: Duration::from_millis(10),
    max: Duration::from_secs(60),
};

/// Longer, and the time of a record says little.
pub(super) const FOLD_WINDOW: Interval = Interval {
    min: Duration::ZERO,
    max: Duration::from_secs(60),
};

/// Longer, and a minute's record is late by hours.
pub(super) const NETWORK_FOLD_WINDOW: Interval = Interval {
    min: Duration::from_secs(1),
    max: Duration::from_secs(3_600),
};

/// Zero is off.
pub(super) const FOLD_AFTER: Integer = Integer {
    min: 0,
    max: 1_000_000,
};

/// The kernel asks once more after a second, and gives up after some two minutes.
pub(super) const PENDING_AFTER: Interval = Interval {
    min: Duration::from_secs(1),
    max: Duration::from_secs(120),
};

/// More than a machine can record.
pub(super) const PROCESS_RATE: Integer = Integer {
    min: 0,
    max: 10_000_000,
};

/// Zero is off. Twice a second is more than a test wants; a hook must be missed within the hour.
pub(super) const SELFTEST_INTERVAL: Interval = Interval {
    min: Duration::ZERO,
    max: Duration::from_secs(3_600),
};

/// Counts are the proof of completeness: at least one record of them a day.
pub(super) const COUNTS_INTERVAL: Interval = Interval {
    min: Duration::from_secs(1),
    max: Duration::from_secs(86_400),
};
