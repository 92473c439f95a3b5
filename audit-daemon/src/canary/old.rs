//! Numbers of system calls that only older platforms have: newer ones have one that takes a directory, too.
//!
//! Owns the numbers. Where there is none it is one that no kernel knows, and the act is not done.

#[cfg(target_arch = "x86_64")]
pub use nix::libc::{
    SYS_chmod, SYS_chown, SYS_creat, SYS_futimesat, SYS_lchown, SYS_link, SYS_mkdir, SYS_mknod,
    SYS_open, SYS_rename, SYS_renameat, SYS_rmdir, SYS_symlink, SYS_unlink, SYS_utime, SYS_utimes,
};

#[cfg(not(target_arch = "x86_64"))]
pub use none::*;

#[cfg(not(target_arch = "x86_64"))]
#[expect(
    non_upper_case_globals,
    reason = "as the library names those that there are"
)]
mod none {
    pub const SYS_chmod: i64 = -1;
    pub const SYS_chown: i64 = -1;
    pub const SYS_creat: i64 = -1;
    pub const SYS_futimesat: i64 = -1;
    pub const SYS_lchown: i64 = -1;
    pub const SYS_link: i64 = -1;
    pub const SYS_mkdir: i64 = -1;
    pub const SYS_mknod: i64 = -1;
    pub const SYS_open: i64 = -1;
    pub const SYS_rename: i64 = -1;
    pub const SYS_renameat: i64 = -1;
    pub const SYS_rmdir: i64 = -1;
    pub const SYS_symlink: i64 = -1;
    pub const SYS_unlink: i64 = -1;
    pub const SYS_utime: i64 = -1;
    pub const SYS_utimes: i64 = -1;
}
