//! The names of files in the log directory.
//!
//! **Owns** the mapping between a sequence number and a segment's file name. **Must not** touch
//! the disk.

use std::ffi::OsStr;

pub(super) const LOCK: &str = "lock";
pub(super) const IDENTITY: &str = "identity.json";
pub(super) const MARK: &str = "durable";
pub(super) const CATALOG: &str = "sealed.jsonl";
pub(super) const TORN: &str = "torn";

/// Digits of a sequence in a name: those of `u64::MAX`, so that names sort as numbers do.
const DIGITS: usize = 20;
const SUFFIX: &str = ".jsonl";

/// Name of the segment that begins with `first`.
pub(super) fn segment(first: u64) -> String {
    format!("{first:020}{SUFFIX}")
}

/// The first sequence of the segment with this name; `None` if it is no segment's name.
pub(super) fn segment_first(name: &OsStr) -> Option<u64> {
    let digits = name.to_str()?.strip_suffix(SUFFIX)?;
    if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // The last number is none: nothing could follow it.
    digits.parse().ok().filter(|&first| first < u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_sort_as_numbers() {
        for first in [0, 1, 9, 10, 1_048_640, u64::MAX - 1] {
            assert_eq!(segment_first(OsStr::new(&segment(first))), Some(first));
        }
        assert!(segment(9) < segment(10));
        assert_eq!(segment(71_032), "00000000000000071032.jsonl");
    }

    #[test]
    fn other_names_are_no_segments() {
        for name in [
            "1.jsonl",
            "sealed.jsonl",
            "00000000000000000001.json",
            "+0000000000000000001.jsonl",
            "99999999999999999999.jsonl",
            "18446744073709551615.jsonl",
            "00000000000000000001.jsonl.tmp",
            "",
        ] {
            assert_eq!(segment_first(OsStr::new(name)), None, "{name}");
        }
    }
}
