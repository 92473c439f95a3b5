//! Failures by name: what a crash or a refusing disk leaves, and what comes of it.

use std::path::{Path, PathBuf};

use super::super::DiskFile as _;
use super::super::{AppendError, BUFFER_BYTES_MAX, LINE_BYTES_MAX, LogError, MARK_BYTES, Torn};
use super::sim::{Dice, Sim};
use super::{DIR, Disk, OpenMode, append, line, open, segment, vandalise, with_lf};

/// Three durable lines; then a fourth in the file, as a killed process leaves one.
fn three_and_one() -> (Sim, Vec<Vec<u8>>, Vec<u8>) {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    let lines = append(&mut log, 3, 300);
    log.commit().unwrap();
    let fourth = line(log.identity().log_id.as_str(), 3, 300);
    (sim, lines, fourth)
}

#[test]
fn a_tail_torn_at_any_byte_is_set_aside() {
    let (sim, lines, fourth) = three_and_one();
    let whole = with_lf(&lines);
    for cut in 1..=fourth.len() {
        let sim = sim.fork();
        vandalise(&sim, &segment(0), whole.len() as u64, &fourth[..cut]);
        let (mut log, opened) = open(&sim);
        let path = PathBuf::from(format!("{DIR}/torn/{:020}.jsonl.{}", 0, whole.len()));
        let torn = Torn {
            path: path.clone(),
            segment: format!("{:020}.jsonl", 0),
            offset: whole.len() as u64,
            bytes: cut as u64,
        };
        assert_eq!(opened.torn, Some(torn), "cut at {cut}");
        assert_eq!((opened.next_sequence, opened.clean), (3, false));
        assert_eq!(opened.alarms, []);
        assert_eq!(sim.read(&path).unwrap(), fourth[..cut]);
        assert_eq!(sim.read(&segment(0)).unwrap(), whole);
        append(&mut log, 1, 300);
        assert_eq!(log.commit().unwrap(), 4);
        drop(log);
        assert_eq!(open(&sim).1.torn, None, "only once");
    }
    let sim = sim.fork();
    vandalise(&sim, &segment(0), whole.len() as u64, &with_lf(&[fourth]));
    let (_, opened) = open(&sim);
    assert_eq!(
        (opened.torn, opened.next_sequence),
        (None, 4),
        "a whole line stays"
    );
}

#[test]
fn a_tail_of_nuls_or_of_other_numbers_is_torn() {
    let (sim, lines, fourth) = three_and_one();
    let whole = with_lf(&lines).len() as u64;
    let log_id = open(&sim.fork()).0.identity().log_id.to_string();
    let fifth = with_lf(&[line(&log_id, 4, 300)]);
    let nuls = vec![0; 700];
    let hole = [&nuls[..301], &fifth].concat();
    let hole_in_line = [&fourth[..100], &nuls[..200], b"\n", &fifth].concat();
    for (tail, why) in [
        (nuls.clone(), "NULs"),
        (hole, "a hole, then a whole line"),
        (hole_in_line, "a hole in a line, then a whole line"),
        (fifth.clone(), "a line whose number does not follow"),
        (b"{}\n".to_vec(), "no record"),
        (vec![b'x'; 3 * LINE_BYTES_MAX], "a line over every limit"),
    ] {
        let sim = sim.fork();
        vandalise(&sim, &segment(0), whole, &tail);
        let (_, opened) = open(&sim);
        let torn = opened.torn.unwrap_or_else(|| panic!("{why}: not torn"));
        assert_eq!(
            (torn.offset, torn.bytes),
            (whole, tail.len() as u64),
            "{why}"
        );
        assert_eq!((opened.next_sequence, opened.alarms), (3, vec![]), "{why}");
        assert_eq!(sim.read(&torn.path).unwrap(), tail, "{why}");
    }
}

#[test]
fn the_same_tail_torn_twice_keeps_both() {
    let (sim, lines, fourth) = three_and_one();
    let whole = with_lf(&lines).len() as u64;
    for round in 0..3 {
        vandalise(&sim, &segment(0), whole, &fourth[..100 + round]);
        let torn = open(&sim).1.torn.unwrap();
        assert_eq!(sim.read(&torn.path).unwrap().len(), 100 + round);
    }
    let kept = sim.list(&Path::new(DIR).join("torn")).unwrap();
    assert_eq!(kept.len(), 3);
}

#[test]
fn torn_files_stay_few() {
    let (sim, ..) = three_and_one();
    let torn = Path::new(DIR).join("torn");
    for number in 0..200 {
        let path = torn.join(format!("{number:020}.jsonl.0"));
        sim.open(&path, OpenMode::Create)
            .unwrap()
            .write_all_at(b"x", 0)
            .unwrap();
    }
    drop(open(&sim));
    let kept = sim.list(&torn).unwrap();
    assert_eq!(kept.len(), super::super::TORN_FILES_MAX - 1);
    assert!(
        kept.iter()
            .any(|(name, _)| name == "00000000000000000199.jsonl.0")
    );
}

#[test]
fn a_full_disk_loses_nothing_and_leaves_no_half_line() {
    let (sim, mut lines, _) = three_and_one();
    let (mut log, _) = open(&sim);
    lines.extend(append(&mut log, 5, 400));
    sim.fault(|faults| faults.space = Some(1_000));
    for _ in 0..3 {
        let error = log.commit().unwrap_err();
        assert!(matches!(&error, LogError::Full { path, .. } if *path == segment(0)));
        assert!(error.to_string().contains("os error 28"), "{error}");
        assert_eq!(sim.read(&segment(0)).unwrap(), with_lf(&lines[..3]));
        assert_eq!((log.durable_sequence(), log.next_sequence()), (3, 8));
        sim.fault(|faults| faults.space = Some(1_000));
    }
    sim.fault(|faults| faults.space = None);
    lines.extend(append(&mut log, 1, 400));
    assert_eq!(log.commit().unwrap(), 9);
    assert_eq!(sim.read(&segment(0)).unwrap(), with_lf(&lines));
    assert_eq!(log.take_alarms(), []);
}

#[test]
fn a_failed_write_that_cannot_be_cut_off_is_cut_off_later() {
    let (sim, mut lines, _) = three_and_one();
    let (mut log, _) = open(&sim);
    lines.extend(append(&mut log, 5, 400));
    sim.fault(|faults| (faults.space, faults.failing_cuts) = (Some(1_000), true));
    log.commit().unwrap_err();
    assert_eq!(
        sim.read(&segment(0)).unwrap().len(),
        with_lf(&lines[..3]).len() + 1_000
    );
    sim.fault(|faults| faults.space = None);
    log.commit().unwrap_err();
    sim.fault(|faults| faults.failing_cuts = false);
    log.commit().unwrap();
    assert_eq!(sim.read(&segment(0)).unwrap(), with_lf(&lines));
    assert_eq!(log.take_alarms(), [], "the leftovers were ours");
}

#[test]
fn after_a_failed_fsync_the_tail_is_written_again() {
    let (sim, mut lines, _) = three_and_one();
    let (mut log, _) = open(&sim);
    lines.extend(append(&mut log, 20, 400));
    sim.fault(|faults| (faults.failing_syncs, faults.spoiling_syncs) = (2, true));
    log.commit().unwrap_err();
    log.commit().unwrap_err();
    assert_eq!(log.commit().unwrap(), 23);
    drop(log);
    sim.lose_power(&mut Dice(1));
    assert_eq!(
        sim.read(&segment(0)).unwrap(),
        with_lf(&lines),
        "on the platter, not in a cache"
    );
}

#[test]
fn a_disk_that_lies_after_a_failed_fsync_is_not_believed() {
    let (sim, mut lines, _) = three_and_one();
    let (mut log, _) = open(&sim);
    lines.extend(append(&mut log, 20, 400));
    sim.fault(|faults| (faults.failing_syncs, faults.lying_syncs) = (1, true));
    log.commit().unwrap_err();
    let error = log.commit().unwrap_err();
    assert!(
        matches!(&error, LogError::ReadBack { path, .. } if *path == segment(0)),
        "{error}"
    );
    assert_eq!(log.durable_sequence(), 3);
    sim.fault(|faults| faults.lying_syncs = false);
    assert_eq!(log.commit().unwrap(), 23);
    assert_eq!(sim.read(&segment(0)).unwrap(), with_lf(&lines));
}

#[test]
fn what_was_set_aside_survives_a_power_loss() {
    let (sim, lines, fourth) = three_and_one();
    vandalise(&sim, &segment(0), with_lf(&lines).len() as u64, &fourth);
    let torn = open(&sim).1.torn.unwrap();
    for seed in 0..50 {
        let sim = sim.fork();
        sim.lose_power(&mut Dice(seed));
        assert_eq!(sim.read(&torn.path), Some(fourth.clone()), "seed {seed}");
    }
}

#[test]
fn a_failed_fsync_survives_the_process_that_met_it() {
    let (sim, mut lines, _) = three_and_one();
    let (mut log, _) = open(&sim);
    lines.extend(append(&mut log, 2, 400));
    sim.fault(|faults| faults.failing_syncs = 1);
    log.commit().unwrap_err();
    drop(log);
    // The next process reads the lines out of the page cache, and counts on them.
    let (log, opened) = open(&sim);
    assert_eq!(opened.next_sequence, 5);
    drop(log);
    sim.lose_power(&mut Dice(1));
    assert_eq!(sim.read(&segment(0)).unwrap(), with_lf(&lines));
}

#[test]
fn the_mark_is_there_after_the_first_power_loss() {
    for seed in 0..50 {
        let sim = Sim::default();
        drop(open(&sim));
        sim.lose_power(&mut Dice(seed));
        let mark = Path::new(DIR).join("durable");
        assert_eq!(
            sim.read(&mark).map(|mark| mark.len()),
            Some(MARK_BYTES),
            "seed {seed}"
        );
    }
}

#[test]
fn lines_that_are_none_are_refused_without_a_number() {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    assert_eq!(log.append(b""), Err(AppendError::Empty));
    assert_eq!(log.append(b"a\nb"), Err(AppendError::LineFeed { at: 1 }));
    let long = vec![b'x'; LINE_BYTES_MAX + 1];
    assert_eq!(
        log.append(&long),
        Err(AppendError::TooLong { bytes: long.len() })
    );
    let longest = LINE_BYTES_MAX;
    let fit = BUFFER_BYTES_MAX / (longest + 1);
    append(&mut log, fit, longest);
    let waiting_bytes = fit * (longest + 1);
    let next = line(log.identity().log_id.as_str(), fit as u64, longest);
    assert_eq!(log.append(&next), Err(AppendError::Full { waiting_bytes }));
    assert_eq!(
        (log.next_sequence(), log.waiting_bytes()),
        (fit as u64, waiting_bytes)
    );
    log.commit().unwrap();
    append(&mut log, 1, longest);
    log.commit().unwrap();
    drop(log);
    let (log, opened) = open(&sim);
    assert_eq!(
        (opened.next_sequence, opened.alarms),
        (fit as u64 + 1, vec![])
    );
    assert_eq!(log.tail_lines_rev(u64::MAX).count(), fit + 1);
}

#[test]
fn going_back_stops_after_the_bytes_asked_for() {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    let mut lines = Vec::new();
    for _ in 0..5 {
        lines.extend(append(&mut log, 4, 300));
        log.rotate().unwrap();
    }
    append(&mut log, 1, 300);
    let back = |bytes| -> Vec<_> { log.tail_lines_rev(bytes).map(Result::unwrap).collect() };
    lines.reverse();
    assert_eq!(back(u64::MAX), lines, "what only waits is not given");
    assert_eq!(back(6 * 301), lines[..6]);
    assert_eq!(back(1), lines[..1]);
    assert_eq!(back(0).len(), 0);
}

#[test]
fn going_back_passes_over_what_is_no_line() {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    let first = append(&mut log, 1, 300);
    log.rotate().unwrap();
    let last = append(&mut log, 1, 300);
    log.close().unwrap();
    let bytes = |count| vec![b'x'; count];
    let rest = [
        bytes(LINE_BYTES_MAX + 1),
        b"\nshort\n".to_vec(),
        bytes(700_000),
        b"\n\n".to_vec(),
        bytes(LINE_BYTES_MAX),
        b"\nunfinished".to_vec(),
    ];
    vandalise(&sim, &segment(0), 301, &rest.concat());
    let (log, _) = open(&sim);
    let back: Vec<_> = log.tail_lines_rev(u64::MAX).map(Result::unwrap).collect();
    let kept = [
        &last[0][..],
        &bytes(LINE_BYTES_MAX),
        b"",
        b"short",
        &first[0],
    ];
    assert_eq!(back, kept);
}
