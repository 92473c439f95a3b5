//! Something changes place: a rename, a mount, an unmount, between the entry of its call and its exit.
//!
//! No event. While one is under way no verdict on a directory is kept or used, and afterwards those
//! from before do not count any more (see `watch`).

use aya_ebpf::{
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};

use super::file_act::calls;
use crate::{arch, task, watch};

#[tracepoint]
pub fn moving_begins(_ctx: TracePointContext) -> u32 {
    watch::begins_to_move();
    0
}

/// The same calls by the 32-bit entry, at the entry of every call there is: so it is a setting.
#[btf_tracepoint(function = "sys_enter")]
pub fn moving_begins_compat(ctx: BtfTracePointContext) -> i32 {
    if task::in_compat(task::current()) {
        compat_entered(ctx.arg(0));
    }
    0
}

/// The same on the trace event of that tracepoint, whose program is never preempted.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn moving_begins_compat_traced(_ctx: TracePointContext) -> u32 {
    let task = task::current();
    if task::in_compat(task) {
        compat_entered(super::exec_failed::registers(task));
    }
    0
}

#[inline(always)]
fn compat_entered(regs: u64) {
    let plan = calls::plan32(arch::number(regs));
    if plan.is_some_and(|plan| plan.moves()) {
        watch::begins_to_move();
    }
}
