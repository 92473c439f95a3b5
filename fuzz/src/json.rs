//! Is this a record? One JSON object, no key twice, nothing that a terminal acts on, within a line.
//!
//! Owns the check of the form alone; what a record means is checked by the golden tests.

use std::{collections::HashSet, fmt};

use audit_daemon::log::LINE_BYTES_MAX;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Panics, with the line, if it is not.
pub fn assert_record(line: &[u8]) {
    assert!(line.len() <= LINE_BYTES_MAX, "{} bytes", line.len());
    let text = std::str::from_utf8(line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    assert!(
        !text.chars().any(char::is_control),
        "a control character: {text:?}"
    );
    assert!(text.starts_with('{'), "no object: {text}");
    if let Err(error) = serde_json::from_str::<NoKeyTwice>(text) {
        panic!("{error}: {text}");
    }
}

/// The `metadata.sequence` that it carries.
pub fn sequence(line: &[u8]) -> Option<u64> {
    let record: serde_json::Value = serde_json::from_slice(line).ok()?;
    record["metadata"]["sequence"].as_u64()
}

struct NoKeyTwice;

impl<'de> Deserialize<'de> for NoKeyTwice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = NoKeyTwice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without a key that comes twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NoKeyTwice, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value::<NoKeyTwice>()?;
            if let Some(twice) = keys.replace(key) {
                return Err(A::Error::custom(format!("the key {twice:?} comes twice")));
            }
        }
        Ok(NoKeyTwice)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<NoKeyTwice, A::Error> {
        while list.next_element::<NoKeyTwice>()?.is_some() {}
        Ok(NoKeyTwice)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<NoKeyTwice, E> {
        Ok(NoKeyTwice)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<NoKeyTwice, E> {
        Ok(NoKeyTwice)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<NoKeyTwice, E> {
        Ok(NoKeyTwice)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<NoKeyTwice, E> {
        Ok(NoKeyTwice)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<NoKeyTwice, E> {
        Ok(NoKeyTwice)
    }

    fn visit_unit<E: Error>(self) -> Result<NoKeyTwice, E> {
        Ok(NoKeyTwice)
    }
}
