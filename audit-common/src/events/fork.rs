//! A process was made. Threads make no event. The header is the child's, of the moment it was made;
//! its `comm` is still the maker's.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::header::Header;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Fork {
    pub header: Header,
    /// Who becomes the parent (with CLONE_PARENT not the maker).
    pub parent_start_ns: u64,
    pub parent_tgid: u32,
    pub namespace_pid: u32,
    /// Who called.
    pub maker_start_ns: u64,
    pub maker_tgid: u32,
    pub reserved: u32,
}

const _: () = assert!(size_of::<Fork>() == 176);
