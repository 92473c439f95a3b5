//! A process ended: its last thread is gone. Threads that end before it make no event.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::header::Header;

/// `Exit::flags`
pub mod flag {
    /// The kernel itself said that this is the last thread. Without it several threads that end
    /// at once may each make this event: the daemon keeps the first.
    pub const CERTAIN: u32 = 1 << 0;
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Exit {
    pub header: Header,
    /// As wait(2) has it: exit status << 8, or signal, 0x80 if core was dumped.
    pub status: u32,
    pub flags: u32,
}

const _: () = assert!(size_of::<Exit>() == 152);
