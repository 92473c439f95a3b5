//! Which system call is which act, on this machine.
//!
//! Owns what of calls their numbers and options say. The numbers themselves stand in one table of both sides.

use audit_common::privilege::{
    call,
    calls::{self, Machine, NUMBERS, number, numbered},
    group_of,
};

use crate::{entry::Entry, read::mask, settings::setting};

#[cfg(not(bpf_target_arch = "aarch64"))]
mod machine {
    use super::Machine;

    pub const NATIVE: Machine = Machine::X86_64;
    pub const NARROW: Machine = Machine::I386;
}
#[cfg(bpf_target_arch = "aarch64")]
mod machine {
    use super::Machine;

    pub const NATIVE: Machine = Machine::Aarch64;
    pub const NARROW: Machine = Machine::Arm;
}
use machine::{NARROW, NATIVE};

/// The act of each number. To the verifier what comes out of a table is any act: what they have in common is
/// verified once.
static ACTS: [u8; NUMBERS] = numbered(NATIVE);
static ACTS_32: [u8; NUMBERS] = numbered(NARROW);

/// Sends a signal to who is behind a descriptor; by any entry.
pub const PIDFD_SEND_SIGNAL: u64 = number(NATIVE, "pidfd_send_signal");
/// Makes a process by a structure; by any entry.
pub const CLONE3: u64 = number(NATIVE, "clone3");
/// Its times have 64 bits, as native ones; by the 32-bit entry.
pub const CLOCK_SETTIME64: u64 = number(NARROW, "clock_settime");
/// These name a thread of a process.
const TO_THREAD: [u64; 2] = [
    number(NATIVE, "tgkill"),
    number(NATIVE, "rt_tgsigqueueinfo"),
];
const TO_THREAD_32: [u64; 2] = [
    number(NARROW, "tgkill"),
    number(NARROW, "rt_tgsigqueueinfo"),
];

/// The act of a system call by either entry; 0: none.
#[inline(always)]
pub fn by_entry(number: u64, entry: Entry) -> u32 {
    match entry {
        Entry::Native => call(number),
        Entry::Compat => call_32(number),
    }
}

/// The act of a system call; 0: none. Of calls that do several things see [`meant`].
#[inline(always)]
pub fn call(number: u64) -> u32 {
    act_in(&ACTS, number)
}

/// The same of a call of the 32-bit entry.
#[inline(always)]
pub fn call_32(number: u64) -> u32 {
    act_in(&ACTS_32, number)
}

#[inline(always)]
fn act_in(acts: &'static [u8; NUMBERS], number: u64) -> u32 {
    if number >= NUMBERS as u64 {
        return 0;
    }
    let place = mask!(number, 0x1ff);
    // SAFETY: the place is masked to the table.
    unsafe { *acts.get_unchecked(place as usize) }.into()
}

/// Is this an act, and its group told?
#[inline(always)]
pub fn is_switched_on(call: u32) -> bool {
    const _: () = assert!(calls::ACTS == 0x40, "the mask below");
    // What the compiler concludes of a call, a verifier need not.
    call != 0 && group_of(mask!(u64::from(call), 0x3f) as u32) & setting!(privilege) != 0
}

/// Calls that send a signal to one thread of a process: there it is the third argument.
#[inline(always)]
pub fn names_thread(number: u64, entry: Entry) -> bool {
    let [one, other] = match entry {
        Entry::Native => TO_THREAD,
        Entry::Compat => TO_THREAD_32,
    };
    number == one || number == other
}

/// Its ids have 16 bits, by the 32-bit entry.
#[inline(always)]
pub fn is_short_32(number: u64) -> bool {
    matches!(number, 23 | 46 | 70 | 71 | 138 | 139 | 164 | 170)
}

const PR_SET_SECUREBITS: u32 = 28;
const PR_SET_NO_NEW_PRIVS: u32 = 38;
const PR_CAP_AMBIENT: u32 = 47;
/// Asks only.
const AMBIENT_IS_SET: u64 = 1;

/// The act that a call is with these first arguments; 0: none.
#[inline(always)]
pub fn meant(call: u32, first: u64, second: u64) -> u32 {
    if call != call::PRCTL {
        return call;
    }
    match first as u32 {
        PR_CAP_AMBIENT if second != AMBIENT_IS_SET => call::PRCTL_AMBIENT,
        PR_SET_SECUREBITS => call::SECUREBITS,
        PR_SET_NO_NEW_PRIVS => call::NO_NEW_PRIVS,
        _ => 0,
    }
}
