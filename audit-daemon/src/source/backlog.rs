//! What waited in the rings of an adopted load while no daemon read them.
//!
//! Owns the question whether they have room again: a daemon that says it is ready with full rings would lose
//! what comes next. Must not read an event.

use std::time::{Duration, Instant};

use audit_common::Lane;

use super::{Ring, ring_of};
use crate::kernel::Attached;

/// Room is half of a ring.
const ROOM_SHARE: u64 = 2;
const LOOK: Duration = Duration::from_millis(2);

pub struct Backlog {
    rings: [Ring; Lane::COUNT],
}

impl Backlog {
    pub fn of(attached: &Attached) -> std::io::Result<Backlog> {
        let map = |lane| ring_of(attached, lane, None);
        Ok(Backlog {
            rings: [map(Lane::Critical)?, map(Lane::Bulk)?],
        })
    }

    fn has_room(&self) -> bool {
        let has_room = |ring: &Ring| ring.occupied() <= ring.size() / ROOM_SHARE;
        self.rings.iter().all(has_room)
    }

    /// Waits until both rings have room; false if they had none in all that time.
    pub fn wait(&self, at_most: Duration) -> bool {
        let until = Instant::now() + at_most;
        while !self.has_room() {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }
}
