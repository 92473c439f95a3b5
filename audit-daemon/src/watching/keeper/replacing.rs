//! Other watches in the place of these, without a moment in which neither are in force.
//!
//! Owns the order: the kernel lets through what either wants; whoever decides takes over the new
//! ones; only then the kernel forgets the old ones. Must not know who asks, or why.

use std::collections::HashSet;

use crossbeam_channel::{Sender, bounded};

use tracing::warn;

use super::{Keeper, KeeperError, Keeping};
use crate::{watch::set::WatchSet, watching::Current};

/// Takes over the new watches; false leaves the old ones. Called by the keeper's thread.
type TakeOver = Box<dyn FnOnce(Current) -> bool + Send>;

/// What became of a replacement that met no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    Done,
    /// Nobody took over: the old ones stay.
    NotTaken,
}

/// A request to the thread.
pub(super) enum Request {
    Replace(Replacement),
    /// Somebody else may have written to the maps.
    Refill(Sender<()>),
}

/// Other watches, and whom to tell.
pub(super) struct Replacement {
    set: WatchSet,
    labels: Vec<String>,
    take_over: TakeOver,
    answer: Sender<Result<Replaced, KeeperError>>,
}

impl Keeper {
    /// Puts other watches in the place of these. `take_over` is called once everything that the new
    /// ones want is let through by the kernel, and is given who decides by them; what only the old
    /// ones want is let through until it returns. After an error all is as it was.
    pub fn replace(
        &self,
        set: WatchSet,
        labels: Vec<String>,
        take_over: impl FnOnce(Current) -> bool + Send + 'static,
    ) -> Result<Replaced, KeeperError> {
        let (answer, answered) = bounded(1);
        let replacement = Replacement {
            set,
            labels,
            take_over: Box::new(take_over),
            answer,
        };
        let requests = self.requests.as_ref().ok_or(KeeperError::Gone)?;
        let request = Request::Replace(replacement);
        requests.send(request).map_err(|_| KeeperError::Gone)?;
        self.bell.write(1)?;
        answered.recv().map_err(|_| KeeperError::Gone)?
    }

    /// Puts into the maps what should be there, whatever is; returns when that is done.
    pub fn refill(&self) -> Result<(), KeeperError> {
        let (answer, answered) = bounded(1);
        let requests = self.requests.as_ref().ok_or(KeeperError::Gone)?;
        let request = Request::Refill(answer);
        requests.send(request).map_err(|_| KeeperError::Gone)?;
        self.bell.write(1)?;
        answered.recv().map_err(|_| KeeperError::Gone)
    }
}

impl Keeping {
    pub(super) fn serve(&mut self, request: Request) {
        match request {
            Request::Replace(replacement) => self.replace(replacement),
            Request::Refill(answer) => {
                self.maps.doubt();
                if let Err(error) = self.look() {
                    warn!("the watches could not be put into the kernel anew: {error}");
                }
                // Whoever asked may have gone.
                let _ = answer.send(());
            }
        }
    }

    fn replace(&mut self, replacement: Replacement) {
        let Replacement {
            set,
            labels,
            take_over,
            answer,
        } = replacement;
        // Whoever asked may have gone; what was done is done.
        let _ = answer.send(self.try_replace(set, labels, take_over));
    }

    fn try_replace(
        &mut self,
        set: WatchSet,
        labels: Vec<String>,
        take_over: TakeOver,
    ) -> Result<Replaced, KeeperError> {
        let before = self.maps.present().clone();
        // A place of its own: what happened before is still decided by the old one.
        let old = (
            std::mem::replace(&mut self.set, set),
            std::mem::replace(&mut self.labels, labels),
            std::mem::take(&mut self.current),
            std::mem::take(&mut self.away),
        );
        let mut surveyed = self.survey();
        if surveyed.is_ok() && self.wait_until_old() {
            surveyed = self.survey();
        }
        let prepared = surveyed.and_then(|(decider, matching)| {
            self.current.set(decider);
            self.maps.widen(&matching)?;
            Ok(matching)
        });
        let failed = match prepared {
            Ok(matching) if take_over(self.current.clone()) => {
                if let Err(error) = self.maps.apply(matching) {
                    // It matches too much, which costs time and no more.
                    warn!("what was watched before is still looked at: {error}");
                }
                let excluded: HashSet<_> =
                    self.set.executables().map(|(_, one)| &*one.path).collect();
                self.programs.keep(|path| excluded.contains(path));
                return Ok(Replaced::Done);
            }
            Ok(_) => Ok(Replaced::NotTaken),
            Err(error) => Err(error),
        };
        (self.set, self.labels, self.current, self.away) = old;
        if let Err(error) = self.maps.apply(before) {
            warn!("what was to be watched is still looked at: {error}");
        }
        failed
    }
}
