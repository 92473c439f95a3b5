//! A reboot that will be done does not come back: it is told before.
//!
//! Owns which of them that are.

use audit_common::{
    Kind, Lane,
    privilege::{Privilege, call, flag},
};

use super::blank;
use crate::{
    emit::emit,
    entry::{Entry, arguments},
    scratch::{self, Small},
};

const MAGIC: u32 = 0xfee1_dead;
const MAGICS: [u32; 4] = [672_274_793, 85_072_278, 369_367_448, 537_993_216];
const CAP_SYS_BOOT: u64 = 1 << 22;
const CAD_ON: u32 = 0x89ab_cdef;
const CAD_OFF: u32 = 0;

/// Are both numbers right that show that nobody did this by chance?
#[inline(always)]
pub fn is_meant(first: u64, second: u64) -> bool {
    first as u32 == MAGIC && MAGICS.contains(&(second as u32))
}

/// Does the machine go on afterwards?
#[inline(always)]
pub fn is_harmless(command: u64) -> bool {
    matches!(command as u32, CAD_ON | CAD_OFF)
}

#[inline(always)]
pub fn entered(task: u64, regs: u64, entry: Entry, slot: Small) {
    let [first, second, command, ..] = arguments(regs, entry);
    if !is_meant(first, second) || is_harmless(command) {
        return;
    }
    let Some(slot) = scratch::small(slot) else {
        return;
    };
    // SAFETY: the slot is larger than the event, and this CPU's and program's own.
    unsafe {
        let event = &mut *slot.cast::<Privilege>();
        blank(event, task, call::REBOOT, 0);
        if event.header.cap_effective & CAP_SYS_BOOT == 0 {
            return;
        }
        event.values[0] = command;
        event.values[1] = 1;
        event.flags = flag::NO_RESULT;
        emit(
            Kind::Privilege,
            Lane::Bulk,
            slot,
            size_of::<Privilege>() as u64,
        );
    }
}
