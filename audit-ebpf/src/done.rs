//! What a program has done, for its twin: where programs can be preempted, the kernel skips them for
//! other tasks on that CPU meanwhile, and the twin behind them does what the first did not.
//!
//! Owns the marks. A mark is of one task and one thing it did; only what is emitted is marked, so what
//! nobody watches costs no mark. A mark that its twin did not take, because that was skipped, is told by
//! its token from the next one. Of two that may come in either order a mark says whose it is, too: see
//! [`audit_common::twins`].

#[cfg(not(feature = "legacy"))]
use audit_common::twins::{self, OF_TWIN};
use aya_ebpf::{macros::map, maps::HashMap};

use crate::settings::setting;

/// Tasks between the first program and its twin at one time: far more than any host has.
const MARKS: u32 = 8192;

#[map]
static DONE: HashMap<u64, u64> = HashMap::with_max_entries(MARKS, 0);

/// Which of two programs runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    First,
    /// The two on the function that opens files, which runs them in either order: whoever comes first
    /// does it.
    FirstInside,
    #[cfg(not(feature = "legacy"))]
    TwinInside,
    #[cfg(not(feature = "legacy"))]
    Twin,
    /// It has no twin: it is never skipped.
    Only,
}

impl Turn {
    /// To be done by this one? Who does it marks that.
    #[inline(always)]
    pub fn takes(self, task: u64, token: u64) -> bool {
        match self {
            Turn::Only => true,
            Turn::First => {
                if setting!(preempted) != 0 {
                    let _ = DONE.insert(&task, &token, 0);
                }
                true
            }
            #[cfg(not(feature = "legacy"))]
            Turn::TwinInside => Turn::takes_first(task, token, OF_TWIN),
            #[cfg(not(feature = "legacy"))]
            Turn::FirstInside => Turn::takes_first(task, token, 0),
            #[cfg(feature = "legacy")]
            Turn::FirstInside => true,
            #[cfg(not(feature = "legacy"))]
            Turn::Twin => {
                // SAFETY: copied at once.
                let marked = unsafe { DONE.get(&task) }.copied();
                if marked.is_some() {
                    let _ = DONE.remove(&task);
                }
                marked != Some(token)
            }
        }
    }

    /// Not inlined: what it looks up would stand on the caller's stack, twice.
    #[cfg(not(feature = "legacy"))]
    #[inline(never)]
    fn takes_first(task: u64, token: u64, whose: u64) -> bool {
        if setting!(twins_inside) == 0 {
            return true;
        }
        let own = twins::mark(token, whose);
        // SAFETY: copied at once.
        if twins::is_told(own, unsafe { DONE.get(&task) }.copied()) {
            let _ = DONE.remove(&task);
            return false;
        }
        let _ = DONE.insert(&task, &own, 0);
        true
    }

    /// What is filtered out is counted once.
    #[inline(always)]
    pub fn counts(self) -> bool {
        matches!(self, Turn::First | Turn::FirstInside | Turn::Only)
    }
}
