//! `docs/EVENTS.md`: what is told, by what it is switched, and one record of each kind.
//!
//! Owns the sentences. The kinds are those of the table of kinds, the records the golden ones, so the page
//! cannot say what the daemon does not write. `UPDATE_GOLDEN=1` rewrites it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use audit_common::KINDS;

use super::golden;
use super::ordered::Json;

/// What is the same in every record, and left out of the page.
const COMMON: [&str; 3] = ["time", "metadata", "device"];

const HEAD: &str = "\
# What is told

Each kind of record by its `metadata.event_code`, with the keys that switch it (all are on unless said) and one
record as the log has it. `time`, `metadata` and `device` stand in each record alike and are left out here; the first
record of the README has them. The records are golden ones: tests hold the daemon to them byte by byte, and validate
them against OCSF 1.8.0 in `cargo xtask test`. This page is written by a test (`UPDATE_GOLDEN=1`).

Failures are told like successes, with `status_code`. Acts on files are told where a watch asks for them. Why a group is on or off:
what is rare and grave is on (all of `[privilege]`, below `events.privilege.record`); what a host does all day is off
(`network.loopback`, `network.unix`, `network.close`, fork and exit records), or folded to a count.
";

/// Kind, what switches it, when it is told.
#[rustfmt::skip]
const TOLD: &[(&str, &str, &str)] = &[
    ("process.exec", "`events.exec.record`, `events.exec_failed.record`", "A program is executed, or could not be."),
    ("process.fork", "`events.fork.record` (off)", "A process is made. It is always followed, and recorded where that is asked for."),
    ("process.exit", "`events.exit.record` (off)", "A process ends, by itself or by a signal."),
    ("file.open_read", "a watch", "A file is opened to be read; a descriptor of it comes from another process."),
    ("file.open_write", "a watch", "A file is opened to be written."),
    ("file.create", "a watch", "An open makes a file."),
    ("file.delete", "a watch", "A name of a file is removed."),
    ("file.rmdir", "a watch", "A directory is removed."),
    ("file.rename", "a watch", "A file gets another name, or two exchange theirs."),
    ("file.link", "a watch", "A file gets one name more."),
    ("file.symlink", "a watch", "A symbolic link is made."),
    ("file.mkdir", "a watch", "A directory is made."),
    ("file.mknod", "a watch", "A device, a pipe or a socket is made."),
    ("file.truncate", "a watch", "A file is cut or prolonged."),
    ("file.chmod", "a watch", "Permissions change, before and after."),
    ("file.chown", "a watch", "Owner or group change, before and after."),
    ("file.setxattr", "a watch", "An extended attribute is set, access control lists among them."),
    ("file.rmxattr", "a watch", "An extended attribute is removed."),
    ("file.utimes", "a watch", "Times are set by hand, where a watch asks for `utimes`."),
    ("file.mount", "a watch, or `privilege.mounts`", "Something is mounted, moved or mounted otherwise."),
    ("file.umount", "a watch, or `privilege.mounts`", "Something is unmounted."),
    ("priv.chroot", "a watch, or `privilege.mounts`", "A process gets another root."),
    ("priv.pivot_root", "a watch, or `privilege.mounts`", "All processes of a mount namespace get another root."),
    ("net.connect", "`events.network.record`", "A connection is established or refused; it waits (`status_id` 99) or is given up."),
    ("net.send", "`events.network.record`", "The first datagram of a socket to a peer that it is not connected to."),
    ("net.accept", "`events.network.record`", "A connection of another one is accepted."),
    ("net.bind", "`events.network.record`", "A socket gets an address of its own."),
    ("net.listen", "`events.network.record`", "A socket waits for connections."),
    ("net.close", "`network.close` (off)", "A connection that was told ends, with its bytes and its duration."),
    ("net.raw_socket", "`events.network.record`", "A raw or packet socket is made."),
    ("priv.setuid", "`privilege.credentials`", "Users of a process change: setuid and its kin."),
    ("priv.setgid", "`privilege.credentials`", "Groups of a process change: setgid and its kin."),
    ("priv.setgroups", "`privilege.credentials`", "Its supplementary groups change."),
    ("priv.capset", "`privilege.capabilities`", "Its capabilities change, effective or ambient."),
    ("priv.unshare", "`privilege.namespaces`", "Namespaces are made: clone, clone3, unshare."),
    ("priv.setns", "`privilege.namespaces`", "Namespaces are entered."),
    ("priv.ptrace", "`privilege.ptrace`", "A process begins to be traced."),
    ("priv.pidfd_getfd", "`privilege.ptrace`", "A descriptor is taken out of another process."),
    ("priv.vm_read", "`privilege.memory`", "Memory of another process is read, or opened to be."),
    ("priv.vm_write", "`privilege.memory`", "Memory of another process is written, or opened to be."),
    ("priv.signal", "`privilege.signals`, `privilege.protect`", "The daemon, or a process of a protected unit, gets a signal."),
    ("priv.module_load", "`privilege.modules`", "A kernel module is loaded."),
    ("priv.module_unload", "`privilege.modules`", "A kernel module is unloaded."),
    ("priv.bpf_load", "`privilege.bpf`", "An eBPF program of others is loaded."),
    ("priv.bpf_attach", "`privilege.bpf`", "It is attached by bpf(2)."),
    ("priv.kexec", "`privilege.system`", "Another kernel is put in place for the next start."),
    ("priv.clock_set", "`privilege.system`", "The clock is set or slewed."),
    ("priv.hostname", "`privilege.system`", "Name or domain of the host change, before and after."),
    ("priv.reboot", "`privilege.system`", "A restart, a halt, or what Ctrl-Alt-Del does. Told before it is done."),
    ("priv.swapon", "`privilege.system`", "Memory is to be swapped to a file or device."),
    ("priv.swapoff", "`privilege.system`", "It is no longer."),
    ("priv.perf_open", "`privilege.ptrace`", "Performance events of another process are counted or sampled."),
    ("priv.perf_all", "`privilege.ptrace`", "Those of all processes, or of a control group."),
    ("priv.userfaultfd", "`privilege.memory`", "A process handles faults of memory itself."),
    ("priv.personality", "`privilege.memory`", "How it is executed changes: without random addresses, for one."),
    ("priv.securebits", "`privilege.capabilities`", "What root may do by being root changes."),
    ("priv.no_new_privs", "`privilege.capabilities`", "It gives up to gain anything by an exec."),
];

fn codes() -> Vec<&'static str> {
    let mut codes: Vec<&str> = Vec::new();
    for code in KINDS.iter().flat_map(|row| row.event_codes) {
        if !codes.contains(code) {
            codes.push(code);
        }
    }
    codes
}

/// The first golden record of this kind, without what all have, one member a line.
fn example(records: &[Json], code: &str) -> String {
    let of_code = |record: &&Json| record.text_at("metadata.event_code") == Some(code);
    let record = records.iter().find(of_code);
    let Some(Json::Object(members)) = record else {
        panic!("no golden record of {code}");
    };
    let own = members
        .iter()
        .filter(|(key, _)| !COMMON.contains(&key.as_str()));
    let own = own.map(|(key, value)| {
        let value = serde_json::to_string(value).unwrap();
        format!("  \"{key}\": {value}")
    });
    format!("{{\n{}\n}}", own.collect::<Vec<_>>().join(",\n"))
}

fn page() -> String {
    let records: Vec<Json> = golden::all()
        .iter()
        .map(|(_, line)| Json::parse(line.as_bytes()))
        .collect();
    let mut page = HEAD.to_owned();
    for (code, switch, sentence) in TOLD {
        let record = example(&records, code);
        write!(
            page,
            "\n## {code}\n\n{sentence} Switch: {switch}.\n\n```json\n{record}\n```\n"
        )
        .unwrap();
    }
    page
}

#[test]
fn every_kind_stands_there_once_and_in_order() {
    let said: Vec<&str> = TOLD.iter().map(|(code, _, _)| *code).collect();
    assert_eq!(said, codes());
}

#[test]
fn the_page_says_what_the_daemon_writes() {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/EVENTS.md");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, page()).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap();
    assert!(found == page(), "docs/EVENTS.md is of old; UPDATE_GOLDEN=1");
}
