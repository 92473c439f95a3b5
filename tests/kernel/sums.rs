//! The sums: each event is recorded, folded, left out or lost, and none twice.

use std::collections::{BTreeMap, BTreeSet};

use audit_tests::acts::act;
use audit_tests::{Daemon, LaneCpu, Record, Records, Setup, elf, in_guest};
use serde_json::Value;

use crate::expect::assert_at;

/// One lane's sums in `daemon.counts`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneCounts {
    pub seen: u64,
    pub filtered: u64,
    pub submitted: u64,
    pub lost: u64,
    pub recorded: u64,
    pub folded: u64,
    pub left_out: u64,
}

/// All `daemon.counts` of a log, added up by lane.
pub struct Counts(pub BTreeMap<String, LaneCounts>);

impl Counts {
    pub fn of(records: &Records) -> Counts {
        let mut sums: BTreeMap<String, LaneCounts> = BTreeMap::new();
        for record in records.of_kind("daemon.counts") {
            let lanes = record.at("unmapped.counts").as_object().expect("lanes");
            assert_eq!(lanes.len(), 2, "{}", record.line);
            for (lane, counts) in lanes {
                let sum = |key: &str| match &counts[key] {
                    Value::Null => 0,
                    Value::Object(reasons) => reasons.values().filter_map(Value::as_u64).sum(),
                    number => number.as_u64().expect("a number"),
                };
                let to = sums.entry(lane.clone()).or_default();
                to.seen += sum("seen");
                to.filtered += sum("filtered");
                to.submitted += sum("submitted");
                to.lost += sum("lost");
                to.recorded += sum("recorded");
                to.folded += sum("folded");
                to.left_out += sum("left_out");
            }
        }
        Counts(sums)
    }
}

/// Both identities hold to the last event, and the records are as many as the sums say.
#[track_caller]
pub fn assert_ledger(records: &Records, counts: &Counts) {
    for (lane, sums) in &counts.0 {
        let kernel = sums.filtered + sums.submitted + sums.lost;
        assert_eq!(sums.seen, kernel, "the kernel's side of {lane}: {sums:?}");
        let daemon = sums.recorded + sums.folded + sums.left_out;
        assert_eq!(
            sums.submitted, daemon,
            "the daemon's side of {lane}: {sums:?}"
        );
        let letter = lane.chars().next();
        let own = |record: &&Record| record.origin().map(|(lane, ..)| lane) == letter;
        let written = records.iter().filter(own).count() as u64;
        assert_eq!(written, sums.recorded, "records of the {lane} lane");
    }
}

/// Acts of every kind.
fn mixture(setup: &Setup) {
    let program = elf::place(setup.dir().join("program"));
    let missing = setup.dir().join("missing");
    for _ in 0..20 {
        act(["exec"]).with([&program]).with(["called"]).done();
        act(["exec"]).with([&missing]).with(["called"]).done();
        act(["exec"]).with([setup.dir()]).with(["called"]).done();
        act(["execvp", "no-such-program", "called"]).done();
        act(["exec-from-thread", "3"])
            .with([&program])
            .with(["called"])
            .done();
        act(["exit-among", "4", "0"]).done();
    }
    act(["fork-many", "4", "50"]).done();
}

#[test]
fn every_event_has_its_place_in_the_sums() {
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    mixture(&setup);
    let status = daemon.wait_for_status("settled sums", |status| {
        status.lanes().iter().all(LaneCpu::is_settled)
    });
    for lane in status.lanes() {
        assert_eq!(lane.difference(), None);
        assert_eq!((lane.lost, lane.lost_later), (0, 0), "{lane:?}");
    }
    let records = daemon.stop();
    records.assert_numbered();
    let counts = Counts::of(&records);
    assert_ledger(&records, &counts);
    for lane in ["critical", "bulk"] {
        let of_status: u64 = status
            .lanes()
            .iter()
            .filter(|sums| sums.lane == lane)
            .map(|sums| sums.seen)
            .sum();
        assert!(
            counts.0[lane].seen >= of_status,
            "{lane}: {of_status}, then {:?}",
            counts.0
        );
    }
}

#[test]
fn sums_add_up_over_intervals_and_restarts() {
    let setup = Setup::new().set("counts.interval", "\"1 s\"");
    for _ in 0..3 {
        let mut daemon = Daemon::start(&setup);
        mixture(&setup);
        let before = daemon.records().of_kind("daemon.counts").count();
        daemon.wait_for("two more counts", |records| {
            records.of_kind("daemon.counts").count() >= before + 2
        });
        let records = daemon.stop();
        assert_ledger(&records, &Counts::of(&records));
    }
    let records = Records::read(&setup.log_dir());
    records.assert_numbered();
    // Intervals of one daemon follow each other without a gap.
    let mut last_end: Option<&str> = None;
    for record in records.iter() {
        match record.kind() {
            "daemon.start" => last_end = None,
            "daemon.counts" => {
                let start = record.str("start_time_dt");
                assert_eq!(last_end.unwrap_or(start), start, "{}", record.line);
                last_end = Some(record.str("end_time_dt"));
            }
            _ => {}
        }
    }
}

/// Numbers that a lane gave on a CPU and that are in no record.
fn gaps(records: &Records, lane: char) -> u64 {
    let mut numbers: BTreeMap<(u32, String), BTreeSet<u64>> = BTreeMap::new();
    for record in records.iter() {
        let uid = record.str("metadata.original_event_uid");
        if !uid.starts_with(lane) {
            continue;
        }
        let (place, number) = uid.split_once(':').expect("a colon");
        let (cpu, strand) = place[1..].split_once('.').unwrap_or((&place[1..], ""));
        let key = (cpu.parse().expect("a CPU"), strand.to_owned());
        let new = numbers
            .entry(key)
            .or_default()
            .insert(number.parse().expect("a number"));
        assert!(new, "{uid} twice");
    }
    let missing = |all: &BTreeSet<u64>| all.last().map_or(0, |last| last - all.len() as u64);
    numbers.values().map(missing).sum()
}

#[test]
fn ten_thousand_short_lived_processes_are_each_recorded_once() {
    const THREADS: u32 = 8;
    const EACH: u32 = 1250;
    let setup = Setup::new()
        .set("events.fork.record", "true")
        .set("events.exit.record", "true");
    let mut daemon = Daemon::start(&setup);
    let program = elf::place(setup.dir().join("short-lived"));
    let tag = format!("tag-{}", setup.marker());
    let acted = act(["spawn-many", &THREADS.to_string(), &EACH.to_string()])
        .with([&program])
        .with([&tag])
        .done();
    assert_eq!(daemon.status().lost(), 0);
    let records = daemon.stop();
    records.assert_numbered();

    let mut expected: BTreeSet<String> = (0..THREADS)
        .flat_map(|thread| (0..EACH).map(move |number| (thread, number)))
        .map(|(thread, number)| format!("{} {tag}-{thread}-{number}", program.display()))
        .collect();
    let acts_path = audit_tests::acts::program();
    let mut uids = BTreeSet::new();
    for record in records.execs(&tag) {
        let command = record.str("process.cmd_line");
        assert!(expected.remove(command), "twice, or not ours: {command}");
        assert!(
            uids.insert(record.str("process.uid")),
            "one process twice: {}",
            record.line
        );
        assert_at(record, "actor.process.pid", acted.pid);
        assert_at(record, "actor.process.path", acts_path.to_str());
        assert_at(record, "process.file.path", program.to_str());
    }
    assert!(
        expected.is_empty(),
        "{} are missing, first {:?}",
        expected.len(),
        expected.first()
    );
    // Each was forked once before, and ended once after.
    for kind in ["process.fork", "process.exit"] {
        let of_kind = records
            .of_kind(kind)
            .filter(|record| uids.contains(record.str("process.uid")));
        assert_eq!(of_kind.count(), uids.len(), "{kind}");
    }
    assert_eq!(records.losses().len(), 0);
    let counts = Counts::of(&records);
    assert_ledger(&records, &counts);
    // With everything recorded only cgroups leave a number without a record.
    let critical = counts.0["critical"];
    assert!(gaps(&records, 'c') <= critical.folded, "{critical:?}");
    assert!(in_guest() || critical.recorded >= 30_000, "{critical:?}");
}
