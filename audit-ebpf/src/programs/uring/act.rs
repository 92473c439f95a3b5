//! A file is changed by io_uring: removed, renamed, made, linked, or given an attribute.
//!
//! Owns where the arguments stand in a request; what they mean is `file_act`'s matter. Names are the
//! kernel's copies, so nobody can rewrite them; what they led to is the daemon's to find out, as there.

use audit_common::{
    Kind, Lane,
    counters::Filtered,
    events::tag,
    file_act::{FileAct, call, flag},
    watch::WatchState,
};

use super::{
    FSETXATTR, LINKAT, MKDIRAT, RENAMEAT, Request, SETXATTR, SYMLINKAT, UNLINKAT, credentials,
    is_fixed, is_skipped,
    kept::{self, EVENT_BYTES, Notes},
    passed_over,
};
use crate::{
    emit::emit,
    entry::Entry,
    path::{self, Place},
    programs::{
        file_act::{
            self, EEXIST, HOME, Scene,
            calls::{CWD, NONE, Plan},
        },
        file_open::{ENOENT, ENOTDIR},
    },
    read::{self, Memory, mask},
    settings::offset,
    tails::Tails,
    task, volume,
    watch::{self, Found},
};

/// The places of arguments: two names, each behind where it starts from, and what else there is.
const FLAGS: u64 = 4;
const VALUE: u64 = 5;

#[inline(always)]
fn plan(opcode: u64) -> Option<Plan> {
    const N: u64 = NONE;
    const NO: [u64; 3] = [N, N, N];
    Some(match opcode {
        RENAMEAT => const { Plan::one(call::RENAME, 0, 1, N, [FLAGS, N, N]).second(2, 3) },
        UNLINKAT => const { Plan::one(call::UNLINK, 0, 1, FLAGS, NO) },
        MKDIRAT => const { Plan::one(call::MKDIR, 0, 1, N, [VALUE, N, N]) },
        SYMLINKAT => const { Plan::one(call::SYMLINK, 2, 3, N, NO).second(CWD, 1) },
        LINKAT => {
            const {
                Plan::one(call::LINK, 0, 1, FLAGS, NO)
                    .second(2, 3)
                    .nofollow()
            }
        }
        SETXATTR => const { Plan::one(call::SETXATTR, CWD, 1, N, [VALUE, N, N]).text(3) },
        FSETXATTR => {
            const {
                Plan::one(call::SETXATTR, 0, N, N, [VALUE, N, N])
                    .text(3)
                    .by_fd()
            }
        }
        _ => return None,
    })
}

/// A descriptor in the request's command.
#[inline(always)]
fn descriptor(at: u64) -> u64 {
    read::kernel::<i32>(at) as u64
}

#[inline(always)]
fn number(at: u64) -> u64 {
    u64::from(read::kernel::<u32>(at))
}

/// The text behind a `struct filename *`.
#[inline(always)]
fn name(at: u64) -> u64 {
    read::kernel(read::kernel::<u64>(at) + offset!(filename_name))
}

#[inline(always)]
fn arguments(request: &Request) -> [u64; 6] {
    let at = request.command;
    match request.opcode {
        RENAMEAT => [
            descriptor(at + offset!(ring_rename_old_dfd)),
            name(at + offset!(ring_rename_old)),
            descriptor(at + offset!(ring_rename_new_dfd)),
            name(at + offset!(ring_rename_new)),
            number(at + offset!(ring_rename_flags)),
            0,
        ],
        UNLINKAT => [
            descriptor(at + offset!(ring_unlink_dfd)),
            name(at + offset!(ring_unlink_name)),
            0,
            0,
            number(at + offset!(ring_unlink_flags)),
            0,
        ],
        MKDIRAT => [
            descriptor(at + offset!(ring_mkdir_dfd)),
            name(at + offset!(ring_mkdir_name)),
            0,
            0,
            0,
            u64::from(read::kernel::<u16>(at + offset!(ring_mkdir_mode))),
        ],
        SYMLINKAT | LINKAT => [
            descriptor(at + offset!(ring_link_old_dfd)),
            name(at + offset!(ring_link_old)),
            descriptor(at + offset!(ring_link_new_dfd)),
            name(at + offset!(ring_link_new)),
            number(at + offset!(ring_link_flags)),
            0,
        ],
        opcode => [
            descriptor(request.address + offset!(request_fd)),
            match opcode {
                SETXATTR => name(at + offset!(ring_xattr_name)),
                _ => 0,
            },
            0,
            read::kernel(at + offset!(ring_xattr_key)),
            0,
            read::kernel(at + offset!(ring_xattr_size)),
        ],
    }
}

#[inline(always)]
pub fn submitted(state: &WatchState, request: &Request, notes: &mut Notes) {
    let (slot, task) = (request.slot, request.task);
    let Some(plan) = plan(request.opcode) else {
        return;
    };
    // SAFETY: a large slot, of this CPU and program.
    let scene = unsafe { Scene::of(slot) };
    scene.set_plan(plan);
    scene.set_arguments(arguments(request));
    notes.set_fixed(request.opcode == FSETXATTR && is_fixed(request));
    // From here on the verifier must not know which request it is, or it follows each to the end.
    let plan = scene.plan();
    // What these leave is told by their names.
    file_act::set_shape(task, request.fs, scene, Memory::Kernel, -1);
    let common = file_act::look(state, slot, scene, ENOENT, Memory::Kernel);
    let other = file_act::look(state, slot, scene, 0, Memory::Kernel);
    (notes.common, notes.other) = (common.reasons, other.reasons);
    let tree = if other.tree.ino != 0 {
        other.tree
    } else {
        common.tree
    };
    if common.reasons | other.reasons == 0 && !notes.is_fixed() {
        passed_over(Filtered::NoWatch);
        return;
    }
    // SAFETY: the slot is larger than any event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<FileAct>() };
    task::fill_with(&mut event.header, task, credentials(request));
    event.namespace_pid = task::be_the_process(&mut event.header, task);
    if watch::is_oneself(state, event.header.tgid) {
        passed_over(Filtered::Oneself);
        return;
    }
    let reasons = common.reasons | other.reasons;
    tell(event, Found { reasons, tree });
    event.errno = 0;
    file_act::fill(event, task, scene, Entry::Native);
    event.flags |= flag::RING;
    if !plan.is_by_fd() {
        // The names are the kernel's copies: no other thread can have rewritten them.
        event.flags &= !flag::UNPROVEN;
    }
    let at_home = event.header.flags & HOME == HOME;
    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<FileAct>()) };
    if notes.is_fixed() {
        // Which file it is can be known when it is done.
        tails.kernel_string(tag::TEXT, scene.argument(plan.text_at()));
    } else {
        file_act::push(tails, task, request.fs, scene, at_home, Memory::Kernel);
    }
    notes.size = tails.size();
    notes.moves = u32::from(plan.moves());
    let skipped = is_skipped(request);
    if plan.moves() {
        watch::begins_to_move();
    }
    let fits = notes.size <= EVENT_BYTES as u64;
    if fits && kept::keep(request.address, slot, skipped) {
        return;
    }
    event.flags |= flag::NO_RESULT;
    if !volume::admits_request(&event.header) {
        return;
    }
    // SAFETY: `slot` begins with the event; `size` is masked to the slot.
    unsafe { emit(Kind::FileAct, Lane::Bulk, slot, tails.size()) };
}

#[inline(always)]
fn tell(event: &mut FileAct, found: Found) {
    event.reasons = found.reasons;
    event.tree_ino = found.tree.ino;
    event.tree_dev = found.tree.dev;
    event.tree_levels = found.tree.levels;
}

#[inline(always)]
pub fn ended(state: &WatchState, address: u64, slot: *mut u8, errno: u32) {
    // SAFETY: `kept::take` has put both there.
    let (event, notes) = unsafe { (&mut *slot.cast::<FileAct>(), kept::notes(slot)) };
    event.header.time_ns = task::now();
    event.errno = errno;
    if notes.fixed != 0 {
        by_file(state, address, slot, notes);
        return;
    }
    let common = errno == ENOENT || errno == ENOTDIR || errno == EEXIST;
    let reasons = if common { notes.common } else { notes.other };
    if reasons == 0 {
        passed_over(Filtered::NoWatch);
        return;
    }
    if !volume::admits_request(&event.header) {
        return;
    }
    // SAFETY: `slot` begins with the event, of the size that was kept.
    unsafe { emit(Kind::FileAct, Lane::Bulk, slot, mask!(notes.size, 0x1fff)) };
}

/// By the file that the request held.
#[inline(always)]
fn by_file(state: &WatchState, address: u64, slot: *mut u8, notes: &mut Notes) {
    let file: u64 = read::kernel(address + offset!(request_file));
    let place = Place::read(file + offset!(file_path));
    let inode: u64 = read::kernel(file + offset!(file_inode));
    let own = watch::identity(inode);
    let found = watch::look(state, slot, place, own);
    if found.reasons == 0 {
        passed_over(Filtered::NoWatch);
        return;
    }
    // SAFETY: `ended` has the event there.
    let event = unsafe { &mut *slot.cast::<FileAct>() };
    if !volume::admits_request(&event.header) {
        return;
    }
    tell(event, found);
    (event.ino, event.dev) = (own.ino, own.dev);
    event.mode = u32::from(read::kernel::<u16>(inode + offset!(inode_mode)));
    event.links = read::kernel(inode + offset!(inode_nlink));
    event.flags &= !flag::UNPROVEN;
    let fs: u64 = read::kernel(task::current() + offset!(task_fs));
    // SAFETY: a large slot; the kept event ends there.
    let tails = unsafe { Tails::after(slot, mask!(notes.size, 0x1fff) as usize) };
    path::push(tails, tag::FILE, place, Place::read(fs + offset!(fs_root)));
    path::push_on_disk(tails, tag::ON_DISK, place.dentry);
    // SAFETY: `slot` begins with the event; `size` is masked to the slot.
    unsafe { emit(Kind::FileAct, Lane::Bulk, slot, tails.size()) };
}
