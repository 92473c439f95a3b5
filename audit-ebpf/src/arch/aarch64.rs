//! arm64, and what 32-bit Arm programs call on it.

use super::registers;
use crate::{read, settings::offset};

/// Only 32-bit programs have these two; larger than any number that is read.
pub const OPEN: u64 = u64::MAX;
pub const CREAT: u64 = u64::MAX - 1;
pub const OPENAT: u64 = 56;
pub const SOCKET: u64 = 198;
pub const BIND: u64 = 200;
pub const LISTEN: u64 = 201;
pub const ACCEPT: u64 = 202;
pub const CONNECT: u64 = 203;
pub const SENDTO: u64 = 206;
pub const SENDMSG: u64 = 211;
pub const EXECVE: u64 = 221;
pub const ACCEPT4: u64 = 242;
pub const OPEN_BY_HANDLE_AT: u64 = 265;
pub const SENDMMSG: u64 = 269;
pub const EXECVEAT: u64 = 281;
pub const OPEN_TREE: u64 = 428;
pub const OPENAT2: u64 = 437;

pub const EXECVE_32: u64 = 11;
pub const EXECVEAT_32: u64 = 387;

/// `pstate`: what was interrupted is 32-bit code. The processor's own bit, which unlike the flags of a
/// thread no kernel renumbers.
const MODE_32_BIT: u64 = 0x10;

/// In the place of the number: the kernel was entered without a call.
const NO_CALL: u64 = u32::MAX as u64;

const REGISTER_BYTES: u64 = 8;

/// Of any entry. A word of 32 bits; what stands behind it is something else.
#[inline(always)]
pub fn number(regs: u64) -> u64 {
    u64::from(read::kernel::<u32>(regs + offset!(arm_syscallno)))
}

/// Is the task in a call of 32 bits?
#[inline(always)]
pub fn is_32_bit(task: u64) -> bool {
    read::kernel::<u64>(registers(task) + offset!(arm_pstate)) & MODE_32_BIT != 0
}

/// Is a call not over yet? What comes of it will stand in the place of argument 0, so a call that is
/// over and gave just that looks as if it were not.
#[inline(always)]
pub fn is_under_way(regs: u64) -> bool {
    let first: u64 = read::kernel(regs + offset!(arm_regs));
    number(regs) != NO_CALL && first == argument::<0>(regs)
}

/// Counted from 0. At the exit register 0 holds the result already.
#[inline(always)]
pub fn argument<const N: u32>(regs: u64) -> u64 {
    read::kernel(
        regs + match N {
            0 => offset!(arm_orig_x0),
            _ => offset!(arm_regs) + u64::from(N) * REGISTER_BYTES,
        },
    )
}

/// Of a 32-bit call: in the same registers.
#[inline(always)]
pub fn argument_32<const N: u32>(regs: u64) -> u64 {
    argument::<N>(regs)
}

/// An open by the 32-bit entry, as the number that the native one has.
#[inline(always)]
pub fn open_by_32_bit(number: u64) -> Option<u64> {
    Some(match number {
        5 => OPEN,
        8 => CREAT,
        322 => OPENAT,
        371 => OPEN_BY_HANDLE_AT,
        OPEN_TREE => OPEN_TREE,
        OPENAT2 => OPENAT2,
        _ => return None,
    })
}
