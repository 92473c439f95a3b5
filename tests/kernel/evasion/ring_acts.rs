//! io_uring: what it removes, renames, makes, links and marks is recorded as what system calls do so.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use audit_tests::acts::{Act, act};
use audit_tests::{Record, Records};
use serde_json::json;

use super::rings;
use super::{Places, assert_whole_log};
use crate::expect::{assert_at, file_uid};

/// Far longer than an act takes.
const PATIENCE: Duration = Duration::from_secs(20);
const AT_REMOVEDIR: &str = "512";

/// One request, and what is to be read of it.
struct Case {
    request: &'static str,
    /// Paths, as `Places` has them, and other words.
    words: fn(&Places) -> Vec<PathBuf>,
    kind: &'static str,
    errno: i32,
    code: Option<&'static str>,
    /// Of the file that the record is about.
    path: fn(&Places) -> PathBuf,
    result: Option<fn(&Places) -> PathBuf>,
}

fn word(text: &str) -> PathBuf {
    PathBuf::from(text)
}

fn new(places: &Places) -> PathBuf {
    places.tree.join("new")
}

fn empty(places: &Places) -> PathBuf {
    places.tree.join("empty")
}

fn missing(places: &Places) -> PathBuf {
    places.tree.join("missing")
}

const fn done(
    request: &'static str,
    words: fn(&Places) -> Vec<PathBuf>,
    kind: &'static str,
    path: fn(&Places) -> PathBuf,
) -> Case {
    Case {
        request,
        words,
        kind,
        errno: 0,
        code: None,
        path,
        result: None,
    }
}

const fn failed(errno: i32, code: &'static str, case: Case) -> Case {
    Case {
        errno,
        code: Some(code),
        ..case
    }
}

const fn to(result: fn(&Places) -> PathBuf, case: Case) -> Case {
    Case {
        result: Some(result),
        ..case
    }
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    done("unlink", |p| vec![p.file(), word("0")], "file.delete", Places::file),
    done("unlink", |p| vec![empty(p), word(AT_REMOVEDIR)], "file.rmdir", empty),
    done("mkdir", |p| vec![new(p), word("448")], "file.mkdir", new),
    to(new, done("rename", |p| vec![p.file(), new(p), word("0")], "file.rename", Places::file)),
    to(new, done("rename", |p| vec![p.other(), new(p), word("0")], "file.rename", Places::other)),
    to(new, done("link", |p| vec![p.other(), new(p), word("0")], "file.link", Places::other)),
    done("symlink", |p| vec![p.other(), new(p)], "file.symlink", new),
    done("setxattr", |p| vec![p.file(), word("trusted.a"), word("v")], "file.setxattr", Places::file),
    done("fsetxattr", |p| vec![p.file(), word("trusted.a"), word("v")], "file.setxattr", Places::file),
    failed(libc::ENOENT, "ENOENT",
        done("unlink", |p| vec![missing(p), word("0")], "file.delete", missing)),
    failed(libc::EEXIST, "EEXIST",
        done("mkdir", |p| vec![p.tree.join("sub"), word("448")], "file.mkdir", |p| p.tree.join("sub"))),
    failed(libc::ENOTEMPTY, "ENOTEMPTY",
        done("unlink", |p| vec![p.tree.join("sub"), word(AT_REMOVEDIR)], "file.rmdir", |p| p.tree.join("sub"))),
    to(new, failed(libc::ENOENT, "ENOENT",
        done("rename", |p| vec![missing(p), new(p), word("0")], "file.rename", missing))),
];

fn places() -> Places {
    let places = Places::new();
    std::fs::create_dir(empty(&places)).expect("mkdir");
    let watch = format!(
        "[[watch]]\nname = \"acts\"\npaths = [\"{}/**\"]\n\
         operations = [\"create\", \"delete\", \"rename\", \"link\", \"attributes\"]\n",
        places.tree.display(),
    );
    Places {
        setup: places.setup.clone().append(&watch),
        ..places
    }
}

fn asked(places: &Places, how: &str, case: &Case) -> Act {
    act(["ring", how, case.request]).with((case.words)(places))
}

/// What came by io_uring.
fn by_ring(records: &Records, pid: u32) -> Vec<&Record> {
    let ours = |record: &&Record| {
        record.num("actor.process.pid") == i64::from(pid)
            && *record.at("unmapped.via") == json!("io_uring")
    };
    records.iter().filter(ours).collect()
}

#[track_caller]
fn assert_case(how: &str, case: &Case) {
    eprintln!("{how} {} {:?}", case.request, case.code);
    let places = places();
    let mut daemon = places.start();
    let acted = asked(&places, how, case).done();
    assert_eq!(acted.number(), case.errno, "what the kernel said");
    let records = daemon.stop();
    assert_whole_log(&records);
    let found = by_ring(&records, acted.pid);
    let kinds: Vec<&str> = found.iter().map(|record| record.kind()).collect();
    assert_eq!(kinds, [case.kind]);
    let record = found[0];
    assert_at(record, "status_id", if case.errno == 0 { 1 } else { 2 });
    assert_at(record, "status_code", json!(case.code));
    assert_at(record, "file.path", json!((case.path)(&places)));
    let result = case.result.map(|result| result(&places));
    assert_at(record, "file_result.path", json!(result));
    assert_at(record, "actor.process.name", "audit-acts");
    let source = record.at("unmapped.source")["file.path"].as_str();
    match case.request {
        // The object is the kernel's, but a worker shares the descriptors.
        "fsetxattr" => assert!(
            [None, Some("unproven")].contains(&source),
            "{}",
            record.line
        ),
        _ => assert_eq!(source, Some("userspace"), "{}", record.line),
    }
}

/// Why nothing can be asked for, or seen, here.
fn why_not() -> Option<String> {
    // Whatever else is hooked, these are told by tracepoints.
    match audit_tests::kernel_version() >= (6, 0) {
        true => rings::why_not(),
        false => Some("this kernel shows no requests of io_uring".to_owned()),
    }
}

#[test]
fn each_act_is_one_record() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    for case in CASES {
        assert_case("plain", case);
    }
}

#[test]
fn who_takes_it_up_makes_no_difference() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    for how in ["sqpoll", "async", "full"] {
        for case in [&CASES[0], &CASES[3], &CASES[8], &CASES[9]] {
            assert_case(how, case);
        }
    }
}

/// No completion tells it: an attempt that may have succeeded. Of these requests the kernel does not even
/// tell the failure then.
#[test]
fn an_act_without_completion_is_recorded_as_unknown() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    let places = places();
    let mut daemon = places.start();
    let gone = asked(&places, "skip", &CASES[0]).done();
    let deadline = Instant::now() + PATIENCE;
    while places.file().exists() {
        assert!(Instant::now() < deadline, "it is never removed");
        std::thread::yield_now();
    }
    let failed = asked(&places, "skip", &CASES[9]).done();
    assert_eq!((gone.number(), failed.number()), (0, 0));
    let records = daemon.stop();
    let told = |pid| -> Vec<(&str, i64)> {
        let records = by_ring(&records, pid).into_iter();
        records
            .map(|one| (one.kind(), one.num("status_id")))
            .collect()
    };
    assert_eq!(told(gone.pid), [("file.delete", 0)]);
    assert_eq!(told(failed.pid), [("file.delete", 0)]);
}

#[test]
fn what_nobody_watches_is_not_recorded() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    let places = places();
    let mut daemon = places.start();
    let acts = [
        ("mkdir", places.outside.join("a"), "448"),
        ("unlink", places.other(), "0"),
        ("setxattr", places.outside.clone(), "trusted.a"),
    ];
    for (request, path, word) in acts {
        let act = act(["ring", "plain", request])
            .with([path])
            .with([word, "v"]);
        assert_eq!(act.done().number(), 0, "{request}");
    }
    let records = daemon.stop();
    assert_whole_log(&records);
    let via = |record: &&Record| *record.at("unmapped.via") == json!("io_uring");
    assert_eq!(records.iter().filter(via).count(), 0);
}

/// A directory is moved below a watched one and opened in at once: no verdict from before is used.
#[test]
fn what_is_moved_in_is_watched_at_once() {
    if let Some(why) = why_not() {
        audit_tests::skip!("{why}");
    }
    let places = places();
    let (before, after) = (places.outside.join("d"), places.tree.join("d"));
    std::fs::create_dir(&before).expect("mkdir");
    std::fs::write(before.join("f"), b"").expect("write");
    let uid = file_uid(&before.join("f"));
    let mut daemon = places.start();
    let words = [before, after, word("0")];
    let acted = act(["ring", "opens", "rename"]).with(words).done();
    assert_eq!(acted.number(), 0);
    let records = daemon.stop();
    assert_whole_log(&records);
    assert_eq!(by_ring(&records, acted.pid).len(), 1);
    assert_eq!(super::of_file(&records, acted.pid, &uid).len(), 1);
}
