//! The rounds: what is looked at, what is said of it, and what is done about it.
//!
//! Owns the faults that are open. What is found is said before anything is done, and what came of that
//! after another look.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use tracing::{error, info, warn};

use super::{
    faults::{Cause, Failed, Said, State, grouped},
    lock,
    look::Found,
    tries::Stage,
};
use crate::{
    enrich::boot_ns,
    kernel::{Links, Place},
    pipeline::Shared,
    watching::Keeper,
};

/// After so many rounds that could tell nothing, that is said.
const UNTOLD_MAX: u32 = 2;
/// What stands for the hook where none is to blame.
const ITSELF: &str = "canary";
const PINS: &str = "pins";

pub struct Rounds {
    pub(super) links: Arc<Mutex<Links>>,
    keeper: Option<Arc<Keeper>>,
    pub(super) stage: Stage,
    shared: Arc<Shared>,
    /// When each place was last known to be in order.
    in_order_ns: HashMap<Place, u64>,
    began_ns: u64,
    /// Faults that are said and not restored, with since when.
    open: BTreeMap<Place, (Cause, u64)>,
    /// Rounds in a row whose acts told nothing.
    untold: u32,
    checked_ns: Option<u64>,
}

impl Rounds {
    pub fn new(
        links: Arc<Mutex<Links>>,
        keeper: Option<Arc<Keeper>>,
        shared: Arc<Shared>,
        stage: Stage,
    ) -> Rounds {
        Rounds {
            links,
            keeper,
            stage,
            shared,
            in_order_ns: HashMap::new(),
            began_ns: boot_ns(),
            open: BTreeMap::new(),
            untold: 0,
            checked_ns: None,
        }
    }

    pub fn run(mut self, interval: Duration, stopped: &Receiver<()>) {
        loop {
            self.round();
            match stopped.recv_timeout(interval) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn round(&mut self) {
        let began_ns = boot_ns();
        let places: Vec<Place> = lock(&self.links).places().collect();
        // What the kernel says is said and mended first: acts take their time on a busy host.
        let pins = self.restore_other_pins();
        let wrong = self.wrong();
        self.say_found(began_ns, places.len(), pins.clone(), &wrong);
        let mut errors = self.attach_again(&wrong);
        if let Some(failed) = pins {
            let at_ns = boot_ns();
            self.shared
                .canary
                .board
                .say(Said::Restored { at_ns, failed });
        }
        let mut look_ns = boot_ns();
        let mut found = self.look(&places);
        let unproven = self.note_untold(found.told);
        let mut all = wrong.clone();
        all.extend(found.faults.clone());
        let news = all.iter().filter(|(place, _)| !wrong.contains_key(place));
        let news = news.map(|(place, cause)| (*place, *cause)).collect();
        self.say_found(began_ns, places.len(), unproven, &news);
        if !found.faults.is_empty() {
            let left = self.refilled(&found.faults);
            errors.extend(self.attach_again(&left));
            look_ns = boot_ns();
            found = self.look(&places);
        }
        self.conclude(all, &found, &errors);
        if found.told {
            // Without an answer to its acts nothing is known of a place.
            let in_order = places
                .iter()
                .filter(|place| !found.faults.contains_key(place));
            self.in_order_ns
                .extend(in_order.map(|place| (*place, look_ns)));
            self.checked_ns = Some(boot_ns());
        }
        self.publish();
    }

    fn since_ns(&self, place: Place) -> u64 {
        let known = self.in_order_ns.get(&place);
        known.copied().unwrap_or(self.began_ns)
    }

    /// Those of programs and maps, which nobody can have missed: they are held.
    fn restore_other_pins(&mut self) -> Option<Failed> {
        let points = lock(&self.links).restore_other_pins();
        (!points.is_empty()).then(|| Failed {
            hook: PINS,
            cause: Cause::Unpinned,
            points,
            since_ns: self.checked_ns.unwrap_or(self.began_ns),
        })
    }

    /// A canary that cannot tell is a failure of its own, once it lasts.
    fn note_untold(&mut self, told: bool) -> Option<Failed> {
        let before = self.untold;
        self.untold = if told { 0 } else { before + 1 };
        if told && before >= UNTOLD_MAX {
            let (at_ns, failed) = (boot_ns(), self.unproven());
            self.shared
                .canary
                .board
                .say(Said::Restored { at_ns, failed });
        }
        (self.untold == UNTOLD_MAX).then(|| self.unproven())
    }

    fn unproven(&self) -> Failed {
        Failed {
            hook: ITSELF,
            cause: Cause::Unproven,
            points: Vec::new(),
            since_ns: self.checked_ns.unwrap_or(self.began_ns),
        }
    }

    /// Says what was not said yet.
    fn say_found(
        &self,
        began_ns: u64,
        checked: usize,
        other: Option<Failed>,
        faults: &BTreeMap<Place, Cause>,
    ) {
        let is_new = |place: &Place, cause: &Cause| {
            let open = self.open.get(place);
            open.is_none_or(|(of, _)| of != cause)
        };
        let news = faults.iter().filter(|(place, cause)| is_new(place, cause));
        let news = news.map(|(place, cause)| (*place, *cause)).collect();
        let failed = grouped(&news, |place| self.since_ns(place));
        let failed: Vec<Failed> = other.into_iter().chain(failed).collect();
        if failed.is_empty() {
            return;
        }
        for one in &failed {
            let points = one.points.join(", ");
            error!("hook {} is {}: {points}", one.hook, one.cause.word());
        }
        let at_ns = boot_ns();
        self.shared.canary.board.say(Said::Found {
            at_ns,
            duration_ms: at_ns.saturating_sub(began_ns) / 1_000_000,
            checked: checked as u64,
            failed,
        });
    }

    /// Says what came of what was found now or was open before.
    fn conclude(
        &mut self,
        found: BTreeMap<Place, Cause>,
        after: &Found,
        errors: &BTreeMap<Place, io::Error>,
    ) {
        let open = self.open.iter().map(|(place, (cause, _))| (*place, *cause));
        let all: BTreeMap<Place, Cause> = open.chain(found).collect();
        // What acts have shown only acts can show to be over.
        let is_untold = |cause: &Cause| !after.told && *cause == Cause::Silent;
        let (left, restored): (BTreeMap<Place, Cause>, BTreeMap<Place, Cause>) = all
            .into_iter()
            .partition(|(place, cause)| after.faults.contains_key(place) || is_untold(cause));
        let at_ns = boot_ns();
        let board = &self.shared.canary.board;
        for failed in grouped(&restored, |place| self.opened_ns(place)) {
            let points = failed.points.join(", ");
            info!("hook {} is in order again: {points}", failed.hook);
            board.say(Said::Restored { at_ns, failed });
        }
        let news = left
            .iter()
            .filter(|(place, _)| !self.open.contains_key(place));
        let news = news.map(|(place, cause)| (*place, *cause)).collect();
        for failed in grouped(&news, |place| self.opened_ns(place)) {
            let of_hook = |(place, _): &(&Place, &io::Error)| place.row().name == failed.hook;
            let errno = errors.iter().find(of_hook);
            let errno = errno.and_then(|(_, error)| error.raw_os_error());
            board.say(Said::Missing {
                at_ns,
                failed,
                errno: errno.unwrap_or(nix::libc::EIO),
            });
        }
        let left = left.into_iter();
        self.open = left
            .map(|(place, cause)| (place, (cause, self.opened_ns(place))))
            .collect();
    }

    /// If acts do not come back of what is attached, the maps may be what is wrong: those that still do
    /// not once these are filled anew, and the other faults.
    fn refilled(&mut self, faults: &BTreeMap<Place, Cause>) -> BTreeMap<Place, Cause> {
        let silent = faults.iter().filter(|(_, cause)| **cause == Cause::Silent);
        let silent: Vec<Place> = silent.map(|(place, _)| *place).collect();
        let (Some(keeper), false) = (&self.keeper, silent.is_empty()) else {
            return faults.clone();
        };
        if let Err(error) = keeper.refill() {
            warn!("the watches could not be put into the kernel anew: {error}");
        }
        let after = self.look(&silent);
        let mut left = faults.clone();
        left.retain(|place, cause| *cause != Cause::Silent || after.faults.contains_key(place));
        left
    }

    fn attach_again(&self, faults: &BTreeMap<Place, Cause>) -> BTreeMap<Place, io::Error> {
        let mut errors = BTreeMap::new();
        for (place, cause) in faults {
            let mut links = lock(&self.links);
            let done = match cause {
                Cause::Unpinned => links.pin_link(*place),
                _ => links.attach_again(*place),
            };
            if let Err(error) = done {
                warn!("{} is not attached again: {error}", place.point());
                errors.insert(*place, error);
            }
        }
        errors
    }

    /// Since when a fault is open, or was in doubt when it was found.
    fn opened_ns(&self, place: Place) -> u64 {
        let known = self.open.get(&place).map(|(_, since_ns)| *since_ns);
        known.unwrap_or_else(|| self.since_ns(place))
    }

    fn publish(&self) {
        let faults = self.open.iter().map(|(place, (cause, _))| (*place, *cause));
        let mut failed = grouped(&faults.collect(), |place| self.opened_ns(place));
        if self.untold >= UNTOLD_MAX {
            failed.push(self.unproven());
        }
        self.shared.canary.board.set(State {
            checked_ns: self.checked_ns,
            failed,
        });
    }
}
