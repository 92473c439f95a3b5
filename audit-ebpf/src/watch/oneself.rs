//! The daemon's own processes, as the shared state names them.
//!
//! Owns these questions. Must not decide what follows from the answers.

use audit_common::watch::WatchState;

use super::{WATCH_STATE, volatile};

#[inline(always)]
pub fn is_oneself(state: &WatchState, tgid: u32) -> bool {
    volatile(&state.self_tgid) == u64::from(tgid)
}

/// The same, whether anything is watched or not.
#[inline(always)]
pub fn is_the_daemon(tgid: u32) -> bool {
    self_tgid() == tgid
}

/// The daemon's own process; also while nothing is watched.
#[inline(always)]
pub fn self_tgid() -> u32 {
    match WATCH_STATE.get_ptr(0) {
        // SAFETY: a live map value, read volatile.
        Some(state) => volatile(unsafe { &(*state).self_tgid }) as u32,
        None => 0,
    }
}

/// Is this the daemon's canary, which acts just now?
#[inline(always)]
pub fn is_the_canary(tgid: u32) -> bool {
    WATCH_STATE.get_ptr(0).is_some_and(|state| {
        // SAFETY: a live map value, read volatile.
        let state = unsafe { &*state };
        volatile(&state.probed) != 0 && volatile(&state.canary.pid) == u64::from(tgid)
    })
}
