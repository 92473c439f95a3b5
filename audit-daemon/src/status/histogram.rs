//! Delays, counted without allocation.
//!
//! OWNS: the log-linear histogram and its error bound. MUST NOT: read a clock.
//!
//! Values are whole microseconds. Below 32 each has its own bucket; above, each power of two is cut
//! into 32 buckets of equal width. A percentile is reported as the upper end of its bucket, so that
//!
//! > true value ≤ reported value ≤ true value × (1 + 1/32), and never above the exact maximum.
//!
//! Delays from 2^36 us (19 hours) on fall into the last bucket; the maximum stays exact. A
//! histogram takes 8 KiB. Recording is three relaxed atomic operations: any thread may record, and a
//! summary taken meanwhile is of some recent moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Buckets per power of two, as a power of two: the error bound is 2^-5.
const SUB_BUCKET_BITS: u32 = 5;
const SUB_BUCKETS: usize = 1 << SUB_BUCKET_BITS;
/// Values below 2^36 us are told apart.
const VALUE_BITS: u32 = 36;
const BUCKETS: usize = (VALUE_BITS - SUB_BUCKET_BITS + 1) as usize * SUB_BUCKETS;

/// Percentiles of a histogram, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DelaySummary {
    pub count: u64,
    pub sum_us: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

pub struct DelayHistogram {
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
    max_us: AtomicU64,
}

impl Default for DelayHistogram {
    fn default() -> Self {
        Self::new()
    }
}

impl DelayHistogram {
    pub const fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum_us: AtomicU64::new(0),
            max_us: AtomicU64::new(0),
        }
    }

    /// Counts one delay. Below a microsecond it counts as zero.
    pub fn record(&self, delay: Duration) {
        self.record_us(u64::try_from(delay.as_micros()).unwrap_or(u64::MAX));
    }

    /// Counts one delay given in microseconds.
    pub fn record_us(&self, delay_us: u64) {
        self.record_many_us(delay_us, 1);
    }

    /// Counts the same delay for several events, as a group commit does.
    pub fn record_many_us(&self, delay_us: u64, events: u64) {
        self.buckets[bucket(delay_us)].fetch_add(events, Ordering::Relaxed);
        self.sum_us
            .fetch_add(delay_us.saturating_mul(events), Ordering::Relaxed);
        if events > 0 {
            self.max_us.fetch_max(delay_us, Ordering::Relaxed);
        }
    }

    /// Percentiles of all that was recorded; all zero when nothing was.
    pub fn summary(&self) -> DelaySummary {
        let counts: [u64; BUCKETS] =
            std::array::from_fn(|nth| self.buckets[nth].load(Ordering::Relaxed));
        let count: u64 = counts.iter().sum();
        let max_us = self.max_us.load(Ordering::Relaxed);
        let percentile = |percent: u64| percentile(&counts, count, percent).min(max_us);
        DelaySummary {
            count,
            sum_us: self.sum_us.load(Ordering::Relaxed),
            p50_us: percentile(50),
            p90_us: percentile(90),
            p99_us: percentile(99),
            max_us,
        }
    }
}

/// Upper end of the bucket that holds the value of rank ⌈count × percent / 100⌉.
fn percentile(counts: &[u64; BUCKETS], count: u64, percent: u64) -> u64 {
    let rank = u128::from(count) * u128::from(percent);
    let rank = rank.div_ceil(100).max(1);
    let mut below = 0u128;
    for (nth, &events) in counts.iter().enumerate() {
        below += u128::from(events);
        if below >= rank {
            return if nth == BUCKETS - 1 {
                u64::MAX
            } else {
                bucket_start(nth + 1) - 1
            };
        }
    }
    0
}

fn bucket(delay_us: u64) -> usize {
    let value = delay_us.min((1 << VALUE_BITS) - 1);
    if value < SUB_BUCKETS as u64 {
        return value as usize;
    }
    let power = u64::BITS - 1 - value.leading_zeros();
    let shift = power - SUB_BUCKET_BITS;
    let sub_bucket = (value >> shift) as usize - SUB_BUCKETS;
    (shift as usize + 1) * SUB_BUCKETS + sub_bucket
}

/// Smallest value of a bucket.
fn bucket_start(nth: usize) -> u64 {
    let (row, sub_bucket) = (nth / SUB_BUCKETS, (nth % SUB_BUCKETS) as u64);
    if row == 0 {
        return sub_bucket;
    }
    (SUB_BUCKETS as u64 + sub_bucket) << (row - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_join_without_gap_or_overlap() {
        for nth in 0..BUCKETS {
            let start = bucket_start(nth);
            assert_eq!(bucket(start), nth, "start of bucket {nth}");
            if nth > 0 {
                assert_eq!(bucket(start - 1), nth - 1, "value before bucket {nth}");
            }
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(BUCKETS, 1024);
    }

    #[test]
    fn percentiles_stay_within_the_error_bound_against_sorted_values() {
        // A fixed generator: delays from 0 us to 10 s, most of them small.
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut values: Vec<u64> = (0..20_000)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state % 10_000_000) >> (state >> 60)
            })
            .collect();
        let histogram = DelayHistogram::new();
        values.iter().for_each(|&value| histogram.record_us(value));
        values.sort_unstable();
        let summary = histogram.summary();
        for (percent, reported) in [
            (50, summary.p50_us),
            (90, summary.p90_us),
            (99, summary.p99_us),
        ] {
            let exact = values[(values.len() * percent).div_ceil(100) - 1];
            assert!(
                exact <= reported,
                "p{percent}: {reported} is below the true {exact}"
            );
            assert!(
                reported <= exact + exact / 32,
                "p{percent}: {reported} is far over {exact}"
            );
        }
        assert_eq!(summary.count, 20_000);
        assert_eq!(summary.max_us, *values.last().unwrap());
        assert_eq!(summary.sum_us, values.iter().sum::<u64>());
    }

    #[test]
    fn empty_single_and_huge() {
        let histogram = DelayHistogram::new();
        assert_eq!(histogram.summary(), DelaySummary::default());
        histogram.record_many_us(9, 0);
        assert_eq!(histogram.summary(), DelaySummary::default());
        histogram.record(Duration::from_micros(6_001));
        let one = histogram.summary();
        assert_eq!(
            (one.count, one.p50_us, one.p99_us, one.max_us),
            (1, 6_001, 6_001, 6_001)
        );
        histogram.record(Duration::MAX);
        let two = histogram.summary();
        assert_eq!((two.count, two.p99_us, two.max_us), (2, u64::MAX, u64::MAX));
    }

    #[test]
    fn threads_lose_no_count() {
        let histogram = DelayHistogram::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|delay_us| histogram.record_us(delay_us)));
            }
        });
        assert_eq!(histogram.summary().count, 40_000);
    }
}
