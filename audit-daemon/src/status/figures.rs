//! Figures as people read them: bytes, counts, times.
//!
//! OWNS: their form in tables. MUST NOT: know what they count.

/// `1.3 GiB`; whole numbers from 10 on.
pub(super) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    scaled(bytes, 1024, &UNITS, 10)
}

/// `41,209,118`.
pub(super) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `41.2 M`: where [`count`] would not fit.
pub(super) fn count_short(count: u64) -> String {
    const UNITS: [&str; 6] = ["k", "M", "G", "T", "P", "E"];
    if count < 10_000 {
        return self::count(count);
    }
    scaled(count, 1000, &UNITS, 100)
}

/// `3 d 4 h`, `4 h 12 min`, `8 min`, `12 s`: two parts at most.
pub(super) fn uptime(seconds: u64) -> String {
    const PARTS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let first = PARTS
        .iter()
        .position(|(size, _)| seconds >= *size)
        .unwrap_or(PARTS.len() - 1);
    let (size, unit) = PARTS[first];
    let mut text = format!("{} {unit}", seconds / size);
    if let Some((next_size, next_unit)) = PARTS.get(first + 1) {
        let rest = seconds % size / next_size;
        if rest > 0 {
            text.push_str(&format!(" {rest} {next_unit}"));
        }
    }
    text
}

/// `0.4`, `6`, `1,200` milliseconds: one decimal below ten.
pub(super) fn milliseconds(us: u64) -> String {
    let tenths = us / 100 + u64::from(us % 100 >= 50);
    if tenths < 100 && !tenths.is_multiple_of(10) {
        format!("{}.{}", tenths / 10, tenths % 10)
    } else {
        count(us / 1000 + u64::from(us % 1000 >= 500))
    }
}

/// `0.4` percent from millionths.
pub(super) fn percent(ppm: u64) -> String {
    let tenths = ppm / 1000 + u64::from(ppm % 1000 >= 500);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// `1 restart`, `3 restarts`.
pub fn plural(number: u64, word: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {word}{ending}", count(number))
}

/// In the largest unit that leaves at least 1; one decimal below `decimal_below`.
fn scaled(value: u64, base: u64, units: &[&str], decimal_below: u128) -> String {
    // Tenths of the unit, rounded; 128 bits because a u64 in tenths may not fit.
    let mut size = u128::from(base);
    let mut nth = 0;
    let tenths = |size: u128| (u128::from(value) * 10 + size / 2) / size;
    while nth + 1 < units.len() && tenths(size) >= u128::from(base) * 10 {
        size *= u128::from(base);
        nth += 1;
    }
    let tenths = tenths(size);
    if tenths >= decimal_below * 10 {
        format!("{} {}", (tenths + 5) / 10, units[nth])
    } else {
        format!("{}.{} {}", tenths / 10, tenths % 10, units[nth])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_exact() {
        let mib = 1 << 20;
        for (value, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (412 * mib, "412 MiB"),
            (mib - 1, "1.0 MiB"),
            (1_395_864_371, "1.3 GiB"),
            (2 << 30, "2.0 GiB"),
            (u64::MAX, "16 EiB"),
            (41 * mib, "41 MiB"),
        ] {
            assert_eq!(bytes(value), text);
        }
        for (value, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (41_209_118, "41,209,118"),
        ] {
            assert_eq!(count(value), text);
        }
        for (value, text) in [
            (9_999, "9,999"),
            (10_000, "10.0 k"),
            (41_209_118, "41.2 M"),
            (999_999, "1.0 M"),
        ] {
            assert_eq!(count_short(value), text);
        }
        for (value, text) in [
            (0, "0 s"),
            (61, "1 min 1 s"),
            (273_600, "3 d 4 h"),
            (86_400, "1 d"),
            (3_599, "59 min 59 s"),
        ] {
            assert_eq!(uptime(value), text);
        }
        for (value, text) in [
            (0, "0"),
            (49, "0"),
            (50, "0.1"),
            (6_001, "6"),
            (9_960, "10"),
            (1_200_499, "1,200"),
        ] {
            assert_eq!(milliseconds(value), text);
        }
        assert_eq!(
            (percent(4_000), percent(1_049_999)),
            ("0.4".into(), "105.0".into())
        );
        assert_eq!(
            (plural(1, "restart"), plural(0, "day")),
            ("1 restart".into(), "0 days".into())
        );
    }
}
