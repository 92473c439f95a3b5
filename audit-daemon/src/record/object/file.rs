//! `file`: a path, the name that is its last part, and the inode as the kernel has it.
//!
//! OWNS: file types, `<major>:<minor>:<inode>`, names out of paths.
//! MUST NOT: resolve or normalise a path; that was done, or could not be done, before.

use crate::record::decimal;
use crate::record::limits;
use crate::record::line::{Line, key};
use crate::record::notes::At;
use crate::record::time;
use crate::record::view::{Fact, FileDetails, FileView, Inode, Source, Text};

impl Line<'_> {
    /// `file`: of a process its executable, of a file event its object.
    pub fn file(&mut self, at: &At, file: &FileView) {
        self.file_as("\"file\":{", at, file);
    }

    /// What an act made of a file: its new name, or what has changed in it.
    pub fn file_result(&mut self, at: &At, file: &FileView) {
        self.file_as("\"file_result\":{", at, file);
    }

    fn file_as(&mut self, begin: &'static str, at: &At, file: &FileView) {
        let path = shown_path(&file.path);
        self.raw(begin);
        self.file_name(at, &path);
        self.path(key!("path"), &at.field("path"), &path);
        self.file_identity(at, file);
        self.file_rest(at, file);
        self.close();
    }

    /// What has changed in a file whose path stands in `file`.
    pub fn file_changed(&mut self, at: &At, file: &FileView) {
        self.raw("\"file_result\":{");
        self.file_name(at, &shown_path(&file.path));
        let type_id = match &file.inode {
            Fact::Known(inode) => type_id(inode.mode),
            _ => type_id(file.kind),
        };
        self.integer(key!("type_id"), type_id);
        self.file_rest(at, file);
        self.close();
    }

    fn file_identity(&mut self, at: &At, file: &FileView) {
        if let Fact::Known(inode) = &file.inode {
            let type_id = type_id(inode.mode);
            self.integer(key!("type_id"), type_id);
            if type_id == 0 {
                self.notes.unknown(&at.field("type_id"));
            }
            self.inode(key!("uid"), inode);
            if file.path.source == Source::Userspace {
                self.notes.source(&at.field("uid"), Source::Userspace);
            }
            return;
        }
        let type_id = type_id(file.kind);
        self.integer(key!("type_id"), type_id);
        if type_id == 0 {
            self.known(&at.field("type_id"), &file.inode);
        }
        self.known(&at.field("uid"), &file.inode);
    }

    fn file_rest(&mut self, at: &At, file: &FileView) {
        let nothing;
        let more = match file.details {
            Some(more) => more,
            None => {
                nothing = FileDetails::default();
                &nothing
            }
        };
        if let Some(size) = more.size {
            self.integer(key!("size"), size);
        }
        if let Some((modified, source)) = more.modified {
            self.signed(key!("modified_time"), time::milliseconds(modified));
            if source != Source::Kernel {
                self.notes.source(&at.field("modified_time"), source);
            }
        }
        if let Some((uid, name)) = more.owner {
            self.raw("\"owner\":{");
            self.identity(key!("uid"), uid.into());
            if let Some(name) = name {
                let at = at.field("owner");
                self.string(key!("name"), &at.field("name"), name.as_bytes());
            }
            self.close();
        }
        if file.is_deleted {
            self.raw("\"is_deleted\":true,");
        }
        if file.links > 1 || file.permissions.is_some() || file.details.is_some() {
            let begin = self.out.len();
            self.raw("\"xattributes\":{");
            let empty = self.out.len();
            self.file_xattributes(&at.field("xattributes"), file, more);
            match self.out.len() == empty {
                true => self.out.truncate(begin),
                false => self.close(),
            }
        }
    }

    /// In the order of their names.
    fn file_xattributes(&mut self, at: &At, file: &FileView, more: &FileDetails) {
        let limit = limits::STRING_BYTES_MAX;
        if let Some(kind) = &more.fstype {
            self.text(key!("fstype"), &at.field("fstype"), kind, limit);
        }
        if file.links > 1 {
            self.integer(key!("hard_link_count"), u64::from(file.links));
        }
        if let Some(target) = &more.link_target {
            self.path(key!("link_target"), &at.field("link_target"), target);
        }
        if let Some(mode) = file.permissions {
            self.raw(key!("mode"));
            self.raw("\"");
            for shift in [9, 6, 3, 0] {
                self.out.push(b'0' + (mode >> shift & 7) as u8);
            }
            self.raw("\",");
            if more.permissions_source != Source::Kernel {
                self.notes
                    .source(&at.field("mode"), more.permissions_source);
            }
        }
        if let Some(options) = more.mount_options {
            let at = at.field("mount_options");
            self.string(key!("mount_options"), &at, options.as_bytes());
        }
        if let Some(source) = &more.mount_source {
            self.path(key!("mount_source"), &at.field("mount_source"), source);
        }
        if let Some(group) = more.primary_group {
            self.identity(key!("primary_group"), group.into());
        }
        if let Some((major, minor)) = more.rdev {
            self.raw("\"rdev\":\"");
            decimal::push_integer(self.out, u64::from(major));
            self.raw(":");
            decimal::push_integer(self.out, u64::from(minor));
            self.raw("\",");
        }
        if let Some(name) = &more.xattr {
            self.text(key!("xattr"), &at.field("xattr"), name, limit);
        }
        if let Some(size) = more.xattr_size {
            self.integer(key!("xattr_size"), size);
        }
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
