//! Excluded programs: by what they are and what is in them, never by their names alone.
//!
//! Each test runs copies of the acts' program, changes them, and knows each access by its process. That
//! the daemon has decided about an access is known by the record of a later one.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Instant, SystemTime};

use audit_tests::acts::{self, Act, act, waiting};
use audit_tests::daemon::patience;
use audit_tests::{Daemon, Record, Records, Setup};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::expect::assert_at;
use crate::watched::{Places, of_process};

/// A daemon that excludes a copy of the acts' program.
struct Excluding {
    daemon: Daemon,
    places: Places,
    program: PathBuf,
}

impl Excluding {
    fn start() -> Excluding {
        Excluding::start_after(|_| ()).0
    }

    /// The daemon starts once this was done with the program.
    fn start_after<T>(before: impl FnOnce(&Path) -> T) -> (Excluding, T) {
        let setup = Setup::on_kept_programs();
        let places = Places::make(&setup);
        let program = places.outside.join("program");
        std::fs::copy(acts::program(), &program).expect("copy");
        let exclude = format!("exclude = [{{ executables = [{program:?}] }}]\n");
        let setup = setup
            .set("events.file.record", "true")
            .append(&places.watch(&["read"]))
            .append(&exclude);
        let done = before(&program);
        let excluding = Excluding {
            daemon: Daemon::start(&setup),
            places,
            program,
        };
        (excluding, done)
    }

    /// Reads the watched file.
    fn reading(&self) -> Act {
        act(["open"]).with([self.places.file()]).with(["0", "0"])
    }

    /// The same by a new process of this program; which one.
    fn read_by(&self, program: &Path) -> u32 {
        self.reading().run_by(waiting(program)).pid
    }

    /// Waits until what was done before is decided.
    fn settled(&self) -> Records {
        let marker = self.read_by(&acts::program());
        self.daemon.wait_for("the marker's access", |records| {
            !of_process(records, marker).is_empty()
        })
    }

    /// Waits for the record of the program's nth change.
    fn changed(&self, nth: usize) -> Record {
        let records = self.daemon.wait_for("a changed program", |records| {
            changes(records, &self.program).len() >= nth
        });
        changes(&records, &self.program)[nth - 1].clone()
    }

    /// Runs the program until an access of it is not recorded; how many were.
    fn read_until_excluded(&self) -> usize {
        let deadline = Instant::now() + patience();
        let mut recorded = 0;
        while Instant::now() < deadline {
            let pid = self.read_by(&self.program);
            match of_process(&self.settled(), pid).len() {
                0 => return recorded,
                count => recorded += count,
            }
        }
        panic!("the program is not excluded again: {recorded} records");
    }

    fn append(&self) {
        let mut file = OpenOptions::new()
            .append(true)
            .open(&self.program)
            .expect("open");
        file.write_all(b"!").expect("write");
    }
}

/// What was said of a program.
fn changes<'r>(records: &'r Records, program: &Path) -> Vec<&'r Record> {
    let of_kind = records.of_kind("daemon.config");
    of_kind
        .filter(|record| record.str("entity.name") == program.to_str().expect("UTF-8"))
        .collect()
}

fn uid(program: &Path) -> String {
    let bytes = std::fs::read(program).expect("read");
    let digits = Sha256::digest(bytes);
    let digits = digits.iter().map(|byte| format!("{byte:02x}"));
    format!("sha256:{}", digits.collect::<String>())
}

#[track_caller]
fn assert_said(record: &Record, before: &str, now: &str) {
    assert_at(record, "type_uid", 300_403);
    assert_at(record, "status_id", 1);
    assert_at(record, "actor", Value::Null);
    assert_at(record, "entity.uid", before);
    assert_at(record, "entity_result.uid", now);
    for entity in ["entity", "entity_result"] {
        assert_at(record, &format!("{entity}.type"), "Excluded program");
    }
    let name = record.str("entity.name").to_owned();
    assert_at(record, "entity_result.name", name);
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.expect("after 1970").as_millis() as i64
}

#[track_caller]
fn assert_count(records: &Records, pid: u32, expected: usize, what: &str) {
    let found = of_process(records, pid);
    let lines: Vec<&str> = found.iter().map(|record| record.line.as_str()).collect();
    assert_eq!(lines.len(), expected, "{what}: {lines:#?}");
}

#[test]
fn a_copy_of_an_excluded_program_is_recorded_and_another_name_of_it_is_not() {
    let mut all = Excluding::start();
    let copy = all.places.outside.join("copy");
    std::fs::copy(&all.program, &copy).expect("copy");
    let by_program = all.read_by(&all.program);
    let by_copy = all.read_by(&copy);
    all.settled();
    // A link is a change of the inode, and the contents stay: nothing is to be said.
    let link = all.places.outside.join("another");
    std::fs::hard_link(&all.program, &link).expect("link");
    all.read_until_excluded();
    let by_link = all.read_by(&link);
    let records = all.daemon.stop();
    assert_count(&records, by_program, 0, "the program");
    assert_count(&records, by_copy, 1, "its copy");
    assert_count(&records, by_link, 0, "its other name");
    assert_eq!(changes(&records, &all.program).len(), 0);
}

/// Contract, section 13: it is excluded again from the time on that the record of the change bears.
#[test]
fn a_program_that_is_changed_in_place_is_recorded_until_it_is_identified_anew() {
    let mut all = Excluding::start();
    let before = uid(&all.program);
    let unchanged = all.read_by(&all.program);
    all.settled();
    all.append();
    let changed = all.read_by(&all.program);
    let ended_ms = now_ms();
    let said = all.changed(1);
    let anew = all.read_by(&all.program);
    let records = all.daemon.stop();
    assert_count(&records, unchanged, 0, "before it is changed");
    assert_count(&records, anew, 0, "identified anew");
    assert_said(&said, &before, &uid(&all.program));
    match of_process(&records, changed)[..] {
        [record] => assert!(
            record.str("time_dt") < said.str("time_dt"),
            "recorded though it was identified: {}\n{}",
            record.line,
            said.line
        ),
        // The daemon was quicker than the access, which is known by its clock.
        [] => assert!(said.num("time") <= ended_ms, "unseen before {}", said.line),
        _ => panic!("several records of one access"),
    }
    assert_eq!(changes(&records, &all.program).len(), 1);
    let warning = format!(
        "{:?} was changed, and is excluded as it is now",
        all.program
    );
    assert!(
        all.daemon.stderr().contains(&warning),
        "{}",
        all.daemon.stderr()
    );
}

/// What runs is what it was when it was started.
#[test]
fn processes_are_judged_by_the_contents_that_they_were_started_with() {
    let mut all = Excluding::start();
    let before = uid(&all.program);
    let [same, old]: [Child; 2] = std::array::from_fn(|_| waiting(&all.program));
    let [same_pid, old_pid] = [same.id(), old.id()];
    // Other attributes, the same contents.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(&all.program, mode).expect("chmod");
    all.read_until_excluded();
    all.reading().run_by(same);
    assert_count(&all.settled(), same_pid, 0, "of the same contents");
    // Another file with other contents in its place.
    let other = all.places.outside.join("other");
    std::fs::copy(&all.program, &other).expect("copy");
    let mut file = OpenOptions::new().append(true).open(&other).expect("open");
    file.write_all(b"!").expect("write");
    drop(file);
    std::fs::rename(&other, &all.program).expect("rename");
    let said = all.changed(1);
    all.reading().run_by(old);
    let anew = all.read_by(&all.program);
    // The same once more as another file.
    std::fs::copy(&all.program, &other).expect("copy");
    std::fs::rename(&other, &all.program).expect("rename");
    let said_again = all.changed(2);
    let records = all.daemon.stop();
    assert_count(&records, old_pid, 1, "of the old contents");
    assert_count(&records, anew, 0, "of the new contents");
    let now = uid(&all.program);
    assert_said(&said, &before, &now);
    assert_said(&said_again, &now, &now);
    assert_eq!(changes(&records, &all.program).len(), 2);
}

/// Processes from before the daemon are known by their /proc/PID/exe.
#[test]
fn a_process_from_before_the_daemon_is_excluded_as_well() {
    let (mut all, children) =
        Excluding::start_after(|program| [program, &*acts::program()].map(waiting));
    let pids = children.each_ref().map(Child::id);
    for child in children {
        all.reading().run_by(child);
    }
    let records = all.daemon.stop();
    assert_count(&records, pids[0], 0, "the excluded program");
    assert_count(&records, pids[1], 1, "another program");
}
