//! x86_64, and what i386 programs call on it.

use crate::{
    read,
    settings::{offset, present},
};

pub const OPEN: u64 = 2;
pub const EXECVE: u64 = 59;
pub const SOCKET: u64 = 41;
pub const CONNECT: u64 = 42;
pub const ACCEPT: u64 = 43;
pub const SENDTO: u64 = 44;
pub const SENDMSG: u64 = 46;
pub const BIND: u64 = 49;
pub const LISTEN: u64 = 50;
pub const CREAT: u64 = 85;
pub const OPENAT: u64 = 257;
pub const ACCEPT4: u64 = 288;
pub const OPEN_BY_HANDLE_AT: u64 = 304;
pub const SENDMMSG: u64 = 307;
pub const EXECVEAT: u64 = 322;
pub const OPEN_TREE: u64 = 428;
pub const OPENAT2: u64 = 437;

pub const EXECVE_32: u64 = 11;
pub const EXECVEAT_32: u64 = 358;

/// `thread_info.status`: in a 32-bit system call.
const TS_COMPAT: u32 = 2;
/// -ENOSYS
const UNDER_WAY: u64 = -38i64 as u64;

/// Of any entry.
#[inline(always)]
pub fn number(regs: u64) -> u64 {
    read::kernel(regs + offset!(regs_orig_ax))
}

/// Is the task in a call of 32 bits?
#[inline(always)]
pub fn is_32_bit(task: u64) -> bool {
    present(offset!(task_ti_status))
        && read::kernel::<u32>(task + offset!(task_ti_status)) & TS_COMPAT != 0
}

/// Is a call not over yet? What comes of it stands in `ax`, and until then -ENOSYS.
#[inline(always)]
pub fn is_under_way(regs: u64) -> bool {
    read::kernel::<u64>(regs + offset!(regs_ax)) == UNDER_WAY
}

/// Counted from 0.
#[inline(always)]
pub fn argument<const N: u32>(regs: u64) -> u64 {
    read::kernel(
        regs + match N {
            0 => offset!(regs_di),
            1 => offset!(regs_si),
            2 => offset!(regs_dx),
            3 => offset!(regs_r10),
            4 => offset!(regs_r8),
            _ => offset!(regs_r9),
        },
    )
}

/// Of a 32-bit call, counted from 0.
#[inline(always)]
pub fn argument_32<const N: u32>(regs: u64) -> u64 {
    read::kernel(
        regs + match N {
            0 => offset!(regs_bx),
            1 => offset!(regs_cx),
            2 => offset!(regs_dx),
            3 => offset!(regs_si),
            4 => offset!(regs_di),
            _ => offset!(regs_bp),
        },
    )
}

/// An open by the 32-bit entry, as the number that the native one has.
#[inline(always)]
pub fn open_by_32_bit(number: u64) -> Option<u64> {
    Some(match number {
        5 => OPEN,
        8 => CREAT,
        295 => OPENAT,
        342 => OPEN_BY_HANDLE_AT,
        OPEN_TREE => OPEN_TREE,
        OPENAT2 => OPENAT2,
        _ => return None,
    })
}
