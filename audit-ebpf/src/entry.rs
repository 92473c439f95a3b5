//! By which entry a system call came, and its arguments as that entry passes them.
//!
//! Owns the choice; the registers are `arch`'s. A 32-bit call has 32 bits of each, whatever stands
//! above them: a program of 64 bits can make one.

use audit_common::header;

use crate::arch;

/// An entry of the kernel.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    Native,
    /// Of 32-bit programs, with numbers of its own.
    Compat,
}

impl Entry {
    /// For the header of an event.
    #[inline(always)]
    pub fn flag(self) -> u32 {
        match self {
            Entry::Native => 0,
            Entry::Compat => header::flag::COMPAT,
        }
    }
}

/// One of the six arguments, from 0.
#[inline(always)]
pub fn argument<const N: u32>(regs: u64, entry: Entry) -> u64 {
    match entry {
        Entry::Native => arch::argument::<N>(regs),
        Entry::Compat => arch::argument_32::<N>(regs) & 0xffff_ffff,
    }
}

#[inline(always)]
pub fn arguments(regs: u64, entry: Entry) -> [u64; 6] {
    [
        argument::<0>(regs, entry),
        argument::<1>(regs, entry),
        argument::<2>(regs, entry),
        argument::<3>(regs, entry),
        argument::<4>(regs, entry),
        argument::<5>(regs, entry),
    ]
}
