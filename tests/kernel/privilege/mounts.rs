//! Mounts that no watch is for. They are seen with what is done to watched files.

use std::path::{Path, PathBuf};

use audit_tests::acts::{Act, Acted, act};
use audit_tests::{Daemon, Record, Records, Setup};
use serde_json::{Value, json};

use super::NOBODY;
use crate::expect::assert_at;

const SOURCE: &str = "/audit-test";
const BIND: &str = "4096";
const REMOUNT_TO_READ: &str = "33";

/// A directory to mount on; nothing is left there.
struct Point(PathBuf);

impl Point {
    fn new(setup: &Setup, name: &str) -> Point {
        let path = setup.dir().join(name);
        std::fs::create_dir(&path).expect("mkdir");
        Point(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Point {
    fn drop(&mut self) {
        let detach = nix::mount::MntFlags::MNT_DETACH;
        while nix::mount::umount2(&self.0, detach).is_ok() {}
    }
}

fn setup(mounts: bool) -> Setup {
    Setup::on_kept_programs()
        .set("events.file.record", "true")
        .set("privilege.mounts", &mounts.to_string())
}

fn mount(act: Act, source: &str, point: &Path, kind: &str, flags: &str) -> Act {
    act.with(["mount", source])
        .with([point])
        .with([kind, flags])
}

fn umount(point: &Path) -> Act {
    act(["umount2"]).with([point]).with(["0"])
}

/// Does what succeeds. A mount is in use for the moment in which the daemon looks into it: then it is another process
/// that unmounts.
#[track_caller]
fn succeeds(act: &Act) -> Acted {
    for _ in 0..100 {
        let acted = act.done();
        match acted.number() {
            0 => return acted,
            errno => assert_eq!(errno, libc::EBUSY),
        }
    }
    panic!("busy all the time");
}

/// What is told of files by that process.
fn of_files(records: &Records, pid: u32) -> Vec<&Record> {
    let is_its = |record: &&Record| {
        let by_actor = record.num("actor.process.pid") == i64::from(pid);
        record.kind().starts_with("file.") && by_actor
    };
    records.iter().filter(is_its).collect()
}

/// The only record of it.
#[track_caller]
fn told(records: &Records, pid: u32) -> &Record {
    let found = of_files(records, pid);
    let lines: Vec<&str> = found.iter().map(|record| record.line.as_str()).collect();
    assert_eq!(found.len(), 1, "{lines:#?}");
    found[0]
}

/// An act, where it is done and what came of it; then source, type and options of the record, if it is of a mount.
type Case<'a> = (Act, &'a Path, Option<&'a str>, Value);

fn cases<'a>(at: &'a Path, to: &'a Path, missing: &'a Path) -> Vec<Case<'a>> {
    let bind = at.to_str().expect("UTF-8");
    let nobody = || act(["uid", &NOBODY.to_string()]);
    let tmpfs = |act, path| mount(act, SOURCE, path, "tmpfs", "0");
    let of_tmpfs = || json!([SOURCE, "tmpfs", null]);
    let remounted = mount(Act::new(), "none", at, "none", REMOUNT_TO_READ);
    let bound = mount(Act::new(), bind, to, "none", BIND);
    let unknown = mount(Act::new(), SOURCE, to, "no-such", "0");
    vec![
        (tmpfs(Act::new(), at), at, None, of_tmpfs()),
        (remounted, at, None, json!(["none", "none", "ro,remount"])),
        (bound, to, None, json!([bind, "none", "bind"])),
        (umount(to), to, None, Value::Null),
        (umount(to), to, Some("EINVAL"), Value::Null),
        (tmpfs(nobody(), to), to, Some("EPERM"), of_tmpfs()),
        (
            tmpfs(Act::new(), missing),
            missing,
            Some("ENOENT"),
            of_tmpfs(),
        ),
        (
            unknown,
            to,
            Some("ENODEV"),
            json!([SOURCE, "no-such", null]),
        ),
    ]
}

#[test]
fn what_is_mounted_and_unmounted_is_told_wherever_that_is() {
    let setup = setup(true);
    let (point, bound) = (Point::new(&setup, "point"), Point::new(&setup, "bound"));
    let missing = setup.dir().join("missing");
    let mut daemon = Daemon::start(&setup);
    let cases = cases(point.path(), bound.path(), &missing).into_iter();
    let acted: Vec<_> = cases
        .map(|(act, path, errno, mounted)| {
            let acted = match errno {
                None => succeeds(&act),
                Some(_) => act.done(),
            };
            (acted.pid, path, errno, mounted)
        })
        .collect();
    let records = daemon.stop();
    for (pid, path, errno, mounted) in acted {
        let record = told(&records, pid);
        let kind = match mounted {
            Value::Null => "file.umount",
            _ => "file.mount",
        };
        assert_eq!(record.kind(), kind, "{}", record.line);
        assert_at(record, "file.path", json!(path));
        assert_at(
            record,
            "status_code",
            errno.map_or(Value::Null, Value::from),
        );
        assert_at(record, "metadata.labels", Value::Null);
        assert_at(record, "count", Value::Null);
        let Value::Array(parts) = mounted else {
            continue;
        };
        let keys = ["mount_source", "fstype", "mount_options"];
        for (key, part) in keys.iter().zip(parts) {
            assert_at(record, &format!("file.xattributes.{key}"), part);
        }
    }
}

#[test]
fn nothing_of_it_is_told_if_nobody_wants_it() {
    let setup = setup(false);
    let point = Point::new(&setup, "point");
    let mut daemon = Daemon::start(&setup);
    let mounted = succeeds(&mount(Act::new(), SOURCE, point.path(), "tmpfs", "0"));
    let unmounted = succeeds(&umount(point.path()));
    let records = daemon.stop();
    for pid in [mounted.pid, unmounted.pid] {
        assert_eq!(of_files(&records, pid).len(), 0);
    }
}

/// Ten of each are told one by one, and then the others together. What fails is another act.
#[test]
fn what_is_mounted_again_and_again_is_told_as_one() {
    const TIMES: usize = 13;
    const EACH: usize = 10;
    let setup = setup(true);
    let point = Point::new(&setup, "point");
    let mut daemon = Daemon::start(&setup);
    let path = point.path().to_str().expect("UTF-8");
    for _ in 0..TIMES {
        succeeds(&mount(Act::new(), SOURCE, point.path(), "tmpfs", "0"));
        succeeds(&umount(point.path()));
    }
    let failed = umount(point.path()).done().pid;
    let records = daemon.stop();
    let record = told(&records, failed);
    assert_at(record, "status_code", "EINVAL");
    for kind in ["file.mount", "file.umount"] {
        let is_of = |one: &&Record| one.str("file.path") == path && one.num("status_id") == 1;
        let of_kind: Vec<&Record> = records.of_kind(kind).filter(is_of).collect();
        let (one_by_one, together): (Vec<&Record>, Vec<&Record>) =
            of_kind.iter().partition(|one| one.at("count").is_null());
        assert_eq!(one_by_one.len(), EACH, "{kind}");
        assert_eq!(together.len(), 1, "{kind}");
        assert_at(together[0], "count", TIMES - EACH);
        let first = one_by_one[0].str("metadata.uid");
        assert_at(together[0], "metadata.correlation_uid", first);
    }
}
