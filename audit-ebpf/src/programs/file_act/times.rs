//! The time of modification that a call sets: as the program gave it, or as the inode has it.
//!
//! Owns the reading of it. A structure in the program's memory may be rewritten meanwhile; the inode
//! is at hand only where the object was told by a descriptor.

use audit_common::file_act::time;

use super::calls::times;
use crate::{read, settings::offset};

/// [`audit_common::file_act::FileAct::values`] for times of this form at this address.
#[inline(always)]
pub fn values(form: u64, address: u64) -> [u64; 3] {
    if address == 0 {
        return [0, time::NOW, time::ASKED];
    }
    let at = address + if form == times::SECONDS { 8 } else { 16 };
    let Some(seconds) = read::try_user::<u64>(at) else {
        return [0, 0, time::UNREADABLE];
    };
    let part = match form {
        times::SECONDS => Some(0),
        _ => read::try_user::<u64>(at + 8),
    };
    let Some(part) = part else {
        return [0, 0, time::UNREADABLE];
    };
    let nanoseconds = match form {
        times::MICROSECONDS => part.wrapping_mul(1000),
        _ => part,
    };
    [seconds, nanoseconds, time::ASKED]
}

/// Those of the inode.
#[inline(always)]
pub fn of_inode(inode: u64) -> [u64; 3] {
    [
        read::kernel(inode + offset!(inode_mtime_sec)),
        read::kernel::<u32>(inode + offset!(inode_mtime_nsec)).into(),
        time::INODE,
    ]
}
