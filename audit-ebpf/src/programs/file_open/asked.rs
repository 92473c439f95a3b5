//! What an open was asked for.
//!
//! Owns the arguments of all calls that open, in one form. Must not ask what became of it.

use super::registers;
use crate::{
    arch::{self, CREAT, OPEN, OPEN_BY_HANDLE_AT, OPEN_TREE, OPENAT, OPENAT2},
    entry::{Entry, argument},
    read::{self, Memory},
};

const O_CREAT_WRONLY_TRUNC: u32 = 0o1101;
pub const O_PATH: u32 = 0o10_000_000;
const OPEN_TREE_CLONE: u64 = 1;

/// The arguments, whatever the call.
pub struct Asked {
    pub directory: i32,
    pub name: u64,
    pub flags: u32,
    pub at: bool,
    pub by_handle: bool,
    pub is_clone: bool,
    /// Where the name stands.
    pub memory: Memory,
}

/// Reads what was asked for. Not a closure: of one that is used twice a function of its own would be made.
pub trait Ask {
    fn asked(&self) -> Asked;
}

/// From the registers of a call.
pub struct Call {
    pub task: u64,
    pub entry: Entry,
}

impl Ask for Call {
    #[inline(always)]
    fn asked(&self) -> Asked {
        asked(registers(self.task), self.entry)
    }
}

#[inline(always)]
pub fn asked(regs: u64, entry: Entry) -> Asked {
    let number = arch::number(regs);
    let number = match entry {
        Entry::Native => number,
        Entry::Compat => arch::open_by_32_bit(number).unwrap_or(OPENAT),
    };
    let (first, second, third) = (
        argument::<0>(regs, entry),
        argument::<1>(regs, entry),
        argument::<2>(regs, entry),
    );
    let by_handle = number == OPEN_BY_HANDLE_AT;
    let at = number != OPEN && number != CREAT;
    Asked {
        directory: first as i32,
        name: if at { second } else { first },
        flags: match number {
            CREAT => O_CREAT_WRONLY_TRUNC,
            OPEN => second as u32,
            OPEN_TREE => O_PATH,
            OPENAT2 => read::try_user::<u64>(third).unwrap_or(0) as u32,
            _ => third as u32,
        },
        at,
        by_handle,
        is_clone: number == OPEN_TREE && third & OPEN_TREE_CLONE != 0,
        memory: Memory::Program,
    }
}
