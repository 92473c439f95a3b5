//! The wire form of each event: a fixed part that begins with the header, then tails.
//!
//! Owns the layouts. A tail is `Tail` and then `stored` bytes; tails follow each other without
//! padding, in any order, until `Header::size` is used up. An unknown tag is skipped.

pub mod cgroup;
pub mod exec;
pub mod exec_failed;
pub mod exit;
pub mod file_act;
pub mod file_open;
pub mod fork;
pub mod net;
pub mod privilege;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Before each tail. Twelve bytes, packed: tails have no alignment.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Tail {
    pub tag: u16,
    pub flags: u16,
    /// Bytes that follow.
    pub stored: u32,
    /// Bytes that there were; equal to `stored` unless a flag says otherwise.
    pub original: u32,
}

pub const TAIL_BYTES: usize = size_of::<Tail>();
const _: () = assert!(TAIL_BYTES == 12);

/// `Tail::tag`
pub mod tag {
    /// A walk: see [`super::walk`]. The executed file.
    pub const EXE: u16 = 1;
    /// A walk. The working directory.
    pub const CWD: u16 = 2;
    /// String. What was asked to be executed, the kernel's copy.
    pub const FILENAME: u16 = 3;
    /// String. The interpreter that a script or binary format named.
    pub const INTERPRETER: u16 = 4;
    /// Arguments, each ended by NUL (the last one may be cut).
    pub const ARGV: u16 = 5;
    /// `NAME=value` of one listed variable.
    pub const ENVIRONMENT: u16 = 6;
    /// String. Name of the controlling terminal.
    pub const TTY: u16 = 7;
    /// String. Path of a cgroup, from its hierarchy's root.
    pub const CGROUP: u16 = 8;
    /// A walk. The directory (or file) behind execveat's descriptor.
    pub const BASE: u16 = 9;
    /// A walk. The object of a file event, as the process sees it.
    pub const FILE: u16 = 10;
    /// A walk. The same up to its file system's root, whatever is mounted where.
    pub const ON_DISK: u16 = 11;
    /// A walk. The directory that a second name starts from.
    pub const SECOND_BASE: u16 = 12;
    /// String. The second name of a call, as it was given.
    pub const SECOND_NAME: u16 = 13;
    /// String. Another word of a call, as it was given: the name of an attribute or file system type.
    pub const TEXT: u16 = 14;
    /// A walk. The second object of an act, as the process sees it; and up to its file system's root.
    pub const SECOND_FILE: u16 = 15;
    pub const SECOND_ON_DISK: u16 = 16;
    /// String. Name of a unix socket: that which was connected to, or a local one. An abstract one begins
    /// with NUL.
    pub const UNIX_NAME: u16 = 17;
    /// Groups of a process, four bytes each; and those of before.
    pub const GROUPS: u16 = 18;
    pub const OLD_GROUPS: u16 = 19;
    /// String. A name before it was changed.
    pub const OLD_TEXT: u16 = 20;
}

/// `Tail::flags`
pub mod tail_flag {
    /// Cut at a limit; `original` tells the whole length.
    pub const TRUNCATED: u16 = 1;
    /// `original` is a lower bound: counting stopped at a limit too.
    pub const UNCOUNTED: u16 = 2;
    /// The memory could not be read; nothing is stored.
    pub const UNREADABLE: u16 = 4;
    /// A walk that ended at a file system's root without meeting the process's own.
    pub const DETACHED: u16 = 8;
}

/// How a path is stored: its names from the leaf towards the root, each after one byte that is its
/// length. The root directory itself is no name, so `/` is zero bytes.
pub mod walk {
    /// The names of a stored walk, leaf first. Stops at the first name that is not whole.
    pub fn names(stored: &[u8]) -> impl Iterator<Item = &[u8]> {
        let mut rest = stored;
        core::iter::from_fn(move || {
            let (length, after) = rest.split_first()?;
            let name = after.get(..usize::from(*length))?;
            rest = &after[usize::from(*length)..];
            Some(name)
        })
    }

    /// Bytes of the path that these names make, `/` before each.
    pub fn path_bytes(stored: &[u8]) -> usize {
        names(stored)
            .map(|name| name.len() + 1)
            .sum::<usize>()
            .max(1)
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn names_come_leaf_first_and_stop_at_a_cut() {
            let stored = b"\x02sh\x03bin\x03usr";
            assert!(super::names(stored).eq([&b"sh"[..], b"bin", b"usr"]));
            assert_eq!(super::path_bytes(stored), "/usr/bin/sh".len());
            assert_eq!(super::names(b"\x02sh\x05bi").count(), 1);
            assert_eq!(super::path_bytes(b""), 1);
        }
    }
}
