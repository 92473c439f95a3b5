//! Sealing a segment and removing old ones, and crashes in the middle of that.

use std::path::Path;

use super::super::LogError;
use super::super::line::facts;
use super::sim::{Dice, Sim};
use super::{DIR, Disk, append, open, segment, with_lf};

#[test]
fn a_crash_right_after_rotating_leaves_the_record_owed() {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    let lines = append(&mut log, 3, 300);
    let sealed = log.rotate().unwrap();
    assert_eq!((sealed.first, sealed.last, sealed.records), (0, 2, 3));
    assert_eq!(sealed.size, with_lf(&lines).len() as u64);
    assert_eq!(sealed.path, segment(0));
    assert!(matches!(log.rotate(), Err(LogError::NothingToSeal { path }) if path == segment(3)));
    drop(log);
    for memo_lost in [false, true] {
        if memo_lost {
            sim.remove(&Path::new(DIR).join("sealed.jsonl")).unwrap();
        }
        let (mut log, opened) = open(&sim);
        assert_eq!(opened.rotation_unsaid.as_ref(), Some(&sealed));
        assert_eq!((opened.next_sequence, opened.alarms), (3, vec![]));
        let last = facts(&lines[2]).unwrap();
        assert_eq!(
            opened.last_record_time, last.time,
            "from the segment before"
        );
        append(&mut log, 1, 200);
    }
    let (mut log, _) = open(&sim);
    append(&mut log, 1, 200);
    log.commit().unwrap();
    drop(log);
    assert_eq!(open(&sim).1.rotation_unsaid, None);
}

#[test]
fn the_cap_removes_oldest_segments_once_that_was_said() {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    let mut sealed = Vec::new();
    for _ in 0..4 {
        append(&mut log, 3, 300);
        sealed.push(log.rotate().unwrap());
    }
    append(&mut log, 1, 300);
    log.commit().unwrap();
    assert_eq!(log.total_bytes(), 13 * 301);
    assert_eq!(log.plan_cap(13 * 301), []);
    assert_eq!(log.plan_cap(13 * 301 - 1).len(), 1);
    assert_eq!(log.plan_cap(0).len(), 4, "never the active one");

    let planned = log.plan_cap(8 * 301);
    let names: Vec<_> = planned.iter().map(|planned| &planned.segment).collect();
    assert_eq!(names, [&sealed[0], &sealed[1]]);
    assert!(matches!(
        log.delete(&planned[0]),
        Err(LogError::Unsaid { .. })
    ));
    append(&mut log, 1, 300);
    assert!(
        matches!(log.delete(&planned[0]), Err(LogError::Unsaid { .. })),
        "not durable yet"
    );
    log.commit().unwrap();
    assert!(
        matches!(log.delete(&planned[1]), Err(LogError::Unsaid { .. })),
        "one line said one"
    );
    append(&mut log, 1, 300);
    log.commit().unwrap();
    assert!(matches!(
        log.delete(&planned[1]),
        Err(LogError::NotOldest { .. })
    ));
    log.delete(&planned[0]).unwrap();
    assert!(
        matches!(log.delete(&planned[0]), Err(LogError::NotOldest { .. })),
        "only once"
    );
    log.delete(&planned[1]).unwrap();
    assert_eq!(sim.read(&segment(3)), None);
    assert_eq!(log.total_bytes(), 9 * 301);
    drop(log);
    let (log, opened) = open(&sim);
    assert_eq!(
        (opened.alarms, opened.segments, opened.next_sequence),
        (vec![], 3, 15)
    );
    assert_eq!(log.tail_lines_rev(u64::MAX).count(), 9);
}

#[test]
fn an_announced_removal_is_carried_through_after_a_crash() {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    for _ in 0..2 {
        append(&mut log, 3, 300);
        log.rotate().unwrap();
    }
    append(&mut log, 1, 300);
    log.commit().unwrap();
    let planned = log.plan_cap(0);
    append(&mut log, 1, 300);
    log.commit().unwrap();
    // Writing sealed.jsonl takes two writes of bytes and names; the removal is what fails.
    let operations = 6;
    sim.fault(|faults| faults.operations_left = Some(operations));
    log.delete(&planned[0]).unwrap_err();
    assert!(sim.read(&segment(0)).is_some());
    drop(log);
    sim.kill();
    let (_, opened) = open(&sim);
    assert_eq!((opened.alarms, opened.segments), (vec![], 2));
    assert_eq!(sim.read(&segment(0)), None);
}

#[test]
fn a_segment_whose_memo_failed_survives_a_power_loss() {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    append(&mut log, 3, 300);
    log.commit().unwrap();
    sim.fault(|faults| faults.space = Some(1));
    assert_eq!(log.rotate().unwrap().records, 3);
    sim.fault(|faults| faults.space = None);
    append(&mut log, 1, 300);
    log.commit().unwrap();
    drop(log);
    for seed in 0..50 {
        let sim = sim.fork();
        sim.lose_power(&mut Dice(seed));
        let (_, opened) = open(&sim);
        assert_eq!(
            (opened.next_sequence, opened.alarms),
            (4, vec![]),
            "seed {seed}"
        );
    }
}
