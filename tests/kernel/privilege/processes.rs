//! One process reaches into another.

use std::process::Child;

use audit_tests::acts::{Act, act, program, waiting};
use audit_tests::{Lent, Record, Setup};
use serde_json::{Value, json};

use super::{NOBODY, call, of, only, results};
use crate::expect::{assert_at, process_uid};

/// A process of a user, or of root, to be reached into.
pub struct Other {
    child: Child,
    uid: String,
}

impl Other {
    pub fn new() -> Other {
        let mut child = waiting(&program());
        act(["stay"]).tell(&mut child);
        // It runs: whoever made it goes on a little before its exec is over.
        let said = child.stdout.as_mut().expect("a pipe");
        let mut first = [0; 2];
        std::io::Read::read_exact(said, &mut first).expect("a word of it");
        let uid = process_uid(child.id());
        Other { child, uid }
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// The end of its stack, where its own name stands.
    fn memory(&self) -> u64 {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid())).expect("maps");
        let stack = maps
            .lines()
            .find(|line| line.ends_with("[stack]"))
            .expect("a stack");
        let range = stack.split(' ').next().expect("a range");
        let (_, end) = range.split_once('-').expect("a range");
        u64::from_str_radix(end, 16).expect("hexadecimal") - 64
    }

    #[track_caller]
    pub fn assert_is_target(&self, record: &Record) {
        assert_at(record, "process.pid", self.child.id());
        assert_at(record, "process.uid", self.uid.as_str());
        assert_at(record, "process.name", "audit-acts");
        assert_at(record, "process.user.uid", "0");
        let path = program();
        assert_at(record, "process.path", path.to_str());
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const ATTACH: &str = "16";
const SEIZE: &str = "0x4206";
const CONTINUE: &str = "7";

#[test]
fn tracing_is_told_with_its_request_and_its_target() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let others = [Other::new(), Other::new()];
    let attached = call(Act::new(), "ptrace", &[ATTACH, &others[0].pid(), "0", "0"])
        .with(["done"])
        .done();
    assert_eq!(results(&attached.stdout), [0]);
    let seized = call(Act::new(), "ptrace", &[SEIZE, &others[1].pid(), "0", "0"]);
    // Not every request is a beginning.
    let seized = call(seized, "ptrace", &[CONTINUE, &others[1].pid(), "0", "0"]);
    let seized = seized.with(["done"]).done();
    assert_eq!(results(&seized.stdout), [0, -i64::from(libc::ESRCH)]);
    let asks = call(Act::new(), "ptrace", &["0", "0", "0", "0"])
        .with(["done"])
        .done();
    assert_eq!(results(&asks.stdout), [0]);
    let records = daemon.seen();
    let all = [
        (attached.pid, "PTRACE_ATTACH"),
        (seized.pid, "PTRACE_SEIZE"),
        (asks.pid, "PTRACE_TRACEME"),
    ];
    for (place, (pid, request)) in all.into_iter().enumerate() {
        let record = only(&records, pid, "priv.ptrace");
        assert_at(record, "status_detail", request);
        assert_at(record, "status_id", 1);
        assert_at(record, "type_uid", 100_703);
        assert_at(record, "severity_id", 2);
        match others.get(place) {
            Some(other) => other.assert_is_target(record),
            None => assert_at(record, "process.pid", pid),
        }
    }
}

#[test]
fn a_refused_trace_names_its_target_and_one_of_nobody_its_number() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let other = Other::new();
    let denied = call(
        act(["uid", "65534"]),
        "ptrace",
        &[ATTACH, &other.pid(), "0", "0"],
    );
    let denied = call(denied, "ptrace", &[SEIZE, "4194303", "0", "0"])
        .with(["done"])
        .done();
    assert_eq!(results(&denied.stdout), [-1, -i64::from(libc::ESRCH)]);
    let records = daemon.seen();
    let all = of(&records, denied.pid);
    let traces: Vec<_> = all
        .iter()
        .filter(|one| one.kind() == "priv.ptrace")
        .collect();
    assert_eq!(traces.len(), 2);
    other.assert_is_target(traces[0]);
    assert_at(traces[0], "status_code", "EPERM");
    assert_at(traces[0], "actor.process.euid", NOBODY);
    assert_at(traces[1], "status_code", "ESRCH");
    assert_at(traces[1], "process.pid", 4_194_303);
    assert_at(traces[1], "process.uid", Value::Null);
    assert_at(
        traces[1],
        "unmapped.source",
        json!({"process.pid": "string"}),
    );
}

#[test]
fn memory_that_is_read_and_written_is_told_with_place_and_size() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let other = Other::new();
    let base = other.memory();
    let remote = format!("span:{base},64");
    let reach = |act: Act, name: &str, pid: &str| {
        call(act, name, &[pid, "local:64", "1", &remote, "1", "0"])
    };
    let acted = reach(Act::new(), "process_vm_readv", &other.pid());
    let acted = reach(acted, "process_vm_writev", &other.pid())
        .with(["done"])
        .done();
    assert_eq!(results(&acted.stdout), [64, 64]);
    let denied = reach(act(["uid", "65534"]), "process_vm_readv", &other.pid());
    let denied = denied.with(["done"]).done();
    assert_eq!(results(&denied.stdout), [-1]);
    // One's own memory is nobody else's.
    let own = call(
        Act::new(),
        "process_vm_readv",
        &["self", "local:8", "1", "local:8", "1", "0"],
    );
    let own = own.with(["done"]).done();
    assert_eq!(results(&own.stdout), [8]);
    let records = daemon.seen();
    for (kind, type_uid) in [("priv.vm_read", 100_407), ("priv.vm_write", 100_408)] {
        let record = only(&records, acted.pid, kind);
        other.assert_is_target(record);
        assert_at(record, "base_address", format!("0x{base:x}"));
        assert_at(record, "size", 64);
        assert_at(record, "type_uid", type_uid);
    }
    let record = only(&records, denied.pid, "priv.vm_read");
    other.assert_is_target(record);
    assert_at(record, "status_code", "EPERM");
    assert_at(record, "size", Value::Null);
    assert_eq!(of(&records, own.pid).len(), 0);
}

#[test]
fn a_descriptor_that_is_taken_is_told_with_whose_it_was() {
    let setup = Setup::on_kept_programs();
    let mut daemon = Lent::take(&setup);
    let other = Other::new();
    let pidfd = format!("pidfd:{}", other.pid());
    let acted = call(Act::new(), "pidfd_getfd", &[&pidfd, "0", "0"]);
    let acted = call(acted, "pidfd_getfd", &[&pidfd, "777", "0"])
        .with(["done"])
        .done();
    let found = results(&acted.stdout);
    assert!(found[0] > 0, "{found:?}");
    assert_eq!(found[1], -i64::from(libc::EBADF));
    let denied = call(act(["uid", "65534"]), "pidfd_getfd", &[&pidfd, "1", "0"]);
    let denied = denied.with(["done"]).done();
    assert_eq!(results(&denied.stdout), [-1]);
    let records = daemon.seen();
    let taken = of(&records, acted.pid);
    assert_eq!(taken.len(), 2);
    for (record, detail) in taken.iter().zip(["fd 0", "fd 777"]) {
        assert_eq!(record.kind(), "priv.pidfd_getfd");
        other.assert_is_target(record);
        assert_at(record, "status_detail", detail);
    }
    let record = only(&records, denied.pid, "priv.pidfd_getfd");
    other.assert_is_target(record);
    assert_at(record, "status_code", "EPERM");
}
