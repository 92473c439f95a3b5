//! Which argument of which system call is what: one table for all of them, and one for the 32-bit entry.
//!
//! Owns the numbers of x86_64 and of i386, and the places of arguments.

#[cfg(bpf_target_arch = "aarch64")]
mod aarch64;

#[cfg(bpf_target_arch = "aarch64")]
pub use aarch64::*;
use audit_common::file_act::call;

/// Four bits each, from the lowest: the place of an argument (0 to 5), or [`CWD`] or [`NONE`]. Above
/// them the call.
#[derive(Clone, Copy)]
pub struct Plan(u64);

/// In the place of a descriptor: the working directory.
pub const CWD: u64 = 6;
/// In any place: there is none.
pub const NONE: u64 = 7;

const NOFOLLOW_BIT: u64 = 1 << 48;
const BY_FD_BIT: u64 = 1 << 49;
const CALL_SHIFT: u64 = 40;
const TIMES_SHIFT: u64 = 50;
/// Of 32-bit calls only: how an argument has less bits than the native call gives it.
const NARROW_TIMES_BIT: u64 = 1 << 52;
const SPLIT_BIT: u64 = 1 << 53;
const SIGNED_BIT: u64 = 1 << 54;
const SHORT_BIT: u64 = 1 << 55;

/// How times are given.
pub mod times {
    /// `utimbuf`: seconds, the second of two.
    pub const SECONDS: u64 = 1;
    /// `timeval`, the second of two.
    pub const MICROSECONDS: u64 = 2;
    /// `timespec`, the second of two.
    pub const NANOSECONDS: u64 = 3;
}

impl Plan {
    /// One name; `values` are the places of [`audit_common::file_act::FileAct::values`].
    pub const fn one(call: u32, dir: u64, name: u64, at_flags: u64, values: [u64; 3]) -> Plan {
        Plan(
            dir | name << 4
                | NONE << 8
                | NONE << 12
                | NONE << 16
                | at_flags << 20
                | values[0] << 24
                | values[1] << 28
                | values[2] << 32
                | (call as u64) << CALL_SHIFT,
        )
    }

    pub const fn second(self, dir: u64, name: u64) -> Plan {
        Plan(self.0 & !0xff00 | dir << 8 | name << 12)
    }

    pub const fn text(self, place: u64) -> Plan {
        Plan(self.0 & !(0xf << 16) | place << 16)
    }

    pub const fn nofollow(self) -> Plan {
        Plan(self.0 | NOFOLLOW_BIT)
    }

    pub const fn by_fd(self) -> Plan {
        Plan(self.0 | BY_FD_BIT)
    }

    /// The first value is the address of times in this form.
    const fn times(self, form: u64) -> Plan {
        Plan(self.0 | form << TIMES_SHIFT)
    }

    /// Each number of these times has 32 bits.
    const fn narrow(self) -> Plan {
        Plan(self.0 | NARROW_TIMES_BIT)
    }

    /// The first value goes on in the argument behind it.
    const fn split(self) -> Plan {
        Plan(self.0 | SPLIT_BIT)
    }

    /// The first value may be below zero.
    const fn signed(self) -> Plan {
        Plan(self.0 | SIGNED_BIT)
    }

    /// The values have 16 bits.
    const fn short(self) -> Plan {
        Plan(self.0 | SHORT_BIT)
    }

    /// Back from [`Plan::value`].
    #[inline(always)]
    pub fn of(value: u64) -> Plan {
        Plan(value)
    }

    #[inline(always)]
    pub fn value(self) -> u64 {
        self.0
    }

    #[inline(always)]
    pub fn call(self) -> u32 {
        (self.0 >> CALL_SHIFT) as u32 & 0xff
    }

    #[inline(always)]
    pub fn is_nofollow(self) -> bool {
        self.0 & NOFOLLOW_BIT != 0
    }

    #[inline(always)]
    pub fn is_by_fd(self) -> bool {
        self.0 & BY_FD_BIT != 0
    }

    /// Of the forms in [`times`]; 0: none.
    #[inline(always)]
    pub fn times_form(self) -> u64 {
        self.0 >> TIMES_SHIFT & 3
    }

    #[inline(always)]
    pub fn has_narrow_times(self) -> bool {
        self.0 & NARROW_TIMES_BIT != 0
    }

    /// A value of a 32-bit call as the native one has it; `next` is the argument behind it.
    #[inline(always)]
    pub fn widened(self, value: u64, next: u64) -> u64 {
        if self.0 & SPLIT_BIT != 0 {
            value | next << 32
        } else if self.0 & SIGNED_BIT != 0 {
            value as u32 as i32 as u64
        } else if self.0 & SHORT_BIT != 0 {
            // All bits mean unchanged, in either width.
            match value & 0xffff {
                0xffff => 0xffff_ffff,
                short => short,
            }
        } else {
            value
        }
    }

    #[inline(always)]
    pub fn first_dir(self) -> u64 {
        self.0 & 7
    }

    #[inline(always)]
    pub fn first_name(self) -> u64 {
        self.0 >> 4 & 7
    }

    #[inline(always)]
    pub fn second_dir(self) -> u64 {
        self.0 >> 8 & 7
    }

    #[inline(always)]
    pub fn second_name(self) -> u64 {
        self.0 >> 12 & 7
    }

    #[inline(always)]
    pub fn text_at(self) -> u64 {
        self.0 >> 16 & 7
    }

    #[inline(always)]
    pub fn at_flags(self) -> u64 {
        self.0 >> 20 & 7
    }

    #[inline(always)]
    pub fn value_at(self, number: u32) -> u64 {
        self.0 >> (24 + 4 * number) & 7
    }

    /// What is in the tree moves, or what is mounted changes.
    #[inline(always)]
    pub fn moves(self) -> bool {
        let call = self.call();
        call == call::RENAME || (call::MOUNT..=call::PIVOT_ROOT).contains(&call)
    }

    /// What is mounted changes.
    #[inline(always)]
    pub fn mounts(self) -> bool {
        let call = self.call();
        (call::MOUNT..=call::PIVOT_ROOT).contains(&call) || call == call::MOUNT_SETATTR
    }

    /// A success leaves the process with another root: the new one.
    #[inline(always)]
    pub fn changes_root(self) -> bool {
        let call = self.call();
        call == call::CHROOT || call == call::PIVOT_ROOT
    }

    /// Its name is told beside the object that a success left.
    #[inline(always)]
    pub fn tells_both(self) -> bool {
        let call = self.call();
        call == call::OPEN_TREE || call == call::PIVOT_ROOT
    }

    /// The name need not be a watched one to mean a watched object.
    #[inline(always)]
    pub fn needs_object(self) -> bool {
        let call = self.call();
        call == call::LINK
            || call >= call::PIVOT_ROOT
            || (call::TRUNCATE..=call::REMOVEXATTR).contains(&call)
    }
}

/// The plan of a system call of x86_64.
#[cfg(not(bpf_target_arch = "aarch64"))]
#[rustfmt::skip]
#[inline(always)]
pub fn plan(number: u64) -> Option<Plan> {
    /// Short, so that the table reads as one.
    const N: u64 = NONE;
    const NO: [u64; 3] = [N, N, N];
    Some(match number {
        87 => const { Plan::one(call::UNLINK, CWD, 0, N, NO) },
        263 => const { Plan::one(call::UNLINK, 0, 1, 2, NO) },
        84 => const { Plan::one(call::RMDIR, CWD, 0, N, NO) },
        82 => const { Plan::one(call::RENAME, CWD, 0, N, NO).second(CWD, 1) },
        264 => const { Plan::one(call::RENAME, 0, 1, N, NO).second(2, 3) },
        316 => const { Plan::one(call::RENAME, 0, 1, N, [4, N, N]).second(2, 3) },
        86 => const { Plan::one(call::LINK, CWD, 0, N, NO).second(CWD, 1).nofollow() },
        265 => const { Plan::one(call::LINK, 0, 1, 4, NO).second(2, 3).nofollow() },
        88 => const { Plan::one(call::SYMLINK, CWD, 1, N, NO).second(CWD, 0) },
        266 => const { Plan::one(call::SYMLINK, 1, 2, N, NO).second(CWD, 0) },
        83 => const { Plan::one(call::MKDIR, CWD, 0, N, [1, N, N]) },
        258 => const { Plan::one(call::MKDIR, 0, 1, N, [2, N, N]) },
        133 => const { Plan::one(call::MKNOD, CWD, 0, N, [1, 2, N]) },
        259 => const { Plan::one(call::MKNOD, 0, 1, N, [2, 3, N]) },
        76 => const { Plan::one(call::TRUNCATE, CWD, 0, N, [1, N, N]) },
        77 => const { Plan::one(call::TRUNCATE, 0, N, N, [1, N, N]).by_fd() },
        90 => const { Plan::one(call::CHMOD, CWD, 0, N, [1, N, N]) },
        91 => const { Plan::one(call::CHMOD, 0, N, N, [1, N, N]).by_fd() },
        268 => const { Plan::one(call::CHMOD, 0, 1, N, [2, N, N]) },
        452 => const { Plan::one(call::CHMOD, 0, 1, 3, [2, N, N]) },
        92 => const { Plan::one(call::CHOWN, CWD, 0, N, [1, 2, N]) },
        93 => const { Plan::one(call::CHOWN, 0, N, N, [1, 2, N]).by_fd() },
        94 => const { Plan::one(call::CHOWN, CWD, 0, N, [1, 2, N]).nofollow() },
        260 => const { Plan::one(call::CHOWN, 0, 1, 4, [2, 3, N]) },
        188 => const { Plan::one(call::SETXATTR, CWD, 0, N, [3, N, N]).text(1) },
        189 => const { Plan::one(call::SETXATTR, CWD, 0, N, [3, N, N]).text(1).nofollow() },
        190 => const { Plan::one(call::SETXATTR, 0, N, N, [3, N, N]).text(1).by_fd() },
        463 => const { Plan::one(call::SETXATTR, 0, 1, 2, [N, N, N]).text(3) },
        197 => const { Plan::one(call::REMOVEXATTR, CWD, 0, N, NO).text(1) },
        198 => const { Plan::one(call::REMOVEXATTR, CWD, 0, N, NO).text(1).nofollow() },
        199 => const { Plan::one(call::REMOVEXATTR, 0, N, N, NO).text(1).by_fd() },
        466 => const { Plan::one(call::REMOVEXATTR, 0, 1, 2, NO).text(3) },
        132 => const { Plan::one(call::UTIMES, CWD, 0, N, [1, N, N]).times(times::SECONDS) },
        235 => const { Plan::one(call::UTIMES, CWD, 0, N, [1, N, N]).times(times::MICROSECONDS) },
        261 => const { Plan::one(call::UTIMES, 0, 1, N, [2, N, N]).times(times::MICROSECONDS) },
        280 => const { Plan::one(call::UTIMES, 0, 1, 3, [2, N, N]).times(times::NANOSECONDS) },
        165 => const { Plan::one(call::MOUNT, CWD, 1, N, [3, N, N]).second(CWD, 0).text(2) },
        166 => const { Plan::one(call::UMOUNT, CWD, 0, N, [1, N, N]) },
        429 => const { Plan::one(call::MOVE_MOUNT, 2, 3, N, [4, N, N]).second(0, 1) },
        161 => const { Plan::one(call::CHROOT, CWD, 0, N, NO) },
        428 | 467 => const { Plan::one(call::OPEN_TREE, 0, 1, 2, NO) },
        442 => const { Plan::one(call::MOUNT_SETATTR, 0, 1, 2, [3, N, N]) },
        155 => const { Plan::one(call::PIVOT_ROOT, CWD, 0, N, NO).second(CWD, 1) },
        _ => return None,
    })
}

/// Is it a call of i386 that makes a node or changes a size? Opens of files can do both.
#[cfg(not(any(feature = "legacy", bpf_target_arch = "aarch64")))]
#[inline(always)]
pub fn makes_or_cuts_32(number: u64) -> bool {
    matches!(number, 14 | 297 | 92 | 93 | 193 | 194)
}

/// The plan of a system call of the 32-bit entry, as i386 numbers them.
#[cfg(not(bpf_target_arch = "aarch64"))]
#[rustfmt::skip]
#[inline(always)]
pub fn plan32(number: u64) -> Option<Plan> {
    const N: u64 = NONE;
    const NO: [u64; 3] = [N, N, N];
    Some(match number {
        10 => const { Plan::one(call::UNLINK, CWD, 0, N, NO) },
        301 => const { Plan::one(call::UNLINK, 0, 1, 2, NO) },
        40 => const { Plan::one(call::RMDIR, CWD, 0, N, NO) },
        38 => const { Plan::one(call::RENAME, CWD, 0, N, NO).second(CWD, 1) },
        302 => const { Plan::one(call::RENAME, 0, 1, N, NO).second(2, 3) },
        353 => const { Plan::one(call::RENAME, 0, 1, N, [4, N, N]).second(2, 3) },
        9 => const { Plan::one(call::LINK, CWD, 0, N, NO).second(CWD, 1).nofollow() },
        303 => const { Plan::one(call::LINK, 0, 1, 4, NO).second(2, 3).nofollow() },
        83 => const { Plan::one(call::SYMLINK, CWD, 1, N, NO).second(CWD, 0) },
        304 => const { Plan::one(call::SYMLINK, 1, 2, N, NO).second(CWD, 0) },
        39 => const { Plan::one(call::MKDIR, CWD, 0, N, [1, N, N]) },
        296 => const { Plan::one(call::MKDIR, 0, 1, N, [2, N, N]) },
        14 => const { Plan::one(call::MKNOD, CWD, 0, N, [1, 2, N]) },
        297 => const { Plan::one(call::MKNOD, 0, 1, N, [2, 3, N]) },
        92 => const { Plan::one(call::TRUNCATE, CWD, 0, N, [1, N, N]).signed() },
        93 => const { Plan::one(call::TRUNCATE, 0, N, N, [1, N, N]).by_fd().signed() },
        193 => const { Plan::one(call::TRUNCATE, CWD, 0, N, [1, N, N]).split() },
        194 => const { Plan::one(call::TRUNCATE, 0, N, N, [1, N, N]).by_fd().split() },
        15 => const { Plan::one(call::CHMOD, CWD, 0, N, [1, N, N]) },
        94 => const { Plan::one(call::CHMOD, 0, N, N, [1, N, N]).by_fd() },
        306 => const { Plan::one(call::CHMOD, 0, 1, N, [2, N, N]) },
        452 => const { Plan::one(call::CHMOD, 0, 1, 3, [2, N, N]) },
        182 => const { Plan::one(call::CHOWN, CWD, 0, N, [1, 2, N]).short() },
        95 => const { Plan::one(call::CHOWN, 0, N, N, [1, 2, N]).by_fd().short() },
        16 => const { Plan::one(call::CHOWN, CWD, 0, N, [1, 2, N]).nofollow().short() },
        212 => const { Plan::one(call::CHOWN, CWD, 0, N, [1, 2, N]) },
        207 => const { Plan::one(call::CHOWN, 0, N, N, [1, 2, N]).by_fd() },
        198 => const { Plan::one(call::CHOWN, CWD, 0, N, [1, 2, N]).nofollow() },
        298 => const { Plan::one(call::CHOWN, 0, 1, 4, [2, 3, N]) },
        226 => const { Plan::one(call::SETXATTR, CWD, 0, N, [3, N, N]).text(1) },
        227 => const { Plan::one(call::SETXATTR, CWD, 0, N, [3, N, N]).text(1).nofollow() },
        228 => const { Plan::one(call::SETXATTR, 0, N, N, [3, N, N]).text(1).by_fd() },
        463 => const { Plan::one(call::SETXATTR, 0, 1, 2, [N, N, N]).text(3) },
        235 => const { Plan::one(call::REMOVEXATTR, CWD, 0, N, NO).text(1) },
        236 => const { Plan::one(call::REMOVEXATTR, CWD, 0, N, NO).text(1).nofollow() },
        237 => const { Plan::one(call::REMOVEXATTR, 0, N, N, NO).text(1).by_fd() },
        466 => const { Plan::one(call::REMOVEXATTR, 0, 1, 2, NO).text(3) },
        30 => const { Plan::one(call::UTIMES, CWD, 0, N, [1, N, N]).times(times::SECONDS).narrow() },
        271 => const { Plan::one(call::UTIMES, CWD, 0, N, [1, N, N]).times(times::MICROSECONDS).narrow() },
        299 => const { Plan::one(call::UTIMES, 0, 1, N, [2, N, N]).times(times::MICROSECONDS).narrow() },
        320 => const { Plan::one(call::UTIMES, 0, 1, 3, [2, N, N]).times(times::NANOSECONDS).narrow() },
        412 => const { Plan::one(call::UTIMES, 0, 1, 3, [2, N, N]).times(times::NANOSECONDS) },
        21 => const { Plan::one(call::MOUNT, CWD, 1, N, [3, N, N]).second(CWD, 0).text(2) },
        22 => const { Plan::one(call::UMOUNT, CWD, 0, N, NO) },
        52 => const { Plan::one(call::UMOUNT, CWD, 0, N, [1, N, N]) },
        429 => const { Plan::one(call::MOVE_MOUNT, 2, 3, N, [4, N, N]).second(0, 1) },
        61 => const { Plan::one(call::CHROOT, CWD, 0, N, NO) },
        428 | 467 => const { Plan::one(call::OPEN_TREE, 0, 1, 2, NO) },
        442 => const { Plan::one(call::MOUNT_SETATTR, 0, 1, 2, [3, N, N]) },
        217 => const { Plan::one(call::PIVOT_ROOT, CWD, 0, N, NO).second(CWD, 1) },
        _ => return None,
    })
}
