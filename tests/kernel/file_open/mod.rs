//! Opens of watched files: each way to name one, each way to fail, is one record and a true one.
//!
//! The table is the test: what is done, and what the log must say of it.

mod cases;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use audit_tests::acts::{Act, act};
use audit_tests::hooks::opens_on_functions;
use audit_tests::{Daemon, Record, Setup};
use serde_json::{Value, json};

use crate::by_32_bit;
use crate::expect::assert_at;
use crate::watched::{Places, of_process, shown};

const RDONLY: i32 = libc::O_RDONLY;
const WRONLY: i32 = libc::O_WRONLY;
const RDWR: i32 = libc::O_RDWR;
const CREAT: i32 = libc::O_CREAT;
const EXCL: i32 = libc::O_EXCL;
const OPERATIONS: [&str; 3] = ["read", "write", "create"];

/// What a record must say.
#[derive(Clone)]
struct Expected {
    kind: &'static str,
    path: Vec<u8>,
    mask: i32,
    errno: Option<&'static str>,
    /// The path is what the program said.
    as_given: bool,
}

/// An act, and its records in their order.
pub struct Case {
    name: &'static str,
    act: Act,
    expected: Vec<Expected>,
}

fn opened(kind: &'static str, path: impl AsRef<Path>, mask: i32) -> Expected {
    Expected {
        kind,
        path: path.as_ref().as_os_str().as_bytes().to_vec(),
        mask,
        errno: None,
        as_given: false,
    }
}

fn refused(kind: &'static str, path: impl AsRef<Path>, mask: i32, errno: &'static str) -> Expected {
    Expected {
        errno: Some(errno),
        as_given: true,
        ..opened(kind, path, mask)
    }
}

fn one(name: &'static str, act: Act, expected: Expected) -> Case {
    Case {
        name,
        act,
        expected: vec![expected],
    }
}

/// `open PATH FLAGS MODE`
fn open(path: impl AsRef<OsStr>, flags: i32) -> Act {
    act(["open"])
        .with([path])
        .with([flags.to_string(), "384".to_owned()])
}

#[track_caller]
fn check(case: &Case, record: &Record, expected: &Expected) {
    let name = case.name;
    assert_eq!(record.kind(), expected.kind, "{name}: {}", record.line);
    assert_eq!(
        record.str("file.path"),
        shown(OsStr::from_bytes(&expected.path)),
        "{name}: {}",
        record.line
    );
    let mask = match expected.mask {
        0 => Value::Null,
        mask => json!(mask),
    };
    assert_at(record, "access_mask", mask);
    assert_at(record, "metadata.labels", json!(["watch:test", "zone:pci"]));
    assert_at(record, "actor.process.name", "audit-acts");
    match expected.errno {
        Some(errno) => {
            assert_at(record, "status_id", 2);
            assert_at(record, "status_code", errno);
        }
        None => {
            assert_at(record, "status_id", 1);
            let meta = std::fs::metadata(OsStr::from_bytes(&expected.path)).expect("stat");
            let uid = record.str("file.uid");
            assert!(uid.ends_with(&format!(":{}", meta.ino())), "{name}: {uid}");
        }
    }
    let source = match expected.as_given {
        true => json!("string"),
        false => Value::Null,
    };
    assert_eq!(
        record.at("unmapped.source")["file.path"],
        source,
        "{name}: {}",
        record.line
    );
}

fn run(cases: impl FnOnce(&Places) -> Vec<Case>) {
    let setup = Setup::on_kept_programs();
    let places = Places::make(&setup);
    let cases = cases(&places);
    run_on(setup, &places, &cases);
}

fn run_on(setup: Setup, places: &Places, cases: &[Case]) {
    let setup = setup
        .set("events.file.record", "true")
        .append(&places.watch(&OPERATIONS));
    let mut daemon = Daemon::start(&setup);
    let pids: Vec<u32> = cases.iter().map(|case| case.act.run().pid).collect();
    let records = daemon.stop();
    for (case, pid) in cases.iter().zip(pids) {
        let found = of_process(&records, pid);
        let lines: Vec<&str> = found.iter().map(|record| record.line.as_str()).collect();
        assert_eq!(
            found.len(),
            case.expected.len(),
            "{}: {lines:#?}",
            case.name
        );
        for (record, expected) in found.into_iter().zip(&case.expected) {
            check(case, record, expected);
        }
    }
}

#[test]
fn every_way_to_name_a_file_is_one_record() {
    run(cases::names);
    run(cases::roundabout_names);
}

#[test]
fn odd_names_are_kept() {
    run(cases::odd_names);
}

#[test]
fn every_intent_is_told_apart() {
    run(cases::intents);
    run(cases::bare);
}

#[test]
fn every_failure_is_one_record_of_what_was_asked() {
    run(cases::refusals);
    run(cases::failures);
}

/// The same by the entry of 32-bit programs.
#[test]
fn opens_by_32_bit() {
    if !by_32_bit::are_there() {
        audit_tests::skip!("there are no 32-bit calls");
    }
    type Table = fn(&Places) -> Vec<Case>;
    let tables: [Table; 6] = [
        cases::names,
        cases::roundabout_names,
        cases::intents,
        cases::bare,
        cases::refusals,
        cases::failures,
    ];
    for table in tables {
        let setup = Setup::on_kept_programs();
        let places = Places::make(&setup);
        let mut cases = table(&places);
        for case in &mut cases {
            let act = std::mem::take(&mut case.act);
            case.act = by_32_bit::narrow(by_32_bit::NARROW, act);
        }
        // Functions are passed by these calls as by all others.
        let setup = match opens_on_functions() {
            true => setup,
            false => by_32_bit::seen(setup),
        };
        run_on(setup, &places, &cases);
    }
}

/// Another name of a watched file is no way round; an exception by path holds for what has other names.
#[test]
fn other_names_are_no_way_round_and_exceptions_hold_for_them() {
    let setup = Setup::on_kept_programs();
    let places = Places::make(&setup);
    let (inside, alias) = (places.file(), places.outside.join("alias"));
    std::fs::hard_link(&inside, &alias).expect("link");
    let excepted = places.watched.join("sub/deep/file");
    std::fs::hard_link(&excepted, places.watched.join("sub/deep/twin")).expect("link");
    let except = format!(
        "exclude = [{{ paths = [\"{}/sub/**\"] }}]\n",
        places.watched.display()
    );
    let setup = setup
        .set("events.file.record", "true")
        .append(&places.watch(&OPERATIONS))
        .append(&except);
    let mut daemon = Daemon::start(&setup);
    let [by_alias, by_exception, made_later] = [
        open(&alias, WRONLY).run().pid,
        open(&excepted, RDONLY).run().pid,
        {
            std::fs::remove_dir_all(places.watched.join("sub")).expect("rm");
            std::fs::create_dir_all(places.watched.join("new/deep")).expect("mkdir");
            open(places.watched.join("new/deep/x"), WRONLY | CREAT)
                .run()
                .pid
        },
    ];
    let records = daemon.stop();
    let paths = |pid| -> Vec<String> {
        let records = of_process(&records, pid).into_iter();
        records
            .map(|record| record.str("file.path").to_owned())
            .collect()
    };
    assert_eq!(paths(by_alias), [alias.to_str().expect("UTF-8")]);
    assert_eq!(paths(by_exception), [""; 0]);
    let later = places.watched.join("new/deep/x");
    assert_eq!(paths(made_later), [later.to_str().expect("UTF-8")]);
}
