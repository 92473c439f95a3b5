//! Events of others that a process has counted, and faults that it handles itself.

use audit_tests::acts::{Act, act};
use audit_tests::{Lent, Record, Setup};
use serde_json::Value;

use super::{call, has_call, of, only, processes::Other, results};
use crate::expect::assert_at;

const EPERM: i64 = -(libc::EPERM as i64);
const EINVAL: i64 = -(libc::EINVAL as i64);
const EACCES: i64 = -(libc::EACCES as i64);
const ESRCH: i64 = -(libc::ESRCH as i64);
const EFAULT: i64 = -(libc::EFAULT as i64);

/// PERF_TYPE_SOFTWARE and 64 bytes; PERF_COUNT_SW_TASK_CLOCK.
const CLOCK: &str = "longs:274877906945,1,0,0,0,0,0,0";
const NOBODY: &str = "2147483647";

fn opened(act: Act, attributes: &str, pid: &str, cpu: &str) -> Act {
    call(act, "perf_event_open", &[attributes, pid, cpu, "-1", "0"])
}

fn nobody() -> Act {
    act(["gid", "65534", "uid", "65534"])
}

#[test]
fn events_of_others_are_told_and_those_of_oneself_are_not() {
    if !has_call("perf_event_open") {
        audit_tests::skip!("this kernel has no performance events");
    }
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let other = Other::new();
    let own = opened(Act::new(), CLOCK, "0", "-1");
    let own = opened(own, CLOCK, "self", "-1");
    let of_other = opened(own, CLOCK, &other.pid(), "-1");
    let of_nobody = opened(of_other, CLOCK, NOBODY, "-1");
    let of_all = opened(of_nobody, CLOCK, "-1", "0");
    let unreadable = opened(of_all, "0", "-1", "0");
    // A descriptor of a control group, which is the number of the caller as well, and nobody's group.
    let of_group = ["0", "self", "0", "-1", "4"];
    let acted = call(unreadable, "perf_event_open", &of_group);
    let acted = acted.with(["done"]).done();
    let results_of = results(&acted.stdout);
    assert!(results_of[..3].iter().all(|fd| *fd > 2), "{acted:?}");
    assert!(results_of[4] > 2, "{acted:?}");
    assert_eq!(results_of[3], ESRCH);
    assert_eq!(results_of[5..], [EFAULT, EFAULT]);
    let denied = opened(nobody(), CLOCK, &other.pid(), "-1")
        .with(["done"])
        .done();
    assert_eq!(results(&denied.stdout), [EACCES]);
    let records = daemon.seen();
    let all = of(&records, acted.pid);
    let [of_other, of_nobody, of_all, unreadable, of_group] = all[..] else {
        panic!("five records of {all:#?}");
    };
    let told = |record: &Record, kind: &str, errno: Value, detail: &str| {
        assert_eq!(record.kind(), kind, "{}", record.line);
        assert_at(record, "status_code", errno);
        assert_at(record, "status_detail", detail);
        assert_at(record, "severity_id", 2);
    };
    let clock = "PERF_TYPE_SOFTWARE 0x1";
    told(of_other, "priv.perf_open", Value::Null, clock);
    assert_at(of_other, "type_uid", 100_703);
    other.assert_is_target(of_other);
    told(of_nobody, "priv.perf_open", "ESRCH".into(), clock);
    assert_at(
        of_nobody,
        "process.pid",
        NOBODY.parse::<u32>().expect("a number"),
    );
    let on_cpu = "PERF_TYPE_SOFTWARE 0x1, cpu 0";
    told(of_all, "priv.perf_all", Value::Null, on_cpu);
    assert_at(of_all, "type_uid", 100_304);
    assert_at(of_all, "kernel.name", "perf_event");
    assert_at(of_all, "kernel.system_call", "perf_event_open");
    let words = "unreadable attributes, cpu 0";
    told(unreadable, "priv.perf_all", "EFAULT".into(), words);
    let pid = acted.pid;
    let words = format!("unreadable attributes, of the control group of fd {pid}, cpu 0");
    told(of_group, "priv.perf_all", "EFAULT".into(), &words);
    let record = only(&records, denied.pid, "priv.perf_open");
    told(record, "priv.perf_open", "EACCES".into(), clock);
    other.assert_is_target(record);
}

#[test]
fn who_handles_faults_of_its_memory_is_told() {
    if !has_call("userfaultfd") {
        audit_tests::skip!("this kernel has no userfaultfd");
    }
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let acted = call(Act::new(), "userfaultfd", &["0x80000"])
        .with(["done"])
        .done();
    assert!(results(&acted.stdout)[0] > 2, "{acted:?}");
    let wrong = call(Act::new(), "userfaultfd", &["0x40"])
        .with(["done"])
        .done();
    assert_eq!(results(&wrong.stdout), [EINVAL]);
    let by_nobody = call(nobody(), "userfaultfd", &["0"]).with(["done"]).done();
    let is_free = std::fs::read_to_string("/proc/sys/vm/unprivileged_userfaultfd");
    let is_free = is_free.is_ok_and(|text| text.trim_end() == "1");
    let denied = results(&by_nobody.stdout) == [EPERM];
    assert_eq!(denied, !is_free, "{by_nobody:?}");
    let records = daemon.seen();
    let record = only(&records, wrong.pid, "priv.userfaultfd");
    assert_at(record, "status_code", "EINVAL");
    assert_at(record, "status_detail", "0x40");
    let record = only(&records, acted.pid, "priv.userfaultfd");
    assert_at(record, "kernel.name", "userfaultfd");
    assert_at(record, "kernel.system_call", "userfaultfd");
    assert_at(record, "status_detail", "O_CLOEXEC");
    assert_at(record, "status_id", 1);
    let record = only(&records, by_nobody.pid, "priv.userfaultfd");
    assert_at(record, "status_id", if denied { 2 } else { 1 });
    assert_at(record, "status_detail", Value::Null);
}
