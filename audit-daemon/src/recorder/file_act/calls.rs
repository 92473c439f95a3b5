//! What each call is about, and what its numbers say.
//!
//! Owns the reading of [`FileAct`]'s numbers by call. Must not look anything up.

use audit_common::{
    file_act::{FileAct, NO_VALUE, call, flag},
    header,
};
use nix::libc;

use crate::{
    config::Operation,
    record::{Act, view::Via},
};

const RENAME_EXCHANGE: u64 = 2;
const MOVE_MOUNT_FROM_SYMLINKS: u64 = 1;
const MOVE_MOUNT_TO_SYMLINKS: u64 = 0x10;
/// "Unchanged", of chown.
const SAME: u32 = u32::MAX;

pub fn is_rmdir(event: &FileAct) -> bool {
    event.call == call::RMDIR
        || event.call == call::UNLINK && event.at_flags & libc::AT_REMOVEDIR as u32 != 0
}

/// By which way it was asked for.
pub fn via(event: &FileAct) -> Via {
    match event.flags & (flag::RING | flag::NO_RESULT) {
        0 => Via::Call,
        flag::RING => Via::Ring,
        _ => Via::RingWithoutResult,
    }
}

/// Is what is below it concerned, too? Of mounts on the host only, and not of how they propagate:
/// every sandbox begins with such a change of its own root.
pub fn takes_along(event: &FileAct) -> bool {
    const PROPAGATION: u64 =
        libc::MS_UNBINDABLE | libc::MS_PRIVATE | libc::MS_SLAVE | libc::MS_SHARED;
    let on_host = event.header.flags & header::flag::HOST_MNT_NS != 0;
    match event.call {
        call::RENAME => true,
        call::MOUNT => on_host && event.values[0] & PROPAGATION == 0,
        call::MOUNT_SETATTR => on_host && (event.values[0] | event.values[1]) != 0,
        call::UMOUNT | call::MOVE_MOUNT | call::OPEN_TREE => on_host,
        _ => false,
    }
}

/// Is a directory made visible elsewhere or by other names, or covered, or uncovered?
pub fn is_mounting(event: &FileAct) -> bool {
    matches!(event.call, call::MOUNT..=call::PIVOT_ROOT)
        || matches!(
            event.call,
            call::OPEN_TREE | call::CHROOT | call::MOUNT_SETATTR
        )
}

/// The name of a call that changes the root of who calls it.
pub fn root_changing(event: &FileAct) -> Option<&'static str> {
    match event.call {
        call::CHROOT => Some("chroot"),
        call::PIVOT_ROOT => Some("pivot_root"),
        _ => None,
    }
}

/// Of these the object counts, whatever name it has.
pub fn may_be_watched_by_identity(event: &FileAct) -> bool {
    matches!(event.call, call::LINK | call::UTIMES | call::OPEN_TREE)
        || root_changing(event).is_some()
        || (call::TRUNCATE..=call::REMOVEXATTR).contains(&event.call)
}

/// Is something made that was not there?
pub fn makes(event: &FileAct) -> bool {
    matches!(event.call, call::SYMLINK | call::MKDIR | call::MKNOD)
}

/// The type of what was made or removed, or was to be, whatever is there now.
pub fn kind(event: &FileAct) -> Option<u32> {
    match event.call {
        _ if is_rmdir(event) => Some(libc::S_IFDIR),
        call::MKDIR => Some(libc::S_IFDIR),
        call::SYMLINK => Some(libc::S_IFLNK),
        // Without a type it is a regular file.
        call::MKNOD => match event.values[0] as u32 & libc::S_IFMT {
            0 => Some(libc::S_IFREG),
            kind => Some(kind),
        },
        _ => None,
    }
}

pub fn act(event: &FileAct, xattr: &[u8]) -> Act {
    let of_user = xattr.starts_with(b"user.");
    match event.call {
        _ if is_rmdir(event) => Act::Rmdir,
        call::UNLINK => Act::Delete,
        call::RENAME => Act::Rename,
        call::LINK => Act::Link,
        call::SYMLINK => Act::Symlink,
        call::MKDIR => Act::Mkdir,
        call::MKNOD => Act::Mknod,
        call::TRUNCATE => Act::Truncate,
        call::CHMOD => Act::Chmod,
        call::CHOWN => Act::Chown,
        call::SETXATTR if of_user => Act::SetUserXattr,
        call::SETXATTR => Act::SetXattr,
        call::REMOVEXATTR if of_user => Act::RemoveUserXattr,
        call::REMOVEXATTR => Act::RemoveXattr,
        call::UTIMES => Act::Utimes,
        call::UMOUNT => Act::Umount,
        _ => Act::Mount,
    }
}

/// What a watch must ask for: of the first name, and of the second if that counts.
pub fn operations(event: &FileAct) -> (Operation, Option<Operation>) {
    match event.call {
        call::UNLINK | call::RMDIR => (Operation::Delete, None),
        call::RENAME => (Operation::Rename, Some(Operation::Rename)),
        call::LINK => (Operation::Link, Some(Operation::Link)),
        // A way to something watched is another name for it.
        call::SYMLINK => (Operation::Create, Some(Operation::Link)),
        call::MKDIR | call::MKNOD => (Operation::Create, None),
        call::TRUNCATE => (Operation::Write, None),
        call::UTIMES => (Operation::Times, None),
        _ if is_mounting(event) => (Operation::Mount, Some(Operation::Mount)),
        _ => (Operation::Attributes, None),
    }
}

/// Is a link at the end of the first name followed?
pub fn follows(event: &FileAct) -> bool {
    let nofollow = event.flags & flag::NOFOLLOW != 0;
    let at = |flag: i32| event.at_flags & flag.cast_unsigned() != 0;
    match event.call {
        call::LINK => at(libc::AT_SYMLINK_FOLLOW),
        call::TRUNCATE | call::MOUNT | call::CHROOT | call::PIVOT_ROOT => true,
        call::UMOUNT => event.values[0] & libc::UMOUNT_NOFOLLOW as u64 == 0,
        call::MOVE_MOUNT => event.values[0] & MOVE_MOUNT_TO_SYMLINKS != 0,
        call::CHMOD..=call::REMOVEXATTR | call::UTIMES | call::OPEN_TREE | call::MOUNT_SETATTR => {
            !nofollow && !at(libc::AT_SYMLINK_NOFOLLOW)
        }
        _ => false,
    }
}

pub fn second_follows(event: &FileAct) -> bool {
    match event.call {
        call::SYMLINK | call::MOUNT | call::PIVOT_ROOT => true,
        call::MOVE_MOUNT => event.values[0] & MOVE_MOUNT_FROM_SYMLINKS != 0,
        _ => false,
    }
}

/// Does the second name mean a file? The source of a mount need not.
pub fn is_path(event: &FileAct, name: &[u8]) -> bool {
    match event.call {
        call::MOUNT => event.values[0] & (libc::MS_BIND | libc::MS_MOVE) != 0,
        call::MOVE_MOUNT | call::SYMLINK => !name.is_empty(),
        _ => true,
    }
}

pub fn detail(event: &FileAct) -> Option<&'static str> {
    let exchanges = event.call == call::RENAME
        && event.values[0] != NO_VALUE
        && event.values[0] & RENAME_EXCHANGE != 0;
    match event.call {
        call::OPEN_TREE => Some("OPEN_TREE_CLONE"),
        call::MOUNT_SETATTR => Some("MOUNT_SETATTR"),
        _ => exchanges.then_some("RENAME_EXCHANGE"),
    }
}

pub fn new_owner(event: &FileAct) -> Option<u32> {
    (event.call == call::CHOWN)
        .then_some(event.values[0] as u32)
        .filter(|uid| *uid != SAME)
}

pub fn new_group(event: &FileAct) -> Option<u32> {
    (event.call == call::CHOWN)
        .then_some(event.values[1] as u32)
        .filter(|gid| *gid != SAME)
}

/// A size below zero is refused, and no size.
pub fn new_size(event: &FileAct) -> Option<u64> {
    (event.call == call::TRUNCATE)
        .then_some(event.values[0])
        .filter(|size| i64::try_from(*size).is_ok())
}

pub fn xattr_size(event: &FileAct) -> Option<u64> {
    (event.call == call::SETXATTR)
        .then_some(event.values[0])
        .filter(|size| *size != NO_VALUE)
}

/// Major and minor of a device node that was made.
pub fn device_number(event: &FileAct) -> Option<(u32, u32)> {
    let kind = event.values[0] as u32 & libc::S_IFMT;
    let device = kind == libc::S_IFCHR || kind == libc::S_IFBLK;
    (event.call == call::MKNOD && device).then(|| {
        let number = event.values[1];
        (libc::major(number), libc::minor(number))
    })
}
