//! `file`: a path, the name that is its last part, and the inode as the kernel has it.
//!
//! OWNS: file types, `<major>:<minor>:<inode>`, names out of paths.
//! MUST NOT: resolve or normalise a path; that was done, or could not be done, before.

use crate::record::decimal;
use crate::record::limits;
use crate::record::line::{Line, key};
use crate::record::notes::At;
use crate::record::view::{Fact, FileView, Inode, Text};

impl Line<'_> {
    /// `file` as the executable of a process.
    pub fn file(&mut self, at: &At, file: &FileView) {
        let path = shown_path(&file.path);
        self.raw("\"file\":{");
        self.file_name(at, &path);
        self.path(key!("path"), &at.field("path"), &path);
        match &file.inode {
            Fact::Known(inode) => {
                let type_id = type_id(inode.mode);
                self.integer(key!("type_id"), type_id);
                if type_id == 0 {
                    self.notes.unknown(&at.field("type_id"));
                }
                self.inode(key!("uid"), inode);
            }
            Fact::Absent => self.raw("\"type_id\":0,"),
            unknown => {
                self.raw("\"type_id\":0,");
                self.known(&at.field("type_id"), unknown);
                self.known(&at.field("uid"), unknown);
            }
        }
        if file.is_deleted {
            self.raw("\"is_deleted\":true,");
        }
        if file.links > 1 || file.permissions.is_some() {
            self.raw("\"xattributes\":{");
            if file.links > 1 {
                self.integer(key!("hard_link_count"), u64::from(file.links));
            }
            if let Some(mode) = file.permissions {
                self.raw(key!("mode"));
                self.raw("\"");
                for shift in [9, 6, 3, 0] {
                    self.out.push(b'0' + (mode >> shift & 7) as u8);
                }
                self.raw("\",");
            }
            self.close();
        }
        self.close();
    }

    /// `<major>:<minor>:<inode>`
    #[inline(always)]
    pub fn inode(&mut self, key: &'static str, inode: &Inode) {
        self.raw(key);
        self.push_inode(inode);
    }

    fn push_inode(&mut self, inode: &Inode) {
        self.raw("\"");
        decimal::push_integer(self.out, u64::from(inode.major));
        self.raw(":");
        decimal::push_integer(self.out, u64::from(inode.minor));
        self.raw(":");
        decimal::push_integer(self.out, inode.number);
        self.raw("\",");
    }

    /// `name`: the last part of a path. If capture cut the path, only the beginning of the name may
    /// be left; its original length is then that of all that followed.
    pub fn file_name(&mut self, at: &At, path: &Text) {
        let name = last_part(path.bytes);
        let start = (path.bytes.len() - name.len()) as u64;
        let cut_from = path.cut_from.map(|length| length.saturating_sub(start));
        let name = Text {
            bytes: name,
            cut_from,
            ..Text::default()
        };
        self.text(
            key!("name"),
            &at.field("name"),
            &name,
            limits::STRING_BYTES_MAX,
        );
    }
}

/// A memory file has a name only; the kernel's walk puts its mount's root before it.
fn shown_path<'a>(path: &Text<'a>) -> Text<'a> {
    const MEMFD: &[u8] = b"/memfd:";
    if path.bytes.starts_with(MEMFD) {
        Text {
            bytes: &path.bytes[1..],
            ..*path
        }
    } else {
        *path
    }
}

/// What follows the last slash that something follows. A memory file's name is all of it.
fn last_part(path: &[u8]) -> &[u8] {
    let end = path
        .iter()
        .rposition(|&b| b != b'/')
        .map_or(0, |last| last + 1);
    if end == 0 || path.starts_with(b"memfd:") {
        return path;
    }
    match path[..end].iter().rposition(|&b| b == b'/') {
        Some(slash) => &path[slash + 1..end],
        None => &path[..end],
    }
}

/// OCSF's number for the type in `i_mode`.
fn type_id(mode: u32) -> u64 {
    const S_IFMT: u32 = 0o170_000;
    match mode & S_IFMT {
        0o100_000 => 1,
        0o040_000 => 2,
        0o020_000 => 3,
        0o060_000 => 4,
        0o140_000 => 5,
        0o010_000 => 6,
        0o120_000 => 7,
        _ => 0,
    }
}
