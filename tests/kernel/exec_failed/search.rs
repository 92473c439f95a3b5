//! Searches through PATH: many tries, one intent.

use std::path::PathBuf;
use std::process::Command;

use audit_tests::acts::{Act, act};
use audit_tests::{Lent, Setup, elf};
use serde_json::Value;

use super::mode;
use crate::expect::assert_at;

/// Directories of a PATH, empty; the last holds a program `found`.
fn search_path(setup: &Setup, directories: usize) -> (Vec<PathBuf>, Act) {
    let dirs: Vec<PathBuf> = (0..directories)
        .map(|number| setup.dir().join(format!("path-{number}")))
        .collect();
    for dir in &dirs {
        std::fs::create_dir(dir).expect("mkdir");
    }
    elf::place(dirs[directories - 1].join("found"));
    let path = std::env::join_paths(&dirs).expect("no colon in a directory");
    let act = act(["set"]).with([format!("PATH={}", path.to_str().expect("UTF-8"))]);
    (dirs, act)
}

fn tag(setup: &Setup) -> String {
    format!("tag-{}", setup.marker())
}

#[test]
fn a_search_that_finds_is_one_exec() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let (dirs, act) = search_path(&setup, 10);
    act.with(["execvp", "found", "found", &tag(&setup)]).done();
    let records = daemon.seen();
    let record = records.exec(&tag(&setup));
    assert!(record.succeeded());
    assert_at(record, "process.file.path", dirs[9].join("found").to_str());
    assert_at(record, "process.cmd_line", format!("found {}", tag(&setup)));
    assert_at(record, "count", Value::Null);
}

#[test]
fn a_search_that_finds_nothing_is_one_failure_with_its_tries() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let (dirs, act) = search_path(&setup, 10);
    let acted = act
        .with(["execvp", "nowhere", "nowhere", &tag(&setup)])
        .done();
    assert_eq!(acted.number(), libc::ENOENT);
    let records = daemon.seen();
    let record = records.exec(&tag(&setup));
    assert_at(record, "status_code", "ENOENT");
    assert_at(record, "count", 10);
    assert_at(
        record,
        "process.file.path",
        dirs[0].join("nowhere").to_str(),
    );
    assert_at(
        record,
        "process.cmd_line",
        format!("nowhere {}", tag(&setup)),
    );
    assert!(
        record.num("end_time") >= record.num("start_time"),
        "{}",
        record.line
    );
}

#[test]
fn a_denied_try_of_a_search_is_recorded_too() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let (dirs, act) = search_path(&setup, 10);
    mode(&elf::place(dirs[4].join("found")), 0o644);
    act.with(["execvp", "found", "found", &tag(&setup)]).done();
    let records = daemon.seen();
    let [denied, found] = records.execs(&tag(&setup))[..] else {
        panic!("two records: {:#?}", records.execs(&tag(&setup)))
    };
    assert_at(denied, "status_code", "EACCES");
    assert_at(denied, "process.file.path", dirs[4].join("found").to_str());
    assert_at(denied, "count", Value::Null);
    assert!(found.succeeded());
    assert_at(found, "process.file.path", dirs[9].join("found").to_str());
}

#[test]
fn two_searches_of_one_process_are_two_intents() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let (dirs, _) = search_path(&setup, 3);
    // A shell asks twice, for different names.
    let path = std::env::join_paths(&dirs).expect("no colon");
    let tag = tag(&setup);
    for name in ["one", "other"] {
        let status = Command::new("/bin/sh")
            .args(["-c", &format!("{name} {tag}; {name} {tag}")])
            .env("PATH", &path)
            .stderr(std::process::Stdio::null())
            .status()
            .expect("run a shell");
        assert_eq!(status.code(), Some(127));
    }
    let records = daemon.seen();
    // Shells look with stat first, or try each directory; either way no try stands alone.
    let failed: Vec<_> = records
        .execs(&tag)
        .into_iter()
        .filter(|record| !record.succeeded())
        .cloned()
        .collect();
    assert!(
        failed.iter().all(|record| record.num("count") == 3),
        "{failed:#?}"
    );
}
