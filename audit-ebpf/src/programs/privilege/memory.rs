//! The memory of another process, opened as a file: /proc/PID/mem.
//!
//! Owns how such an open is told from others. Asked of every open that is told to the daemon or not, so where
//! the file has a disk it costs one comparison. Of a refusal there is only the name: one that is absolute and
//! has a number is understood.

use audit_common::{
    Kind, Lane,
    privilege::{NO_VALUE, Privilege, call, flag, group},
};

use super::{blank, target};
use crate::{
    arch,
    emit::emit,
    path::Place,
    read::{self, Memory, mask},
    scratch::plain,
    settings::{offset, present, setting},
    task,
    watch::Identity,
};

/// PROC_SUPER_MAGIC
const PROC: u64 = 0x9fa0;
/// The name, as a word.
const NAME: u32 = u32::from_ne_bytes(*b"mem\0");
const NAME_BYTES: u32 = 3;
const EPERM: u32 = 1;
const EACCES: u32 = 13;
/// Bytes of `/proc/NUMBER/mem` and its NUL, of the longest number.
const ASKED_BYTES: u32 = 24;
const DIGITS_AT: u64 = 6;
const DIGITS_MAX: u64 = 10;

/// Is this file the memory of a process?
#[inline(always)]
pub fn is_opened(place: Place, own: Identity, file: u64) -> bool {
    // What has no disk has a device without a major number.
    if own.dev >> 20 != 0 || !is_wanted() {
        return false;
    }
    let length: u32 = read::kernel(place.dentry + offset!(dentry_len));
    if length != NAME_BYTES {
        return false;
    }
    let name: u64 = read::kernel(place.dentry + offset!(dentry_name));
    let inode: u64 = read::kernel(file + offset!(file_inode));
    let sb: u64 = read::kernel(inode + offset!(inode_sb));
    read::kernel::<u32>(name) == NAME && read::kernel::<u64>(sb + offset!(sb_magic)) == PROC
}

#[inline(always)]
fn is_wanted() -> bool {
    setting!(privilege) & group::MEMORY != 0 && present(offset!(proc_inode_pid))
}

/// Tells it, unless it is one's own. `slot` is a large slot in which nothing stands that is still wanted.
#[inline(always)]
pub fn opened(slot: *mut u8, file: u64) {
    let inode: u64 = read::kernel(file + offset!(file_inode));
    let of_proc = inode.wrapping_sub(offset!(proc_inode_own));
    let pid: u64 = read::kernel(of_proc + offset!(proc_inode_pid));
    let flags: u32 = read::kernel(file + offset!(file_flags));
    tell(slot, task::of_pid(pid), NO_VALUE, flags, 0);
}

/// Whose memory it is that could not be opened, by its number; 0: it was something else. `slot` is a large slot in
/// which nothing stands that is still wanted.
#[inline(always)]
pub fn refused(slot: *mut u8, name: u64, memory: Memory, errno: u32) -> u64 {
    match (errno == EACCES || errno == EPERM) && is_wanted() {
        // To the verifier it is any number, so what follows is verified once.
        true => plain(slot, number_in(slot, name, memory)),
        false => 0,
    }
}

/// Tells it.
#[inline(always)]
pub fn was_refused(slot: *mut u8, number: u64, flags: u32, errno: u32) {
    let target = task::by_number(task::current(), number as u32);
    tell(slot, target, number, flags, errno);
}

/// The number in `/proc/NUMBER/mem`; 0: it is another name.
#[inline(always)]
fn number_in(slot: *mut u8, name: u64, memory: Memory) -> u64 {
    // SAFETY: a large slot, in which nothing stands yet; every place is masked to the text.
    let at = |at: u64| unsafe { slot.add(mask!(at, 0x1f) as usize).read_volatile() };
    // SAFETY: as above.
    let got = unsafe { read::string(slot, ASKED_BYTES, name, memory) };
    let begins = at(1) == b'p' && at(2) == b'r' && at(3) == b'o' && at(4) == b'c' && at(5) == b'/';
    if got <= 0 || at(0) != b'/' || !begins {
        return 0;
    }
    let mut number = 0;
    let mut digits = 0;
    for place in 0..DIGITS_MAX {
        let digit = at(DIGITS_AT + place).wrapping_sub(b'0');
        if digits == place && digit < 10 {
            number = number * 10 + u64::from(digit);
            digits += 1;
        }
    }
    let end = DIGITS_AT + digits;
    let ends = at(end) == b'/' && at(end + 1) == b'm' && at(end + 2) == b'e' && at(end + 3) == b'm';
    if ends && at(end + 4) == 0 { number } else { 0 }
}

#[inline(always)]
fn tell(slot: *mut u8, target: u64, given: u64, flags: u32, errno: u32) {
    // SAFETY: the slot is larger than the event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<Privilege>() };
    let task = task::current();
    blank(event, task, call::OPEN_MEMORY, errno);
    target::fill(event, target);
    if event.target.tgid == event.header.tgid && event.flags & flag::TARGET != 0 {
        return;
    }
    event.header.flags |= u32::from(task::in_compat(task)) * audit_common::header::flag::COMPAT;
    event.number = arch::number(arch::registers(task)) as u32;
    event.values[0] = given;
    event.values[1] = u64::from(flags);
    // SAFETY: the event stands there.
    unsafe {
        emit(
            Kind::Privilege,
            Lane::Bulk,
            slot,
            size_of::<Privilege>() as u64,
        )
    };
}
