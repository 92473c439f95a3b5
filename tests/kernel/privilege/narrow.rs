//! By the 32-bit entry: with `kernel.compat` as all others; without it what changes credentials, where
//! functions of the kernel are hooked.

use audit_tests::acts::{Act, Acted, act};
use audit_tests::hooks::credentials_on_functions;
use audit_tests::{Daemon, Lent, Record, Setup};
use serde_json::json;

use super::{of, only, results};
use crate::by_32_bit::{are_there, cannot_see, seen};
use crate::expect::assert_at;

fn call(act: Act, number: u32, arguments: &[&str]) -> Act {
    act.with(["call-32", &number.to_string(), &arguments.len().to_string()])
        .with(arguments)
}

/// Numbers of i386 and Arm, which have these in common but for unshare.
const SETUID: u32 = 213;
const SETRESUID_16: u32 = 164;
const PTRACE: u32 = 26;
const REBOOT: u32 = 88;
const SETGID: u32 = 214;
const SETGROUPS: u32 = 206;
const CAPSET: u32 = 185;
const PRCTL: u32 = 172;
const UNSHARE: u32 = if cfg!(target_arch = "aarch64") {
    337
} else {
    310
};

#[test]
fn the_same_acts_are_told_by_the_narrow_entry() {
    if !are_there() {
        audit_tests::skip!("there are no 32-bit calls");
    }
    let mut daemon = Daemon::start(&seen(Setup::on_kept_programs()));
    let changed = call(Act::new(), UNSHARE, &["0x04000000"]);
    let changed = call(changed, REBOOT, &["1", "2", "3", "0"]);
    // 16 bits: "leave it" is 65535 there.
    let changed = call(changed, SETRESUID_16, &["65535", "1002", "65535"]);
    let changed = changed.with(["done"]).done();
    assert_eq!(results(&changed.stdout), [0, -22, 0]);
    let denied = call(act(["uid", "65534"]), SETUID, &["0"]);
    let denied = call(denied, SETRESUID_16, &["65535", "0", "65535"]);
    let denied = call(denied, PTRACE, &["16", "1", "0", "0"])
        .with(["done"])
        .done();
    assert_eq!(results(&denied.stdout), [-1, -1, -1]);
    let records = daemon.stop();
    assert_eq!(of(&records, changed.pid).len(), 3);
    let record = only(&records, changed.pid, "priv.unshare");
    assert!(
        record.str("kernel.name").starts_with("uts:["),
        "{}",
        record.line
    );
    let record = only(&records, changed.pid, "priv.reboot");
    assert_at(record, "status_code", "EINVAL");
    let record = only(&records, changed.pid, "priv.setuid");
    assert_at(record, "process.user.uid", "0");
    assert_at(record, "process.euid", 1002);
    let failed: Vec<_> = of(&records, denied.pid)
        .into_iter()
        .filter(|record| !record.succeeded())
        .map(|record| record.str("status_detail").to_owned())
        .collect();
    assert_eq!(
        json!(failed),
        json!(["setuid(0)", "setresuid(-1, 0, -1)", "PTRACE_ATTACH"])
    );
    let record = only(&records, denied.pid, "priv.ptrace");
    assert_at(record, "process.pid", 1);
}

/// Version 3 of the header; of effective, permitted and inheritable capabilities CAP_NET_RAW alone.
const HEADER: &str = "low-words:0x20080522,0";
const RAW: &str = "low-words:0x2000,0x2000,0x2000,0,0,0";

/// Groups by a call of 64 bits and one of 32, a group and users by one of 32, and what is no change of them.
fn change_ids() -> Acted {
    let groups = super::call(Act::new(), "setgroups", &["2", "words:1001,1002"]);
    let changed = call(groups, SETGROUPS, &["1", "low-words:1003"]);
    let changed = call(changed, UNSHARE, &["0x04000000"]);
    let changed = call(changed, SETGID, &["0"]);
    let changed = call(changed, SETGID, &["1001"]);
    // 16 bits: "leave it" is 65535 there.
    let changed = call(changed, SETRESUID_16, &["65535", "1002", "65535"])
        .with(["done"])
        .done();
    assert_eq!(results(&changed.stdout), [0; 6]);
    changed
}

/// To one of them, which is made ambient.
fn limit_capabilities() -> Acted {
    let limited = call(Act::new(), CAPSET, &[HEADER, RAW]);
    let limited = call(limited, PRCTL, &["47", "2", "13", "0", "0"])
        .with(["done"])
        .done();
    assert_eq!(results(&limited.stdout), [0, 0]);
    limited
}

/// Without `kernel.compat`. What changes nothing, what is refused and what is of no credentials is told by nobody.
#[test]
fn changes_of_credentials_are_told_where_they_are_put_in_force() {
    if !are_there() {
        audit_tests::skip!("there are no 32-bit calls");
    }
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let [changed, limited] = [change_ids(), limit_capabilities()];
    let denied = call(act(["uid", "65534"]), SETUID, &["0"])
        .with(["done"])
        .done();
    assert_eq!(results(&denied.stdout), [-1]);
    let records = daemon.seen();
    let told = |pid| -> Vec<(String, bool)> {
        let all = of(&records, pid).into_iter();
        all.map(|one| (one.kind().to_owned(), one.succeeded()))
            .collect()
    };
    let kinds = |kinds: &[&str]| -> Vec<(String, bool)> {
        kinds
            .iter()
            .map(|kind| ((*kind).to_owned(), true))
            .collect()
    };
    // Of the last one by its step, which is a call of 64 bits.
    assert_eq!(told(denied.pid), kinds(&["priv.setuid"]));
    let unseen = cannot_see(&setup, "privilege");
    if !credentials_on_functions() {
        assert_eq!(told(changed.pid), kinds(&["priv.setgroups"]));
        assert_eq!(told(limited.pid), []);
        assert!(unseen.contains("32-bit programs"), "{unseen}");
        return;
    }
    assert!(
        unseen.contains("32-bit programs beyond their ids and capabilities"),
        "{unseen}"
    );
    let expected = [
        "priv.setgroups",
        "priv.setgroups",
        "priv.setgid",
        "priv.setuid",
    ];
    assert_eq!(told(changed.pid), kinds(&expected));
    let all = of(&records, changed.pid);
    let groups =
        |record: &Record, key: &str| record.at(&format!("process.xattributes.{key}")).clone();
    assert_eq!(groups(all[1], "groups"), json!(["1003"]));
    assert_eq!(groups(all[1], "groups_before"), json!(["1001", "1002"]));
    assert_at(all[2], "actor.process.egid", 0);
    assert_at(all[2], "process.egid", 1001);
    assert_at(all[3], "actor.process.euid", 0);
    assert_at(all[3], "process.user.uid", "0");
    assert_at(all[3], "process.euid", 1002);
    assert_eq!(told(limited.pid), kinds(&["priv.capset", "priv.capset"]));
    let all = of(&records, limited.pid);
    assert_at(all[0], "process.xattributes.cap_eff", "0000000000002000");
    assert_at(all[1], "status_detail", "PR_CAP_AMBIENT_RAISE 13");
}
