//! An act whose objects were looked at before it was done, at the exit of its system call.
//!
//! Owns what is added there: the result, and what the object is like by now.

use audit_common::{
    Kind, Lane,
    counters::Filtered,
    events::tag,
    file_act::{FileAct, call, flag, time},
};

use super::{Scene, after, object, set_shape, shape, times};
use crate::{
    done::Turn,
    emit::emit,
    entry::Entry,
    kept,
    path::{self, Place},
    programs::file_open::passed_over,
    read::{self, Memory, mask},
    settings::offset,
    tails::Tails,
    task, volume,
};

/// Tells it by the objects that were looked at before; false: there are none.
#[inline(always)]
pub fn told(task: u64, fs: u64, slot: *mut u8, errno: u32, turn: Turn, entry: Entry) -> bool {
    // SAFETY: a large slot, of this CPU and program.
    let scene = unsafe { Scene::of(slot) };
    let plan = scene.plan();
    let token = scene.argument(plan.first_name()) ^ u64::from(errno) << 48;
    match object::take(task, slot, plan.call()) {
        object::Taken::Nothing => return false,
        object::Taken::Unwatched => {
            // Its twin must not look for it by its names.
            turn.takes(task, token);
            passed_over(turn, Filtered::NoWatch);
            return true;
        }
        object::Taken::Watched => {}
    }
    // SAFETY: both were copied there.
    let (event, notes) = unsafe {
        (
            &mut *slot.cast::<FileAct>(),
            kept::notes::<object::Notes>(slot),
        )
    };
    if !turn.takes(task, token) || !volume::admits(task, &event.header, true) {
        return true;
    }
    event.header.time_ns = task::now();
    event.errno = errno;
    event.umask = read::kernel(fs + offset!(fs_umask));
    event.at_flags = scene.argument(plan.at_flags()) as u32;
    event.flags |= u32::from(plan.is_nofollow()) * flag::NOFOLLOW;
    event.values = super::values(scene);
    let inode = after::refresh(event, notes);
    if plan.times_form() != 0 {
        event.values = times::values(plan, event.values[0], entry);
        if inode != 0 && event.values[1] != time::OMIT {
            event.values = times::of_inode(inode);
        }
    }
    let mut size = mask!(notes.size, 0x1fff);
    if event.call == call::SETXATTR || event.call == call::REMOVEXATTR {
        size = with_names(task, fs, slot, size, errno);
    }
    // SAFETY: `slot` begins with the event, of this size.
    unsafe { emit(Kind::FileAct, Lane::Bulk, slot, size) };
    true
}

/// The functions that change attributes are not told the mount: what the call says of it must do.
#[inline(always)]
fn with_names(task: u64, fs: u64, slot: *mut u8, size: u64, errno: u32) -> u64 {
    // SAFETY: a large slot, of this CPU and program, with an event of that size.
    let (scene, tails) = unsafe { (Scene::of(slot), Tails::after(slot, size as usize)) };
    set_shape(task, fs, scene, Memory::Program, -i64::from(errno));
    let root = Place::read(fs + offset!(fs_root));
    let by_fd = scene.is(shape::BY_FD);
    if !scene.is(shape::ABSOLUTE) {
        let tag = if by_fd { tag::FILE } else { tag::BASE };
        path::push(tails, tag, scene.place(), root);
    }
    if !by_fd {
        let name = scene.argument(scene.plan().first_name());
        tails.user_string(tag::FILENAME, name);
    }
    tails.size()
}
