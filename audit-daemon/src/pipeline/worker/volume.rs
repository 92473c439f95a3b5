//! What the kernel did not send: told here, for it cannot tell it itself.
//!
//! Owns the first of each kind of open that may repeat, for the record of its repeats; what processes
//! sent too much of until it is in a record of counts; and who is quiet. Invariant: what the kernel
//! counted as repeated is in one record, or said to be lost with the first; a process is made quiet
//! only after it did many things that every watch excludes.

use std::{borrow::Cow, collections::VecDeque, sync::Arc};

use audit_common::{Header, Lane, file_open::FileOpen, volume::process_slot};
use tracing::warn;

use super::Worker;
use crate::{
    decode::{self, Event},
    enrich::{boot_ns, process::Key},
    kernel::{Excess, Repeated, VolumeMaps},
    recorder::{LaneTotals, Outcome, Recorder, Repetition, trimmed},
    watching::Decider,
};

/// So many excluded acts make a process worth a place among the quiet ones.
const EXCLUDED_MIN: u32 = 16;
/// Slots in which they are counted; two processes in one make it sooner, and are still judged one by one.
const EXCLUDED_SLOTS: u32 = 256;
/// A quiet process is judged again after so long: users may get other names.
const QUIET_NS: u64 = 60_000_000_000;
/// Processes whose excess is told by name in one record of counts.
const NAMES_MAX: usize = 16;

/// An open that repeats may follow.
#[derive(Default)]
struct First {
    time_ns: u64,
    /// Of its record, unless an earlier daemon wrote that.
    sequence: Option<u64>,
    /// The whole event; empty if nobody watches it.
    event: Vec<u8>,
}

pub struct Volume {
    maps: Option<Arc<VolumeMaps>>,
    /// By slot of the kernel's table, which has so many.
    firsts: Vec<First>,
    slots: usize,
    excluded: Vec<u32>,
    /// Left out because of exceptions since the last record of counts.
    left_out: u64,
    /// Since the last record of counts, by process.
    excess: Vec<(Key, u64)>,
    /// Of processes that there was no room for.
    excess_of_others: u64,
    /// Who has been warned of, the last of them.
    warned: VecDeque<Key>,
}

impl Volume {
    pub fn new(maps: Option<Arc<VolumeMaps>>) -> Volume {
        let slots = maps.as_ref().map_or(0, |maps| maps.repeat_slots());
        Volume {
            maps,
            firsts: Vec::new(),
            slots,
            excluded: vec![0; EXCLUDED_SLOTS as usize],
            left_out: 0,
            excess: Vec::new(),
            excess_of_others: 0,
            warned: VecDeque::new(),
        }
    }

    /// An open that others may repeat, with its record's sequence if that was written now.
    pub fn came(&mut self, event: &FileOpen, entry: &[u8], watched: bool, sequence: Option<u64>) {
        let slot = event.repeats.checked_sub(1).map(|slot| slot as usize);
        let Some(slot) = slot.filter(|slot| *slot < self.slots) else {
            return;
        };
        if slot >= self.firsts.len() {
            self.firsts.resize_with(slot + 1, First::default);
        }
        let first = &mut self.firsts[slot];
        (first.time_ns, first.sequence) = (event.header.time_ns, sequence);
        first.event.clear();
        if watched {
            first.event.extend_from_slice(entry);
        }
    }

    /// Every watch that is for it has an exception for it.
    pub fn left_out_by_exception(&mut self) {
        self.left_out += 1;
    }

    /// An open was excluded; the kernel need not send such of this process if that is always so.
    pub fn excluded(&mut self, event: &FileOpen, decider: &Decider, recorder: &mut Recorder) {
        self.left_out_by_exception();
        let Header { tgid, start_ns, .. } = event.header;
        let slot = process_slot(tgid, start_ns, EXCLUDED_SLOTS) as usize;
        self.excluded[slot] += 1;
        if self.excluded[slot] < EXCLUDED_MIN {
            return;
        }
        self.excluded[slot] = 0;
        if let (Some(maps), Some((what, policy))) = (&self.maps, recorder.quiet(event, decider)) {
            let until_ns = boot_ns() + QUIET_NS;
            maps.make_quiet(&event.header, event.exec_id, what, policy, until_ns);
        }
    }

    /// The names that stand for a lane's excess and what was excluded, in its sums.
    pub fn tell(&mut self, totals: &mut LaneTotals, recorder: &mut Recorder) {
        let take = |counts: &mut Vec<(Cow<'static, str>, u64)>, name: &str, wanted: u64| {
            let found = counts.iter_mut().find(|(reason, _)| reason == name);
            found.map_or(0, |(_, count)| {
                let taken = wanted.min(*count);
                *count -= taken;
                taken
            })
        };
        let left_out = take(&mut totals.left_out, "no-watch", self.left_out);
        self.left_out -= left_out;
        totals.left_out.push(("excluded".into(), left_out));
        // What the sums do not hold yet they hold the next time.
        self.excess.retain_mut(|(key, count)| {
            let taken = take(&mut totals.filtered, "rate", *count);
            *count -= taken;
            let name = format!("rate:{}", name_of(*key, recorder));
            totals.filtered.push((name.into(), taken));
            *count > 0
        });
        let taken = take(&mut totals.filtered, "rate", self.excess_of_others);
        self.excess_of_others -= taken;
        totals.filtered.push(("rate:others".into(), taken));
        for counts in [&mut totals.left_out, &mut totals.filtered] {
            counts.retain(|(_, count)| *count > 0);
        }
    }

    fn too_much(&mut self, excess: &Excess) {
        let key = Key::new(excess.tgid, excess.start_ns);
        let room = self.excess.len() < NAMES_MAX;
        let known = self.excess.iter_mut().find(|(known, _)| *known == key);
        match known {
            Some((_, count)) => *count += excess.count,
            None if room => self.excess.push((key, excess.count)),
            None => self.excess_of_others += excess.count,
        }
    }

    /// Once for each process, as soon as it has a name: the event that tells it may still be on its way.
    fn warn(&mut self, recorder: &mut Recorder) {
        for (key, _) in &self.excess {
            if self.warned.contains(key) || recorder.table.get(*key).is_none() {
                continue;
            }
            let name = name_of(*key, recorder);
            warn!("{name} causes more file events than volume.process_rate: the rest is counted");
            if self.warned.len() >= NAMES_MAX {
                self.warned.pop_front();
            }
            self.warned.push_back(*key);
        }
    }
}

fn name_of(key: Key, recorder: &mut Recorder) -> String {
    let known = recorder.table.get(key);
    let name = known.map_or(Cow::Borrowed("unknown"), |process| {
        String::from_utf8_lossy(trimmed(&process.reference.name))
    });
    format!("{name} ({})", key.pid)
}

impl Worker {
    /// Tells of repeats whose time is over, or of all, and notes who sent too much.
    pub(super) fn tell_what_was_not_sent(&mut self, all: bool) {
        let Some(maps) = self.volume.maps.clone() else {
            return;
        };
        let mut missing = 0;
        maps.take_repeats(boot_ns(), all, |repeated| {
            if !self.repeated(&repeated) {
                missing += repeated.count;
            }
        });
        if missing > 0 {
            warn!("{missing} repeated opens of what was lost, or told by an earlier daemon");
            self.recorder
                .repeats_of_nothing(missing, self.counted.since_ns);
        }
        maps.take_excess(|excess| self.volume.too_much(&excess));
        self.volume.warn(&mut self.recorder);
    }

    /// One record for all of them; false: the first of them is not known.
    fn repeated(&mut self, repeated: &Repeated) -> bool {
        let first = self.volume.firsts.get(repeated.slot as usize);
        let Some(first) = first.filter(|first| first.time_ns == repeated.born_ns) else {
            return false;
        };
        if first.event.is_empty() {
            return true;
        }
        let (Ok(Event::FileOpen(event, tails)), Some(decider)) =
            (decode::decode(&first.event), self.parts.watching.get())
        else {
            return false;
        };
        let repetition = Repetition {
            count: repeated.count,
            first_ns: repeated.first_ns,
            last_ns: repeated.last_ns,
            of: first.sequence,
        };
        let wanted = self.parts.wanted.file;
        let outcome = self
            .recorder
            .file_open(&event, &tails, &decider, Some(&repetition), wanted);
        if wanted && outcome == Outcome::Watched {
            self.times.push((Lane::Bulk, repeated.last_ns));
        }
        true
    }
}
