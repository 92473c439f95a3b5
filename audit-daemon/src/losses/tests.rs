//! Loss is declared exactly when numbers and the kernel's count agree.

use audit_common::{
    Header, Lane,
    counters::{CpuCounters, CpuLedger, LaneSums},
    kind::KIND_SLOTS,
};
use zerocopy::FromZeros;

use super::*;

const SECOND: u64 = 1_000_000_000;

fn losses() -> Losses {
    let sums = vec![CpuLedger::default(); 1];
    Losses::resume(
        &Acknowledgement {
            positions: [0; 2],
            sums,
        },
        1,
    )
}

fn came(losses: &mut Losses, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let header = Header {
            number,
            time_ns: number * 10,
            ..Header::new_zeroed()
        };
        losses.came(Lane::Bulk, &header, 0);
    }
}

fn kernel(numbered: u64, lost: u64) -> impl Fn(u32) -> CpuCounters {
    move |_| {
        let mut counters = CpuCounters {
            lanes: [LaneSums::default(); 2],
            kinds: [0; KIND_SLOTS],
            depth: 0,
        };
        counters.lanes[Lane::Bulk as usize].numbered[0] = numbered;
        counters.lanes[Lane::Bulk as usize].lost = lost;
        counters
    }
}

fn ranges(losses: &[Loss]) -> Vec<(Stage, Vec<(u64, u64)>)> {
    losses
        .iter()
        .map(|loss| {
            (
                loss.stage,
                loss.holes.iter().map(|h| (h.first, h.last)).collect(),
            )
        })
        .collect()
}

#[test]
fn a_confirmed_hole_is_declared_once_with_its_span() {
    let mut losses = losses();
    came(&mut losses, [1, 2, 6, 7]);
    assert_eq!(losses.declare(0, kernel(7, 3)), []);
    let declared = losses.declare(SECOND, kernel(7, 3));
    assert_eq!(ranges(&declared), [(Stage::Ring, vec![(3, 5)])]);
    assert_eq!(
        (
            declared[0].holes[0].after_ns,
            declared[0].holes[0].before_ns
        ),
        (20, 60)
    );
    assert_eq!(declared[0].count(), 3);
    assert_eq!(losses.declare(2 * SECOND, kernel(7, 3)), []);
}

#[test]
fn a_number_that_comes_late_leaves_its_hole() {
    let mut losses = losses();
    came(&mut losses, [1, 5, 3]);
    assert_eq!(
        ranges(&losses.declare(SECOND, kernel(5, 2))),
        [(Stage::Ring, vec![(2, 2), (4, 4)])]
    );
}

#[test]
fn a_loss_at_the_end_is_found_by_the_counters() {
    let mut losses = losses();
    came(&mut losses, [1, 2]);
    // 3 and 4 are on their way: only two of four were refused.
    assert_eq!(losses.declare(SECOND, kernel(6, 2)), []);
    came(&mut losses, [3, 4]);
    assert_eq!(
        ranges(&losses.declare(2 * SECOND, kernel(6, 2))),
        [(Stage::Ring, vec![(5, 6)])]
    );
}

#[test]
fn a_hole_that_the_kernel_never_counted_is_lost_in_order() {
    let mut losses = losses();
    came(&mut losses, [1, 3]);
    assert_eq!(losses.declare(9 * SECOND, kernel(3, 0)), []);
    assert_eq!(
        ranges(&losses.declare(11 * SECOND, kernel(3, 0))),
        [(Stage::Order, vec![(2, 2)])]
    );
    assert_eq!(losses.declare(12 * SECOND, kernel(3, 0)), []);
}

#[test]
fn what_was_refused_before_a_restart_is_declared_without_range() {
    let mut sums = vec![CpuLedger::default(); 1];
    sums[0].lanes[Lane::Bulk as usize].highest[0] = 10;
    sums[0].lanes[Lane::Bulk as usize].lost = 1;
    let mut losses = Losses::resume(
        &Acknowledgement {
            positions: [0; 2],
            sums,
        },
        1,
    );
    let declared = losses.declare(SECOND, kernel(10, 4));
    assert_eq!(declared[0].unranged, [(0, 3)]);
    assert_eq!(declared[0].count(), 3);
    assert_eq!(losses.declare(2 * SECOND, kernel(10, 4)), []);
}
