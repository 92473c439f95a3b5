//! Memory of another process, opened as a file. It is seen with the opens of watched files.

use audit_tests::acts::{Act, act};
use audit_tests::{Daemon, Record, Setup};
use serde_json::Value;

use super::{NOBODY, of, only, processes::Other};
use crate::expect::assert_at;

fn daemon() -> Daemon {
    Daemon::start(&Setup::on_kept_programs().set("events.file.record", "true"))
}

fn open(act: Act, path: &str, flags: i32) -> Act {
    act.with(["open", path, &flags.to_string(), "0"])
}

#[track_caller]
fn assert_opened(record: &Record) {
    assert_at(record, "status_detail", "opened /proc/PID/mem");
    assert_at(record, "base_address", Value::Null);
    assert_at(record, "size", Value::Null);
}

#[test]
fn opened_memory_is_told_as_what_it_allows_by_whatever_name() {
    let mut daemon = daemon();
    let other = Other::new();
    let pid = other.pid();
    let (whole, thread) = (
        format!("/proc/{pid}/mem"),
        format!("/proc/{pid}/task/{pid}/mem"),
    );
    let cases = [
        (Act::new(), &*whole, libc::O_RDWR, "priv.vm_write"),
        (Act::new(), &*whole, libc::O_WRONLY, "priv.vm_write"),
        (Act::new(), &*whole, libc::O_RDONLY, "priv.vm_read"),
        (Act::new(), &*thread, libc::O_RDWR, "priv.vm_write"),
        (
            act(["chdir", &format!("/proc/{pid}")]),
            "mem",
            libc::O_RDWR,
            "priv.vm_write",
        ),
    ];
    let acted = cases.map(|(act, path, flags, kind)| {
        let acted = open(act, path, flags).done();
        assert_eq!(acted.number(), 0, "{path}");
        (acted.pid, kind)
    });
    let records = daemon.stop();
    for (pid, kind) in acted {
        let record = only(&records, pid, kind);
        assert_eq!(of(&records, pid).len(), 1);
        other.assert_is_target(record);
        assert_at(record, "status_id", 1);
        assert_opened(record);
    }
}

#[test]
fn what_is_not_the_memory_of_another_is_not_told() {
    let setup = Setup::on_kept_programs().set("events.file.record", "true");
    let file = setup.dir().join("mem");
    std::fs::write(&file, b"no memory").expect("write");
    let mut daemon = Daemon::start(&setup);
    let other = Other::new();
    let pid = other.pid();
    let paths = [
        "/proc/self/mem".to_owned(),
        format!("/proc/{pid}/maps"),
        file.to_str().expect("UTF-8").to_owned(),
        // There is nobody.
        "/proc/4194303/mem".to_owned(),
    ];
    let acted = paths.map(|path| open(Act::new(), &path, libc::O_RDONLY).done().pid);
    // A handle that allows nothing; to open that again is another open.
    let handle = open(Act::new(), &format!("/proc/{pid}/mem"), libc::O_PATH).done();
    assert_eq!(handle.number(), 0);
    let records = daemon.stop();
    for pid in acted.into_iter().chain([handle.pid]) {
        assert_eq!(of(&records, pid).len(), 0);
    }
}

/// Two things are to be told of it: what was opened, and whose memory that is.
#[test]
fn memory_that_is_a_watched_file_is_told_as_both() {
    let other = Other::new();
    let path = format!("/proc/{}/mem", other.pid());
    let watch = format!(
        "[[watch]]\nname = \"memory\"\npaths = [\"{path}\"]\noperations = [\"read\", \"write\"]\n"
    );
    let setup = Setup::on_kept_programs().set("events.file.record", "true");
    let mut daemon = Daemon::start(&setup.append(&watch));
    let acted = open(Act::new(), &path, libc::O_RDWR).done();
    assert_eq!(acted.number(), 0);
    let denied = open(act(["uid", &NOBODY.to_string()]), &path, libc::O_RDONLY).done();
    assert_eq!(denied.number(), libc::EACCES);
    let records = daemon.stop();
    for (pid, kinds) in [
        (acted.pid, ["priv.vm_write", "file.open_write"]),
        (denied.pid, ["priv.vm_read", "file.open_read"]),
    ] {
        let its = |record: &&Record| record.num("actor.process.pid") == i64::from(pid);
        let all: Vec<&Record> = records.iter().filter(its).collect();
        for kind in kinds {
            let found = all.iter().filter(|record| record.kind() == kind).count();
            assert_eq!(found, 1, "{kind} of {path}");
        }
    }
}

#[test]
fn memory_that_nobody_may_open_is_told_with_whose_it_is() {
    let mut daemon = daemon();
    let other = Other::new();
    let path = format!("/proc/{}/mem", other.pid());
    let user = NOBODY.to_string();
    let acted = open(act(["uid", &user]), &path, libc::O_RDWR).done();
    assert_eq!(acted.number(), libc::EACCES);
    let read = open(act(["uid", &user]), &path, libc::O_RDONLY).done();
    assert_eq!(read.number(), libc::EACCES);
    let records = daemon.stop();
    for (pid, kind) in [(acted.pid, "priv.vm_write"), (read.pid, "priv.vm_read")] {
        let record = only(&records, pid, kind);
        other.assert_is_target(record);
        assert_at(record, "status_code", "EACCES");
        assert_at(record, "actor.process.euid", NOBODY);
        assert_opened(record);
    }
}
