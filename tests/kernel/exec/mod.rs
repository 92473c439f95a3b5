//! process.exec: each is recorded once, with what is true of it.

mod places;
mod privileges;
mod ways;

use std::collections::HashMap;
use std::process::Command;

use audit_tests::acts::act;
use audit_tests::{Daemon, Setup, elf};
use serde_json::Value;

use crate::expect::{self, assert_at, assert_whole};

const EXECS: usize = 500;

#[test]
fn each_of_five_hundred_is_recorded_once_and_truly() {
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    let program = elf::place(setup.dir().join("short-lived"));
    let mut expected = HashMap::new();
    for number in 0..EXECS {
        let argument = format!("number-{number}");
        let mut child = Command::new(&program)
            .arg(&argument)
            .env_clear()
            .current_dir(setup.dir())
            .spawn()
            .expect("spawn");
        assert!(child.wait().expect("wait").success());
        expected.insert(child.id(), argument);
    }
    let own_uid = expect::process_uid(std::process::id());
    let records = daemon.stop();
    records.assert_numbered();

    let path = program.to_str().expect("UTF-8");
    let found = records.execs(path);
    assert_eq!(found.len(), EXECS);
    let (login, session) = expect::own_login();
    for record in found {
        let argument = expected
            .remove(&record.pid())
            .expect("a child of ours, not seen before");
        assert!(record.succeeded());
        assert_at(record, "process.cmd_line", format!("{path} {argument}"));
        assert_at(record, "process.name", "short-lived");
        assert_at(record, "process.file.path", path);
        assert_at(record, "process.file.name", "short-lived");
        assert_at(record, "process.file.type_id", 1);
        assert_at(record, "process.file.uid", expect::file_uid(&program));
        assert_at(record, "process.working_directory", setup.dir().to_str());
        assert_at(record, "process.user.uid", "0");
        assert_at(record, "process.euid", 0);
        assert_at(record, "process.egid", 0);
        assert_at(record, "process.group", Value::Null);
        assert_at(record, "process.environment_variables", Value::Null);
        assert_at(
            record,
            "process.xattributes.cap_eff",
            expect::own_capabilities(),
        );
        assert_at(record, "process.xattributes.gain", Value::Null);
        assert_at(record, "process.xattributes.script", Value::Null);
        assert_at(record, "actor.process.pid", std::process::id());
        assert_at(record, "actor.process.uid", own_uid.as_str());
        assert_at(record, "actor.process.path", expect::own_path());
        assert_at(record, "actor.user.uid", login.clone());
        assert_at(record, "actor.session.uid", session.clone());
        assert_at(record, "launch_type_id", 3);
        assert_whole(record);
    }
    assert!(expected.is_empty(), "not recorded: {expected:?}");
}

#[test]
fn a_process_is_known_by_its_start() {
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    let program = elf::place_program(setup.dir().join("waits"), &elf::waits());
    let mut child = Command::new(&program).spawn().expect("spawn");
    daemon.wait_for("the exec", |records| {
        !records.execs(setup.marker()).is_empty()
    });
    let uid = expect::process_uid(child.id());
    child.kill().expect("kill");
    child.wait().expect("wait");
    let records = daemon.stop();
    assert_at(records.exec(setup.marker()), "process.uid", uid);
}

#[test]
fn a_process_that_ran_before_is_recorded_as_found() {
    let setup = Setup::new();
    let program = elf::place_program(setup.dir().join("waits"), &elf::waits());
    let mut child = Command::new(&program)
        .arg("two words")
        .current_dir(setup.dir())
        .spawn()
        .expect("spawn");
    let uid = expect::process_uid(child.id());
    let mut daemon = Daemon::start(&setup);
    daemon.stop();
    // Another start in the same boot does not repeat it.
    let records = Daemon::start(&setup).stop();
    child.kill().expect("kill");
    child.wait().expect("wait");
    let found: Vec<_> = records
        .of_kind("process.snapshot")
        .filter(|record| record.pid() == child.id())
        .collect();
    assert_eq!(found.len(), 1);
    let path = program.to_str().expect("UTF-8");
    assert_at(found[0], "process.uid", uid);
    assert_at(found[0], "process.file.path", path);
    assert_at(found[0], "process.cmd_line", format!("{path} 'two words'"));
    assert_at(found[0], "process.working_directory", setup.dir().to_str());
    assert_at(found[0], "process.parent_process.pid", std::process::id());
    assert_at(found[0], "unmapped.source.process", "proc");
}

#[test]
fn a_parent_that_is_gone_is_still_named() {
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    let program = elf::place(setup.dir().join("grandchild"));
    // The parent does nothing after this; it ends within microseconds of its child.
    let parent = act(["posix-spawn"]).with([&program, &program]).done();
    let records = daemon.stop();
    let record = records.exec(setup.marker());
    assert_at(record, "process.pid", parent.number());
    assert_at(record, "actor.process.pid", parent.pid);
    assert_at(
        record,
        "actor.process.path",
        audit_tests::acts::program().to_str(),
    );
    let introduced: Vec<_> = records
        .of_kind("process.exec")
        .filter(|other| other.at("process.uid") == record.at("actor.process.uid"))
        .collect();
    assert_eq!(introduced.len(), 1, "the parent's own exec");
    assert_at(introduced[0], "process.pid", parent.pid);
}

#[test]
fn the_login_user_and_session_stay_with_the_process() {
    if !std::path::Path::new("/proc/self/loginuid").exists() {
        audit_tests::skip!("this kernel has no login users (CONFIG_AUDIT)");
    }
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    let program = elf::place(setup.dir().join("true"));
    act(["login-uid", "54321", "uid", "12345", "exec"])
        .with([&program, &program])
        .done();
    let records = daemon.stop();
    let record = records.exec(setup.marker());
    assert_at(record, "actor.user.uid", "54321");
    assert_at(record, "process.user.uid", "12345");
    let session = record.str("actor.session.uid");
    let number = session
        .strip_prefix(&format!("{}-", expect::boot()))
        .unwrap_or("");
    assert!(
        number
            .parse::<u32>()
            .is_ok_and(|number| number > 0 && number < u32::MAX),
        "{session}"
    );
}

#[test]
fn nothing_is_recorded_that_is_not_wanted() {
    let setup = Setup::new().set("events.exec.record", "false");
    let mut daemon = Daemon::start(&setup);
    let program = elf::place(setup.dir().join("true"));
    assert!(Command::new(&program).status().expect("run").success());
    let missing = setup.dir().join("missing");
    assert!(Command::new(&missing).status().is_err());
    let records = daemon.stop();
    let record = records.exec(setup.marker());
    assert_at(record, "process.file.path", missing.to_str());
    assert_at(record, "status_code", "ENOENT");
}
