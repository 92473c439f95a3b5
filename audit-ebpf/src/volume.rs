//! What is not sent though it may be watched: acts of quiet processes, repeats, and what is too much.
//!
//! Owns the kernel's side of the volume tables. Asked only of what some watch may be for, so it costs
//! nothing where nothing is watched. Whatever is not sent is counted by its reason, and repeats and
//! excess are counted for the process as well, for the daemon to tell. A slot that is another's, or that
//! somebody is at, leaves nothing out: in doubt an event is sent.

#[cfg(not(feature = "legacy"))]
mod repeats;
#[cfg(feature = "legacy")]
mod repeats {
    use super::{FileOpen, Name, Place};

    /// Nothing is folded: see the module that stands here in the other flavour.
    #[inline(always)]
    pub fn is_repeat(_: &mut FileOpen, _: Place, _: u64) -> bool {
        false
    }

    #[inline(always)]
    pub fn failure_is_repeat(_: *mut u8, _: Place, _: u64, _: &mut Name) -> bool {
        false
    }
}

use audit_common::{
    Header, Lane,
    counters::Filtered,
    file_open::FileOpen,
    volume::{
        QUIET_ALL, QUIET_READS, QUIETS, Quiet, RATES, REPEATS, Rate, Repeat, VolumeSettings, owner,
        process_slot, subject,
    },
};
use aya_ebpf::{bindings::BPF_F_MMAPABLE, macros::map, maps::Array};

use crate::{
    atomic,
    emit::filtered,
    path::Place,
    read::{self, Memory},
    settings::offset,
    watch,
};

#[map]
static VOLUME: Array<VolumeSettings> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static QUIET: Array<Quiet> = Array::with_max_entries(QUIETS, BPF_F_MMAPABLE);
/// Slots of each CPU; the size is set by the daemon. There in both flavours: the daemon shares all maps.
#[map]
static REPEAT: Array<Repeat> = Array::with_max_entries(REPEATS, BPF_F_MMAPABLE);
#[map]
static RATE: Array<Rate> = Array::with_max_entries(RATES, BPF_F_MMAPABLE);

const O_ACCMODE: u32 = 0o3;
/// O_CREAT, O_TRUNC
const O_CHANGES: u32 = 0o1100;
const NS_PER_S: u64 = 1_000_000_000;

#[inline(always)]
fn volatile(word: &u64) -> u64 {
    // SAFETY: a reference is readable.
    unsafe { core::ptr::read_volatile(word) }
}

#[inline(always)]
fn settings() -> Option<&'static VolumeSettings> {
    // SAFETY: a live map value; words are changed one by one by the daemon, and read volatile.
    VOLUME.get_ptr(0).map(|settings| unsafe { &*settings })
}

/// How often this task's program has been replaced.
#[inline(always)]
pub fn exec_id(task: u64) -> u32 {
    read::kernel(task + offset!(task_exec_id))
}

/// Does nothing else than read?
#[inline(always)]
fn only_reads(open_flags: u32) -> bool {
    open_flags & (O_ACCMODE | O_CHANGES) == 0
}

/// Is this open to be sent? It is filled in, but for its tails.
#[inline(always)]
pub fn admits_open(event: &mut FileOpen, place: Place) -> bool {
    let Some(settings) = settings() else {
        return true;
    };
    let reads = only_reads(event.open_flags);
    let what = if reads { QUIET_READS } else { QUIET_ALL };
    if is_quiet(settings, &event.header, event.exec_id, what) {
        filtered(Lane::Bulk, Filtered::Excluded);
        return false;
    }
    event.repeats = 0;
    let may_fold = reads || volatile(&settings.fold_writes) != 0;
    let window_ns = volatile(&settings.fold_ns);
    if may_fold && window_ns != 0 && repeats::is_repeat(event, place, window_ns) {
        filtered(Lane::Bulk, Filtered::Repeat);
        return false;
    }
    is_allowed(settings, &event.header)
}

/// A name that was asked for, and where it stands.
#[derive(Clone, Copy)]
pub struct Name {
    pub address: u64,
    pub memory: Memory,
}

/// Is this open that failed to be sent? Its event in `slot` is filled in, but for its tails, and `from` is
/// the directory that its name starts from. The name may then be a copy, which is what was compared.
#[inline(always)]
pub fn admits_failure(slot: *mut u8, from: Place, name: &mut Name) -> bool {
    let Some(settings) = settings() else {
        return true;
    };
    // SAFETY: the caller has the event there.
    let event = unsafe { &mut *slot.cast::<FileOpen>() };
    if is_quiet(settings, &event.header, event.exec_id, QUIET_ALL) {
        filtered(Lane::Bulk, Filtered::Excluded);
        return false;
    }
    event.repeats = 0;
    let window_ns = volatile(&settings.fold_ns);
    if volatile(&settings.fold_failures) != 0
        && window_ns != 0
        && repeats::failure_is_repeat(slot, from, window_ns, name)
    {
        filtered(Lane::Bulk, Filtered::Repeat);
        return false;
    }
    is_allowed(settings, &event.header)
}

/// Is another act on files to be sent? `may_be_quiet`: not if all watches have an exception for the process.
#[inline(always)]
pub fn admits(task: u64, header: &Header, may_be_quiet: bool) -> bool {
    let Some(settings) = settings() else {
        return true;
    };
    if may_be_quiet && is_quiet(settings, header, exec_id(task), QUIET_ALL) {
        filtered(Lane::Bulk, Filtered::Excluded);
        return false;
    }
    is_allowed(settings, header)
}

/// Is what a request of io_uring did to be sent? Exceptions are the daemon's matter there.
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub fn admits_request(header: &Header) -> bool {
    settings().is_none_or(|settings| is_allowed(settings, header))
}

/// May this process send one more event in this second? Whatever it is about.
#[inline(always)]
pub fn is_within_rate(header: &Header) -> bool {
    settings().is_none_or(|settings| is_allowed(settings, header))
}

#[inline(always)]
fn is_quiet(settings: &VolumeSettings, header: &Header, exec_id: u32, what: u64) -> bool {
    let slot = process_slot(header.tgid, header.start_ns, QUIETS);
    let Some(quiet) = QUIET.get_ptr(slot) else {
        return false;
    };
    // SAFETY: a live map value, read volatile.
    let quiet = unsafe { &*quiet };
    let until_ns = volatile(&quiet.until_ns);
    if until_ns <= header.time_ns {
        return false;
    }
    let mut differs = volatile(&quiet.policy) ^ volatile(&settings.policy);
    subject(header, exec_id, |at, word| {
        differs |= volatile(&quiet.subject[at]) ^ word;
    });
    // Nobody has begun to write it meanwhile.
    differs |= volatile(&quiet.until_ns) ^ until_ns;
    differs == 0 && volatile(&quiet.what) >= what
}

/// May the process send one more in this second?
#[inline(always)]
fn is_allowed(settings: &VolumeSettings, header: &Header) -> bool {
    let allowed = volatile(&settings.rate);
    let slot = process_slot(header.tgid, header.start_ns, RATES);
    let Some(rate) = RATE.get_ptr_mut(slot) else {
        return true;
    };
    if allowed == 0 {
        return true;
    }
    let (owner, second) = (
        owner(header.tgid, header.start_ns),
        header.time_ns / NS_PER_S,
    );
    // SAFETY: a live map value. Two CPUs may meet in it: then a few events are counted twice or not
    // at all against what is allowed, but excess is added atomically.
    unsafe {
        if volatile(&(*rate).owner) != owner {
            let is_free = volatile(&(*rate).second) != second
                && volatile(&(*rate).excess) == volatile(&(*rate).reported);
            if !is_free {
                return true;
            }
            (*rate).start_ns = header.start_ns;
            (&raw mut (*rate).owner).write_volatile(owner);
        }
        if volatile(&(*rate).second) != second {
            (&raw mut (*rate).second).write_volatile(second);
            (&raw mut (*rate).used).write_volatile(0);
        }
        if volatile(&(*rate).used) >= allowed {
            if watch::is_the_canary(header.tgid) {
                return true;
            }
            atomic::add(&raw mut (*rate).excess, 1);
            filtered(Lane::Bulk, Filtered::Rate);
            return false;
        }
        atomic::add(&raw mut (*rate).used, 1);
    }
    true
}
