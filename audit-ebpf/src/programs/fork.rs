//! A process was made: tp_btf sched_process_fork(parent, child).

use audit_common::{Kind, Lane, fork::Fork};
use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

use crate::{
    emit::emit,
    read,
    scratch::{self, Small},
    settings::offset,
    task,
};

#[btf_tracepoint(function = "sched_process_fork")]
pub fn fork(ctx: BtfTracePointContext) -> i32 {
    let (maker, child): (u64, u64) = (ctx.arg(0), ctx.arg(1));
    let (pid, tgid): (u32, u32) = (
        read::kernel(child + offset!(task_pid)),
        read::kernel(child + offset!(task_tgid)),
    );
    if pid != tgid {
        return 0;
    }
    let Some(slot) = scratch::small(Small::Fork) else {
        return 0;
    };
    // SAFETY: the slot is larger than the event, and this CPU's and program's own.
    unsafe {
        let event = &mut *slot.cast::<Fork>();
        (event.namespace_pid, _) = task::fill(&mut event.header, child);
        (event.parent_tgid, event.parent_start_ns) = task::parent(child);
        (event.maker_tgid, event.maker_start_ns) = task::identity(maker);
        event.reserved = 0;
        emit(Kind::Fork, Lane::Critical, slot, size_of::<Fork>() as u64);
    }
    0
}
