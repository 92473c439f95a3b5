//! `kernel`: namespaces, eBPF programs, and system calls that change the machine as a whole.
//!
//! OWNS: that object, its kinds, and what changed: `clock`, `change`.
//! MUST NOT: know how it was learnt.

use super::kinds;
use crate::record::head::Kind;
use crate::record::limits;
use crate::record::line::{Line, key};
use crate::record::notes::At;
use crate::record::view::{Fact, Text};

#[derive(Debug, Clone, Copy)]
pub struct KernelAct<'a> {
    pub object: KernelObject,
    /// Of the resource: namespaces, a program, a clock.
    pub name: Text<'a>,
    /// Of a program.
    pub kind: Option<&'a str>,
    pub path: Fact<Text<'a>>,
    pub system_call: &'static str,
    /// A name before and after.
    pub change: Option<(Text<'a>, Text<'a>)>,
    pub clock: Option<Clock>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelObject {
    /// New namespaces; whether a user namespace is among them.
    MadeNamespaces {
        user: bool,
    },
    EnteredNamespaces,
    LoadedProgram,
    AttachedProgram,
    Kexec,
    Clock,
    HostName,
    Reboot,
    /// Events of all processes, or of those of a control group.
    PerfEvent,
    /// Who handles faults of its own memory.
    FaultHandler,
    SwapOn,
    SwapOff,
}

/// The wall clock before and after, nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    pub from_utc_ns: i64,
    pub to_utc_ns: i64,
}

/// OCSF's numbers of types.
const TYPE_SYSTEM_CALL: u64 = 2;
const TYPE_OTHER: u64 = 99;

const MILLISECOND_NS: i64 = 1_000_000;

pub fn kind(act: &KernelAct) -> (&'static Kind, u8) {
    match act.object {
        KernelObject::MadeNamespaces { user } => (&UNSHARE, if user { 2 } else { 1 }),
        KernelObject::EnteredNamespaces => (&SETNS, 2),
        KernelObject::LoadedProgram => (&BPF_LOAD, 2),
        KernelObject::AttachedProgram => (&BPF_ATTACH, 2),
        KernelObject::Kexec => (&KEXEC, 3),
        KernelObject::Clock => (&CLOCK_SET, 2),
        KernelObject::HostName => (&HOSTNAME, 1),
        KernelObject::Reboot => (&REBOOT, 3),
        KernelObject::PerfEvent => (&PERF_ALL, 2),
        KernelObject::FaultHandler => (&USERFAULTFD, 2),
        KernelObject::SwapOn => (&SWAPON, 1),
        KernelObject::SwapOff => (&SWAPOFF, 1),
    }
}

kinds! {
    UNSHARE = 1 1003 "1,\"type_uid\":100301," "priv.unshare",
    SETNS = 1 1003 "4,\"type_uid\":100304," "priv.setns",
    BPF_LOAD = 1 1003 "1,\"type_uid\":100301," "priv.bpf_load",
    BPF_ATTACH = 1 1003 "4,\"type_uid\":100304," "priv.bpf_attach",
    KEXEC = 1 1003 "4,\"type_uid\":100304," "priv.kexec",
    CLOCK_SET = 1 1003 "4,\"type_uid\":100304," "priv.clock_set",
    HOSTNAME = 1 1003 "4,\"type_uid\":100304," "priv.hostname",
    REBOOT = 1 1003 "4,\"type_uid\":100304," "priv.reboot",
    PERF_ALL = 1 1003 "4,\"type_uid\":100304," "priv.perf_all",
    USERFAULTFD = 1 1003 "4,\"type_uid\":100304," "priv.userfaultfd",
    SWAPON = 1 1003 "4,\"type_uid\":100304," "priv.swapon",
    SWAPOFF = 1 1003 "4,\"type_uid\":100304," "priv.swapoff",
}

impl Line<'_> {
    pub fn kernel(&mut self, act: &KernelAct) {
        let at = At::root("kernel");
        self.raw("\"kernel\":{");
        self.text(
            key!("name"),
            &at.field("name"),
            &act.name,
            limits::STRING_BYTES_MAX,
        );
        match act.object {
            KernelObject::MadeNamespaces { .. } | KernelObject::EnteredNamespaces => {
                self.integer(key!("type_id"), TYPE_OTHER);
                self.word(key!("type"), "Namespace");
            }
            KernelObject::LoadedProgram | KernelObject::AttachedProgram => {
                self.integer(key!("type_id"), TYPE_OTHER);
                let kind = act.kind.map(|kind| format!("BPF Program ({kind})"));
                let kind = kind.as_deref().unwrap_or("BPF Program");
                self.string(key!("type"), &at.field("type"), kind.as_bytes());
            }
            _ => self.integer(key!("type_id"), TYPE_SYSTEM_CALL),
        }
        let place = at.field("path");
        if let Some(path) = self.known(&place, &act.path) {
            self.path(key!("path"), &place, path);
        }
        self.word(key!("system_call"), act.system_call);
        self.close();
        // Paths of what stands in `unmapped` are noted before it is written.
        if let Some((old, new)) = &act.change {
            let unmapped = At::root("unmapped");
            let at = unmapped.field("change");
            self.note_text(&at.field("old"), old);
            self.note_text(&at.field("new"), new);
        }
    }

    pub fn kernel_change(&mut self, act: &KernelAct) {
        if let Some((old, new)) = &act.change {
            self.raw("\"change\":{");
            self.bare_text(key!("old"), old);
            self.bare_text(key!("new"), new);
            self.close();
        }
        if let Some(clock) = &act.clock {
            self.raw("\"clock\":{");
            self.instant(key!("from"), clock.from_utc_ns);
            self.instant(key!("to"), clock.to_utc_ns);
            let step_ns = clock.to_utc_ns.saturating_sub(clock.from_utc_ns);
            self.signed(key!("step_ms"), step_ns / MILLISECOND_NS);
            self.close();
        }
    }
}
