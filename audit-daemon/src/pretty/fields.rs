//! The parts of a record that a line shows, borrowed from its JSON.
//!
//! OWNS: which keys are read. MUST NOT: format, or fail on keys that it does not know.
//! Every part is optional but the kind: a record of a later version still makes a line.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::unmapped::Unmapped;

/// A string borrowed from the input where it has no escapes. (serde borrows a bare `Cow`, but not
/// one inside an `Option`; this type borrows everywhere.)
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }

        deserializer.deserialize_str(TextVisitor)
    }
}

/// Enough of a record to name it when the rest has another shape than this version knows.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    pub time_dt: Option<Text<'a>>,
    pub time: Option<i64>,
    #[serde(borrow)]
    pub metadata: EnvelopeMetadata<'a>,
}

#[derive(Deserialize)]
pub(super) struct EnvelopeMetadata<'a> {
    #[serde(borrow)]
    pub event_code: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Record<'a> {
    #[serde(borrow)]
    pub time_dt: Option<Text<'a>>,
    pub time: Option<i64>,
    #[serde(default)]
    pub severity_id: i64,
    #[serde(default)]
    pub status_id: i64,
    #[serde(borrow)]
    pub status_code: Option<Text<'a>>,
    #[serde(borrow)]
    pub status_detail: Option<Text<'a>>,
    #[serde(borrow)]
    pub message: Option<Text<'a>>,
    pub count: Option<u64>,
    pub duration: Option<u64>,
    #[serde(borrow)]
    pub start_time_dt: Option<Text<'a>>,
    #[serde(borrow)]
    pub end_time_dt: Option<Text<'a>>,
    #[serde(borrow)]
    pub metadata: Metadata<'a>,
    #[serde(borrow, default)]
    pub actor: Actor<'a>,
    #[serde(borrow)]
    pub process: Option<Process<'a>>,
    #[serde(borrow)]
    pub file: Option<File<'a>>,
    #[serde(borrow)]
    pub file_result: Option<File<'a>>,
    #[serde(borrow)]
    pub driver: Option<Driver<'a>>,
    #[serde(borrow)]
    pub kernel: Option<Kernel<'a>>,
    #[serde(borrow)]
    pub entity: Option<Named<'a>>,
    #[serde(borrow)]
    pub user: Option<User<'a>>,
    #[serde(borrow)]
    pub service: Option<Named<'a>>,
    #[serde(borrow)]
    pub session: Option<Session<'a>>,
    #[serde(borrow)]
    pub src_endpoint: Option<Endpoint<'a>>,
    #[serde(borrow)]
    pub dst_endpoint: Option<Endpoint<'a>>,
    #[serde(borrow)]
    pub connection_info: Option<Connection<'a>>,
    pub exit_code: Option<i64>,
    #[serde(borrow)]
    pub finding_info: Option<Finding<'a>>,
    #[serde(borrow, default)]
    pub evidences: Vec<Evidence<'a>>,
    #[serde(borrow, default)]
    pub unmapped: Unmapped<'a>,
}

impl Record<'_> {
    pub(super) fn kind(&self) -> &str {
        &self.metadata.event_code
    }

    /// Of which process the line tells who it was: the one that acted, or that came to be.
    pub(super) fn subject(&self) -> Option<&Process<'_>> {
        let evidence = self
            .evidences
            .first()
            .and_then(|evidence| evidence.actor.process.as_ref());
        let is_own = self.kind().starts_with("process.");
        let own = self.process.as_ref().filter(|_| is_own);
        own.or(self.actor.process.as_ref())
            .or(self.process.as_ref())
            .or(evidence)
    }

    pub(super) fn login(&self) -> Option<&User<'_>> {
        let evidence = self
            .evidences
            .first()
            .and_then(|evidence| evidence.actor.user.as_ref());
        self.actor.user.as_ref().or(evidence)
    }

    pub(super) fn failed(&self) -> bool {
        self.status_id == STATUS_FAILURE || self.exit_code.is_some_and(|code| code != 0)
    }
}

pub(super) const STATUS_FAILURE: i64 = 2;
pub(super) const STATUS_OTHER: i64 = 99;

#[derive(Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub event_code: Text<'a>,
    #[serde(default)]
    pub sequence: u64,
    #[serde(default)]
    pub is_truncated: bool,
    #[serde(borrow, default)]
    pub labels: Vec<Text<'a>>,
}

#[derive(Deserialize, Default)]
pub(super) struct Actor<'a> {
    #[serde(borrow)]
    pub process: Option<Process<'a>>,
    #[serde(borrow)]
    pub user: Option<User<'a>>,
    #[serde(borrow)]
    pub session: Option<Session<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Process<'a> {
    pub pid: Option<u64>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub path: Option<Text<'a>>,
    #[serde(borrow)]
    pub file: Option<File<'a>>,
    #[serde(borrow)]
    pub cmd_line: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub environment_variables: Vec<Named<'a>>,
    #[serde(borrow)]
    pub user: Option<User<'a>>,
    pub euid: Option<u32>,
    pub egid: Option<u32>,
    #[serde(borrow)]
    pub container: Option<Container<'a>>,
    #[serde(borrow)]
    pub parent_process: Option<Box<Process<'a>>>,
    #[serde(borrow, default)]
    pub xattributes: ProcessMarks<'a>,
}

impl Process<'_> {
    /// The program's name as people call it: `comm`, else the last part of the path.
    pub(super) fn program(&self) -> Option<&str> {
        let of_file = || self.file.as_ref().and_then(|file| file.path.as_deref());
        self.name.as_deref().or_else(|| {
            let path = self.path.as_deref().or_else(of_file)?;
            Some(path.rsplit('/').next().unwrap_or(path))
        })
    }
}

#[derive(Deserialize, Default)]
pub(super) struct ProcessMarks<'a> {
    #[serde(borrow)]
    pub gain: Option<Text<'a>>,
    #[serde(borrow)]
    pub fileless: Option<Text<'a>>,
    #[serde(borrow)]
    pub cap_eff: Option<Text<'a>>,
    #[serde(borrow)]
    pub cap_eff_before: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct User<'a> {
    #[serde(borrow)]
    pub uid: Option<Text<'a>>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
}

impl User<'_> {
    pub(super) fn shown(&self) -> &str {
        let known = self.name.as_deref().or(self.uid.as_deref());
        known.filter(|text| !text.is_empty()).unwrap_or("?")
    }
}

#[derive(Deserialize)]
pub(super) struct Session<'a> {
    #[serde(borrow)]
    pub uid: Option<Text<'a>>,
    #[serde(borrow)]
    pub issuer: Option<Text<'a>>,
    #[serde(borrow)]
    pub terminal: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Container<'a> {
    #[serde(borrow)]
    pub uid: Option<Text<'a>>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub tags: Vec<Tag<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Tag<'a> {
    #[serde(borrow)]
    pub name: Text<'a>,
    #[serde(borrow)]
    pub value: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct File<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub path: Option<Text<'a>>,
    pub size: Option<u64>,
    #[serde(borrow)]
    pub owner: Option<User<'a>>,
    #[serde(borrow, default)]
    pub xattributes: FileMarks<'a>,
}

impl File<'_> {
    pub(super) fn shown(&self) -> &str {
        self.path.as_deref().or(self.name.as_deref()).unwrap_or("?")
    }
}

#[derive(Deserialize, Default)]
pub(super) struct FileMarks<'a> {
    #[serde(borrow)]
    pub mode: Option<Text<'a>>,
    #[serde(borrow)]
    pub primary_group: Option<Text<'a>>,
    #[serde(borrow)]
    pub link_target: Option<Text<'a>>,
    #[serde(borrow)]
    pub xattr: Option<Text<'a>>,
    #[serde(borrow)]
    pub fstype: Option<Text<'a>>,
    #[serde(borrow)]
    pub mount_source: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Driver<'a> {
    #[serde(borrow)]
    pub file: Option<File<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Kernel<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
    #[serde(borrow)]
    pub path: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub system_call: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Named<'a> {
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Endpoint<'a> {
    #[serde(borrow)]
    pub ip: Option<Text<'a>>,
    pub port: Option<u32>,
    #[serde(borrow)]
    pub name: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Connection<'a> {
    #[serde(borrow)]
    pub protocol_name: Option<Text<'a>>,
    pub direction_id: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Finding<'a> {
    #[serde(borrow)]
    pub title: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Evidence<'a> {
    #[serde(borrow, default)]
    pub actor: Actor<'a>,
}
