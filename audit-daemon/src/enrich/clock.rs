//! Kernel time to UTC: events are stamped with CLOCK_BOOTTIME, records say UTC.
//!
//! Owns [`WallClock`]: the offset (CLOCK_REALTIME − CLOCK_BOOTTIME), its history, and the
//! detection of steps; and [`ClockWatch`], a descriptor that becomes readable at a step.
//!
//! Must not be asked what time it is now: it converts stamps. Must not smooth: NTP slews both
//! clocks alike, so the offset only ever changes by a step (settimeofday, ADJ_SETOFFSET, a leap
//! second), and each change is the wall clock's own jump.
//!
//! Guarantees:
//! - between two steps UTC is the stamp plus a constant, so it orders events as the kernel did;
//! - a stamp is converted with the offset that held then, as far as it was seen: a step is dated
//!   when it is noticed (the next [`WallClock::tick`]), and stamps between the act and the notice
//!   still carry the time before it;
//! - after a step backwards UTC goes back: that is what the wall clock did, and a
//!   `daemon.clock_step` record says so. Order by sequence, not by time, across it;
//! - noise is never taken for a change: the true offset lies between the two bracketing samples,
//!   and the offset is kept as long as it lies there too;
//! - a stamp from before the first sample (events left in a pinned ring by an earlier daemon) is
//!   converted with the first offset;
//! - changes below [`STEP_NS_MIN`] are followed without a record, until they add up to one.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{
    ClockId as TimerClock, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags,
};
use nix::time::{ClockId, clock_gettime};

#[cfg(test)]
mod tests;

/// Smaller corrections are what a time service does all day; a record for each would be noise.
pub const STEP_NS_MIN: u64 = 10_000_000;
/// Offsets that are remembered. Events wait for seconds, steps come rarely; a clock that jumps
/// more often loses the oldest.
const HISTORY_MAX: usize = 64;
/// Samples to find a tight one when the quick one says that something changed.
const SAMPLES: usize = 7;
/// The two clocks are scaled and rounded apart from each other.
const ROUNDING_NS: i64 = 1_000;

/// Where the two clocks come from; tests own them.
pub trait ClockSource {
    /// CLOCK_BOOTTIME
    fn boot_ns(&self) -> u64;
    /// CLOCK_REALTIME
    fn utc_ns(&self) -> u64;
}

/// The kernel's clocks, through the vDSO.
#[derive(Clone, Copy, Debug, Default)]
pub struct KernelClocks;

impl ClockSource for KernelClocks {
    fn boot_ns(&self) -> u64 {
        read(ClockId::CLOCK_BOOTTIME)
    }

    fn utc_ns(&self) -> u64 {
        read(ClockId::CLOCK_REALTIME)
    }
}

/// The wall clock moved against the boot clock: a `daemon.clock_step` record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What the wall clock would have shown at `at_boot_ns`, and what it did show.
    pub from_utc_ns: u64,
    pub to_utc_ns: u64,
    /// `to` − `from`, cut to milliseconds.
    pub step_ms: i64,
    /// When it was noticed.
    pub at_boot_ns: u64,
}

#[derive(Debug)]
pub struct WallClock<S = KernelClocks> {
    source: S,
    /// In force now.
    current: Epoch,
    /// Those before, newest first.
    history: VecDeque<Epoch>,
    /// At the last record, or at the start.
    reported_offset_ns: i64,
}

/// An offset and since when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Epoch {
    from_boot_ns: u64,
    offset_ns: i64,
}

/// The true offset was between `low_ns` and `high_ns` at `boot_ns`.
#[derive(Clone, Copy, Debug)]
struct Sample {
    boot_ns: u64,
    low_ns: i64,
    high_ns: i64,
}

impl WallClock<KernelClocks> {
    pub fn new() -> WallClock<KernelClocks> {
        WallClock::with_source(KernelClocks)
    }
}

impl Default for WallClock<KernelClocks> {
    fn default() -> Self {
        WallClock::new()
    }
}

impl<S: ClockSource> WallClock<S> {
    pub fn with_source(source: S) -> WallClock<S> {
        let sample = Sample::tightest(&source);
        let current = Epoch {
            from_boot_ns: 0,
            offset_ns: sample.middle(),
        };
        let history = VecDeque::new();
        WallClock {
            source,
            current,
            history,
            reported_offset_ns: current.offset_ns,
        }
    }

    /// UTC in nanoseconds since 1970 of a CLOCK_BOOTTIME stamp.
    #[inline]
    pub fn utc_ns(&self, boot_ns: u64) -> u64 {
        let epoch = if boot_ns >= self.current.from_boot_ns {
            &self.current
        } else {
            self.epoch_before(boot_ns)
        };
        boot_ns.saturating_add_signed(epoch.offset_ns)
    }

    /// Compares the clocks: three reads, some 100 ns, so it may be called for every batch and must
    /// be at least once a second. A change is in force for stamps from now on.
    pub fn tick(&mut self) -> Option<Step> {
        if Sample::take(&self.source).allows(self.current.offset_ns) {
            return None;
        }
        let sample = Sample::tightest(&self.source);
        if sample.allows(self.current.offset_ns) {
            return None;
        }
        let offset_ns = sample.middle();
        self.history.truncate(HISTORY_MAX - 1);
        self.history.push_front(self.current);
        self.current = Epoch {
            from_boot_ns: sample.boot_ns,
            offset_ns,
        };
        if offset_ns.abs_diff(self.reported_offset_ns) < STEP_NS_MIN {
            return None;
        }
        let from_utc_ns = sample
            .boot_ns
            .saturating_add_signed(self.reported_offset_ns);
        let to_utc_ns = sample.boot_ns.saturating_add_signed(offset_ns);
        let step_ms = (offset_ns - self.reported_offset_ns) / 1_000_000;
        self.reported_offset_ns = offset_ns;
        Some(Step {
            from_utc_ns,
            to_utc_ns,
            step_ms,
            at_boot_ns: sample.boot_ns,
        })
    }

    /// CLOCK_BOOTTIME now, for deadlines and for records that no kernel event caused.
    pub fn boot_ns_now(&self) -> u64 {
        self.source.boot_ns()
    }

    #[cold]
    fn epoch_before(&self, boot_ns: u64) -> &Epoch {
        let held = self
            .history
            .iter()
            .find(|epoch| boot_ns >= epoch.from_boot_ns);
        held.or(self.history.back()).unwrap_or(&self.current)
    }
}

impl Sample {
    fn take(source: &impl ClockSource) -> Sample {
        let before = source.boot_ns();
        let utc = source.utc_ns();
        let after = source.boot_ns();
        // Both clocks stay far below 2^63 ns (the year 2262).
        let offset = |boot: u64| utc.wrapping_sub(boot).cast_signed();
        Sample {
            boot_ns: after,
            low_ns: offset(after) - ROUNDING_NS,
            high_ns: offset(before) + ROUNDING_NS,
        }
    }

    fn tightest(source: &impl ClockSource) -> Sample {
        let mut best = Sample::take(source);
        for _ in 1..SAMPLES {
            let sample = Sample::take(source);
            // A step in between is found by the next tick, if not by this one.
            if sample.width() <= best.width() {
                best = sample;
            }
        }
        best
    }

    fn width(&self) -> i64 {
        self.high_ns - self.low_ns
    }

    fn middle(&self) -> i64 {
        self.low_ns + self.width() / 2
    }

    fn allows(&self, offset_ns: i64) -> bool {
        (self.low_ns..=self.high_ns).contains(&offset_ns)
    }
}

/// Readable when the wall clock was set: lets the daemon tick at once instead of within a second.
/// A resume from suspend wakes it too; the tick then finds no change.
#[derive(Debug)]
pub struct ClockWatch {
    timer: TimerFd,
}

/// So far away that only a cancellation can end the wait.
const NEVER: Duration = Duration::from_secs(i32::MAX as u64 * 100);

#[derive(Debug, thiserror::Error)]
pub enum ClockWatchError {
    #[error(
        "cannot make a timer on the wall clock: {0}; steps are noticed within a second instead"
    )]
    Create(#[source] io::Error),
    #[error(
        "cannot arm the timer on the wall clock: {0}; steps are noticed within a second instead"
    )]
    Arm(#[source] io::Error),
}

impl ClockWatch {
    pub fn new() -> Result<ClockWatch, ClockWatchError> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(TimerClock::CLOCK_REALTIME, flags)
            .map_err(|errno| ClockWatchError::Create(errno.into()))?;
        let watch = ClockWatch { timer };
        watch.arm()?;
        Ok(watch)
    }

    /// Whether the clock was set since the last call; watches on. Call before
    /// [`WallClock::tick`], so that a step between the two is noticed again.
    pub fn was_set(&self) -> Result<bool, ClockWatchError> {
        match self.timer.wait() {
            Err(Errno::EAGAIN) => Ok(false),
            // ECANCELED by a step, or the far end itself was reached by one.
            _ => self.arm().map(|()| true),
        }
    }

    fn arm(&self) -> Result<(), ClockWatchError> {
        let flags =
            TimerSetTimeFlags::TFD_TIMER_ABSTIME | TimerSetTimeFlags::TFD_TIMER_CANCEL_ON_SET;
        match self
            .timer
            .set(Expiration::OneShot(TimeSpec::from_duration(NEVER)), flags)
        {
            // The kernel reports a step since the last read by this, and arms the timer anyway.
            Ok(()) | Err(Errno::ECANCELED) => Ok(()),
            Err(errno) => Err(ClockWatchError::Arm(errno.into())),
        }
    }
}

impl AsFd for ClockWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}

/// Both clocks exist on every kernel that the daemon runs on; a failure reads as the epoch.
fn read(clock: ClockId) -> u64 {
    let Ok(time) = clock_gettime(clock) else {
        return 0;
    };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let nanoseconds = u64::try_from(time.tv_nsec()).unwrap_or(0);
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}
