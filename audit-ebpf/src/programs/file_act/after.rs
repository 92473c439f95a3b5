//! What an object is like once the act is over that it was looked at before.
//!
//! Owns the second look. Nobody holds the object any more, so nothing is told of it that does not show
//! itself to be the same one.

use audit_common::file_act::{FileAct, call, flag};

use super::object::Notes;
use crate::{read, settings::offset, watch};

/// What the object is like after a success; gives its inode, or 0 if that cannot be said.
#[inline(always)]
pub fn refresh(event: &mut FileAct, notes: &Notes) -> u64 {
    let gone = event.call == call::UNLINK || event.call == call::RMDIR;
    if event.errno != 0 || gone || event.call == call::RENAME {
        return 0;
    }
    event.flags |= flag::BEFORE;
    // Nobody holds it any more: it must still be the same entry.
    if read::kernel::<u64>(notes.dentry + offset!(dentry_parent)) != notes.parent {
        return 0;
    }
    let inode: u64 = read::kernel(notes.dentry + offset!(dentry_inode));
    let now = watch::identity(inode);
    let is_same = now.ino == event.ino || event.ino == 0;
    if inode == 0 || now.dev != event.dev || !is_same {
        return 0;
    }
    event.ino = now.ino;
    event.mode = u32::from(read::kernel::<u16>(inode + offset!(inode_mode)));
    event.links = read::kernel(inode + offset!(inode_nlink));
    event.flags &= !flag::BEFORE;
    inode
}
