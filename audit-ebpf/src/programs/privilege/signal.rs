//! A signal for a protected process: tp_btf signal_generate(signal, info, task, group, result).
//!
//! Owns which processes are protected: the daemon itself, and those in the control group of a listed
//! unit. Signals that the kernel makes itself are not told, nor those that a process sends itself.

use audit_common::{
    Kind, Lane,
    limits::{UNIT_BYTES_MAX, UNITS_MAX},
    privilege::{Privilege, call, group},
};
use aya_ebpf::{
    macros::{btf_tracepoint, map},
    maps::HashMap,
    programs::BtfTracePointContext,
};

use super::{blank, calls, target};
use crate::{
    arch,
    emit::emit,
    entry::Entry,
    read,
    scratch::{self, Small},
    settings::{offset, setting},
    task, volume, watch,
};

/// Names of units, NUL-padded; filled by the daemon at load.
#[map]
static PROTECTED_UNITS: HashMap<[u8; UNIT_BYTES_MAX], u8> = HashMap::with_max_entries(UNITS_MAX, 0);

/// In the place of an address: a signal of a user of whom nothing more is said (newer kernels' kill), and
/// one of the kernel.
const SEND_SIG_NOINFO: u64 = 0;
const SEND_SIG_PRIV: u64 = 1;
const SI_USER: i32 = 0;
const SI_QUEUE: i32 = -1;
const SI_TKILL: i32 = -6;
/// Directories between a process and its unit's: units may divide theirs.
const LEVELS: u32 = 4;

#[btf_tracepoint(function = "signal_generate")]
pub fn signal_sent(ctx: BtfTracePointContext) -> i32 {
    let (info, receiver): (u64, u64) = (ctx.arg(1), ctx.arg(2));
    if info != SEND_SIG_PRIV && setting!(privilege) & group::SIGNALS != 0 {
        sent(&ctx, info, receiver);
    }
    0
}

#[inline(always)]
fn sent(ctx: &BtfTracePointContext, info: u64, receiver: u64) {
    if !is_protected(receiver) {
        return;
    }
    let code: i32 = match info {
        SEND_SIG_NOINFO => SI_USER,
        _ => read::kernel(info + offset!(siginfo_code)),
    };
    let sender = task::current();
    // Whoever queues one chooses its code, but for those of the kernel's own.
    let asked = matches!(code, SI_USER | SI_QUEUE | SI_TKILL) || code < 0 && sends(sender);
    let to: u32 = read::kernel(receiver + offset!(task_tgid));
    let from: u32 = read::kernel(sender + offset!(task_tgid));
    if !asked || to == from {
        return;
    }
    let Some(slot) = scratch::small(Small::Signal) else {
        return;
    };
    // SAFETY: the slot is larger than the event, and this CPU's and program's own.
    unsafe {
        let event = &mut *slot.cast::<Privilege>();
        blank(event, sender, call::SIGNAL, 0);
        if !volume::is_within_rate(&event.header) {
            return;
        }
        event.values[0] = ctx.arg::<u32>(0).into();
        event.values[1] = code as u32 as u64;
        event.values[2] = u64::from(ctx.arg::<u32>(3) == 0);
        event.values[3] = ctx.arg::<u32>(4).into();
        target::fill(event, receiver);
        emit(
            Kind::Privilege,
            Lane::Bulk,
            slot,
            size_of::<Privilege>() as u64,
        );
    }
}

/// Is this task in a call that sends signals?
#[inline(always)]
fn sends(sender: u64) -> bool {
    let number = arch::number(arch::registers(sender));
    let entry = match task::in_compat(sender) {
        true => Entry::Compat,
        false => Entry::Native,
    };
    calls::by_entry(number, entry) == call::SIGNAL
}

/// Is this the daemon, or a process of a listed unit?
#[inline(always)]
pub fn is_protected(receiver: u64) -> bool {
    if watch::self_tgid() == read::kernel::<u32>(receiver + offset!(task_tgid)) {
        return true;
    }
    if setting!(protected_units) == 0 {
        return false;
    }
    let set: u64 = read::kernel(receiver + offset!(task_cgroups));
    if is_of_unit(read::kernel(set + offset!(css_set_dfl_cgrp))) {
        return true;
    }
    let slot = setting!(v1_subsystem);
    if slot == 0 {
        return false;
    }
    let at = set + offset!(css_set_subsys) + u64::from(slot - 1) * 8;
    let state: u64 = read::kernel(at);
    is_of_unit(read::kernel(state + offset!(css_cgroup)))
}

#[inline(always)]
fn is_of_unit(cgroup: u64) -> bool {
    let mut node: u64 = read::kernel(cgroup + offset!(cgroup_kn));
    for _ in 0..LEVELS {
        if node == 0 {
            return false;
        }
        let mut name = [0u8; UNIT_BYTES_MAX];
        let address: u64 = read::kernel(node + offset!(kernfs_name));
        // SAFETY: the array is that long.
        unsafe { read::kernel_string(name.as_mut_ptr(), UNIT_BYTES_MAX as u32, address) };
        if PROTECTED_UNITS.get_ptr(&name).is_some() {
            return true;
        }
        node = read::kernel(node + offset!(kernfs_parent));
    }
    false
}
