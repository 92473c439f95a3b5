//! An event that waits for its end in a map, with notes beside it: how both stand in a slot and in a value.
//!
//! Owns that layout. Whose events wait, by what key and for how long, is `file_act::object`'s and
//! `uring`'s.

use audit_common::limits::REQUEST_BYTES;

use crate::read::{self, mask};

pub type Kept = [u8; REQUEST_BYTES];

/// Bytes of an event that can be kept.
pub const EVENT_BYTES: usize = REQUEST_BYTES - NOTES_BYTES;
const NOTES_BYTES: usize = 64;
const _: () = assert!(EVENT_BYTES < 0x2000 && EVENT_BYTES.is_multiple_of(8));

/// # Safety
/// A `repr(C)` structure of plain numbers whose first word is the size of the event.
pub unsafe trait Notes: Sized {
    const FITS: () = assert!(size_of::<Self>() <= NOTES_BYTES && align_of::<Self>() <= 8);
}

/// # Safety
/// `slot` is a large slot in which an event of at most [`EVENT_BYTES`] stands or will stand, and no
/// other reference to its notes lives.
#[inline(always)]
pub unsafe fn notes<'a, N: Notes>(slot: *mut u8) -> &'a mut N {
    let () = N::FITS;
    // SAFETY: the caller's; the place is aligned to 8 bytes.
    unsafe { &mut *slot.add(EVENT_BYTES).cast::<N>() }
}

/// The notes of what is kept.
///
/// # Safety
/// `kept` is a live map value.
#[inline(always)]
pub unsafe fn notes_of<N: Notes>(kept: *const Kept) -> *const N {
    // SAFETY: inside the value.
    unsafe { kept.cast::<u8>().add(EVENT_BYTES).cast() }
}

/// What stands in the slot, to be copied into a map.
///
/// # Safety
/// `slot` is a large slot.
#[inline(always)]
pub unsafe fn in_slot<'a>(slot: *mut u8) -> &'a Kept {
    // SAFETY: a large slot is longer than what is kept.
    unsafe { &*slot.cast::<Kept>() }
}

/// Copies a map's value into a large slot.
#[inline(always)]
pub fn copy<N: Notes>(kept: *const Kept, slot: *mut u8) {
    // SAFETY: both are longer than what is read and written here; the size is masked.
    unsafe {
        let notes = notes_of::<N>(kept);
        let size = *notes.cast::<u64>();
        read::kernel_bytes(slot, mask!(size, 0x1fff), kept as u64);
        read::kernel_bytes(slot.add(EVENT_BYTES), size_of::<N>() as u64, notes as u64);
    }
}
