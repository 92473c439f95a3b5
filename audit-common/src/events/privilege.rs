//! A process changed what it may do, reached into another one, or changed the kernel: the exits of
//! setuid, unshare, ptrace, bpf and their kin, and signals to protected processes.
//!
//! The header is who acts, as it is after the act; of UNSHARE, SETNS and CLONE its capabilities and user
//! namespace are those of before. Tails: FILE and ON_DISK, the file behind a descriptor (OBJECT); TEXT, a
//! name; OLD_TEXT, the name before; SECOND_NAME, what a program is attached to; GROUPS and OLD_GROUPS.

pub mod calls;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::header::Header;

/// `Privilege::call`: one for each system call, whatever machine numbers it.
pub mod call {
    /// Ids; `values` are the arguments, of which those that a call does not have say nothing.
    pub const SETUID: u32 = 1;
    pub const SETREUID: u32 = 2;
    pub const SETRESUID: u32 = 3;
    pub const SETFSUID: u32 = 4;
    pub const SETGID: u32 = 5;
    pub const SETREGID: u32 = 6;
    pub const SETRESGID: u32 = 7;
    pub const SETFSGID: u32 = 8;
    /// GROUPS, OLD_GROUPS.
    pub const SETGROUPS: u32 = 9;
    pub const CAPSET: u32 = 10;
    /// PR_CAP_AMBIENT; `values`: operation, capability.
    pub const PRCTL_AMBIENT: u32 = 11;
    /// `values[0]`: flags.
    pub const UNSHARE: u32 = 12;
    /// `values`: flags, inode number of the namespace or 0. TEXT: its type, if it is told by one.
    pub const SETNS: u32 = 13;
    /// A success is told at the fork, and its target is the child. `values`: 1 by clone3; flags, of a failure.
    pub const CLONE: u32 = 14;
    /// `values`: request, pid as it was given.
    pub const PTRACE: u32 = 15;
    /// `values`: pid as it was given, first address, bytes.
    pub const VM_READ: u32 = 16;
    pub const VM_WRITE: u32 = 17;
    /// `values`: descriptor, and what it is here.
    pub const PIDFD_GETFD: u32 = 18;
    /// `values`: signal, the code of its sender, whether it goes to a single thread, [`super::delivery`].
    pub const SIGNAL: u32 = 19;
    /// TEXT: its name, if it is known.
    pub const INIT_MODULE: u32 = 20;
    pub const FINIT_MODULE: u32 = 21;
    /// TEXT: its name.
    pub const DELETE_MODULE: u32 = 22;
    /// `values`: type, attach type, id. TEXT: its name.
    pub const BPF_LOAD: u32 = 23;
    /// The same. SECOND_NAME: the function or tracepoint.
    pub const BPF_ATTACH: u32 = 24;
    /// `values[0]`: flags.
    pub const KEXEC_LOAD: u32 = 25;
    /// The same; FILE is the kernel.
    pub const KEXEC_FILE_LOAD: u32 = 26;
    /// `values`: clock, seconds and nanoseconds that it is set to, or [`super::NO_VALUE`].
    pub const SETTIMEOFDAY: u32 = 27;
    pub const CLOCK_SETTIME: u32 = 28;
    /// `values`: clock, seconds and nanoseconds that it is moved by if `modes` say so, modes.
    pub const ADJTIMEX: u32 = 29;
    pub const CLOCK_ADJTIME: u32 = 30;
    /// TEXT, OLD_TEXT.
    pub const SETHOSTNAME: u32 = 31;
    pub const SETDOMAINNAME: u32 = 32;
    /// `values`: command, 1 if the magic numbers are right.
    pub const REBOOT: u32 = 33;
    /// /proc/PID/mem. `values`: pid as it was given in a name, open flags.
    pub const OPEN_MEMORY: u32 = 34;
    /// `values`: pid as it was given, type, configuration, CPU, flags. Its target, if it is not all processes.
    pub const PERF_OPEN: u32 = 35;
    /// `values[0]`: flags.
    pub const USERFAULTFD: u32 = 36;
    /// `values`: what was asked for, what it was.
    pub const PERSONALITY: u32 = 37;
    /// PR_SET_SECUREBITS; `values`: what was asked for, what was, what is, or [`super::NO_VALUE`].
    pub const SECUREBITS: u32 = 38;
    /// PR_SET_NO_NEW_PRIVS; `values[0]`: what was asked for.
    pub const NO_NEW_PRIVS: u32 = 39;
    /// TEXT: its path as it was given. `values[0]`: flags.
    pub const SWAPON: u32 = 40;
    /// TEXT.
    pub const SWAPOFF: u32 = 41;
    /// No act of its own: its option says which.
    pub const PRCTL: u32 = 42;
}

/// `Settings::privilege`: which calls are looked at. A call's bit is [`group_of`] it.
pub mod group {
    pub const CREDENTIALS: u32 = 1 << 0;
    pub const CAPABILITIES: u32 = 1 << 1;
    pub const NAMESPACES: u32 = 1 << 2;
    pub const PTRACE: u32 = 1 << 3;
    pub const MEMORY: u32 = 1 << 4;
    pub const SIGNALS: u32 = 1 << 5;
    pub const MODULES: u32 = 1 << 6;
    pub const BPF: u32 = 1 << 7;
    pub const SYSTEM: u32 = 1 << 8;
    /// Mounts that no watch is for: events of files.
    pub const MOUNTS: u32 = 1 << 9;
}

/// The group that a call is switched with.
#[inline(always)]
pub const fn group_of(call: u32) -> u32 {
    calls::GROUPS[call as usize % calls::ACTS]
}

/// Places in `Privilege::namespaces`.
pub mod namespace {
    pub const COUNT: usize = 8;
    /// In the order of a record; with the flag that makes one.
    pub const NAMES: [(&str, u64); COUNT] = [
        ("user", 0x1000_0000),
        ("mnt", 0x0002_0000),
        ("pid", 0x2000_0000),
        ("net", 0x4000_0000),
        ("uts", 0x0400_0000),
        ("ipc", 0x0800_0000),
        ("cgroup", 0x0200_0000),
        ("time", 0x0000_0080),
    ];
    /// All those flags.
    pub const FLAGS: u64 = 0x7e02_0080;
}

/// `Privilege::flags`
pub mod flag {
    /// Ids, capabilities and namespaces of before are known.
    pub const BEFORE: u32 = 1 << 0;
    /// The target is the kernel's.
    pub const TARGET: u32 = 1 << 1;
    /// `ino`, `dev` and `mode` are of a file behind a descriptor.
    pub const OBJECT: u32 = 1 << 2;
    /// What told the file is shared with other threads or processes.
    pub const UNPROVEN: u32 = 1 << 3;
    /// It may not come back: told before it is done.
    pub const NO_RESULT: u32 = 1 << 4;
    /// TEXT is the caller's own word.
    pub const TOLD: u32 = 1 << 5;
}

/// `values[3]` of SIGNAL.
pub mod delivery {
    pub const DELIVERED: u64 = 0;
    pub const IGNORED: u64 = 1;
    pub const PENDING: u64 = 2;
}

/// Flag of PERF_OPEN: `pid` is a descriptor of a control group.
pub const PERF_OF_CGROUP: u64 = 4;
pub const NO_VALUE: u64 = u64::MAX;
pub const VALUES: usize = 6;
/// Groups that are kept of a list.
pub const GROUPS_MAX: usize = 32;

/// Another process that an act is about.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Target {
    pub start_ns: u64,
    pub cap_effective: u64,
    /// In the order of the header.
    pub ids: [u32; 8],
    pub tgid: u32,
    pub tid: u32,
    /// [`crate::header::flag`]
    pub flags: u32,
    pub reserved: u32,
    pub comm: [u8; 16],
}

/// Capability sets.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Sets {
    pub effective: u64,
    pub permitted: u64,
    pub inheritable: u64,
    pub ambient: u64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Privilege {
    pub header: Header,
    /// By `call`.
    pub values: [u64; VALUES],
    /// After the act, and before it.
    pub caps: Sets,
    pub before_caps: Sets,
    pub target: Target,
    pub ino: u64,
    /// In the order of the header.
    pub before_ids: [u32; 8],
    /// Those that the act changed; 0: none.
    pub namespaces: [u32; namespace::COUNT],
    pub call: u32,
    /// 0 is success.
    pub errno: u32,
    pub flags: u32,
    pub namespace_pid: u32,
    /// Device of `ino`: major << 20 | minor
    pub dev: u32,
    pub mode: u32,
    /// The system call as this machine numbers it.
    pub number: u32,
    pub reserved: u32,
}

const _: () = assert!(size_of::<Privilege>() == 440);
