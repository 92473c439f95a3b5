//! Equal opens: the first is sent, the others are counted.
//!
//! Owns the table of repeats. Not in the legacy flavour: this must be a function of its own, for inlined it
//! does not fit on the stack, and with one the verifiers of old kernels take every number for one that
//! matters and follow each way to the end (minutes on 5.10, instead of seconds).

use audit_common::{
    file_open::FileOpen,
    volume::{OPEN_BEGIN, OPEN_CPU_WORD, OPEN_WORDS, REPEATS, Repeat},
};

use super::{REPEAT, volatile};
use crate::{atomic, path::Place, read, scratch::cpu, settings::offset};

/// Is it the same as one that was sent a short time ago? If not it may become the first of others.
/// Inlined it would not fit on the stack.
#[inline(never)]
pub fn is_repeat(event: &mut FileOpen, place: Place, window_ns: u64) -> bool {
    let mixed = (event.ino ^ place.dentry).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let own = (mixed >> 40) as u32 & (REPEATS - 1);
    let slot = cpu() * REPEATS + own;
    let Some(repeat) = REPEAT.get_ptr_mut(slot) else {
        return false;
    };
    // SAFETY: a live map value of this CPU; `claim` sees to it that one program at a time is at it.
    unsafe {
        if !claim(&raw mut (*repeat).busy) {
            return false;
        }
        let now_ns = event.header.time_ns;
        let is_over = now_ns.wrapping_sub((*repeat).born_ns) >= window_ns;
        let differs = differs(&*repeat, event, place);
        let mut folded = false;
        if !is_over && differs == 0 {
            folded = true;
            if (*repeat).count == volatile(&(*repeat).reported) {
                (*repeat).first_ns = now_ns;
            }
            (*repeat).last_ns = now_ns;
            // Last: from here on the daemon may see it.
            atomic::add(&raw mut (*repeat).count, 1);
        } else if is_over && (*repeat).count == volatile(&(*repeat).reported) {
            renew(repeat, event, place);
            event.repeats = slot + 1;
        }
        atomic::add(&raw mut (*repeat).busy, u64::MAX);
        folded
    }
}

/// Words of what stands in an event behind its time.
#[inline(always)]
fn word_of(event: &FileOpen, at: usize) -> u64 {
    const CPU_BITS: u64 = 0xffff_ffff;
    // SAFETY: inside the event, and aligned: `OPEN_WORDS` ends where it does.
    let word = unsafe {
        let begin = core::ptr::from_ref(event).cast::<u8>().add(OPEN_BEGIN);
        begin.cast::<u64>().add(at).read_volatile()
    };
    match at {
        OPEN_CPU_WORD => word & !CPU_BITS,
        _ => word,
    }
}

const _: () = assert!(OPEN_BEGIN + 8 * OPEN_WORDS == size_of::<FileOpen>());

/// What tells the place: its words, one after the other.
#[inline(always)]
fn each_of_place(place: Place, mut each: impl FnMut(usize, u64)) {
    each(0, place.dentry);
    each(1, place.mnt);
    each(2, read::kernel(place.dentry + offset!(dentry_parent)));
    // Hash and length of the name, which stand side by side.
    each(3, read::kernel(place.dentry + (offset!(dentry_len) - 4)));
}

/// 0: the same act.
#[inline(always)]
fn differs(repeat: &Repeat, event: &FileOpen, place: Place) -> u64 {
    let mut differs = 0;
    for at in 0..OPEN_WORDS {
        differs |= volatile(&repeat.open[at]) ^ word_of(event, at);
    }
    each_of_place(place, |at, word| {
        differs |= volatile(&repeat.place[at]) ^ word;
    });
    differs
}

/// # Safety
/// `repeat` is a live map value that was claimed.
#[inline(always)]
unsafe fn renew(repeat: *mut Repeat, event: &FileOpen, place: Place) {
    // SAFETY: the caller's; volatile, or the compiler would hold all words on the stack at once.
    unsafe {
        (*repeat).born_ns = event.header.time_ns;
        ((*repeat).count, (*repeat).reported) = (0, 0);
        let open = (&raw mut (*repeat).open).cast::<u64>();
        for at in 0..OPEN_WORDS {
            open.add(at).write_volatile(word_of(event, at));
        }
        let words = (&raw mut (*repeat).place).cast::<u64>();
        each_of_place(place, |at, word| words.add(at).write_volatile(word));
    }
}

/// Takes a slot for as long as a program runs; false: another program is at it.
///
/// # Safety
/// `busy` is a word of a live map value.
#[inline(always)]
unsafe fn claim(busy: *mut u64) -> bool {
    // SAFETY: the caller's.
    unsafe {
        let is_free = atomic::fetch_add(busy, 1) == 0;
        if !is_free {
            atomic::add(busy, u64::MAX);
        }
        is_free
    }
}
