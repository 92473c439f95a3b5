//! Owns the numbers of arm64, which are those of all newer machines, and of 32-bit Arm beside them. Calls that have one with a
//! directory beside them (`unlinkat` for `unlink`) do not exist here without it.

use audit_common::file_act::call;

use super::{CWD, NONE, Plan, times};

/// The plan of a system call of arm64.
#[rustfmt::skip]
#[inline(always)]
pub fn plan(number: u64) -> Option<Plan> {
    /// Short, so that the table reads as one.
    const N: u64 = NONE;
    const NO: [u64; 3] = [N, N, N];
    Some(match number {
        35 => const { Plan::one(call::UNLINK, 0, 1, 2, NO) },
        38 => const { Plan::one(call::RENAME, 0, 1, N, NO).second(2, 3) },
        276 => const { Plan::one(call::RENAME, 0, 1, N, [4, N, N]).second(2, 3) },
        37 => const { Plan::one(call::LINK, 0, 1, 4, NO).second(2, 3).nofollow() },
        36 => const { Plan::one(call::SYMLINK, 1, 2, N, NO).second(CWD, 0) },
        34 => const { Plan::one(call::MKDIR, 0, 1, N, [2, N, N]) },
        33 => const { Plan::one(call::MKNOD, 0, 1, N, [2, 3, N]) },
        45 => const { Plan::one(call::TRUNCATE, CWD, 0, N, [1, N, N]) },
        46 => const { Plan::one(call::TRUNCATE, 0, N, N, [1, N, N]).by_fd() },
        52 => const { Plan::one(call::CHMOD, 0, N, N, [1, N, N]).by_fd() },
        53 => const { Plan::one(call::CHMOD, 0, 1, N, [2, N, N]) },
        452 => const { Plan::one(call::CHMOD, 0, 1, 3, [2, N, N]) },
        55 => const { Plan::one(call::CHOWN, 0, N, N, [1, 2, N]).by_fd() },
        54 => const { Plan::one(call::CHOWN, 0, 1, 4, [2, 3, N]) },
        5 => const { Plan::one(call::SETXATTR, CWD, 0, N, [3, N, N]).text(1) },
        6 => const { Plan::one(call::SETXATTR, CWD, 0, N, [3, N, N]).text(1).nofollow() },
        7 => const { Plan::one(call::SETXATTR, 0, N, N, [3, N, N]).text(1).by_fd() },
        463 => const { Plan::one(call::SETXATTR, 0, 1, 2, [N, N, N]).text(3) },
        14 => const { Plan::one(call::REMOVEXATTR, CWD, 0, N, NO).text(1) },
        15 => const { Plan::one(call::REMOVEXATTR, CWD, 0, N, NO).text(1).nofollow() },
        16 => const { Plan::one(call::REMOVEXATTR, 0, N, N, NO).text(1).by_fd() },
        466 => const { Plan::one(call::REMOVEXATTR, 0, 1, 2, NO).text(3) },
        88 => const { Plan::one(call::UTIMES, 0, 1, 3, [2, N, N]).times(times::NANOSECONDS) },
        40 => const { Plan::one(call::MOUNT, CWD, 1, N, [3, N, N]).second(CWD, 0).text(2) },
        39 => const { Plan::one(call::UMOUNT, CWD, 0, N, [1, N, N]) },
        429 => const { Plan::one(call::MOVE_MOUNT, 2, 3, N, [4, N, N]).second(0, 1) },
        51 => const { Plan::one(call::CHROOT, CWD, 0, N, NO) },
        428 | 467 => const { Plan::one(call::OPEN_TREE, 0, 1, 2, NO) },
        442 => const { Plan::one(call::MOUNT_SETATTR, 0, 1, 2, [3, N, N]) },
        41 => const { Plan::one(call::PIVOT_ROOT, CWD, 0, N, NO).second(CWD, 1) },
        _ => return None,
    })
}

/// Is it a call of 32-bit Arm that makes a node or changes a size? Opens of files can do both.
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub fn makes_or_cuts_32(number: u64) -> bool {
    matches!(number, 14 | 324 | 92 | 93 | 193 | 194)
}

/// The plan of a system call of the 32-bit entry, as 32-bit Arm numbers them.
#[rustfmt::skip]
#[inline(always)]
pub fn plan32(number: u64) -> Option<Plan> {
    const N: u64 = NONE;
    const NO: [u64; 3] = [N, N, N];
    Some(match number {
        10 => const { Plan::one(call::UNLINK, CWD, 0, N, NO) },
        328 => const { Plan::one(call::UNLINK, 0, 1, 2, NO) },
        40 => const { Plan::one(call::RMDIR, CWD, 0, N, NO) },
        38 => const { Plan::one(call::RENAME, CWD, 0, N, NO).second(CWD, 1) },
        329 => const { Plan::one(call::RENAME, 0, 1, N, NO).second(2, 3) },
        382 => const { Plan::one(call::RENAME, 0, 1, N, [4, N, N]).second(2, 3) },
        9 => const { Plan::one(call::LINK, CWD, 0, N, NO).second(CWD, 1).nofollow() },
        330 => const { Plan::one(call::LINK, 0, 1, 4, NO).second(2, 3).nofollow() },
        83 => const { Plan::one(call::SYMLINK, CWD, 1, N, NO).second(CWD, 0) },
        331 => const { Plan::one(call::SYMLINK, 1, 2, N, NO).second(CWD, 0) },
        39 => const { Plan::one(call::MKDIR, CWD, 0, N, [1, N, N]) },
        323 => const { Plan::one(call::MKDIR, 0, 1, N, [2, N, N]) },
        14 => const { Plan::one(call::MKNOD, CWD, 0, N, [1, 2, N]) },
        324 => const { Plan::one(call::MKNOD, 0, 1, N, [2, 3, N]) },
        92 => const { Plan::one(call::TRUNCATE, CWD, 0, N, [1, N, N]).signed() },
        93 => const { Plan::one(call::TRUNCATE, 0, N, N, [1, N, N]).by_fd().signed() },
        // A number of 64 bits begins in a register of even number.
        193 => const { Plan::one(call::TRUNCATE, CWD, 0, N, [2, N, N]).split() },
        194 => const { Plan::one(call::TRUNCATE, 0, N, N, [2, N, N]).by_fd().split() },
        15 => const { Plan::one(call::CHMOD, CWD, 0, N, [1, N, N]) },
        94 => const { Plan::one(call::CHMOD, 0, N, N, [1, N, N]).by_fd() },
        333 => const { Plan::one(call::CHMOD, 0, 1, N, [2, N, N]) },
        452 => const { Plan::one(call::CHMOD, 0, 1, 3, [2, N, N]) },
        182 => const { Plan::one(call::CHOWN, CWD, 0, N, [1, 2, N]).short() },
        95 => const { Plan::one(call::CHOWN, 0, N, N, [1, 2, N]).by_fd().short() },
        16 => const { Plan::one(call::CHOWN, CWD, 0, N, [1, 2, N]).nofollow().short() },
        212 => const { Plan::one(call::CHOWN, CWD, 0, N, [1, 2, N]) },
        207 => const { Plan::one(call::CHOWN, 0, N, N, [1, 2, N]).by_fd() },
        198 => const { Plan::one(call::CHOWN, CWD, 0, N, [1, 2, N]).nofollow() },
        325 => const { Plan::one(call::CHOWN, 0, 1, 4, [2, 3, N]) },
        226 => const { Plan::one(call::SETXATTR, CWD, 0, N, [3, N, N]).text(1) },
        227 => const { Plan::one(call::SETXATTR, CWD, 0, N, [3, N, N]).text(1).nofollow() },
        228 => const { Plan::one(call::SETXATTR, 0, N, N, [3, N, N]).text(1).by_fd() },
        463 => const { Plan::one(call::SETXATTR, 0, 1, 2, [N, N, N]).text(3) },
        235 => const { Plan::one(call::REMOVEXATTR, CWD, 0, N, NO).text(1) },
        236 => const { Plan::one(call::REMOVEXATTR, CWD, 0, N, NO).text(1).nofollow() },
        237 => const { Plan::one(call::REMOVEXATTR, 0, N, N, NO).text(1).by_fd() },
        466 => const { Plan::one(call::REMOVEXATTR, 0, 1, 2, NO).text(3) },
        269 => const { Plan::one(call::UTIMES, CWD, 0, N, [1, N, N]).times(times::MICROSECONDS).narrow() },
        326 => const { Plan::one(call::UTIMES, 0, 1, N, [2, N, N]).times(times::MICROSECONDS).narrow() },
        348 => const { Plan::one(call::UTIMES, 0, 1, 3, [2, N, N]).times(times::NANOSECONDS).narrow() },
        412 => const { Plan::one(call::UTIMES, 0, 1, 3, [2, N, N]).times(times::NANOSECONDS) },
        21 => const { Plan::one(call::MOUNT, CWD, 1, N, [3, N, N]).second(CWD, 0).text(2) },
        52 => const { Plan::one(call::UMOUNT, CWD, 0, N, [1, N, N]) },
        429 => const { Plan::one(call::MOVE_MOUNT, 2, 3, N, [4, N, N]).second(0, 1) },
        61 => const { Plan::one(call::CHROOT, CWD, 0, N, NO) },
        428 | 467 => const { Plan::one(call::OPEN_TREE, 0, 1, 2, NO) },
        442 => const { Plan::one(call::MOUNT_SETATTR, 0, 1, 2, [3, N, N]) },
        218 => const { Plan::one(call::PIVOT_ROOT, CWD, 0, N, NO).second(CWD, 1) },
        _ => return None,
    })
}
