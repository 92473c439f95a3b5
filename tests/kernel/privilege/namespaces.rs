//! Namespaces that are made and entered.

use std::os::unix::fs::MetadataExt;

use audit_tests::acts::{Act, act, program, waiting};
use audit_tests::{Lent, Setup};
use serde_json::Value;

use super::{call, of, only, results};
use crate::expect::assert_at;

const USER: &str = "0x10000000";
const UTS: &str = "0x04000000";
const MNT_UTS: &str = "0x04020000";
/// And SIGCHLD, as fork has it.
const CLONE_UTS: &str = "0x04000011";

#[test]
fn new_namespaces_are_named_with_their_numbers() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let acted = call(Act::new(), "unshare", &[MNT_UTS]);
    // Shares no more descriptors: no namespace.
    let acted = call(acted, "unshare", &["0x400"]).with(["done"]).done();
    assert_eq!(results(&acted.stdout), [0, 0]);
    let records = daemon.seen();
    let record = only(&records, acted.pid, "priv.unshare");
    let name = record.str("kernel.name");
    let words: Vec<&str> = name.split(' ').collect();
    assert_eq!(words.len(), 2, "{name}");
    assert!(words[0].starts_with("mnt:[4026"), "{name}");
    assert!(words[1].starts_with("uts:[4026"), "{name}");
    assert_at(record, "kernel.system_call", "unshare");
    assert_at(record, "kernel.type", "Namespace");
    assert_at(record, "severity_id", 1);
    assert_at(record, "status_id", 1);
}

#[test]
fn root_of_a_user_namespace_is_told_apart_from_real_root() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let steps = call(act(["gid", "65534", "uid", "65534"]), "unshare", &[USER]);
    // All capabilities, in a namespace of its own: what root may do there is nothing here.
    let steps = call(steps, "unshare", &[UTS]);
    let acted = call(steps, "sethostname", &["text:inside", "6"])
        .with(["done"])
        .done();
    if results(&acted.stdout)[0] != 0 {
        audit_tests::skip!("this kernel lets no user make a user namespace");
    }
    assert_eq!(results(&acted.stdout), [0, 0, 0]);
    let records = daemon.seen();
    let made: Vec<_> = of(&records, acted.pid)
        .into_iter()
        .filter(|record| record.kind() == "priv.unshare")
        .collect();
    assert_eq!(made.len(), 2);
    let name = made[0].str("kernel.name");
    assert!(name.starts_with("user:[") && !name.contains(' '), "{name}");
    assert_at(made[0], "severity_id", 2);
    assert_at(made[0], "actor.process.user.uid", "65534");
    // Who made it was outside, and had no capabilities.
    assert_at(made[0], "actor.process.xattributes", Value::Null);
    let number = name.trim_start_matches("user:[").trim_end_matches(']');
    assert_at(made[1], "actor.process.xattributes.user_ns", number);
    let named = only(&records, acted.pid, "priv.hostname");
    assert_at(named, "actor.process.xattributes.user_ns", number);
    assert_at(named, "actor.process.user.uid", "65534");
    assert_at(named, "actor.process.user.name", Value::Null);
    assert_at(named, "unmapped.change.new", "inside");
}

#[test]
fn what_a_user_may_not_make_is_a_failure() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let acted = call(act(["uid", "65534"]), "unshare", &[MNT_UTS]);
    let acted = call(acted, "setns", &["open:/proc/self/ns/uts", "0"]);
    let acted = call(acted, "setns", &["999", "0"]).with(["done"]).done();
    assert_eq!(results(&acted.stdout), [-1, -1, -9]);
    let records = daemon.seen();
    let record = only(&records, acted.pid, "priv.unshare");
    assert_at(record, "status_code", "EPERM");
    assert_at(record, "kernel.name", "mnt uts");
    assert_at(record, "severity_id", 2);
    let entered: Vec<_> = of(&records, acted.pid)
        .into_iter()
        .filter(|record| record.kind() == "priv.setns")
        .collect();
    assert_eq!(entered.len(), 2);
    let own = std::fs::metadata("/proc/self/ns/uts").expect("stat").ino();
    assert_at(entered[0], "kernel.name", format!("uts:[{own}]"));
    assert_at(entered[0], "status_code", "EPERM");
    assert_at(entered[1], "status_code", "EBADF");
    assert_at(entered[1], "kernel.name", "unknown");
}

#[test]
fn entering_is_told_unless_one_is_there_already() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let mut other = waiting(&program());
    call(Act::new(), "unshare", &[UTS])
        .with(["stay"])
        .tell(&mut other);
    let pid = other.id();
    let place = format!("/proc/{pid}/ns/uts");
    let own = std::fs::metadata("/proc/self/ns/uts").expect("stat").ino();
    let entered = loop {
        match std::fs::metadata(&place).expect("a running process").ino() {
            number if number != own => break number,
            _ => std::thread::yield_now(),
        }
    };
    let there = format!("open:{place}");
    let acted = call(Act::new(), "setns", &[&there, "0"]);
    let acted = call(acted, "setns", &[&there, UTS]).with(["done"]).done();
    other.kill().expect("kill");
    other.wait().expect("wait");
    assert_eq!(results(&acted.stdout), [0, 0]);
    let records = daemon.seen();
    let record = only(&records, acted.pid, "priv.setns");
    assert_at(record, "kernel.name", format!("uts:[{entered}]"));
    assert_at(record, "type_uid", 100_304);
    assert_at(record, "severity_id", 2);
}

#[test]
fn a_process_that_is_made_in_new_ones_is_told_once() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let acted = call(Act::new(), "clone", &[CLONE_UTS, "0", "0", "0", "0"]);
    // Flags first, the signal fifth.
    let by_structure = call(acted, "clone3", &["longs:0x04000000,0,0,0,17,0,0,0", "64"]);
    // As fork does it.
    let acted = call(by_structure, "clone", &["17", "0", "0", "0", "0"])
        .with(["done"])
        .done();
    let children = results(&acted.stdout);
    let records = daemon.seen();
    let made = of(&records, acted.pid);
    let calls: Vec<&str> = made
        .iter()
        .map(|one| one.str("kernel.system_call"))
        .collect();
    assert_eq!(calls, ["clone", "clone3"], "{children:?}");
    for record in made {
        assert_eq!(record.kind(), "priv.unshare");
        let name = record.str("kernel.name");
        assert!(name.starts_with("uts:[4026"), "{name}");
    }
}

#[test]
fn a_thread_in_namespaces_of_its_own_is_told() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let acted = act(["thread-apart", UTS]).done();
    // And one that shares all of them.
    let ordinary = act(["thread-apart", "0"]).done();
    let made = [&acted, &ordinary].map(|acted| results(&acted.stdout)[0]);
    assert!(made.iter().all(|thread| *thread > 0), "{made:?}");
    let records = daemon.seen();
    let record = only(&records, acted.pid, "priv.unshare");
    let name = record.str("kernel.name");
    assert!(
        name.starts_with("uts:[4026") && !name.contains(' '),
        "{name}"
    );
    assert_at(record, "kernel.system_call", "clone");
    assert_eq!(of(&records, ordinary.pid).len(), 0);
}

#[test]
fn what_a_user_may_not_clone_is_a_failure() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let nobody = || act(["uid", "65534"]);
    let acted = call(nobody(), "clone", &["0x04020011", "0", "0", "0", "0"]);
    let acted = call(acted, "clone3", &["longs:0x40000000,0,0,0,17,0,0,0", "64"]);
    // A thread cannot have its own processes, and nobody asked for namespaces by the last.
    let acted = call(acted, "clone", &["0x20010900", "0", "0", "0", "0"]);
    let acted = call(acted, "clone", &["0x00010000", "0", "0", "0", "0"])
        .with(["done"])
        .done();
    let [denied, invalid] = [libc::EPERM, libc::EINVAL].map(|errno| -i64::from(errno));
    assert_eq!(results(&acted.stdout), [denied, denied, invalid, invalid]);
    let records = daemon.seen();
    let told: Vec<(&str, &str, &str)> = of(&records, acted.pid)
        .into_iter()
        .filter(|record| record.kind() == "priv.unshare")
        .map(|record| {
            let call = record.str("kernel.system_call");
            (call, record.str("kernel.name"), record.str("status_code"))
        })
        .collect();
    let expected = [
        ("clone", "mnt uts", "EPERM"),
        ("clone3", "net", "EPERM"),
        ("clone", "pid", "EINVAL"),
    ];
    assert_eq!(told, expected);
}
