//! One look at attach points: what the kernel says of them, and which acts do not come back.
//!
//! Owns the verdict. In doubt an answer that is missing means nothing: the worker may be behind, or the
//! answer lost with other events.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
};

use tracing::{debug, warn};

use super::{
    acts::{self, Told},
    faults::Cause,
    lock,
    rounds::Rounds,
    tries::Tried,
};
use crate::kernel::{Place, Wrong};

/// An act that did not come back is done so often before that means something.
const TRIES: usize = 3;
/// The row whose points count moves that begin; nothing else shows that they see.
const BEGINS: &str = "moving_begin";

/// What was found.
pub struct Found {
    pub faults: BTreeMap<Place, Cause>,
    /// Acts told something.
    pub told: bool,
}

impl Rounds {
    /// What the kernel says of links and pins.
    pub(super) fn wrong(&self) -> BTreeMap<Place, Cause> {
        let cause = |wrong| match wrong {
            Wrong::Detached => Cause::Detached,
            Wrong::Unpinned => Cause::Unpinned,
        };
        let wrong = lock(&self.links).check().into_iter();
        wrong.map(|(place, wrong)| (place, cause(wrong))).collect()
    }

    /// The same, and which acts do not come back.
    pub(super) fn look(&mut self, places: &[Place]) -> Found {
        let mut faults = self.wrong();
        let silent = self.silent(places);
        for place in silent.iter().flatten() {
            let known = faults.get(place);
            if known.is_none_or(|known| !known.is_blind()) {
                faults.insert(*place, Cause::Silent);
            }
        }
        Found {
            told: silent.is_some(),
            faults,
        }
    }

    /// Places that saw none of the acts that go through them; `None`: that cannot be told.
    fn silent(&mut self, places: &[Place]) -> Option<BTreeSet<Place>> {
        match self.stage.is_set() {
            Ok(true) => {}
            Ok(false) => {
                warn!("the canary's directory {:?} was replaced", self.stage.dir);
                return None;
            }
            Err(error) => {
                warn!("the canary has no place {:?}: {error}", self.stage.dir);
                return None;
            }
        }
        let lost = self.stage.lost();
        let tried = match self.try_often(&wanted(places, &self.stage.told)) {
            Ok(tried) => tried?,
            Err(error) => {
                warn!("the canary cannot act: {error}");
                return None;
            }
        };
        let silent: BTreeSet<Place> = places
            .iter()
            .copied()
            .filter(|place| is_silent(*place, &tried))
            .collect();
        // Its answers may be among what was lost.
        (silent.is_empty() || lost == self.stage.lost()).then_some(silent)
    }

    /// `None`: the worker is too far behind.
    fn try_often(&self, acts: &[usize]) -> io::Result<Option<Tried>> {
        let mut all: Option<Tried> = None;
        let mut acts = acts.to_vec();
        for _ in 0..TRIES {
            let Some(tried) = self.stage.act(&acts)? else {
                return Ok(None);
            };
            all = Some(match all {
                None => tried,
                Some(before) => Tried {
                    proven: &before.proven | &tried.proven,
                    begins_missing: before.begins_missing && tried.begins_missing,
                    done: before.done,
                },
            });
            let Some(sofar) = &all else { break };
            if !sofar.begins_missing {
                acts = sofar.done.difference(&sofar.proven).copied().collect();
            }
            if acts.is_empty() {
                break;
            }
            let names: Vec<String> = acts.iter().map(|at| acts::ACTS[*at].id()).collect();
            debug!("not seen yet: {}", names.join(", "));
        }
        Ok(all)
    }
}

/// The acts that go through these places, of those that are told.
fn wanted(places: &[Place], told: &Told) -> Vec<usize> {
    let acts = places
        .iter()
        .flat_map(|place| acts::through(place.row().name, place.point()));
    let moves = places.iter().any(|place| place.row().name == BEGINS);
    let moves = moves.then(|| acts::through("file_act", "syscalls/sys_exit_rename"));
    let all: BTreeSet<usize> = acts.chain(moves.into_iter().flatten()).collect();
    all.into_iter()
        .filter(|act| acts::is_told(*act, told))
        .collect()
}

/// Only of a point's first program acts tell anything: where both see, its twin does nothing.
fn is_silent(place: Place, tried: &Tried) -> bool {
    if place.row().name == BEGINS {
        return tried.begins_missing;
    }
    let acts = acts::through(place.row().name, place.point());
    let mut done = acts
        .iter()
        .filter(|act| tried.done.contains(act))
        .peekable();
    place.is_first() && done.peek().is_some() && done.all(|act| !tried.proven.contains(act))
}
