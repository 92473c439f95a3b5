//! What a task was before its exec: ids, capabilities, memory. Kept until that exec has ended.
//!
//! Owns the map `BEFORE`, keyed by the task's address (its thread id may change during exec). Filled
//! by tp_btf sched_prepare_exec where there is one, else at the entry of the system calls. No event
//! of its own. Bounded: under pressure the oldest are lost, and the exec says that it does not know.
//!
//! Where programs can be preempted (`preempted` of the settings) one may be skipped, so entry and
//! twins of prepare and exit all run: each finds in the map what the one before it has done. An entry
//! that is left when its task executes or ends is a failed exec that nobody told: it is counted.

use audit_common::{Kind, Lane};
use aya_ebpf::{
    macros::{btf_tracepoint, map, tracepoint},
    maps::LruHashMap,
    programs::{BtfTracePointContext, TracePointContext},
};

use crate::{
    emit::lost,
    read,
    settings::{offset, setting},
    task,
};

#[derive(Clone, Copy)]
#[repr(C)]
pub struct Before {
    pub cap_permitted: u64,
    pub cap_effective: u64,
    /// The address of the memory map: another one means that the old program is gone.
    pub mm: u64,
    /// The exec's own working structure, which lives until it has ended; 0 if not known.
    pub bprm: u64,
    pub uid: u32,
    pub euid: u32,
    pub gid: u32,
    pub egid: u32,
    /// Made at the entry of a system call, whose exit is seen too.
    pub entered: u64,
}

/// Execs under way at once; each task has one at most.
#[map]
static BEFORE: LruHashMap<u64, Before> = LruHashMap::with_max_entries(4096, 0);

#[btf_tracepoint(function = "sched_prepare_exec")]
pub fn exec_before_prepare(ctx: BtfTracePointContext) -> i32 {
    prepared(ctx.arg(0), ctx.arg(1));
    0
}

#[cfg(not(feature = "legacy"))]
#[btf_tracepoint(function = "sched_prepare_exec")]
pub fn exec_before_prepare_again(ctx: BtfTracePointContext) -> i32 {
    prepared(ctx.arg(0), ctx.arg(1));
    0
}

#[inline(always)]
fn prepared(task: u64, bprm: u64) {
    if setting!(preempted) != 0
        && let Some(before) = BEFORE.get_ptr_mut(&task)
    {
        // SAFETY: a live map value; only this task's own exec writes its entry.
        let before = unsafe { &mut *before };
        if before.entered != 0 {
            before.bprm = bprm;
            return;
        }
    }
    remember(task, bprm, 0);
}

#[tracepoint]
pub fn exec_before_enter(_ctx: TracePointContext) -> u32 {
    let task = task::current();
    if setting!(preempted) != 0 {
        forgotten(task);
    }
    remember(task, 0, 1);
    0
}

/// Counts this task's last exec as lost, if nobody told how it ended.
#[inline(always)]
pub fn forgotten(task: u64) {
    if let Some(before) = take(task)
        && before.entered != 0
    {
        lost(Kind::ExecFailed, Lane::Bulk);
    }
}

/// Has nobody told yet how this task's exec ended?
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub fn waits(task: u64) -> bool {
    BEFORE.get_ptr(&task).is_some()
}

#[inline(always)]
fn remember(task: u64, bprm: u64, entered: u64) {
    let cred = task::credentials(task);
    let [uid, gid, _, _, euid, egid, _, _] = cred.ids;
    let before = Before {
        cap_permitted: cred.cap_permitted,
        cap_effective: cred.cap_effective,
        mm: read::kernel(task + offset!(task_mm)),
        bprm,
        uid,
        euid,
        gid,
        egid,
        entered,
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
