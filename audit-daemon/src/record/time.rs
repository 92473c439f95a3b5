//! Instants as RFC 3339 with nine decimals and `Z`.
//!
//! OWNS: the calendar. Events come in bursts, so the text of the last second is kept.
//! MUST NOT: read a clock.

use super::decimal;

/// Nanoseconds in a second.
const SECOND_NS: i64 = 1_000_000_000;
const MILLISECOND_NS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;

/// Milliseconds since 1970: `time_dt` cut, not rounded.
pub fn milliseconds(utc_ns: i64) -> i64 {
    utc_ns.div_euclid(MILLISECOND_NS)
}

/// Writes instants, and remembers the second of the last one.
#[derive(Debug)]
pub struct TimeText {
    second: i64,
    /// `2026-11-20T10:15:31.`
    text: [u8; 20],
}

impl TimeText {
    pub fn new() -> Self {
        TimeText {
            second: 0,
            text: second_text(0),
        }
    }

    /// Appends `utc_ns`, without quotes.
    pub fn push(&mut self, out: &mut Vec<u8>, utc_ns: i64) {
        let second = utc_ns.div_euclid(SECOND_NS);
        if second != self.second {
            self.second = second;
            self.text = second_text(second);
        }
        // Below 10^9, so it fits.
        let nanos = utc_ns.rem_euclid(SECOND_NS) as u32;
        let mut whole = [0; 30];
        whole[..20].copy_from_slice(&self.text);
        whole[20] = b'0' + (nanos / 100_000_000) as u8;
        for (place, divisor) in [(21, 1_000_000), (23, 10_000), (25, 100), (27, 1)] {
            whole[place..place + 2].copy_from_slice(&decimal::two_digits(nanos / divisor % 100));
        }
        whole[29] = b'Z';
        out.extend_from_slice(&whole);
    }
}

fn second_text(second: i64) -> [u8; 20] {
    let (year, month, day) = civil(second.div_euclid(DAY_SECONDS));
    let of_day = second.rem_euclid(DAY_SECONDS) as u32;
    let mut whole = *b"0000-00-00T00:00:00.";
    for (place, number) in [
        (0, year / 100),
        (2, year % 100),
        (5, month),
        (8, day),
        (11, of_day / 3_600),
        (14, of_day / 60 % 60),
        (17, of_day % 60),
    ] {
        whole[place..place + 2].copy_from_slice(&decimal::two_digits(number));
    }
    whole
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar. Years are counted
/// from March, so that the leap day is a year's last; an `i64` of nanoseconds spans 1677 to 2262.
fn civil(day: i64) -> (u32, u32, u32) {
    const ERA_DAYS: i64 = 146_097; // 400 years
    const FROM_MARCH_0000: i64 = 719_468;
    let shifted = day + FROM_MARCH_0000;
    let era = shifted.div_euclid(ERA_DAYS);
    let of_era = shifted.rem_euclid(ERA_DAYS);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day_of_month = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as u32, month as u32, day_of_month as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(utc_ns: i64) -> String {
        let mut out = Vec::new();
        TimeText::new().push(&mut out, utc_ns);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_instants() {
        for (utc_ns, want) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (1_795_169_731_233_924_352, "2026-11-20T10:15:31.233924352Z"),
            (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001Z"),
            (951_868_799_999_999_999, "2000-02-29T23:59:59.999999999Z"),
            (951_868_800_000_000_000, "2000-03-01T00:00:00.000000000Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
        ] {
            assert_eq!(text_of(utc_ns), want);
        }
    }

    fn is_leap(year: u32) -> bool {
        let divides = |n: u32| year.is_multiple_of(n);
        divides(400) || divides(4) && !divides(100)
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let length = |year: u32, month: u32| match month {
            2 if is_leap(year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        let mut today = civil(-106_751);
        for day in -106_750..=106_751 {
            let (year, month, date) = today;
            today = match (month, date) {
                (12, 31) => (year + 1, 1, 1),
                (m, d) if d == length(year, m) => (year, m + 1, 1),
                (m, d) => (year, m, d + 1),
            };
            assert_eq!(civil(day), today);
        }
    }

    #[test]
    fn the_kept_second_is_renewed() {
        let mut clock = TimeText::new();
        for utc_ns in [5_999_999_999, 6_000_000_000, 5_000_000_000, -1, 0] {
            let mut out = Vec::new();
            clock.push(&mut out, utc_ns);
            assert_eq!(String::from_utf8(out).unwrap(), text_of(utc_ns));
        }
    }

    #[test]
    fn milliseconds_are_cut_towards_the_past() {
        assert_eq!(milliseconds(1_999_999), 1);
        assert_eq!(milliseconds(-1), -1);
    }
}
