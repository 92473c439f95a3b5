//! The machine: which registers a system call's arguments are in, its number, and whether it was made
//! as a 32-bit program makes it.
//!
//! Owns every name of a register and every number of a system call, but for the tables of
//! `file_act/calls` and `privilege/calls`. Which machine it is, the build says (`bpf_target_arch`). Must not: know what a call
//! means.

#[cfg(bpf_target_arch = "aarch64")]
mod aarch64;
#[cfg(not(bpf_target_arch = "aarch64"))]
mod x86_64;

#[cfg(bpf_target_arch = "aarch64")]
pub use aarch64::*;
#[cfg(not(bpf_target_arch = "aarch64"))]
pub use x86_64::*;

/// The registers that the task's entry into the kernel saved.
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub fn registers(_task: u64) -> u64 {
    use aya_ebpf::helpers::{bpf_get_current_task_btf, bpf_task_pt_regs};
    // SAFETY: the current task is alive.
    unsafe { bpf_task_pt_regs(bpf_get_current_task_btf()) as u64 }
}

/// Without the helper: at the top of the task's kernel stack.
#[cfg(feature = "legacy")]
#[inline(always)]
pub fn registers(task: u64) -> u64 {
    use crate::{
        read,
        settings::{offset, setting},
    };
    read::kernel::<u64>(task + offset!(task_stack)) + u64::from(setting!(regs_in_stack))
}
