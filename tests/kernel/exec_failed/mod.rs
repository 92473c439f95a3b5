//! Execs that fail: each is recorded once, with its errno and what was asked; the tries of one
//! PATH search are one intent.

mod search;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use audit_tests::acts::act;
use audit_tests::{Lent, Record, Setup, elf};
use serde_json::{Value, json};

use crate::expect::assert_at;

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("chmod");
}

/// A failing exec of one file: what it takes, and the errno's number and name.
struct Case {
    file: PathBuf,
    errno: (i32, &'static str),
}

/// A file for each errno that a file alone can cause.
fn cases(dir: &Path) -> Vec<Case> {
    let case = |name: &str, errno: i32, code: &'static str| Case {
        file: dir.join(name),
        errno: (errno, code),
    };
    mode(&elf::place(dir.join("no-x")), 0o644);
    std::fs::create_dir(dir.join("directory")).expect("mkdir");
    elf::place_program(dir.join("garbage"), b"\x00\x01\x02 no program");
    symlink(dir.join("loop-b"), dir.join("loop-a")).expect("symlink");
    symlink(dir.join("loop-a"), dir.join("loop-b")).expect("symlink");
    elf::place(dir.join("busy"));
    elf::place(dir.join("file"));
    elf::place_program(dir.join("lost-interpreter"), b"#!/no/such/interpreter\n");
    vec![
        case("missing", libc::ENOENT, "ENOENT"),
        case("missing-directory/program", libc::ENOENT, "ENOENT"),
        case("lost-interpreter", libc::ENOENT, "ENOENT"),
        case("no-x", libc::EACCES, "EACCES"),
        case("directory", libc::EACCES, "EACCES"),
        case("garbage", libc::ENOEXEC, "ENOEXEC"),
        case("loop-a", libc::ELOOP, "ELOOP"),
        case("file/program", libc::ENOTDIR, "ENOTDIR"),
        case(&"n".repeat(256), libc::ENAMETOOLONG, "ENAMETOOLONG"),
    ]
}

fn check(record: &Record, pid: u32, code: &str, file: &str) {
    assert_at(record, "status_id", 2);
    assert_at(record, "status_code", code);
    assert_at(record, "count", Value::Null);
    assert_at(record, "process.pid", pid);
    assert_at(record, "process.name", "audit-acts");
    assert_at(record, "process.file.path", file);
    assert_at(record, "process.user.uid", "0");
    assert_at(record, "process.euid", 0);
    assert_at(record, "actor.process.pid", std::process::id());
    assert_at(record, "launch_type_id", 3);
    assert_at(
        record,
        "unmapped.source",
        json!({
            "process.cmd_line": "string",
            "process.file.path": "string",
        }),
    );
    let denied = ["EACCES", "EPERM"].contains(&code);
    assert_at(record, "severity_id", if denied { 2 } else { 1 });
}

#[test]
fn each_errno_is_one_record() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let mut expected = Vec::new();
    for (number, case) in cases(setup.dir()).into_iter().enumerate() {
        let tag = format!("{}-case-{number}-", setup.marker());
        let dir = setup.dir();
        let acted = act(["chdir"])
            .with([dir])
            .with(["exec"])
            .with([&case.file])
            .with(["x", &tag])
            .done();
        assert_eq!(acted.number(), case.errno.0, "{}", case.file.display());
        expected.push((tag, acted.pid, case.errno.1, case.file));
    }
    let records = daemon.seen();
    records.assert_numbered();
    for (tag, pid, code, file) in expected {
        let record = records.exec(&tag);
        check(record, pid, code, file.to_str().expect("UTF-8"));
        assert_at(record, "process.cmd_line", format!("x {tag}"));
        assert_at(record, "process.working_directory", setup.dir().to_str());
    }
}

#[test]
fn a_file_that_is_written_to_is_busy() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("busy"));
    let acted = act(["write"])
        .with([&program])
        .with(["exec"])
        .with([&program, &program])
        .done();
    if !acted.stdout.contains(&libc::ETXTBSY.to_string()) {
        audit_tests::skip!("this kernel executes files that are open for writing");
    }
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    check(
        record,
        acted.pid,
        "ETXTBSY",
        program.to_str().expect("UTF-8"),
    );
}

#[test]
fn too_many_arguments_are_kept_up_to_the_limit() {
    /// One argument may have 32 pages on Linux.
    const ARGUMENT_BYTES: usize = 32 * 4096;
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("program"));
    let long = "a".repeat(ARGUMENT_BYTES);
    let acted = act(["exec"])
        .with([&program])
        .with(["x", "y", &long])
        .done();
    assert_eq!(acted.number(), libc::E2BIG);
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    check(record, acted.pid, "E2BIG", program.to_str().expect("UTF-8"));
    let command = record.str("process.cmd_line");
    assert!(command.starts_with("x y aaa"), "{}", record.line);
    assert_eq!(command.len(), 8192, "{}", record.line);
    assert_at(record, "metadata.is_truncated", true);
    // How long the last one is was not looked at to its end: at least more than was kept.
    let original = record.at("unmapped.truncated")["process.cmd_line"].as_u64();
    assert!(
        original.is_some_and(|bytes| bytes > 8192),
        "{}",
        record.line
    );
}

#[test]
fn a_path_longer_than_any_is_cut_and_says_so() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let long = format!("{}/{}", setup.dir().display(), "d/".repeat(2500));
    let acted = act(["exec", &long, "called"]).done();
    assert_eq!(acted.number(), libc::ENAMETOOLONG);
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    assert_at(record, "status_code", "ENAMETOOLONG");
    let shown = record.str("process.file.path");
    assert!(long.starts_with(shown), "{}", record.line);
    assert_eq!(shown.len(), 4096, "{}", record.line);
    assert_at(record, "metadata.is_truncated", true);
    let original = record.at("unmapped.truncated")["process.file.path"].as_u64();
    // Nobody looks further than one byte beyond the limit.
    assert_eq!(original, Some(4097), "{}", record.line);
}

#[test]
fn what_cannot_be_read_is_unknown() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let dir = setup.dir();
    let bad_file = act(["chdir"]).with([dir]).with(["exec-bad-file"]).done();
    assert_eq!(bad_file.number(), libc::EFAULT);
    let program = elf::place(dir.join("program"));
    let bad_argv = act(["exec-bad-argv"]).with([&program]).done();
    assert_eq!(bad_argv.number(), libc::EFAULT);
    let records = daemon.seen();
    let of = |pid: u32| -> Vec<&Record> {
        records
            .iter()
            .filter(|record| record.is_failed_exec() && record.pid() == pid)
            .collect()
    };
    let [record] = of(bad_file.pid)[..] else {
        panic!("one record of the unreadable path")
    };
    assert_at(record, "status_code", "EFAULT");
    assert_at(record, "process.file", Value::Null);
    assert_at(record, "process.working_directory", dir.to_str());
    let unknown = record
        .at("unmapped.unknown")
        .as_array()
        .expect("what is unknown");
    assert!(unknown.contains(&json!("process.file")), "{}", record.line);
    let [record] = of(bad_argv.pid)[..] else {
        panic!("one record of the unreadable arguments")
    };
    assert_at(record, "status_code", "EFAULT");
    assert_at(record, "process.file.path", program.to_str());
    assert_at(record, "process.cmd_line", Value::Null);
    let unknown = record
        .at("unmapped.unknown")
        .as_array()
        .expect("what is unknown");
    assert!(
        unknown.contains(&json!("process.cmd_line")),
        "{}",
        record.line
    );
}

#[test]
fn arguments_are_separable_whatever_they_hold() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let missing = setup.dir().join("missing");
    act(["exec"])
        .with([&missing])
        .with(["", "two words", "", "line\nbreak", ""])
        .done();
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    assert_at(record, "status_code", "ENOENT");
    assert_at(
        record,
        "process.cmd_line",
        "'' 'two words' '' 'line\nbreak' ''",
    );
    assert_at(record, "unmapped.truncated", Value::Null);
}

#[test]
fn flags_that_no_kernel_knows_are_refused_and_recorded() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("program"));
    let acted = act(["exec-at-flags"]).with([&program]).done();
    assert_eq!(acted.number(), libc::EINVAL);
    let records = daemon.seen();
    check(
        records.exec(setup.marker()),
        acted.pid,
        "EINVAL",
        program.to_str().expect("UTF-8"),
    );
}

#[test]
fn names_below_a_descriptor_are_joined() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let dir = setup.dir();
    let acted = act(["exec-at"])
        .with([dir])
        .with(["sub/missing", "called"])
        .done();
    assert_eq!(acted.number(), libc::ENOENT);
    let file = elf::place(dir.join("no-x"));
    mode(&file, 0o644);
    let by_fd = act(["exec-empty"]).with([&file]).with(["called"]).done();
    assert_eq!(by_fd.number(), libc::EACCES);
    let records = daemon.seen();
    let found = records.execs(setup.marker());
    let path = |pid: u32| {
        let record = found
            .iter()
            .find(|record| record.pid() == pid)
            .expect("a record");
        record.str("process.file.path").to_owned()
    };
    assert_eq!(found.len(), 2, "{found:#?}");
    assert_eq!(path(acted.pid), format!("{}/sub/missing", dir.display()));
    assert_eq!(path(by_fd.pid), file.to_str().unwrap());
}

#[test]
fn a_mount_without_exec_denies() {
    use nix::mount::{MsFlags, mount, umount};
    let setup = Setup::new();
    let place = setup.dir().join("noexec");
    std::fs::create_dir(&place).expect("mkdir");
    let none = None::<&Path>;
    if let Err(error) = mount(none, &place, Some("tmpfs"), MsFlags::MS_NOEXEC, none) {
        audit_tests::skip!("cannot mount here: {error}");
    }
    let mut daemon = Lent::take(&setup);
    let program = elf::place(place.join("program"));
    let acted = act(["exec"]).with([&program]).with(["called"]).done();
    umount(&place).expect("umount");
    assert_eq!(acted.number(), libc::EACCES);
    let records = daemon.seen();
    check(
        records.exec(setup.marker()),
        acted.pid,
        "EACCES",
        program.to_str().expect("UTF-8"),
    );
}

#[test]
fn a_denied_user_is_named() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("program"));
    mode(&program, 0o700);
    let acted = act(["gid", "54321", "uid", "12345", "exec"])
        .with([&program, &program])
        .done();
    assert_eq!(acted.number(), libc::EACCES);
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    assert_at(record, "status_code", "EACCES");
    assert_at(record, "severity_id", 2);
    assert_at(record, "process.user", json!({"uid": "12345"}));
    assert_at(record, "process.euid", 12345);
    assert_at(record, "process.egid", 54321);
}

/// Past the point of no return the old program is gone, and with it what it asked.
#[test]
fn a_program_that_cannot_be_mapped_is_a_failure_of_unknown_arguments() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let mut bytes = elf::exits(0);
    // The segment's address: beyond what any process may map.
    bytes[64 + 16..64 + 24].copy_from_slice(&0xffff_0000_0000_0000u64.to_le_bytes());
    let program = elf::place_program(setup.dir().join("unmappable"), &bytes);
    let dir = setup.dir();
    let acted = act(["chdir"])
        .with([dir])
        .with(["exec"])
        .with([&program])
        .with(["called"])
        .run();
    assert!(
        acted.status.code().is_none(),
        "killed by the kernel: {acted:?}"
    );
    let records = daemon.seen();
    let found: Vec<_> = records
        .iter()
        .filter(|r| r.is_failed_exec() && r.pid() == acted.pid)
        .collect();
    let [record] = found[..] else {
        panic!("one record: {found:#?}")
    };
    assert!(!record.str("status_code").is_empty(), "{}", record.line);
    assert_at(record, "process.file", Value::Null);
    assert_at(record, "process.cmd_line", Value::Null);
    assert_at(record, "process.working_directory", dir.to_str());
    let unknown = record
        .at("unmapped.unknown")
        .as_array()
        .expect("what is unknown");
    for path in ["process.file", "process.cmd_line"] {
        assert!(unknown.contains(&json!(path)), "{path} in {}", record.line);
    }
    let started = records.execs(program.to_str().unwrap());
    assert!(
        started.iter().all(|record| !record.succeeded()),
        "{started:#?}"
    );
}

#[test]
fn failures_can_be_left_out() {
    let setup = Setup::new().set("events.exec_failed.record", "false");
    let mut daemon = Lent::take(&setup);
    let missing = setup.dir().join("missing");
    act(["exec"]).with([&missing, &missing]).done();
    let records = daemon.seen();
    assert!(records.execs(setup.marker()).is_empty());
}
