//! JSON with the order of its keys kept, and the rules that hold in every record.
//!
//! Written against the text of RECORDS, not against the writer: escapes are compared with those
//! of serde_json, key orders stand here a second time.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    Bool(bool),
    Integer(i64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub fn parse(line: &[u8]) -> Json {
        serde_json::from_slice(line).unwrap_or_else(|error| {
            panic!("{error} in {}", String::from_utf8_lossy(line));
        })
    }

    /// The value at a dotted path.
    pub fn at(&self, path: &str) -> Option<&Json> {
        path.split(['.', '['])
            .try_fold(self, |value, part| match value {
                Json::Object(members) => members.iter().find(|(key, _)| key == part).map(|m| &m.1),
                Json::List(items) => items.get(part.strip_suffix(']')?.parse::<usize>().ok()?),
                _ => None,
            })
    }

    pub fn text_at(&self, path: &str) -> Option<&str> {
        match self.at(path)? {
            Json::Text(text) => Some(text),
            other => panic!("{path} is {other:?}"),
        }
    }

    /// Of a map with paths as keys, which are no path into that map.
    pub fn noted(&self, map: &str, path: &str) -> Option<&Json> {
        match self.at("unmapped")?.at(map)? {
            Json::Object(members) => members.iter().find(|(key, _)| key == path).map(|m| &m.1),
            other => panic!("{map} is {other:?}"),
        }
    }

    pub fn keys(&self) -> Vec<&str> {
        match self {
            Json::Object(members) => members.iter().map(|(key, _)| key.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("anything but null and fractions")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        if value.unsigned_abs() >= 1 << 53 {
            return Err(E::custom("integer beyond 2^53"));
        }
        Ok(Json::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        self.visit_i64(i64::try_from(value).map_err(E::custom)?)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        if list.is_empty() {
            return Err(A::Error::custom("empty array"));
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let mut object: Vec<(String, Json)> = Vec::new();
        while let Some((key, value)) = members.next_entry::<String, Json>()? {
            if object.iter().any(|(other, _)| *other == key) {
                return Err(A::Error::custom(format!("{key} twice")));
            }
            object.push((key, value));
        }
        if object.is_empty() {
            return Err(A::Error::custom("empty object"));
        }
        Ok(Json::Object(object))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Bool(value) => serializer.serialize_bool(*value),
            Json::Integer(value) => serializer.serialize_i64(*value),
            Json::Text(value) => serializer.serialize_str(value),
            Json::List(items) => items.serialize(serializer),
            Json::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// Keys of each object, in their order.
fn order(object: &str) -> &'static str {
    match object {
        "" => {
            "time time_dt class_uid category_uid activity_id activity_name type_uid severity_id \
             status_id status status_code status_detail message count duration start_time \
             start_time_dt end_time end_time_dt metadata device actor process base_address size \
             launch_type_id exit_code driver kernel log_name file entity entity_result unmapped"
        }
        "metadata" => {
            "version product profiles event_code uid sequence original_event_uid correlation_uid \
             is_truncated labels"
        }
        "device" => "hostname uid type_id boot_uid os",
        "kernel" => "name type_id type path system_call",
        "change" => "old new",
        "clock" => "from to step_ms",
        "os" => "name type_id version kernel_release",
        "actor" => "process user session",
        "process" | "parent_process" | "ancestry" => {
            "pid uid name path file cmd_line working_directory environment_variables user group \
             euid egid container namespace_pid parent_process ancestry xattributes"
        }
        "container" => "uid name image runtime orchestrator pod_uuid tags",
        "file" => "name path type_id uid size modified_time owner hashes is_deleted xattributes",
        "unmapped" => {
            "session_ip unknown pending source truncated raw masked change clock counts loss \
             coverage segment checkpoint selftest"
        }
        "counts" => "critical bulk",
        "critical" | "bulk" => "seen filtered submitted lost recorded folded left_out",
        "user" | "group" | "image" => "uid name",
        _ => "",
    }
}

const SORTED: [&str; 7] = [
    "xattributes",
    "source",
    "truncated",
    "raw",
    "masked",
    "filtered",
    "left_out",
];

/// What every record keeps, whatever bytes went in.
pub fn check(line: &[u8]) -> Json {
    assert!(line.len() <= 65_536, "{} bytes", line.len());
    let record = Json::parse(line);
    let written: String = serde_json::to_string(&record)
        .unwrap()
        .chars()
        .map(|c| match c {
            '\u{7f}'..='\u{9f}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => format!("\\u{:04x}", c as u32),
            c => c.to_string(),
        })
        .collect();
    assert_eq!(
        String::from_utf8_lossy(line),
        written,
        "compact, with these escapes"
    );
    check_order("", &record);

    let truncated = record
        .at("unmapped")
        .is_some_and(|u| u.at("truncated").is_some());
    let is_truncated = record.at("metadata.is_truncated") == Some(&Json::Bool(true));
    assert_eq!(truncated, is_truncated, "{written}");
    let unmapped = record.at("unmapped");
    for map in ["source", "truncated", "raw", "masked"] {
        let map = unmapped.and_then(|unmapped| unmapped.at(map));
        for path in map.map(Json::keys).unwrap_or_default() {
            assert!(record.at(path).is_some(), "{path} is not in {written}");
        }
    }
    for list in ["unknown", "pending"] {
        let Some(Json::List(paths)) = unmapped.and_then(|unmapped| unmapped.at(list)) else {
            continue;
        };
        for path in paths {
            let Json::Text(path) = path else {
                panic!("{path:?} is no path")
            };
            let value = record.at(path);
            assert!(
                matches!(value, None | Some(Json::Integer(0))),
                "{path} is {value:?}"
            );
        }
    }
    record
}

fn check_order(name: &str, value: &Json) {
    match value {
        Json::List(items) => items.iter().for_each(|item| check_order(name, item)),
        Json::Object(members) => {
            let keys = value.keys();
            if SORTED.contains(&name) {
                assert!(keys.is_sorted(), "{name}: {keys:?}");
            } else if !order(name).is_empty() {
                let order: Vec<&str> = order(name).split_whitespace().collect();
                let places: Vec<_> = keys
                    .iter()
                    .map(|key| order.iter().position(|k| k == key))
                    .collect();
                assert!(
                    places.iter().all(Option::is_some) && places.is_sorted(),
                    "{name}: {keys:?}"
                );
            }
            members
                .iter()
                .for_each(|(key, value)| check_order(key, value));
        }
        _ => {}
    }
}
