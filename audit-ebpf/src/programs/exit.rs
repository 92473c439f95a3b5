//! A process ended: tp_btf sched_process_exit(task[, group_dead]), or the trace event of that name,
//! whose programs cannot be preempted and so are never skipped.

use audit_common::{
    Kind, Lane,
    exit::{Exit, flag},
};
use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

#[cfg(not(feature = "legacy"))]
use super::exec_before;
use crate::{
    emit::emit,
    read,
    scratch::{self, Small},
    settings::{offset, setting},
    task,
};

/// SIGNAL_GROUP_EXIT of the kernel's signal flags: the group's exit code counts.
const SIGNAL_GROUP_EXIT: u32 = 4;

#[btf_tracepoint(function = "sched_process_exit")]
pub fn exit(ctx: BtfTracePointContext) -> i32 {
    let ending: u64 = ctx.arg(0);
    let signal: u64 = read::kernel(ending + offset!(task_signal));
    let certain = setting!(exit_has_group_dead) != 0;
    let last = if certain {
        ctx.arg::<u64>(1) & 1 == 1
    } else {
        // Several threads that end at once can all see zero here: the daemon keeps the first.
        read::kernel::<i32>(signal + offset!(signal_live)) == 0
    };
    if last {
        ended(ending, signal, certain);
    }
    0
}

#[cfg(not(feature = "legacy"))]
#[aya_ebpf::macros::tracepoint]
pub fn exit_traced(ctx: aya_ebpf::programs::TracePointContext) -> u32 {
    use aya_ebpf::EbpfContext;
    let ending = task::current();
    exec_before::forgotten(ending);
    let signal: u64 = read::kernel(ending + offset!(task_signal));
    let at = u64::from(setting!(exit_group_dead_at));
    let certain = at != 0;
    let last = if certain {
        read::kernel::<u8>(ctx.as_ptr() as u64 + at) != 0
    } else {
        read::kernel::<i32>(signal + offset!(signal_live)) == 0
    };
    if last {
        ended(ending, signal, certain);
    }
    0
}

#[inline(always)]
fn ended(ending: u64, signal: u64, certain: bool) {
    let Some(slot) = scratch::small(Small::Exit) else {
        return;
    };
    // SAFETY: the slot is larger than the event, and this CPU's and program's own.
    unsafe {
        let event = &mut *slot.cast::<Exit>();
        task::fill(&mut event.header, ending);
        event.status = status(ending, signal);
        event.flags = if certain { flag::CERTAIN } else { 0 };
        emit(Kind::Exit, Lane::Critical, slot, size_of::<Exit>() as u64);
    }
}

/// The group's exit code if it was set, else the leader's.
#[inline(always)]
fn status(ending: u64, signal: u64) -> u32 {
    let flags: u32 = read::kernel(signal + offset!(signal_flags));
    let group: u32 = read::kernel(signal + offset!(signal_group_exit_code));
    if flags & SIGNAL_GROUP_EXIT != 0 || group != 0 {
        return group;
    }
    let leader: u64 = read::kernel(ending + offset!(task_group_leader));
    read::kernel(leader + offset!(task_exit_code))
}
