//! Acts on privileges, on other processes and on the kernel: each is recorded once, with who, on what,
//! and what came of it.

mod credentials;
mod gained;
mod kernel;
mod memory;
mod mounts;
mod namespaces;
mod narrow;
mod own;
mod perf;
mod processes;
mod signals;

use audit_tests::acts::Act;
use audit_tests::{Record, Records};

/// A user that owns nothing.
const NOBODY: u32 = 65534;

/// Acts of which the acting process is the object.
const OF_ONESELF: [&str; 4] = [
    "priv.capset",
    "priv.personality",
    "priv.securebits",
    "priv.no_new_privs",
];

/// The records of this process of privileges, in order.
fn of(records: &Records, pid: u32) -> Vec<&Record> {
    let is_its = |record: &&Record| {
        let by_actor = record.num("actor.process.pid") == i64::from(pid);
        let by_itself = OF_ONESELF.contains(&record.kind()) && record.pid() == pid;
        record.kind().starts_with("priv.") && (by_actor || by_itself)
    };
    records.iter().filter(is_its).collect()
}

/// The only one of this kind among them.
#[track_caller]
fn only<'a>(records: &'a Records, pid: u32, kind: &str) -> &'a Record {
    let all = of(records, pid);
    let found: Vec<_> = all.iter().filter(|record| record.kind() == kind).collect();
    let lines: Vec<&str> = all.iter().map(|record| record.line.as_str()).collect();
    assert_eq!(found.len(), 1, "{kind} of {pid}: {lines:#?}");
    found[0]
}

/// One call as a step.
pub fn call(act: Act, name: &str, arguments: &[&str]) -> Act {
    act.with(["call", name, &arguments.len().to_string()])
        .with(arguments)
}

/// What each call of an act came to.
pub fn results(stdout: &str) -> Vec<i64> {
    let lines = stdout.lines();
    lines.map(|line| line.parse().expect("a number")).collect()
}

/// Is there a tracepoint for this call? Without one the kernel does not have it.
pub fn has_call(name: &str) -> bool {
    let point = format!("events/syscalls/sys_exit_{name}");
    ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"]
        .iter()
        .any(|root| std::path::Path::new(root).join(&point).exists())
}
