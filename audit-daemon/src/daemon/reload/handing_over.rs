//! The new configuration on its way to the worker, and its record on the way to the disk.
//!
//! Owns the waiting: for the worker to take a change (not for ever, since the watches stand still
//! meanwhile), and for the record to be durable. Must not wait for anything once the daemon stops.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};

use super::{Checked, InForce, Reloading};
use crate::{
    daemon::{RunError, parts},
    pipeline::{Change, Claim, Control, Shared},
    recorder::ConfigSaid,
    watching::{Current, Replaced},
};

/// A worker that does not take a change in this time is held up by a log that cannot be written.
const TAKE_MAX: Duration = Duration::from_secs(5);
/// How often is looked whether the daemon stops.
const LOOK: Duration = Duration::from_millis(50);
/// Commits come every few milliseconds.
const COMMIT_LOOK: Duration = Duration::from_millis(1);

impl Reloading {
    /// Swaps the configuration in. After an error all is as it was.
    pub(super) fn hand_over(
        &self,
        checked: Checked,
        said: ConfigSaid,
    ) -> Result<InForce, RunError> {
        let Checked {
            next,
            set,
            recorder,
            limits,
            ..
        } = checked;
        let claim = Arc::new(Claim::default());
        let (taken, is_taken) = bounded(1);
        let (adopted, is_adopted) = bounded(1);
        let mut change = Change {
            wanted: parts::wanted(&next.config),
            watching: None,
            counts_interval_ns: next.config.counts.interval.as_nanos() as u64,
            recorder,
            limits,
            said,
            claim: claim.clone(),
            taken,
            adopted,
        };
        let (controls, shared) = (self.controls.clone(), self.shared.clone());
        let take = move |watching: Option<Current>| {
            change.watching = watching;
            is_taken_over(change, &controls, &is_taken, &claim, &shared)
        };
        let labels = next.config.records.labels.clone();
        let replaced = match &self.keeper {
            Some(keeper) => keeper.replace(set, labels, move |current| take(Some(current))),
            None => Ok(match take(None) {
                true => Replaced::Done,
                false => Replaced::NotTaken,
            }),
        };
        match replaced {
            Ok(Replaced::Done) => {
                self.wait_for_record(&is_adopted);
                Ok(next)
            }
            Ok(Replaced::NotTaken) => Err(RunError::NotTaken),
            Err(error) => Err(error.into()),
        }
    }

    /// Has the worker write this, and waits until it is durable.
    pub(super) fn say(&self, said: ConfigSaid) {
        let (answer, answered) = bounded(1);
        let control = Control::Say(Box::new(said), answer);
        if send(control, &self.controls, || !self.shared.is_stopping()) {
            self.wait_for_record(&answered);
        }
    }

    /// Waits until the record is made, and durable if the log can be written.
    fn wait_for_record(&self, made: &Receiver<u64>) {
        let sequence = loop {
            match made.recv_timeout(LOOK) {
                Ok(sequence) => break sequence,
                Err(RecvTimeoutError::Timeout) if !self.shared.is_stopping() => {}
                Err(_) => return,
            }
        };
        loop {
            let writer = self.shared.writer();
            let done = writer.durable_sequence > sequence || writer.trouble.is_some();
            if done || self.shared.is_stopping() {
                return;
            }
            self.shared.wait(COMMIT_LOOK);
        }
    }
}

/// Sends as long as there is reason to wait for room; false if it could not be sent.
fn send(mut control: Control, to: &Sender<Control>, waits: impl Fn() -> bool) -> bool {
    loop {
        match to.send_timeout(control, LOOK) {
            Ok(()) => return true,
            Err(SendTimeoutError::Timeout(back)) if waits() => control = back,
            Err(_) => return false,
        }
    }
}

/// Gives the change to the worker; false if it did not take it, and never will.
fn is_taken_over(
    change: Change,
    controls: &Sender<Control>,
    is_taken: &Receiver<()>,
    claim: &Claim,
    shared: &Shared,
) -> bool {
    let deadline = Instant::now() + TAKE_MAX;
    let waits = || !shared.is_stopping() && Instant::now() < deadline;
    if !send(Control::Change(Box::new(change)), controls, waits) {
        return false;
    }
    loop {
        match is_taken.recv_timeout(LOOK) {
            Ok(()) => return true,
            Err(RecvTimeoutError::Timeout) if waits() => {}
            // Taken in this very moment, or not at all.
            Err(_) => return !claim.take_back(),
        }
    }
}
