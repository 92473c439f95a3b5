//! Requests under way: their events, by the address of the request.
//!
//! Owns both maps. `REQUESTS` has what some end is certain to come for; each entry is taken once.
//! `SKIPPED` has what is told already and comes again only if it fails: the oldest may go.

use core::ffi::c_void;

use audit_common::limits::{REQUESTS_MAX, REQUESTS_SKIPPED_MAX};
use aya_ebpf::{
    helpers::generated,
    macros::map,
    maps::{HashMap, LruHashMap},
};

pub use crate::kept::EVENT_BYTES;
use crate::{
    kept::{self, Kept},
    watch,
};

#[map]
static REQUESTS: HashMap<u64, Kept> = HashMap::with_max_entries(REQUESTS_MAX, 0);
#[map]
static SKIPPED: LruHashMap<u64, Kept> = LruHashMap::with_max_entries(REQUESTS_SKIPPED_MAX, 0);

/// What is kept beside the event.
#[repr(C)]
pub struct Notes {
    /// Bytes of the event.
    pub size: u64,
    pub ring: u64,
    pub user_data: u64,
    /// The submitter's descriptors.
    pub files: u64,
    pub opcode: u64,
    /// Why it may be watched if nothing was there; 0: it is not.
    pub common: u32,
    /// Why otherwise.
    pub other: u32,
    /// 1: the object is in the ring's own table, and its number no descriptor.
    pub fixed: u32,
    /// 1: it counts as moving until it ends.
    pub moves: u32,
}

impl Notes {
    #[inline(always)]
    pub fn set_fixed(&mut self, fixed: bool) {
        // SAFETY: a reference is writable; volatile, so that the verifier forgets it.
        unsafe { core::ptr::write_volatile(&raw mut self.fixed, u32::from(fixed)) }
    }

    #[inline(always)]
    pub fn is_fixed(&self) -> bool {
        // SAFETY: a reference is readable.
        unsafe { core::ptr::read_volatile(&raw const self.fixed) != 0 }
    }
}

// SAFETY: numbers, the size first.
unsafe impl kept::Notes for Notes {}

/// # Safety
/// As for [`kept::notes`].
#[inline(always)]
pub unsafe fn notes<'a>(slot: *mut u8) -> &'a mut Notes {
    // SAFETY: the caller's.
    unsafe { kept::notes(slot) }
}

/// Keeps what stands in the slot; false: there is no room, or no end that would tell of a success.
#[inline(always)]
pub fn keep(address: u64, slot: *mut u8, skipped: bool) -> bool {
    // SAFETY: a large slot.
    let kept = unsafe { kept::in_slot(slot) };
    if skipped {
        let _ = SKIPPED.insert(&address, kept, 0);
        return false;
    }
    REQUESTS.insert(&address, kept, 0).is_ok()
}

#[inline(always)]
pub fn forget(address: u64) {
    let _ = SKIPPED.remove(&address);
}

/// Takes what was kept into the slot; false: nothing was.
#[inline(always)]
pub fn take(address: u64, slot: *mut u8) -> bool {
    if let Some(kept) = REQUESTS.get_ptr(&address) {
        kept::copy::<Notes>(kept, slot);
        let taken = REQUESTS.remove(&address).is_ok();
        // SAFETY: they were copied there.
        if taken && unsafe { notes(slot) }.moves != 0 {
            watch::has_moved();
        }
        return taken;
    }
    if let Some(kept) = SKIPPED.get_ptr(&address) {
        kept::copy::<Notes>(kept, slot);
        return SKIPPED.remove(&address).is_ok();
    }
    false
}

/// The request of this ring with this data, if one is kept; 0: none.
#[inline(always)]
pub fn find(ring: u64, user_data: u64) -> u64 {
    let mut search = Search {
        ring,
        user_data,
        found: 0,
    };
    // SAFETY: the callback has the helper's signature, and the search outlives the call.
    unsafe {
        generated::bpf_for_each_map_elem(
            (&raw const REQUESTS).cast_mut().cast(),
            compare as *mut c_void,
            (&raw mut search).cast(),
            0,
        );
    }
    search.found
}

struct Search {
    ring: u64,
    user_data: u64,
    found: u64,
}

extern "C" fn compare(
    _map: *mut c_void,
    address: *const u64,
    kept: *const Kept,
    search: *mut c_void,
) -> i64 {
    // SAFETY: `find` passes a search on its own stack; key and value are the map's.
    unsafe {
        let search = &mut *search.cast::<Search>();
        let notes = &*kept::notes_of::<Notes>(kept);
        if notes.ring != search.ring || notes.user_data != search.user_data {
            return 0;
        }
        search.found = *address;
        1
    }
}
