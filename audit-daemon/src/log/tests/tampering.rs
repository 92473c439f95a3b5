//! What no crash explains is an alarm: said, left as it is, and never a reason not to start.

use std::path::{Path, PathBuf};

use super::super::DiskFile as _;
use super::super::{Alarm, Log, names};
use super::sim::Sim;
use super::{DIR, Disk, OpenMode, append, line, open, segment, vandalise, with_lf};

const LINE: u64 = 301;

/// Three segments of four lines, and an active one of two.
fn filled() -> (Sim, Vec<Vec<u8>>) {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.extend(append(&mut log, 4, 300));
        log.rotate().unwrap();
    }
    lines.extend(append(&mut log, 4, 300));
    log.close().unwrap();
    (sim, lines)
}

fn in_dir(name: &str) -> PathBuf {
    Path::new(DIR).join(name)
}

/// Opens, expects these alarms and this number, and that the log can be used.
fn expect(sim: &Sim, alarms: &[Alarm], next: u64) -> Log<Sim> {
    let (mut log, opened) = open(sim);
    assert_eq!(opened.alarms, alarms);
    assert_eq!(opened.next_sequence, next);
    append(&mut log, 1, 300);
    assert_eq!(log.commit().unwrap(), next + 1);
    log
}

#[test]
fn an_untouched_log_raises_none() {
    expect(&filled().0, &[], 16);
}

#[test]
fn a_changed_line_in_the_middle() {
    let (sim, _) = filled();
    vandalise(&sim, &segment(12), LINE, b"x");
    let bad = Alarm::BadLine {
        name: names::segment(12),
        offset: LINE,
        bytes: LINE,
    };
    let before = sim.read(&segment(12)).unwrap();
    drop(expect(&sim, std::slice::from_ref(&bad), 16));
    assert!(
        sim.read(&segment(12)).unwrap().starts_with(&before),
        "left as it is"
    );
    // Without the mark the damage is still in the middle, not a torn tail.
    sim.remove(&in_dir(names::MARK)).unwrap();
    expect(&sim, &[bad], 17);
}

#[test]
fn a_changed_last_line_is_set_aside_and_alarmed() {
    let (sim, _) = filled();
    vandalise(&sim, &segment(12), 3 * LINE, b"\0");
    let (_, opened) = open(&sim);
    let name = names::segment(12);
    assert_eq!(
        opened.alarms,
        [Alarm::BadLine {
            name,
            offset: 3 * LINE,
            bytes: LINE
        }]
    );
    let torn = opened.torn.unwrap();
    assert_eq!(
        (torn.offset, torn.bytes, opened.next_sequence),
        (3 * LINE, LINE, 15)
    );
    assert_eq!(open(&sim).1.alarms, [], "it is in the middle no more");
}

#[test]
fn a_cut_off_tail() {
    for (left, whole) in [(3 * LINE, 3), (3 * LINE - 10, 2), (0, 0)] {
        let (sim, _) = filled();
        sim.open(&segment(12), OpenMode::Write)
            .unwrap()
            .set_len(left)
            .unwrap();
        let name = names::segment(12);
        let (_, opened) = open(&sim);
        let short = Alarm::Shortened {
            name,
            durable: 4 * LINE,
            found: left,
        };
        assert_eq!(opened.alarms, [short]);
        assert_eq!(opened.torn.is_some(), left % LINE != 0);
        assert_eq!(opened.next_sequence, 12 + whole);
        assert_eq!(open(&sim).1.alarms, [], "said once");
    }
}

#[test]
fn numbers_left_out_and_repeated() {
    let (sim, lines) = filled();
    // Line 13 is replaced by a copy of line 14: a gap, then a repetition.
    vandalise(&sim, &segment(12), LINE, &lines[14]);
    let name = names::segment(12);
    let gap = Alarm::Gap {
        name: name.clone(),
        expected: 13,
        found: 14,
    };
    let repeated = Alarm::Repeated {
        name,
        expected: 15,
        found: 14,
    };
    expect(&sim, &[gap, repeated], 16);
}

#[test]
fn a_missing_sealed_segment() {
    for first in [0, 4, 8] {
        let (sim, _) = filled();
        sim.remove(&segment(first)).unwrap();
        let missing = Alarm::SegmentMissing {
            name: names::segment(first),
            first,
        };
        drop(expect(&sim, &[missing], 16));
        // The memory of the file itself is gone now, the hole is not.
        let name = names::segment(first + 4);
        expect(
            &sim,
            &[Alarm::Gap {
                name,
                expected: first,
                found: first + 4,
            }],
            17,
        );
    }
}

#[test]
fn a_missing_active_segment_gives_no_number_twice() {
    let (sim, _) = filled();
    sim.remove(&segment(12)).unwrap();
    let missing = Alarm::SegmentMissing {
        name: names::segment(12),
        first: 12,
    };
    let log = expect(&sim.fork(), std::slice::from_ref(&missing), 16);
    assert!(
        log.disk.read(&segment(16)).is_some(),
        "what was sealed stays sealed"
    );
    // Without the mark nobody knows how far it went; it began at 12.
    sim.remove(&in_dir(names::MARK)).unwrap();
    expect(&sim, &[missing], 12);
}

#[test]
fn a_segment_that_overlaps_the_one_before() {
    let (sim, lines) = filled();
    let forged = sim.open(&segment(14), OpenMode::Create).unwrap();
    forged.write_all_at(&with_lf(&lines[14..]), 0).unwrap();
    let name = names::segment(14);
    expect(
        &sim,
        &[Alarm::Repeated {
            name,
            expected: 16,
            found: 14,
        }],
        16,
    );
}

#[test]
fn all_segments_missing() {
    let (sim, _) = filled();
    for first in [0, 4, 8, 12] {
        sim.remove(&segment(first)).unwrap();
    }
    let missing = |first| Alarm::SegmentMissing {
        name: names::segment(first),
        first,
    };
    expect(&sim, &[missing(0), missing(4), missing(8), missing(12)], 16);
}

#[test]
fn a_sealed_segment_of_another_size() {
    let (sim, _) = filled();
    vandalise(&sim, &segment(4), 4 * LINE, b"x\n");
    let name = names::segment(4);
    let changed = Alarm::SealedChanged {
        name,
        sealed: 4 * LINE,
        found: 4 * LINE + 2,
    };
    expect(&sim, &[changed], 16);
}

#[test]
fn an_identity_lost_damaged_or_foreign() {
    let (sim, _) = filled();
    let log_id = open(&sim.fork()).0.identity().log_id.clone();
    let lost = |reason: &str| {
        [Alarm::IdentityLost {
            reason: reason.into(),
            log_id: log_id.to_string(),
        }]
    };
    let gone = sim.fork();
    gone.remove(&in_dir(names::IDENTITY)).unwrap();
    let log = expect(&gone, &lost("missing"), 16);
    assert_eq!(log.identity().log_id, log_id, "taken from the last line");

    let damaged = sim.fork();
    vandalise(&damaged, &in_dir(names::IDENTITY), 0, b"{\"format\":2");
    expect(&damaged, &lost("of format 2, not 1"), 16);

    let foreign = sim.fork();
    let text = br#"{"format":1,"log_id":"000000000000"}"#;
    let text = [&text[..], b"\n"].concat();
    vandalise(&foreign, &in_dir(names::IDENTITY), 0, &text);
    expect(
        &foreign,
        &[Alarm::IdentityMismatch {
            name: names::segment(12),
            found: log_id.to_string(),
            log_id: "000000000000".into(),
        }],
        16,
    );
}

#[test]
fn damaged_memos_are_made_again_without_alarm() {
    let (sim, _) = filled();
    for name in [names::CATALOG, names::MARK] {
        vandalise(&sim, &in_dir(name), 0, b"garbage");
        drop(open(&sim).0);
        assert!(
            !sim.read(&in_dir(name)).unwrap().starts_with(b"garbage"),
            "{name}"
        );
    }
    let (mut log, opened) = open(&sim);
    assert_eq!((opened.alarms, opened.next_sequence), (vec![], 16));
    let planned = log.plan_cap(0);
    assert_eq!(planned.len(), 3);
    assert!(
        planned
            .iter()
            .all(|planned| planned.segment.sha256.is_some())
    );
    assert!(planned.iter().all(|planned| planned.segment.records == 4));
}

#[test]
fn bytes_appended_by_somebody_else_while_running() {
    let (sim, mut lines) = filled();
    let (mut log, _) = open(&sim);
    vandalise(&sim, &segment(12), 4 * LINE, b"forged\n");
    lines.extend(append(&mut log, 1, 300));
    log.commit().unwrap();
    let path = in_dir("torn").join(format!("{}.{}", names::segment(12), 4 * LINE));
    assert_eq!(sim.read(&path).unwrap(), b"forged\n");
    let name = names::segment(12);
    assert_eq!(
        log.take_alarms(),
        [Alarm::Foreign {
            name,
            offset: 4 * LINE,
            bytes: 7,
            path
        }]
    );
    assert_eq!(sim.read(&segment(12)).unwrap(), with_lf(&lines[12..]));
    let sealed = log.rotate().unwrap();
    assert_eq!((sealed.records, sealed.size), (5, 5 * LINE));
}

#[test]
fn an_active_segment_cut_while_running() {
    let (sim, lines) = filled();
    let (mut log, _) = open(&sim);
    sim.open(&segment(12), OpenMode::Write)
        .unwrap()
        .set_len(2 * LINE + 5)
        .unwrap();
    let more = append(&mut log, 1, 300);
    log.commit().unwrap();
    let name = names::segment(12);
    let short = Alarm::Shortened {
        name: name.clone(),
        durable: 4 * LINE,
        found: 2 * LINE + 5,
    };
    assert_eq!(log.take_alarms(), [short]);
    let left = [&lines[12..14], &more[..]].concat();
    assert_eq!(
        sim.read(&segment(12)).unwrap(),
        with_lf(&left),
        "no hole of NULs"
    );
    assert_eq!(log.rotate().unwrap().records, 3);
    drop(log);
    // Sealed, the hole in its numbers is history; the segments still join.
    assert_eq!(open(&sim).1.alarms, []);
}

#[test]
fn an_active_segment_removed_or_replaced_while_running() {
    for replaced in [false, true] {
        let (sim, _) = filled();
        let (mut log, _) = open(&sim);
        sim.remove(&segment(12)).unwrap();
        if replaced {
            sim.open(&segment(12), OpenMode::Create)
                .unwrap()
                .write_all_at(b"x\n", 0)
                .unwrap();
        }
        let more = append(&mut log, 2, 300);
        assert_eq!(log.commit().unwrap(), 18);
        let gone = Alarm::Replaced {
            name: names::segment(12),
            last: Some(15),
        };
        assert_eq!(log.take_alarms(), [gone]);
        assert_eq!(sim.read(&segment(16)).unwrap(), with_lf(&more));
        assert_eq!(log.rotate().unwrap().first, 16);
    }
}

#[test]
fn an_empty_active_segment_removed_while_running() {
    let sim = Sim::default();
    let (mut log, _) = open(&sim);
    sim.remove(&segment(0)).unwrap();
    append(&mut log, 1, 300);
    assert_eq!(log.commit().unwrap(), 1);
    assert_eq!(
        log.take_alarms(),
        [Alarm::Replaced {
            name: names::segment(0),
            last: None
        }]
    );
    assert_eq!(sim.read(&segment(0)).unwrap().len() as u64, LINE);
}

#[test]
fn damage_larger_than_the_window_is_looked_past() {
    let sim = Sim::default();
    let (mut log, _) = Log::open_on(sim.clone(), Path::new(DIR), 1 << 30, true).unwrap();
    append(&mut log, 3, 300);
    append(&mut log, 40, 60_000);
    log.close().unwrap();
    vandalise(&sim, &segment(0), 3 * LINE, &vec![0; 40 * 60_001]);
    let (_, opened) = open(&sim);
    assert_eq!(opened.next_sequence, 3);
    assert_eq!(opened.torn.unwrap().bytes, 40 * 60_001);
    assert_eq!(opened.alarms.len(), 1, "{:?}", opened.alarms);
}

#[test]
fn a_line_of_another_number_is_no_way_to_choose_the_next() {
    let (sim, _) = filled();
    // Above the mark, so not acknowledged: a forged number is torn off.
    let forged = with_lf(&[line("000000000000", u64::MAX - 2, 300)]);
    vandalise(&sim, &segment(12), 4 * LINE, &forged);
    let (_, opened) = open(&sim);
    assert_eq!((opened.next_sequence, opened.alarms), (16, vec![]));
    assert_eq!(opened.torn.unwrap().bytes, forged.len() as u64);
}
