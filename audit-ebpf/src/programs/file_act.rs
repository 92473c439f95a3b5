//! A file was changed by name or by descriptor, or was to be: the exits of unlink, rename, link,
//! mkdir, truncate, chmod, chown, the attributes, times, mount, chroot and their
//! variants.
//!
//! Of a descriptor the object is the kernel's. A name is the program's own word, and what it led to
//! is gone or changed by now: a name without a slash is in the directory that it starts from, and
//! that directory is matched here; a longer one may lead anywhere, so all of these go on and the
//! daemon decides.

#[cfg(not(feature = "legacy"))]
mod after;
mod begin;
pub mod calls;
#[cfg(not(feature = "legacy"))]
mod inside;
#[cfg(not(feature = "legacy"))]
mod known;
#[cfg(not(feature = "legacy"))]
mod object;
mod scene;
mod times;

use audit_common::{
    Kind, Lane,
    counters::Filtered,
    events::tag,
    file_act::{FileAct, NO_VALUE, VALUES, call, flag, time},
    file_open::reason,
    header,
    privilege::group,
    watch::WatchState,
};
use aya_ebpf::{
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};

use super::{
    exec_failed::{registers, result_in},
    file_open::{ERESTART_FIRST, ERESTART_LAST, opened_at, passed_over},
};
use crate::{
    arch,
    done::Turn,
    emit::emit,
    entry::{Entry, argument, arguments},
    path::{self, Place},
    read::{self, Memory},
    scratch::{self, Large},
    settings::{offset, setting},
    tails::Tails,
    task, volume,
    watch::{self, Found},
};
use begin::begin;
use calls::{CWD, NONE, Plan};
pub use scene::{Scene, shape};

/// Names mean the same as on the host.
pub const HOME: u32 = header::flag::HOST_ROOT | header::flag::HOST_MNT_NS;
const AT_FDCWD: i32 = -100;
const OPEN_TREE_CLONE: u64 = 1;
const AT_EMPTY_PATH: u32 = 0x1000;
const AT_SYMLINK_NOFOLLOW: u32 = 0x100;
const AT_SYMLINK_FOLLOW: u32 = 0x400;
const ENOENT: u32 = 2;
pub const EEXIST: u32 = 17;
const ENOTDIR: u32 = 20;

#[tracepoint]
pub fn file_acted(ctx: TracePointContext) -> u32 {
    native_returned(&ctx, Large::FileAct, Turn::First);
    0
}

/// Does what the first did not, because it was skipped; but for the end of a move, which the daemon
/// notices in time.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn file_acted_again(ctx: TracePointContext) -> u32 {
    native_returned(&ctx, Large::FileActAgain, Turn::Twin);
    0
}

/// The same calls by the 32-bit entry, at the exit of every call there is: so it is a setting.
#[btf_tracepoint(function = "sys_exit")]
pub fn file_acted_compat(ctx: BtfTracePointContext) -> i32 {
    if task::in_compat(task::current()) {
        compat_returned(ctx.arg(0), ctx.arg(1));
    }
    0
}

/// The same on the trace event of that tracepoint, whose program is never preempted.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn file_acted_compat_traced(ctx: TracePointContext) -> u32 {
    let task = task::current();
    if task::in_compat(task) {
        compat_returned(registers(task), result_in(&ctx));
    }
    0
}

#[inline(always)]
fn native_returned(ctx: &TracePointContext, slot: Large, turn: Turn) {
    let regs = registers(task::current());
    if let Some(plan) = calls::plan(arch::number(regs)) {
        returned(plan, regs, result_in(ctx), slot, turn, Entry::Native);
    }
}

#[inline(always)]
fn compat_returned(regs: u64, result: i64) {
    let (slot, entry) = (Large::FileActCompat, Entry::Compat);
    if let Some(plan) = calls::plan32(arch::number(regs)) {
        returned(plan, regs, result, slot, Turn::Only, entry);
    }
}

#[inline(always)]
fn returned(plan: Plan, regs: u64, result: i64, slot: Large, turn: Turn, entry: Entry) {
    let Some(slot) = scratch::large(slot) else {
        return;
    };
    // SAFETY: a large slot, of this CPU and program.
    let scene = unsafe { Scene::of(slot) };
    scene.set_plan(plan);
    if scene.plan().moves() && turn.counts() {
        watch::has_moved();
    }
    // Without it nothing is bound: that is an open.
    if scene.plan().call() == call::OPEN_TREE && argument::<2>(regs, entry) & OPEN_TREE_CLONE == 0 {
        return;
    }
    if let Some(state) = watch::state() {
        // Every copy and every archive sets times: they cost nothing more unless somebody asked.
        if plan.times_form() != 0 && !watch::wants_times(state) {
            return;
        }
        let errno = if result < 0 { -result as u32 } else { 0 };
        if (ERESTART_FIRST..=ERESTART_LAST).contains(&errno) {
            // The call comes again, and looks again.
            #[cfg(not(feature = "legacy"))]
            object::forget(task::current());
        } else {
            scene.set_arguments(arguments(regs, entry));
            if entry == Entry::Compat {
                scene.widen();
            }
            acted(state, task::current(), slot, result, turn, entry);
        }
    }
}

/// Finds out where the first name starts from, plan and arguments being set.
#[inline(always)]
pub fn set_shape(task: u64, fs: u64, scene: &mut Scene, memory: Memory, result: i64) {
    let plan = scene.plan();
    let at_flags = scene.argument(plan.at_flags()) as u32;
    let first = begin(scene.argument(plan.first_name()), memory);
    let second = begin(scene.argument(plan.second_name()), memory);
    let empty = first.empty && at_flags & AT_EMPTY_PATH != 0;
    // A descriptor's entry in /proc is the object itself; the daemon may find the process gone.
    let through_proc = first.fd >= 0 && plan.needs_object() && follows(plan, at_flags);
    // Of times a descriptor without a name is the object.
    let nameless = plan.times_form() != 0
        && plan.first_dir() != CWD
        && scene.argument(plan.first_name()) == 0
        && scene.argument(plan.first_dir()) as i32 != AT_FDCWD;
    // What the call left says more than any name.
    let new_root = result >= 0 && plan.changes_root();
    let new_tree = result >= 0 && plan.call() == call::OPEN_TREE;
    let left = new_root || new_tree;
    let by_fd = plan.is_by_fd() || empty || through_proc || nameless || left;
    let first_fd = if new_tree {
        result as i32
    } else if through_proc {
        first.fd
    } else {
        scene.argument(plan.first_dir()) as i32
    };
    let same = first_fd == scene.argument(plan.second_dir()) as i32;
    let mut bits = first.shape | second.shape << 2;
    bits |= u64::from(by_fd) * shape::BY_FD;
    bits |= u64::from(plan.second_name() != NONE) * shape::TWO_NAMES;
    bits |= u64::from(same) * shape::SAME_START;
    if by_fd {
        bits &= !shape::ABSOLUTE;
    }
    let one_start = bits & (shape::ABSOLUTE | shape::SECOND_ABSOLUTE) != 0 || new_root;
    if one_start || bits & shape::TWO_NAMES == 0 {
        bits &= !shape::SAME_START;
    }
    scene.shape.set(bits);
    let place = start(task, fs, first_fd, scene.is(shape::ABSOLUTE) || new_root);
    scene.mnt.set(place.mnt);
    scene.dentry.set(place.dentry);
}

#[inline(always)]
fn follows(plan: Plan, at_flags: u32) -> bool {
    match plan.call() {
        call::LINK => at_flags & AT_SYMLINK_FOLLOW != 0,
        _ => !plan.is_nofollow() && at_flags & AT_SYMLINK_NOFOLLOW == 0,
    }
}

/// The directory that a name starts from.
#[inline(always)]
fn start(task: u64, fs: u64, fd: i32, absolute: bool) -> Place {
    if absolute {
        Place::read(fs + offset!(fs_root))
    } else if fd == AT_FDCWD {
        Place::read(fs + offset!(fs_pwd))
    } else {
        opened_at(task, fd)
    }
}

/// Why it may be about something watched; `reasons` 0: it is not.
#[inline(always)]
pub fn look(state: &WatchState, slot: *mut u8, scene: &Scene, errno: u32, memory: Memory) -> Found {
    let place = scene.place();
    // A tree that is mounted nowhere has nothing above it: the daemon knows where it came from. And a
    // mount concerns what is below it.
    let call = scene.plan().call();
    let placed = call != call::OPEN_TREE && call != call::MOUNT_SETATTR;
    if scene.is(shape::BY_FD) && !scene.is(shape::TWO_NAMES) && placed {
        let inode: u64 = read::kernel(place.dentry + offset!(dentry_inode));
        return watch::look(state, slot, place, watch::identity(inode));
    }
    // Names that are not there are tried all the time; so are directories that are.
    let common = errno == ENOENT || errno == ENOTDIR || errno == EEXIST;
    let plan = scene.plan();
    let two_names = scene.is(shape::TWO_NAMES);
    let told = if common {
        let asked = |place| watch::asked(scene.argument(place), memory);
        !(two_names && asked(plan.second_name()) || asked(plan.first_name()))
    } else {
        let second = !two_names || scene.is(shape::SECOND_PLAIN | shape::SAME_START);
        scene.is(shape::PLAIN) && second && !plan.needs_object()
    };
    if !told {
        return Found {
            reasons: reason::ASKED,
            tree: watch::NO_TREE,
        };
    }
    let above = watch::directory(state, slot, place);
    Found {
        reasons: u32::from(above.bits != 0) * reason::ASKED,
        tree: above.tree,
    }
}

#[inline(always)]
fn acted(state: &WatchState, task: u64, slot: *mut u8, result: i64, turn: Turn, entry: Entry) {
    // SAFETY: a large slot, of this CPU and program.
    let scene = unsafe { Scene::of(slot) };
    let fs: u64 = read::kernel(task + offset!(task_fs));
    let errno = if result < 0 { -result as u32 } else { 0 };
    #[cfg(not(feature = "legacy"))]
    if setting!(acts_inside) != 0 && known::told(task, fs, slot, errno, turn, entry) {
        return;
    }
    set_shape(task, fs, scene, Memory::Program, result);
    let mut found = look(state, slot, scene, errno, Memory::Program);
    if scene.plan().mounts() && setting!(privilege) & group::MOUNTS != 0 {
        found.reasons |= reason::MOUNT;
    }
    if found.reasons == 0 {
        passed_over(turn, Filtered::NoWatch);
        return;
    }
    // SAFETY: the slot is larger than any event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<FileAct>() };
    (event.namespace_pid, _) = task::fill(&mut event.header, task);
    event.header.flags |= entry.flag();
    if watch::is_oneself(state, event.header.tgid) {
        passed_over(turn, Filtered::Oneself);
        return;
    }
    let token = scene.argument(scene.plan().first_name()) ^ u64::from(errno) << 48;
    // A mount is told whatever the watches leave out.
    let may_be_quiet = found.reasons & reason::MOUNT == 0;
    if !turn.takes(task, token) || !volume::admits(task, &event.header, may_be_quiet) {
        return;
    }
    event.reasons = found.reasons;
    event.tree_ino = found.tree.ino;
    event.tree_dev = found.tree.dev;
    event.tree_levels = found.tree.levels;
    event.errno = errno;
    event.umask = read::kernel(fs + offset!(fs_umask));
    fill(event, task, scene, entry);
    let at_home = event.header.flags & HOME == HOME;
    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<FileAct>()) };
    push(tails, task, fs, scene, at_home, Memory::Program);
    // SAFETY: `slot` begins with the event; `size` is masked to the slot.
    unsafe { emit(Kind::FileAct, Lane::Bulk, slot, tails.size()) };
}

#[inline(always)]
fn values(scene: &Scene) -> [u64; 3] {
    let plan = scene.plan();
    [
        match plan.value_at(0) {
            NONE => NO_VALUE,
            place => scene.argument(place),
        },
        scene.argument(plan.value_at(1)),
        scene.argument(plan.value_at(2)),
    ]
}

/// The fixed part behind header, reasons and result.
#[inline(always)]
pub fn fill(event: &mut FileAct, task: u64, scene: &Scene, entry: Entry) {
    let inode: u64 = read::kernel(scene.dentry.get() + offset!(dentry_inode));
    let own = watch::identity(inode);
    let by_fd = scene.is(shape::BY_FD);
    let shared = match by_fd {
        true => task::files(task).are_shared(),
        false => task::shares_memory(task),
    };
    event.ino = own.ino;
    event.dev = own.dev;
    event.mode = u32::from(read::kernel::<u16>(inode + offset!(inode_mode)));
    event.links = read::kernel(inode + offset!(inode_nlink));
    let plan = scene.plan();
    event.values = values(scene);
    if plan.times_form() != 0 {
        event.values = times::values(plan, event.values[0], entry);
        if by_fd && event.errno == 0 && event.values[1] != time::OMIT {
            event.values = times::of_inode(inode);
        }
    }
    if plan.call() == call::MOUNT_SETATTR {
        event.values = read::try_user(event.values[0]).unwrap_or([NO_VALUE; VALUES]);
    }
    event.call = plan.call();
    event.at_flags = scene.argument(plan.at_flags()) as u32;
    event.flags = u32::from(by_fd) * flag::BY_FD
        | u32::from(shared) * flag::UNPROVEN
        | u32::from(scene.is(shape::SAME_START)) * flag::SAME_START
        | u32::from(scene.is(shape::TWO_NAMES)) * flag::TWO_NAMES
        | u32::from(plan.is_nofollow()) * flag::NOFOLLOW;
}

#[inline(always)]
pub fn push(tails: Tails, task: u64, fs: u64, scene: &Scene, at_home: bool, memory: Memory) {
    let root = Place::read(fs + offset!(fs_root));
    let by_fd = scene.is(shape::BY_FD);
    if !scene.is(shape::ABSOLUTE) {
        let tag = if by_fd { tag::FILE } else { tag::BASE };
        // From its own new root everything is "/".
        let seen_from = match scene.plan().changes_root() && by_fd {
            true => Place { mnt: 0, dentry: 0 },
            false => root,
        };
        path::push(tails, tag, scene.place(), seen_from);
    }
    if by_fd || !at_home {
        path::push_on_disk(tails, tag::ON_DISK, scene.dentry.get());
    }
    let plan = scene.plan();
    if !by_fd || plan.tells_both() {
        tails.string_of(tag::FILENAME, scene.argument(plan.first_name()), memory);
    }
    if scene.is(shape::TWO_NAMES) {
        if !scene.is(shape::SECOND_ABSOLUTE) && !scene.is(shape::SAME_START) {
            let fd = scene.argument(plan.second_dir()) as i32;
            path::push(tails, tag::SECOND_BASE, start(task, fs, fd, false), root);
        }
        tails.string_of(tag::SECOND_NAME, scene.argument(plan.second_name()), memory);
    }
    if plan.text_at() != NONE {
        tails.string_of(tag::TEXT, scene.argument(plan.text_at()), memory);
    }
}
