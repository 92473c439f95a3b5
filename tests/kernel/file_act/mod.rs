//! Changes of watched files by name or descriptor: each is one record and a true one.
//!
//! The tables are the test: what is done, and what the log must say of it. What each act comes to is
//! also tested without a daemon, so that a table that lies is told from a record that does.

mod by_32_bit;
mod cases_attributes;
mod cases_delete;
mod cases_elsewhere;
mod cases_made;
mod cases_make;
mod cases_mode;
mod cases_mount;
mod cases_move;
mod cases_names;
mod cases_roots;
mod cases_times;
mod now;

use std::path::Path;

use audit_tests::acts::{Act, Acted, act};
use audit_tests::{Daemon, Record, Setup};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use serde_json::{Value, json};

use crate::expect::assert_at;
use crate::watched::{NOBODY, Places, of_process, shown, watch_all};

const OPERATIONS: [&str; 7] = [
    "write",
    "create",
    "delete",
    "rename",
    "link",
    "attributes",
    "mount",
];

/// What a record must say.
pub struct Expected {
    kind: &'static str,
    errno: Option<&'static str>,
    fields: Vec<(&'static str, Value)>,
}

impl Expected {
    fn at(mut self, field: &'static str, value: impl Into<Value>) -> Expected {
        self.fields.push((field, value.into()));
        self
    }

    /// With the name that came of it.
    fn to(self, path: impl AsRef<Path>) -> Expected {
        self.at("file_result.path", shown(path.as_ref()))
    }

    fn refused(mut self, errno: &'static str) -> Expected {
        self.errno = Some(errno);
        self
    }
}

/// An act, what it comes to, and its records in their order.
pub struct Case {
    name: &'static str,
    act: Act,
    errno: Option<&'static str>,
    expected: Vec<Expected>,
}

fn file(kind: &'static str, path: impl AsRef<Path>) -> Expected {
    Expected {
        kind,
        errno: None,
        fields: vec![("file.path", shown(path.as_ref()).into())],
    }
}

fn one(name: &'static str, act: Act, expected: Expected) -> Case {
    Case {
        name,
        act,
        errno: expected.errno,
        expected: vec![expected],
    }
}

/// An act that is nobody's business.
fn none(name: &'static str, act: Act) -> Case {
    Case {
        name,
        act,
        errno: None,
        expected: Vec::new(),
    }
}

/// `CALL PATH`
fn call(name: &str, path: impl AsRef<Path>) -> Act {
    act([name]).with([path.as_ref()])
}

/// Steps of a process without privileges.
fn nobody() -> Act {
    act(["uid", NOBODY])
}

/// Steps of a process that works in this directory.
fn in_dir(dir: impl AsRef<Path>) -> Act {
    act(["chdir"]).with([dir.as_ref()])
}

/// The errno by its name; 0 if there was none.
fn errno_name(number: i32) -> String {
    match number {
        0 => "none".to_owned(),
        number => format!("{:?}", Errno::from_raw(number)),
    }
}

/// Does the act, which must come to what the case says. A mount is in use for the moment in which the
/// daemon looks into it: then it is another process that unmounts.
#[track_caller]
fn acted(case: &Case) -> Acted {
    let mut acted = case.act.done();
    for _ in 0..100 {
        if case.errno.is_some() || acted.number() != Errno::EBUSY as i32 {
            break;
        }
        acted = case.act.done();
    }
    let came_to = errno_name(acted.number());
    assert_eq!(came_to, case.errno.unwrap_or("none"), "{}", case.name);
    acted
}

#[track_caller]
fn check(case: &Case, record: &Record, expected: &Expected) {
    let line = &record.line;
    assert_eq!(record.kind(), expected.kind, "{}: {line}", case.name);
    for (field, value) in &expected.fields {
        assert_eq!(record.at(field), value, "{}: {field} of {line}", case.name);
    }
    assert_at(record, "metadata.labels", json!(["watch:test", "zone:pci"]));
    assert_at(record, "actor.process.name", "audit-acts");
    match expected.errno {
        Some(errno) => {
            assert_at(record, "status_id", 2);
            assert_at(record, "status_code", errno);
        }
        None => {
            assert_at(record, "status_id", 1);
            assert_at(record, "status_code", Value::Null);
        }
    }
}

/// Does all under one daemon with this watch.
fn check_all(setup: Setup, watch: &str, cases: &[Case]) {
    let setup = setup.set("events.file.record", "true").append(watch);
    let mut daemon = Daemon::start(&setup);
    let pids: Vec<u32> = cases.iter().map(|case| acted(case).pid).collect();
    let records = daemon.stop();
    for (case, pid) in cases.iter().zip(pids) {
        let found = of_process(&records, pid);
        let lines: Vec<&str> = found.iter().map(|record| record.line.as_str()).collect();
        let (count, name) = (case.expected.len(), case.name);
        assert_eq!(found.len(), count, "{name}: {lines:#?}");
        for (record, expected) in found.into_iter().zip(&case.expected) {
            check(case, record, expected);
        }
    }
}

type Table = fn(&Places) -> Vec<Case>;

fn run(tables: &[Table]) {
    run_for(&OPERATIONS, tables);
}

fn run_for(operations: &[&str], tables: &[Table]) {
    let setup = Setup::on_kept_programs();
    let (mut all, mut cases) = (Vec::new(), Vec::new());
    for (number, table) in tables.iter().enumerate() {
        // Each finds its places as if it were alone.
        let places = Places::make_below(&setup, &number.to_string());
        cases.extend(table(&places));
        all.push(places);
    }
    check_all(setup, &watch_all(&all, operations), &cases);
}

const DELETING: [Table; 4] = [
    cases_delete::names,
    cases_delete::directories,
    cases_delete::failures,
    cases_delete::directory_failures,
];
const MAKING: [Table; 6] = [
    cases_make::directories,
    cases_make::nodes,
    cases_make::links,
    cases_make::symbolic_links,
    cases_make::failures,
    cases_make::link_failures,
];
const MOVING: [Table; 5] = [
    cases_move::names,
    cases_move::across,
    cases_move::over,
    cases_move::failures,
    cases_move::whole,
];
const ODD: [Table; 3] = [cases_names::odd, cases_names::longest, cases_names::outside];
const MODES: [Table; 7] = [
    cases_mode::sizes,
    cases_mode::modes,
    cases_mode::entries,
    cases_mode::no_descriptors,
    cases_mode::owners,
    cases_mode::failures,
    cases_mode::mode_failures,
];
const MADE: [Table; 3] = [
    cases_made::by_umask,
    cases_made::by_directory,
    cases_made::without_setgid,
];
const TIMES: [Table; 3] = [
    cases_times::set,
    cases_times::by_descriptor,
    cases_times::failures,
];
const ROOTS: [Table; 2] = [cases_roots::changed, cases_roots::failures];
const TREES: [Table; 3] = [
    cases_roots::trees,
    cases_roots::trees_with_attributes,
    cases_roots::tree_failures,
];
const ATTRIBUTES: [Table; 3] = [
    cases_attributes::set,
    cases_attributes::removed,
    cases_attributes::failures,
];

#[test]
fn every_deletion_is_one_record() {
    run(&DELETING);
}

#[test]
fn everything_that_is_made_is_one_record() {
    run(&MAKING);
}

#[test]
fn every_move_is_one_record_of_both_names() {
    run(&MOVING);
}

#[test]
fn odd_names_are_kept_and_what_is_outside_is_not() {
    run(&ODD);
}

#[test]
fn every_change_of_size_mode_and_owner_is_one_record() {
    run(&MODES);
}

#[test]
fn permissions_are_those_that_came_to_be() {
    run(&MADE);
}

#[test]
fn every_change_of_an_attribute_is_one_record() {
    run(&ATTRIBUTES);
}

#[test]
fn times_are_recorded_where_a_watch_asks_for_them() {
    run_for(&["times"], &TIMES);
    run(&[cases_times::unasked]);
}

#[test]
fn every_change_of_the_root_is_one_record() {
    run(&ROOTS);
}

#[test]
fn every_pivot_is_one_record() {
    let setup = Setup::new();
    let places = Places::make(&setup);
    let probe = act(["apart", "bind"]).with([&places.outside]);
    let probe = probe.with(["chdir"]).with([&places.outside]);
    let probe = probe.with(["pivot", ".", "."]).run();
    if !probe.status.success() || probe.number() != 0 {
        audit_tests::skip!("mount namespaces or pivot_root are refused");
    }
    run(&[cases_roots::pivoted]);
}

#[test]
fn every_tree_that_is_cloned_is_one_record() {
    let setup = Setup::new();
    if let Err(error) = may_mount(&Places::make(&setup)) {
        audit_tests::skip!("cannot mount here: {error}");
    }
    run(&TREES);
}

#[test]
fn another_root_is_no_way_round() {
    run(&[cases_elsewhere::below_another_root]);
}

#[test]
fn another_mount_namespace_is_no_way_round() {
    if !act(["apart", "exit", "0"]).run().status.success() {
        audit_tests::skip!("mount namespaces are refused");
    }
    run(&[cases_elsewhere::in_another_namespace]);
}

/// Takes what is still mounted there away, so that the directory can be removed.
struct Unmounted<'a>(&'a Path);

impl Drop for Unmounted<'_> {
    fn drop(&mut self) {
        while umount2(self.0, MntFlags::MNT_DETACH).is_ok() {}
    }
}

/// Whether a file system can be mounted here.
fn may_mount(places: &Places) -> Result<(), Errno> {
    let nothing = None::<&Path>;
    let place = &places.outside;
    mount(nothing, place, Some("tmpfs"), MsFlags::empty(), nothing)?;
    umount2(place, MntFlags::empty())
}

#[test]
fn every_mount_is_one_record() {
    let setup = Setup::on_kept_programs();
    let places = Places::make(&setup);
    if let Err(error) = may_mount(&places) {
        audit_tests::skip!("cannot mount here: {error}");
    }
    let point = places.made_dir("mnt");
    let _unmounted = Unmounted(&point);
    let cases = cases_mount::all(&places, &point);
    check_all(setup, &places.watch(&OPERATIONS), &cases);
}

#[test]
fn every_act_comes_to_what_its_case_says() {
    let tables = [
        &DELETING[..],
        &MAKING,
        &MOVING,
        &ODD,
        &MODES,
        &MADE,
        &TIMES,
        &ROOTS,
        &ATTRIBUTES,
    ];
    let mut count = 0;
    for table in tables.into_iter().flatten() {
        let setup = Setup::new();
        let places = Places::make(&setup);
        let cases = table(&places);
        cases.iter().for_each(|case| {
            acted(case);
        });
        count += cases.len();
    }
    println!("{count} acts");
    assert!(count >= 90, "{count} acts");
}

#[test]
fn every_mount_comes_to_what_its_case_says() {
    let setup = Setup::new();
    let places = Places::make(&setup);
    if let Err(error) = may_mount(&places) {
        audit_tests::skip!("cannot mount here: {error}");
    }
    let point = places.made_dir("mnt");
    let _unmounted = Unmounted(&point);
    for case in cases_mount::all(&places, &point) {
        acted(&case);
    }
}
