//! Appends tails to the event under construction in a scratch slot.
//!
//! Owns the write position. Invariants: every position is masked to the event's bound before it is
//! used; a tail that is cut carries TRUNCATED and the original length.

use audit_common::{
    events::{TAIL_BYTES, Tail, tail_flag},
    limits::{EVENT_BYTES_MAX, NAME_BYTES_MAX, PATH_BYTES_MAX},
};

use crate::{
    read::{self, Memory, mask},
    scratch,
};

const _: () = assert!(EVENT_BYTES_MAX == 0x10000, "the masks below");
const _: () = assert!(NAME_BYTES_MAX == 0xff);

/// One look at a string: a byte more than is kept, to know whether there is one, and the NUL.
const STRING_BYTES: u32 = PATH_BYTES_MAX as u32 + 2;

/// The tails of the event in one large slot.
#[derive(Clone, Copy)]
pub struct Tails {
    pub slot: *mut u8,
}

impl Tails {
    /// # Safety
    /// `slot` is a large scratch slot; `fixed` the size of the event's fixed part.
    #[inline(always)]
    pub unsafe fn after(slot: *mut u8, fixed: usize) -> Tails {
        // SAFETY: the caller's.
        unsafe { scratch::state(slot) }.position.set(fixed as u64);
        Tails { slot }
    }

    #[inline(always)]
    fn position(self) -> u64 {
        // SAFETY: a large slot, by construction.
        unsafe { scratch::state(self.slot) }.position.get()
    }

    /// Offset in the slot at which the next tail's content begins.
    #[inline(always)]
    pub fn content_at(self) -> u64 {
        self.position() + TAIL_BYTES as u64
    }

    /// Where the content of the next tail goes.
    #[inline(always)]
    pub fn content(self) -> *mut u8 {
        // SAFETY: masked to EVENT_BYTES_MAX; a slot is longer than that by the longest read.
        unsafe { self.slot.add(mask!(self.content_at(), 0xffff) as usize) }
    }

    /// Writes the head of the tail whose content has just been written, and steps over both.
    #[inline(always)]
    pub fn push(self, tag: u16, flags: u16, stored: u64, original: u64) {
        let head = Tail {
            tag,
            flags,
            stored: stored as u32,
            original: original as u32,
        };
        let at = mask!(self.position(), 0xffff);
        // SAFETY: as in `content`.
        unsafe {
            self.slot
                .add(at as usize)
                .cast::<Tail>()
                .write_unaligned(head);
            scratch::state(self.slot)
                .position
                .set(at + TAIL_BYTES as u64 + stored);
        }
    }

    /// A NUL-ended kernel string, stored without its NUL, up to PATH_BYTES_MAX.
    #[inline(always)]
    pub fn kernel_string(self, tag: u16, from: u64) {
        // SAFETY: `content` leaves room for a 32 KiB read.
        let got = unsafe { read::kernel_string(self.content(), STRING_BYTES, from) };
        self.string(tag, got);
    }

    /// The same from user memory.
    #[inline(always)]
    pub fn user_string(self, tag: u16, from: u64) {
        // SAFETY: as above.
        let got = unsafe { read::user_string(self.content(), STRING_BYTES, from) };
        self.string(tag, got);
    }

    /// The same from either.
    #[inline(always)]
    pub fn string_of(self, tag: u16, from: u64, memory: Memory) {
        match memory {
            Memory::Program => self.user_string(tag, from),
            Memory::Kernel => self.kernel_string(tag, from),
        }
    }

    #[inline(always)]
    fn string(self, tag: u16, got: i64) {
        if got <= 0 {
            self.push(tag, tail_flag::UNREADABLE, 0, 0);
            return;
        }
        // The helper's length includes the NUL, also when it cut the string there.
        let original = got as u64 - 1;
        let (stored, flags) = if original > PATH_BYTES_MAX as u64 {
            (
                PATH_BYTES_MAX as u64,
                tail_flag::TRUNCATED | tail_flag::UNCOUNTED,
            )
        } else {
            (original, 0)
        };
        self.push(tag, flags, mask!(stored, 0x1fff), original);
    }

    /// The finished event's size.
    #[inline(always)]
    pub fn size(self) -> u64 {
        mask!(self.position(), 0xffff)
    }
}
