//! Ways to touch a watched file unseen: each is recorded, or is a miss that is named.
//!
//! Records are counted by what the file is (`file.uid`) and who opened it (the pid), whatever the
//! name was. What cannot be seen stands in one table, `misses`, and is asserted to be a miss.

mod attribution;
mod flood;
mod links;
mod misses;
mod mounts;
mod races;
mod ring_acts;
mod rings;

use std::fmt::Debug;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use audit_tests::acts::{Act, act};
use audit_tests::{Daemon, Record, Records, Setup};
use serde_json::{Value, json};

use crate::expect::{assert_at, file_uid};

const RDONLY: i32 = libc::O_RDONLY;
const WRONLY: i32 = libc::O_WRONLY;

/// A directory that is watched with all below it, a file that is watched by its name, and a
/// directory that is not watched.
struct Places {
    setup: Setup,
    tree: PathBuf,
    outside: PathBuf,
}

impl Places {
    fn new() -> Places {
        let setup = Setup::on_kept_programs();
        let places = Places {
            tree: setup.dir().join("tree"),
            outside: setup.dir().join("outside"),
            setup: setup.clone(),
        };
        for dir in [&places.tree, &places.tree.join("sub"), &places.outside] {
            std::fs::create_dir(dir).expect("mkdir");
            std::fs::set_permissions(dir, PermissionsExt::from_mode(0o755)).expect("chmod");
        }
        for file in [places.file(), places.deep(), places.plain(), places.other()] {
            std::fs::write(file, b"content").expect("write");
        }
        let watch = format!(
            "[[watch]]\nname = \"test\"\npaths = [\"{}/**\", \"{}\", \"{}/later/deep/**\"]\n\
             operations = [\"read\", \"write\", \"create\"]\n",
            places.tree.display(),
            places.plain().display(),
            setup.dir().display(),
        );
        let setup = setup.set("events.file.record", "true").append(&watch);
        Places { setup, ..places }
    }

    /// Watched by the tree.
    fn file(&self) -> PathBuf {
        self.tree.join("file")
    }

    fn deep(&self) -> PathBuf {
        self.tree.join("sub/deep")
    }

    /// Watched by its own name; its directory is not.
    fn plain(&self) -> PathBuf {
        self.outside.join("plain")
    }

    /// Watched by nobody.
    fn other(&self) -> PathBuf {
        self.outside.join("other")
    }

    fn start(&self) -> Daemon {
        Daemon::start(&self.setup)
    }
}

/// `WORDS… PATHS… FLAGS`
fn with<const N: usize>(words: &[&str], paths: [&Path; N], flags: i32) -> Act {
    act(words).with(paths).with([flags.to_string()])
}

/// `open PATH FLAGS MODE`
fn open(path: &Path, flags: i32) -> Act {
    with(&["open"], [path], flags).with(["0"])
}

/// Records of this file by this process, in their order.
fn of_file<'a>(records: &'a Records, pid: u32, uid: &str) -> Vec<&'a Record> {
    let of_pid = of_process(records, pid);
    let of_file = |record: &&Record| record.str("file.uid") == uid;
    of_pid.into_iter().filter(of_file).collect()
}

/// So many rounds, and a tenth of them where the CPU is an emulated one.
fn in_guests_less(rounds: usize) -> usize {
    if audit_tests::in_guest() {
        rounds / 10
    } else {
        rounds
    }
}

/// Its opens: what else it does to prepare them is `file_act`'s matter.
fn of_process(records: &Records, pid: u32) -> Vec<&Record> {
    const OPENS: [&str; 3] = ["file.open_read", "file.open_write", "file.create"];
    let ours = |record: &&Record| {
        OPENS.contains(&record.kind()) && record.num("actor.process.pid") == i64::from(pid)
    };
    records.iter().filter(ours).collect()
}

fn kinds<'a>(records: &[&'a Record]) -> Vec<&'a str> {
    records.iter().map(|record| record.kind()).collect()
}

/// All these opens were successful, and their file is as sure as can be.
#[track_caller]
fn assert_opens(records: &[&Record], source: Option<&str>) {
    for record in records {
        assert_at(record, "status_id", 1);
        let source = source.map_or(Value::Null, |source| json!(source));
        let said = &record.at("unmapped.source")["file.path"];
        assert_eq!(*said, source, "{}", record.line);
    }
}

/// Nothing was lost on the way, so that what is missing was not seen.
#[track_caller]
fn assert_whole_log(records: &Records) {
    let losses = records.losses();
    let lines: Vec<&str> = losses.iter().map(|record| record.line.as_str()).collect();
    assert_eq!(lines, [""; 0], "losses");
}

/// Programs on system calls are skipped now and then from 7.2 on; how many opens at most, as the log
/// tells it. Before that each open is there.
#[track_caller]
fn skipped(records: &Records) -> usize {
    let hook = |record: &&Record| record.str("unmapped.loss.stage") == "hook";
    let told = records.of_kind("daemon.loss").filter(hook);
    let skipped = told.map(|record| record.num("count")).sum::<i64>();
    assert!(
        skipped == 0 || audit_tests::kernel_version() >= (7, 0),
        "{skipped} skipped"
    );
    usize::try_from(skipped).expect("a count")
}

/// What was found is what was expected, in its order; only as many as were skipped are missing.
#[track_caller]
fn assert_all<T: PartialEq + Debug>(found: &[T], expected: &[T], skipped: usize) {
    if skipped == 0 {
        assert_eq!(found, expected);
    }
    let missing = expected.len().checked_sub(found.len());
    assert!(
        missing.is_some_and(|missing| missing <= skipped),
        "{} of {}, and {skipped} skipped",
        found.len(),
        expected.len()
    );
    let mut rest = expected.iter();
    for one in found {
        assert!(rest.any(|other| other == one), "not expected here: {one:?}");
    }
}

/// The act gets in, and the log has these kinds of opens of the file by it, no more.
#[track_caller]
fn assert_seen(places: &Places, act: &Act, file: &Path, expected: &[&str]) {
    let mut daemon = places.start();
    let acted = act.done();
    assert_eq!(acted.number(), 0, "the kernel refused it");
    let records = daemon.stop();
    assert_whole_log(&records);
    let found = of_file(&records, acted.pid, &file_uid(file));
    assert_all(&kinds(&found), expected, skipped(&records));
    assert_opens(&found, None);
}
