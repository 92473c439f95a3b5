//! When the rings are drained.
//!
//! A drain wakes the worker and the writer, and ends in a commit: on a machine with few CPUs that is what the
//! daemon costs, whatever a drain reads. Owns the choice between little delay for what happens now and then,
//! few drains for what goes on all the time, and no ring that fills. Must not read a ring, or wait: to look at
//! two positions is cheap and wakes nobody.

use std::time::{Duration, Instant};

/// The rings' positions are looked at this often.
pub const LOOK: Duration = Duration::from_millis(4);
/// What comes all the time is drained this often.
const REST: Duration = Duration::from_millis(16);
/// Without events an empty batch is sent this often, so that time passes downstream too.
const HEARTBEAT: Duration = Duration::from_millis(32);
/// Who sends so much between two looks is drained at each, as far as the rings are large enough.
const RUSH_BYTES: u64 = 16 << 10;
/// The share of a ring that may wait, and what a rush is in one.
const WAITING_SHARE: u64 = 8;
const RUSH_SHARE: u64 = 32;

pub struct Pace {
    rush_bytes: u64,
    waiting_bytes: u64,
    /// How far the producers were at the last look, together.
    produced: u64,
    drained: Instant,
    /// Something of the last drain waits downstream for the word that nothing older comes.
    unsettled: bool,
}

impl Pace {
    /// For rings of which the smallest has so many bytes.
    pub fn new(smallest: u64, now: Instant) -> Pace {
        Pace {
            rush_bytes: RUSH_BYTES.min(smallest / RUSH_SHARE),
            waiting_bytes: smallest / WAITING_SHARE,
            produced: 0,
            drained: now,
            unsettled: false,
        }
    }

    /// Whether to drain now: `produced` and `read` are positions, of both rings together.
    pub fn is_due(&mut self, produced: u64, read: u64, now: Instant) -> bool {
        let new = produced.saturating_sub(self.produced);
        self.produced = produced;
        let rested = now.saturating_duration_since(self.drained);
        match produced.saturating_sub(read) {
            0 => self.unsettled || rested >= HEARTBEAT,
            waiting => new >= self.rush_bytes || waiting >= self.waiting_bytes || rested >= REST,
        }
    }

    pub fn drained(&mut self, was_empty: bool, now: Instant) {
        self.drained = now;
        self.unsettled = !was_empty;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RING: u64 = 8 << 20;

    /// Looks that found drains to be due, where each look finds so many bytes more.
    fn drains(new: impl Fn(u32) -> u64, looks: u32) -> Vec<u32> {
        let began = Instant::now();
        let mut pace = Pace::new(RING, began);
        let (mut produced, mut read, mut due) = (0, 0, Vec::new());
        for look in 1..=looks {
            let now = began + LOOK * look;
            produced += new(look);
            if pace.is_due(produced, read, now) {
                due.push(look);
                pace.drained(produced == read, now);
                read = produced;
            }
        }
        due
    }

    #[test]
    fn a_single_event_is_drained_and_settled_by_the_next_two_looks() {
        let once = |look| if look == 21 { 400 } else { 0 };
        assert_eq!(drains(once, 30), [8, 16, 21, 22, 30]);
    }

    #[test]
    fn what_comes_all_the_time_is_drained_at_each_fourth_look() {
        assert_eq!(drains(|_| 6_000, 16), [4, 8, 12, 16]);
    }

    #[test]
    fn a_rush_is_drained_at_each_look() {
        assert_eq!(drains(|_| RUSH_BYTES, 5), [1, 2, 3, 4, 5]);
        let burst = |look| if look == 3 { RUSH_BYTES } else { 100 };
        assert_eq!(drains(burst, 8), [3, 7]);
    }

    #[test]
    fn a_small_ring_is_drained_before_it_is_full() {
        let began = Instant::now();
        let mut pace = Pace::new(4_096, began);
        assert!(pace.is_due(128, 0, began));
        let mut pace = Pace::new(64 << 10, began);
        for waiting in (1_000..8_000).step_by(1_000) {
            assert!(!pace.is_due(waiting, 0, began), "{waiting}");
        }
        assert!(pace.is_due(8_192, 0, began));
    }

    #[test]
    fn an_entry_that_is_never_submitted_makes_no_rush() {
        let began = Instant::now();
        let mut pace = Pace::new(RING, began);
        let due = (1..=16).filter(|look| {
            let now = began + LOOK * *look;
            let due = pace.is_due(500, 0, now);
            if due {
                pace.drained(true, now);
            }
            due
        });
        assert_eq!(due.collect::<Vec<u32>>(), [4, 8, 12, 16]);
    }
}
