//! A program was executed.
//!
//! Tails: EXE, CWD, FILENAME, ARGV always; INTERPRETER for a script or misc format; TTY if there
//! is one; ENVIRONMENT once for each listed variable that is set.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::header::Header;

/// `Exec::flags`
pub mod flag {
    /// `before_*` are known.
    pub const BEFORE: u32 = 1 << 0;
    /// The file is an interpreter; what was asked for is in the tail FILENAME.
    pub const INTERPRETED: u32 = 1 << 1;
    /// Not all environment strings were looked at, or more were set than are kept.
    pub const ENVIRONMENT_INCOMPLETE: u32 = 1 << 2;
    /// The file is on the file system of the host's root.
    pub const ON_ROOT_FS: u32 = 1 << 3;
    /// Whether the file is an interpreter is not known.
    pub const INTERPRETED_UNKNOWN: u32 = 1 << 4;
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Exec {
    /// Ids and capabilities are those after the act.
    pub header: Header,
    pub file_ino: u64,
    /// major << 20 | minor
    pub file_dev: u32,
    pub file_mode: u32,
    pub file_links: u32,
    pub file_owner: u32,
    pub fs_magic: u32,
    pub flags: u32,
    pub cap_permitted: u64,
    pub before_cap_effective: u64,
    pub before_cap_permitted: u64,
    pub before_uid: u32,
    pub before_euid: u32,
    pub before_gid: u32,
    pub before_egid: u32,
    /// The parent's identity as of now; the daemon knows who forked.
    pub parent_start_ns: u64,
    pub parent_tgid: u32,
    /// The calling thread's id, if it was not the leader; it has become the leader.
    pub old_tid: u32,
    pub argc: u32,
    /// Pid in the innermost pid namespace.
    pub namespace_pid: u32,
    /// When the file was changed last, in nanoseconds since 1970; 0 is not known.
    pub file_ctime_ns: i64,
    pub file_size: u64,
}

const _: () = assert!(size_of::<Exec>() == 256);
