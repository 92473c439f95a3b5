//! The time of modification that a call sets: as the program gave it, or as the inode has it.
//!
//! Owns the reading of it. A structure in the program's memory may be rewritten meanwhile; the inode
//! is at hand only where the object was told by a descriptor.

use audit_common::file_act::time;

use super::calls::{Plan, times};
use crate::{entry::Entry, read, settings::offset};

const UNREADABLE: [u64; 3] = [0, 0, time::UNREADABLE];

/// [`audit_common::file_act::FileAct::values`] for the times at this address.
#[inline(always)]
pub fn values(plan: Plan, address: u64, entry: Entry) -> [u64; 3] {
    let form = plan.times_form();
    if address == 0 {
        return [0, time::NOW, time::ASKED];
    }
    if entry == Entry::Compat && plan.has_narrow_times() {
        return narrow(form, address);
    }
    let at = address + if form == times::SECONDS { 8 } else { 16 };
    let Some(seconds) = read::try_user::<u64>(at) else {
        return UNREADABLE;
    };
    let part = match form {
        times::SECONDS => Some(0),
        _ => read::try_user::<u64>(at + 8),
    };
    let Some(part) = part else {
        return UNREADABLE;
    };
    // The kernel does not look at the upper half either.
    let part = match entry {
        Entry::Native => part,
        Entry::Compat => u64::from(part as u32),
    };
    [seconds, nanoseconds(form, part), time::ASKED]
}

/// The same of 32 bits each.
#[inline(always)]
fn narrow(form: u64, address: u64) -> [u64; 3] {
    let at = address + if form == times::SECONDS { 4 } else { 8 };
    let Some(seconds) = read::try_user::<i32>(at) else {
        return UNREADABLE;
    };
    let part = match form {
        times::SECONDS => Some(0),
        _ => read::try_user::<i32>(at + 4),
    };
    let Some(part) = part else {
        return UNREADABLE;
    };
    [seconds as u64, nanoseconds(form, part as u64), time::ASKED]
}

#[inline(always)]
fn nanoseconds(form: u64, part: u64) -> u64 {
    match form {
        times::MICROSECONDS => part.wrapping_mul(1000),
        _ => part,
    }
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
