//! Execs that change who acts.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use audit_tests::acts::act;
use audit_tests::{Lent, Record, Setup, elf};
use serde_json::{Value, json};

use crate::expect::{self, assert_at, assert_whole};

/// Users and groups that no machine has names for.
const SOMEBODY: u32 = 54_321;
const SOMEBODY_ELSE: u32 = 54_322;

/// Runs a prepared program as somebody without privileges; gives its record.
fn as_somebody(prepare: impl FnOnce(&Path)) -> Record {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("program"));
    prepare(&program);
    let id = SOMEBODY.to_string();
    act(["gid", &id, "uid", &id, "exec"])
        .with([&program])
        .with(["called"])
        .done();
    let records = daemon.seen();
    let record = records.exec(setup.marker()).clone();
    assert!(record.succeeded());
    assert_at(&record, "process.user.uid", id);
    assert_whole(&record);
    record
}

fn mode(program: &Path, mode: u32) {
    std::fs::set_permissions(program, PermissionsExt::from_mode(mode)).expect("chmod");
}

#[test]
fn an_ordinary_program_gains_nothing() {
    let record = as_somebody(|_| ());
    assert_at(&record, "process.euid", SOMEBODY);
    assert_at(&record, "process.egid", SOMEBODY);
    assert_at(&record, "process.group", Value::Null);
    assert_at(
        &record,
        "process.user",
        json!({"uid": SOMEBODY.to_string()}),
    );
    assert_at(&record, "process.xattributes.gain", Value::Null);
    assert_at(&record, "process.xattributes.cap_eff", Value::Null);
}

#[test]
fn setuid_root_is_a_gain() {
    let record = as_somebody(|program| mode(program, 0o4755));
    assert_at(&record, "process.euid", 0);
    assert_at(&record, "process.egid", SOMEBODY);
    assert_at(&record, "process.xattributes.gain", "setuid");
    assert_at(
        &record,
        "process.xattributes.cap_eff",
        expect::own_capabilities(),
    );
    assert!(record.num("severity_id") >= 2, "{}", record.line);
}

#[test]
fn setuid_to_another_user_is_a_gain() {
    let record = as_somebody(|program| {
        chown(program, Some(SOMEBODY_ELSE), None).expect("chown");
        mode(program, 0o4755);
    });
    assert_at(&record, "process.euid", SOMEBODY_ELSE);
    assert_at(&record, "process.xattributes.gain", "setuid");
}

#[test]
fn setgid_is_a_gain() {
    let record = as_somebody(|program| {
        chown(program, None, Some(SOMEBODY_ELSE)).expect("chown");
        mode(program, 0o2755);
    });
    assert_at(&record, "process.euid", SOMEBODY);
    assert_at(&record, "process.egid", SOMEBODY_ELSE);
    // The real group is another one than the effective.
    assert_at(
        &record,
        "process.group",
        json!({"uid": SOMEBODY.to_string()}),
    );
    assert_at(&record, "process.xattributes.gain", "setgid");
    assert!(record.num("severity_id") >= 2, "{}", record.line);
}

#[test]
fn setuid_and_setgid_are_both_named() {
    let record = as_somebody(|program| mode(program, 0o6755));
    assert_at(&record, "process.euid", 0);
    assert_at(&record, "process.egid", 0);
    assert_at(&record, "process.xattributes.gain", "setuid,setgid");
}

/// `security.capability`, version 2: permitted and effective CAP_NET_RAW.
const NET_RAW_FILE: [u8; 20] = [
    1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

fn set_capabilities(program: &Path) {
    let path = std::ffi::CString::new(program.as_os_str().as_bytes()).expect("no NUL");
    // SAFETY: the strings and the value outlive the call, which is told the value's length.
    let done = unsafe {
        libc::setxattr(
            path.as_ptr(),
            c"security.capability".as_ptr(),
            NET_RAW_FILE.as_ptr().cast(),
            NET_RAW_FILE.len(),
            0,
        )
    };
    assert_eq!(done, 0, "setxattr: {}", std::io::Error::last_os_error());
}

#[test]
fn file_capabilities_are_a_gain() {
    let record = as_somebody(set_capabilities);
    assert_at(&record, "process.euid", SOMEBODY);
    assert_at(&record, "process.xattributes.gain", "file_caps");
    assert_at(&record, "process.xattributes.cap_eff", "0000000000002000");
    assert!(record.num("severity_id") >= 2, "{}", record.line);
}

#[test]
fn root_gains_nothing_from_a_setuid_program() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program: PathBuf = elf::place(setup.dir().join("program"));
    mode(&program, 0o4755);
    act(["exec"]).with([&program]).with(["called"]).done();
    let records = daemon.seen();
    assert_at(
        records.exec(setup.marker()),
        "process.xattributes.gain",
        Value::Null,
    );
}
