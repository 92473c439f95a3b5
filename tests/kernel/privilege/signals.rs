//! Signals to the daemon itself, and to processes of protected units.

use std::path::PathBuf;

use audit_tests::acts::{Act, act, program, waiting};
use audit_tests::{Daemon, Setup};

use super::{NOBODY, call, of, only, results};
use crate::expect::assert_at;

const CONTINUE: &str = "18";

#[test]
fn a_signal_to_the_daemon_is_told_with_who_sent_it() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Daemon::start(&setup);
    let pid = daemon.pid().to_string();
    let sent = call(Act::new(), "kill", &[&pid, CONTINUE]);
    let sent = call(sent, "tgkill", &[&pid, &pid, CONTINUE]);
    let sent = call(
        sent,
        "pidfd_send_signal",
        &[&format!("pidfd:{pid}"), CONTINUE, "0", "0"],
    );
    // Asks only whether it might.
    let sent = call(sent, "kill", &[&pid, "0"]).with(["done"]).done();
    assert_eq!(results(&sent.stdout), [0, 0, 0, 0]);
    let denied = call(act(["uid", "65534"]), "kill", &[&pid, "15"])
        .with(["done"])
        .done();
    assert_eq!(results(&denied.stdout), [-1]);
    // Nobody protects this one.
    let other = call(Act::new(), "kill", &["self", CONTINUE])
        .with(["done"])
        .done();
    let records = daemon.stop();
    let all = of(&records, sent.pid);
    assert_eq!(all.len(), 3);
    for record in all {
        assert_eq!(record.kind(), "priv.signal");
        assert_at(record, "status_detail", "SIGCONT");
        assert_at(record, "status_id", 1);
        assert_at(record, "severity_id", 2);
        assert_at(record, "activity_name", "Signal");
        assert_at(record, "process.pid", daemon.pid());
        assert_at(record, "process.name", "audit-daemon");
        assert_at(record, "actor.process.name", "audit-acts");
    }
    let record = only(&records, denied.pid, "priv.signal");
    assert_at(record, "status_code", "EPERM");
    assert_at(record, "status_detail", "SIGTERM");
    assert_at(record, "actor.process.euid", NOBODY);
    assert_at(record, "process.pid", daemon.pid());
    assert_eq!(of(&records, other.pid).len(), 0);
}

/// Where the unified hierarchy is mounted.
fn unified() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("mounts");
    let lines = mounts
        .lines()
        .map(|line| line.split(' ').collect::<Vec<_>>());
    lines
        .filter(|fields| fields.get(2) == Some(&"cgroup2"))
        .map(|fields| fields[1].into())
        .next()
}

#[test]
fn processes_of_a_protected_unit_are_protected_in_its_groups_too() {
    let Some(root) = unified() else {
        audit_tests::skip!("no unified cgroup hierarchy here")
    };
    let setup = Setup::on_kept_programs();
    let unit = format!("{}.service", setup.marker());
    let setup = setup.set("privilege.protect", &format!("[\"{unit}\"]"));
    let mut daemon = Daemon::start(&setup);
    let group = root.join(&unit).join("part");
    std::fs::create_dir_all(&group).expect("mkdir");
    let mut inside = waiting(&program());
    act(["enter"])
        .with([group.join("cgroup.procs")])
        .with(["stay"])
        .tell(&mut inside);
    let members = || std::fs::read_to_string(group.join("cgroup.procs")).expect("members");
    let pid = inside.id().to_string();
    while !members().lines().any(|line| line == pid) {
        std::thread::yield_now();
    }
    let sent = call(Act::new(), "kill", &[&pid, CONTINUE])
        .with(["done"])
        .done();
    inside.kill().expect("kill");
    inside.wait().expect("wait");
    while std::fs::remove_dir(&group).is_err() {
        std::thread::yield_now();
    }
    std::fs::remove_dir(root.join(&unit)).expect("rmdir");
    let records = daemon.stop();
    let record = only(&records, sent.pid, "priv.signal");
    assert_at(record, "process.pid", pid.parse::<u32>().expect("a pid"));
    assert_at(record, "status_detail", "SIGCONT");
}
