//! Renames and mounts under way, as the kernel programs count them.
//!
//! Owns when such a count is no longer believed. Must not look for what moved.

use std::time::{Duration, Instant};

use tracing::info;

use super::Keeping;

/// A rename or mount that is under way so long has ended unseen.
const MOVING_MAX: Duration = Duration::from_secs(10);

impl Keeping {
    pub(super) fn forget_what_never_ended(&mut self) {
        let moving = self.maps.moving();
        match self.moving_since {
            Some((count, since)) if count == moving && moving != 0 => {
                if since.elapsed() >= MOVING_MAX {
                    info!("{moving} renames or mounts ended unseen");
                    self.maps.forget_moving(moving);
                    self.moving_since = None;
                }
            }
            _ => self.moving_since = (moving != 0).then(|| (moving, Instant::now())),
        }
    }
}
