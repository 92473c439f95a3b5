//! The header that every event begins with, and the lane it travels in.
//!
//! Owns the first 144 bytes of each event. All integers are in the machine's byte order (both
//! sides run on one machine); there is no padding, so no byte is ever uninitialised.
//!
//! Holding a `&Header` proves only that its bytes are there; what they claim is checked by the
//! daemon's `decode`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Bumped whenever the meaning or place of a byte changes.
pub const WIRE_VERSION: u8 = 1;

/// One of the two rings: a flood in one cannot push out what travels in the other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Lane {
    /// Processes and cgroups: rare, and everything else is explained by them.
    Critical = 0,
    /// What a process does; may be flooded by any user.
    Bulk = 1,
}

impl Lane {
    pub const COUNT: usize = 2;
    pub const ALL: [Lane; Lane::COUNT] = [Lane::Critical, Lane::Bulk];

    pub const fn name(self) -> &'static str {
        match self {
            Lane::Critical => "critical",
            Lane::Bulk => "bulk",
        }
    }

    /// As in `metadata.original_event_uid`.
    pub const fn letter(self) -> char {
        match self {
            Lane::Critical => 'c',
            Lane::Bulk => 'b',
        }
    }

    pub const fn from_number(number: u8) -> Option<Lane> {
        match number {
            0 => Some(Lane::Critical),
            1 => Some(Lane::Bulk),
            _ => None,
        }
    }
}

/// `Header::flags`
pub mod flag {
    /// The task's root directory is the host's.
    pub const HOST_ROOT: u32 = 1 << 0;
    /// The task is in the host's user namespace.
    pub const HOST_USER_NS: u32 = 1 << 1;
    /// The task is in the host's pid namespace.
    pub const HOST_PID_NS: u32 = 1 << 2;
    /// The task is in the host's mount namespace.
    pub const HOST_MNT_NS: u32 = 1 << 3;
    /// A 32-bit system call.
    pub const COMPAT: u32 = 1 << 4;
}

/// A login uid or session that was never set.
pub const UNSET: u32 = u32::MAX;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Header {
    /// Of the whole event, header and tails included.
    pub size: u32,
    pub kind: u16,
    pub version: u8,
    pub lane: u8,
    /// From 1 with each load of the programs, per (lane, cpu, strand), without gaps: a number is
    /// taken before the ring is asked for space, so a lost event leaves a hole.
    pub number: u64,
    /// CLOCK_BOOTTIME, when the hook ran.
    pub time_ns: u64,
    /// When the thread group's leader started, CLOCK_BOOTTIME; with `tgid` the process identity.
    pub start_ns: u64,
    /// Kernfs id in the unified hierarchy.
    pub cgroup: u64,
    /// Kernfs id in the v1 hierarchy that the daemon chose; 0 where there is none.
    pub cgroup_v1: u64,
    pub cap_effective: u64,
    pub cpu: u16,
    /// Interrupt nesting depth that the number belongs to; always 0 where numbers are atomic.
    pub strand: u8,
    pub reserved: u8,
    pub flags: u32,
    pub tgid: u32,
    pub tid: u32,
    /// In the initial user namespace, as all ids here.
    pub uid: u32,
    pub gid: u32,
    pub suid: u32,
    pub sgid: u32,
    pub euid: u32,
    pub egid: u32,
    pub fsuid: u32,
    pub fsgid: u32,
    pub login_uid: u32,
    pub session: u32,
    /// Inode numbers of the namespaces.
    pub mnt_ns: u32,
    pub pid_ns: u32,
    pub net_ns: u32,
    pub user_ns: u32,
    /// The task's name when the hook ran, NUL-padded.
    pub comm: [u8; 16],
}

pub const HEADER_BYTES: usize = size_of::<Header>();

const _: () = assert!(
    HEADER_BYTES == 144,
    "docs/CONTRACT.md names each byte of it"
);
const _: () = assert!(HEADER_BYTES.is_multiple_of(8), "what follows stays aligned");
