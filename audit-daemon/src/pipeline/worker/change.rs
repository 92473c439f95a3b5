//! Another configuration in the place of this one, while events come.
//!
//! Owns the instant: it is the moment at which the worker learns of the change, in kernel time. What
//! happened before it is judged by the old configuration, whole, and what happened from it on by the
//! new one, however long either waited in a ring. Must not know what is in a configuration file.

use std::{
    collections::VecDeque,
    sync::atomic::{AtomicU8, Ordering},
    time::Duration,
};

use crossbeam_channel::Sender;

use super::{Wanted, Worker};
use crate::{
    enrich::boot_ns,
    pipeline::ToWriter,
    recorder::{ConfigSaid, RecorderChange},
    watching::Current,
};

/// What the log may take, and how soon it is made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub commit_interval: Duration,
    pub cap_bytes: u64,
    pub segment_bytes: u64,
}

/// What the worker is told from outside.
pub enum Control {
    Change(Box<Change>),
    /// Write this, and answer with the record's sequence.
    Say(Box<ConfigSaid>, Sender<u64>),
}

/// A configuration, as far as the pipeline is concerned.
pub struct Change {
    pub wanted: Wanted,
    /// Who decides about file events; `None`: whoever did.
    pub watching: Option<Current>,
    pub counts_interval_ns: u64,
    pub recorder: RecorderChange,
    pub limits: Limits,
    /// Its record, the first one under the new configuration.
    pub said: ConfigSaid,
    pub claim: std::sync::Arc<Claim>,
    /// Told as soon as what happens from now on is judged by the change.
    pub taken: Sender<()>,
    /// Told the record's sequence once all that happened before was judged.
    pub adopted: Sender<u64>,
}

/// Whether a change was taken, or taken back by whoever would not wait any longer: not both.
#[derive(Default)]
pub struct Claim(AtomicU8);

const TAKEN: u8 = 1;
const TAKEN_BACK: u8 = 2;

impl Claim {
    fn become_one(&self, state: u8) -> bool {
        self.0
            .compare_exchange(0, state, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    pub fn take(&self) -> bool {
        self.become_one(TAKEN)
    }

    /// False: too late, it is taken.
    pub fn take_back(&self) -> bool {
        self.become_one(TAKEN_BACK)
    }
}

/// What waits until the events that are judged have reached its instant.
#[derive(Default)]
pub struct Changes(VecDeque<(u64, Control)>);

impl Changes {
    /// The next one that holds for what happened at `time_ns`.
    fn next(&mut self, time_ns: u64) -> Option<(u64, Control)> {
        let (since_ns, _) = self.0.front()?;
        match *since_ns <= time_ns {
            true => self.0.pop_front(),
            false => None,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Worker {
    pub(super) fn told(&mut self, control: Control) {
        if let Control::Change(change) = &control
            && !change.claim.take()
        {
            return;
        }
        // Nothing that happens from here on can have been judged yet.
        let since_ns = boot_ns();
        if let Control::Change(change) = &control {
            // Nobody may wait for the answer any more.
            let _ = change.taken.send(());
        }
        self.changes.0.push_back((since_ns, control));
    }

    /// Adopts the changes that hold for what happened at `time_ns`.
    pub(super) fn adopt(&mut self, time_ns: u64) {
        while let Some((since_ns, control)) = self.changes.next(time_ns) {
            let (said, answer) = match control {
                Control::Change(change) => self.change(*change),
                Control::Say(said, answer) => (*said, answer),
            };
            let sequence = self.recorder.config_said(&said, since_ns);
            let _ = answer.send(sequence);
        }
    }

    /// From here on all is judged by it. Gives its record, and whom to tell of that.
    fn change(&mut self, change: Change) -> (ConfigSaid, Sender<u64>) {
        // They happened before, too.
        self.tell_what_was_not_sent(true);
        self.parts.wanted = change.wanted;
        self.parts.counts_interval_ns = change.counts_interval_ns;
        if let Some(watching) = change.watching {
            self.parts.watching = watching;
        }
        self.recorder.change(change.recorder);
        // A writer that is gone needs no limits.
        let _ = self.to_writer.send(ToWriter::Limits(change.limits));
        self.shared.set_cap(change.limits.cap_bytes);
        (change.said, change.adopted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_taken_or_taken_back_and_never_both() {
        let claim = Claim::default();
        assert!(claim.take());
        assert!(!claim.take_back() && !claim.take());
        let claim = Claim::default();
        assert!(claim.take_back());
        assert!(!claim.take() && !claim.take_back());
    }
}
