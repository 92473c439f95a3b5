//! Rings so small that they overflow: the sums stay exact, and the log says the loss.

use std::collections::BTreeMap;

use audit_tests::acts::act;
use audit_tests::{Daemon, LaneCpu, Record, Records, Setup, Status, elf};
use serde_json::Value;

use crate::expect::assert_at;
use crate::sums::{Counts, assert_ledger};

/// Lane and CPU to the number of events.
type PerCpu = BTreeMap<(String, u64), u64>;

fn small_rings() -> Setup {
    let page = "\"4 KiB\"";
    Setup::new()
        .set("kernel.ring_critical", page)
        .set("kernel.ring_bulk", page)
        .set("counts.interval", "\"1 s\"")
}

/// What the log says of losses; each record is checked by itself.
fn told(records: &Records) -> PerCpu {
    let mut sums = PerCpu::new();
    let mut seen: BTreeMap<(String, u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
    for record in records.of_kind("daemon.loss") {
        let lane = record.str("unmapped.loss.lane").to_owned();
        if record.str("unmapped.loss.stage") == "hook" {
            // Counted by the kernel, without numbers: see `skipped`.
            assert_at(record, "unmapped.loss.ranges", Value::Null);
            continue;
        }
        assert_at(record, "unmapped.loss.stage", "ring");
        assert_at(
            record,
            "severity_id",
            if lane == "critical" { 4 } else { 3 },
        );
        assert_at(record, "status_id", 2);
        assert!(
            record.num("end_time") >= record.num("start_time"),
            "{}",
            record.line
        );
        let mut count = 0;
        for range in record
            .at("unmapped.loss.ranges")
            .as_array()
            .expect("ranges")
        {
            let number = |key: &str| range[key].as_u64().expect("a number");
            let (cpu, first, last) = (number("cpu"), number("first"), number("last"));
            assert!(first >= 1 && last >= first, "{range}");
            let strand = range["strand"].as_u64().unwrap_or(0);
            seen.entry((lane.clone(), cpu, strand))
                .or_default()
                .push((first, last));
            *sums.entry((lane.clone(), cpu)).or_default() += last - first + 1;
            count += last - first + 1;
        }
        assert_at(record, "count", count);
    }
    for ranges in seen.values_mut() {
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            assert!(
                pair[0].1 < pair[1].0,
                "a number was declared lost twice: {pair:?}"
            );
        }
    }
    sums
}

/// Runs of programs that the kernel skipped, as the log tells them. It does so where a program may be
/// preempted in favour of a task that meets the same hook: before 7.0 never.
fn skipped(records: &Records) -> u64 {
    let hook = |record: &&Record| record.str("unmapped.loss.stage") == "hook";
    let told = records.of_kind("daemon.loss").filter(hook);
    let skipped = told
        .map(|record| record.at("count").as_u64().expect("a count"))
        .sum();
    assert!(
        skipped == 0 || audit_tests::kernel_version() >= (7, 0),
        "{skipped} skipped"
    );
    skipped
}

fn lost(status: &Status) -> PerCpu {
    let lanes = status.lanes().into_iter().filter(|lane| lane.lost > 0);
    lanes
        .map(|lane| ((lane.lane, lane.cpu), lane.lost))
        .collect()
}

/// Floods, waits until all of it is told, and stops; gives the sums before the stop.
fn flooded(setup: &Setup, flood: impl FnOnce()) -> (Vec<LaneCpu>, Records) {
    let mut daemon = Daemon::start(setup);
    flood();
    let status = daemon.wait_for_status("losses as the log tells them", |status| {
        let settled = status.lanes().iter().all(LaneCpu::is_settled);
        settled && lost(status) == told(&daemon.records())
    });
    let lanes = status.lanes();
    for lane in &lanes {
        assert_eq!(lane.difference(), None);
    }
    let records = daemon.stop();
    check_at_end(&records);
    if !audit_tests::pins_hold() {
        return (lanes, records);
    }
    // What was told is not looked for again: numbers go on behind it.
    let mut daemon = Daemon::start(setup);
    let program = elf::place(setup.dir().join("afterwards"));
    act(["spawn-many", "4", "20"])
        .with([&program])
        .with(["afterwards"])
        .done();
    act(["fail-many", "4", "20"]).with([setup.dir()]).done();
    check_at_end(&daemon.stop());
    (lanes, records)
}

fn check_at_end(records: &Records) {
    records.assert_numbered();
    // At the end everything is accounted for, by lane, to the last event.
    let counts = Counts::of(records);
    assert_ledger(records, &counts);
    let told = told(records);
    for (lane, sums) in counts.0 {
        let told: u64 = told
            .iter()
            .filter(|((of, _), _)| *of == lane)
            .map(|(_, n)| n)
            .sum();
        assert_eq!(sums.lost, told, "the {lane} lane's losses");
    }
}

fn total_lost(lanes: &[LaneCpu], lane: &str) -> u64 {
    lanes
        .iter()
        .filter(|sums| sums.lane == lane)
        .map(|sums| sums.lost)
        .sum()
}

/// Numbers of losses and of records are of different events.
fn assert_disjoint(records: &Records) {
    let mut ranges: Vec<(String, u64, u64, u64)> = Vec::new();
    for record in records.of_kind("daemon.loss") {
        let lane = record.str("unmapped.loss.lane");
        let told = record.at("unmapped.loss.ranges").as_array();
        for range in told.into_iter().flatten() {
            if range["strand"].is_null() {
                let number = |key: &str| range[key].as_u64().expect("a number");
                ranges.push((
                    lane.to_owned(),
                    number("cpu"),
                    number("first"),
                    number("last"),
                ));
            }
        }
    }
    for record in records.iter() {
        let uid = record.str("metadata.original_event_uid");
        let Some((lane, cpu, number)) = record.origin().filter(|_| !uid.contains('.')) else {
            continue;
        };
        let lost = ranges.iter().find(|(of, on, first, last)| {
            of.starts_with(lane) && *on == u64::from(cpu) && (*first..=*last).contains(&number)
        });
        assert_eq!(lost, None, "declared lost and recorded: {}", record.line);
    }
}

#[test]
fn the_critical_lane_overflows_with_exact_sums() {
    const THREADS: u32 = 8;
    const EACH: u32 = 250;
    let setup = small_rings();
    let program = elf::place(setup.dir().join("short-lived"));
    let tag = format!("tag-{}", setup.marker());
    let (lanes, records) = flooded(&setup, || {
        act(["spawn-many", &THREADS.to_string(), &EACH.to_string()])
            .with([&program])
            .with([&tag])
            .done();
    });
    let lost = total_lost(&lanes, "critical");
    assert!(lost > 0, "the ring did not overflow: {lanes:#?}");
    assert_disjoint(&records);
    // What is there is right: once each, with the process's own arguments.
    let found = records.execs(&tag);
    let mut commands: Vec<&str> = found
        .iter()
        .map(|record| record.str("process.cmd_line"))
        .collect();
    commands.sort_unstable();
    commands.dedup();
    assert_eq!(commands.len(), found.len(), "each at most once");
    assert!(found.len() <= (THREADS * EACH) as usize);
    let missing = u64::from(THREADS * EACH) - found.len() as u64;
    assert!(
        missing <= lost + skipped(&records),
        "{missing} are missing and only {lost} are told as lost"
    );
}

#[test]
fn the_bulk_lane_overflows_with_exact_sums_and_harms_no_other() {
    const THREADS: u32 = 8;
    const EACH: u32 = 2_000;
    let setup = small_rings().set("kernel.ring_critical", "\"8 MiB\"");
    let file = elf::place_program(setup.dir().join("denied"), b"");
    let denied = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&file, denied).expect("chmod");
    let (lanes, records) = flooded(&setup, || {
        act(["fail-many", &THREADS.to_string(), &EACH.to_string()])
            .with([&file])
            .done();
    });
    let lost = total_lost(&lanes, "bulk");
    assert!(lost > 0, "the ring did not overflow: {lanes:#?}");
    assert_eq!(
        total_lost(&lanes, "critical"),
        0,
        "floods starve no rare event"
    );
    assert_disjoint(&records);
    let found = records.execs(setup.marker());
    let denied = found
        .iter()
        .filter(|record| record.str("status_code") == "EACCES")
        .count() as u64;
    let missing = u64::from(THREADS * EACH) - denied;
    assert!(
        missing > 0 && missing <= lost + skipped(&records),
        "{missing} missing, {lost} told as lost"
    );
}

#[test]
fn an_event_larger_than_its_ring_is_lost_and_told() {
    let setup = small_rings();
    let program = elf::place(setup.dir().join("program"));
    let long = "a".repeat(6000);
    let (lanes, records) = flooded(&setup, || {
        act(["exec"])
            .with([&program])
            .with(["called", &long])
            .done();
    });
    assert!(total_lost(&lanes, "critical") >= 1, "{lanes:#?}");
    assert!(records.execs("aaaaaaaa").is_empty());
}

#[test]
fn nothing_is_lost_with_rings_as_they_are() {
    let setup = Setup::new();
    let program = elf::place(setup.dir().join("short-lived"));
    let (lanes, records) = flooded(&setup, || {
        act(["spawn-many", "8", "100"])
            .with([&program])
            .with([format!("tag-{}", setup.marker())])
            .done();
    });
    assert_eq!(lanes.iter().map(|lane| lane.lost).sum::<u64>(), 0);
    assert_eq!(records.losses().len(), 0);
    assert_eq!(records.execs("tag-").len(), 800);
}
