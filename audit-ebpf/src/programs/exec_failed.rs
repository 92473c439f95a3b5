//! A program was asked for and not executed: the exit of execve and execveat, with an error.
//!
//! From 7.2 on these programs can be preempted, also on the tracepoints of single system calls, and
//! are then skipped for other tasks on that CPU: a twin does what the first did not. Neither is long
//! where nothing failed.
//!
//! What was asked is in the caller's memory only, so it is the program's own word (its threads may
//! rewrite it); the error, the ids and the directories are the kernel's. ERESTART* is no result.

use audit_common::{
    Kind, Lane,
    events::{tag, tail_flag},
    exec_failed::{ExecFailed, flag},
};
use aya_ebpf::{
    EbpfContext,
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};

use super::{exec::terminal, exec_before};
pub use crate::arch::registers;
use crate::{
    arch::{self, EXECVE, EXECVE_32, EXECVEAT, EXECVEAT_32},
    arguments,
    emit::emit,
    path::{self, Place},
    read,
    scratch::{self, Large},
    settings::offset,
    tails::Tails,
    task,
};

const AT_EMPTY_PATH: u64 = 0x1000;
const ERESTART_FIRST: i64 = 512;
const ERESTART_LAST: i64 = 516;

/// Offset of the result in the record of a system call's exit.
const TRACEPOINT_RESULT: usize = 16;

#[tracepoint]
pub fn exec_failed(ctx: TracePointContext) -> u32 {
    returned(&ctx, task::current(), Large::ExecFailed);
    0
}

/// Does what the first did not, because it was skipped.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn exec_failed_again(ctx: TracePointContext) -> u32 {
    let task = task::current();
    if exec_before::waits(task) {
        returned(&ctx, task, Large::ExecFailedAgain);
    }
    0
}

#[inline(always)]
pub fn result_in(ctx: &TracePointContext) -> i64 {
    // SAFETY: the record of a syscall's exit holds the number at 8 and the result at 16.
    unsafe {
        *ctx.as_ptr()
            .cast::<u8>()
            .add(TRACEPOINT_RESULT)
            .cast::<i64>()
    }
}

#[inline(always)]
fn returned(ctx: &TracePointContext, task: u64, slot: Large) {
    let result = result_in(ctx);
    if result >= 0 {
        return;
    }
    let regs = registers(task);
    failed(task, regs, arch::number(regs), false, result, slot);
}

/// The same on the raw tracepoint, which 32-bit system calls pass too. Its price is paid by every
/// system call, so it is a setting.
#[btf_tracepoint(function = "sys_exit")]
pub fn exec_failed_raw(ctx: BtfTracePointContext) -> i32 {
    let (regs, result): (u64, i64) = (ctx.arg(0), ctx.arg(1));
    if result < 0 {
        any_returned(task::current(), regs, result);
    }
    0
}

/// The same on the trace event of that tracepoint, whose program is never preempted.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn exec_failed_traced(ctx: TracePointContext) -> u32 {
    let result = result_in(&ctx);
    if result < 0 {
        let task = task::current();
        any_returned(task, registers(task), result);
    }
    0
}

#[inline(always)]
fn any_returned(task: u64, regs: u64, result: i64) {
    let number = arch::number(regs);
    let compat = task::in_compat(task);
    let wanted = if compat {
        number == EXECVE_32 || number == EXECVEAT_32
    } else {
        number == EXECVE || number == EXECVEAT
    };
    if wanted {
        failed(task, regs, number, compat, result, Large::ExecFailed);
    }
}

/// The arguments of the call, whatever its entry.
struct Asked {
    at: bool,
    directory: i32,
    name: u64,
    argv: u64,
    flags: u64,
    /// Bytes of one pointer in the caller's memory.
    pointer: u64,
}

#[inline(always)]
fn asked(regs: u64, number: u64, compat: bool) -> Asked {
    let (first, second, third, fifth): (u64, u64, u64, u64) = if compat {
        (
            arch::argument_32::<0>(regs),
            arch::argument_32::<1>(regs),
            arch::argument_32::<2>(regs),
            arch::argument_32::<4>(regs),
        )
    } else {
        (
            arch::argument::<0>(regs),
            arch::argument::<1>(regs),
            arch::argument::<2>(regs),
            arch::argument::<4>(regs),
        )
    };
    let pointer = if compat { 4 } else { 8 };
    if number == EXECVEAT || number == EXECVEAT_32 {
        Asked {
            at: true,
            directory: first as i32,
            name: second,
            argv: third,
            flags: fifth,
            pointer,
        }
    } else {
        Asked {
            at: false,
            directory: 0,
            name: first,
            argv: second,
            flags: 0,
            pointer,
        }
    }
}

#[inline(always)]
fn failed(task: u64, regs: u64, number: u64, compat: bool, result: i64, slot: Large) {
    let old_mm = exec_before::take(task).map_or(0, |before| before.mm);
    let errno = -result;
    if errno <= 0 || (ERESTART_FIRST..=ERESTART_LAST).contains(&errno) {
        return;
    }
    let Some(slot) = scratch::large(slot) else {
        return;
    };
    // SAFETY: the slot is larger than any event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<ExecFailed>() };
    (event.namespace_pid, _) = task::fill(&mut event.header, task);
    if compat {
        event.header.flags |= audit_common::header::flag::COMPAT;
    }
    (event.parent_tgid, event.parent_start_ns) = task::parent(task);
    event.errno = errno as u32;
    let asked = asked(regs, number, compat);
    let mm: u64 = read::kernel(task + offset!(task_mm));
    let past_return = old_mm != 0 && old_mm != mm;
    event.flags = u32::from(past_return) * flag::PAST_RETURN
        | u32::from(asked.at) * flag::AT
        | u32::from(asked.flags & AT_EMPTY_PATH != 0) * flag::EMPTY_PATH;
    event.directory_fd = asked.directory;
    event.argc = 0;

    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<ExecFailed>()) };
    let fs: u64 = read::kernel(task + offset!(task_fs));
    let root = Place::read(fs + offset!(fs_root));
    path::push(tails, tag::CWD, Place::read(fs + offset!(fs_pwd)), root);
    if asked.at && asked.directory >= 0 {
        base(tails, task, asked.directory, root);
    }
    terminal(tails, task);
    if past_return {
        tails.push(tag::FILENAME, tail_flag::UNREADABLE, 0, 0);
        tails.push(tag::ARGV, tail_flag::UNREADABLE, 0, 0);
    } else {
        tails.user_string(tag::FILENAME, asked.name);
        event.argc = arguments::push(tails, asked.argv, asked.pointer);
    }
    // SAFETY: `slot` begins with the event; `size` is masked to the slot.
    unsafe { emit(Kind::ExecFailed, Lane::Bulk, slot, tails.size()) };
}

/// The path behind a descriptor of the caller.
#[inline(always)]
pub fn base(tails: Tails, task: u64, fd: i32, root: Place) {
    let file = task::files(task).at(fd as u32);
    if file != 0 {
        path::push(
            tails,
            tag::BASE,
            Place::read(file + offset!(file_path)),
            root,
        );
    }
}
