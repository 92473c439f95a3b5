//! process.exit: recorded if asked for, once for each process, with how it ended.

use audit_tests::acts::{Acted, act};
use audit_tests::{Daemon, Record, Records, Setup};
use serde_json::Value;

use crate::expect::assert_at;

fn acted(act: audit_tests::acts::Act) -> (Acted, Records) {
    let setup = Setup::new().set("events.exit.record", "true");
    let mut daemon = Daemon::start(&setup);
    let acted = act.run();
    (acted, daemon.stop())
}

/// The one exit of a process.
#[track_caller]
fn exit_of(records: &Records, pid: u32) -> &Record {
    let found: Vec<_> = records
        .of_kind("process.exit")
        .filter(|r| r.pid() == pid)
        .collect();
    assert_eq!(found.len(), 1, "exits of {pid}: {found:#?}");
    found[0]
}

fn check(record: &Record, code: i64) {
    assert_at(record, "type_uid", 100_702);
    assert_at(record, "status_id", 1);
    assert_at(record, "status_code", Value::Null);
    assert_at(record, "exit_code", code);
    assert_at(record, "process.name", "audit-acts");
    assert_at(
        record,
        "process.path",
        audit_tests::acts::program().to_str(),
    );
}

#[test]
fn an_exit_code_is_told() {
    for code in [0, 3, 255] {
        let (acted, records) = acted(act(["exit", &code.to_string()]));
        assert_eq!(acted.status.code(), Some(code));
        let record = exit_of(&records, acted.pid);
        check(record, i64::from(code));
        let exec = records
            .of_kind("process.exec")
            .find(|record| record.pid() == acted.pid);
        let exec = exec.expect("the exec of the same process");
        assert_eq!(exec.at("process.uid"), record.at("process.uid"));
        // A lifetime begins with the fork, a little before the exec. All are cut to milliseconds.
        let since_exec = record.num("time") - exec.num("time");
        let lifetime = record.num("duration");
        assert!(
            (since_exec - 1..since_exec + 5000).contains(&lifetime),
            "{}",
            record.line
        );
    }
}

#[test]
fn a_signal_is_told() {
    let cases = [
        (libc::SIGSEGV, "SIGSEGV"),
        (libc::SIGKILL, "SIGKILL"),
        (libc::SIGUSR1, "SIGUSR1"),
    ];
    for (signal, name) in cases {
        let (acted, records) = acted(act(["raise", &signal.to_string()]));
        assert_eq!(acted.status.code(), None);
        let record = exit_of(&records, acted.pid);
        assert_at(record, "status_id", 2);
        assert_at(record, "status_code", name);
        assert_at(record, "exit_code", 128 + signal);
        assert_at(record, "status_detail", Value::Null);
    }
}

#[test]
fn a_process_of_many_threads_ends_once() {
    for _ in 0..10 {
        let (acted, records) = acted(act(["exit-among", "16", "7"]));
        assert_eq!(acted.status.code(), Some(7));
        check(exit_of(&records, acted.pid), 7);
    }
}

/// Whose code counts then differs by kernel (the leader's, since 5.16 the last thread's); the parent
/// is told the same as the log.
#[test]
fn a_process_ends_with_its_last_thread() {
    let (acted, records) = acted(act(["leader-first", "8", "5"]));
    let code = acted.status.code().expect("an exit code");
    assert!([0, 5].contains(&code), "{code}");
    check(exit_of(&records, acted.pid), code.into());
}

#[test]
fn each_of_many_ends_once() {
    const FORKS: usize = 400;
    let setup = Setup::new()
        .set("events.exit.record", "true")
        .set("events.fork.record", "true");
    let mut daemon = Daemon::start(&setup);
    let acted = act(["fork-many", "4", &(FORKS / 4).to_string()]).done();
    let records = daemon.stop();
    records.assert_numbered();
    let forked: Vec<&str> = records
        .of_kind("process.fork")
        .filter(|record| record.num("actor.process.pid") == i64::from(acted.pid))
        .map(|record| record.str("process.uid"))
        .collect();
    assert_eq!(forked.len(), FORKS);
    for uid in forked {
        let exits = records
            .of_kind("process.exit")
            .filter(|r| r.str("process.uid") == uid)
            .count();
        assert_eq!(exits, 1, "{uid}");
    }
}
