//! `[privilege]`: which acts on privileges are looked at, and whose processes are protected.
//!
//! OWNS: that section, and what it means to the kernel programs. MUST NOT: know calls.

use audit_common::limits::{UNIT_BYTES_MAX, UNITS_MAX};
use audit_common::privilege::group;

use super::Config;
use super::scalar::Flag;
use super::table::settings;
use super::text::{Text, TextList};

/// Units whose processes are protected.
const UNITS: TextList = TextList {
    item: Text {
        check: check_unit,
        pattern: r"^[A-Za-z0-9:_.@\\-]{1,63}$",
    },
    items_max: UNITS_MAX as usize,
};

settings! {
    /// `[privilege]`
    pub struct Privilege as "key" {
        /// Users and groups of a process: setuid, setgid, setgroups and their kin.
        credentials: bool = Flag => true,
        /// Capabilities: capset, ambient ones by prctl, and what bounds them: securebits and
        /// no_new_privs. Those of an exec stand in its record.
        capabilities: bool = Flag => true,
        /// Namespaces that are made or entered: clone, unshare, setns.
        namespaces: bool = Flag => true,
        /// Other processes looked into: ptrace, descriptors taken out of them (pidfd_getfd), and
        /// performance events of others or of all (perf_event_open).
        ptrace: bool = Flag => true,
        /// Memory of other processes: process_vm_readv and process_vm_writev, and /proc/PID/mem
        /// while files are recorded. What weakens a process's own: userfaultfd, personality.
        memory: bool = Flag => true,
        /// What is mounted, unmounted and moved, wherever, while files are recorded; a watch tells
        /// what concerns it in any case.
        mounts: bool = Flag => true,
        /// Kernel modules.
        modules: bool = Flag => true,
        /// eBPF programs of others than the daemon: loaded, attached.
        bpf: bool = Flag => true,
        /// The machine as a whole: kexec, reboot, clock, names of the host, swap.
        system: bool = Flag => true,
        /// Signals to protected processes: who sent what.
        signals: bool = Flag => true,
        /// Units whose processes are protected, such as ["sshd.service"]; the daemon always is.
        protect: Vec<String> = UNITS => Vec::new(),
    }
}

impl Privilege {
    /// As the kernel programs have it: none of what is not recorded.
    fn groups(&self, is_recorded: bool) -> u32 {
        [
            (self.credentials, group::CREDENTIALS),
            (self.capabilities, group::CAPABILITIES),
            (self.namespaces, group::NAMESPACES),
            (self.ptrace, group::PTRACE),
            (self.memory, group::MEMORY),
            (self.mounts, group::MOUNTS),
            (self.modules, group::MODULES),
            (self.bpf, group::BPF),
            (self.system, group::SYSTEM),
            (self.signals, group::SIGNALS),
        ]
        .into_iter()
        .filter(|(wanted, _)| *wanted && is_recorded)
        .fold(0, |groups, (_, group)| groups | group)
    }
}

impl Config {
    /// The groups of acts on privileges that are told.
    pub fn privileges(&self) -> u32 {
        let is_recorded = self.events.is_recorded("privilege");
        self.privilege.groups(is_recorded)
    }
}

fn check_unit(name: &str) -> Result<(), String> {
    let part = |c: char| c.is_ascii_alphanumeric() || ":_.@\\-".contains(c);
    if !name.is_empty() && name.len() < UNIT_BYTES_MAX && name.chars().all(part) {
        return Ok(());
    }
    Err("expected the name of a unit, such as \"sshd.service\"".to_owned())
}
