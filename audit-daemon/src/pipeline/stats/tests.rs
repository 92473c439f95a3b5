//! Sums between two `daemon.counts`, exact where numbers run ahead and where loss is not certain yet.

use super::*;
use zerocopy::FromZeros;

fn ledger(highest: u64, recorded: u64, folded: u64, left_out: u64, lost: u64) -> CpuLedger {
    let mut ledger = CpuLedger::default();
    ledger.lanes[0] = LedgerLane {
        highest: [highest, 0, 0, 0],
        recorded,
        folded,
        left_out,
        lost,
    };
    ledger
}

#[test]
fn all_sums_are_of_the_last_acknowledgement_and_each_reason_stands_once() {
    // The kernel's own numbers run ahead: they must not show.
    let counters = |_| {
        let mut counters = CpuCounters {
            lanes: Default::default(),
            kinds: FromZeros::new_zeroed(),
            depth: 0,
        };
        counters.lanes[0].numbered[0] = 1_000_000;
        counters.lanes[0].filtered[1] = 7;
        counters
    };
    let settled = |sums| Acknowledgement {
        sums,
        ..Acknowledgement::default()
    };
    let before = settled(vec![ledger(10, 8, 2, 0, 0), ledger(0, 0, 0, 0, 0)]);
    let mut counted = Counted::new(&|cpu| counters(cpu), 2, &before, 5);
    counted.filtered = Default::default();
    counted.filtered.resize(2, Default::default());
    let after = settled(vec![ledger(30, 12, 10, 3, 5), ledger(4, 1, 2, 1, 0)]);
    let losses = Losses::resume(&before, 2);
    let mut next = |after, now_ns| counted.next(&|cpu| counters(cpu), after, &losses, now_ns);
    let (since_ns, [critical, bulk]) = next(&after, 9);
    assert_eq!(since_ns, 5);
    let expected = LaneTotals {
        filtered: vec![("self".into(), 14)],
        submitted: 15 + 4,
        lost: 5,
        recorded: 5,
        folded: 10,
        left_out: vec![("unreadable".into(), 4)],
    };
    assert_eq!((critical, bulk), (expected, LaneTotals::default()));
    let (_, again) = next(&after, 12);
    assert_eq!(again, <[LaneTotals; 2]>::default());
}

#[test]
fn a_hole_is_not_submitted_while_it_may_be_loss() {
    let none = |_| CpuCounters {
        lanes: Default::default(),
        kinds: FromZeros::new_zeroed(),
        depth: 0,
    };
    let settled = |sums| Acknowledgement {
        sums: vec![sums],
        ..Acknowledgement::default()
    };
    let start = settled(ledger(0, 0, 0, 0, 0));
    let mut counted = Counted::new(&none, 1, &start, 0);
    let mut losses = Losses::resume(&start, 1);
    for number in [1, 2, 24, 25] {
        let header = Header {
            number,
            ..Header::new_zeroed()
        };
        losses.came(Lane::Critical, &header, 100);
    }
    let mut sums = |after, losses: &Losses| {
        let (_, [critical, _]) = counted.next(&none, &settled(after), losses, 1);
        (critical.submitted, critical.lost, critical.recorded)
    };
    // Not all that came is settled; what lies before the highest may still be lost.
    assert_eq!(sums(ledger(2, 2, 0, 0, 0), &losses), (2, 0, 2));
    assert_eq!(sums(ledger(25, 4, 0, 0, 0), &losses), (2, 0, 2));
    let refused = |_| {
        let mut counters = none(0);
        counters.lanes[0].numbered[0] = 25;
        counters.lanes[0].lost = 21;
        counters
    };
    let declared = losses.declare(1_000_000_000, refused);
    assert_eq!(declared[0].count(), 21);
    assert_eq!(sums(ledger(25, 4, 0, 0, 21), &losses), (0, 21, 0));
}
