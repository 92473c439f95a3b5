//! A file is opened by io_uring.
//!
//! Of a success the truth is the file behind the new descriptor, as for the system calls. Where there
//! is none, or its descriptors are shared and another file is behind it by now, the name must do: the
//! daemon follows it.

use audit_common::{
    Kind, Lane,
    counters::Filtered,
    events::tag,
    file_open::{FileOpen, flag, reason},
    header,
    watch::WatchState,
};

use super::{
    Request, credentials, identity_of, is_skipped,
    kept::{self, EVENT_BYTES, Notes},
    passed_over,
};
use crate::{
    emit::emit,
    path::{self, Place},
    programs::file_open::{ENOENT, ENOTDIR, O_NOT_KEPT, opened_at, tell_object},
    read::{self, Memory, mask},
    settings::offset,
    tails::Tails,
    task, volume, watch,
};

/// Names mean the same as on the host.
const HOME: u32 = header::flag::HOST_ROOT | header::flag::HOST_MNT_NS;

#[inline(always)]
pub fn submitted(state: &WatchState, request: &Request, notes: &mut Notes) {
    let Request { command, slot, .. } = *request;
    let directory: i32 = read::kernel(command + offset!(ring_open_dfd));
    let fixed: u32 = read::kernel(command + offset!(ring_open_slot));
    let filename: u64 = read::kernel(command + offset!(ring_open_name));
    let name: u64 = read::kernel(filename + offset!(filename_name));
    let cwd = Place::read(request.fs + offset!(fs_pwd));
    let from = match directory >= 0 {
        true => opened_at(request.task, directory),
        false => cwd,
    };
    let told = watch::asked(name, Memory::Kernel) || watch::directory(state, slot, from).bits != 0;
    notes.common = u32::from(told) * reason::ASKED;
    notes.other = reason::ASKED;
    notes.fixed = u32::from(fixed != 0);
    // SAFETY: the slot is larger than any event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<FileOpen>() };
    task::fill_with(&mut event.header, request.task, credentials(request));
    event.namespace_pid = task::be_the_process(&mut event.header, request.task);
    if watch::is_oneself(state, event.header.tgid) {
        passed_over(Filtered::Oneself);
        return;
    }
    (event.ino, event.tree_ino) = (0, 0);
    (event.repeats, event.mode, event.links) = (0, 0, 0);
    (event.tree_levels, event.tree_dev) = (0, 0);
    event.exec_id = volume::exec_id(request.task);
    event.dev = identity_of(from.dentry).dev;
    event.flags = u32::from(directory >= 0) * flag::AT | flag::RING;
    event.open_flags = read::kernel::<u64>(command + offset!(ring_open_flags)) as u32;
    event.errno = 0;
    event.reasons = reason::ASKED;
    let at_home = event.header.flags & HOME == HOME;
    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<FileOpen>()) };
    let root = Place::read(request.fs + offset!(fs_root));
    tails.kernel_string(tag::FILENAME, name);
    path::push(tails, tag::CWD, cwd, root);
    if directory >= 0 {
        path::push(tails, tag::BASE, from, root);
    }
    if !at_home {
        path::push_on_disk(tails, tag::ON_DISK, from.dentry);
    }
    notes.size = tails.size();
    let fits = notes.size <= EVENT_BYTES as u64;
    if fits && kept::keep(request.address, slot, is_skipped(request)) {
        return;
    }
    event.flags |= flag::BY_NAME | flag::NO_RESULT;
    if !volume::admits_request(&event.header) {
        return;
    }
    // SAFETY: `slot` begins with the event; `size` is masked to the slot.
    unsafe { emit(Kind::FileOpen, Lane::Bulk, slot, tails.size()) };
}

#[inline(always)]
pub fn ended(state: &WatchState, slot: *mut u8, result: i32) {
    // SAFETY: `kept::take` has put both there.
    let (event, notes) = unsafe { (&mut *slot.cast::<FileOpen>(), kept::notes(slot)) };
    event.header.time_ns = task::now();
    let mut told = notes.other;
    if result < 0 {
        event.errno = -result as u32;
        if event.errno == ENOENT || event.errno == ENOTDIR {
            told = notes.common;
        }
    } else {
        let task = task::current();
        let same: u64 = read::kernel(task + offset!(task_files));
        if notes.fixed == 0 && notes.files == same {
            if opened(state, task, slot, result as u32) {
                return;
            }
            told = notes.common;
        }
        event.flags |= flag::BY_NAME;
    }
    if told == 0 {
        passed_over(Filtered::NoWatch);
        return;
    }
    if !volume::admits_request(&event.header) {
        return;
    }
    // SAFETY: `slot` begins with the event, of the size that was kept.
    unsafe { emit(Kind::FileOpen, Lane::Bulk, slot, mask!(notes.size, 0x1fff)) };
}

/// Tells it by the file behind the descriptor; false: what is there now may be another one.
#[inline(always)]
fn opened(state: &WatchState, task: u64, slot: *mut u8, fd: u32) -> bool {
    let files = task::files(task);
    let file = files.at(fd);
    let place = Place::read(file + offset!(file_path));
    let inode: u64 = read::kernel(file + offset!(file_inode));
    let own = watch::identity(inode);
    let found = watch::look(state, slot, place, own);
    let shared = files.are_shared();
    if found.reasons == 0 {
        if !shared {
            passed_over(Filtered::NoWatch);
        }
        return !shared;
    }
    // SAFETY: `ended` has the event there.
    let event = unsafe { &mut *slot.cast::<FileOpen>() };
    let asked = event.open_flags;
    event.flags = flag::RING | event.flags & flag::AT;
    event.flags |= tell_object(event, file, inode, own, found);
    event.flags |= u32::from(shared) * flag::UNPROVEN;
    let kept: u32 = read::kernel(file + offset!(file_flags));
    event.open_flags = kept & !O_NOT_KEPT | asked & O_NOT_KEPT;
    if !volume::admits_request(&event.header) {
        return true;
    }
    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<FileOpen>()) };
    let fs: u64 = read::kernel(task + offset!(task_fs));
    path::push(tails, tag::FILE, place, Place::read(fs + offset!(fs_root)));
    path::push_on_disk(tails, tag::ON_DISK, place.dentry);
    // SAFETY: `slot` begins with the event; `size` is masked to the slot.
    unsafe { emit(Kind::FileOpen, Lane::Bulk, slot, tails.size()) };
    true
}
