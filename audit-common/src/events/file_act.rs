//! A file was changed by name or descriptor, or was to be: the exits of unlink, rename, chmod and
//! their kin.
//!
//! The names are the program's own words: what a name led to cannot be had when the call is over.
//! What the kernel knows is where each name starts from. Tails: BASE, the directory that the first
//! name starts from, unless it begins with `/`; or FILE, the object itself, if it was told by a
//! descriptor (BY_FD); ON_DISK of that place (of the process's root, if the name begins with `/`) if
//! BY_FD or if the process's root is not the host's; FILENAME (with BY_FD only where the call says so
//! below); SECOND_BASE, unless the second name
//! begins with `/` or SAME_START; SECOND_NAME; TEXT.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::header::Header;

/// `FileAct::call`: what was called, whichever variant of it.
pub mod call {
    /// First name; `at_flags` may say that it is a directory.
    pub const UNLINK: u32 = 1;
    pub const RMDIR: u32 = 2;
    /// Old name, new name; `values[0]` is renameat2's flags.
    pub const RENAME: u32 = 3;
    /// Existing name, new name.
    pub const LINK: u32 = 4;
    /// The link; the second name is what it says, of no base.
    pub const SYMLINK: u32 = 5;
    /// `values[0]`: mode.
    pub const MKDIR: u32 = 6;
    /// `values`: mode with type, device as userspace numbers it.
    pub const MKNOD: u32 = 7;
    /// `values[0]`: new size.
    pub const TRUNCATE: u32 = 8;
    /// `values[0]`: mode.
    pub const CHMOD: u32 = 9;
    /// `values`: user, group; 32 bits set: unchanged.
    pub const CHOWN: u32 = 10;
    /// TEXT: its name; `values[0]`: size of its value.
    pub const SETXATTR: u32 = 11;
    /// TEXT: its name.
    pub const REMOVEXATTR: u32 = 12;
    /// Mount point; the second name is the source; TEXT: type; `values[0]`: flags.
    pub const MOUNT: u32 = 13;
    /// `values[0]`: flags.
    pub const UMOUNT: u32 = 14;
    /// New place; the second name is the mount that is moved.
    pub const MOVE_MOUNT: u32 = 15;
    /// New root; the second name is where the old one is put. Of a success BY_FD is the new root, and
    /// both names are told.
    pub const PIVOT_ROOT: u32 = 16;
    /// `values`: seconds and nanoseconds of the time of modification, and [`super::time`].
    pub const UTIMES: u32 = 17;
    /// Of a success BY_FD is the new root; its path is that of its mount namespace.
    pub const CHROOT: u32 = 18;
    /// With OPEN_TREE_CLONE only: `at_flags` has it. Of a success BY_FD is what was cloned, and the name
    /// is told.
    pub const OPEN_TREE: u32 = 19;
}

/// `FileAct::values[2]` of UTIMES: whose the time in the first two is.
pub mod time {
    /// Nobody's: what was asked for could not be read.
    pub const UNREADABLE: u64 = 0;
    /// As it was asked for; the nanoseconds may be [`NOW`] or [`OMIT`].
    pub const ASKED: u64 = 1;
    /// The inode's, after the act.
    pub const INODE: u64 = 2;

    /// In the place of nanoseconds, as utimensat(2) has them: the time of the call; none.
    pub const NOW: u64 = 0x3fff_ffff;
    pub const OMIT: u64 = 0x3fff_fffe;
}

/// `FileAct::flags`
pub mod flag {
    /// The object was told by a descriptor or by what the call left, and is the kernel's.
    pub const BY_FD: u32 = 1 << 0;
    /// What told the object is shared with other threads or processes.
    pub const UNPROVEN: u32 = 1 << 1;
    /// Both names start from the same directory.
    pub const SAME_START: u32 = 1 << 2;
    /// There is a second name.
    pub const TWO_NAMES: u32 = 1 << 3;
    /// A symbolic link at the end of the first name is not followed.
    pub const NOFOLLOW: u32 = 1 << 4;
    /// Asked for by io_uring.
    pub const RING: u32 = 1 << 5;
    /// Whether it succeeded is not told by anything.
    pub const NO_RESULT: u32 = 1 << 6;
    /// With BY_FD: looked at in the kernel in the moment before the act. Of what is made `ino` is that of
    /// the new file, or 0 if that cannot be said; the second name is told by SECOND_FILE and
    /// SECOND_ON_DISK, on the same file system; FILE is missing where the mount is not known.
    pub const OBJECT: u32 = 1 << 7;
    /// `mode` and `links` are from before the act.
    pub const BEFORE: u32 = 1 << 8;
}

pub const VALUES: usize = 3;
/// The first value of a call that has none, or hides it in a structure.
pub const NO_VALUE: u64 = u64::MAX;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FileAct {
    pub header: Header,
    /// Of the object if BY_FD, else of the directory that the first name starts from.
    pub ino: u64,
    /// By `call`.
    pub values: [u64; VALUES],
    /// Device of `ino`: major << 20 | minor
    pub dev: u32,
    /// Of `ino`, after the act.
    pub mode: u32,
    pub links: u32,
    pub call: u32,
    pub flags: u32,
    /// AT_*, as the program gave them.
    pub at_flags: u32,
    /// 0 is success.
    pub errno: u32,
    /// [`super::file_open::reason`]
    pub reasons: u32,
    /// Pid in the innermost pid namespace.
    pub namespace_pid: u32,
    /// Names between the watched directory and `ino`, its own included.
    pub tree_levels: u32,
    pub tree_dev: u32,
    /// Of the process.
    pub umask: u32,
    /// The watched directory that `ino` is below, if that was looked for; 0: there is none.
    pub tree_ino: u64,
}

const _: () = assert!(size_of::<FileAct>() == 232);
