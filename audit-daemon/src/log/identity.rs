//! Who this log is.
//!
//! **Owns** `identity.json`: the log's id, and the kernel load whose events it is recording.
//! **Must not** know what a kernel load is: it keeps two names and a number for the caller.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::disk::{Disk, read_file, replace_file};
use super::names;

/// Version of the format of `identity.json`.
const FORMAT: u32 = 1;
/// Far above what the file needs: two names and some numbers.
const FILE_BYTES_MAX: u64 = 4_096;
/// Longest name taken from the file.
const NAME_BYTES_MAX: usize = 128;
const RANDOM_SOURCE: &str = "/dev/urandom";
const ID_DIGITS: usize = 12;

/// 12 hex digits, random, made once with the log.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogId(String);

impl LogId {
    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes exactly 12 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        (text.len() == ID_DIGITS && text.bytes().all(hex)).then(|| Self(text.to_owned()))
    }

    /// A new one from the kernel's random source.
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0; ID_DIGITS / 2];
        File::open(RANDOM_SOURCE)?.read_exact(&mut bytes)?;
        Ok(Self(
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    }
}

impl TryFrom<String> for LogId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not 12 hex digits"))
    }
}

impl From<LogId> for String {
    fn from(id: LogId) -> Self {
        id.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where the numbers of the kernel's events begin: one load of the programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The load, as the kernel side names it.
    pub load_id: String,
    /// The boot in which it was made.
    pub boot_id: String,
    /// The first sequence of this log written under that load: no event of it lies before.
    pub first_sequence: u64,
}

/// The content of `identity.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    format: u32,
    /// The log's id.
    pub log_id: LogId,
    /// The current load, once there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// What was found in the place of an identity.
pub(super) enum Found {
    Identity(Identity),
    Nothing,
    Damaged(String),
}

impl Identity {
    pub(super) fn new(log_id: LogId) -> Self {
        Self {
            format: FORMAT,
            log_id,
            origin: None,
        }
    }

    pub(super) fn load<D: Disk>(disk: &D, dir: &Path) -> io::Result<Found> {
        let Some(bytes) = read_file(disk, &dir.join(names::IDENTITY), FILE_BYTES_MAX)? else {
            return Ok(Found::Nothing);
        };
        Ok(match serde_json::from_slice::<Self>(&bytes) {
            Err(error) => Found::Damaged(format!("damaged ({error})")),
            Ok(identity) if identity.format != FORMAT => {
                Found::Damaged(format!("of format {}, not {FORMAT}", identity.format))
            }
            Ok(identity) if !identity.is_bounded() => Found::Damaged("too long".to_owned()),
            Ok(identity) => Found::Identity(identity),
        })
    }

    pub(super) fn save<D: Disk>(&self, disk: &D, dir: &Path) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(self)?;
        bytes.push(b'\n');
        replace_file(disk, dir, names::IDENTITY, &bytes)
    }

    pub(super) fn is_bounded(&self) -> bool {
        self.origin.as_ref().is_none_or(|origin| {
            origin.load_id.len() <= NAME_BYTES_MAX && origin.boot_id.len() <= NAME_BYTES_MAX
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_twelve_lower_case_hex_digits() {
        assert_eq!(
            LogId::parse("9f1c2b7a40d3").unwrap().as_str(),
            "9f1c2b7a40d3"
        );
        for bad in [
            "",
            "9f1c2b7a40d",
            "9f1c2b7a40d33",
            "9F1C2B7A40D3",
            "9f1c2b7a40dg",
        ] {
            assert_eq!(LogId::parse(bad), None, "{bad}");
        }
        let made = LogId::random().unwrap();
        assert!(LogId::parse(made.as_str()).is_some());
        assert_ne!(made, LogId::random().unwrap());
    }

    #[test]
    fn the_format_is_pinned() {
        let mut identity = Identity::new(LogId::parse("9f1c2b7a40d3").unwrap());
        let text = serde_json::to_string(&identity).unwrap();
        assert_eq!(text, r#"{"format":1,"log_id":"9f1c2b7a40d3"}"#);
        identity.origin = Some(Origin {
            load_id: "l".into(),
            boot_id: "b".into(),
            first_sequence: 7,
        });
        let text = serde_json::to_string(&identity).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"format":1,"log_id":"9f1c2b7a40d3","#,
                r#""origin":{"load_id":"l","boot_id":"b","first_sequence":7}}"#
            )
        );
        assert_eq!(serde_json::from_str::<Identity>(&text).unwrap(), identity);
    }
}
