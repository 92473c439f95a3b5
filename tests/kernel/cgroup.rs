//! Control groups: never a record of their own; by them each process is placed.

use std::path::{Path, PathBuf};

use audit_tests::acts::act;
use audit_tests::{Daemon, Setup, elf};
use serde_json::Value;

use crate::expect::assert_at;

/// A new group in the unified hierarchy, removed at the end.
struct Group(PathBuf);

impl Group {
    fn make(path: PathBuf) -> Group {
        std::fs::create_dir(&path).unwrap_or_else(|e| panic!("mkdir {}: {e}", path.display()));
        Group(path)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A process that left it a moment ago may still count; the kernel is done with it soon.
        for _ in 0..100 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        eprintln!("warning: {} stays", self.0.display());
    }
}

/// Where the unified hierarchy is mounted.
fn unified() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("mounts");
    let mount = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    mount
        .filter(|fields| fields.get(2) == Some(&"cgroup2"))
        .map(|fields| fields[1].into())
        .next()
}

fn container_id(setup: &Setup, number: u32) -> String {
    let marker: String = setup
        .marker()
        .bytes()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let mut id = format!("{number:02x}{marker}");
    id.truncate(64);
    format!("{id:0<64}")
}

fn enter_and_exec(group: &Path, program: &Path, word: &str) {
    act(["enter"])
        .with([group.join("cgroup.procs")])
        .with(["exec"])
        .with([program])
        .with([word])
        .done();
}

#[test]
fn a_process_is_placed_by_its_group_from_the_first_exec_on() {
    let Some(root) = unified() else {
        audit_tests::skip!("no unified cgroup hierarchy here")
    };
    let setup = Setup::new();
    let program = elf::place(setup.dir().join("program"));
    let [before, after] = [1, 2].map(|number| container_id(&setup, number));
    let docker = |id: &str| root.join(format!("docker-{id}.scope"));
    // One is there when the daemon starts, one is made under its eyes.
    let found = Group::make(docker(&before));
    let mut daemon = Daemon::start(&setup);
    let made = Group::make(docker(&after));
    enter_and_exec(&found.0, &program, "in-found");
    enter_and_exec(&made.0, &program, "in-made");
    act(["exec"]).with([&program]).with(["outside"]).done();
    // A group that is gone before its process's event is looked at is known all the same.
    let brief = container_id(&setup, 3);
    let gone = Group::make(docker(&brief));
    enter_and_exec(&gone.0, &program, "in-brief");
    drop(gone);
    let records = daemon.stop();
    records.assert_numbered();
    for (word, id) in [
        ("in-found", &before),
        ("in-made", &after),
        ("in-brief", &brief),
    ] {
        let record = records.exec(word);
        assert_at(record, "process.container.uid", id.as_str());
        assert_at(record, "process.container.runtime", "docker");
        let profiles = record.at("metadata.profiles").as_array().expect("profiles");
        assert!(
            profiles.contains(&Value::from("container")),
            "{}",
            record.line
        );
    }
    assert_at(records.exec("outside"), "process.container", Value::Null);
    assert_eq!(records.of_kind("cgroup.created").count(), 0);
}

#[test]
fn a_group_that_nothing_marks_is_the_hosts() {
    let Some(root) = unified() else {
        audit_tests::skip!("no unified cgroup hierarchy here")
    };
    let setup = Setup::new();
    let program = elf::place(setup.dir().join("program"));
    let mut daemon = Daemon::start(&setup);
    let group = Group::make(root.join(format!("{}.service", setup.marker())));
    enter_and_exec(&group.0, &program, "in-service");
    let records = daemon.stop();
    assert_at(records.exec("in-service"), "process.container", Value::Null);
}

#[test]
fn groups_may_nest() {
    let Some(root) = unified() else {
        audit_tests::skip!("no unified cgroup hierarchy here")
    };
    let setup = Setup::new();
    let program = elf::place(setup.dir().join("program"));
    let mut daemon = Daemon::start(&setup);
    let id = container_id(&setup, 4);
    let outer = Group::make(root.join(format!("docker-{id}.scope")));
    let inner = Group::make(outer.0.join("inner"));
    let innermost = Group::make(inner.0.join("init.scope"));
    enter_and_exec(&innermost.0, &program, "nested");
    // Removed from the leaf up, before the outer one.
    drop(innermost);
    drop(inner);
    let records = daemon.stop();
    assert_at(records.exec("nested"), "process.container.uid", id);
}
