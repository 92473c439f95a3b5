//! When the rings are drained.
//!
//! A drain wakes the worker and the writer, and ends in a commit: on a machine with few CPUs that is what the
//! daemon costs, whatever a drain reads. Owns the choice between little delay for what happens now and then,
//! few drains for what goes on all the time, and no ring that fills. Must not read a ring, or wait: to look at
//! two positions is cheap and wakes nobody.

use std::time::{Duration, Instant};

/// The rings' positions are looked at this often.
pub const LOOK: Duration = Duration::from_millis(4);
/// What comes all the time is drained this often; without events an empty batch is sent as often, so that time
/// passes downstream too.
const REST: Duration = Duration::from_millis(32);
/// So many events between two looks are a rush: 8,000 a second.
const RUSH_EVENTS: u64 = 32;
/// What one takes, as long as nothing is known of it.
const EVENT_BYTES: u64 = 512;
/// The share of a ring that may wait.
const WAITING_SHARE: u64 = 8;

pub struct Pace {
    waiting_bytes: u64,
    /// What an event of the last drain took.
    event_bytes: u64,
    /// How far the producers were at the last look, together.
    produced: u64,
    drained: Instant,
    /// The last drain for which something waited.
    waited: Option<Instant>,
    /// Something of the last drain waits downstream for the word that nothing older comes.
    unsettled: bool,
}

impl Pace {
    /// For rings of which the smallest has so many bytes.
    pub fn new(smallest: u64, now: Instant) -> Pace {
        Pace {
            waiting_bytes: smallest / WAITING_SHARE,
            event_bytes: EVENT_BYTES,
            produced: 0,
            drained: now,
            waited: None,
            unsettled: false,
        }
    }

    /// Whether to drain now: `produced` and `read` are positions, of both rings together.
    pub fn is_due(&mut self, produced: u64, read: u64, now: Instant) -> bool {
        let new = produced.saturating_sub(self.produced);
        self.produced = produced;
        let is_rush = new >= RUSH_EVENTS * self.event_bytes;
        let rested = |since| now.saturating_duration_since(since) >= REST;
        let waiting = produced.saturating_sub(read);
        if waiting == 0 {
            return self.unsettled || rested(self.drained);
        }
        let is_due = is_rush || waiting >= self.waiting_bytes || self.waited.is_none_or(rested);
        if is_due {
            self.waited = Some(now);
        }
        is_due
    }

    /// A drain read so many events, which took so many bytes.
    pub fn drained(&mut self, events: u64, bytes: u64, now: Instant) {
        self.drained = now;
        self.unsettled = events > 0;
        self.event_bytes = bytes.checked_div(events).unwrap_or(self.event_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RING: u64 = 8 << 20;
    const BYTES: u64 = 400;

    /// Looks that found drains to be due, where each look finds so many events more.
    fn drains(new: impl Fn(u32) -> u64, looks: u32) -> Vec<u32> {
        let began = Instant::now();
        let mut pace = Pace::new(RING, began);
        let (mut produced, mut read, mut due) = (0, 0, Vec::new());
        for look in 1..=looks {
            let now = began + LOOK * look;
            produced += new(look) * BYTES;
            if pace.is_due(produced, read, now) {
                due.push(look);
                pace.drained((produced - read) / BYTES, produced - read, now);
                read = produced;
            }
        }
        due
    }

    #[test]
    fn a_single_event_is_drained_at_once_and_settled_by_the_next_look() {
        let once = |look| u64::from(look == 21);
        assert_eq!(drains(once, 32), [8, 16, 21, 22, 30]);
    }

    #[test]
    fn what_comes_all_the_time_is_drained_at_each_eighth_look() {
        assert_eq!(drains(|_| 20, 32), [1, 9, 17, 25]);
        let seldom = |look| u64::from(look % 4 == 0);
        assert_eq!(drains(seldom, 32), [4, 5, 12, 13, 20, 21, 28, 29]);
    }

    #[test]
    fn a_rush_is_drained_at_each_look() {
        assert_eq!(drains(|_| 41, 5), [1, 2, 3, 4, 5]);
        let burst = |look| if look == 3 { 41 } else { 1 };
        assert_eq!(drains(burst, 12), [1, 3, 11]);
    }

    #[test]
    fn what_a_rush_is_depends_on_how_large_its_events_are() {
        let began = Instant::now();
        let mut pace = Pace::new(RING, began);
        assert!(pace.is_due(20_000, 0, began));
        pace.drained(100, 20_000, began);
        let (soon, read) = (began + LOOK, 20_000);
        assert!(pace.is_due(read, read, soon), "to settle what was found");
        pace.drained(0, 0, soon);
        let small = RUSH_EVENTS * 200;
        assert!(!pace.is_due(read + small - 1, read, soon));
        assert!(pace.is_due(read + 2 * small - 1, read, soon));
    }

    #[test]
    fn a_small_ring_is_drained_before_it_is_full() {
        let began = Instant::now();
        let mut pace = Pace::new(64 << 10, began);
        assert!(pace.is_due(8, 0, began));
        for waiting in (1_000..8_000).step_by(1_000) {
            assert!(!pace.is_due(waiting, 0, began), "{waiting}");
        }
        assert!(pace.is_due(8_192, 0, began));
    }

    #[test]
    fn an_entry_that_is_never_submitted_makes_no_rush() {
        let began = Instant::now();
        let mut pace = Pace::new(RING, began);
        let due = (1..=24).filter(|look| {
            let now = began + LOOK * *look;
            let due = pace.is_due(500, 0, now);
            if due {
                pace.drained(0, 0, now);
            }
            due
        });
        assert_eq!(due.collect::<Vec<u32>>(), [1, 9, 17]);
    }
}
