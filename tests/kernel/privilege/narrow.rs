//! By the 32-bit entry, with `kernel.compat`: as all others.

use audit_tests::acts::{Act, act};
use audit_tests::{Daemon, Setup};
use serde_json::json;

use super::{of, only, results};
use crate::by_32_bit::{are_there, seen};
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
