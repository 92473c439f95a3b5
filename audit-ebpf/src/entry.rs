//! By which entry a system call came, and its arguments as that entry passes them.
//!
//! Owns the order of registers. A 32-bit call has 32 bits of each, whatever stands above them: a program
//! of 64 bits can make one.

use audit_common::header;

use crate::{read, settings::offset};

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
pub fn argument(regs: u64, place: usize, entry: Entry) -> u64 {
    match entry {
        Entry::Native => {
            let at = match place {
                0 => offset!(regs_di),
                1 => offset!(regs_si),
                2 => offset!(regs_dx),
                3 => offset!(regs_r10),
                4 => offset!(regs_r8),
                _ => offset!(regs_r9),
            };
            read::kernel(regs + at)
        }
        Entry::Compat => {
            let at = match place {
                0 => offset!(regs_bx),
                1 => offset!(regs_cx),
                2 => offset!(regs_dx),
                3 => offset!(regs_si),
                4 => offset!(regs_di),
                _ => offset!(regs_bp),
            };
            u64::from(read::kernel::<u32>(regs + at))
        }
    }
}

#[inline(always)]
pub fn arguments(regs: u64, entry: Entry) -> [u64; 6] {
    [
        argument(regs, 0, entry),
        argument(regs, 1, entry),
        argument(regs, 2, entry),
        argument(regs, 3, entry),
        argument(regs, 4, entry),
        argument(regs, 5, entry),
    ]
}
