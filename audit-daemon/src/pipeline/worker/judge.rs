//! What becomes of each event: recorded, folded, left out, or held.
//!
//! Owns the choice by kind. Must not read a batch, and must not know how a record reads.

use audit_common::{Header, Lane, file_act::FileAct, file_open::FileOpen, privilege::Privilege};
use tracing::debug;

use super::Worker;
use crate::{
    accounts::{Fate, Ticket},
    decode::{self, Event},
    policy::{Judgement, Search},
    recorder::{Failure, Outcome, Seen},
};

impl Worker {
    /// Is its record in the log already, from before a crash?
    pub(super) fn is_double(&self, header: &Header) -> bool {
        !self.doubles.is_empty()
            && self
                .doubles
                .contains(&(header.lane, header.cpu, header.strand, header.number))
    }

    /// What becomes of an event; `None`: it is held.
    pub(super) fn judge(
        &mut self,
        event: &Event<'_>,
        entry: &[u8],
        ticket: Ticket,
    ) -> Option<Fate> {
        let wanted = self.parts.wanted;
        Some(match event {
            Event::Exec(event, tails) => {
                let name = tails.filename.map_or(&[][..], |part| part.bytes);
                let old_tid = event.old_tid;
                if let Some((search, found)) = self.searches.executed(&event.header, old_tid, name)
                {
                    match found {
                        true => self.found(&search),
                        false => self.not_found(search),
                    }
                }
                let write = wanted.exec && !self.is_double(&event.header);
                self.recorder.exec(event, tails, write);
                self.recorded(wanted.exec, write, &event.header)
            }
            Event::ExecFailed(event, tails) => {
                if !wanted.exec_failed {
                    return Some(Fate::Folded);
                }
                if self.is_double(&event.header) {
                    return Some(Fate::Recorded);
                }
                if event.errno.cast_signed() == nix::libc::ENOENT {
                    return self.missing(event, tails, entry, ticket);
                }
                self.recorder.exec_failed(event, tails, None);
                self.recorded(true, true, &event.header)
            }
            Event::Fork(event) => {
                let write = wanted.fork && !self.is_double(&event.header);
                self.recorder.fork(event, write);
                self.recorded(wanted.fork, write, &event.header)
            }
            Event::Exit(event) => {
                let mut over = Vec::new();
                self.searches
                    .ended(&event.header, |search| over.push(search));
                over.into_iter().for_each(|search| self.not_found(search));
                let write = wanted.exit && !self.is_double(&event.header);
                let written = self.recorder.exit(event, write);
                self.recorded(wanted.exit && (written || !write), written, &event.header)
            }
            Event::CgroupCreated(..) | Event::CgroupRemoved(..) => self.cgroup(event),
            Event::FileOpen(event, tails) => self.file_open(event, tails, entry),
            Event::FileAct(event, tails) => self.file_act(event, tails, entry),
            Event::Net(event, tails) => self.socket(event, tails, entry),
            Event::Privilege(event, tails) => self.privilege(event, tails, entry),
            Event::Unknown(header) => {
                debug!("an event of unknown kind {}", header.kind);
                Fate::LeftOut
            }
        })
    }

    /// A cgroup that came or went: for the table only.
    pub(super) fn cgroup(&mut self, event: &Event<'_>) -> Fate {
        let cgroups = &mut self.recorder.cgroups;
        match event {
            Event::CgroupCreated(event, tails) => {
                let path = tails.cgroup.map_or(&[][..], |part| part.bytes);
                cgroups.created(event.hierarchy, event.id, path, event.header.time_ns);
            }
            Event::CgroupRemoved(event, _) => {
                cgroups.removed(event.hierarchy, event.id, event.header.time_ns);
            }
            _ => {}
        }
        Fate::Folded
    }

    /// Something was opened: recorded if a watch is for it.
    fn file_open(&mut self, event: &FileOpen, tails: &decode::Tails<'_>, entry: &[u8]) -> Fate {
        let Some(decider) = self.parts.watching.get() else {
            return Fate::LeftOut;
        };
        let wanted = self.parts.wanted.file;
        let write = wanted && !self.is_double(&event.header);
        let sequence = self.recorder.next_sequence();
        let outcome = self.recorder.file_open(event, tails, &decider, None, write);
        let watched = outcome == Outcome::Watched;
        let sequence = (watched && write).then_some(sequence);
        self.volume.came(event, entry, watched, sequence);
        if outcome == Outcome::Excluded {
            self.volume.excluded(event, &decider, &mut self.recorder);
        }
        match watched {
            true => self.recorded(wanted, write, &event.header),
            false => Fate::LeftOut,
        }
    }

    /// Something was changed: recorded if a watch is for it, or if it is a mount.
    fn file_act(&mut self, event: &FileAct, tails: &decode::Tails<'_>, entry: &[u8]) -> Fate {
        let Some(decider) = self.parts.watching.get() else {
            return Fate::LeftOut;
        };
        let wanted = self.parts.wanted.file;
        let write = wanted && !self.is_double(&event.header);
        match self.recorder.file_act(event, tails, entry, &decider, write) {
            Outcome::Watched => self.recorded(wanted, write, &event.header),
            Outcome::Unwatched => Fate::LeftOut,
            Outcome::Folded => Fate::Folded,
            Outcome::Excluded => {
                self.volume.left_out_by_exception();
                Fate::LeftOut
            }
        }
    }

    /// Tells mounts that were folded in windows that are over by then.
    pub(super) fn tell_mounts(&mut self, now_ns: u64) {
        let decider = self.parts.watching.get();
        self.recorder.mount_repeats(now_ns, decider.as_deref());
    }

    /// A privilege was used: recorded unless it changed nothing or was told already.
    fn privilege(&mut self, event: &Privilege, tails: &decode::Tails<'_>, entry: &[u8]) -> Fate {
        if !self.parts.wanted.privilege {
            return Fate::Folded;
        }
        if self.is_double(&event.header) {
            return Fate::Recorded;
        }
        match self.recorder.privilege(event, tails, entry) {
            Seen::Recorded => self.recorded(true, true, &event.header),
            Seen::Folded => Fate::Folded,
            Seen::LeftOut => Fate::LeftOut,
        }
    }

    pub(super) fn recorded(&mut self, wanted: bool, written: bool, header: &Header) -> Fate {
        if written {
            self.times.push((
                Lane::from_number(header.lane).unwrap_or(Lane::Bulk),
                header.time_ns,
            ));
        }
        if wanted { Fate::Recorded } else { Fate::Folded }
    }

    /// ENOENT: held as the first of a search, or folded into one.
    fn missing(
        &mut self,
        event: &audit_common::exec_failed::ExecFailed,
        tails: &decode::Tails<'_>,
        entry: &[u8],
        ticket: Ticket,
    ) -> Option<Fate> {
        let mut over = Vec::new();
        let judgement = self
            .searches
            .missing(&event.header, tails, entry, ticket, |search| {
                over.push(search)
            });
        over.into_iter().for_each(|search| self.not_found(search));
        match judgement {
            Judgement::Held => None,
            Judgement::Folded => Some(Fate::Folded),
        }
    }

    /// The search ended in an exec: it was part of that.
    fn found(&mut self, search: &Search) {
        self.settle(
            search.ticket,
            Fate::Folded,
            audit_common::Kind::ExecFailed as u16,
        );
    }

    /// The search ended in nothing: one record.
    fn not_found(&mut self, search: Search) {
        let Ok(Event::ExecFailed(event, tails)) = decode::decode(&search.first) else {
            return;
        };
        let (count, first_ns, last_ns) = (search.count, search.first_ns, search.last_ns);
        self.recorder.exec_failed(
            &event,
            &tails,
            Some(Failure {
                count,
                first_ns,
                last_ns,
            }),
        );
        self.times.push((Lane::Bulk, event.header.time_ns));
        self.settle(search.ticket, Fate::Recorded, event.header.kind);
    }

    pub(super) fn expire_searches(&mut self, now_ns: u64) {
        if self.searches.is_empty() {
            return;
        }
        let mut over = Vec::new();
        self.searches.expired(now_ns, |search| over.push(search));
        over.into_iter().for_each(|search| self.not_found(search));
    }
}
