//! By which way a task came to a function of the kernel.
//!
//! Owns the distinction between system calls, io_uring and the kernel itself.

use super::exec_failed::registers;
use crate::{arch, read, settings::offset, task};

/// How it came here.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By a system call.
    Call,
    /// Somebody asked for it by io_uring.
    Ring,
    /// The kernel does it for itself.
    Other,
}

/// By whom an act is told: the tracepoints of system calls see one of these only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A system call of 64 bits.
    Call,
    /// One of 32 bits.
    NarrowCall,
    Ring,
}

const PF_DUMPCORE: u32 = 0x200;
const PF_KTHREAD: u32 = 0x20_0000;
const PF_IO_WORKER: u32 = 0x10;
/// On every machine.
const IO_URING_ENTER: u64 = 426;

/// Workers of io_uring are threads of the process that asked. A process itself does what was asked in
/// its own call, or when it is about to leave another one.
#[inline(always)]
pub fn of(task: u64) -> Way {
    let flags: u32 = read::kernel(task + offset!(task_flags));
    if flags & PF_IO_WORKER != 0 {
        return Way::Ring;
    }
    if flags & (PF_KTHREAD | PF_DUMPCORE) != 0 {
        return Way::Other;
    }
    let regs = registers(task);
    if arch::number(regs) == IO_URING_ENTER || !arch::is_under_way(regs) {
        Way::Ring
    } else {
        Way::Call
    }
}

/// What passes by the tracepoints of system calls; `None`: what they see, or what the kernel does for itself.
#[inline(always)]
pub fn beside_calls(task: u64) -> Option<By> {
    match of(task) {
        Way::Ring => Some(By::Ring),
        Way::Call if task::in_compat(task) => Some(By::NarrowCall),
        _ => None,
    }
}
