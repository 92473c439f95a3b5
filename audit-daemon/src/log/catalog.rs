//! What is known of the sealed segments.
//!
//! **Owns** `sealed.jsonl`, so that retention can name the SHA-256 of a segment without reading
//! it again. **Must not** be trusted over the segments: it is a memo, and an entry that is
//! missing or does not fit the file is made again from the file.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::disk::{Disk, read_file, replace_file};
use super::names;

const FORMAT: u32 = 1;
/// Room for about 400,000 segments; what does not fit is made again.
const FILE_BYTES_MAX: u64 = 128 << 20;

/// A sealed segment: what the record about it has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// File name.
    pub name: String,
    /// Where it is (or was).
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the whole file in hex; `None` only if the disk could not read it.
    pub sha256: Option<String>,
    /// First sequence in it.
    pub first: u64,
    /// Last sequence in it.
    pub last: u64,
    /// Lines in it.
    pub records: u64,
}

/// One line of `sealed.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) records: u64,
}

impl Entry {
    pub(super) fn sealed(&self, dir: &Path) -> Sealed {
        Sealed {
            name: self.name.clone(),
            path: dir.join(&self.name),
            size: self.size,
            sha256: self.sha256.clone(),
            first: self.first,
            last: self.last,
            records: self.records,
        }
    }

    /// Whether it can be about the segment that it names.
    fn is_sound(&self) -> bool {
        self.name == names::segment(self.first) && self.first <= self.last && self.last < u64::MAX
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Header {
    format: u32,
    removed_below: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleting: Option<String>,
}

/// The content of `sealed.jsonl`.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    /// Retention removed everything below this sequence.
    pub(super) removed_below: u64,
    /// The segment whose removal was said and begun.
    pub(super) deleting: Option<String>,
    /// Oldest first.
    pub(super) entries: Vec<Entry>,
}

impl Catalog {
    /// Reads the file; what is damaged in it is left out. The flag tells whether there was one.
    pub(super) fn load<D: Disk>(disk: &D, dir: &Path) -> io::Result<(Self, bool)> {
        let Some(bytes) = read_file(disk, &dir.join(names::CATALOG), FILE_BYTES_MAX)? else {
            return Ok((Self::default(), false));
        };
        let mut lines = bytes.split(|&byte| byte == b'\n');
        let header = lines
            .next()
            .and_then(|line| serde_json::from_slice::<Header>(line).ok());
        let Some(header) = header.filter(|header| header.format == FORMAT) else {
            tracing::warn!("sealed.jsonl is damaged or of another format: it is made again");
            return Ok((Self::default(), false));
        };
        let mut entries: Vec<Entry> = lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .filter(Entry::is_sound)
            .collect();
        entries.sort_by_key(|entry| entry.first);
        entries.dedup_by_key(|entry| entry.first);
        let Header {
            removed_below,
            deleting,
            ..
        } = header;
        Ok((
            Self {
                removed_below,
                deleting,
                entries,
            },
            true,
        ))
    }

    pub(super) fn save<D: Disk>(&self, disk: &D, dir: &Path) -> io::Result<()> {
        let header = Header {
            format: FORMAT,
            removed_below: self.removed_below,
            deleting: self.deleting.clone(),
        };
        let mut bytes = serde_json::to_vec(&header)?;
        bytes.push(b'\n');
        for entry in &self.entries {
            serde_json::to_writer(&mut bytes, entry)?;
            bytes.push(b'\n');
        }
        replace_file(disk, dir, names::CATALOG, &bytes)
    }

    pub(super) fn get(&self, first: u64) -> Option<&Entry> {
        let at = self
            .entries
            .binary_search_by_key(&first, |entry| entry.first)
            .ok()?;
        self.entries.get(at)
    }
}
