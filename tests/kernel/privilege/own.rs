//! What a process sets for itself: its personality, securebits, and that it gains nothing by an exec.

use audit_tests::acts::{Act, act};
use audit_tests::{Daemon, Lent, Record, Setup};
use serde_json::Value;

use super::{call, of, results};
use crate::by_32_bit::{are_there, seen};
use crate::expect::assert_at;

const EPERM: i64 = -(libc::EPERM as i64);
const EINVAL: i64 = -(libc::EINVAL as i64);

const SECUREBITS: &str = "28";
const NO_NEW_PRIVS: &str = "38";
/// Of i386 and Arm.
const PERSONALITY_32: &str = "136";
const PRCTL_32: &str = "172";

/// Kind, errno and words of each.
fn told(all: &[&Record]) -> Vec<[String; 3]> {
    let said = |record: &&Record| {
        ["metadata.event_code", "status_code", "status_detail"].map(|at| match record.at(at) {
            Value::String(text) => text.clone(),
            _ => String::new(),
        })
    };
    all.iter().map(said).collect()
}

fn prctl(act: Act, option: &str, value: &str) -> Act {
    call(act, "prctl", &[option, value, "0", "0", "0"])
}

#[test]
fn a_personality_is_told_where_it_changes() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let asks = call(Act::new(), "personality", &["0xffffffff"]);
    let fixed = call(asks, "personality", &["0x40000"]);
    let again = call(fixed, "personality", &["0x40000"]);
    let more = call(again, "personality", &["0x10440008"]);
    let acted = call(more, "personality", &["0"]).with(["done"]).done();
    assert_eq!(
        results(&acted.stdout),
        [0, 0, 0x4_0000, 0x4_0000, 0x1044_0008]
    );
    let records = daemon.seen();
    let all = of(&records, acted.pid);
    let expected = [
        "ADDR_NO_RANDOMIZE, was 0",
        "ADDR_NO_RANDOMIZE|READ_IMPLIES_EXEC|0x10000008, was ADDR_NO_RANDOMIZE",
        "0, was ADDR_NO_RANDOMIZE|READ_IMPLIES_EXEC|0x10000008",
    ];
    assert_eq!(
        told(&all),
        expected.map(|words| ["priv.personality", "", words].map(str::to_owned))
    );
    for record in all {
        assert_at(record, "process.pid", acted.pid);
        assert_at(record, "type_uid", 100_799);
        assert_at(record, "activity_name", "Set Personality");
        assert_at(record, "severity_id", 1);
        assert_at(record, "status_id", 1);
    }
}

#[test]
fn securebits_and_no_new_privileges_are_told_where_they_change() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let noroot = prctl(Act::new(), SECUREBITS, "1");
    let again = prctl(noroot, SECUREBITS, "1");
    let locked = prctl(again, SECUREBITS, "0xc");
    let bound = prctl(locked, NO_NEW_PRIVS, "1");
    let bound = prctl(bound, NO_NEW_PRIVS, "1");
    let acted = prctl(bound, NO_NEW_PRIVS, "0").with(["done"]).done();
    assert_eq!(results(&acted.stdout), [0, 0, 0, 0, 0, EINVAL]);
    let denied = prctl(act(["gid", "65534", "uid", "65534"]), SECUREBITS, "1");
    let denied = prctl(denied, NO_NEW_PRIVS, "1").with(["done"]).done();
    assert_eq!(results(&denied.stdout), [EPERM, 0]);
    let records = daemon.seen();
    let all = of(&records, acted.pid);
    let fixup = "SECBIT_NO_SETUID_FIXUP|SECBIT_NO_SETUID_FIXUP_LOCKED";
    let expected = [
        ["priv.securebits", "", "SECBIT_NOROOT, was 0"],
        [
            "priv.securebits",
            "",
            &format!("{fixup}, was SECBIT_NOROOT"),
        ],
        ["priv.no_new_privs", "", ""],
        ["priv.no_new_privs", "EINVAL", "PR_SET_NO_NEW_PRIVS 0"],
    ];
    assert_eq!(told(&all), expected.map(|one| one.map(str::to_owned)));
    for record in &all {
        assert_at(record, "process.pid", acted.pid);
        assert_at(record, "type_uid", 100_799);
    }
    let all = of(&records, denied.pid);
    // What it became before is told, too.
    let all: Vec<&Record> = all
        .into_iter()
        .filter(|record| !record.kind().starts_with("priv.set"))
        .collect();
    let expected = [
        ["priv.securebits", "EPERM", "SECBIT_NOROOT"],
        ["priv.no_new_privs", "", ""],
    ];
    assert_eq!(told(&all), expected.map(|one| one.map(str::to_owned)));
}

#[test]
fn the_same_by_the_narrow_entry() {
    if !are_there() {
        audit_tests::skip!("there are no 32-bit calls");
    }
    let mut daemon = Daemon::start(&seen(Setup::on_kept_programs()));
    let narrow = |act: Act, number: &str, arguments: &[&str]| {
        act.with(["call-32", number, &arguments.len().to_string()])
            .with(arguments)
    };
    let fixed = narrow(Act::new(), PERSONALITY_32, &["0x40000"]);
    let noroot = narrow(fixed, PRCTL_32, &[SECUREBITS, "1", "0", "0", "0"]);
    let bound = narrow(noroot, PRCTL_32, &[NO_NEW_PRIVS, "1", "0", "0", "0"]);
    let acted = bound.with(["done"]).done();
    assert_eq!(results(&acted.stdout), [0, 0, 0]);
    let records = daemon.stop();
    let expected = [
        ["priv.personality", "", "ADDR_NO_RANDOMIZE, was 0"],
        ["priv.securebits", "", "SECBIT_NOROOT, was 0"],
        ["priv.no_new_privs", "", ""],
    ];
    assert_eq!(
        told(&of(&records, acted.pid)),
        expected.map(|one| one.map(str::to_owned))
    );
}
