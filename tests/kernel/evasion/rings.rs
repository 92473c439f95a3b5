//! io_uring: what it is asked for is recorded as what system calls are asked for, with the submitter as
//! actor. Kernels before 6.0 show no requests: there `misses` has them.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use audit_tests::acts::{Act, act};
use audit_tests::hooks::opens_on_functions;
use audit_tests::{Record, Records};
use serde_json::json;

use super::{Places, RDONLY, WRONLY, assert_whole_log};
use crate::expect::{assert_at, file_uid};

/// Do tracepoints hand over the requests of this kernel, or are their opens seen anyway?
pub fn are_seen() -> bool {
    opens_on_functions() || audit_tests::kernel_version() >= (6, 0)
}

/// Why nothing can be asked for, or seen, here.
pub fn why_not() -> Option<String> {
    if !are_seen() {
        return Some("this kernel shows no requests of io_uring".to_owned());
    }
    match open("plain", Path::new("/dev/null"), RDONLY)
        .done()
        .number()
    {
        0 => None,
        errno => Some(format!("io_uring is refused ({errno})")),
    }
}

/// Can a request do without a completion? It is also how one is cancelled by another that is linked to it.
fn completions_can_be_skipped() -> bool {
    audit_tests::kernel_version() >= (5, 17)
}

/// What a record is expected to say.
struct Expected {
    kind: &'static str,
    status: i64,
    code: Option<&'static str>,
    /// How its path may have been learnt.
    sources: &'static [Option<&'static str>],
    path: PathBuf,
    /// None where nothing tells it.
    uid: Option<String>,
}

/// A worker may do what would block, and shares the descriptors.
const BY_SHARED_FILE: &[Option<&str>] = &[None, Some("unproven")];
const BY_FILE: &[Option<&str>] = &[None];
/// Where there is no descriptor, or no completion: what is hooked on the kernel's function has both.
fn followed() -> &'static [Option<&'static str>] {
    match opens_on_functions() {
        true => BY_FILE,
        false => &[Some("userspace")],
    }
}
const AS_GIVEN: &[Option<&str>] = &[Some("string")];

fn opened(path: &Path, sources: &'static [Option<&'static str>]) -> Expected {
    Expected {
        kind: "file.open_write",
        status: 1,
        code: None,
        sources,
        path: path.to_owned(),
        uid: Some(file_uid(path)),
    }
}

fn refused(path: &Path, code: &'static str) -> Expected {
    Expected {
        status: 2,
        code: Some(code),
        sources: AS_GIVEN,
        uid: None,
        kind: "file.open_write",
        path: path.to_owned(),
    }
}

fn ring(how: &str, request: &str) -> Act {
    act(["ring", how, request])
}

fn open(how: &str, path: &Path, flags: i32) -> Act {
    ring(how, "open").with([path]).with([flags.to_string()])
}

/// Everything of this process that is about a file.
fn of_files(records: &Records, pid: u32) -> Vec<&Record> {
    let ours = |record: &&Record| {
        record.kind().starts_with("file.") && record.num("actor.process.pid") == i64::from(pid)
    };
    records.iter().filter(ours).collect()
}

/// Does it under a daemon and compares all that is recorded of it. Gives the records for more.
#[track_caller]
fn assert_recorded(places: &Places, act: &Act, errno: i32, expected: &[Expected]) -> Records {
    let mut daemon = places.start();
    let acted = act.done();
    assert_eq!(acted.number(), errno, "what the kernel said");
    let records = daemon.stop();
    assert_whole_log(&records);
    let found = of_files(&records, acted.pid);
    let kinds: Vec<&str> = found.iter().map(|record| record.kind()).collect();
    let wanted: Vec<&str> = expected.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, wanted);
    for (record, expected) in found.iter().zip(expected) {
        assert_record(record, expected);
    }
    records
}

#[track_caller]
fn assert_record(record: &Record, expected: &Expected) {
    assert_at(record, "status_id", expected.status);
    assert_at(record, "status_code", json!(expected.code));
    assert_at(record, "unmapped.via", "io_uring");
    assert_at(record, "file.path", json!(expected.path));
    let source = record.at("unmapped.source")["file.path"].as_str();
    assert!(expected.sources.contains(&source), "{}", record.line);
    let uid = json!(expected.uid);
    assert_at(record, "file.uid", uid);
    let unknown = record.at("unmapped.unknown").as_array();
    let is_unknown = unknown.is_some_and(|all| all.contains(&json!("status_id")));
    assert_eq!(is_unknown, expected.status == 0, "{}", record.line);
    assert_at(record, "actor.process.name", "audit-acts");
}

/// A success of each way in which it can be asked for.
#[test]
fn opens_that_succeed() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    for (how, sources) in [
        ("plain", BY_SHARED_FILE),
        ("full", BY_SHARED_FILE),
        ("async", BY_SHARED_FILE),
        ("sqpoll", BY_SHARED_FILE),
        ("direct", followed()),
    ] {
        let places = Places::new();
        let file = places.file();
        eprintln!("{how}");
        let act = open(how, &file, WRONLY);
        assert_recorded(&places, &act, 0, &[opened(&file, sources)]);
    }
}

/// What it does to the size is part of the open, whatever functions it passes.
#[test]
fn an_open_that_truncates_is_an_open_and_nothing_else() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    for how in ["plain", "async"] {
        let places = Places::new();
        let file = places.file();
        let act = open(how, &file, WRONLY | libc::O_TRUNC);
        assert_recorded(&places, &act, 0, &[opened(&file, BY_SHARED_FILE)]);
        assert_eq!(std::fs::read(&file).expect("read"), b"");
    }
}

/// No completion tells it: an attempt that may have succeeded.
#[test]
fn a_success_without_completion_is_recorded_as_unknown() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    if !completions_can_be_skipped() {
        audit_tests::skip!("each request has a completion here");
    }
    let places = Places::new();
    let file = places.file();
    let is_unknown = audit_tests::differs!("requests-without-completion-are-unknown");
    let attempt = || Expected {
        status: i64::from(!is_unknown),
        ..opened(&file, followed())
    };
    assert_recorded(&places, &open("skip", &file, WRONLY), 0, &[attempt()]);
    // Its failure does have one.
    let places = Places::new();
    let directory = places.tree.join("sub");
    let attempt = Expected {
        status: 0,
        ..opened(&directory, followed())
    };
    let act = open("skip,fails", &directory, WRONLY);
    let failure = refused(&directory, "EISDIR");
    let expected = match is_unknown {
        true => vec![attempt, failure],
        false => vec![failure],
    };
    assert_recorded(&places, &act, libc::EISDIR, &expected);
}

#[test]
fn opens_that_fail() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    for how in ["plain", "async", "sqpoll", "full", "direct"] {
        eprintln!("{how}");
        let places = Places::new();
        let missing = places.tree.join("missing");
        let expected = [refused(&missing, "ENOENT")];
        let act = open(how, &missing, WRONLY);
        assert_recorded(&places, &act, libc::ENOENT, &expected);
    }
    if !completions_can_be_skipped() {
        return;
    }
    let places = Places::new();
    let file = places.file();
    let act = open("cancelled", &file, WRONLY);
    // What never came to the function is nothing that it could tell.
    let expected = match audit_tests::differs!("cancelled-requests-are-not-told") {
        true => vec![],
        false => vec![refused(&file, "ECANCELED")],
    };
    assert_recorded(&places, &act, 0, &expected);
}

/// What it was is told by the file, not by the name.
#[test]
fn a_link_is_no_way_round() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    for (how, sources) in [
        ("plain", BY_SHARED_FILE),
        ("async", BY_SHARED_FILE),
        ("sqpoll", BY_SHARED_FILE),
        ("direct", followed()),
    ] {
        eprintln!("{how}");
        let places = Places::new();
        let link = places.outside.join("link");
        symlink(places.file(), &link).expect("symlink");
        let act = open(how, &link, WRONLY);
        assert_recorded(&places, &act, 0, &[opened(&places.file(), sources)]);
    }
}

#[test]
fn what_nobody_watches_is_not_recorded() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    let skip = completions_can_be_skipped().then_some("skip");
    for how in ["plain", "async", "sqpoll", "direct"]
        .into_iter()
        .chain(skip)
    {
        eprintln!("{how}");
        let places = Places::new();
        let act = open(how, &places.other(), RDONLY);
        assert_recorded(&places, &act, 0, &[]);
    }
}

/// The credentials are those that the request is done with.
#[test]
fn a_personality_is_who_acts() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    for (how, uid) in [("personality", "0"), ("plain", "65534")] {
        let places = Places::new();
        let file = places.file();
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o666))
            .expect("chmod");
        let act = match how {
            "plain" => act(["uid", "65534", "ring", how, "open"]),
            _ => ring(how, "open"),
        };
        let act = act.with([&file]).with([WRONLY.to_string()]);
        let expected = [opened(&file, BY_SHARED_FILE)];
        let records = assert_recorded(&places, &act, 0, &expected);
        let record = records.of_kind("file.open_write").next().expect("a record");
        assert_at(record, "actor.process.user.uid", uid);
    }
}
