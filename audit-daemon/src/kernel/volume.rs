//! The tables by which the kernel sends less: settings, quiet processes, repeats, rates.
//!
//! Owns the daemon's side of them, all mapped memory: no call is made, so nothing that the kernel
//! runs is skipped meanwhile. What was counted there is taken exactly once: the words that the
//! kernel adds to and the words that say how much was taken are different ones.

use std::mem::offset_of;

use audit_common::{
    Header,
    volume::{QUIETS, Quiet, RATES, REPEATS, Rate, Repeat, VolumeSettings, process_slot, subject},
};
use aya::maps::MapData;

use super::{KernelError, MappedArray};

/// Names of the maps, in the order of [`VolumeMaps::of`].
pub const VOLUME_MAPS: [&str; 4] = ["VOLUME", "QUIET", "REPEAT", "RATE"];

const FOLD_NS: usize = offset_of!(VolumeSettings, fold_ns) / 8;
const FOLD_WRITES: usize = offset_of!(VolumeSettings, fold_writes) / 8;
const FOLD_FAILURES: usize = offset_of!(VolumeSettings, fold_failures) / 8;
const RATE: usize = offset_of!(VolumeSettings, rate) / 8;
const POLICY: usize = offset_of!(VolumeSettings, policy) / 8;
const UNTIL: usize = offset_of!(Quiet, until_ns) / 8;
const BORN: usize = offset_of!(Repeat, born_ns) / 8;
const COUNT: usize = offset_of!(Repeat, count) / 8;
const REPORTED: usize = offset_of!(Repeat, reported) / 8;
const FIRST: usize = offset_of!(Repeat, first_ns) / 8;
const LAST: usize = offset_of!(Repeat, last_ns) / 8;
const EXCESS: usize = offset_of!(Rate, excess) / 8;
const RATE_REPORTED: usize = offset_of!(Rate, reported) / 8;

/// What may be left out, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeLimits {
    /// 0: nothing is folded.
    pub fold_ns: u64,
    pub fold_writes: bool,
    pub fold_failures: bool,
    /// Events of a process in a second; 0: any number.
    pub rate: u64,
}

/// Equal opens that were counted after the first was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeated {
    /// Of the table.
    pub slot: u32,
    /// When the first happened.
    pub born_ns: u64,
    pub count: u64,
    pub first_ns: u64,
    pub last_ns: u64,
}

/// What a process was not allowed to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess {
    pub tgid: u32,
    pub start_ns: u64,
    pub count: u64,
}

/// The tables of one load.
pub struct VolumeMaps {
    settings: MappedArray<VolumeSettings>,
    quiet: MappedArray<Quiet>,
    repeats: MappedArray<Repeat>,
    rates: MappedArray<Rate>,
    slots: u32,
}

impl VolumeMaps {
    /// The maps in the order of [`VOLUME_MAPS`].
    pub fn of(maps: &[MapData; 4], cpus: u32) -> Result<VolumeMaps, KernelError> {
        let [settings, quiet, repeats, rates] = maps;
        let slots = cpus * REPEATS;
        Ok(VolumeMaps {
            settings: MappedArray::map(settings.fd(), 1)?,
            quiet: MappedArray::map(quiet.fd(), QUIETS as usize)?,
            repeats: MappedArray::map(repeats.fd(), slots as usize)?,
            rates: MappedArray::map(rates.fd(), RATES as usize)?,
            slots,
        })
    }

    pub fn bytes(&self) -> usize {
        self.settings.bytes() + self.quiet.bytes() + self.repeats.bytes() + self.rates.bytes()
    }

    /// Slots of the table of repeats, of all CPUs.
    pub fn repeat_slots(&self) -> usize {
        self.slots as usize
    }

    pub fn limit(&self, limits: VolumeLimits) {
        self.settings.set_word(0, FOLD_NS, limits.fold_ns);
        let fold_writes = limits.fold_writes.into();
        self.settings.set_word(0, FOLD_WRITES, fold_writes);
        let fold_failures = limits.fold_failures.into();
        self.settings.set_word(0, FOLD_FAILURES, fold_failures);
        self.settings.set_word(0, RATE, limits.rate);
    }

    /// What was found to be quiet until now is so no longer. Gives what the next are found by.
    pub fn new_policy(&self) -> u64 {
        self.settings.add(0, POLICY, 1);
        self.settings.word(0, POLICY)
    }

    /// The kernel shall not send what this process does, [`QUIET_READS`] or [`QUIET_ALL`] of it.
    ///
    /// [`QUIET_READS`]: audit_common::volume::QUIET_READS
    /// [`QUIET_ALL`]: audit_common::volume::QUIET_ALL
    pub fn make_quiet(&self, header: &Header, exec_id: u32, what: u64, policy: u64, until_ns: u64) {
        let slot = process_slot(header.tgid, header.start_ns, QUIETS) as usize;
        let mut quiet = Quiet {
            until_ns: 0,
            policy,
            what,
            subject: Default::default(),
        };
        subject(header, exec_id, |at, word| quiet.subject[at] = word);
        self.quiet.set_word(slot, UNTIL, 0);
        self.quiet.set(slot, &quiet);
        self.quiet.set_word(slot, UNTIL, until_ns);
    }

    /// Takes the repeats whose time is over, or all.
    pub fn take_repeats(&self, now_ns: u64, all: bool, mut take: impl FnMut(Repeated)) {
        let window_ns = self.settings.word(0, FOLD_NS);
        for slot in 0..self.slots {
            let of = |word: usize| self.repeats.word(slot as usize, word);
            // The count first: the kernel adds to it after it has set the times.
            let count = of(COUNT);
            let more = count.wrapping_sub(of(REPORTED));
            let born_ns = of(BORN);
            if more == 0 || (!all && now_ns < born_ns.saturating_add(window_ns)) {
                continue;
            }
            take(Repeated {
                slot,
                born_ns,
                count: more,
                first_ns: of(FIRST),
                last_ns: of(LAST),
            });
            self.repeats.set_word(slot as usize, REPORTED, count);
        }
    }

    /// Takes what processes were not allowed to send.
    pub fn take_excess(&self, mut take: impl FnMut(Excess)) {
        for slot in 0..RATES as usize {
            let excess = self.rates.word(slot, EXCESS);
            if excess == self.rates.word(slot, RATE_REPORTED) {
                continue;
            }
            let rate = self.rates.get(slot);
            take(Excess {
                tgid: (rate.owner >> 32) as u32,
                start_ns: rate.start_ns,
                count: excess.wrapping_sub(rate.reported),
            });
            self.rates.set_word(slot, RATE_REPORTED, excess);
        }
    }
}
