//! What a program has done, for its twin: where programs can be preempted, the kernel skips them for
//! other tasks on that CPU meanwhile, and the twin behind them does what the first did not.
//!
//! Owns the marks. A mark is of one task and one thing it did; only what is emitted is marked, so what
//! nobody watches costs no mark. A mark that its twin did not take, because that was skipped, is told by
//! its token from the next one.

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
    #[cfg_attr(
        feature = "legacy",
        expect(
            dead_code,
            reason = "no kernel that needs the legacy flavour preempts programs"
        )
    )]
    Twin,
}

impl Turn {
    /// To be done by this one? The first marks that it does it.
    #[inline(always)]
    pub fn takes(self, task: u64, token: u64) -> bool {
        match self {
            Turn::First => {
                if setting!(preempted) != 0 {
                    let _ = DONE.insert(&task, &token, 0);
                }
                true
            }
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

    /// What is filtered out is counted once.
    #[inline(always)]
    pub fn counts(self) -> bool {
        self == Turn::First
    }
}
