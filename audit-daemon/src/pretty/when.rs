//! Instants as people read them.
//!
//! OWNS: the zone, and when a date must be shown. MUST NOT: decide anything about records.
//!
//! A record of today shows its time of day; a record of another day shows its date too, so that
//! no time of day is ever taken for that of the wrong day.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::screen::{Line, Style, push_formatted};

pub(super) struct Clock {
    zone: TimeZone,
    now: fn() -> Timestamp,
}

impl Clock {
    pub(super) fn system(utc: bool) -> Self {
        let zone = if utc {
            TimeZone::UTC
        } else {
            TimeZone::system()
        };
        Self {
            zone,
            now: Timestamp::now,
        }
    }

    #[cfg(test)]
    pub(super) fn fixed(zone: TimeZone, now: fn() -> Timestamp) -> Self {
        Self { zone, now }
    }

    pub(super) fn zone_note(&self) -> String {
        let now = (self.now)().to_zoned(self.zone.clone());
        let offset = now.strftime("%:z").to_string();
        match offset.as_str() {
            "+00:00" => "times are UTC".to_owned(),
            _ => format!("times are {} (UTC{offset})", now.strftime("%Z")),
        }
    }

    /// The record's instant: `time_dt` is the authority, `time` (milliseconds) the spare.
    pub(super) fn instant(&self, time_dt: Option<&str>, time_ms: Option<i64>) -> Option<Zoned> {
        let exact = time_dt.and_then(|text| text.parse::<Timestamp>().ok());
        let instant = exact.or_else(|| Timestamp::from_millisecond(time_ms?).ok())?;
        Some(instant.to_zoned(self.zone.clone()))
    }

    /// `10:02:13.482`, or `2026-11-20 10:02:13.482` for another day; compact (`11-20 10:02:13`)
    /// without year and milliseconds.
    pub(super) fn push_time(&self, when: Option<Zoned>, compact: bool, line: &mut Line) {
        let text = line.scratch();
        match &when {
            None => text.push_str(if compact { "--:--:--" } else { "--:--:--.---" }),
            Some(when) => {
                let today = (self.now)().to_zoned(self.zone.clone()).date();
                if when.date() != today {
                    let form = if compact { "%m-%d" } else { "%Y-%m-%d" };
                    push_formatted(text, format_args!("{} ", when.strftime(form)));
                }
                push_clock(text, when);
                if !compact {
                    let ms = when.subsec_nanosecond() / 1_000_000;
                    push_formatted(text, format_args!(".{ms:03}"));
                }
            }
        }
        line.take_scratch(Style::Dim);
    }

    /// `10:02:19.1`: the ends of a time span, cut to tenths.
    pub(super) fn push_tenths(&self, when: &Zoned, out: &mut String) {
        push_clock(out, when);
        push_formatted(
            out,
            format_args!(".{}", when.subsec_nanosecond() / 100_000_000),
        );
    }
}

fn push_clock(out: &mut String, when: &Zoned) {
    let (hour, minute, second) = (when.hour(), when.minute(), when.second());
    push_formatted(out, format_args!("{hour:02}:{minute:02}:{second:02}"));
}
