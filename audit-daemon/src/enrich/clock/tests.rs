//! Steps are noticed once, slewing is followed, older stamps keep their offset.

use std::cell::Cell;
use std::rc::Rc;

use super::*;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1000 * MS;
/// 2026-11-20T10:16:31Z
const OFFSET: i64 = 1_795_169_791_000_000_000;

/// Clocks that move only as the test says. Each read takes `read_ns`, of which there may be a
/// list for the next reads (a preempted sample).
#[derive(Clone, Default)]
struct Fake(Rc<FakeState>);

#[derive(Default)]
struct FakeState {
    boot_ns: Cell<u64>,
    offset_ns: Cell<i64>,
    read_ns: Cell<u64>,
    stalls: Cell<[u64; 3]>,
    reads: Cell<u64>,
    /// (number of the read, new offset): a step in the middle of a sample.
    step_at: Cell<Option<(u64, i64)>>,
}

impl Fake {
    fn new() -> Fake {
        let fake = Fake::default();
        fake.0.boot_ns.set(100 * SECOND);
        fake.0.offset_ns.set(OFFSET);
        fake.0.read_ns.set(20);
        fake
    }

    fn step(&self, by_ns: i64) {
        self.0.offset_ns.set(self.0.offset_ns.get() + by_ns);
    }

    fn pass(&self, ns: u64) -> u64 {
        self.0.boot_ns.set(self.0.boot_ns.get() + ns);
        self.0.boot_ns.get()
    }

    fn tick_time(&self) -> u64 {
        let reads = self.0.reads.get() + 1;
        self.0.reads.set(reads);
        if let Some((at, offset)) = self.0.step_at.get()
            && reads == at
        {
            self.0.offset_ns.set(offset);
        }
        let [stall, next, later] = self.0.stalls.replace([0; 3]);
        self.0.stalls.set([next, later, 0]);
        self.pass(self.0.read_ns.get() + stall)
    }
}

impl ClockSource for Fake {
    fn boot_ns(&self) -> u64 {
        self.tick_time()
    }

    fn utc_ns(&self) -> u64 {
        self.tick_time()
            .saturating_add_signed(self.0.offset_ns.get())
    }
}

fn utc_of(boot_ns: u64, offset_ns: i64) -> u64 {
    boot_ns.checked_add_signed(offset_ns).unwrap()
}

#[test]
fn without_a_step_utc_is_the_stamp_plus_a_constant() {
    let fake = Fake::new();
    let mut clock = WallClock::with_source(fake.clone());
    let first = clock.utc_ns(5);
    assert_eq!(
        first,
        utc_of(5, OFFSET),
        "a tight sample finds the offset itself"
    );
    for _ in 0..10_000 {
        fake.pass(SECOND);
        assert_eq!(clock.tick(), None);
    }
    assert_eq!((clock.utc_ns(5), clock.history.len()), (first, 0));
    assert_eq!(clock.utc_ns(7 * SECOND) - clock.utc_ns(5), 7 * SECOND - 5);
}

#[test]
fn a_step_is_told_once_and_dated() {
    let fake = Fake::new();
    let mut clock = WallClock::with_source(fake.clone());
    let before = fake.pass(SECOND);
    fake.step(-3_600_000 * MS as i64);
    let step = clock.tick().unwrap();
    assert_eq!(step.step_ms, -3_600_000);
    assert_eq!(step.from_utc_ns, utc_of(step.at_boot_ns, OFFSET));
    assert_eq!(
        step.to_utc_ns,
        utc_of(step.at_boot_ns, OFFSET) - 3_600_000 * MS
    );
    assert_eq!(clock.tick(), None);
    // Stamps from before keep their time, those from after have the new one.
    assert_eq!(clock.utc_ns(before), utc_of(before, OFFSET));
    assert_eq!(clock.utc_ns(step.at_boot_ns - 1), step.from_utc_ns - 1);
    assert_eq!(clock.utc_ns(step.at_boot_ns), step.to_utc_ns);
}

#[test]
fn each_stamp_has_the_offset_of_its_time() {
    let fake = Fake::new();
    let mut clock = WallClock::with_source(fake.clone());
    let mut expected = vec![(fake.pass(SECOND), OFFSET)];
    for step in [50, -20, 700, -5000, 60_000i64] {
        fake.pass(SECOND);
        fake.step(step * MS as i64);
        assert_eq!(clock.tick().unwrap().step_ms, step);
        expected.push((fake.pass(SECOND), fake.0.offset_ns.get()));
    }
    for (boot_ns, offset_ns) in expected {
        assert_eq!(clock.utc_ns(boot_ns), utc_of(boot_ns, offset_ns));
    }
}

#[test]
fn small_steps_are_followed_and_told_when_they_add_up() {
    let fake = Fake::new();
    let mut clock = WallClock::with_source(fake.clone());
    for round in 1..=2 {
        fake.step(4 * MS as i64);
        assert_eq!(clock.tick(), None);
        let now = fake.pass(1);
        assert_eq!(
            clock.utc_ns(now),
            utc_of(now, OFFSET + round * 4 * MS as i64)
        );
    }
    fake.step(4 * MS as i64);
    let step = clock.tick().unwrap();
    assert_eq!(step.step_ms, 12);
    assert_eq!(step.to_utc_ns - step.from_utc_ns, 12 * MS);
}

#[test]
fn a_step_of_exactly_the_threshold_counts() {
    for (by, told) in [(STEP_NS_MIN as i64, true), (STEP_NS_MIN as i64 - 1, false)] {
        let fake = Fake::new();
        let mut clock = WallClock::with_source(fake.clone());
        fake.step(by);
        assert_eq!(clock.tick().is_some(), told, "{by}");
    }
}

/// The reader is preempted for 50 ms between two reads of a sample.
#[test]
fn a_late_read_is_no_step() {
    let fake = Fake::new();
    let mut clock = WallClock::with_source(fake.clone());
    for stalls in [
        [50 * MS, 0, 0],
        [0, 50 * MS, 0],
        [0, 0, 50 * MS],
        [0, 50 * MS, 50 * MS],
    ] {
        fake.0.stalls.set(stalls);
        assert_eq!(clock.tick(), None, "{stalls:?}");
        assert_eq!(clock.utc_ns(5), utc_of(5, OFFSET));
    }
    assert_eq!(clock.history.len(), 0);
}

#[test]
fn a_step_within_a_sample_is_still_found() {
    for read in 1..=30 {
        let fake = Fake::new();
        let mut clock = WallClock::with_source(fake.clone());
        let new = OFFSET + 80 * MS as i64;
        fake.step(20 * MS as i64);
        fake.0.step_at.set(Some((fake.0.reads.get() + read, new)));
        let steps: Vec<i64> = (0..4)
            .filter_map(|_| clock.tick())
            .map(|step| step.step_ms)
            .collect();
        // The first three ticks make 30 reads; the last one sees a step at the very end of them.
        let seen = fake.0.offset_ns.get() - OFFSET;
        assert_eq!(
            steps.iter().sum::<i64>(),
            seen / MS as i64,
            "at read {read}: {steps:?}"
        );
        let now = fake.pass(1);
        assert!(
            clock.utc_ns(now).abs_diff(utc_of(now, OFFSET + seen)) < 2_000,
            "at read {read}"
        );
    }
}

#[test]
fn a_step_that_is_taken_back_at_once_leaves_nothing() {
    let fake = Fake::new();
    let mut clock = WallClock::with_source(fake.clone());
    fake.step(20 * MS as i64);
    fake.0.step_at.set(Some((fake.0.reads.get() + 4, OFFSET)));
    assert_eq!(clock.tick(), None);
    assert_eq!((clock.current.offset_ns, clock.history.len()), (OFFSET, 0));
}

#[test]
fn the_history_is_bounded_and_the_oldest_offset_stands_for_all_before() {
    let fake = Fake::new();
    let mut clock = WallClock::with_source(fake.clone());
    for _ in 0..3 * HISTORY_MAX {
        fake.pass(SECOND);
        fake.step(SECOND as i64);
        assert!(clock.tick().is_some());
    }
    assert_eq!(clock.history.len(), HISTORY_MAX);
    let kept = OFFSET + (2 * HISTORY_MAX as i64) * SECOND as i64;
    assert_eq!(clock.utc_ns(1), utc_of(1, kept));
}

#[test]
fn a_clock_set_to_1970_does_not_wrap() {
    let fake = Fake::new();
    fake.0.offset_ns.set(-(50 * SECOND as i64));
    let clock = WallClock::with_source(fake);
    assert_eq!(clock.utc_ns(60 * SECOND), 10 * SECOND);
    assert_eq!(clock.utc_ns(SECOND), 0);
}

#[test]
fn the_kernels_clocks_agree_with_the_standard_library() {
    let mut clock = WallClock::new();
    assert_eq!(clock.tick(), None);
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let ours = u128::from(clock.utc_ns(clock.boot_ns_now()));
    assert!(ours.abs_diff(now.as_nanos()) < u128::from(SECOND));
}

#[test]
fn the_watch_arms_and_is_quiet() {
    let watch = ClockWatch::new().unwrap();
    assert!(!watch.was_set().unwrap());
    assert!(!watch.was_set().unwrap());
}
