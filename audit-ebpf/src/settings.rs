//! The two read-only globals that the daemon fills in at load: offsets and settings.
//!
//! Owns their names. Read volatile and field by field: the compiler must not fold the zeros that
//! stand here, while to the verifier they are constants.

use audit_common::{offsets::Offsets, settings::Settings};

#[unsafe(no_mangle)]
pub static OFFSETS: Offsets = Offsets::ABSENT;
#[unsafe(no_mangle)]
pub static SETTINGS: Settings = Settings::ZERO;

/// A read that the compiler cannot fold into what stands in this file.
#[inline(always)]
pub fn constant<T: Copy>(at: &'static T) -> T {
    // SAFETY: a reference is readable.
    unsafe { core::ptr::read_volatile(at) }
}

/// The offset of a kernel member, as u64.
macro_rules! offset {
    ($field:ident) => {
        u64::from($crate::settings::constant(
            &$crate::settings::OFFSETS.$field,
        ))
    };
}

/// A setting of this load.
macro_rules! setting {
    ($field:ident) => {
        $crate::settings::constant(&$crate::settings::SETTINGS.$field)
    };
}

pub(crate) use {offset, setting};

/// Is this member there in the running kernel?
pub const fn present(offset: u64) -> bool {
    offset != audit_common::offsets::ABSENT as u64
}
