//! No false attribution: several users at the same files, each record held against what the process
//! says that it did.

use std::os::unix::fs::PermissionsExt;
use std::process::Child;

use audit_tests::acts::act;
use audit_tests::{Record, in_guest};

use super::{Places, assert_all, assert_whole_log, of_process, skipped};
use crate::expect::{assert_at, file_uid};

const USERS: u32 = 8;
const FIRST_UID: u32 = 41_001;
const FILES: u32 = 16;
/// For each process; eight of them are far from filling a ring.
const RATE: u32 = 250;
/// Longer by `AUDIT_TEST_MIXTURE_SECONDS`.
const SECONDS: u32 = 10;

/// One open as the process tells it: flags, name, errno.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    kind: &'static str,
    path: String,
    /// "" is success.
    result: &'static str,
}

fn told(line: &str, dir: &str) -> Told {
    let words: Vec<&str> = line.split(' ').collect();
    let [flags, name, errno] = words[..] else {
        panic!("flags, name, errno: {line:?}");
    };
    let results = [(0, ""), (libc::EACCES, "EACCES"), (libc::ENOENT, "ENOENT")];
    let errno: i32 = errno.parse().expect("a number");
    let result = results.iter().find(|(number, _)| *number == errno);
    Told {
        kind: match flags {
            "0" => "file.open_read",
            _ => "file.open_write",
        },
        path: format!("{dir}/{name}"),
        result: result.unwrap_or_else(|| panic!("a result: {line:?}")).1,
    }
}

fn seen(record: &Record) -> Told {
    Told {
        kind: match record.kind() {
            "file.open_read" => "file.open_read",
            "file.open_write" => "file.open_write",
            other => panic!("{other}: {}", record.line),
        },
        path: record.str("file.path").to_owned(),
        result: match (record.num("status_id"), record.str("status_code")) {
            (1, "") => "",
            (2, "EACCES") => "EACCES",
            (2, "ENOENT") => "ENOENT",
            other => panic!("{other:?}: {}", record.line),
        },
    }
}

/// Files for all, to read only, and for nobody but one user.
fn make_files(places: &Places) {
    for number in 0..FILES {
        let file = places.tree.join(number.to_string());
        std::fs::write(&file, b"content").expect("write");
        let (mode, owner) = match number % 4 {
            0 => (0o666, 0),
            1 => (0o644, 0),
            2 => (0o600, 0),
            _ => (0o640, FIRST_UID + number % USERS),
        };
        std::fs::set_permissions(&file, PermissionsExt::from_mode(mode)).expect("chmod");
        std::os::unix::fs::chown(&file, Some(owner), None).expect("chown");
    }
}

fn seconds() -> u32 {
    let asked = std::env::var("AUDIT_TEST_MIXTURE_SECONDS").ok();
    let usual = if in_guest() { SECONDS / 3 } else { SECONDS };
    asked.map_or(usual, |text| text.parse().expect("seconds"))
}

#[test]
fn eight_users_at_the_same_files_are_never_mixed_up() {
    let places = Places::new();
    make_files(&places);
    let dir = places.tree.to_str().expect("UTF-8");
    let rate = if in_guest() { RATE / 10 } else { RATE };
    let mut daemon = places.start();
    let start = |user: u32| {
        let uid = (FIRST_UID + user).to_string();
        let [seed, seconds, rate, files] = [user + 1, seconds(), rate, FILES];
        let numbers = [seed, seconds, rate].map(|number| number.to_string());
        // Each as another user, and as another group.
        act(["gid", &uid, "uid", &uid, "mixture"])
            .with(numbers)
            .with([dir, &files.to_string()])
            .start()
    };
    let children: Vec<Child> = (0..USERS).map(start).collect();
    let said: Vec<(u32, String)> = children
        .into_iter()
        .map(|child| {
            let pid = child.id();
            let output = child.wait_with_output().expect("wait");
            assert!(output.status.success(), "{:?}", output.status);
            (pid, String::from_utf8(output.stdout).expect("UTF-8"))
        })
        .collect();
    let records = daemon.stop();
    assert_whole_log(&records);
    for (uid, (pid, log)) in (FIRST_UID..).zip(&said) {
        let log: Vec<Told> = log.lines().map(|line| told(line, dir)).collect();
        assert_eq!(log.len(), (seconds() * rate) as usize);
        for result in ["", "EACCES", "ENOENT"] {
            let met = log.iter().any(|told| told.result == result);
            assert!(met, "{result:?} never happened to {uid}");
        }
        let found = of_process(&records, *pid);
        for record in &found {
            of_user(record, uid);
        }
        let found: Vec<Told> = found.into_iter().map(seen).collect();
        assert_all(&found, &log, skipped(&records));
    }
}

#[track_caller]
fn of_user(record: &Record, uid: u32) {
    assert_at(record, "actor.process.euid", uid);
    assert_at(record, "actor.process.egid", uid);
    assert_at(record, "actor.process.user.uid", uid.to_string());
    assert_at(record, "actor.process.name", "audit-acts");
    if record.succeeded() {
        let path = record.str("file.path");
        assert_at(record, "file.uid", file_uid(path.as_ref()));
    }
}
