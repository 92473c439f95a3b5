//! Users, groups and capabilities of a process.

use audit_tests::acts::{Act, act};
use audit_tests::{Lent, Record, Setup};
use serde_json::{Value, json};

use super::{NOBODY, call, of, only, results};
use crate::expect::assert_at;

/// uid of the acting process before, euid before, uid after, euid after.
fn ids(record: &Record) -> [Value; 4] {
    [
        record.at("actor.process.user.uid").clone(),
        record.at("actor.process.euid").clone(),
        record.at("process.user.uid").clone(),
        record.at("process.euid").clone(),
    ]
}

#[test]
fn each_call_of_root_is_one_record_with_the_ids_before_and_after() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let user = [
        ("setuid", &["1001"][..], json!(["0", 0, "1001", 1001])),
        ("setreuid", &["1001", "1002"], json!(["0", 0, "1001", 1002])),
        (
            "setresuid",
            &["-1", "1001", "-1"],
            json!(["0", 0, "0", 1001]),
        ),
    ];
    let group = [
        ("setgid", &["1001"][..], json!([0, 1001])),
        ("setregid", &["-1", "1002"], json!([0, 1002])),
        ("setresgid", &["1001", "1003", "1001"], json!([0, 1003])),
    ];
    let done = |name: &str, arguments: &[&str]| {
        let acted = call(Act::new(), name, arguments).with(["done"]).done();
        assert_eq!(results(&acted.stdout), [0], "{name}");
        acted.pid
    };
    let users: Vec<u32> = user
        .iter()
        .map(|(name, args, _)| done(name, args))
        .collect();
    let groups: Vec<u32> = group
        .iter()
        .map(|(name, args, _)| done(name, args))
        .collect();
    let records = daemon.seen();
    for (pid, (name, _, expected)) in users.into_iter().zip(user) {
        let record = only(&records, pid, "priv.setuid");
        assert_eq!(json!(ids(record)), expected, "{name}: {}", record.line);
        assert_at(record, "status_id", 1);
        assert_at(record, "severity_id", 1);
        assert_at(record, "type_uid", 100_705);
        assert_at(record, "process.pid", pid);
        assert_at(record, "process.name", "audit-acts");
        assert_eq!(of(&records, pid).len(), 1, "{name}");
    }
    for (pid, (name, _, expected)) in groups.into_iter().zip(group) {
        let record = only(&records, pid, "priv.setgid");
        let found = [
            record.at("actor.process.egid").clone(),
            record.at("process.egid").clone(),
        ];
        assert_eq!(json!(found), expected, "{name}: {}", record.line);
        assert_at(record, "activity_name", "Set Group ID");
        assert_eq!(of(&records, pid).len(), 1, "{name}");
    }
}

#[test]
fn what_a_user_may_not_do_is_a_failure_with_what_was_asked() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let asked = [
        ("setuid", &["0"][..], "setuid(0)"),
        ("setreuid", &["0", "-1"], "setreuid(0, -1)"),
        ("setresuid", &["-1", "0", "-1"], "setresuid(-1, 0, -1)"),
        ("setgid", &["0"], "setgid(0)"),
        ("setregid", &["-1", "0"], "setregid(-1, 0)"),
        ("setresgid", &["0", "0", "0"], "setresgid(0, 0, 0)"),
    ];
    let acted = asked
        .iter()
        .map(|(name, arguments, _)| {
            let steps = act(["gid", "65534", "uid", "65534"]);
            let acted = call(steps, name, arguments).with(["done"]).done();
            assert_eq!(results(&acted.stdout), [-1], "{name}");
            acted.pid
        })
        .collect::<Vec<u32>>();
    let records = daemon.seen();
    for (pid, (name, _, detail)) in acted.into_iter().zip(asked) {
        let all = of(&records, pid);
        let failed: Vec<_> = all.iter().filter(|record| !record.succeeded()).collect();
        assert_eq!(failed.len(), 1, "{name}");
        let record = failed[0];
        assert_at(record, "status_code", "EPERM");
        assert_at(record, "status_detail", detail);
        assert_at(record, "severity_id", 2);
        assert_at(record, "process.euid", NOBODY);
    }
}

#[test]
fn file_system_ids_say_nothing_of_a_refusal_and_the_record_does() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let set = call(Act::new(), "setfsuid", &["1001"]);
    // A question, by a number that nobody has.
    let asks = call(set, "setfsuid", &["-1"]).with(["done"]).done();
    assert_eq!(results(&asks.stdout), [0, 1001]);
    let refused = call(act(["uid", "65534"]), "setfsuid", &["0"])
        .with(["done"])
        .done();
    assert_eq!(results(&refused.stdout), [i64::from(NOBODY)]);
    let records = daemon.seen();
    let record = only(&records, asks.pid, "priv.setuid");
    assert_at(record, "process.xattributes.fsuid", 1001);
    assert_at(record, "status_id", 1);
    let all = of(&records, refused.pid);
    let last = all.last().expect("a record of the refusal");
    assert_at(last, "status_code", "EPERM");
    assert_at(last, "status_detail", "setfsuid(0)");
}

#[test]
fn a_call_that_changes_nothing_is_no_record() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let mut act = Act::new();
    for (name, arguments) in [
        ("setuid", &["0"][..]),
        ("setreuid", &["-1", "-1"]),
        ("setresuid", &["0", "0", "0"]),
        ("setgid", &["0"]),
        ("setregid", &["-1", "-1"]),
        ("setresgid", &["-1", "-1", "-1"]),
    ] {
        act = call(act, name, arguments);
    }
    let acted = act.with(["done"]).done();
    assert_eq!(results(&acted.stdout), [0; 6]);
    assert_eq!(of(&daemon.seen(), acted.pid).len(), 0);
}

#[test]
fn groups_are_told_before_and_after() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let one = call(Act::new(), "setgroups", &["2", "words:1001,1002"]);
    let same = call(one, "setgroups", &["2", "words:1001,1002"]);
    let acted = call(same, "setgroups", &["1", "words:1003"])
        .with(["done"])
        .done();
    assert_eq!(results(&acted.stdout), [0, 0, 0]);
    let refused = call(act(["uid", "65534"]), "setgroups", &["0", "0"])
        .with(["done"])
        .done();
    assert_eq!(results(&refused.stdout), [-1]);
    let records = daemon.seen();
    let all = of(&records, acted.pid);
    assert_eq!(all.len(), 2, "the second call changed nothing");
    let groups = |record: &Record| record.at("process.xattributes.groups").clone();
    assert_eq!(groups(all[0]), json!(["1001", "1002"]));
    assert_eq!(groups(all[1]), json!(["1003"]));
    assert_at(
        all[1],
        "process.xattributes.groups_before",
        json!(["1001", "1002"]),
    );
    let failed = only(&records, refused.pid, "priv.setgroups");
    assert_at(failed, "status_code", "EPERM");
}

#[test]
fn what_the_library_does_in_every_thread_is_one_record() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let acted = act(["threads-setuid", "5", "1001"]).done();
    assert_eq!(results(&acted.stdout), [0]);
    let records = daemon.seen();
    let record = only(&records, acted.pid, "priv.setuid");
    assert_eq!(json!(ids(record)), json!(["0", 0, "1001", 1001]));
}

#[test]
fn capabilities_are_told_before_and_after_and_what_is_refused() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    // Version 3 of the header; effective, permitted, inheritable, twice: of them CAP_NET_RAW.
    const RAW: &str = "words:0x2000,0x2000,0x2000,0,0,0";
    const ALL: &str = "words:0xffffffff,0xffffffff,0,0,0,0";
    let version = "words:0x20080522,0";
    let drops = call(Act::new(), "capset", &[version, RAW]);
    let same = call(drops, "capset", &[version, RAW]);
    let raises = call(same, "prctl", &["47", "2", "13", "0", "0"]);
    let asks = call(raises, "prctl", &["47", "1", "13", "0", "0"]);
    let acted = call(asks, "capset", &[version, ALL]).with(["done"]).done();
    assert_eq!(results(&acted.stdout), [0, 0, 0, 1, -1]);
    let records = daemon.seen();
    let all = of(&records, acted.pid);
    let lines: Vec<_> = all.iter().map(|record| &record.line).collect();
    assert_eq!(all.len(), 3, "{lines:#?}");
    for record in &all {
        assert_at(record, "activity_name", "Set Capabilities");
        assert_at(record, "process.parent_process.pid", std::process::id());
        assert_at(record, "actor.process.name", Value::Null);
    }
    let of_capabilities = |record: &Record, key: &str| {
        let value = record.str(&format!("process.xattributes.{key}"));
        u64::from_str_radix(value, 16).ok()
    };
    assert_eq!(of_capabilities(all[0], "cap_eff"), Some(0x2000));
    assert!(of_capabilities(all[0], "cap_eff_before") > Some(0x2000));
    assert_at(all[0], "severity_id", 1);
    assert_eq!(of_capabilities(all[1], "cap_amb"), Some(0x2000));
    assert_eq!(of_capabilities(all[1], "cap_amb_before"), Some(0));
    assert_at(all[1], "status_detail", "PR_CAP_AMBIENT_RAISE 13");
    assert_at(all[2], "status_code", "EPERM");
}
