//! THE table of event kinds: number, name, lane, least size, whether it is recorded.
//!
//! Owns the kind numbers. Dispatch, metric labels, hook table and docs are loops over [`KINDS`];
//! nothing else spells a kind's number. A number is never reused for another meaning.

use crate::events::{cgroup, exec, exec_failed, exit, file_act, file_open, fork, net, privilege};
use crate::header::Lane;

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Kind {
    Exec = 1,
    ExecFailed = 2,
    Fork = 3,
    Exit = 4,
    CgroupCreated = 5,
    CgroupRemoved = 6,
    FileOpen = 7,
    FileAct = 8,
    Net = 9,
    Privilege = 10,
}

/// One kind, as everybody else reads it.
pub struct KindRow {
    pub kind: Kind,
    /// In status, metrics and `check`; the config's `[events.NAME]` is [`KindRow::group`].
    pub name: &'static str,
    /// What an operator switches and requires as one.
    pub group: &'static str,
    pub lane: Lane,
    /// Header and fixed part.
    pub bytes_min: usize,
    /// `metadata.event_code` of the records that are made of it.
    pub event_codes: &'static [&'static str],
}

const fn row(
    kind: Kind,
    name: &'static str,
    group: &'static str,
    lane: Lane,
    bytes_min: usize,
    event_codes: &'static [&'static str],
) -> KindRow {
    KindRow {
        kind,
        name,
        group,
        lane,
        bytes_min,
        event_codes,
    }
}

#[rustfmt::skip]
pub const KINDS: &[KindRow] = &[
    row(Kind::Exec,          "exec",           "exec",        Lane::Critical, size_of::<exec::Exec>(),             &["process.exec"]),
    row(Kind::ExecFailed,    "exec_failed",    "exec_failed", Lane::Bulk,     size_of::<exec_failed::ExecFailed>(), &["process.exec"]),
    row(Kind::Fork,          "fork",           "fork",        Lane::Critical, size_of::<fork::Fork>(),             &["process.fork"]),
    row(Kind::Exit,          "exit",           "exit",        Lane::Critical, size_of::<exit::Exit>(),             &["process.exit"]),
    row(Kind::CgroupCreated, "cgroup_created", "cgroup",      Lane::Critical, size_of::<cgroup::Cgroup>(),         &[]),
    row(Kind::CgroupRemoved, "cgroup_removed", "cgroup",      Lane::Critical, size_of::<cgroup::Cgroup>(),         &[]),
    row(Kind::FileOpen,      "file_open",      "file",        Lane::Bulk,     size_of::<file_open::FileOpen>(),     &["file.open_read", "file.open_write", "file.create"]),
    row(Kind::FileAct,       "file_act",       "file",        Lane::Bulk,     size_of::<file_act::FileAct>(),       &[
        "file.delete", "file.rmdir", "file.rename", "file.link", "file.symlink", "file.mkdir", "file.mknod", "file.truncate",
        "file.chmod", "file.chown", "file.setxattr", "file.rmxattr", "file.utimes", "file.mount", "file.umount",
        "priv.chroot", "priv.pivot_root",
    ]),
    row(Kind::Net,           "network",        "network",     Lane::Bulk,     size_of::<net::Net>(),               &[
        "net.connect", "net.send", "net.accept", "net.bind", "net.listen", "net.close", "net.raw_socket",
    ]),
    row(Kind::Privilege,     "privilege",      "privilege",   Lane::Bulk,     size_of::<privilege::Privilege>(),    &[
        "priv.setuid", "priv.setgid", "priv.setgroups", "priv.capset", "priv.unshare", "priv.setns",
        "priv.ptrace", "priv.pidfd_getfd", "priv.vm_read", "priv.vm_write", "priv.signal",
        "priv.module_load", "priv.module_unload", "priv.bpf_load", "priv.bpf_attach", "priv.kexec",
        "priv.clock_set", "priv.hostname", "priv.reboot", "priv.swapon", "priv.swapoff",
        "priv.perf_open", "priv.perf_all", "priv.userfaultfd", "priv.personality", "priv.securebits",
        "priv.no_new_privs",
    ]),
];

/// Slots for per-kind counters in the shared map; a kind's slot is its number.
pub const KIND_SLOTS: usize = 64;

impl Kind {
    pub fn row(self) -> &'static KindRow {
        // Position is asserted by the test below.
        &KINDS[self as usize - 1]
    }

    pub fn from_number(number: u16) -> Option<Kind> {
        KINDS
            .iter()
            .map(|row| row.kind)
            .find(|kind| *kind as u16 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::HEADER_BYTES;

    #[test]
    fn numbers_are_positions() {
        for (position, row) in KINDS.iter().enumerate() {
            assert_eq!(row.kind as usize, position + 1, "{}", row.name);
            assert_eq!(row.kind.row().name, row.name);
            assert_eq!(Kind::from_number(row.kind as u16), Some(row.kind));
        }
        assert!(KINDS.len() < KIND_SLOTS);
        assert_eq!(Kind::from_number(0), None);
        assert_eq!(Kind::from_number(KINDS.len() as u16 + 1), None);
    }

    #[test]
    fn names_are_unique_and_sizes_hold_a_header() {
        for (i, row) in KINDS.iter().enumerate() {
            assert!(row.bytes_min >= HEADER_BYTES, "{}", row.name);
            assert!(
                KINDS[..i].iter().all(|other| other.name != row.name),
                "{}",
                row.name
            );
        }
    }
}
