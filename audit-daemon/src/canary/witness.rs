//! What the worker sees of the canary: which events are its own, and what they prove.
//!
//! Owns who the canary's processes are. Asked about every event that is judged, so it costs a load
//! while no canary acts. Must not wait for the worker's sake, and must not judge what a missing answer
//! means.
//!
//! A canary is a process that the daemon itself made, or a child of it that executes the daemon's own
//! file; nobody else's event is ever taken for one. Of its file events only those are left out that are
//! in the canary's directory, and its opens for reading: anything else that it did would be recorded
//! like anybody's.

use std::{
    collections::{BTreeSet, VecDeque},
    path::PathBuf,
    sync::{
        Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::proof::{self, Proof};
use crate::{
    decode::Event,
    enrich::process::{Key, key_of},
};

/// An ended canary is remembered for so long, for what comes late.
const ENDED_KEPT_NS: u64 = 1_000_000_000;
/// Canaries that nobody saw end, because that hook is silent.
const PROCESSES_MAX: usize = 32;

/// Who the daemon is, and where its canaries act.
pub struct Oneself {
    pub key: Key,
    /// Inode and size of the daemon's program.
    pub program: (u64, u64),
    pub dir: PathBuf,
    /// Whose load it has adopted.
    pub before: Option<Before>,
}

/// A daemon that may have been killed while its canary acted: what that did may be read only now.
pub struct Before {
    pub daemon: Key,
    /// Its last one.
    pub canary: Key,
    /// By then both had ended.
    pub until_ns: u64,
}

#[derive(Default)]
pub struct Witness {
    oneself: OnceLock<Oneself>,
    /// How many processes `seen` knows.
    known: AtomicUsize,
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    canaries: VecDeque<Canary>,
    /// Acts that were proven since the last `begin`.
    proven: BTreeSet<usize>,
    /// All that happened until then was judged.
    judged_ns: u64,
}

struct Canary {
    key: Key,
    execs: usize,
    ended_ns: Option<u64>,
}

impl Seen {
    fn canary(&mut self, key: Key) -> &mut Canary {
        let known = self.canaries.iter().position(|canary| canary.key == key);
        let at = known.unwrap_or_else(|| {
            if self.canaries.len() >= PROCESSES_MAX {
                self.canaries.pop_front();
            }
            self.canaries.push_back(Canary {
                key,
                execs: 0,
                ended_ns: None,
            });
            self.canaries.len() - 1
        });
        &mut self.canaries[at]
    }

    fn knows(&self, key: Key) -> bool {
        self.canaries.iter().any(|canary| canary.key == key)
    }
}

impl Witness {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Once, before the first event.
    pub fn expect(&self, oneself: Oneself) {
        if let Some(before) = &oneself.before {
            let mut seen = self.lock();
            // Forgotten soon, if nothing of it comes.
            seen.canary(before.canary).ended_ns = Some(before.until_ns);
            self.known.store(seen.canaries.len(), Ordering::Release);
        }
        // There is one daemon in a process, and it has one canary.
        let _ = self.oneself.set(oneself);
    }

    /// From now on proofs are those of another try.
    pub fn begin(&self) {
        self.lock().proven.clear();
    }

    /// This process is one.
    pub fn is_canary(&self, key: Key) {
        let mut seen = self.lock();
        seen.canary(key);
        self.known.store(seen.canaries.len(), Ordering::Release);
    }

    /// What was proven, once that is all of `acts` or all that happened until `until_ns` was judged;
    /// `None`: neither in time.
    pub fn proven(&self, acts: &[usize], until_ns: u64, time: Duration) -> Option<BTreeSet<usize>> {
        let deadline = Instant::now() + time;
        let mut seen = self.lock();
        loop {
            let all = acts.iter().all(|act| seen.proven.contains(act));
            if all || seen.judged_ns >= until_ns {
                return Some(seen.proven.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(seen, left);
            seen = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Told by the worker: all that happened until then was judged.
    pub fn judged(&self, until_ns: u64) {
        if self.oneself.get().is_none() {
            return;
        }
        let mut seen = self.lock();
        seen.judged_ns = until_ns;
        let is_over = |ended: u64| ended.saturating_add(ENDED_KEPT_NS) < until_ns;
        seen.canaries
            .retain(|canary| !canary.ended_ns.is_some_and(is_over));
        self.known.store(seen.canaries.len(), Ordering::Release);
        drop(seen);
        self.changed.notify_all();
    }

    /// Is this event a canary's own? What it proves is noted.
    pub fn saw(&self, event: &Event<'_>) -> bool {
        let Some(oneself) = self.oneself.get() else {
            return false;
        };
        let is_born = is_born(oneself, event);
        if !is_born && self.known.load(Ordering::Acquire) == 0 {
            return false;
        }
        let mut seen = self.lock();
        let is_own = took(&mut seen, oneself, event, is_born);
        self.known.store(seen.canaries.len(), Ordering::Release);
        is_own
    }
}

/// Made by the daemon, or its child by whatever way and now running the daemon's program.
fn is_born(oneself: &Oneself, event: &Event<'_>) -> bool {
    let is_daemon = |key| {
        let before = oneself.before.as_ref();
        let before = before.filter(|before| event.header().time_ns < before.until_ns);
        key == oneself.key || before.is_some_and(|before| before.daemon == key)
    };
    match event {
        Event::Fork(event) => is_daemon(Key::new(event.maker_tgid, event.maker_start_ns)),
        Event::Exec(event, _) => {
            is_daemon(Key::new(event.parent_tgid, event.parent_start_ns))
                && (event.file_ino, event.file_size) == oneself.program
        }
        _ => false,
    }
}

fn took(seen: &mut Seen, oneself: &Oneself, event: &Event<'_>, is_born: bool) -> bool {
    let key = key_of(event.header());
    if !is_born && !seen.knows(key) {
        return false;
    }
    if let Event::Exec(event, _) = event
        && (event.file_ino, event.file_size) != oneself.program
    {
        // What runs there now is somebody else's program.
        seen.canaries.retain(|canary| canary.key != key);
        return false;
    }
    let canary = seen.canary(key);
    let proof = proof::of(&oneself.dir, event, canary.execs);
    match event {
        Event::Exec(..) => canary.execs += 1,
        Event::Exit(event) => canary.ended_ns = Some(event.header.time_ns),
        _ => {}
    }
    match proof {
        Proof::Acts(acts) => seen.proven.extend(acts),
        Proof::Foreign => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Tails;
    use audit_common::{exec::Exec, exit::Exit, file_act::FileAct, fork::Fork};
    use zerocopy::FromZeros;

    const DAEMON: (u32, u64) = (50, 7_000_000_000);
    /// The one before, and when this one had its load.
    const KILLED: (u32, u64) = (40, 3_000_000_000);
    const STARTED_NS: u64 = 8_000_000_000;

    fn with(before: Option<Before>) -> Witness {
        let witness = Witness::default();
        witness.expect(Oneself {
            key: Key::new(DAEMON.0, DAEMON.1),
            program: (4, 100),
            dir: "/run/canary".into(),
            before,
        });
        witness
    }

    fn witness() -> Witness {
        with(None)
    }

    fn witness_after_a_kill() -> Witness {
        with(Some(Before {
            daemon: Key::new(KILLED.0, KILLED.1),
            canary: Key::new(41, 0),
            until_ns: STARTED_NS,
        }))
    }

    fn forked(maker: (u32, u64), child: u32) -> Event<'static> {
        let mut event = Fork::new_zeroed();
        (event.maker_tgid, event.maker_start_ns) = maker;
        event.header.tgid = child;
        Event::Fork(event)
    }

    fn executed(parent: (u32, u64), tgid: u32, program: (u64, u64)) -> Event<'static> {
        let mut event = Exec::new_zeroed();
        (event.parent_tgid, event.parent_start_ns) = parent;
        event.header.tgid = tgid;
        (event.file_ino, event.file_size) = program;
        Event::Exec(event, Tails::default())
    }

    fn ended(tgid: u32, time_ns: u64) -> Event<'static> {
        let mut event = Exit::new_zeroed();
        (event.header.tgid, event.header.time_ns) = (tgid, time_ns);
        Event::Exit(event)
    }

    #[test]
    fn children_of_the_daemon_are_canaries_and_nobody_else() {
        let witness = witness();
        assert!(
            !witness.saw(&forked((50, 9_000_000_000), 60)),
            "another boot's 50"
        );
        assert!(witness.saw(&forked(DAEMON, 60)));
        assert!(witness.saw(&executed(DAEMON, 60, (4, 100))));
        assert!(
            !witness.saw(&executed((1, 0), 61, (4, 100))),
            "somebody's own daemon"
        );
        assert!(!witness.saw(&ended(61, 1)));
        assert!(witness.saw(&ended(60, 1)));
    }

    #[test]
    fn a_canary_that_executes_something_else_is_none_any_more() {
        let witness = witness();
        assert!(witness.saw(&forked(DAEMON, 60)));
        assert!(!witness.saw(&executed(DAEMON, 60, (5, 100))));
        assert!(!witness.saw(&ended(60, 1)), "it is recorded to its end");
    }

    #[test]
    fn canaries_of_a_killed_daemon_are_known_until_it_is_replaced() {
        let at = |mut event: Event<'static>, time_ns| {
            if let Event::Fork(fork) = &mut event {
                fork.header.time_ns = time_ns;
            }
            event
        };
        let witness = witness_after_a_kill();
        assert!(witness.saw(&at(forked(KILLED, 60), STARTED_NS - 1)));
        assert!(witness.saw(&executed(KILLED, 60, (4, 100))));
        assert!(
            !witness.saw(&at(forked(KILLED, 61), STARTED_NS)),
            "its number is somebody else's by now"
        );
        // Of this one only the end was still to be read.
        assert!(witness.saw(&ended(41, STARTED_NS - 1)));
    }

    #[test]
    fn a_killed_daemons_canary_is_forgotten_though_nothing_came_of_it() {
        let witness = witness_after_a_kill();
        assert_eq!(witness.known.load(Ordering::Relaxed), 1);
        witness.judged(STARTED_NS + ENDED_KEPT_NS + 1);
        assert_eq!(witness.known.load(Ordering::Relaxed), 0);
        assert!(!witness.saw(&ended(41, STARTED_NS + ENDED_KEPT_NS + 1)));
    }

    #[test]
    fn what_it_does_elsewhere_is_not_left_out() {
        let witness = witness();
        witness.is_canary(Key::new(60, 0));
        let mut event = FileAct::new_zeroed();
        event.header.tgid = 60;
        assert!(!witness.saw(&Event::FileAct(event, Tails::default())));
    }

    #[test]
    fn an_ended_one_is_remembered_for_a_while_and_then_costs_nothing() {
        let witness = witness();
        witness.is_canary(Key::new(60, 0));
        assert!(witness.saw(&ended(60, 5)));
        witness.judged(5 + ENDED_KEPT_NS);
        assert_eq!(witness.known.load(Ordering::Relaxed), 1);
        witness.judged(6 + ENDED_KEPT_NS);
        assert_eq!(witness.known.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn answers_are_waited_for_until_everything_was_judged() {
        let witness = witness();
        let (act, time) = ([0], Duration::ZERO);
        assert_eq!(
            witness.proven(&act, 100, time),
            None,
            "nothing was judged yet"
        );
        witness.judged(100);
        assert_eq!(witness.proven(&act, 100, time), Some(BTreeSet::new()));
        witness.saw(&forked(DAEMON, 60));
        assert_eq!(witness.proven(&act, 200, time), Some(BTreeSet::from([0])));
    }
}
