//! Equal opens: the first is sent, the others are counted.
//!
//! Owns the table of repeats. Not in the legacy flavour: this must be a function of its own, for inlined it
//! does not fit on the stack, and with one the verifiers of old kernels take every number for one that
//! matters and follow each way to the end (minutes on 5.10, instead of seconds).

use audit_common::{
    file_open::FileOpen,
    volume::{NAME_BYTES, OPEN_BEGIN, OPEN_CPU_WORD, OPEN_WORDS, REPEATS, Repeat},
};

use super::{Name, REPEAT, volatile};
use crate::{
    atomic,
    path::Place,
    read::{self, Memory},
    scratch::{self, cpu},
    settings::offset,
    task, watch,
};

const MIXER: u64 = 0x9e37_79b9_7f4a_7c15;

/// What was opened, or was to be, beside what its event says.
#[derive(Clone, Copy)]
enum What {
    /// The place of the file.
    Opened(Place),
    /// The directory that the name starts from, and the slot that the name stands in.
    Asked(Place, *mut u8),
}

/// Is it the same as one that was sent a short time ago? If not it may become the first of others.
/// Inlined it would not fit on the stack.
#[inline(never)]
pub fn is_repeat(event: &mut FileOpen, place: Place, window_ns: u64) -> bool {
    let mixed = (event.ino ^ place.dentry).wrapping_mul(MIXER);
    fold(event, mixed, What::Opened(place), window_ns)
}

/// The same of one that failed. Only a name that fits into the table can be; it is read once, and from then
/// on its copy is what was asked for.
#[inline(always)]
pub fn failure_is_repeat(slot: *mut u8, from: Place, window_ns: u64, name: &mut Name) -> bool {
    // SAFETY: a large slot.
    let copy = unsafe { &mut scratch::state(slot).name };
    for word in copy.iter_mut() {
        word.set(0);
    }
    let to = copy.as_mut_ptr().cast::<u8>();
    // SAFETY: the length is the array's.
    let got = unsafe { read::string(to, NAME_BYTES as u32, name.address, name.memory) };
    if got <= 0 || got >= NAME_BYTES as i64 {
        return false;
    }
    *name = Name {
        address: to as u64,
        memory: Memory::Kernel,
    };
    asked_before(slot, from, window_ns)
}

#[inline(never)]
fn asked_before(slot: *mut u8, from: Place, window_ns: u64) -> bool {
    // SAFETY: the event stands in the slot.
    let event = unsafe { &mut *slot.cast::<FileOpen>() };
    let mixed = (from.dentry ^ u64::from(event.errno) ^ mixed_name(slot)).wrapping_mul(MIXER);
    fold(event, mixed, What::Asked(from, slot), window_ns)
}

#[inline(always)]
fn mixed_name(slot: *mut u8) -> u64 {
    let mut mixed: u64 = 0;
    // SAFETY: a large slot, with the copy of the name in its state.
    for word in unsafe { &scratch::state(slot).name } {
        mixed = (mixed ^ word.get()).wrapping_mul(MIXER);
    }
    mixed
}

#[inline(always)]
fn fold(event: &mut FileOpen, mixed: u64, what: What, window_ns: u64) -> bool {
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
        let differs = differs(&*repeat, event, what);
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
            renew(repeat, event, what);
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

/// Which words of [`Repeat`] tell the place.
#[derive(Clone, Copy)]
enum Of {
    Place,
    Start,
    Name,
}

/// What tells it: its words, one after the other.
#[inline(always)]
fn each_of(what: What, mut each: impl FnMut(Of, usize, u64)) {
    let (What::Opened(place) | What::Asked(place, _)) = what;
    each(Of::Place, 0, place.dentry);
    each(Of::Place, 1, place.mnt);
    let parent = read::kernel(place.dentry + offset!(dentry_parent));
    each(Of::Place, 2, parent);
    // Hash and length of the name, which stand side by side.
    let name = read::kernel(place.dentry + (offset!(dentry_len) - 4));
    each(Of::Place, 3, name);
    let What::Asked(_, slot) = what else {
        return;
    };
    let own = watch::identity(read::kernel(place.dentry + offset!(dentry_inode)));
    each(Of::Start, 0, own.ino);
    each(Of::Start, 1, own.dev.into());
    let fs: u64 = read::kernel(task::current() + offset!(task_fs));
    let root = Place::read(fs + offset!(fs_root));
    each(Of::Start, 2, root.dentry);
    each(Of::Start, 3, root.mnt);
    // SAFETY: as in `mixed_name`.
    let name = unsafe { &scratch::state(slot).name };
    for (at, word) in name.iter().enumerate() {
        each(Of::Name, at, word.get());
    }
}

/// `bits | more`, here and now: the compiler would first read everything, which does not fit on the stack.
#[inline(always)]
fn or(mut bits: u64, more: u64) -> u64 {
    // SAFETY: arithmetic on registers.
    unsafe { core::arch::asm!("{0} |= {1}", inout(reg) bits, in(reg) more) };
    bits
}

/// 0: the same act.
#[inline(always)]
fn differs(repeat: &Repeat, event: &FileOpen, what: What) -> u64 {
    let mut differs = 0;
    for at in 0..OPEN_WORDS {
        differs = or(differs, volatile(&repeat.open[at]) ^ word_of(event, at));
    }
    each_of(what, |of, at, word| {
        let words = match of {
            Of::Place => &repeat.place[..],
            Of::Start => &repeat.start,
            Of::Name => &repeat.name,
        };
        differs = or(differs, volatile(&words[at]) ^ word);
    });
    differs
}

/// # Safety
/// `repeat` is a live map value that was claimed.
#[inline(always)]
unsafe fn renew(repeat: *mut Repeat, event: &FileOpen, what: What) {
    // SAFETY: the caller's; volatile, or the compiler would hold all words on the stack at once.
    unsafe {
        (*repeat).born_ns = event.header.time_ns;
        // Volatile one by one, or a call clears them: that would be one more frame on the stack.
        (&raw mut (*repeat).count).write_volatile(0);
        (&raw mut (*repeat).reported).write_volatile(0);
        let open = (&raw mut (*repeat).open).cast::<u64>();
        for at in 0..OPEN_WORDS {
            open.add(at).write_volatile(word_of(event, at));
        }
        each_of(what, |of, at, word| {
            let words = match of {
                Of::Place => (&raw mut (*repeat).place).cast::<u64>(),
                Of::Start => (&raw mut (*repeat).start).cast(),
                Of::Name => (&raw mut (*repeat).name).cast(),
            };
            words.add(at).write_volatile(word);
        });
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
