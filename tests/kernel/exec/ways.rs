//! The many ways to execute a program.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use audit_tests::acts::{Acted, act};
use audit_tests::{Lent, Records, Setup, elf};
use serde_json::{Value, json};

use crate::expect::{self, assert_at, assert_whole};

/// Does one act under a daemon; gives what the act came to and all records.
fn acted(setup: &Setup, act: impl FnOnce(&Path) -> Acted) -> (Acted, PathBuf, Records) {
    let mut daemon = Lent::take(setup);
    let program = elf::place(setup.dir().join("program"));
    let acted = act(&program);
    let records = daemon.seen();
    records.assert_numbered();
    (acted, program, records)
}

fn script(path: PathBuf, first_line: &str) -> PathBuf {
    elf::place_program(&path, format!("{first_line}\n").as_bytes());
    path
}

#[test]
fn a_script_is_its_interpreter_and_names_the_script() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let interpreter = elf::place(setup.dir().join("interpreter"));
    let line = format!("#!{} -e one", interpreter.display());
    let absolute = script(setup.dir().join("absolute.sh"), &line);
    script(setup.dir().join("relative.sh"), &line);
    act(["exec"])
        .with([&absolute])
        .with(["called", "a b"])
        .done();
    let dir = setup.dir();
    act(["chdir"])
        .with([dir])
        .with(["exec", "./relative.sh", "called"])
        .done();
    let records = daemon.seen();

    let (interpreter_text, text) = (interpreter.to_str().unwrap(), absolute.to_str().unwrap());
    let record = records.exec(text);
    assert_at(record, "process.file.path", interpreter_text);
    assert_at(record, "process.file.uid", expect::file_uid(&interpreter));
    assert_at(record, "process.xattributes.script", text);
    // The kernel replaces argument 0 by the interpreter, its one argument and the script.
    let command = format!("{interpreter_text} '-e one' {text} 'a b'");
    assert_at(record, "process.cmd_line", command);
    assert_at(record, "process.name", "absolute.sh");

    let relative = setup.dir().join("relative.sh");
    let record = records.exec(relative.to_str().unwrap());
    assert_at(record, "process.xattributes.script", relative.to_str());
    assert_at(
        record,
        "process.cmd_line",
        format!("{interpreter_text} '-e one' ./relative.sh"),
    );
}

#[test]
fn a_script_of_a_script_names_the_first() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let interpreter = elf::place(setup.dir().join("interpreter"));
    let inner = script(
        setup.dir().join("inner"),
        &format!("#!{}", interpreter.display()),
    );
    let outer = script(
        setup.dir().join("outer"),
        &format!("#!{} x", inner.display()),
    );
    act(["exec"]).with([&outer, &outer]).done();
    let records = daemon.seen();
    let record = records.exec(outer.to_str().unwrap());
    assert_at(record, "process.file.path", interpreter.to_str());
    assert_at(record, "process.xattributes.script", outer.to_str());
    let command = [&interpreter, &inner]
        .map(|path| path.to_str().unwrap())
        .join(" ");
    assert_at(
        record,
        "process.cmd_line",
        format!("{command} x {}", outer.display()),
    );
}

#[test]
fn env_in_the_first_line_is_two_execs_of_one_process() {
    let env = ["/usr/bin/env", "/bin/env"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let Some(env) = env else {
        audit_tests::skip!("no env here")
    };
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let interpreter = elf::place(setup.dir().join("interpreter"));
    let script = script(setup.dir().join("script"), &format!("#!{env} interpreter"));
    let path = format!(
        "PATH={}/empty:{}",
        setup.dir().display(),
        setup.dir().display()
    );
    let acted = act(["set", &path, "exec"]).with([&script, &script]).done();
    let records = daemon.seen();
    let found: Vec<_> = records.execs(setup.marker());
    assert_eq!(found.len(), 2, "{found:#?}");
    for record in &found {
        assert_at(record, "process.pid", acted.pid);
        assert_at(record, "process.uid", found[0].at("process.uid").clone());
        assert_at(record, "actor.process.pid", std::process::id());
    }
    assert_at(found[0], "process.xattributes.script", script.to_str());
    assert_at(
        found[0],
        "process.cmd_line",
        format!("{env} interpreter {}", script.display()),
    );
    assert_at(found[1], "process.xattributes.script", Value::Null);
    assert_at(found[1], "process.file.path", interpreter.to_str());
    assert_at(
        found[1],
        "process.cmd_line",
        format!("interpreter {}", script.display()),
    );
}

#[test]
fn a_thread_that_executes_becomes_its_process() {
    let setup = Setup::new();
    let (acted, program, records) = acted(&setup, |program| {
        act(["exec-from-thread", "5"])
            .with([program, Path::new("called")])
            .done()
    });
    let record = records.exec(setup.marker());
    assert_at(record, "process.pid", acted.pid);
    assert_at(record, "process.file.path", program.to_str());
    assert_at(record, "process.cmd_line", "called");
    assert_at(record, "actor.process.pid", std::process::id());
    assert_whole(record);
    // Both execs of the process are of the same one: its start does not change.
    let of_process: Vec<_> = records
        .of_kind("process.exec")
        .filter(|other| other.pid() == acted.pid)
        .collect();
    assert_eq!(of_process.len(), 2);
    assert_eq!(
        of_process[0].at("process.uid"),
        of_process[1].at("process.uid")
    );
}

#[test]
fn an_empty_path_means_the_descriptor() {
    let setup = Setup::new();
    let (acted, program, records) = acted(&setup, |program| {
        act(["exec-empty"])
            .with([program, Path::new("called")])
            .done()
    });
    let record = records.exec(setup.marker());
    assert_at(record, "process.pid", acted.pid);
    assert_at(record, "process.file.path", program.to_str());
    assert_at(record, "process.file.uid", expect::file_uid(&program));
    assert_at(record, "process.cmd_line", "called");
    assert_at(
        record,
        "process.xattributes.fileless",
        match expect::is_fileless(&program) {
            true => json!("tmpfs"),
            false => Value::Null,
        },
    );
    assert_whole(record);
}

#[test]
fn a_name_below_a_descriptor_is_found() {
    let setup = Setup::new();
    let (acted, program, records) = acted(&setup, |program| {
        let dir = program.parent().expect("a directory");
        act(["exec-at"])
            .with([dir])
            .with(["program", "called"])
            .done()
    });
    let record = records.exec(setup.marker());
    assert_at(record, "process.pid", acted.pid);
    assert_at(record, "process.file.path", program.to_str());
    assert_whole(record);
}

#[test]
fn a_vforked_child_has_its_parent() {
    let setup = Setup::new();
    let (acted, program, records) = acted(&setup, |program| {
        act(["vfork"]).with([program, Path::new("called")]).done()
    });
    let record = records.exec(setup.marker());
    assert_at(record, "process.pid", acted.number());
    assert_at(record, "actor.process.pid", acted.pid);
    assert_at(
        record,
        "actor.process.path",
        audit_tests::acts::program().to_str(),
    );
    assert_at(record, "process.file.path", program.to_str());
    assert_whole(record);
}

#[test]
fn a_spawned_child_has_its_parent() {
    let setup = Setup::new();
    let (acted, program, records) = acted(&setup, |program| {
        act(["posix-spawn"])
            .with([program, Path::new("called")])
            .done()
    });
    let record = records.exec(setup.marker());
    assert_at(record, "process.pid", acted.number());
    assert_at(record, "actor.process.pid", acted.pid);
    assert_at(record, "process.file.path", program.to_str());
    assert_whole(record);
}

#[test]
fn what_may_be_executed_and_not_read_is_recorded_as_any() {
    let setup = Setup::new();
    let (_, program, records) = acted(&setup, |program| {
        std::fs::set_permissions(program, PermissionsExt::from_mode(0o111)).expect("chmod");
        act(["gid", "54321", "uid", "12345", "exec"])
            .with([program, Path::new("called")])
            .done()
    });
    let record = records.exec(setup.marker());
    assert_at(record, "process.file.path", program.to_str());
    assert_at(record, "process.cmd_line", "called");
    assert_whole(record);
}

#[test]
fn a_name_of_any_bytes_is_kept() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join(OsStr::from_bytes(b"caf\xe9 \x1b[31m\n\"")));
    act(["exec"]).with([&program]).with(["called"]).done();
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    let dir = setup.dir().display();
    assert_at(
        record,
        "process.file.path",
        format!("{dir}/caf\\xe9 \u{1b}[31m\n\""),
    );
    assert_at(record, "process.name", "caf\\xe9 \u{1b}[31m\n\"");
    assert!(
        record.line.contains("\\u001b[31m\\n\\\""),
        "{}",
        record.line
    );
    let raw = record.at("unmapped.raw");
    let keys: Vec<&String> = raw.as_object().expect("raw bytes").keys().collect();
    assert_eq!(
        keys,
        ["process.file.name", "process.file.path", "process.name"]
    );
}
