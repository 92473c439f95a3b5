//! The argument strings of an exec that failed, one by one from the caller's memory.
//!
//! Owns the copy under way in a slot's state. What is read is the program's own word.

use audit_common::events::{tag, tail_flag};

use crate::{
    read::{self, mask},
    scratch::{self, Frame, Word},
    settings::setting,
    tails::Tails,
};

/// One copy under way, in the slot's state.
#[repr(C)]
struct Copy {
    argv: Word,
    /// Bytes of one pointer.
    pointer: Word,
    /// Offset in the slot where the strings go.
    to: Word,
    /// Bytes stored; at most the limit.
    stored: Word,
    /// Bytes that there were, NULs included.
    original: Word,
    count: Word,
    /// One of the constants below.
    done: Word,
    unused: Word,
}

const UNDER_WAY: u64 = 0;
const COMPLETE: u64 = 1;
const UNREADABLE: u64 = 2;

/// # Safety
/// As for [`scratch::state`].
#[inline(always)]
unsafe fn copy<'a>(slot: *mut u8) -> &'a mut Copy {
    const _: () = assert!(size_of::<Copy>() == 8 * size_of::<Word>());
    // SAFETY: the caller's; the state has eight words for it.
    unsafe { &mut *(&raw mut scratch::state(slot).copy).cast::<Copy>() }
}

/// Appends the arguments; gives their number.
#[inline(always)]
pub fn push(tails: Tails, argv: u64, pointer: u64) -> u32 {
    // SAFETY: a large slot, by construction of `Tails`.
    let copy = unsafe { copy(tails.slot) };
    copy.argv.set(argv);
    copy.pointer.set(pointer);
    copy.to.set(tails.content_at());
    copy.stored.set(0);
    copy.original.set(0);
    copy.count.set(0);
    // No array at all is an empty one, as Linux has it.
    copy.done.set(if argv == 0 { COMPLETE } else { UNDER_WAY });
    if argv != 0 {
        strings::follow(&mut Frame { slot: tails.slot });
    }
    let (stored, original, done) = (copy.stored.get(), copy.original.get(), copy.done.get());
    let count = copy.count.get();
    let mut flags = 0;
    if original > stored {
        flags |= tail_flag::TRUNCATED;
    }
    if done != COMPLETE {
        flags |= tail_flag::UNCOUNTED;
        flags |= if count == 0 {
            tail_flag::UNREADABLE
        } else {
            tail_flag::TRUNCATED
        };
    }
    tails.push(tag::ARGV, flags, mask!(stored, 0xffff), original);
    count as u32
}

/// Copies one argument; true when there is no further one.
#[inline(always)]
fn step(slot: *mut u8) -> bool {
    // SAFETY: a large slot: `follow` is called by `push` only.
    let copy = unsafe { copy(slot) };
    let (count, pointer) = (copy.count.get(), copy.pointer.get());
    let at = copy.argv.get() + count * pointer;
    let string = if pointer == 4 {
        read::try_user::<u32>(at).map(u64::from)
    } else {
        read::try_user::<u64>(at)
    };
    let Some(string) = string else {
        copy.done.set(UNREADABLE);
        return true;
    };
    if string == 0 {
        copy.done.set(COMPLETE);
        return true;
    }
    let limit = u64::from(setting!(argv_bytes));
    let stored = copy.stored.get();
    // SAFETY: masked to EVENT_BYTES_MAX; a slot is longer than that by ARGUMENT_BYTES. What runs
    // over the limit lies behind the event's end and is not submitted.
    let got = unsafe {
        let to = slot.add(mask!(copy.to.get() + stored, 0xffff) as usize);
        read::user_string(to, ARGUMENT_BYTES, string)
    };
    if got <= 0 {
        copy.done.set(UNREADABLE);
        return true;
    }
    copy.count.set(count + 1);
    let original = copy.original.get() + got as u64;
    copy.original.set(original);
    copy.stored
        .set(if original > limit { limit } else { original });
    if got as u64 == u64::from(ARGUMENT_BYTES) {
        // Longer than one look: how much there is behind it is not known.
        copy.done.set(UNREADABLE);
        return true;
    }
    false
}

/// One argument of a failed exec, at most.
const ARGUMENT_BYTES: u32 = audit_common::limits::ARGV_BYTES_MAX + 1;

#[cfg(not(feature = "legacy"))]
mod strings {
    use core::ffi::c_void;

    use audit_common::limits::FAILED_ARGS_MAX;

    use super::{Frame, step};
    use crate::read;

    extern "C" fn string(_index: u64, frame: *mut c_void) -> i64 {
        // SAFETY: `follow` passes a frame on its own stack.
        i64::from(step(unsafe { (*frame.cast::<Frame>()).slot }))
    }

    #[inline(always)]
    pub fn follow(frame: &mut Frame) {
        read::repeat(FAILED_ARGS_MAX, string, frame);
    }
}

#[cfg(feature = "legacy")]
mod strings {
    use audit_common::limits::FAILED_ARGS_MAX_LEGACY;

    use super::{Frame, step};

    #[inline(always)]
    pub fn follow(frame: &mut Frame) {
        for _ in 0..FAILED_ARGS_MAX_LEGACY {
            if step(frame.slot) {
                return;
            }
        }
    }
}
