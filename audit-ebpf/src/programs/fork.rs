//! A process was made: tp_btf sched_process_fork(parent, child), or the trace event task_newtask, whose
//! programs cannot be preempted and so are never skipped.

use audit_common::{Kind, Lane, fork::Fork};
use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

use super::privilege;
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
    if pid == tgid {
        made(maker, child);
    }
    privilege::cloned(maker, child);
    0
}

#[inline(always)]
fn made(maker: u64, child: u64) {
    let Some(slot) = scratch::small(Small::Fork) else {
        return;
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
}

/// The trace event names the child by its pid only: it is the newest of its parent's children, or
/// nearly, as orphans may be added behind it. A thread is the newest of its process's; what it is made with
/// tells whether anybody asks for it.
#[cfg(not(feature = "legacy"))]
mod traced {
    use core::ffi::c_void;

    use audit_common::{Kind, Lane, privilege::namespace};
    use aya_ebpf::{EbpfContext, macros::tracepoint, programs::TracePointContext};

    use super::{super::privilege, made};
    use crate::{
        emit::lost,
        read,
        settings::{offset, setting},
        task,
    };

    const CLONE_PARENT: u64 = 0x8000;
    const CLONE_THREAD: u64 = 0x1_0000;
    /// Of one list, from the newest on.
    const TASKS_MAX: u32 = 4096;

    struct Search {
        /// A link of the list, 0 for none.
        link: u64,
        end: u64,
        /// Where links stand in tasks.
        at: u64,
        pid: u32,
        found: u64,
    }

    #[tracepoint]
    pub fn fork_traced(ctx: TracePointContext) -> u32 {
        let record = ctx.as_ptr() as u64;
        let flags: u64 = read::kernel(record + u64::from(setting!(newtask_flags_at)));
        let maker = task::current();
        let pid: u32 = read::kernel(record + u64::from(setting!(newtask_pid_at)));
        if flags & CLONE_THREAD != 0 {
            if flags & namespace::FLAGS != 0 && privilege::tells_namespaces() {
                thread_apart(maker, pid);
            }
            return 0;
        }
        let parent = if flags & CLONE_PARENT != 0 {
            read::kernel(maker + offset!(task_real_parent))
        } else {
            maker
        };
        let children = parent + offset!(task_children);
        let child = newest(children, offset!(task_sibling), pid);
        if child == 0 {
            lost(Kind::Fork, Lane::Critical);
        } else {
            made(maker, child);
            privilege::cloned(maker, child);
        }
        0
    }

    /// A thread with namespaces of its own.
    #[inline(always)]
    fn thread_apart(maker: u64, pid: u32) {
        let signal: u64 = read::kernel(maker + offset!(task_signal));
        let threads = signal + offset!(signal_threads);
        let thread = newest(threads, offset!(task_thread_node), pid);
        if thread == 0 {
            lost(Kind::Privilege, Lane::Bulk);
        } else {
            privilege::cloned(maker, thread);
        }
    }

    /// The task of this pid among the newest of a list; 0: it is not there.
    #[inline(always)]
    fn newest(end: u64, at: u64, pid: u32) -> u64 {
        let mut search = Search {
            link: newer(end),
            end,
            at,
            pid,
            found: 0,
        };
        read::repeat(TASKS_MAX, look, &mut search);
        search.found
    }

    /// The link before this one: lists grow at their end.
    #[inline(always)]
    fn newer(link: u64) -> u64 {
        read::kernel(link + size_of::<u64>() as u64)
    }

    extern "C" fn look(_index: u64, search: *mut c_void) -> i64 {
        // SAFETY: `fork_traced` passes a search on its own stack.
        let search = unsafe { &mut *search.cast::<Search>() };
        if search.link == 0 || search.link == search.end {
            return 1;
        }
        let child = search.link - search.at;
        if read::kernel::<u32>(child + offset!(task_pid)) == search.pid {
            search.found = child;
            return 1;
        }
        search.link = newer(search.link);
        0
    }
}
