//! The memory of another process, opened as a file: /proc/PID/mem.
//!
//! Owns how such an open is told from others. Asked of every open that is told to the daemon or not, so where
//! the file has a disk it costs one comparison. Of a refusal there is only the name: one that is absolute and
//! has a number is understood. Whether a watch is for that file is another question, which is asked all the same.

use audit_common::{
    Kind, Lane,
    privilege::{NO_VALUE, Privilege, call, flag, group},
};

use super::{blank, target};
use crate::{
    arch,
    done::Turn,
    emit::emit,
    path::Place,
    programs::file_open::{Asked, O_PATH},
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
fn is_opened(place: Place, own: Identity, file: u64) -> bool {
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
    let flags: u32 = read::kernel(file + offset!(file_flags));
    // A handle allows nothing; to open it again is another open.
    read::kernel::<u32>(name) == NAME
        && read::kernel::<u64>(sb + offset!(sb_magic)) == PROC
        && flags & O_PATH == 0
}

#[inline(always)]
fn is_wanted() -> bool {
    setting!(privilege) & group::MEMORY != 0 && present(offset!(proc_inode_pid))
}

/// Who tells an open, as far as that was asked for its memory.
#[derive(Clone, Copy)]
pub struct Told(u64);

impl Told {
    const NOT_ASKED: u64 = 0;
    const HERE: u64 = 1;
    const ELSEWHERE: u64 = 2;

    /// Asks if nobody did: that may be done once.
    #[inline(always)]
    pub fn takes(self, turn: Turn, task: u64, token: u64) -> bool {
        match self.0 {
            Self::NOT_ASKED => turn.takes(task, token),
            by => by == Self::HERE,
        }
    }
}

/// Tells an open of another process's memory, if it is one. `slot` is a large slot in which nothing stands yet;
/// `takes` says whether it is to be told here, and then whether it is io_uring's.
#[inline(always)]
pub fn opened(
    slot: *mut u8,
    place: Place,
    own: Identity,
    file: u64,
    takes: impl FnOnce() -> Option<bool>,
) -> Told {
    let mut told = Told::NOT_ASKED;
    if is_opened(place, own, file) {
        told = Told::ELSEWHERE;
        if let Some(by_ring) = takes() {
            told = Told::HERE;
            let inode: u64 = read::kernel(file + offset!(file_inode));
            let of_proc = inode.wrapping_sub(offset!(proc_inode_own));
            let pid: u64 = read::kernel(of_proc + offset!(proc_inode_pid));
            let flags: u32 = read::kernel(file + offset!(file_flags));
            tell(slot, task::of_pid(pid), NO_VALUE, flags, 0, by_ring);
        }
    }
    // To the verifier it is any number, so what follows is verified once.
    Told(plain(slot, told))
}

/// The same of one that was refused; `takes` is told the name.
#[inline(always)]
pub fn refused(
    slot: *mut u8,
    asked: &Asked,
    errno: u32,
    takes: impl FnOnce(u64) -> Option<bool>,
) -> Told {
    let may_be = (errno == EACCES || errno == EPERM) && asked.flags & O_PATH == 0 && is_wanted();
    let number = match may_be {
        true => plain(slot, number_in(slot, asked.name, asked.memory)),
        false => 0,
    };
    let mut told = Told::NOT_ASKED;
    if number != 0 {
        told = Told::ELSEWHERE;
        if let Some(by_ring) = takes(asked.name) {
            told = Told::HERE;
            let target = task::by_number(task::current(), number as u32);
            tell(slot, target, number, asked.flags, errno, by_ring);
        }
    }
    Told(plain(slot, told))
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
fn tell(slot: *mut u8, target: u64, given: u64, flags: u32, errno: u32, by_ring: bool) {
    // SAFETY: the slot is larger than the event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<Privilege>() };
    let task = task::current();
    blank(event, task, call::OPEN_MEMORY, errno);
    target::fill(event, target);
    if event.target.tgid == event.header.tgid && event.flags & flag::TARGET != 0 {
        return;
    }
    if by_ring {
        event.namespace_pid = task::be_the_process(&mut event.header, task);
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
