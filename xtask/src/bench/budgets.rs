//! Owns: the design's budgets (its section 10), and which figure each of them is about.
//! Must not: know how a figure came about.

use super::finding::Finding;

/// What a figure may be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    /// Least value to least value with nothing attached.
    RatioMax(f64),
    ValueMax(f64),
    ValueMin(f64),
}

#[derive(Debug)]
pub struct Budget {
    measure: &'static str,
    /// Of the case, its beginning.
    case: &'static str,
    limit: Limit,
    /// As the design has it.
    pub says: &'static str,
}

const fn budget(
    measure: &'static str,
    case: &'static str,
    limit: Limit,
    says: &'static str,
) -> Budget {
    Budget {
        measure,
        case,
        limit,
        says,
    }
}

const MADE_UP: &str = "wire events to durable records, one core";
const FLAT: &str = "10,000 watches beside 1";
const REAL: &str = "real events to durable records";

#[rustfmt::skip]
const BUDGETS: &[Budget] = &[
    budget("getppid", "daemon", Limit::RatioMax(1.12), "≤ +12 %"),
    budget("open+close, depth 5", "daemon", Limit::RatioMax(1.30), "≤ +30 %"),
    budget("open+close, depth 20", "daemon", Limit::RatioMax(1.30), "≤ +30 %"),
    budget("unwatched open+close, depth 5", "daemon", Limit::RatioMax(1.30), "≤ +30 %"),
    budget("unwatched open+close, depth 20", "daemon", Limit::RatioMax(1.30), "≤ +30 %"),
    budget("unwatched open+close, depth 5", FLAT, Limit::RatioMax(1.05), "flat (≤ +5 %)"),
    budget("unwatched open+close, depth 20", FLAT, Limit::RatioMax(1.05), "flat (≤ +5 %)"),
    budget("connect+accept+close, loopback", "daemon", Limit::RatioMax(1.03), "≤ +3 %"),
    budget("fork+exec+exit of /bin/true", "daemon", Limit::RatioMax(1.03), "≤ +3 %"),
    budget("a recorded event, cost to the caller", "daemon", Limit::ValueMax(3.0), "≤ 3 us"),
    budget("a recorded open, cost to the caller", "daemon", Limit::ValueMax(3.0), "≤ 3 us"),
    budget("watched opens to durable records", "50k/s", Limit::ValueMin(50_000.0), "≥ 50k/s"),
    budget("watched opens recorded once each", "50k/s", Limit::ValueMin(100.0), "all"),
    budget("programs recorded beside a flood of opens", "", Limit::ValueMin(100.0), "all"),
    budget("size of a file record", "", Limit::ValueMax(950.0), "≤ 950 B"),
    budget(MADE_UP, "", Limit::ValueMin(300_000.0), "≥ 300k/s"),
    budget(REAL, "failed execs, two threads", Limit::ValueMin(100_000.0), "≥ 100k/s"),
    budget("kernel to durable, p99", "10k/s", Limit::ValueMax(20.0), "≤ 20 ms"),
    budget("peak memory", "idle", Limit::ValueMax(64.0), "≤ 64 MiB"),
    budget("resident memory", "50,000", Limit::ValueMax(64.0), "≤ 64 MiB"),
    budget("peak memory with maps and rings", "50,000", Limit::ValueMax(96.0), "≤ 96 MiB"),
    budget("growth of memory", "", Limit::ValueMax(1.0), "flat (≤ 1 MiB)"),
    budget("size of an exec record", "", Limit::ValueMax(1_150.0), "≤ 1,150 B"),
];

/// The budget of a figure, if the design sets one.
pub fn of(finding: &Finding) -> Option<&'static Budget> {
    BUDGETS
        .iter()
        .find(|budget| budget.measure == finding.measure && finding.case.starts_with(budget.case))
}

impl Budget {
    pub fn is_kept(&self, finding: &Finding) -> bool {
        self.distance(finding) >= 0.0
    }

    /// How far the figure is on the right side of the budget, as a share of the budget (of what is
    /// without the daemon, for ratios); negative on the wrong side.
    pub fn distance(&self, finding: &Finding) -> f64 {
        match self.limit {
            Limit::RatioMax(most) => most - finding.ratio.unwrap_or(f64::INFINITY),
            Limit::ValueMax(most) => (most - finding.value) / most,
            Limit::ValueMin(least) => (finding.value - least) / least,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(measure: &str, case: &str, value: f64, ratio: Option<f64>) -> Finding {
        let (measure, case) = (measure.to_owned(), case.to_owned());
        Finding {
            measure,
            case,
            value,
            ratio,
            ..Finding::default()
        }
    }

    #[test]
    fn distances_have_the_sign_of_the_right_side() {
        for (measure, case, value, ratio, distance) in [
            ("getppid", "daemon", 99.0, Some(1.02), 0.10),
            ("getppid", "daemon", 99.0, Some(1.22), -0.10),
            (
                "kernel to durable, p99",
                "10k/s, failed execs",
                5.0,
                None,
                0.75,
            ),
            (MADE_UP, "execs", 150_000.0, None, -0.5),
            (
                "unwatched open+close, depth 5",
                "daemon, 1 watch",
                9.0,
                Some(1.2),
                0.10,
            ),
            (
                "unwatched open+close, depth 20",
                FLAT,
                9.0,
                Some(1.25),
                -0.2,
            ),
            (
                "watched opens recorded once each",
                "50k/s held",
                90.0,
                None,
                -0.1,
            ),
        ] {
            let finding = finding(measure, case, value, ratio);
            let budget = of(&finding).unwrap();
            assert!(
                (budget.distance(&finding) - distance).abs() < 1e-9,
                "{measure}"
            );
            assert_eq!(budget.is_kept(&finding), distance > 0.0);
        }
    }

    #[test]
    fn only_the_case_that_is_meant_has_a_budget() {
        assert!(of(&finding("getppid", "empty programs", 1.0, Some(2.0))).is_none());
        let flood = "as fast as four threads can";
        assert!(
            of(&finding(
                "watched opens to durable records",
                flood,
                1.0,
                None
            ))
            .is_none()
        );
        assert!(
            of(&finding(
                "kernel to durable, p99",
                "1k/s, failed execs",
                1.0,
                None
            ))
            .is_none()
        );
        assert!(
            of(&finding(
                "kernel to durable, p50",
                "10k/s, failed execs",
                1.0,
                None
            ))
            .is_none()
        );
    }
}
