//! The identity of sums: every event seen is recorded, left out on purpose, or counted as lost.
//!
//! OWNS: which sums must agree. MUST NOT: repair or hide a difference.
//!
//! In a *settled* snapshot every sum is exact. In a live one the counters are read one after
//! another while hooks run, so that sums may differ by what happened in between: up to
//! [`LIVE_SKEW_MAX`] events per processor, in either direction. A counter that is really wrong
//! differs by more sooner or later, and stays wrong.

use super::snapshot::{KernelSums, LaneState, StatusSnapshot, Sums, UserSums, sum};

/// What one processor may do while its counters are read (tens of microseconds).
pub const LIVE_SKEW_MAX: u64 = 256;

/// One sentence for each sum that does not hold; empty when all do.
pub fn identity_holds(snapshot: &StatusSnapshot) -> Vec<String> {
    let skew = if snapshot.settled { 0 } else { LIVE_SKEW_MAX };
    let mut violated = Vec::new();
    for lane in &snapshot.lanes {
        for cpu in &lane.cpus {
            let place = format!("{} lane, cpu {}", lane.lane, cpu.cpu);
            check_place(&place, &cpu.sums, snapshot.settled, skew, &mut violated);
        }
        let lane_skew = skew.saturating_mul(lane.cpus.len() as u64);
        check_events(snapshot, lane, lane_skew, &mut violated);
    }
    violated
}

fn check_place(place: &str, sums: &Sums, settled: bool, skew: u64, violated: &mut Vec<String>) {
    let (kernel, user) = (&sums.kernel, &sums.user);
    let filtered = sum(&kernel.filtered);
    let accounted = filtered
        .saturating_add(kernel.submitted)
        .saturating_add(kernel.lost);
    if kernel.seen.abs_diff(accounted) > skew {
        violated.push(format!(
            "{place}: seen {} is not filtered {filtered} + submitted {} + lost {}",
            kernel.seen, kernel.submitted, kernel.lost
        ));
    }
    let left_out = sum(&user.left_out);
    if user.received.abs_diff(settled_sum(user)) > skew {
        violated.push(format!(
            "{place}: received {} is not recorded {} + folded {} + left out {left_out} + lost {} \
             + in flight {}",
            user.received, user.recorded, user.folded, user.lost, user.in_flight
        ));
    }
    if settled && kernel.submitted != user.received {
        violated.push(format!(
            "{place}: submitted {} is not received {}",
            kernel.submitted, user.received
        ));
    } else if user.received > kernel.submitted.saturating_add(skew) {
        // What is still in the ring makes submitted the larger one, never the smaller.
        violated.push(format!(
            "{place}: received {} is more than submitted {}",
            user.received, kernel.submitted
        ));
    }
    if settled && user.in_flight != 0 {
        violated.push(format!(
            "{place}: in flight {} after all was settled",
            user.in_flight
        ));
    }
}

/// The sums by kind must be the sums by processor, cut the other way.
fn check_events(
    snapshot: &StatusSnapshot,
    lane: &LaneState,
    skew: u64,
    violated: &mut Vec<String>,
) {
    let of_lane: Vec<_> = snapshot
        .events
        .iter()
        .filter(|event| event.lane == lane.lane)
        .collect();
    if of_lane.is_empty() {
        return;
    }
    let total = lane.total();
    // By processor an event is settled once all before it are, by kind at once.
    let fate_skew = skew.saturating_add(total.user.in_flight);
    let mut check = |name: &str, by_kind: u64, by_cpu: u64, skew: u64| {
        if by_kind.abs_diff(by_cpu) > skew {
            let lane = &lane.lane;
            violated.push(format!(
                "{lane} lane: {name} by kind {by_kind}, by cpu {by_cpu}"
            ));
        }
    };
    let add = u64::saturating_add;
    let user =
        |figure: fn(&UserSums) -> u64| of_lane.iter().map(|event| figure(&event.user)).fold(0, add);
    let of_cpus = &total.user;
    let left_out = user(|sums| sum(&sums.left_out));
    for (name, by_kind, by_cpu, skew) in [
        (
            "received",
            user(|sums| sums.received),
            of_cpus.received,
            skew,
        ),
        (
            "recorded",
            user(|sums| sums.recorded),
            of_cpus.recorded,
            fate_skew,
        ),
        (
            "folded",
            user(|sums| sums.folded),
            of_cpus.folded,
            fate_skew,
        ),
        ("left out", left_out, sum(&of_cpus.left_out), fate_skew),
        ("lost", user(|sums| sums.lost), of_cpus.lost, skew),
    ] {
        check(name, by_kind, by_cpu, skew);
    }
    let kernel: Option<Vec<_>> = of_lane.iter().map(|event| event.kernel.as_ref()).collect();
    if let Some(kernel) = kernel {
        let kernel =
            |figure: fn(&KernelSums) -> u64| kernel.iter().map(|sums| figure(sums)).fold(0, add);
        check("seen", kernel(|sums| sums.seen), total.kernel.seen, skew);
        check(
            "submitted",
            kernel(|sums| sums.submitted),
            total.kernel.submitted,
            skew,
        );
        check(
            "lost in the kernel",
            kernel(|sums| sums.lost),
            total.kernel.lost,
            skew,
        );
    }
}

fn settled_sum(user: &UserSums) -> u64 {
    [
        user.recorded,
        user.folded,
        sum(&user.left_out),
        user.lost,
        user.in_flight,
    ]
    .into_iter()
    .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::super::samples::settled_snapshot;
    use super::*;

    #[test]
    fn a_settled_snapshot_with_exact_sums_has_no_violation() {
        assert_eq!(identity_holds(&settled_snapshot()), Vec::<String>::new());
    }

    #[test]
    fn one_event_too_many_anywhere_is_named() {
        type Change = fn(&mut Sums);
        let changes: [(Change, &str); 7] = [
            (
                |sums| sums.kernel.seen += 1,
                "seen 1001 is not filtered 400 + submitted 590 + lost 10",
            ),
            (
                |sums| sums.kernel.lost += 1,
                "seen 1000 is not filtered 400 + submitted 590 + lost 11",
            ),
            (
                |sums| *sums.kernel.filtered.entry("self".into()).or_default() += 1,
                "seen 1000 is not filtered 401 + submitted 590 + lost 10",
            ),
            (
                |sums| sums.user.recorded += 1,
                "received 590 is not recorded 501 + folded 50 + left out 40 + lost 0 + in flight 0",
            ),
            (
                |sums| {
                    sums.user.recorded -= 1;
                    sums.user.in_flight += 1;
                },
                "in flight 1 after all was settled",
            ),
            (
                |sums| {
                    sums.user.received += 1;
                    sums.user.lost += 1;
                },
                "submitted 590 is not received 591",
            ),
            (
                |sums| {
                    sums.user.received -= 1;
                    sums.user.recorded -= 1;
                },
                "submitted 590 is not received 589",
            ),
        ];
        for (change, expected) in changes {
            let mut snapshot = settled_snapshot();
            snapshot.events.clear();
            change(&mut snapshot.lanes[1].cpus[1].sums);
            assert_eq!(
                identity_holds(&snapshot),
                [format!("bulk lane, cpu 1: {expected}")]
            );
        }
    }

    #[test]
    fn live_counters_may_differ_by_the_skew_and_not_more() {
        let mut snapshot = settled_snapshot();
        snapshot.events.clear();
        snapshot.settled = false;
        snapshot.lanes[0].cpus[0].sums.kernel.seen += LIVE_SKEW_MAX;
        snapshot.lanes[1].cpus[0].sums.kernel.submitted += LIVE_SKEW_MAX;
        assert_eq!(identity_holds(&snapshot), Vec::<String>::new());
        snapshot.lanes[0].cpus[0].sums.kernel.seen += 1;
        assert_eq!(identity_holds(&snapshot).len(), 1);
    }

    #[test]
    fn live_rings_may_hold_any_number_but_not_a_negative_one() {
        let mut snapshot = settled_snapshot();
        snapshot.events.clear();
        snapshot.settled = false;
        let sums = &mut snapshot.lanes[0].cpus[0].sums;
        sums.kernel.seen += 1_000_000;
        sums.kernel.submitted += 1_000_000;
        assert_eq!(identity_holds(&snapshot), Vec::<String>::new());
        let sums = &mut snapshot.lanes[0].cpus[0].sums;
        sums.user.received += 2_000_000;
        sums.user.recorded += 2_000_000;
        assert_eq!(identity_holds(&snapshot).len(), 1);
    }

    #[test]
    fn sums_by_kind_must_be_those_by_cpu() {
        let mut snapshot = settled_snapshot();
        snapshot.events[0].user.folded += 1;
        assert_eq!(
            identity_holds(&snapshot),
            ["critical lane: folded by kind 11, by cpu 10"]
        );
    }

    #[test]
    fn absurd_counters_do_not_overflow_the_check() {
        let mut snapshot = settled_snapshot();
        snapshot.lanes.truncate(1);
        snapshot.events.clear();
        snapshot.lanes[0].cpus[0].sums.kernel.submitted = u64::MAX;
        snapshot.lanes[0].cpus[0].sums.user.recorded = u64::MAX;
        assert_eq!(identity_holds(&snapshot).len(), 3);
        snapshot.lanes[0].cpus[1].sums.kernel.submitted = u64::MAX;
        assert_eq!(snapshot.lanes[0].total().kernel.submitted, u64::MAX);
    }
}
