//! Acts of processes, their execs, files and control groups, by ordinary calls and by io_uring.
//!
//! Each act is done on a file of its own in the canary's directory, `DIR/NAME` or `DIR/NAME.MORE`, so that its
//! event tells by the name which act it was. Files stay from round to round where that spares an act.

use audit_common::file_act::call;
use nix::libc::{self as c, AT_FDCWD};

use super::{Act, Answer, Doing, Needs, on};
use crate::canary::{
    old,
    scene::{Done, Scene},
};

const fn being(hook: &'static str, name: &'static str, answer: Answer) -> Act {
    Act {
        hook,
        name,
        answer,
        doing: Doing::Being,
        only_by_call: false,
        needs: Needs::Nothing,
    }
}

const fn open(name: &'static str, doing: fn(&Scene) -> Done) -> Act {
    on("file_open", name, Answer::Opened, doing)
}

const fn file(name: &'static str, call: u32, doing: fn(&Scene) -> Done) -> Act {
    on("file_act", name, Answer::Acted(call), doing)
}

const fn by_call(act: Act) -> Act {
    Act {
        only_by_call: true,
        ..act
    }
}

const fn ring(name: &'static str, doing: fn(&Scene) -> Done) -> Act {
    on(name, name, Answer::Ring, doing)
}

const CWD: usize = AT_FDCWD as usize;
const CREATE: usize = (c::O_RDONLY | c::O_CREAT) as usize;
const MODE: usize = 0o600;
const CLONE: usize = 1;
/// __O_TMPFILE without O_DIRECTORY
const TEMPORARY: usize = 0o20_000_000;
/// Not in the library yet.
const SYS_SETXATTRAT: i64 = 463;
const SYS_REMOVEXATTRAT: i64 = 466;
const SYS_OPEN_TREE_ATTR: i64 = 467;
const SYS_FCHMODAT2: i64 = 452;
/// "Leave it as it is".
const NOBODY: usize = u32::MAX as usize;
const REBIND: usize = (c::MS_REMOUNT | c::MS_BIND) as usize;

fn open_tree(at: &Scene) -> Done {
    at.made();
    at.descriptor(c::SYS_open_tree, &[CWD, at.path(), 0])
}

#[rustfmt::skip]
pub const ACTS: &[Act] = &[
    being("fork", "fork", Answer::Forked),
    being("exec", "exec", Answer::Executed),
    being("exec_before", "execve", Answer::Before(0)),
    by_call(Act { doing: Doing::Again, ..being("exec_before", "execveat", Answer::Before(1)) }),
    being("exit", "exit", Answer::Ended),
    on("cgroup_created", "mkdir", Answer::CgroupMade, |at| at.make_cgroup()),
    on("cgroup_removed", "rmdir", Answer::CgroupGone, |at| at.remove_cgroup()),
    // Not executable for anybody.
    on("exec_failed", "execve", Answer::ExecFailed, |at| {
        at.file()?;
        at.call(c::SYS_execve, &[at.path(), at.no_strings(), at.no_strings()])
    }),
    on("exec_failed", "execveat", Answer::ExecFailed, |at| {
        at.file()?;
        at.call(c::SYS_execveat, &[CWD, at.path(), at.no_strings(), at.no_strings(), 0])
    }),
    open("open", |at| at.descriptor(old::SYS_open, &[at.path(), CREATE, MODE])),
    open("openat", |at| at.descriptor(c::SYS_openat, &[CWD, at.path(), CREATE, MODE])),
    open("openat2", |at| {
        let how = [CREATE as u64, MODE as u64, 0];
        at.descriptor(c::SYS_openat2, &[CWD, at.path(), how.as_ptr() as usize, size_of_val(&how)])
    }),
    open("creat", |at| at.descriptor(old::SYS_creat, &[at.path(), MODE])),
    by_call(on("file_open", "open_by_handle_at", Answer::ByHandle, |at| at.open_by_handle())),
    by_call(open("open_tree", open_tree)),
    // The same, where the row hooks the one place that opens by names meet.
    on("file_open_by_handle", "open_by_handle_at", Answer::ByHandle, |at| at.open_by_handle()),
    on("file_open_tree", "open_tree", Answer::Opened, open_tree),
    // A flag that no open may have alone.
    on("file_open_refused", "refused", Answer::Opened, |at| {
        at.descriptor(c::SYS_openat, &[CWD, at.path(), TEMPORARY, 0])
    }),

    file("unlink", call::UNLINK, |at| { at.file()?; at.call(old::SYS_unlink, &[at.path()]) }),
    file("unlinkat", call::UNLINK, |at| { at.file()?; at.call(c::SYS_unlinkat, &[CWD, at.path(), 0]) }),
    file("rmdir", call::RMDIR, |at| { at.directory(); at.call(old::SYS_rmdir, &[at.path()]) }),
    file("rename", call::RENAME, |at| { at.file()?; at.call(old::SYS_rename, &[at.path(), at.other()]) }),
    file("renameat", call::RENAME, |at| {
        at.file()?;
        at.call(old::SYS_renameat, &[CWD, at.path(), CWD, at.other()])
    }),
    file("renameat2", call::RENAME, |at| {
        at.file()?;
        at.call(c::SYS_renameat2, &[CWD, at.path(), CWD, at.other(), 0])
    }),
    file("link", call::LINK, |at| {
        at.file()?;
        at.remove_other();
        at.call(old::SYS_link, &[at.path(), at.other()])
    }),
    file("linkat", call::LINK, |at| {
        at.file()?;
        at.remove_other();
        at.call(c::SYS_linkat, &[CWD, at.path(), CWD, at.other(), 0])
    }),
    file("symlink", call::SYMLINK, |at| { at.remove(); at.call(old::SYS_symlink, &[at.other(), at.path()]) }),
    file("symlinkat", call::SYMLINK, |at| {
        at.remove();
        at.call(c::SYS_symlinkat, &[at.other(), CWD, at.path()])
    }),
    file("mkdir", call::MKDIR, |at| { at.remove(); at.call(old::SYS_mkdir, &[at.path(), 0o700]) }),
    file("mkdirat", call::MKDIR, |at| { at.remove(); at.call(c::SYS_mkdirat, &[CWD, at.path(), 0o700]) }),
    file("mknod", call::MKNOD, |at| {
        at.remove();
        at.call(old::SYS_mknod, &[at.path(), c::S_IFIFO as usize | MODE, 0])
    }),
    file("mknodat", call::MKNOD, |at| {
        at.remove();
        at.call(c::SYS_mknodat, &[CWD, at.path(), c::S_IFIFO as usize | MODE, 0])
    }),
    file("truncate", call::TRUNCATE, |at| { at.file()?; at.call(c::SYS_truncate, &[at.path(), 0]) }),
    file("ftruncate", call::TRUNCATE, |at| at.call(c::SYS_ftruncate, &[at.file()?, 0])),
    file("chmod", call::CHMOD, |at| { at.file()?; at.call(old::SYS_chmod, &[at.path(), MODE]) }),
    file("fchmod", call::CHMOD, |at| at.call(c::SYS_fchmod, &[at.file()?, MODE])),
    file("fchmodat", call::CHMOD, |at| { at.file()?; at.call(c::SYS_fchmodat, &[CWD, at.path(), MODE]) }),
    file("fchmodat2", call::CHMOD, |at| { at.file()?; at.call(SYS_FCHMODAT2, &[CWD, at.path(), MODE, 0]) }),
    file("chown", call::CHOWN, |at| { at.file()?; at.call(old::SYS_chown, &[at.path(), NOBODY, NOBODY]) }),
    file("fchown", call::CHOWN, |at| at.call(c::SYS_fchown, &[at.file()?, NOBODY, NOBODY])),
    file("lchown", call::CHOWN, |at| { at.file()?; at.call(old::SYS_lchown, &[at.path(), NOBODY, NOBODY]) }),
    file("fchownat", call::CHOWN, |at| {
        at.file()?;
        at.call(c::SYS_fchownat, &[CWD, at.path(), NOBODY, NOBODY, 0])
    }),
    file("setxattr", call::SETXATTR, |at| {
        at.file()?;
        at.call(c::SYS_setxattr, &[at.path(), at.attribute(), at.attribute(), 1, 0])
    }),
    file("lsetxattr", call::SETXATTR, |at| {
        at.file()?;
        at.call(c::SYS_lsetxattr, &[at.path(), at.attribute(), at.attribute(), 1, 0])
    }),
    file("fsetxattr", call::SETXATTR, |at| {
        at.call(c::SYS_fsetxattr, &[at.file()?, at.attribute(), at.attribute(), 1, 0])
    }),
    file("setxattrat", call::SETXATTR, |at| {
        at.file()?;
        let value = [at.attribute() as u64, 1];
        let (value, bytes) = (value.as_ptr() as usize, size_of_val(&value));
        at.call(SYS_SETXATTRAT, &[CWD, at.path(), 0, at.attribute(), value, bytes])
    }),
    file("removexattr", call::REMOVEXATTR, |at| {
        at.file()?;
        at.call(c::SYS_removexattr, &[at.path(), at.attribute()])
    }),
    file("lremovexattr", call::REMOVEXATTR, |at| {
        at.file()?;
        at.call(c::SYS_lremovexattr, &[at.path(), at.attribute()])
    }),
    file("fremovexattr", call::REMOVEXATTR, |at| at.call(c::SYS_fremovexattr, &[at.file()?, at.attribute()])),
    file("removexattrat", call::REMOVEXATTR, |at| {
        at.file()?;
        at.call(SYS_REMOVEXATTRAT, &[CWD, at.path(), 0, at.attribute()])
    }),
    file("utime", call::UTIMES, |at| { at.file()?; at.call(old::SYS_utime, &[at.path(), 0]) }),
    file("utimes", call::UTIMES, |at| { at.file()?; at.call(old::SYS_utimes, &[at.path(), 0]) }),
    file("futimesat", call::UTIMES, |at| { at.file()?; at.call(old::SYS_futimesat, &[CWD, at.path(), 0]) }),
    file("utimensat", call::UTIMES, |at| { at.file()?; at.call(c::SYS_utimensat, &[CWD, at.path(), 0, 0]) }),
    // No mount stands there.
    file("mount", call::MOUNT, |at| { at.file()?; at.call(c::SYS_mount, &[0, at.path(), 0, REBIND, 0]) }),
    file("umount", call::UMOUNT, |at| { at.file()?; at.call(c::SYS_umount2, &[at.path(), 0]) }),
    file("move_mount", call::MOVE_MOUNT, |at| {
        at.file()?;
        at.call(c::SYS_move_mount, &[CWD, at.path(), CWD, at.path(), 0])
    }),
    // Nothing stands there at all.
    file("mount_setattr", call::MOUNT_SETATTR, |at| {
        at.call(c::SYS_mount_setattr, &[CWD, at.nothing(), 0, 0, 0])
    }),
    file("open_tree", call::OPEN_TREE, |at| at.descriptor(c::SYS_open_tree, &[CWD, at.nothing(), CLONE])),
    file("open_tree_attr", call::OPEN_TREE, |at| {
        at.descriptor(SYS_OPEN_TREE_ATTR, &[CWD, at.nothing(), CLONE, 0, 0])
    }),
    file("chroot", call::CHROOT, |at| at.call(c::SYS_chroot, &[at.nothing()])),
    file("pivot_root", call::PIVOT_ROOT, |at| at.call(c::SYS_pivot_root, &[at.nothing(), at.nothing()])),

    ring("ring_submit", |at| at.ring()?.told_at_submission()),
    ring("ring_end", |at| at.ring()?.told_at_end()),
    ring("ring_overflow", |at| at.ring()?.told_without_room()),
    ring("ring_cancel", |at| at.ring()?.told_by_what_it_was_linked_to()),
];
