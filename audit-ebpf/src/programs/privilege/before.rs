//! What a task was before the call: ids, groups, capabilities, namespaces, the host's name.
//!
//! Owns the map `PRIVILEGE_BEFORE`, keyed by the task's address: filled at the entry of the calls that
//! change them, emptied at their exit. Bounded: under pressure the oldest are lost, and the event says
//! that it does not know.

use audit_common::privilege::{GROUPS_MAX, NO_VALUE, Sets, call, namespace};
use aya_ebpf::{
    macros::{btf_tracepoint, map, tracepoint},
    maps::LruHashMap,
    programs::{BtfTracePointContext, TracePointContext},
};

use super::{calls, own, reboot};
use crate::{
    arch::{self, registers},
    done::Turn,
    entry::{Entry, argument},
    read,
    scratch::{self, Small},
    settings::{offset, setting},
    task,
};

/// Bytes of a name of the host, its NUL included.
pub const NAME_BYTES: usize = 65;
pub const TEXT_BYTES: usize = 4 * GROUPS_MAX;
const _: () = assert!(NAME_BYTES < TEXT_BYTES);

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Before {
    pub caps: Sets,
    /// Of a time seconds, and the smaller part of it; of what holds it back see `own`.
    pub words: [u64; 2],
    pub ids: [u32; 8],
    pub namespaces: [u32; namespace::COUNT],
    pub call: u32,
    pub groups: u32,
    /// Told already; where programs can be preempted, for the twin.
    pub is_told: u64,
    /// A name, or groups.
    pub text: [u8; TEXT_BYTES],
}

/// Calls under way at once; each task has one at most.
#[map]
static PRIVILEGE_BEFORE: LruHashMap<u64, Before> = LruHashMap::with_max_entries(4096, 0);

#[tracepoint]
pub fn privilege_enters(_ctx: TracePointContext) -> u32 {
    entered(Small::PrivilegeEnters, Entry::Native, true);
    0
}

/// The same once more, where the first may be skipped.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn privilege_enters_again(_ctx: TracePointContext) -> u32 {
    entered(Small::PrivilegeEntersAgain, Entry::Native, false);
    0
}

/// Of 32-bit calls, where those are looked at.
#[btf_tracepoint(function = "sys_enter")]
pub fn privilege_enters_compat(_ctx: BtfTracePointContext) -> i32 {
    if task::in_compat(task::current()) {
        entered(Small::PrivilegeEntersCompat, Entry::Compat, true);
    }
    0
}

#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn privilege_enters_compat_traced(_ctx: TracePointContext) -> u32 {
    if task::in_compat(task::current()) {
        entered(Small::PrivilegeEntersCompat, Entry::Compat, true);
    }
    0
}

/// Has the call a "before" that is wanted?
#[inline(always)]
fn is_kept(call: u32) -> bool {
    matches!(
        call,
        call::SETUID..=call::SETNS
            | call::ADJTIMEX..=call::SETDOMAINNAME
            | call::SECUREBITS
            | call::NO_NEW_PRIVS
    )
}

#[inline(always)]
fn entered(slot: Small, entry: Entry, is_first: bool) {
    let task = task::current();
    let regs = registers(task);
    let call = calls::by_entry(arch::number(regs), entry);
    if !calls::is_switched_on(call) {
        return;
    }
    let first = argument::<0>(regs, entry);
    let call = calls::meant(call, first, argument::<1>(regs, entry));
    if call == call::REBOOT {
        if is_first {
            reboot::entered(task, regs, entry, slot);
        }
        return;
    }
    if !is_kept(call) {
        return;
    }
    let Some(slot) = scratch::small(slot) else {
        return;
    };
    // SAFETY: the slot is larger than this, and this CPU's and program's own.
    let before = unsafe { &mut *slot.cast::<Before>() };
    let cred: u64 = read::kernel(task + offset!(task_cred));
    before.ids = read::kernel(cred + offset!(cred_uid));
    before.caps = task::capability_sets(cred);
    before.call = call;
    before.is_told = 0;
    before.groups = 0;
    before.words = [NO_VALUE; 2];
    task::namespaces_of(task, &mut before.namespaces);
    match call {
        call::SETGROUPS => {
            // SAFETY: the text has room for all groups that are kept.
            before.groups = unsafe { task::groups(cred, before.text.as_mut_ptr()) };
        }
        call::SETHOSTNAME | call::SETDOMAINNAME => {
            let name = host_name(task, call);
            // SAFETY: the text is longer.
            unsafe { read::kernel_bytes(before.text.as_mut_ptr(), NAME_BYTES as u64, name) };
        }
        // Of 32 bits the structure is another one.
        call::ADJTIMEX if entry == Entry::Native => before.words = adjustment(first),
        call::CLOCK_ADJTIME if entry == Entry::Native => {
            before.words = adjustment(argument::<1>(regs, entry));
        }
        call::SECUREBITS | call::NO_NEW_PRIVS => before.words = own::restraints(task),
        _ => {}
    }
    // A full map evicts; a failure leaves the event without its "before", which it says.
    let _ = PRIVILEGE_BEFORE.insert(&task, before, 0);
}

/// Where the kernel keeps the name of the task's host, or its domain's.
#[inline(always)]
pub fn host_name(task: u64, call: u32) -> u64 {
    let proxy: u64 = read::kernel(task + offset!(task_nsproxy));
    let uts: u64 = read::kernel(proxy + offset!(nsproxy_uts));
    match call {
        call::SETHOSTNAME => uts + offset!(uts_ns_node),
        _ => uts + offset!(uts_ns_domain),
    }
}

/// `timex.time`: the call writes the time of day there.
const TIMEX_TIME: u64 = 72;

#[inline(always)]
fn adjustment(timex: u64) -> [u64; 2] {
    read::try_user(timex + TIMEX_TIME).unwrap_or([NO_VALUE; 2])
}

/// What was kept of this call of the task.
#[inline(always)]
pub fn of(task: u64, call: u32) -> Option<*mut Before> {
    let before = PRIVILEGE_BEFORE.get_ptr_mut(&task)?;
    // SAFETY: a live map value; only this task's own calls write its entry.
    (unsafe { (*before).call } == call).then_some(before)
}

/// Has another program told this call of the task?
#[inline(always)]
pub fn is_told(task: u64, call: u32) -> bool {
    of(task, call).is_some_and(|before| {
        // SAFETY: a live map value, which only this task's own calls write.
        unsafe { (*before).is_told != 0 }
    })
}

/// The call is over and told, or need not be.
#[inline(always)]
pub fn over(task: u64, call: u32, turn: Turn) {
    let Some(before) = of(task, call) else {
        return;
    };
    if setting!(preempted) != 0 && turn == Turn::First {
        // SAFETY: a live map value.
        unsafe { (*before).is_told = 1 };
    } else {
        let _ = PRIVILEGE_BEFORE.remove(&task);
    }
}
