//! A file was opened, or was to be: the exit of open, openat, openat2, creat, open_by_handle_at and of
//! open_tree, but for the clones that it makes: those are acts.
//!
//! Of a success the truth is the file behind the new descriptor; only a thread that shares the
//! descriptors can have put another one there, and then it is said to be unproven. A failure has no
//! object: the name is the program's own word.

mod asked;
mod inside;
#[cfg(not(bpf_target_arch = "aarch64"))]
mod narrow;

use audit_common::{
    Kind, Lane,
    counters::Filtered,
    events::tag,
    file_open::{FileOpen, flag, reason},
    header,
    watch::WatchState,
};
use aya_ebpf::{
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};

pub use asked::{Ask, Asked, O_PATH};
use asked::{Call, asked};

use super::{
    exec_failed::{base, registers, result_in},
    privilege::memory,
};
use crate::{
    arch,
    done::Turn,
    emit::{emit, filtered},
    entry::Entry,
    path::{self, Place},
    read,
    scratch::{self, Large},
    settings::{offset, setting},
    tails::Tails,
    task,
    volume::{self, Name},
    watch::{self, Found, Identity, Seen},
};

/// O_CREAT, O_EXCL, O_NOCTTY, O_TRUNC: what `file.f_flags` does not have.
pub const O_NOT_KEPT: u32 = 0o1700;
pub const ENOENT: u32 = 2;
pub const ENOTDIR: u32 = 20;
/// `file.f_mode`: made by this very open.
const FMODE_CREATED: u32 = 0x10_0000;
pub const ERESTART_FIRST: u32 = 512;
pub const ERESTART_LAST: u32 = 516;

#[tracepoint]
pub fn file_opened(ctx: TracePointContext) -> u32 {
    let result = result_in(&ctx);
    returned::<First>(result);
    0
}

/// Does what the first did not, because it was skipped.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn file_opened_again(ctx: TracePointContext) -> u32 {
    let result = result_in(&ctx);
    returned::<Again>(result);
    0
}

/// The same calls by the 32-bit entry, at the exit of every call there is: so it is a setting.
#[btf_tracepoint(function = "sys_exit")]
pub fn file_opened_compat(ctx: BtfTracePointContext) -> i32 {
    if task::in_compat(task::current()) {
        compat_returned(ctx.arg(0), ctx.arg(1));
    }
    0
}

/// The same on the trace event of that tracepoint, whose program is never preempted.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn file_opened_compat_traced(ctx: TracePointContext) -> u32 {
    let task = task::current();
    if task::in_compat(task) {
        compat_returned(registers(task), result_in(&ctx));
    }
    0
}

#[inline(always)]
fn compat_returned(regs: u64, result: i64) {
    if arch::open_by_32_bit(arch::number(regs)).is_some() {
        returned::<Compat>(result);
    }
}

/// What tells the programs apart.
trait Program {
    const SLOT: Large;
    const TURN: Turn;
    const ENTRY: Entry;
}

struct First;
impl Program for First {
    const SLOT: Large = Large::FileOpen;
    const TURN: Turn = Turn::First;
    const ENTRY: Entry = Entry::Native;
}

#[cfg(not(feature = "legacy"))]
struct Again;
#[cfg(not(feature = "legacy"))]
impl Program for Again {
    const SLOT: Large = Large::FileOpenAgain;
    const TURN: Turn = Turn::Twin;
    const ENTRY: Entry = Entry::Native;
}

struct Compat;
impl Program for Compat {
    const SLOT: Large = Large::FileOpenCompat;
    const TURN: Turn = Turn::Only;
    const ENTRY: Entry = Entry::Compat;
}

#[inline(always)]
fn returned<P: Program>(result: i64) {
    if result >= 0 {
        succeeded::<P>(result as u32);
    } else {
        refused::<P>(-result as u32);
    }
}

/// Not inlined, like its brother: together they do not fit on the stack.
#[inline(never)]
fn succeeded<P: Program>(fd: u32) {
    if let Some(state) = watch::state() {
        opened(state, task::current(), fd, P::SLOT, P::TURN, P::ENTRY);
    }
}

#[inline(never)]
fn refused<P: Program>(errno: u32) {
    if let Some(state) = watch::state() {
        let task = task::current();
        let entry = P::ENTRY;
        let call = Call { task, entry };
        failed(state, task, errno, P::SLOT, P::TURN, &call, 0);
    }
}

/// Counts what is filtered out.
#[inline(always)]
pub fn passed_over(turn: Turn, reason: Filtered) {
    if turn.counts() {
        filtered(Lane::Bulk, reason);
    }
}

#[inline(always)]
fn opened(state: &WatchState, task: u64, fd: u32, slot: Large, turn: Turn, entry: Entry) {
    let files = task::files(task);
    let file = files.at(fd);
    let Some(slot) = scratch::large(slot) else {
        return;
    };
    let place = Place::read(file + offset!(file_path));
    let inode: u64 = read::kernel(file + offset!(file_inode));
    let seen = Seen::read(place, watch::identity(inode));
    let told = memory::opened(slot, place, seen.own, file, || {
        turn.takes(task, file).then_some(false)
    });
    let found = watch::look_at(state, slot, seen);
    let Some(event) = begun(state, task, slot, found, turn) else {
        return;
    };
    let asked = asked(registers(task), entry);
    if asked.is_clone || !told.takes(turn, task, file) {
        return;
    }
    let shared = u32::from(files.are_shared()) * flag::UNPROVEN;
    tell(event, task, slot, file, seen, found, &asked, shared);
}

/// The event with who did it, if it is anybody's business.
#[inline(always)]
fn begun<'a>(
    state: &WatchState,
    task: u64,
    slot: *mut u8,
    found: Found,
    turn: Turn,
) -> Option<&'a mut FileOpen> {
    if found.reasons == 0 {
        passed_over(turn, Filtered::NoWatch);
        return None;
    }
    // SAFETY: the slot is larger than any event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<FileOpen>() };
    (event.namespace_pid, _) = task::fill(&mut event.header, task);
    if watch::is_oneself(state, event.header.tgid) {
        passed_over(turn, Filtered::Oneself);
        return None;
    }
    event.header.flags |= u32::from(task::in_compat(task)) * header::flag::COMPAT;
    Some(event)
}

/// Sends what was opened.
#[expect(clippy::too_many_arguments, reason = "all of one event, inlined")]
#[inline(always)]
fn tell(
    event: &mut FileOpen,
    task: u64,
    slot: *mut u8,
    file: u64,
    seen: Seen,
    found: Found,
    asked: &Asked,
    flags: u32,
) {
    let inode: u64 = read::kernel(file + offset!(file_inode));
    event.flags = tell_object(event, file, inode, seen.own, found)
        | flags
        | u32::from(asked.at) * flag::AT
        | u32::from(asked.by_handle) * flag::BY_HANDLE;
    // What the file keeps is the kernel's; openat2's structure may be rewritten meanwhile.
    let kept: u32 = read::kernel(file + offset!(file_flags));
    event.open_flags = kept & !O_NOT_KEPT | asked.flags & O_NOT_KEPT;
    event.exec_id = volume::exec_id(task);
    if !volume::admits_open(event, seen.place) {
        return;
    }
    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<FileOpen>()) };
    let fs: u64 = read::kernel(task + offset!(task_fs));
    let root = Place::read(fs + offset!(fs_root));
    path::push(tails, tag::FILE, seen.place, root);
    path::push_on_disk(tails, tag::ON_DISK, seen.place.dentry);
    // SAFETY: `slot` begins with the event; `size` is masked to the slot.
    unsafe { emit(Kind::FileOpen, Lane::Bulk, slot, tails.size()) };
}

/// Says which file it is that was opened; gives the flags that it tells.
#[inline(always)]
pub fn tell_object(
    event: &mut FileOpen,
    file: u64,
    inode: u64,
    own: Identity,
    found: Found,
) -> u32 {
    event.ino = own.ino;
    event.tree_ino = found.tree.ino;
    event.tree_dev = found.tree.dev;
    event.tree_levels = found.tree.levels;
    event.dev = own.dev;
    event.mode = u32::from(read::kernel::<u16>(inode + offset!(inode_mode)));
    event.links = read::kernel(inode + offset!(inode_nlink));
    event.errno = 0;
    event.reasons = found.reasons;
    let created = read::kernel::<u32>(file + offset!(file_mode)) & FMODE_CREATED != 0;
    u32::from(created) * flag::CREATED | u32::from(own.dev == setting!(root_dev)) * flag::ON_ROOT_FS
}

/// Names that are not there are asked for all the time: only what may be a watched one goes on.
#[inline(always)]
fn may_be_watched(
    state: &WatchState,
    slot: *mut u8,
    asked: &Asked,
    from: Place,
    errno: u32,
) -> bool {
    let common = errno == ENOENT || errno == ENOTDIR;
    !common
        || watch::asked(asked.name, asked.memory)
        || watch::directory(state, slot, from).bits != 0
}

/// Says that there is no file, and why.
#[inline(always)]
fn tell_nothing(event: &mut FileOpen, errno: u32) {
    (event.ino, event.tree_ino) = (0, 0);
    (event.dev, event.mode, event.links) = (0, 0, 0);
    (event.tree_levels, event.tree_dev) = (0, 0);
    event.errno = errno;
    event.reasons = reason::ASKED;
}

/// The directory that is open there.
#[inline(always)]
pub fn opened_at(task: u64, fd: i32) -> Place {
    match task::files(task).at(fd as u32) {
        0 => Place { mnt: 0, dentry: 0 },
        file => Place::read(file + offset!(file_path)),
    }
}

/// Of an open that failed, for the turns.
#[inline(always)]
fn token(name: u64, errno: u32) -> u64 {
    name ^ u64::from(errno) << 48
}

/// What was asked for is read twice sooner than kept on the stack. `flags`: of the event,
/// beside those that what was asked for tells.
#[inline(always)]
fn failed(
    state: &WatchState,
    task: u64,
    errno: u32,
    slot: Large,
    turn: Turn,
    call: &impl Ask,
    flags: u32,
) {
    let Some(slot) = scratch::large(slot) else {
        return;
    };
    if (ERESTART_FIRST..=ERESTART_LAST).contains(&errno) {
        return;
    }
    let told = memory::refused(slot, &call.asked(), errno, |name| {
        turn.takes(task, token(name, errno))
            .then_some(flags & flag::RING != 0)
    });
    let asked = call.asked();
    if asked.is_clone {
        return;
    }
    let fs: u64 = read::kernel(task + offset!(task_fs));
    let cwd = Place::read(fs + offset!(fs_pwd));
    let from = match asked.at && asked.directory >= 0 {
        true => opened_at(task, asked.directory),
        false => cwd,
    };
    let found = Found {
        reasons: u32::from(may_be_watched(state, slot, &asked, from, errno)) * reason::ASKED,
        tree: watch::NO_TREE,
    };
    let Some(event) = begun(state, task, slot, found, turn) else {
        return;
    };
    if !told.takes(turn, task, token(asked.name, errno)) {
        return;
    }
    tell_nothing(event, errno);
    event.exec_id = volume::exec_id(task);
    event.flags =
        flags | u32::from(asked.at) * flag::AT | u32::from(asked.by_handle) * flag::BY_HANDLE;
    event.open_flags = asked.flags;
    let mut name = Name {
        address: asked.name,
        memory: asked.memory,
    };
    if !volume::admits_failure(slot, from, &mut name) {
        return;
    }
    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<FileOpen>()) };
    let root = Place::read(fs + offset!(fs_root));
    path::push(tails, tag::CWD, cwd, root);
    if asked.at && asked.directory >= 0 {
        base(tails, task, asked.directory, root);
    }
    if !asked.by_handle {
        tails.string_of(tag::FILENAME, name.address, name.memory);
    }
    // SAFETY: `slot` begins with the event; `size` is masked to the slot.
    unsafe { emit(Kind::FileOpen, Lane::Bulk, slot, tails.size()) };
}
