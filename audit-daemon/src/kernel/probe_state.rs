//! The shared state of watches, as canaries need it.
//!
//! Owns its words for that: that times are looked at while one acts, and who acts, so that a daemon that
//! adopts this load knows whose events it finds in the rings. All other words are the keeper's.

use std::mem::offset_of;

use audit_common::watch::{ProcessWords, WatchState};

use super::MappedArray;

const MOVING: usize = offset_of!(WatchState, moving) / 8;
const PROBED: usize = offset_of!(WatchState, probed) / 8;
const DAEMON: usize = offset_of!(WatchState, daemon) / 8;
const CANARY: usize = offset_of!(WatchState, canary) / 8;

pub struct ProbeState(MappedArray<WatchState>);

/// Until it is dropped everything is looked at.
pub struct LookedAt<'a> {
    state: &'a MappedArray<WatchState>,
    moving: i64,
}

impl ProbeState {
    pub fn new(state: MappedArray<WatchState>) -> ProbeState {
        ProbeState(state)
    }

    /// Puts this daemon in the place of the last one, and gives that and its last canary.
    pub fn take_over(&self, daemon: ProcessWords) -> (ProcessWords, ProcessWords) {
        let before = self.0.get(0);
        // That one may have been killed while its canary acted.
        self.0.set_word(0, PROBED, 0);
        self.set_process(CANARY, ProcessWords::default());
        self.set_process(DAEMON, daemon);
        (before.daemon, before.canary)
    }

    /// This one is going to act.
    pub fn acts(&self, canary: ProcessWords) {
        self.set_process(CANARY, canary);
    }

    fn set_process(&self, at: usize, process: ProcessWords) {
        // Killed in between, a daemon leaves a process that never was: its canary did not act yet.
        self.0.set_word(0, at, process.pid);
        self.0.set_word(0, at + 1, process.tick);
    }

    pub fn look_at_all(&self) -> LookedAt<'_> {
        self.0.set_word(0, PROBED, 1);
        LookedAt {
            state: &self.0,
            moving: moving(&self.0),
        }
    }
}

impl LookedAt<'_> {
    /// Have more moves ended than were seen to begin?
    pub fn moving_fell(&self) -> bool {
        let now = moving(self.state);
        now < 0 && now < self.moving
    }
}

impl Drop for LookedAt<'_> {
    fn drop(&mut self) {
        self.state.set_word(0, PROBED, 0);
    }
}

/// It counts up and down, and below zero where a beginning was not seen.
fn moving(state: &MappedArray<WatchState>) -> i64 {
    state.word(0, MOVING).cast_signed()
}
