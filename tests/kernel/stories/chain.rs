//! What one process and all that came of it did, found by the links that records have.
//!
//! Owns: the joining, and each record as one short line. Must not: ask anything but the log.

use std::collections::BTreeSet;
use std::path::Path;

use audit_tests::{Record, Records};

/// Records of a process and of its descendants, in the order of the log.
pub struct Story(pub Vec<Record>);

impl Story {
    /// The story of the process with this pid, which began with an exec.
    #[track_caller]
    pub fn of(records: &Records, pid: u32) -> Story {
        let began = records.iter().find(|one| one.is_exec() && one.pid() == pid);
        let began = began.unwrap_or_else(|| panic!("no exec of {pid}"));
        let mut members = BTreeSet::from([began.str("process.uid")]);
        let mut own = Vec::new();
        for record in records.iter() {
            let (doer, parent) = doer(record);
            if parent.is_some_and(|parent| members.contains(parent)) {
                members.insert(doer);
            }
            if members.contains(doer) {
                own.push(record.clone());
            }
        }
        Story(own)
    }

    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Record> {
        self.0.iter().filter(move |one| one.kind() == kind)
    }

    /// The only one of this kind.
    #[track_caller]
    pub fn only(&self, kind: &str) -> &Record {
        let found: Vec<_> = self.0.iter().filter(|one| one.kind() == kind).collect();
        assert_eq!(found.len(), 1, "{kind} in {:#?}", self.told());
        found[0]
    }

    /// The exec of this program that was done last.
    #[track_caller]
    pub fn exec(&self, program: &Path) -> &Record {
        let is_it = |one: &&Record| one.str("process.file.path") == program.to_string_lossy();
        let found = self.of_kind("process.exec").filter(is_it).last();
        found.unwrap_or_else(|| panic!("no exec of {}", program.display()))
    }

    /// Each record as a line.
    pub fn told(&self) -> Vec<String> {
        self.0.iter().map(line).collect()
    }
}

/// Whose record it is, and of a new program who made its process.
fn doer(record: &Record) -> (&str, Option<&str>) {
    let kind = record.kind();
    if kind.starts_with("process.") {
        return (
            record.str("process.uid"),
            Some(record.str("actor.process.uid")),
        );
    }
    let own = match kind {
        "priv.capset" => "process.uid",
        _ => "actor.process.uid",
    };
    (record.str(own), None)
}

/// What was done, to what, and what came of it.
fn line(record: &Record) -> String {
    let kind = record.kind();
    if kind.starts_with("net.") {
        return crate::net::line(record);
    }
    let what = match kind {
        "process.exec" => {
            let [path, uid] = ["process.file.path", "process.user.uid"].map(|at| record.str(at));
            format!("{path} as {uid}/{}", record.num("process.euid"))
        }
        "priv.setuid" | "priv.setgid" => {
            let [from, to] = ["actor.process", "process"].map(|whose| {
                let uid = record.str(&format!("{whose}.user.uid"));
                format!("{uid}/{}", record.num(&format!("{whose}.euid")))
            });
            format!("{from} to {to}")
        }
        "priv.module_load" => record.str("driver.file.name").to_owned(),
        "priv.unshare" | "priv.setns" => without_numbers(record.str("kernel.name")),
        _ if kind.starts_with("file.") => record.str("file.path").to_owned(),
        _ => record.str("status_detail").to_owned(),
    };
    let result = match record.num("status_id") {
        1 => "done",
        _ => record.str("status_code"),
    };
    format!("{kind} {what} {result}")
}

/// `mnt:[4026532177] uts:[4026532178]` as `mnt uts`.
fn without_numbers(namespaces: &str) -> String {
    let names = namespaces.split(' ').map(|one| match one.split_once(':') {
        Some((name, _)) => name,
        None => one,
    });
    names.collect::<Vec<_>>().join(" ")
}
