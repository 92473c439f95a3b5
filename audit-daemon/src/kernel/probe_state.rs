//! The shared state of watches, while a canary acts.
//!
//! Owns nothing: the watches' keeper does, and sets it again every second. Asks for what nobody may have
//! asked for, that times are looked at, and reads what moves.

use std::mem::offset_of;

use audit_common::watch::{WatchState, active};

use super::MappedArray;

const MOVING: usize = offset_of!(WatchState, moving) / 8;
const ACTIVE: usize = offset_of!(WatchState, active) / 8;

pub struct ProbeState(MappedArray<WatchState>);

/// Until it is dropped, or the keeper's next turn, everything is looked at.
pub struct LookedAt<'a> {
    state: &'a MappedArray<WatchState>,
    active: u64,
    moving: i64,
}

impl ProbeState {
    pub fn new(state: MappedArray<WatchState>) -> ProbeState {
        ProbeState(state)
    }

    pub fn look_at_all(&self) -> LookedAt<'_> {
        let active = self.0.word(0, ACTIVE);
        if active & active::ANY != 0 {
            self.0.set_word(0, ACTIVE, active | active::TIMES);
        }
        LookedAt {
            state: &self.0,
            active,
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
        self.state.set_word(0, ACTIVE, self.active);
    }
}

/// It counts up and down, and below zero where a beginning was not seen.
fn moving(state: &MappedArray<WatchState>) -> i64 {
    state.word(0, MOVING).cast_signed()
}
