//! A file was opened, or was to be: the exit of the open family.
//!
//! Tails: of a success FILE, ON_DISK and, if the process's root is not the host's, nothing more; of a
//! failure FILENAME, CWD and, for a name below a descriptor, BASE.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::header::Header;

/// `FileOpen::flags`
pub mod flag {
    /// The file did not exist before.
    pub const CREATED: u32 = 1 << 0;
    /// Descriptors are shared with other threads or processes: one of them may have put another file
    /// there before we looked.
    pub const UNPROVEN: u32 = 1 << 1;
    /// The name was given together with a descriptor.
    pub const AT: u32 = 1 << 2;
    /// The file is on the file system of the host's root.
    pub const ON_ROOT_FS: u32 = 1 << 3;
    /// By handle: there is no name.
    pub const BY_HANDLE: u32 = 1 << 4;
    /// Asked for by io_uring.
    pub const RING: u32 = 1 << 5;
    /// Of a success too only the name is known: tails are those of a failure, and ON_DISK is that of
    /// the directory that the name starts from, whose device `dev` is.
    pub const BY_NAME: u32 = 1 << 6;
    /// Whether it succeeded is not told by anything.
    pub const NO_RESULT: u32 = 1 << 7;
    /// Not opened: a descriptor of it came from another process. `open_flags` are the file's own.
    pub const RECEIVED: u32 = 1 << 8;
}

/// `FileOpen::reasons`: why it was not filtered out. The daemon decides again, exactly.
pub mod reason {
    /// The inode itself is watched.
    pub const OBJECT: u32 = 1 << 0;
    /// A directory above it is watched with all that is below.
    pub const TREE: u32 = 1 << 1;
    /// Its directory has watched names, and this is one of them.
    pub const NAME: u32 = 1 << 2;
    /// A failure whose name may be a watched one.
    pub const ASKED: u32 = 1 << 3;
    /// It is a mount, and those are told wherever they are.
    pub const MOUNT: u32 = 1 << 4;
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct FileOpen {
    pub header: Header,
    /// Of the opened file; zeros of a failure.
    pub ino: u64,
    /// The watched directory that it is below, whatever that is called by now; 0: there is none.
    pub tree_ino: u64,
    /// major << 20 | minor
    pub dev: u32,
    /// Slot of the table of repeats that this event is the first of, plus 1; 0: repeats are sent, too.
    pub repeats: u32,
    pub mode: u32,
    pub links: u32,
    /// Counts the process's execs.
    pub exec_id: u32,
    /// Names between that directory and the file, its own included.
    pub tree_levels: u32,
    pub tree_dev: u32,
    pub flags: u32,
    /// As the program gave them; open_by_handle_at and creat included.
    pub open_flags: u32,
    /// 0 is success.
    pub errno: u32,
    pub reasons: u32,
    /// Pid in the innermost pid namespace.
    pub namespace_pid: u32,
}

const _: () = assert!(size_of::<FileOpen>() == 208);
