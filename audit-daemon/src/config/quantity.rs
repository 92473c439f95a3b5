//! Kinds of values with a unit: sizes in bytes and lengths of time.
//!
//! OWNS: the grammar `<digits> <unit>`, the units and the bounds. MUST NOT: name any
//! setting, or look at the machine except for its page size.
//!
//! A number without a unit is refused: whether 64 means bytes or megabytes is what
//! configurations are misread for. For the same reason there is no MB beside MiB.

use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};
use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::escape::inline;
use super::nearest::nearest;
use super::reader::{At, Node};
use super::settings::Cap;
use super::table::{Scalar, string_schema};

pub(super) const KIB: u64 = 1 << 10;
pub(super) const MIB: u64 = 1 << 20;
pub(super) const GIB: u64 = 1 << 30;
pub(super) const TIB: u64 = 1 << 40;

/// A unit and how many of the smallest one it is.
type Unit = (&'static str, u64);

const SIZE_UNITS: &[Unit] = &[
    ("B", 1),
    ("KiB", KIB),
    ("MiB", MIB),
    ("GiB", GIB),
    ("TiB", TIB),
];

const TIME_UNITS: &[Unit] = &[
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

/// A quantity with its units and bounds, in the smallest unit.
struct Quantity {
    noun: &'static str,
    units: &'static [Unit],
    min: u64,
    max: u64,
}

impl Quantity {
    fn size(min: u64, max: u64) -> Self {
        Self {
            noun: "a size",
            units: SIZE_UNITS,
            min,
            max,
        }
    }

    fn expected(&self) -> String {
        let Self {
            units, min, max, ..
        } = *self;
        format!(
            "expected \"{}\" to \"{}\"",
            shown(min, units),
            shown(max, units)
        )
    }

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<u64> {
        let text = match node.get_ref() {
            DeValue::String(text) => text,
            DeValue::Integer(digits) => {
                let unit = self.units[0].0;
                let label = format!(
                    "write it with its unit, such as \"{} {unit}\"",
                    digits.as_str()
                );
                at.wrong_type(node, &format!("{} with a unit", self.noun), label);
                return None;
            }
            _ => {
                at.wrong_type(node, &format!("{} with a unit", self.noun), self.expected());
                return None;
            }
        };
        match self.parse(text) {
            Ok(value) => Some(value),
            Err((what, label)) => {
                at.refuse(node.span(), &what, label);
                None
            }
        }
    }

    /// The value of `text`, or what is wrong with it and what would be right.
    fn parse(&self, text: &str) -> Result<u64, (String, String)> {
        let digits_end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, rest) = text.split_at(digits_end);
        let unit = rest.trim_start_matches(' ');
        if digits.is_empty() || unit.starts_with(['.', ',']) {
            let what = format!("is not {}", self.noun);
            return Err((what, format!("{}, as a whole number", self.expected())));
        }
        let names = || self.units.iter().map(|(name, _)| *name);
        let Some((_, factor)) = self.units.iter().find(|(name, _)| *name == unit) else {
            let what = match unit {
                "" => "has no unit".to_owned(),
                unit => format!("has the unknown unit \"{}\"", inline(unit)),
            };
            let label = match nearest(unit, names()) {
                Some(near) => format!("did you mean \"{digits} {near}\"?"),
                None => format!("units: {}", names().collect::<Vec<_>>().join(", ")),
            };
            return Err((what, label));
        };
        let value = digits
            .parse::<u64>()
            .ok()
            .and_then(|count| count.checked_mul(*factor));
        match value {
            Some(value) if value < self.min => Err(("is too small".to_owned(), self.expected())),
            Some(value) if value <= self.max => Ok(value),
            _ => Err(("is too large".to_owned(), self.expected())),
        }
    }

    fn schema(&self) -> Json {
        let names: Vec<&str> = self.units.iter().map(|(name, _)| *name).collect();
        string_schema(&format!("^[0-9]+ *({})$", names.join("|")))
    }
}

/// `value` in the largest unit that leaves no rest.
fn shown(value: u64, units: &[Unit]) -> String {
    let fits = units
        .iter()
        .rev()
        .find(|(_, factor)| value != 0 && value.is_multiple_of(*factor));
    let (unit, factor) = fits.unwrap_or(&units[0]);
    format!("{} {unit}", value / factor)
}

/// `bytes` as a configuration would have it: `"64 MiB"` without its quotes.
pub(super) fn size_shown(bytes: u64) -> String {
    shown(bytes, SIZE_UNITS)
}

/// A size within bounds, in bytes.
#[derive(Debug)]
pub(super) struct Size {
    pub min: u64,
    pub max: u64,
}

impl Scalar for Size {
    type Value = u64;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<u64> {
        Quantity::size(self.min, self.max).read(node, at)
    }

    fn literal(&self, value: &u64) -> Json {
        json!(size_shown(*value))
    }

    fn schema(&self) -> Json {
        Quantity::size(self.min, self.max).schema()
    }
}

/// The size of a ring: a power of two of at least a page.
#[derive(Debug)]
pub(super) struct RingSize {
    pub min: u64,
    pub max: u64,
}

impl RingSize {
    /// Rings are made of whole pages, which are larger than 4 KiB on some machines.
    fn least(&self) -> u64 {
        let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
        self.min.max(
            page.and_then(|bytes| u64::try_from(bytes).ok())
                .unwrap_or(0),
        )
    }
}

impl Scalar for RingSize {
    type Value = u64;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<u64> {
        let size = Quantity::size(self.least(), self.max).read(node, at)?;
        if size.is_power_of_two() {
            return Some(size);
        }
        // Within bounds that are powers of two, so both neighbours are valid.
        let above = size.next_power_of_two();
        let label = format!(
            "nearest: \"{}\", \"{}\"",
            size_shown(above / 2),
            size_shown(above)
        );
        at.refuse(node.span(), "is not a power of two", label);
        None
    }

    fn literal(&self, value: &u64) -> Json {
        json!(size_shown(*value))
    }

    fn schema(&self) -> Json {
        Quantity::size(self.min, self.max).schema()
    }
}

/// A size, or `"auto"`.
#[derive(Debug)]
pub(super) struct SizeOrAuto(pub Size);

impl Scalar for SizeOrAuto {
    type Value = Cap;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<Cap> {
        match node.get_ref() {
            DeValue::String(word) if word == "auto" => Some(Cap::Auto),
            DeValue::String(word) if nearest(word, ["auto"]).is_some() => {
                at.refuse(node.span(), "is not a size", "did you mean \"auto\"?");
                None
            }
            _ => self.0.read(node, at).map(Cap::Bytes),
        }
    }

    fn literal(&self, value: &Cap) -> Json {
        match value {
            Cap::Auto => json!("auto"),
            Cap::Bytes(bytes) => Scalar::literal(&self.0, bytes),
        }
    }

    fn schema(&self) -> Json {
        json!({ "anyOf": [{ "const": "auto" }, Scalar::schema(&self.0)] })
    }
}

/// A length of time within bounds.
#[derive(Debug)]
pub(super) struct Interval {
    pub min: Duration,
    pub max: Duration,
}

impl Interval {
    fn quantity(&self) -> Quantity {
        let (min, max) = (micros(self.min), micros(self.max));
        Quantity {
            noun: "a length of time",
            units: TIME_UNITS,
            min,
            max,
        }
    }
}

impl Scalar for Interval {
    type Value = Duration;

    fn read(&self, node: &Node<'_>, at: &mut At<'_, '_>) -> Option<Duration> {
        self.quantity().read(node, at).map(Duration::from_micros)
    }

    fn literal(&self, value: &Duration) -> Json {
        json!(shown(micros(*value), TIME_UNITS))
    }

    fn schema(&self) -> Json {
        self.quantity().schema()
    }
}

/// Whole microseconds; half a million years are enough for any interval.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_or_without_a_space() {
        let any = Quantity::size(0, u64::MAX);
        for (text, expect) in [
            ("0 B", 0),
            ("512B", 512),
            ("64 MiB", 64 * MIB),
            ("64MiB", 64 * MIB),
            ("16777215 TiB", 16_777_215 * TIB),
        ] {
            assert_eq!(any.parse(text), Ok(expect), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_why() {
        let any = Quantity::size(KIB, GIB);
        for (text, what, label) in [
            (
                "",
                "is not a size",
                "expected \"1 KiB\" to \"1 GiB\", as a whole number",
            ),
            (
                "-1 MiB",
                "is not a size",
                "expected \"1 KiB\" to \"1 GiB\", as a whole number",
            ),
            (
                "1.5 MiB",
                "is not a size",
                "expected \"1 KiB\" to \"1 GiB\", as a whole number",
            ),
            ("64", "has no unit", "units: B, KiB, MiB, GiB, TiB"),
            (
                "64 MB",
                "has the unknown unit \"MB\"",
                "did you mean \"64 MiB\"?",
            ),
            (
                "64 mib",
                "has the unknown unit \"mib\"",
                "did you mean \"64 MiB\"?",
            ),
            (
                "64 parsec",
                "has the unknown unit \"parsec\"",
                "units: B, KiB, MiB, GiB, TiB",
            ),
            (
                "64 MiB ",
                "has the unknown unit \"MiB \"",
                "did you mean \"64 MiB\"?",
            ),
            ("1 B", "is too small", "expected \"1 KiB\" to \"1 GiB\""),
            ("2 GiB", "is too large", "expected \"1 KiB\" to \"1 GiB\""),
            (
                "18446744073709551616 B",
                "is too large",
                "expected \"1 KiB\" to \"1 GiB\"",
            ),
            (
                "18446744073709551615 TiB",
                "is too large",
                "expected \"1 KiB\" to \"1 GiB\"",
            ),
        ] {
            assert_eq!(
                any.parse(text),
                Err((what.to_owned(), label.to_owned())),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for (value, expect) in [
            (0, "0 B"),
            (1_000, "1000 B"),
            (64 * MIB, "64 MiB"),
            (TIB, "1 TiB"),
        ] {
            assert_eq!(size_shown(value), expect);
            assert_eq!(Quantity::size(0, u64::MAX).parse(expect), Ok(value));
        }
        for (value, expect) in [
            (5_000, "5 ms"),
            (300_000_000, "5 min"),
            (90_000_000, "90 s"),
        ] {
            assert_eq!(shown(value, TIME_UNITS), expect);
        }
    }
}
