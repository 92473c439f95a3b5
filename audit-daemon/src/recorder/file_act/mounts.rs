//! Mounts that no watch is for.
//!
//! Owns which of them are the same, so that what a runtime of containers does all day is told as one: by the same
//! program, of the same user, the same call with the same flags, sort of file system and result, wherever. A failure
//! is never the same as a success. Must not be asked of what a watch is for: that is told each time.

use audit_common::{
    file_act::{FileAct, call},
    file_open::reason,
};

use super::{
    Acting, Objects, Outcome, Recorder, objects,
    writing::{Repeated, Writing},
};
use crate::{
    decode::{self, Event, Tails},
    enrich::process::key_of,
    folding::{Folded as Over, Verdict},
    record::view::{Folded, Source},
    recorder::doer::Doer,
    watching::{Decider, Meaning},
};

#[derive(PartialEq, Eq, Hash)]
pub struct SameMount {
    doer: Doer,
    call: u32,
    errno: u32,
    values: [u64; 3],
    file_system: Box<[u8]>,
}

/// Are those of its sort told, whether anybody watches or not?
pub fn are_told(event: &FileAct) -> bool {
    event.reasons & reason::MOUNT != 0
}

impl Recorder {
    pub(super) fn mount(
        &mut self,
        event: &FileAct,
        tails: &Tails<'_>,
        entry: &[u8],
        decider: &Decider,
        mut objects: Objects,
        wanted: bool,
    ) -> Outcome {
        if !wanted {
            return Outcome::Watched;
        }
        let same = self.same_mount(event, tails);
        let now_ns = event.header.time_ns;
        if let Some(over) = self.mounts.over(&same, now_ns) {
            self.mounts_folded(&over, Some(decider));
        }
        let sequence = Some(self.next_sequence);
        if self.mounts.came(same, now_ns, entry, sequence) == Verdict::Folded {
            return Outcome::Folded;
        }
        objects.look(event, decider, &mut self.views);
        self.write_mount(event, tails, &objects, None);
        Outcome::Watched
    }

    /// Writes what was folded and whose time is over.
    pub fn mount_repeats(&mut self, now_ns: u64, decider: Option<&Decider>) {
        for over in self.mounts.take(now_ns) {
            self.mounts_folded(&over, decider);
        }
    }

    /// The first of them stands for all; what it meant is asked now, if there is somebody to ask.
    fn mounts_folded(&mut self, over: &Over, decider: Option<&Decider>) {
        let Ok(Event::FileAct(event, tails)) = decode::decode(&over.entry) else {
            return;
        };
        let meant = decider.and_then(|decider| objects(&event, &tails, decider, &mut self.views));
        let objects = meant.unwrap_or_else(|| Objects {
            first: Meaning::as_said(tails.filename.map_or(&b""[..], |name| name.bytes).to_vec()),
            second: None,
            source: Source::Unproven,
        });
        let folded = Folded {
            count: over.count,
            first_utc_ns: self.utc(over.first_ns),
            last_utc_ns: self.utc(over.last_ns),
        };
        let first = over.sequence.map(|sequence| self.lines.uid(sequence));
        self.write_mount(&event, &tails, &objects, Some((folded, first.as_deref())));
    }

    fn write_mount(
        &mut self,
        event: &FileAct,
        tails: &Tails<'_>,
        objects: &Objects,
        folded: Repeated<'_>,
    ) {
        let acting = Acting::of(self, &event.header, event.namespace_pid);
        let labels = std::mem::take(&mut self.settings.labels);
        self.write_any(&Writing {
            event,
            tails,
            objects,
            acting: &acting,
            labels: &labels,
            folded,
        });
        self.settings.labels = labels;
    }

    fn same_mount(&mut self, event: &FileAct, tails: &Tails<'_>) -> SameMount {
        let header = &event.header;
        let known = self.table.get(key_of(header));
        let executable = known.and_then(|process| process.executable);
        SameMount {
            doer: Doer::of(header, executable),
            call: event.call,
            errno: event.errno,
            values: event.values,
            file_system: match event.call {
                call::MOUNT => tails.text.map_or(&[][..], |part| part.bytes).into(),
                _ => Box::default(),
            },
        }
    }
}
