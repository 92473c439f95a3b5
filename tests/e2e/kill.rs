//! A daemon that dies or is stopped under load: what was seen is in the log, once, or the log says
//! that it is not.

use std::collections::BTreeSet;
use std::time::Duration;

use audit_tests::{Daemon, Record, Records, Setup};
use nix::sys::signal::Signal;

use crate::load::{self, Load};

/// As many as the promise is given for.
const ROUNDS: usize = 20;
/// Executed in each life of a daemon, at least.
const PER_LIFE: usize = 20;
/// Executed while none is up.
const PER_GAP: usize = 5;

fn count_up_to(end: u64) -> Vec<u64> {
    (0..end).collect()
}

fn losses(records: &Records) -> Vec<&str> {
    records
        .losses()
        .into_iter()
        .map(|record| record.line.as_str())
        .collect()
}

/// No process is introduced twice in one boot.
#[track_caller]
fn assert_snapshots_once(records: &Records) {
    let mut seen = BTreeSet::new();
    for record in records.of_kind("process.snapshot") {
        assert!(
            seen.insert(record.str("process.uid")),
            "introduced again: {}",
            record.line
        );
    }
    assert!(
        !seen.is_empty(),
        "what ran before the first daemon is introduced"
    );
}

#[test]
fn twenty_kills_under_load_lose_and_double_nothing() {
    load::need_pins!();
    let setup = Setup::new().set("kernel.pin", "\"required\"");
    let tag = setup.marker().to_owned();
    let mut daemon = Daemon::start(&setup);
    let load = Load::start(&tag, 2);
    for round in 0..ROUNDS {
        // At other points of the commit interval each time.
        load.wait_for_more(PER_LIFE);
        std::thread::sleep(Duration::from_micros(700 * round as u64));
        daemon.kill();
        load.wait_for_more(PER_GAP);
        daemon = Daemon::start(&setup);
    }
    load.wait_for_more(PER_LIFE);
    let count = load.finish();
    let records = daemon.stop();
    assert_eq!(load::sorted(&records, &tag), count_up_to(count));
    records.assert_numbered();
    assert_eq!(losses(&records), [""; 0]);
    assert_eq!(records.of_kind("daemon.start").count(), ROUNDS + 1);
    assert_eq!(records.of_kind("daemon.stop").count(), 1);
    assert_snapshots_once(&records);
}

#[test]
fn without_pins_the_gap_is_said_and_what_was_acknowledged_stays() {
    let setup = Setup::new().set("kernel.pin", "\"never\"");
    let tag = setup.marker().to_owned();
    let mut daemon = Daemon::start(&setup);
    load::execs(&tag, 0..100);
    let all = |records: &Records| load::numbers(records, &tag).len() == 100;
    let acknowledged = daemon.wait_for("the first hundred", all);
    daemon.kill();
    load::execs(&tag, 100..110);
    let mut daemon = Daemon::start(&setup);
    load::execs(&tag, 110..210);
    let records = daemon.stop();
    let expected: Vec<u64> = (0..100).chain(110..210).collect();
    assert_eq!(load::sorted(&records, &tag), expected);

    let last_before = acknowledged.last().expect("records").str("time_dt");
    let losses = records.losses();
    let lanes: BTreeSet<&str> = losses
        .iter()
        .map(|loss| loss.str("unmapped.loss.lane"))
        .collect();
    assert_eq!(
        (losses.len(), lanes),
        (2, BTreeSet::from(["bulk", "critical"]))
    );
    let restart = records
        .of_kind("daemon.start")
        .last()
        .expect("a second start");
    for loss in losses {
        assert_eq!(loss.str("unmapped.loss.stage"), "hook");
        assert_eq!(loss.at("unmapped.unknown"), &serde_json::json!(["count"]));
        assert!(loss.at("count").is_null(), "{}", loss.line);
        assert!(loss.str("start_time_dt") >= last_before, "{}", loss.line);
        assert!(
            loss.str("end_time_dt") >= restart.str("time_dt"),
            "{}",
            loss.line
        );
    }
    assert_snapshots_once(&records);
    let sequences: Vec<u64> = records.iter().map(Record::sequence).collect();
    assert_eq!(sequences, count_up_to(records.len() as u64));
}

#[test]
fn without_pins_kills_under_load_double_nothing_and_keep_what_is_on_disk() {
    let setup = Setup::new().set("kernel.pin", "\"never\"");
    let tag = setup.marker().to_owned();
    let load = Load::start(&tag, 2);
    let mut durable = BTreeSet::new();
    for _ in 0..5 {
        let mut daemon = Daemon::start(&setup);
        load.wait_for_more(PER_LIFE);
        daemon.wait_for("records of this life", |records| {
            load::numbers(records, &tag).len() >= durable.len() + PER_LIFE / 2
        });
        daemon.kill();
        durable = load::numbers(&daemon.records(), &tag).into_iter().collect();
    }
    load.finish();
    let records = Daemon::start(&setup).stop();
    let numbers = load::sorted(&records, &tag);
    let once: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(numbers.len(), once.len(), "recorded twice");
    assert_eq!(once, durable);
    assert_eq!(records.losses().len(), 2 * 5);
}

#[test]
fn sigterm_in_a_burst_settles_what_was_seen() {
    let setup = Setup::new().set("kernel.pin", "\"never\"");
    let tag = setup.marker().to_owned();
    let mut daemon = Daemon::start(&setup);
    let load = Load::start(&tag, 4);
    load.wait_for_more(200);
    let before: BTreeSet<u64> = load.done().into_iter().collect();
    let records = daemon.stop();
    load.finish();
    let numbers = load::sorted(&records, &tag);
    let once: BTreeSet<u64> = numbers.iter().copied().collect();
    assert_eq!(numbers.len(), once.len(), "recorded twice");
    assert_eq!(
        before.difference(&once).collect::<Vec<_>>(),
        [&0; 0],
        "ended before the signal"
    );
    records.assert_numbered();
    assert_eq!(losses(&records), [""; 0]);

    let stop = records.last().expect("records");
    assert_eq!(stop.kind(), "daemon.stop");
    assert_eq!(stop.str("status_detail"), "SIGTERM");
    assert_eq!(stop.num("actor.process.pid"), i64::from(std::process::id()));
    // The sums of this life: everything that the kernel handed over met its fate.
    let counts = records
        .of_kind("daemon.counts")
        .last()
        .expect("the sums at the end");
    for lane in ["critical", "bulk"] {
        let of = |key: &str| counts.num(&format!("unmapped.counts.{lane}.{key}"));
        let left_out = counts.at(&format!("unmapped.counts.{lane}.left_out"));
        let left_out: i64 = left_out
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(_, n)| n.as_i64())
            .sum();
        assert_eq!(
            of("submitted"),
            of("recorded") + of("folded") + left_out,
            "{}",
            counts.line
        );
        assert_eq!(of("lost"), 0);
    }
    // Let go in order, for the next to see.
    assert_eq!(
        std::fs::read(setup.log_dir().join("lock")).expect("the lock"),
        b""
    );
}

#[test]
fn sigterm_and_restart_with_pins_miss_nothing_in_between() {
    load::need_pins!();
    let setup = Setup::new().set("kernel.pin", "\"required\"");
    let tag = setup.marker().to_owned();
    let mut daemon = Daemon::start(&setup);
    let load = Load::start(&tag, 2);
    for _ in 0..3 {
        load.wait_for_more(PER_LIFE);
        daemon.stop();
        load.wait_for_more(PER_GAP);
        daemon = Daemon::start(&setup);
    }
    load.wait_for_more(PER_LIFE);
    let count = load.finish();
    let records = daemon.stop();
    assert_eq!(load::sorted(&records, &tag), count_up_to(count));
    records.assert_numbered();
    assert_eq!(losses(&records), [""; 0]);
    assert_snapshots_once(&records);
}

#[test]
fn every_signal_that_ends_it_is_named() {
    for signal in [Signal::SIGINT, Signal::SIGQUIT] {
        let setup = Setup::new().set("kernel.pin", "\"never\"");
        let mut daemon = Daemon::start(&setup);
        daemon.signal(signal);
        assert_eq!(daemon.wait_end().code(), Some(0), "{signal}");
        let records = daemon.records();
        let stop = records.last().expect("records");
        assert_eq!(
            (stop.kind(), stop.str("status_detail")),
            ("daemon.stop", signal.as_str())
        );
    }
}

#[test]
fn replaced_programs_leave_a_stated_gap() {
    load::need_pins!();
    let setup = Setup::new().set("kernel.pin", "\"required\"");
    let tag = setup.marker().to_owned();
    let mut daemon = Daemon::start(&setup);
    daemon.stop();
    load::execs(&tag, 0..10);
    // Other rings: the old programs cannot be adopted, and what they saw goes with them.
    let setup = setup.set("kernel.ring_bulk", "\"4 MiB\"");
    let mut daemon = Daemon::start(&setup);
    load::execs(&tag, 10..20);
    let records = daemon.stop();
    assert_eq!(load::sorted(&records, &tag), (10..20).collect::<Vec<u64>>());
    let stages: Vec<&str> = records
        .losses()
        .into_iter()
        .map(|loss| loss.str("unmapped.loss.stage"))
        .collect();
    assert_eq!(stages, ["hook"; 2]);
}
