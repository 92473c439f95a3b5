//! What is wrong with hooks: found, said once, and since when.
//!
//! Owns what is known of each place from round to round. Must not ask the kernel, act, or restore.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::kernel::Place;

/// Why a hook counts as failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The kernel has no link there any more.
    Detached,
    /// The kernel has one, and acts do not come back.
    Silent,
    /// It sees, and would end with the daemon.
    Unpinned,
    /// The canary cannot act, so nobody knows.
    Unproven,
}

impl Cause {
    pub const fn word(self) -> &'static str {
        match self {
            Cause::Detached => "detached",
            Cause::Silent => "silent",
            Cause::Unpinned => "unpinned",
            Cause::Unproven => "unproven",
        }
    }

    /// May events have passed by?
    pub const fn is_blind(self) -> bool {
        matches!(self, Cause::Detached | Cause::Silent)
    }
}

/// Points of one hook that failed in the same way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    pub hook: &'static str,
    pub cause: Cause,
    pub points: Vec<String>,
    /// When it was last known to be in order.
    pub since_ns: u64,
}

/// What is to stand in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Found {
        at_ns: u64,
        duration_ms: u64,
        /// Attach points that were looked at.
        checked: u64,
        failed: Vec<Failed>,
    },
    Restored {
        at_ns: u64,
        failed: Failed,
    },
    /// It could not be restored: once, though it is tried again each time.
    Missing {
        at_ns: u64,
        failed: Failed,
        errno: i32,
    },
}

/// How it stands, for `status`.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// When the last round ended that could tell; `None`: none did yet, or there are none.
    pub checked_ns: Option<u64>,
    pub failed: Vec<Failed>,
}

/// Bounds what waits while the worker cannot go on.
const SAID_MAX: usize = 256;

/// What others are told of it.
#[derive(Default)]
pub struct Board {
    said: Mutex<VecDeque<Said>>,
    state: Mutex<State>,
}

/// What was said is still true after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Board {
    pub fn say(&self, said: Said) {
        let mut waiting = lock(&self.said);
        // The first ones tell most; the rest is in the daemon's messages.
        if waiting.len() < SAID_MAX {
            waiting.push_back(said);
        }
    }

    pub fn take(&self) -> VecDeque<Said> {
        std::mem::take(&mut *lock(&self.said))
    }

    pub fn set(&self, state: State) {
        *lock(&self.state) = state;
    }

    pub fn state(&self) -> State {
        lock(&self.state).clone()
    }
}

/// Of places and their causes, by hook and cause.
pub fn grouped(faults: &BTreeMap<Place, Cause>, since_ns: impl Fn(Place) -> u64) -> Vec<Failed> {
    let mut groups: BTreeMap<(&'static str, Cause), Failed> = BTreeMap::new();
    for (place, cause) in faults {
        let hook = place.row().name;
        let failed = groups.entry((hook, *cause)).or_insert_with(|| Failed {
            hook,
            cause: *cause,
            points: Vec::new(),
            since_ns: u64::MAX,
        });
        failed.since_ns = failed.since_ns.min(since_ns(*place));
        let point = place.point().to_owned();
        if !failed.points.contains(&point) {
            failed.points.push(point);
        }
    }
    groups.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_told_by_hook_and_cause_with_the_earliest_doubt() {
        let place = |hook, point| Place::new(hook, 0, 0, point).expect("a place");
        let twin = Place::new("file_open", 0, 1, 1).expect("a twin");
        let faults = BTreeMap::from([
            (place("file_open", 1), Cause::Silent),
            (twin, Cause::Silent),
            (place("file_open", 0), Cause::Silent),
            (place("file_open", 2), Cause::Unpinned),
        ]);
        let since = |place: Place| if place == twin { 7 } else { 9 };
        let failed = grouped(&faults, since);
        assert_eq!(failed.len(), 2);
        assert_eq!(
            failed[0].points,
            ["syscalls/sys_exit_openat", "syscalls/sys_exit_open"]
        );
        assert_eq!((failed[0].cause, failed[0].since_ns), (Cause::Silent, 7));
        assert_eq!((failed[1].cause, failed[1].since_ns), (Cause::Unpinned, 9));
    }

    #[test]
    fn what_waits_is_bounded_and_taken_once() {
        let board = Board::default();
        for errno in 0..300 {
            let failed = grouped(
                &BTreeMap::from([(Place::new("fork", 1, 0, 0).expect("fork"), Cause::Silent)]),
                |_| 1,
            );
            board.say(Said::Missing {
                at_ns: 1,
                failed: failed[0].clone(),
                errno,
            });
        }
        assert_eq!(board.take().len(), SAID_MAX);
        assert!(board.take().is_empty());
    }
}
