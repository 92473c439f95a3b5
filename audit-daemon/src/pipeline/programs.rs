//! Changes of excluded programs on their way from the keeper of the watches to the worker.
//!
//! Owns what waits. Must not make records, and must not hold anybody up.

use std::sync::{Mutex, PoisonError};

use crate::watch::programs::Change;

/// Beyond that a change is a warning only, which it was already.
const WAITING_MAX: usize = 1024;

/// Found, and not yet in a record.
#[derive(Default)]
pub struct ProgramChanges(Mutex<Vec<Change>>);

impl ProgramChanges {
    pub fn add(&self, change: Change) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < WAITING_MAX {
            waiting.push(change);
        }
    }

    pub fn take(&self) -> Vec<Change> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
