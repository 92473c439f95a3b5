//! Rounds that end badly: the daemon is killed in one, or the canary cannot act.

use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Stdio};

use audit_daemon::hooks;
use audit_tests::{Daemon, Record, Records, Setup};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};

use super::{assert_no_noise, assert_sums, failed_hook, now_ms, setup, tamper, wait_until_checked};
use crate::load;

const KILLS: usize = 5;

/// Waits until somebody makes or removes a file there.
fn wait_for_act(dir: &Path) {
    let inotify = Inotify::init(InitFlags::IN_CLOEXEC).expect("inotify");
    let any = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE;
    inotify.add_watch(dir, any).expect("watch it");
    let seen = inotify.read_events().expect("an event");
    assert!(!seen.is_empty());
}

#[test]
fn a_daemon_killed_while_its_canary_acts_leaves_no_noise_to_the_next() {
    load::need_pins!();
    let (setup, _) = setup();
    let setup = setup
        .set("events.exit.record", "true")
        .set("events.fork.record", "true");
    let canary = setup.dir().join("canary");
    let mut daemon = Daemon::start(&setup);
    let mut pids = vec![daemon.pid()];
    for _ in 0..KILLS {
        wait_until_checked(&daemon, now_ms());
        wait_for_act(&canary);
        daemon.kill();
        daemon = Daemon::start(&setup);
        pids.push(daemon.pid());
    }
    wait_until_checked(&daemon, now_ms());
    assert_eq!(daemon.status().0["daemon"]["adopted_restarts"], KILLS);
    let records = daemon.stop();
    records.assert_numbered();
    assert_no_noise(&records, &pids, &canary);
    let said = |record: &&Record| record.at("unmapped.selftest.hooks").is_array();
    let said: Vec<&str> = records.iter().filter(said).map(|one| &*one.line).collect();
    assert_eq!(said, [""; 0], "and nothing is wrong with any hook");
    assert_sums(&records);
}

/// Puts one thing in the place of another, at once.
fn exchange(one: &Path, other: &Path) {
    let name = |path: &Path| std::ffi::CString::new(path.as_os_str().as_bytes()).expect("a path");
    let (one, other) = (name(one), name(other));
    let cwd = libc::AT_FDCWD;
    // SAFETY: two strings that outlive the call.
    let done = unsafe {
        libc::renameat2(
            cwd,
            one.as_ptr(),
            cwd,
            other.as_ptr(),
            libc::RENAME_EXCHANGE,
        )
    };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

fn unproven(records: &Records) -> Vec<&Record> {
    let of = |record: &&Record| {
        failed_hook(record, "canary").is_some_and(|hook| hook["state"] == "unproven")
    };
    records.iter().filter(of).collect()
}

#[test]
fn a_canary_that_cannot_act_is_said_after_two_rounds_and_not_after_one() {
    let (setup, _) = setup();
    let (canary, other) = (setup.dir().join("canary"), setup.dir().join("other"));
    let mut daemon = Daemon::start(&setup);
    wait_until_checked(&daemon, 0);
    // Another directory: that round can tell nothing, and the next one acts there.
    std::fs::create_dir(&other).expect("a directory");
    exchange(&canary, &other);
    let exchanged_ms = now_ms();
    wait_until_checked(&daemon, exchanged_ms);
    let acted = std::fs::read_dir(&canary).expect("the new one").count();
    assert!(acted > 0, "it acts in the new one");
    let failed = |records: &Records| {
        let mut hooks = records.iter().map(|one| one.at("unmapped.selftest.hooks"));
        hooks.any(serde_json::Value::is_array)
    };
    let records = daemon.records();
    assert!(!failed(&records), "one round is no reason for a record");
    // A file: no round can tell anything.
    std::fs::remove_dir_all(&other).expect("remove it");
    std::fs::write(&other, "").expect("a file");
    exchange(&canary, &other);
    let records = daemon.wait_for("the canary unproven", |records| {
        !unproven(records).is_empty()
    });
    let said = unproven(&records)[0];
    assert_eq!(said.num("severity_id"), 4, "{}", said.line);
    let status = daemon.wait_for_status("the problem", |status| {
        status.0["problems"] != serde_json::json!([])
    });
    let problem = status.0["problems"].to_string();
    assert!(problem.contains("the canary cannot act"), "{problem}");
    exchange(&canary, &other);
    let records = daemon.wait_for("the canary restored", |records| {
        records.of_kind("daemon.coverage").any(|record| {
            record.str("unmapped.coverage.hook") == "canary"
                && record.str("unmapped.coverage.state") == "restored"
        })
    });
    assert_eq!(unproven(&records).len(), 1, "said once");
    wait_until_checked(&daemon, now_ms());
    daemon.stop();
}

/// The acts of a row, as a canary is told them: one for each system call.
fn acts_of(row: &str, way: &str) -> Vec<String> {
    let row = hooks::row(row).expect("a row");
    let points = row.candidates[0].points.iter();
    let calls = points.filter_map(|point| point.strip_prefix(way));
    let calls = calls.filter(|call| (row.name, *call) != ("privilege_enter", "reboot"));
    calls.map(|call| format!("{}/{call}", row.name)).collect()
}

/// An act that is not done proves nothing, and nobody is told.
#[test]
fn acts_on_sockets_and_privileges_can_be_done() {
    let home = tempfile::tempdir().expect("a directory");
    let mut acts = acts_of("network", "syscalls/sys_exit_");
    acts.extend(acts_of("privilege", "syscalls/sys_exit_"));
    acts.extend(acts_of("privilege_enter", "syscalls/sys_enter_"));
    acts.extend(["network_state/state".to_owned(), "signal/kill".to_owned()]);
    assert_eq!(acts.len(), 9 + 43 + 17 + 2);
    let mut canary = Command::new(audit_tests::home::daemon_program())
        .arg("canary")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a canary");
    let told = format!("{}\n\n{}\n", home.path().display(), acts.join("\n"));
    let mut input = canary.stdin.take().expect("its input");
    input.write_all(told.as_bytes()).expect("told");
    drop(input);
    let ended = canary.wait_with_output().expect("it ends");
    assert!(ended.status.success(), "{}", ended.status);
    let done = String::from_utf8(ended.stdout).expect("UTF-8");
    let done: Vec<&str> = done.lines().collect();
    // Kernels may be built without these.
    let rare = ["kexec", "_module", "swapo", "userfaultfd"];
    let may_be_missing = |act: &str| rare.iter().any(|part| act.contains(part));
    acts.retain(|act| !done.contains(&act.as_str()) && !may_be_missing(act));
    assert_eq!(acts, [""; 0], "not done");
}

fn of_everything() -> Setup {
    ["file", "network", "privilege"].iter().fold(
        Setup::new().set("selftest.interval", "\"1 s\""),
        |setup, group| setup.set(&format!("events.{group}.record"), "true"),
    )
}

/// A round sends some hundred events within a second.
#[test]
fn a_canary_sends_what_it_must_whatever_others_may() {
    let setup = of_everything().set("volume.process_rate", "1");
    let mut daemon = Daemon::start(&setup);
    wait_until_checked(&daemon, 0);
    wait_until_checked(&daemon, now_ms());
    let records = daemon.stop();
    assert_eq!(records.of_kind("daemon.selftest").count(), 0);
    assert_eq!(unproven(&records).len(), 0);
}

/// Nothing that the canary does comes back where nothing of it is told: that is no silence.
#[test]
fn what_is_not_to_be_told_is_not_missed() {
    let setup = of_everything()
        .set("network.ignore", "[\"0.0.0.0/0\"]")
        .set("privilege.credentials", "false")
        .set("privilege.system", "false");
    let mut daemon = Daemon::start(&setup);
    wait_until_checked(&daemon, 0);
    wait_until_checked(&daemon, now_ms());
    let records = daemon.stop();
    assert_eq!(records.of_kind("daemon.selftest").count(), 0);
}

/// What the programs look up and nobody changes while they run.
#[test]
fn nobody_can_add_an_address_that_is_not_told() {
    let setup = of_everything();
    let mut daemon = Daemon::start(&setup);
    let refused: Vec<Option<i32>> = tamper::ignore_everybody()
        .into_iter()
        .map(|put| put.err().and_then(|error| error.raw_os_error()))
        .collect();
    // There may be another daemon's, whose is as closed.
    assert!(!refused.is_empty());
    assert!(
        refused.iter().all(|error| *error == Some(libc::EPERM)),
        "{refused:?}"
    );
    daemon.stop();
}
