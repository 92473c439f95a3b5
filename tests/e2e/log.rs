//! The log directory: rotation, the cap, torn tails, strangers in it, and a disk without room.

use std::io::Write;
use std::path::Path;

use audit_tests::records::segments;
use audit_tests::{Daemon, Record, Records, Setup};
use nix::sys::signal::Signal;
use sha2::{Digest, Sha256};

use crate::load;
use crate::mount::Tmpfs;

fn sha256(path: &Path) -> String {
    let bytes = std::fs::read(path).expect("read a segment");
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn of_file(path: &Path) -> Vec<Record> {
    let text = std::fs::read_to_string(path).expect("read a segment");
    text.lines().map(Record::parse).collect()
}

/// Executes until there are so many files, and returns how many were executed.
fn exec_until_files(setup: &Setup, files: usize) -> u64 {
    let mut count = 0;
    while segments(&setup.log_dir()).len() < files {
        assert!(count < 10_000, "no new file after {count} records");
        load::execs(setup.marker(), count..count + 20);
        count += 20;
    }
    count
}

#[test]
fn each_new_file_begins_with_what_the_one_before_was() {
    let setup = Setup::new().set("log.segment_size", "\"128 KiB\"");
    let mut daemon = Daemon::start(&setup);
    let count = exec_until_files(&setup, 4);
    let records = daemon.stop();
    assert_eq!(
        load::sorted(&records, setup.marker()),
        (0..count).collect::<Vec<_>>()
    );
    records.assert_numbered();
    let files = segments(&setup.log_dir());
    for (sealed, next) in files.iter().zip(&files[1..]) {
        let (inside, first) = (of_file(sealed), &of_file(next)[0]);
        assert_eq!(first.kind(), "log.rotate", "{}", next.display());
        assert_eq!(first.str("file.path"), sealed.to_string_lossy());
        let size = std::fs::metadata(sealed).expect("a segment").len();
        assert!(size >= 128 << 10, "{size}");
        assert_eq!(first.at("file.size"), size);
        assert_eq!(first.num("file.hashes.0.algorithm_id"), 3);
        assert_eq!(first.str("file.hashes.0.value"), sha256(sealed));
        let expected = serde_json::json!({
            "first": inside[0].sequence(),
            "last": inside.last().expect("records").sequence(),
            "records": inside.len(),
        });
        assert_eq!(first.at("unmapped.segment"), &expected);
        assert!(
            !first.at("device.boot_uid").is_null(),
            "each file can be read alone"
        );
    }
    assert_eq!(records.of_kind("log.rotate").count(), files.len() - 1);
    assert_eq!(records.of_kind("log.delete").count(), 0);
}

#[test]
fn over_the_cap_the_oldest_files_go_and_that_is_said() {
    const CAP: u64 = 512 << 10;
    let setup = Setup::new()
        .set("log.segment_size", "\"128 KiB\"")
        .set("log.cap", "\"512 KiB\"");
    let mut daemon = Daemon::start(&setup);
    let mut number = 0;
    let deleted = |setup: &Setup| {
        segments(&setup.log_dir())
            .first()
            .is_none_or(|first| !first.ends_with("00000000000000000000.jsonl"))
    };
    while !deleted(&setup) {
        assert!(
            number < 10_000,
            "nothing was deleted after {number} records"
        );
        load::execs(setup.marker(), number..number + 50);
        number += 50;
        let files = segments(&setup.log_dir());
        let size = |path: &_| std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let bytes: u64 = files.iter().map(size).sum();
        // One file may fill up before the next rotation finds that the cap is passed.
        assert!(bytes <= CAP + (256 << 10), "{bytes} bytes");
    }
    daemon.stop();
    // Only what is still there: the harness read the rest before it went.
    let left = Records::read(&setup.log_dir());
    let told: Vec<&Record> = left.of_kind("log.delete").collect();
    let first = left[0].sequence();
    let last = told.last().expect("a deletion is said");
    assert_eq!(
        last.num("unmapped.segment.last"),
        i64::try_from(first).expect("small") - 1
    );
    assert!(
        last.str("status_detail").starts_with("cap"),
        "{}",
        last.line
    );
    assert_eq!(last.str("file.hashes.0.value").len(), 64);
    assert_eq!(left[0].kind(), "log.rotate");
    left.assert_numbered();
}

fn append(path: &Path, bytes: &[u8]) {
    let mut file = std::fs::OpenOptions::new()
        .append(true)
        .open(path)
        .expect("open the segment");
    file.write_all(bytes).expect("append");
}

/// The `log.verify` of a daemon that found something, by its code.
fn verdicts(records: &Records) -> Vec<(&str, &str)> {
    let found = records.of_kind("log.verify");
    found
        .map(|record| (record.str("status_code"), record.str("status_detail")))
        .collect()
}

#[test]
fn a_torn_tail_is_set_aside_and_said() {
    const TORN: &[u8] = b"{\"time\":12,\"half";
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    load::execs(setup.marker(), 0..10);
    daemon.wait_for("the execs", |records| {
        load::numbers(records, setup.marker()).len() == 10
    });
    daemon.kill();
    // As a crash in the middle of a write leaves it. It lies behind the durable mark.
    let segment = segments(&setup.log_dir()).pop().expect("a segment");
    let size = std::fs::metadata(&segment).expect("a segment").len();
    append(&segment, TORN);
    let mut daemon = Daemon::start(&setup);
    let records = daemon.stop();
    let name = segment
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    let aside = setup.log_dir().join("torn").join(format!("{name}.{size}"));
    assert_eq!(std::fs::read(&aside).expect("what was set aside"), TORN);
    let detail = format!(
        "{} bytes at offset {size} of {name} were no whole records after a crash; set aside",
        TORN.len()
    );
    assert_eq!(verdicts(&records), [("TORN", detail.as_str())]);
    let said = records.of_kind("log.verify").next().expect("a record");
    assert_eq!(said.str("file.path"), aside.to_string_lossy());
    assert_eq!(said.at("file.size"), TORN.len());
    assert!(
        daemon.stderr().contains(&*aside.to_string_lossy()),
        "{}",
        daemon.stderr()
    );
    assert_eq!(
        load::sorted(&records, setup.marker()),
        (0..10).collect::<Vec<_>>()
    );
    records.assert_numbered();
}

#[test]
fn bytes_that_somebody_appended_after_an_orderly_stop_are_an_alarm() {
    let setup = Setup::new();
    Daemon::start(&setup).stop();
    let segment = segments(&setup.log_dir()).pop().expect("a segment");
    append(&segment, b"{\"forged\":true}\n");
    let records = Daemon::start(&setup).stop();
    let verdicts = verdicts(&records);
    assert_eq!(verdicts.len(), 1, "{verdicts:?}");
    assert_eq!(verdicts[0].0, "ALTERED");
    assert!(
        verdicts[0].1.starts_with("16 bytes at offset "),
        "{verdicts:?}"
    );
    let severity = records
        .of_kind("log.verify")
        .map(|record| record.num("severity_id"));
    assert_eq!(severity.collect::<Vec<_>>(), [5]);
    records.assert_numbered();
}

#[test]
fn a_log_that_was_cut_is_an_alarm_and_its_numbers_are_not_used_again() {
    let setup = Setup::new();
    Daemon::start(&setup).stop();
    let segment = segments(&setup.log_dir()).pop().expect("a segment");
    std::fs::remove_file(&segment).expect("remove the segment");
    let records = Daemon::start(&setup).stop();
    assert_eq!(
        verdicts(&records)
            .iter()
            .map(|(code, _)| *code)
            .collect::<Vec<_>>(),
        ["MISSING"]
    );
    assert!(records[0].sequence() > 0);
}

#[test]
fn a_segment_removed_under_the_daemon_is_said_in_the_next() {
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    load::exec(setup.marker(), 0);
    daemon.wait_for("the exec", |records| {
        !load::numbers(records, setup.marker()).is_empty()
    });
    std::fs::remove_file(segments(&setup.log_dir()).pop().expect("a segment")).expect("remove");
    load::exec(setup.marker(), 1);
    daemon.wait_for("the alarm", |records| {
        records.of_kind("log.verify").count() == 1
    });
    let status = daemon.status();
    let problems = status.0["problems"].as_array().expect("problems").len();
    assert_eq!(problems, 1, "{:#}", status.0["problems"]);
    daemon.stop();
    let left = Records::read(&setup.log_dir());
    assert_eq!(
        verdicts(&left)
            .iter()
            .map(|(code, _)| *code)
            .collect::<Vec<_>>(),
        ["MISSING"]
    );
    assert_eq!(load::numbers(&left, setup.marker()), [1]);
}

#[test]
fn a_full_disk_delays_records_and_loses_none() {
    let setup = Setup::new();
    let mount = Tmpfs::new(&setup.log_dir(), "size=4m");
    let mut daemon = Daemon::start(&setup);
    load::execs(setup.marker(), 0..20);
    daemon.wait_for("records before", |log| {
        load::numbers(log, setup.marker()).len() == 20
    });
    let filler = mount.fill();
    load::execs(setup.marker(), 20..220);
    let full = |status: &audit_tests::Status| status.0["problems"][0]["what"].is_string();
    let status = daemon.wait_for_status("that the disk is full", full);
    let what = status.0["problems"][0]["what"].as_str().expect("text");
    assert!(
        what.contains("No space left on device") && what.contains("free space"),
        "{what}"
    );
    let text = load::run(&mut setup.command("status"));
    let last = text.lines().last().expect("text");
    assert!(
        last.contains(&format!("df {}", setup.log_dir().display())),
        "{text}"
    );
    let said = load::numbers(&daemon.records(), setup.marker());
    assert!(
        said.len() < 220,
        "the disk was not full: {} records",
        said.len()
    );

    drop(filler);
    daemon.wait_for("records after", |log| {
        load::numbers(log, setup.marker()).len() == 220
    });
    daemon.wait_for_status("that all is well", |status| {
        status.0["problems"].as_array().is_some_and(Vec::is_empty)
    });
    load::execs(setup.marker(), 220..230);
    let records = daemon.stop();
    assert_eq!(
        load::sorted(&records, setup.marker()),
        (0..230).collect::<Vec<_>>()
    );
    records.assert_numbered();
    assert_eq!(records.losses().len(), 0);
}

#[test]
fn a_disk_that_is_full_at_the_stop_ends_with_code_5_and_pins_keep_the_rest() {
    load::need_pins!();
    let setup = Setup::new().set("kernel.pin", "\"required\"");
    let mount = Tmpfs::new(&setup.log_dir(), "size=4m");
    let mut daemon = Daemon::start(&setup);
    load::execs(setup.marker(), 0..20);
    daemon.wait_for("records before", |log| {
        load::numbers(log, setup.marker()).len() == 20
    });
    let filler = mount.fill();
    load::execs(setup.marker(), 20..60);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end().code(), Some(5));
    let said = daemon.stderr();
    assert!(
        said.contains("error: the last records could not be made durable"),
        "{said}"
    );
    assert!(said.contains("No space left on device"), "{said}");
    drop(filler);
    // Nothing was acknowledged that is not on disk: the rings still hold it.
    let mut daemon = Daemon::start(&setup);
    let records = daemon.stop();
    assert_eq!(
        load::sorted(&records, setup.marker()),
        (0..60).collect::<Vec<_>>()
    );
    records.assert_numbered();
}
