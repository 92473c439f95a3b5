//! Acts on the kernel itself: modules, eBPF, clock, names, kexec, reboot. Nothing here succeeds that the
//! machine would feel.

use audit_tests::acts::{Act, act};
use audit_tests::{Lent, Setup};
use serde_json::{Value, json};

use super::{call, has_call, of, only, results};
use crate::expect::{assert_at, file_uid};

const EPERM: i64 = -(libc::EPERM as i64);
const EINVAL: i64 = -(libc::EINVAL as i64);
const ENOEXEC: i64 = -(libc::ENOEXEC as i64);

fn nobody() -> Act {
    act(["gid", "65534", "uid", "65534"])
}

#[test]
fn a_module_that_is_refused_is_told_by_its_file() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let file = setup.dir().join("garbage.ko");
    std::fs::write(&file, [7; 4096]).expect("write");
    let opened = format!("open:{}", file.display());
    let acted = call(Act::new(), "finit_module", &[&opened, "text:", "0"]);
    let acted = call(acted, "init_module", &["room:4096", "4096", "text:"]);
    let acted = call(acted, "delete_module", &["text:no_such_module", "2048"]);
    let acted = acted.with(["done"]).done();
    let denied = call(nobody(), "finit_module", &["999", "text:", "0"]);
    let denied = call(denied, "delete_module", &["text:dummy", "2048"])
        .with(["done"])
        .done();
    let found = results(&acted.stdout);
    if !has_call("finit_module") {
        audit_tests::skip!("this kernel has no modules");
    }
    assert_eq!(found, [ENOEXEC, ENOEXEC, -i64::from(libc::ENOENT)]);
    assert_eq!(results(&denied.stdout), [EPERM, EPERM]);
    let records = daemon.seen();
    let all = of(&records, acted.pid);
    let kinds: Vec<&str> = all.iter().map(|record| record.kind()).collect();
    assert_eq!(
        kinds,
        ["priv.module_load", "priv.module_load", "priv.module_unload"]
    );
    let [by_file, by_image, unloaded] = all[..] else {
        panic!("three records")
    };
    assert_at(by_file, "driver.file.path", file.to_str());
    assert_at(by_file, "driver.file.name", "garbage.ko");
    assert_at(by_file, "driver.file.uid", file_uid(&file));
    assert_at(by_file, "driver.file.type_id", 1);
    assert_at(by_file, "status_code", "ENOEXEC");
    assert_at(by_file, "severity_id", 2);
    assert_at(by_image, "driver.file.name", "unknown");
    assert_at(by_image, "unmapped.unknown", json!(["driver.file.type_id"]));
    assert_at(unloaded, "driver.file.name", "no_such_module");
    assert_at(unloaded, "status_code", "ENOENT");
    assert_at(
        unloaded,
        "unmapped.source",
        json!({"driver.file.name": "string"}),
    );
    let record = only(&records, denied.pid, "priv.module_load");
    assert_at(record, "status_code", "EPERM");
    let record = only(&records, denied.pid, "priv.module_unload");
    assert_at(record, "driver.file.name", "dummy");
}

#[test]
fn programs_of_others_are_told_with_type_name_and_place() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let loaded = act(["bpf-load", "1", "tst_filter"]).done();
    assert!(results(&loaded.stdout)[0] > 0, "{loaded:?}");
    let attached = act(["bpf-attach", "tst_raw", "sched_process_wait"]).done();
    assert_eq!(results(&attached.stdout), [0, 0]);
    let garbage = act(["bpf-garbage", "tst_garbage"]).done();
    let refused = results(&garbage.stdout)[0];
    assert!(refused < 0, "{garbage:?}");
    let denied = nobody().with(["bpf-load", "2", "tst_denied"]).done();
    assert_eq!(results(&denied.stdout), [EPERM]);
    let records = daemon.seen();
    let record = only(&records, loaded.pid, "priv.bpf_load");
    assert_at(record, "kernel.name", "tst_filter");
    assert_at(record, "kernel.type", "BPF Program (socket_filter)");
    assert_at(record, "kernel.system_call", "bpf");
    assert_at(record, "type_uid", 100_301);
    assert_at(record, "severity_id", 2);
    assert_at(record, "unmapped.source", Value::Null);
    let record = only(&records, attached.pid, "priv.bpf_attach");
    assert_at(record, "kernel.name", "tst_raw");
    assert_at(record, "kernel.type", "BPF Program (raw_tracepoint)");
    assert_at(record, "status_detail", "sched_process_wait");
    assert_at(record, "status_id", 1);
    let record = only(&records, garbage.pid, "priv.bpf_load");
    assert_at(record, "kernel.name", "tst_garbage");
    assert_at(record, "status_id", 2);
    assert_at(record, "unmapped.source", json!({"kernel.name": "string"}));
    let record = only(&records, denied.pid, "priv.bpf_load");
    assert_at(record, "kernel.name", "tst_denied");
    assert_at(record, "kernel.type", "BPF Program (kprobe)");
    assert_at(record, "status_code", "EPERM");
}

#[test]
fn the_clock_is_told_if_somebody_tries_to_set_it() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    // Only asks: mode 0.
    let asks = call(Act::new(), "adjtimex", &["room:208"]);
    let asks = call(asks, "clock_adjtime", &["0", "room:208"])
        .with(["done"])
        .done();
    assert!(
        results(&asks.stdout).iter().all(|result| *result >= 0),
        "{asks:?}"
    );
    // A number of nanoseconds that no second has.
    let acted = call(Act::new(), "clock_settime", &["0", "longs:1,-1"]);
    let acted = call(acted, "settimeofday", &["longs:1,-1", "0"]);
    let acted = call(acted, "clock_settime", &["99", "longs:1,1"])
        .with(["done"])
        .done();
    assert_eq!(results(&acted.stdout), [EINVAL; 3]);
    // ADJ_FREQUENCY
    let denied = call(
        nobody(),
        "adjtimex",
        &["longs:2,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"],
    );
    let denied = call(denied, "clock_settime", &["0", "longs:1,1"]);
    let denied = call(denied, "settimeofday", &["longs:1,1", "0"])
        .with(["done"])
        .done();
    assert_eq!(results(&denied.stdout), [EPERM; 3]);
    let records = daemon.seen();
    assert_eq!(of(&records, asks.pid).len(), 0);
    let told = |pid: u32| -> Vec<[String; 4]> {
        let records = of(&records, pid);
        let records = records.iter().filter(|one| one.kind() == "priv.clock_set");
        records
            .map(|record| {
                assert_at(record, "unmapped.clock", Value::Null);
                [
                    "kernel.name",
                    "kernel.system_call",
                    "status_code",
                    "status_detail",
                ]
                .map(|path| record.str(path).to_owned())
            })
            .collect()
    };
    assert_eq!(
        told(acted.pid),
        [
            ["CLOCK_REALTIME", "clock_settime", "EINVAL", ""],
            ["CLOCK_REALTIME", "settimeofday", "EINVAL", ""],
            ["clock 99", "clock_settime", "EINVAL", ""],
        ]
    );
    assert_eq!(
        told(denied.pid),
        [
            ["CLOCK_REALTIME", "adjtimex", "EPERM", "ADJ_FREQUENCY"],
            ["CLOCK_REALTIME", "clock_settime", "EPERM", ""],
            ["CLOCK_REALTIME", "settimeofday", "EPERM", ""],
        ]
    );
}

#[test]
fn names_of_the_host_are_told_old_and_new() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    // In a namespace of its own.
    let apart = call(Act::new(), "unshare", &["0x04000000"]);
    let named = call(apart, "sethostname", &["text:new-name", "8"]);
    let same = call(named, "sethostname", &["text:new-name", "8"]);
    let domain = call(same, "setdomainname", &["text:new.domain", "10"]);
    let acted = call(domain, "sethostname", &["text:x", "65"])
        .with(["done"])
        .done();
    assert_eq!(results(&acted.stdout), [0, 0, 0, 0, EINVAL]);
    let denied = call(nobody(), "sethostname", &["text:mine", "4"])
        .with(["done"])
        .done();
    assert_eq!(results(&denied.stdout), [EPERM]);
    let own = std::fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
    let own = own.trim_end();
    let records = daemon.seen();
    let all = of(&records, acted.pid);
    let names: Vec<_> = all
        .iter()
        .filter(|one| one.kind() == "priv.hostname")
        .collect();
    assert_eq!(names.len(), 3, "the second call changed nothing");
    assert_at(names[0], "kernel.name", "hostname");
    assert_at(
        names[0],
        "unmapped.change",
        json!({"old": own, "new": "new-name"}),
    );
    assert_at(names[0], "type_uid", 100_304);
    assert_at(names[1], "kernel.name", "domainname");
    assert_at(names[1], "unmapped.change.new", "new.domain");
    assert_at(names[2], "status_code", "EINVAL");
    let record = only(&records, denied.pid, "priv.hostname");
    assert_at(
        record,
        "unmapped.change",
        json!({"old": own, "new": "mine"}),
    );
    assert_at(record, "status_code", "EPERM");
}

#[test]
fn a_reboot_is_told_though_refused() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    // Numbers that show that nobody means it; as root nothing else is tried.
    let wrong = call(Act::new(), "reboot", &["1", "2", "0x1234567", "0"]);
    let wrong = wrong.with(["done"]).done();
    assert_eq!(results(&wrong.stdout), [EINVAL]);
    let denied = call(
        nobody(),
        "reboot",
        &["0xfee1dead", "672274793", "0x1234567", "0"],
    );
    let denied = denied.with(["done"]).done();
    assert_eq!(results(&denied.stdout), [EPERM]);
    let records = daemon.seen();
    let record = only(&records, wrong.pid, "priv.reboot");
    assert_at(record, "status_code", "EINVAL");
    assert_at(record, "status_detail", "wrong magic numbers");
    assert_at(record, "severity_id", 3);
    let record = only(&records, denied.pid, "priv.reboot");
    assert_at(record, "status_code", "EPERM");
    assert_at(record, "status_detail", "LINUX_REBOOT_CMD_RESTART");
}

#[test]
fn swapping_is_told_with_the_path_that_was_given() {
    if !has_call("swapon") {
        audit_tests::skip!("this kernel does not swap");
    }
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let on = call(Act::new(), "swapon", &["text:no/such", "0x8000"]);
    let off = call(on, "swapoff", &["text:/no/such"]);
    let acted = call(off, "swapon", &["0", "0"]).with(["done"]).done();
    let enoent = -i64::from(libc::ENOENT);
    let efault = -i64::from(libc::EFAULT);
    assert_eq!(results(&acted.stdout), [enoent, enoent, efault]);
    let denied = call(nobody(), "swapoff", &["text:/swap"])
        .with(["done"])
        .done();
    assert_eq!(results(&denied.stdout), [EPERM]);
    let records = daemon.seen();
    let all = of(&records, acted.pid);
    let [on, off, unreadable] = all[..] else {
        panic!("three records of {all:#?}");
    };
    assert_eq!([on.kind(), off.kind()], ["priv.swapon", "priv.swapoff"]);
    assert_at(on, "kernel.path", "no/such");
    assert_at(on, "kernel.name", "swap");
    assert_at(on, "kernel.system_call", "swapon");
    assert_at(on, "status_code", "ENOENT");
    assert_at(on, "severity_id", 1);
    assert_at(off, "kernel.path", "/no/such");
    assert_at(off, "unmapped.source", json!({"kernel.path": "string"}));
    assert_at(unreadable, "status_code", "EFAULT");
    assert_at(unreadable, "unmapped.unknown", json!(["kernel.path"]));
    let record = only(&records, denied.pid, "priv.swapoff");
    assert_at(record, "kernel.path", "/swap");
    assert_at(record, "status_code", "EPERM");
}

#[test]
fn another_kernel_is_told_though_refused() {
    if !has_call("kexec_load") {
        audit_tests::skip!("this kernel has no kexec");
    }
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let denied = call(nobody(), "kexec_load", &["0", "0", "0", "0"]);
    let denied = call(denied, "kexec_file_load", &["999", "999", "0", "0", "0"]);
    let denied = denied.with(["done"]).done();
    assert_eq!(results(&denied.stdout), [EPERM, EPERM]);
    let records = daemon.seen();
    let all = of(&records, denied.pid);
    let kexec: Vec<_> = all
        .iter()
        .filter(|one| one.kind() == "priv.kexec")
        .collect();
    let calls: Vec<&str> = kexec
        .iter()
        .map(|one| one.str("kernel.system_call"))
        .collect();
    assert_eq!(calls, ["kexec_load", "kexec_file_load"]);
    for record in kexec {
        assert_at(record, "status_code", "EPERM");
        assert_at(record, "severity_id", 3);
    }
}
