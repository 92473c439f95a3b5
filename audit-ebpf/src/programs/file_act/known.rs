//! An act whose objects were looked at before it was done, at the exit of its system call.
//!
//! Owns what is added there: the result, and what the object is like by now.

use audit_common::{
    Kind, Lane,
    counters::Filtered,
    file_act::{FileAct, flag, time},
};

use super::{Scene, object, times};
use crate::{
    done::Turn,
    emit::emit,
    programs::file_open::passed_over,
    read::{self, mask},
    settings::offset,
    task, volume,
};

/// Tells it by the objects that were looked at before; false: there are none.
#[inline(always)]
pub fn told(task: u64, fs: u64, slot: *mut u8, errno: u32, turn: Turn) -> bool {
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
    let (event, notes) = unsafe { (&mut *slot.cast::<FileAct>(), object::notes(slot)) };
    if !turn.takes(task, token) || !volume::admits(task, &event.header) {
        return true;
    }
    event.header.time_ns = task::now();
    event.errno = errno;
    event.umask = read::kernel(fs + offset!(fs_umask));
    event.at_flags = scene.argument(plan.at_flags()) as u32;
    event.flags |= u32::from(plan.is_nofollow()) * flag::NOFOLLOW;
    event.values = super::values(scene);
    let inode = object::refresh(event, notes);
    if plan.times_form() != 0 {
        event.values = times::values(plan.times_form(), event.values[0]);
        if inode != 0 && event.values[1] != time::OMIT {
            event.values = times::of_inode(inode);
        }
    }
    // SAFETY: `slot` begins with the event, of the size that was kept.
    unsafe { emit(Kind::FileAct, Lane::Bulk, slot, mask!(notes.size, 0x1fff)) };
    true
}
