//! From walks and names to paths as a reader expects them.
//!
//! Owns the joining: names come leaf first, records want the root first. Must not normalise what a
//! program asked for: `..` and symbolic links stay as they were given.

use audit_common::{Header, events::walk, header::flag, limits::PATH_BYTES_MAX};

use crate::{decode::Part, record::view::Text};

/// Working memory, one buffer for each path that a record may need at the same time.
#[derive(Default)]
pub struct Paths {
    pub file: Vec<u8>,
    pub directory: Vec<u8>,
    pub script: Vec<u8>,
    pub on_disk: Vec<u8>,
}

/// A joined path, and how long it was before it was cut.
#[derive(Clone, Copy)]
pub struct Joined<'a> {
    pub bytes: &'a [u8],
    pub cut_from: Option<u64>,
}

impl<'a> Joined<'a> {
    pub fn text(self) -> Text<'a> {
        Text {
            cut_from: self.cut_from,
            ..Text::whole(self.bytes)
        }
    }
}

/// A walk as a path. What has no place in any tree (a memfd) is its bare name. The kernel may store
/// a little more than a path's limit: whole names are left out at the root's end, as it does itself.
pub fn join<'a>(part: &Part<'_>, to: &'a mut Vec<u8>) -> Joined<'a> {
    to.clear();
    let placeless = part.detached() && walk::names(part.bytes).count() == 1;
    let all = walk::path_bytes(part.bytes);
    let fitting = walk::names(part.bytes)
        .map(|name| name.len() + 1)
        .scan(0, |length, name| {
            *length += name;
            Some(*length)
        })
        .take_while(|length| *length <= PATH_BYTES_MAX);
    let kept = if all <= PATH_BYTES_MAX {
        all
    } else {
        fitting.last().unwrap_or(0)
    };
    let truncated = part.truncated() || kept < all;
    to.resize(kept, b'/');
    let mut end = kept;
    for name in walk::names(part.bytes) {
        let Some(start) = end.checked_sub(name.len()).filter(|start| *start > 0) else {
            break;
        };
        to[start..end].copy_from_slice(name);
        end = start - 1;
    }
    if placeless || truncated && !to.is_empty() {
        // No `/` in front of what does not begin at a root.
        to.remove(0);
    }
    let cut_from = truncated.then_some(u64::from(part.original).max(all as u64));
    Joined {
        bytes: to,
        cut_from,
    }
}

/// Is a walk a whole path of the host? So it is if whoever acted there sees the host's tree, even where the
/// mounts have changed since.
pub fn is_hosts(header: &Header, walk: Option<&Part<'_>>) -> bool {
    const HOME: u32 = flag::HOST_ROOT | flag::HOST_MNT_NS;
    header.flags & HOME == HOME
        && walk
            .is_some_and(|walk| walk.flags == 0 && walk::path_bytes(walk.bytes) <= PATH_BYTES_MAX)
}

/// A name that was asked for, made absolute by the directory that it was asked in.
pub fn absolute<'a>(
    directory: Option<&Part<'_>>,
    asked: &Part<'_>,
    to: &'a mut Vec<u8>,
) -> Joined<'a> {
    let cut = |length: usize| asked.truncated().then_some(length as u64);
    if asked.bytes.starts_with(b"/") || directory.is_none() {
        to.clear();
        to.extend_from_slice(asked.bytes);
        let cut_from = cut(asked.original as usize);
        return Joined {
            bytes: to,
            cut_from,
        };
    }
    let directory_cut = directory.and_then(|directory| join(directory, to).cut_from);
    if !asked.bytes.is_empty() {
        if to.last() != Some(&b'/') {
            to.push(b'/');
        }
        // `./x` asked in a directory is that directory's x.
        let name = asked
            .bytes
            .strip_prefix(b"./")
            .filter(|rest| !rest.is_empty());
        to.extend_from_slice(name.unwrap_or(asked.bytes));
    }
    let rest = asked.original as usize - asked.bytes.len().min(asked.original as usize);
    let cut_from = cut(to.len() + rest).or(directory_cut.map(|cut| cut + asked.bytes.len() as u64));
    Joined {
        bytes: to,
        cut_from,
    }
}

#[cfg(test)]
mod tests {
    use audit_common::events::tail_flag::{DETACHED, TRUNCATED};

    use super::*;

    fn part(bytes: &[u8], flags: u16) -> Part<'_> {
        Part {
            bytes,
            original: bytes.len() as u32,
            flags,
        }
    }

    fn joined(bytes: &[u8], flags: u16) -> String {
        let mut to = Vec::new();
        String::from_utf8(join(&part(bytes, flags), &mut to).bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_walk_becomes_a_path() {
        assert_eq!(joined(b"\x02sh\x03bin\x03usr", 0), "/usr/bin/sh");
        assert_eq!(joined(b"", 0), "/");
        assert_eq!(joined(b"\x09memfd:kit", DETACHED), "memfd:kit");
        assert_eq!(joined(b"\x01b\x01a", DETACHED), "/a/b");
        // The root end is lost.
        assert_eq!(joined(b"\x01b\x01a", TRUNCATED), "a/b");
    }

    #[test]
    fn only_a_whole_walk_of_who_sees_the_hosts_tree_is_a_path_of_it() {
        let header = |flags| Header {
            flags,
            ..zerocopy::FromZeros::new_zeroed()
        };
        let home = header(flag::HOST_ROOT | flag::HOST_MNT_NS);
        assert!(is_hosts(&home, Some(&part(b"\x01a", 0))));
        assert!(!is_hosts(&home, None));
        assert!(!is_hosts(&home, Some(&part(b"\x01a", DETACHED))));
        assert!(!is_hosts(&home, Some(&part(b"\x01a", TRUNCATED))));
        let jailed = header(flag::HOST_MNT_NS);
        assert!(!is_hosts(&jailed, Some(&part(b"\x01a", 0))));
        let contained = header(flag::HOST_ROOT);
        assert!(!is_hosts(&contained, Some(&part(b"\x01a", 0))));
    }

    #[test]
    fn a_path_over_the_limit_loses_whole_names_at_its_root() {
        let level = [&[99][..], &[b'd'; 99]].concat();
        let leaf = b"\x04leaf";
        let fits = [&leaf[..], &level.repeat(40)].concat();
        let mut to = Vec::new();
        let whole = join(&part(&fits, 0), &mut to);
        assert_eq!((whole.bytes.len(), whole.cut_from), (4005, None));
        let over = [&leaf[..], &level.repeat(42)].concat();
        let cut = join(&part(&over, 0), &mut to);
        assert_eq!((cut.bytes.len(), cut.cut_from), (4004, Some(4205)));
        assert!(cut.bytes.starts_with(b"dd") && cut.bytes.ends_with(b"d/leaf"));
    }

    #[test]
    fn a_relative_name_is_joined_to_its_directory() {
        let absolute = |directory: &[u8], asked: &[u8]| {
            let (directory, mut to) = (part(directory, 0), Vec::new());
            let joined = absolute(Some(&directory), &part(asked, 0), &mut to);
            String::from_utf8(joined.bytes.to_vec()).unwrap()
        };
        assert_eq!(absolute(b"\x01a", b"./x"), "/a/x");
        assert_eq!(absolute(b"\x01a", b"../x"), "/a/../x");
        assert_eq!(absolute(b"", b"x/y"), "/x/y");
        assert_eq!(absolute(b"\x01a", b"/bin/x"), "/bin/x");
        assert_eq!(absolute(b"\x01a", b""), "/a");
    }
}
