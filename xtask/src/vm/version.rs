//! The order of Debian package versions.
//!
//! Owns: the comparison (epoch, upstream version, revision; letters before other signs, `~`
//! before everything, even the end) and which versions belong to a kernel series.
//! Must not: know where versions come from.

use std::cmp::Ordering;

/// Compares two versions as dpkg does.
pub fn compare(left: &str, right: &str) -> Ordering {
    let (left_epoch, left) = split_epoch(left);
    let (right_epoch, right) = split_epoch(right);
    let (left_upstream, left_revision) = split_revision(left);
    let (right_upstream, right_revision) = split_revision(right);
    left_epoch
        .cmp(&right_epoch)
        .then_with(|| compare_part(left_upstream, right_upstream))
        .then_with(|| compare_part(left_revision, right_revision))
}

/// Whether `version` is of `series`: `6.1` has 6.1-1, 6.1.9 and 6.1~rc3, but not 6.18.
pub fn belongs(version: &str, series: &str) -> bool {
    let (_, version) = split_epoch(version);
    version
        .strip_prefix(series)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '~', '-', '+']))
}

fn split_epoch(version: &str) -> (u64, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    }
}

fn split_revision(version: &str) -> (&str, &str) {
    version.rsplit_once('-').unwrap_or((version, "0"))
}

/// Alternately compares a stretch of non-digits and one of digits.
fn compare_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        let (left_signs, left_rest) = split_at_first(left, |byte| byte.is_ascii_digit());
        let (right_signs, right_rest) = split_at_first(right, |byte| byte.is_ascii_digit());
        for index in 0..left_signs.len().max(right_signs.len()) {
            let weights = (
                weight(left_signs.get(index)),
                weight(right_signs.get(index)),
            );
            match weights.0.cmp(&weights.1) {
                Ordering::Equal => {}
                unequal => return unequal,
            }
        }
        let (left_digits, left_rest) = split_at_first(left_rest, |byte| !byte.is_ascii_digit());
        let (right_digits, right_rest) = split_at_first(right_rest, |byte| !byte.is_ascii_digit());
        match compare_digits(left_digits, right_digits) {
            Ordering::Equal => (left, right) = (left_rest, right_rest),
            unequal => return unequal,
        }
    }
    Ordering::Equal
}

fn compare_digits(left: &[u8], right: &[u8]) -> Ordering {
    let (_, left) = split_at_first(left, |byte| byte != b'0');
    let (_, right) = split_at_first(right, |byte| byte != b'0');
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

fn split_at_first(bytes: &[u8], stop: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    bytes.split_at(
        bytes
            .iter()
            .position(|&byte| stop(byte))
            .unwrap_or(bytes.len()),
    )
}

fn weight(sign: Option<&u8>) -> i32 {
    match sign {
        Some(b'~') => -1,
        None => 0,
        Some(byte) if byte.is_ascii_alphabetic() => i32::from(*byte),
        Some(byte) => i32::from(*byte) + 256,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_in_the_order_of_dpkg() {
        let sorted = [
            "5.10~rc1-1",
            "5.10-1",
            "5.10.9-1",
            "5.10.70-1",
            "5.10.70-1+deb11u1",
            "5.10.262-1",
            "6.1-1",
            "7.3~rc4-1~exp1",
            "7.3.4-1~bpo13+1",
            "7.3.4-1",
            "7.3.4-1a",
            "7.3.4-1+b1",
            "7.3.4a-1",
            "7.3.10-1",
            "1:0.1",
        ];
        for (i, left) in sorted.iter().enumerate() {
            for (j, right) in sorted.iter().enumerate() {
                assert_eq!(compare(left, right), i.cmp(&j), "{left} {right}");
            }
        }
        assert_eq!(compare("1.0-0", "1.0"), Ordering::Equal);
        assert_eq!(compare("1.01-1", "1.1-1"), Ordering::Equal);
    }

    #[test]
    fn a_series_is_no_prefix_of_another() {
        for (version, series, expected) in [
            ("6.1.192-1", "6.1", true),
            ("6.1-1~exp1", "6.1", true),
            ("6.1~rc3-1", "6.1", true),
            ("6.18.15-1", "6.1", false),
            ("6.12.117-1", "6.1", false),
            ("7.3.4-1~bpo13+1", "7.3.4", true),
            ("7.3.40-1", "7.3.4", false),
            ("5.10.262-1", "6.1", false),
        ] {
            assert_eq!(belongs(version, series), expected, "{version} {series}");
        }
    }
}
