//! Copies the listed environment variables of a new program; no other part of it is kept.
//!
//! Owns the map of listed names, which the daemon fills. Each string's beginning is looked at (its
//! name must be read to know whether it is listed), and what is not listed is overwritten by the
//! next string.

use audit_common::{
    events::{tag, tail_flag},
    limits::{ENV_KEPT_MAX, ENV_LISTED_MAX, ENV_NAME_BYTES_MAX, ENV_VALUE_BYTES_MAX},
};
use aya_ebpf::{macros::map, maps::HashMap};

use crate::{
    read::{self, mask},
    scratch::{self, Frame, Word},
    settings::{offset, setting},
    tails::Tails,
};

type Name = [u8; ENV_NAME_BYTES_MAX];

/// Listed names, NUL-padded.
#[map]
static ENV_NAMES: HashMap<Name, u8> = HashMap::with_max_entries(ENV_LISTED_MAX, 0);

/// Longest `NAME=value` kept, with its NUL.
const STRING_BYTES: u32 = (ENV_NAME_BYTES_MAX + 1 + ENV_VALUE_BYTES_MAX + 1) as u32;
const _: () = assert!(STRING_BYTES < 0x7ff);
/// What one look at an unlisted string reads at most.
const SKIP_BYTES: u32 = 4096;

/// One search under way, in the slot's state.
#[repr(C)]
struct Search {
    at: Word,
    end: Word,
    kept: Word,
    /// One of the constants below.
    done: Word,
}

const UNDER_WAY: u64 = 0;
const COMPLETE: u64 = 1;
/// More were set than are kept, or memory was unreadable.
const INCOMPLETE: u64 = 2;

/// # Safety
/// As for [`scratch::state`].
#[inline(always)]
unsafe fn search<'a>(slot: *mut u8) -> &'a mut Search {
    const _: () = assert!(size_of::<Search>() == 4 * size_of::<Word>());
    // SAFETY: the caller's; the state has four words for it.
    unsafe { &mut *(&raw mut scratch::state(slot).search).cast::<Search>() }
}

/// Appends a tail for each listed variable; false if the search is incomplete.
#[inline(always)]
pub fn push(tails: Tails, mm: u64) -> bool {
    let at: u64 = read::kernel(mm + offset!(mm_env_start));
    let end: u64 = read::kernel(mm + offset!(mm_env_end));
    if setting!(env_letters) == 0 || at >= end {
        return true;
    }
    // SAFETY: a large slot, by construction of `Tails`.
    let search = unsafe { search(tails.slot) };
    search.at.set(at);
    search.end.set(end);
    search.kept.set(0);
    search.done.set(UNDER_WAY);
    strings::follow(&mut Frame { slot: tails.slot });
    search.done.get() == COMPLETE
}

/// Looks at one string; true when the search is over.
#[inline(always)]
fn step(slot: *mut u8) -> bool {
    // SAFETY: a large slot: `follow` is called by `push` only.
    let search = unsafe { search(slot) };
    let tails = Tails { slot };
    let at = search.at.get();
    if at >= search.end.get() {
        search.done.set(COMPLETE);
        return true;
    }
    let Some(start) = read::try_user::<u8>(at) else {
        search.done.set(INCOMPLETE);
        return true;
    };
    if setting!(env_letters) >> mask!(u64::from(start), 0x3f) & 1 == 1 && listed(at) {
        let kept = search.kept.get();
        if kept >= u64::from(ENV_KEPT_MAX) {
            search.done.set(INCOMPLETE);
            return true;
        }
        keep(tails, at);
        search.kept.set(kept + 1);
    }
    // The whole length, in steps: a value may be as long as the environment.
    // SAFETY: a tail's content has room for SKIP_BYTES; what is read here is not submitted.
    let got = unsafe { read::user_string(tails.content(), SKIP_BYTES, at) };
    if got <= 0 {
        search.done.set(INCOMPLETE);
        return true;
    }
    let mut next = at + got as u64;
    if got as u64 == u64::from(SKIP_BYTES) {
        // Cut, so its NUL was not the string's own: go on in the middle of the same string.
        next = to_end_of_string(next - 1, tails);
    }
    search.at.set(next);
    false
}

/// Steps over the rest of a string that is longer than one look; a few looks cover the longest
/// argument that Linux allows.
#[inline(always)]
fn to_end_of_string(mut at: u64, tails: Tails) -> u64 {
    for _ in 0..8 {
        // SAFETY: a tail's content has room for a 32 KiB read.
        let got = unsafe { read::user_string(tails.content(), 0x7fff, at) };
        if got <= 0 {
            return at;
        }
        at += got as u64;
        if got != 0x7fff {
            return at;
        }
        at -= 1;
    }
    at
}

/// Is the name that begins at `at` listed?
#[inline(always)]
fn listed(at: u64) -> bool {
    let mut name: Name = [0; ENV_NAME_BYTES_MAX];
    // As a string: it stops at its end, behind which there may be no memory.
    // SAFETY: the destination is this array.
    let got = unsafe { read::user_string(name.as_mut_ptr(), ENV_NAME_BYTES_MAX as u32, at) };
    // SAFETY: a lookup; the value is not used.
    got > 0 && cut_at_equals(&mut name) && unsafe { ENV_NAMES.get(&name) }.is_some()
}

/// Zeroes the name from its `=` on, without branches (the verifier would follow each); false if
/// there is none.
#[inline(always)]
fn cut_at_equals(name: &mut Name) -> bool {
    let mut seen: u64 = 0;
    for byte in name.iter_mut() {
        let value = u64::from(*byte);
        seen |= (value ^ u64::from(b'=')).wrapping_sub(1) >> 63;
        *byte = (value & seen.wrapping_sub(1)) as u8;
    }
    seen == 1
}

#[inline(always)]
fn keep(tails: Tails, at: u64) {
    // SAFETY: a tail's content has room for STRING_BYTES.
    let got = unsafe { read::user_string(tails.content(), STRING_BYTES, at) };
    if got <= 0 {
        tails.push(tag::ENVIRONMENT, tail_flag::UNREADABLE, 0, 0);
        return;
    }
    let stored = mask!(got as u64 - 1, 0x7ff);
    if got as u64 != u64::from(STRING_BYTES) {
        tails.push(tag::ENVIRONMENT, 0, stored, stored);
        return;
    }
    // The rest is only counted, in the same place, and the kept part read once more.
    // SAFETY: a tail's content has room for a 32 KiB read.
    let rest = unsafe {
        let rest = read::user_string(tails.content(), 0x7fff, at + stored);
        read::user_string(tails.content(), STRING_BYTES, at);
        rest
    };
    let mut flags = tail_flag::TRUNCATED;
    if rest <= 0 || rest == 0x7fff {
        flags |= tail_flag::UNCOUNTED;
    }
    let original = stored + if rest > 0 { rest as u64 - 1 } else { 0 };
    tails.push(tag::ENVIRONMENT, flags, stored, original);
}

#[cfg(not(feature = "legacy"))]
mod strings {
    use core::ffi::c_void;

    use audit_common::limits::ENV_STRINGS_MAX;

    use super::{Frame, step};
    use crate::read;

    extern "C" fn string(_index: u64, frame: *mut c_void) -> i64 {
        // SAFETY: `follow` passes a frame on its own stack.
        i64::from(step(unsafe { (*frame.cast::<Frame>()).slot }))
    }

    #[inline(always)]
    pub fn follow(frame: &mut Frame) {
        read::repeat(ENV_STRINGS_MAX, string, frame);
    }
}

#[cfg(feature = "legacy")]
mod strings {
    use audit_common::limits::ENV_STRINGS_MAX_LEGACY;

    use super::{Frame, step};

    #[inline(always)]
    pub fn follow(frame: &mut Frame) {
        for _ in 0..ENV_STRINGS_MAX_LEGACY {
            if step(frame.slot) {
                return;
            }
        }
    }
}
