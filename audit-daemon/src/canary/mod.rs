//! The canary: now and then a child of the daemon acts harmlessly through every hook, and its acts must
//! come back as events; the links themselves are asked as well.
//!
//! Owns the rounds, the verdict on each attach point, and having it restored. It never records: what is
//! found waits on a board for the worker. Must not stand in the way of events: all its waiting is done
//! in a thread of its own.
//!
//! A point has failed if the kernel says that nothing is attached there, if its pin is not its own any
//! more, or if of the acts that go through it none came back, several times tried. It is attached again
//! at once, and tried again in the next round if that does not help. While the worker is far behind,
//! or events are lost, a missing answer means nothing.

mod acts;
pub mod child;
mod faults;
mod proof;
mod ring;
mod scene;
mod tries;
mod witness;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use tracing::{debug, error, info, warn};

use faults::grouped;
pub use faults::{Board, Cause, Failed, Said, State};
pub use tries::make;
use tries::{Stage, Tried};
use witness::Oneself;
pub use witness::Witness;

use crate::{
    enrich::{boot_ns, running},
    kernel::{Attached, Links, Place, Wrong},
    pipeline::Shared,
    watching::Keeper,
};

/// An act that did not come back is done so often before that means something.
const TRIES: usize = 3;
/// After so many rounds that could tell nothing, that is said.
const UNTOLD_MAX: u32 = 2;
/// The row whose points count moves that begin; nothing else shows that they see.
const BEGINS: &str = "moving_begin";
/// What stands for the hook where none is to blame.
const ITSELF: &str = "canary";
const PINS: &str = "pins";

/// What worker, status and canary share of it.
#[derive(Default)]
pub struct Desk {
    pub witness: Witness,
    pub board: Board,
}

/// Where canaries act: beside the socket of the status.
pub fn directory(socket: &std::path::Path) -> PathBuf {
    socket.with_file_name("canary")
}

/// The thread, until it is dropped.
pub struct Canary {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What a canary needs to begin.
pub struct Parts<'a> {
    pub attached: &'a Attached,
    pub shared: &'a Arc<Shared>,
    /// `None`: no files are watched.
    pub keeper: Option<Arc<Keeper>>,
    pub dir: PathBuf,
    pub interval: Duration,
}

impl Canary {
    pub fn start(parts: Parts<'_>) -> io::Result<Canary> {
        let Parts {
            attached,
            shared,
            keeper,
            dir,
            interval,
        } = parts;
        let oneself = running::one(std::process::id()).ok_or(io::ErrorKind::NotFound)?;
        shared.canary.witness.expect(Oneself {
            key: oneself.key,
            program: oneself.exe.map_or((0, 0), |exe| (exe.ino, exe.size)),
            dir: dir.clone(),
        });
        let links = attached.links.clone();
        let watches = lock(&links).watch_state();
        let stage = Stage::new(
            dir,
            shared.clone(),
            attached.counters.clone(),
            attached.cpus,
            watches,
        );
        let rounds = Rounds {
            links,
            keeper,
            stage,
            shared: shared.clone(),
            in_order_ns: HashMap::new(),
            began_ns: boot_ns(),
            open: BTreeMap::new(),
            untold: 0,
            checked_ns: None,
        };
        let (stop, stopped) = bounded(0);
        let thread = std::thread::Builder::new()
            .name("canary".into())
            .spawn(move || rounds.run(interval, &stopped))?;
        Ok(Canary {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Links are links after a panic, too.
fn lock(links: &Mutex<Links>) -> MutexGuard<'_, Links> {
    links.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a round found.
struct Found {
    faults: BTreeMap<Place, Cause>,
    /// Acts told something.
    told: bool,
}

struct Rounds {
    links: Arc<Mutex<Links>>,
    keeper: Option<Arc<Keeper>>,
    stage: Stage,
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
    fn run(mut self, interval: Duration, stopped: &Receiver<()>) {
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
        let mut failed = self.restore_other_pins(began_ns);
        let Found { faults, told } = self.look(&places);
        failed.extend(self.note_untold(told));
        let news: BTreeMap<Place, Cause> = faults
            .iter()
            .filter(|(place, cause)| self.open.get(place).is_none_or(|(of, _)| of != *cause))
            .map(|(place, cause)| (*place, *cause))
            .collect();
        failed.extend(grouped(&news, |place| self.since_ns(place)));
        if !failed.is_empty() {
            self.say_found(began_ns, places.len(), failed);
        }
        let blind = |place: &Place| faults.contains_key(place);
        for place in places.iter().filter(|place| !blind(place)) {
            // Without an answer to its acts nothing is known of it.
            if told {
                self.in_order_ns.insert(*place, began_ns);
            }
        }
        if !self.open.is_empty() || !faults.is_empty() {
            self.restore(&faults, told);
        }
        if told {
            self.checked_ns = Some(boot_ns());
        }
        self.publish();
    }

    fn since_ns(&self, place: Place) -> u64 {
        let known = self.in_order_ns.get(&place);
        known.copied().unwrap_or(self.began_ns)
    }

    /// What the kernel says of links and pins, and which acts do not come back.
    fn look(&mut self, places: &[Place]) -> Found {
        let wrong = lock(&self.links).check();
        let cause = |wrong| match wrong {
            Wrong::Detached => Cause::Detached,
            Wrong::Unpinned => Cause::Unpinned,
        };
        let wrong = wrong
            .into_iter()
            .map(|(place, wrong)| (place, cause(wrong)));
        let mut faults: BTreeMap<Place, Cause> = wrong.collect();
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
        let tried = match self.try_often(&wanted(places)) {
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

    fn restore_other_pins(&mut self, at_ns: u64) -> Vec<Failed> {
        let points = lock(&self.links).restore_other_pins();
        if points.is_empty() {
            return Vec::new();
        }
        let failed = Failed {
            hook: PINS,
            cause: Cause::Unpinned,
            points,
            since_ns: self.checked_ns.unwrap_or(self.began_ns),
        };
        self.shared.canary.board.say(Said::Restored {
            at_ns,
            failed: failed.clone(),
        });
        vec![failed]
    }

    /// A canary that cannot tell is a failure of its own, once it lasts.
    fn note_untold(&mut self, told: bool) -> Option<Failed> {
        self.untold = if told { 0 } else { self.untold + 1 };
        (self.untold == UNTOLD_MAX).then(|| Failed {
            hook: ITSELF,
            cause: Cause::Unproven,
            points: Vec::new(),
            since_ns: self.checked_ns.unwrap_or(self.began_ns),
        })
    }

    fn say_found(&self, began_ns: u64, checked: usize, failed: Vec<Failed>) {
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

    /// Attaches or pins again, looks again, and says what came of it: also of what was open before, and
    /// is in order by itself now.
    fn restore(&mut self, faults: &BTreeMap<Place, Cause>, told: bool) {
        self.refill(faults);
        let errors = self.attach_again(faults);
        let open = self.open.iter().map(|(place, (cause, _))| (*place, *cause));
        let all: BTreeMap<Place, Cause> = open.chain(faults.clone()).collect();
        let places: Vec<Place> = all.keys().copied().collect();
        let after = self.look(&places);
        // What acts have shown only acts can show to be over.
        let is_untold = |cause: &Cause| told && !after.told && *cause == Cause::Silent;
        let (left, restored): (BTreeMap<Place, Cause>, BTreeMap<Place, Cause>) = all
            .into_iter()
            .partition(|(place, cause)| after.faults.contains_key(place) || is_untold(cause));
        let at_ns = boot_ns();
        let board = &self.shared.canary.board;
        for failed in grouped(&restored, |place| self.opened_ns(place)) {
            info!(
                "hook {} sees again: {}",
                failed.hook,
                failed.points.join(", ")
            );
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
        let open = left.into_iter();
        self.open = open
            .map(|(place, cause)| (place, (cause, self.opened_ns(place))))
            .collect();
        if after.told {
            let restored = restored.into_keys().map(|place| (place, at_ns));
            self.in_order_ns.extend(restored);
        }
    }

    /// If acts do not come back of what is attached, the maps may be what is wrong.
    fn refill(&self, faults: &BTreeMap<Place, Cause>) {
        let is_silent = |cause: &Cause| *cause == Cause::Silent;
        if let (Some(keeper), true) = (&self.keeper, faults.values().any(is_silent))
            && let Err(error) = keeper.refill()
        {
            warn!("the watches could not be put into the kernel anew: {error}");
        }
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
            failed.push(Failed {
                hook: ITSELF,
                cause: Cause::Unproven,
                points: Vec::new(),
                since_ns: self.checked_ns.unwrap_or(self.began_ns),
            });
        }
        self.shared.canary.board.set(State {
            checked_ns: self.checked_ns,
            failed,
        });
    }
}

/// The acts that go through these places.
fn wanted(places: &[Place]) -> Vec<usize> {
    let acts = places
        .iter()
        .flat_map(|place| acts::through(place.row().name, place.point()));
    let moves = places.iter().any(|place| place.row().name == BEGINS);
    let moves = moves.then(|| acts::through("file_act", "syscalls/sys_exit_rename"));
    let all: BTreeSet<usize> = acts.chain(moves.into_iter().flatten()).collect();
    all.into_iter().collect()
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
