//! The functions of the kernel at which the objects of an act are looked at, and those that do it.
//!
//! Owns the entry points and what their arguments are; everything else is `object`'s.

use audit_common::{
    Kind, Lane,
    file_act::{FileAct, NO_VALUE, call},
};
use aya_ebpf::{
    macros::{fentry, fexit},
    programs::{FEntryContext, FExitContext},
};

use super::{
    after,
    object::{self, About, NOWHERE, begins},
};
use crate::{
    emit::emit, kept, path::Place, read::mask, scratch::plain, settings::offset, task, volume,
};

const NONE: [u64; 3] = [NO_VALUE, 0, 0];

/// An entry of the directory at this path.
#[inline(always)]
fn entry(slot: *mut u8, directory: u64, dentry: u64) -> Place {
    Place {
        mnt: Place::read(directory).mnt,
        dentry: plain(slot, dentry),
    }
}

#[inline(always)]
fn one(call: u32, first: Place, values: [u64; 3]) -> About {
    About {
        call,
        first,
        second: NOWHERE,
        text: 0,
        values,
    }
}

#[fentry(function = "security_path_unlink")]
pub fn unlink_begins(ctx: FEntryContext) -> i32 {
    begins(call::UNLINK, |slot| {
        one(call::UNLINK, entry(slot, ctx.arg(0), ctx.arg(1)), NONE)
    });
    0
}

#[fentry(function = "security_path_rmdir")]
pub fn rmdir_begins(ctx: FEntryContext) -> i32 {
    begins(call::RMDIR, |slot| {
        one(call::RMDIR, entry(slot, ctx.arg(0), ctx.arg(1)), NONE)
    });
    0
}

#[fentry(function = "security_path_mkdir")]
pub fn mkdir_begins(ctx: FEntryContext) -> i32 {
    begins(call::MKDIR, |slot| {
        let mode = ctx.arg::<u64>(2) & 0xffff;
        let first = entry(slot, ctx.arg(0), ctx.arg(1));
        one(call::MKDIR, first, [mode, 0, 0])
    });
    0
}

#[fentry(function = "security_path_mknod")]
pub fn mknod_begins(ctx: FEntryContext) -> i32 {
    begins(call::MKNOD, |slot| {
        let values = [ctx.arg::<u64>(2) & 0xffff, ctx.arg::<u32>(3).into(), 0];
        one(call::MKNOD, entry(slot, ctx.arg(0), ctx.arg(1)), values)
    });
    0
}

#[fentry(function = "security_path_symlink")]
pub fn symlink_begins(ctx: FEntryContext) -> i32 {
    begins(call::SYMLINK, |slot| About {
        text: plain(slot, ctx.arg(2)),
        ..one(call::SYMLINK, entry(slot, ctx.arg(0), ctx.arg(1)), NONE)
    });
    0
}

#[fentry(function = "security_path_link")]
pub fn link_begins(ctx: FEntryContext) -> i32 {
    begins(call::LINK, |slot| About {
        second: entry(slot, ctx.arg(1), ctx.arg(2)),
        // Both are on one mount.
        ..one(call::LINK, entry(slot, ctx.arg(1), ctx.arg(0)), NONE)
    });
    0
}

#[fentry(function = "security_path_rename")]
pub fn rename_begins(ctx: FEntryContext) -> i32 {
    begins(call::RENAME, |slot| {
        let flags = ctx.arg::<u32>(4).into();
        let first = entry(slot, ctx.arg(0), ctx.arg(1));
        About {
            second: entry(slot, ctx.arg(2), ctx.arg(3)),
            ..one(call::RENAME, first, [flags, 0, 0])
        }
    });
    0
}

#[fentry(function = "security_path_truncate")]
pub fn truncate_begins(ctx: FEntryContext) -> i32 {
    begins(call::TRUNCATE, |_| {
        one(call::TRUNCATE, Place::read(ctx.arg(0)), NONE)
    });
    0
}

/// By descriptor, from 6.2 on.
#[fentry(function = "security_file_truncate")]
pub fn ftruncate_begins(ctx: FEntryContext) -> i32 {
    begins(call::TRUNCATE, |_| {
        let path = ctx.arg::<u64>(0) + offset!(file_path);
        one(call::TRUNCATE, Place::read(path), NONE)
    });
    0
}

#[fentry(function = "security_path_chmod")]
pub fn chmod_begins(ctx: FEntryContext) -> i32 {
    begins(call::CHMOD, |_| {
        let mode = ctx.arg::<u64>(1) & 0xffff;
        one(call::CHMOD, Place::read(ctx.arg(0)), [mode, 0, 0])
    });
    0
}

#[fentry(function = "security_path_chown")]
pub fn chown_begins(ctx: FEntryContext) -> i32 {
    begins(call::CHOWN, |_| {
        let values = [ctx.arg::<u32>(1).into(), ctx.arg::<u32>(2).into(), 0];
        one(call::CHOWN, Place::read(ctx.arg(0)), values)
    });
    0
}

#[fentry(function = "vfs_utimes")]
pub fn utimes_begins(ctx: FEntryContext) -> i32 {
    begins(call::UTIMES, |_| {
        one(call::UTIMES, Place::read(ctx.arg(0)), NONE)
    });
    0
}

#[fentry(function = "security_inode_setxattr")]
pub fn setxattr_begins(ctx: FEntryContext) -> i32 {
    begins(call::SETXATTR, |slot| About {
        text: plain(slot, ctx.arg(2)),
        ..attribute(call::SETXATTR, plain(slot, ctx.arg(1)), ctx.arg(4))
    });
    0
}

#[fentry(function = "security_inode_removexattr")]
pub fn removexattr_begins(ctx: FEntryContext) -> i32 {
    begins(call::REMOVEXATTR, |slot| About {
        text: plain(slot, ctx.arg(2)),
        ..attribute(call::REMOVEXATTR, plain(slot, ctx.arg(1)), NO_VALUE)
    });
    0
}

/// These functions are not told the mount.
#[inline(always)]
fn attribute(call: u32, dentry: u64, size: u64) -> About {
    one(call, Place { mnt: 0, dentry }, [size, 0, 0])
}

macro_rules! ends {
    ($($program:ident = $function:literal),* $(,)?) => {
        $(
            #[fexit(function = $function)]
            pub fn $program(ctx: FExitContext) -> i32 {
                ended(&ctx);
                0
            }
        )*
    };
}

ends! {
    unlink_ends = "vfs_unlink",
    rmdir_ends = "vfs_rmdir",
    mkdir_ends = "vfs_mkdir",
    mknod_ends = "vfs_mknod",
    symlink_ends = "vfs_symlink",
    link_ends = "vfs_link",
    rename_ends = "vfs_rename",
    change_ends = "notify_change",
    setxattr_ends = "vfs_setxattr",
    removexattr_ends = "vfs_removexattr",
}

/// The errno in a function's result, which may be a pointer.
#[inline(always)]
fn errno(ctx: &FExitContext) -> u32 {
    let Ok(result) = ctx.ret::<u64>() else {
        return 0;
    };
    let upper = result >> 32;
    let low = result as u32 as i32;
    let is_number = upper == 0 || upper == 0xffff_ffff;
    match is_number && (-4095..0).contains(&low) {
        true => low.unsigned_abs(),
        false => 0,
    }
}

#[inline(always)]
fn ended(ctx: &FExitContext) {
    let task = task::current();
    if !object::waits(task) {
        return;
    }
    let Some(slot) = object::take_slot() else {
        return;
    };
    if object::take_inside(task, slot) {
        // SAFETY: both were copied there.
        let (event, notes) = unsafe {
            (
                &mut *slot.cast::<FileAct>(),
                kept::notes::<object::Notes>(slot),
            )
        };
        event.header.time_ns = task::now();
        event.errno = errno(ctx);
        after::refresh(event, notes);
        if volume::admits(task, &event.header, true) {
            // SAFETY: `slot` begins with the event, of the size that was kept.
            unsafe { emit(Kind::FileAct, Lane::Bulk, slot, mask!(notes.size, 0x1fff)) };
        }
    }
    object::release(slot);
}
