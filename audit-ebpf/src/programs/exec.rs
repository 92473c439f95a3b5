//! A program was executed: tp_btf sched_process_exec(task, old_pid, bprm), or the trace event of that
//! name, whose programs cannot be preempted and so are never skipped.
//!
//! The truth comes from the kernel's own copies: bprm, dentries, the new memory's argument area. A
//! trace event does not hand over the bprm: `exec_before` has kept it. If that was skipped, the file
//! and the name asked for are known all the same, and what interpreted it is said to be unknown.

use audit_common::{
    Kind, Lane,
    events::{tag, tail_flag},
    exec::{Exec, flag},
};
use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use aya_log_ebpf::debug;

use super::exec_before::{self, Before};
use crate::{
    emit::emit,
    environment,
    path::{self, Place},
    read::{self, mask},
    scratch::{self, Large},
    settings::{offset, present, setting},
    tails::Tails,
    task,
};

#[btf_tracepoint(function = "sched_process_exec")]
pub fn exec(ctx: BtfTracePointContext) -> i32 {
    let (new, old_tid, bprm): (u64, u32, u64) = (ctx.arg(0), ctx.arg(1), ctx.arg(2));
    let filename = read::kernel(bprm + offset!(bprm_filename));
    let size = executed(new, old_tid, bprm, filename, exec_before::take(new));
    debug!(&ctx, "exec: {} bytes", size);
    0
}

#[cfg(not(feature = "legacy"))]
#[aya_ebpf::macros::tracepoint]
pub fn exec_traced(ctx: aya_ebpf::programs::TracePointContext) -> u32 {
    use aya_ebpf::EbpfContext;
    let record = ctx.as_ptr() as u64;
    let old_tid = read::kernel(record + u64::from(setting!(exec_old_tid_at)));
    // Where in the record the name stands: the lower half of a word.
    let place: u32 = read::kernel(record + u64::from(setting!(exec_filename_at)));
    let task = task::current();
    let before = exec_before::take(task);
    let bprm = before.map_or(0, |before| before.bprm);
    executed(
        task,
        old_tid,
        bprm,
        record + u64::from(place & 0xffff),
        before,
    );
    0
}

/// `filename`: kernel memory. `bprm` may be unknown. Gives the event's size.
#[inline(always)]
fn executed(new: u64, old_tid: u32, bprm: u64, filename: u64, before: Option<Before>) -> u64 {
    let Some(slot) = scratch::large(Large::Exec) else {
        return 0;
    };
    // SAFETY: the slot is larger than any event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<Exec>() };
    (event.namespace_pid, event.cap_permitted) = task::fill(&mut event.header, new);
    (event.parent_tgid, event.parent_start_ns) = task::parent(new);
    event.old_tid = old_tid;
    event.flags = was(event, before);
    let mm: u64 = read::kernel(new + offset!(task_mm));
    let file: u64 = if bprm != 0 {
        event.argc = read::kernel(bprm + offset!(bprm_argc));
        read::kernel(bprm + offset!(bprm_file))
    } else {
        event.argc = 0;
        read::kernel(mm + offset!(mm_exe_file))
    };
    what(event, file);

    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<Exec>()) };
    let fs: u64 = read::kernel(new + offset!(task_fs));
    let root = Place::read(fs + offset!(fs_root));
    path::push(
        tails,
        tag::EXE,
        Place::read(file + offset!(file_path)),
        root,
    );
    path::push(tails, tag::CWD, Place::read(fs + offset!(fs_pwd)), root);
    tails.kernel_string(tag::FILENAME, filename);
    interpreter(event, tails, bprm);
    terminal(tails, new);
    if !environment::push(tails, mm) {
        event.flags |= flag::ENVIRONMENT_INCOMPLETE;
    }
    arguments(tails, mm);
    // SAFETY: `slot` begins with the event; `size` is masked to the slot.
    unsafe { emit(Kind::Exec, Lane::Critical, slot, tails.size()) };
    tails.size()
}

#[inline(always)]
fn interpreter(event: &mut Exec, tails: Tails, bprm: u64) {
    if bprm == 0 {
        event.flags |= flag::INTERPRETED_UNKNOWN;
        return;
    }
    let filename: u64 = read::kernel(bprm + offset!(bprm_filename));
    let interpreter: u64 = read::kernel(bprm + offset!(bprm_interp));
    if interpreter != filename {
        event.flags |= flag::INTERPRETED;
        tails.kernel_string(tag::INTERPRETER, interpreter);
    }
}

/// What the task was before.
#[inline(always)]
fn was(event: &mut Exec, before: Option<Before>) -> u32 {
    let Some(before) = before else {
        event.before_cap_effective = 0;
        event.before_cap_permitted = 0;
        (event.before_uid, event.before_euid) = (0, 0);
        (event.before_gid, event.before_egid) = (0, 0);
        return 0;
    };
    event.before_cap_effective = before.cap_effective;
    event.before_cap_permitted = before.cap_permitted;
    (event.before_uid, event.before_euid) = (before.uid, before.euid);
    (event.before_gid, event.before_egid) = (before.gid, before.egid);
    flag::BEFORE
}

/// The executed file's identity.
#[inline(always)]
fn what(event: &mut Exec, file: u64) {
    let inode: u64 = read::kernel(file + offset!(file_inode));
    let sb: u64 = read::kernel(inode + offset!(inode_sb));
    event.file_ino = read::kernel(inode + offset!(inode_ino));
    event.file_dev = read::kernel(sb + offset!(sb_dev));
    event.file_mode = u32::from(read::kernel::<u16>(inode + offset!(inode_mode)));
    event.file_links = read::kernel(inode + offset!(inode_nlink));
    event.file_owner = read::kernel(inode + offset!(inode_uid));
    event.fs_magic = read::kernel::<u64>(sb + offset!(sb_magic)) as u32;
    event.file_size = read::kernel(inode + offset!(inode_size));
    event.file_ctime_ns = changed_ns(inode);
    if event.file_dev == setting!(root_dev) {
        event.flags |= flag::ON_ROOT_FS;
    }
}

/// When an inode was changed last; 0 if this kernel keeps that where we do not look.
#[inline(always)]
fn changed_ns(inode: u64) -> i64 {
    if !present(offset!(inode_ctime_sec)) || !present(offset!(inode_ctime_nsec)) {
        return 0;
    }
    let seconds: i64 = read::kernel(inode + offset!(inode_ctime_sec));
    // The lower half where it is a long. From 6.13 on the upper bit says that somebody asked for it.
    let nanoseconds: u32 = read::kernel(inode + offset!(inode_ctime_nsec));
    let nanoseconds = i64::from(nanoseconds & 0x3fff_ffff);
    seconds
        .wrapping_mul(1_000_000_000)
        .wrapping_add(nanoseconds)
}

/// The controlling terminal's name.
#[inline(always)]
pub fn terminal(tails: Tails, task: u64) {
    let signal: u64 = read::kernel(task + offset!(task_signal));
    let tty: u64 = read::kernel(signal + offset!(signal_tty));
    if tty != 0 {
        tails.kernel_string(tag::TTY, tty + offset!(tty_name));
    }
}

/// One read of the argument area, up to the configured limit.
#[inline(always)]
fn arguments(tails: Tails, mm: u64) {
    let start: u64 = read::kernel(mm + offset!(mm_arg_start));
    let end: u64 = read::kernel(mm + offset!(mm_arg_end));
    let original = end.saturating_sub(start);
    let limit = u64::from(setting!(argv_bytes));
    let wanted = if original > limit { limit } else { original };
    if wanted == 0 {
        tails.push(tag::ARGV, 0, 0, 0);
        return;
    }
    // At most ARGV_BYTES_MAX, in a way that the verifier sees.
    let wanted = mask!(wanted - 1, 0x7fff) + 1;
    // SAFETY: a tail's content has room for a 32 KiB read.
    let read = unsafe { read::user_bytes(tails.content(), wanted, start) };
    if !read {
        tails.push(tag::ARGV, tail_flag::UNREADABLE, 0, original);
        return;
    }
    let flags = if original > wanted {
        tail_flag::TRUNCATED
    } else {
        0
    };
    tails.push(tag::ARGV, flags, wanted, original);
}
