//! Ids, groups and capabilities that a call of 32 bits changes, in the moment in which the kernel puts
//! them in force: in `commit_creds`, where all ways to change them meet.
//!
//! Owns that entry point. Only what succeeds comes here. With `kernel.compat` the exits of calls tell all
//! of it, and this does nothing. An exec is told by `exec`.

use audit_common::{
    Kind, Lane,
    counters::Filtered,
    events::tag,
    privilege::{Privilege, call, flag},
};
use aya_ebpf::{macros::fentry, programs::FEntryContext};

use super::{Call, Verdict, about, blank, calls, push_groups};
use crate::{
    arch,
    emit::{emit, filtered},
    entry::Entry,
    programs::way::{self, By},
    read,
    scratch::{self, Large},
    settings::{offset, setting},
    tails::Tails,
    task, watch,
};

#[fentry(function = "commit_creds")]
pub fn credentials_narrow(ctx: FEntryContext) -> i32 {
    let task = task::current();
    if setting!(raw_syscalls) == 0 && way::beside_calls(task) == Some(By::NarrowCall) {
        put_in_force(task, ctx.arg(0));
    }
    0
}

/// `cred`: what is to be the task's.
#[inline(always)]
fn put_in_force(task: u64, cred: u64) {
    let regs = arch::registers(task);
    let call = calls::call_32(arch::number(regs));
    let is_of_credentials = matches!(call, call::SETUID..=call::CAPSET | call::PRCTL);
    if !is_of_credentials || !calls::is_switched_on(call) {
        return;
    }
    let Some(slot) = scratch::large(Large::PrivilegeCompat) else {
        return;
    };
    let asked = Call {
        task,
        entry: Entry::Compat,
        slot,
    };
    asked.note(call, regs, 0);
    if !asked.is_wanted() || !matches!(asked.call(), call::SETUID..=call::PRCTL_AMBIENT) {
        return;
    }
    // SAFETY: the slot is larger than any event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<Privilege>() };
    blank(event, task, asked.call(), 0);
    if watch::self_tgid() == event.header.tgid {
        filtered(Lane::Bulk, Filtered::Oneself);
        return;
    }
    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<Privilege>()) };
    let before: u64 = read::kernel(task + offset!(task_cred));
    event.flags |= flag::BEFORE;
    event.before_ids = read::kernel(before + offset!(cred_uid));
    event.before_caps = task::capability_sets(before);
    // Who it is after the act.
    task::fill_with(&mut event.header, task, cred);
    event.caps = task::capability_sets(cred);
    event.header.flags |= Entry::Compat.flag();
    event.number = asked.number() as u32;
    if asked.call() == call::SETGROUPS {
        push_groups(tails, tag::OLD_GROUPS, before);
        push_groups(tails, tag::GROUPS, cred);
    } else if about::credentials(&asked, event) == Verdict::NoChange {
        filtered(Lane::Bulk, Filtered::NoChange);
        return;
    }
    // SAFETY: `slot` begins with the event; `size` is masked to the slot.
    unsafe { emit(Kind::Privilege, Lane::Bulk, slot, tails.size()) };
}
