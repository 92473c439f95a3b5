//! System calls that newer machines do not have.
//!
//! Owns them by their own numbers where there are such. Elsewhere each is what the C library calls in
//! its place, which is all that a program can do there: a test that does one is true on both.

use libc::{c_char, c_int, c_long, dev_t, gid_t, mode_t, timeval, uid_t, utimbuf};

macro_rules! calls {
    ($($name:ident($($argument:ident: $kind:ty),*) = $number:ident;)*) => {$(
        /// # Safety
        /// As the system call: strings end with NUL, and structures are whole.
        pub unsafe fn $name($($argument: $kind),*) -> c_long {
            // SAFETY: the caller's.
            #[cfg(target_arch = "x86_64")]
            let result = unsafe { libc::syscall(libc::$number, $($argument),*) };
            // SAFETY: the caller's.
            #[cfg(not(target_arch = "x86_64"))]
            let result = unsafe { libc::$name($($argument),*) }.into();
            result
        }
    )*};
}

calls! {
    open(path: *const c_char, flags: c_int, mode: mode_t) = SYS_open;
    creat(path: *const c_char, mode: mode_t) = SYS_creat;
    unlink(path: *const c_char) = SYS_unlink;
    rmdir(path: *const c_char) = SYS_rmdir;
    rename(old: *const c_char, new: *const c_char) = SYS_rename;
    link(old: *const c_char, new: *const c_char) = SYS_link;
    symlink(target: *const c_char, path: *const c_char) = SYS_symlink;
    mkdir(path: *const c_char, mode: mode_t) = SYS_mkdir;
    mknod(path: *const c_char, mode: mode_t, device: dev_t) = SYS_mknod;
    chmod(path: *const c_char, mode: mode_t) = SYS_chmod;
    chown(path: *const c_char, uid: uid_t, gid: gid_t) = SYS_chown;
    lchown(path: *const c_char, uid: uid_t, gid: gid_t) = SYS_lchown;
    utime(path: *const c_char, times: *const utimbuf) = SYS_utime;
    utimes(path: *const c_char, times: *const timeval) = SYS_utimes;
}

/// # Safety
/// As the system call: `times` are two, or null.
pub unsafe fn futimesat(dir: c_int, path: *const c_char, times: *const timeval) -> c_long {
    // SAFETY: the caller's.
    #[cfg(target_arch = "x86_64")]
    let result = unsafe { libc::syscall(libc::SYS_futimesat, dir, path, times) };
    #[cfg(not(target_arch = "x86_64"))]
    let result = {
        let fine = |time: timeval| libc::timespec {
            tv_sec: time.tv_sec,
            tv_nsec: time.tv_usec * 1000,
        };
        // SAFETY: the caller's.
        let times = (!times.is_null()).then(|| unsafe { [fine(*times), fine(*times.add(1))] });
        let times = times
            .as_ref()
            .map_or(std::ptr::null(), |times| times.as_ptr());
        // SAFETY: the caller's string, and two times or null.
        unsafe { libc::utimensat(dir, path, times, 0) }.into()
    };
    result
}
