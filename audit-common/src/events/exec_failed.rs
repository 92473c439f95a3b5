//! A program was asked for and not executed.
//!
//! Tails: FILENAME and ARGV as the caller's memory held them (a claim of the program, readable by
//! its other threads), CWD; BASE if execveat named a descriptor; TTY if there is one.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::header::Header;

/// `ExecFailed::flags`
pub mod flag {
    /// Failed after the old program was gone: its arguments cannot be known.
    pub const PAST_RETURN: u32 = 1 << 0;
    /// execveat with AT_EMPTY_PATH.
    pub const EMPTY_PATH: u32 = 1 << 1;
    /// execveat; `directory_fd` counts.
    pub const AT: u32 = 1 << 2;
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct ExecFailed {
    /// Ids and capabilities are the caller's.
    pub header: Header,
    pub parent_start_ns: u64,
    pub parent_tgid: u32,
    /// Positive.
    pub errno: u32,
    pub flags: u32,
    pub directory_fd: i32,
    pub namespace_pid: u32,
    pub argc: u32,
}

const _: () = assert!(size_of::<ExecFailed>() == 176);
