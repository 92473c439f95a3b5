//! What a task was before its exec: ids, capabilities, memory. Kept until that exec has ended.
//!
//! Owns the map `BEFORE`, keyed by the task's address (its thread id may change during exec). Filled
//! by tp_btf sched_prepare_exec where there is one, else at the entry of the system calls. No event
//! of its own. Bounded: under pressure the oldest are lost, and the exec says that it does not know.

use aya_ebpf::{
    macros::{btf_tracepoint, map, tracepoint},
    maps::LruHashMap,
    programs::{BtfTracePointContext, TracePointContext},
};

use crate::{read, settings::offset, task};

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Before {
    pub cap_permitted: u64,
    pub cap_effective: u64,
    /// The address of the memory map: another one means that the old program is gone.
    pub mm: u64,
    pub uid: u32,
    pub euid: u32,
    pub gid: u32,
    pub egid: u32,
}

/// Execs under way at once; each task has one at most.
#[map]
static BEFORE: LruHashMap<u64, Before> = LruHashMap::with_max_entries(4096, 0);

#[btf_tracepoint(function = "sched_prepare_exec")]
pub fn exec_before_prepare(ctx: BtfTracePointContext) -> i32 {
    remember(ctx.arg(0));
    0
}

#[tracepoint]
pub fn exec_before_enter(_ctx: TracePointContext) -> u32 {
    remember(task::current());
    0
}

#[inline(always)]
fn remember(task: u64) {
    let cred = task::credentials(task);
    let [uid, gid, _, _, euid, egid, _, _] = cred.ids;
    let before = Before {
        cap_permitted: cred.cap_permitted,
        cap_effective: cred.cap_effective,
        mm: read::kernel(task + offset!(task_mm)),
        uid,
        euid,
        gid,
        egid,
    };
    // A full map evicts; a failure leaves the exec without its "before", which it says.
    let _ = BEFORE.insert(&task, &before, 0);
}

/// Takes what was remembered of this task.
#[inline(always)]
pub fn take(task: u64) -> Option<Before> {
    // SAFETY: copied at once; only this task's own exec writes its entry.
    let before = unsafe { BEFORE.get(&task) }.copied()?;
    // Absent is as good as removed.
    let _ = BEFORE.remove(&task);
    Some(before)
}
