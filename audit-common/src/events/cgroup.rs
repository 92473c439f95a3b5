//! A cgroup was made or removed, in any hierarchy. Tail: CGROUP. The header is the caller's.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::header::Header;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Cgroup {
    pub header: Header,
    /// Kernfs id, unique within the hierarchy.
    pub id: u64,
    /// 0 is the unified one.
    pub hierarchy: u32,
    pub level: u32,
}

const _: () = assert!(size_of::<Cgroup>() == 160);
