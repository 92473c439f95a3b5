//! What was asked for and where: the state of one act while it is told.
//!
//! Owns its place in the slot. Must not read the kernel's memory.

use super::{
    AT_FDCWD,
    calls::{CWD, NONE, Plan},
};
use crate::{
    path::Place,
    read::mask,
    scratch::{self, Word},
};

/// In the slot's state: the verifier must forget which call it is, or it
/// follows each of them to the end.
#[repr(C)]
pub struct Scene {
    /// The registers with the arguments, [`CWD`] and [`NONE`].
    pub arguments: [Word; 8],
    plan: Word,
    /// Of the bits in [`shape`].
    pub shape: Word,
    pub mnt: Word,
    pub dentry: Word,
}

pub mod shape {
    /// The first name begins with a slash.
    pub const ABSOLUTE: u64 = 1 << 0;
    /// The first name has no slash and is no `..`: an entry of the directory that it starts from.
    pub const PLAIN: u64 = 1 << 1;
    pub const SECOND_ABSOLUTE: u64 = 1 << 2;
    pub const SECOND_PLAIN: u64 = 1 << 3;
    pub const TWO_NAMES: u64 = 1 << 4;
    pub const SAME_START: u64 = 1 << 5;
    pub const BY_FD: u64 = 1 << 6;
}

impl Scene {
    /// # Safety
    /// As for [`scratch::state`].
    #[inline(always)]
    pub unsafe fn of<'a>(slot: *mut u8) -> &'a mut Scene {
        const _: () = assert!(size_of::<Scene>() == 12 * size_of::<Word>());
        // SAFETY: the caller's; `search` and `copy` together have twelve words.
        unsafe { &mut *(&raw mut scratch::state(slot).search).cast::<Scene>() }
    }

    #[inline(always)]
    pub fn set_plan(&mut self, plan: Plan) {
        self.plan.set(plan.value());
    }

    /// Those in the registers; the other places are constants.
    #[inline(always)]
    pub fn set_arguments(&mut self, arguments: [u64; 6]) {
        let mut place = 0;
        while place < arguments.len() {
            self.arguments[place].set(arguments[place]);
            place += 1;
        }
        self.arguments[CWD as usize].set(AT_FDCWD as u64);
        self.arguments[NONE as usize].set(0);
    }

    /// Gives the arguments of a 32-bit call what the native one's have; the plan is set.
    #[inline(always)]
    pub fn widen(&mut self) {
        let plan = self.plan();
        let (first, second) = (plan.value_at(0), plan.value_at(1));
        let next = self.argument(first + 1);
        let (one, two) = (self.argument(first), self.argument(second));
        // Those that stand for no argument stay what they are.
        if first < CWD {
            self.set_argument(first, plan.widened(one, next));
        }
        if second < CWD {
            self.set_argument(second, plan.widened(two, 0));
        }
    }

    #[inline(always)]
    fn set_argument(&mut self, place: u64, value: u64) {
        let first: *mut Word = self.arguments.as_mut_ptr();
        // SAFETY: eight words; the place is masked to them.
        unsafe { (*first.add(mask!(place, 0x7) as usize)).set(value) };
    }

    #[inline(always)]
    pub fn plan(&self) -> Plan {
        Plan::of(self.plan.get())
    }

    #[inline(always)]
    pub fn is(&self, bits: u64) -> bool {
        self.shape.get() & bits == bits
    }

    /// The argument at this place.
    #[inline(always)]
    pub fn argument(&self, place: u64) -> u64 {
        let first: *const Word = self.arguments.as_ptr();
        // SAFETY: eight words; the place is masked to them.
        unsafe { (*first.add(mask!(place, 0x7) as usize)).get() }
    }

    #[inline(always)]
    pub fn place(&self) -> Place {
        Place {
            mnt: self.mnt.get(),
            dentry: self.dentry.get(),
        }
    }
}
