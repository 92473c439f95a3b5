//! What a process does to itself before its act.

use std::os::unix::fs::chroot;

use crate::Words;

/// Does all steps and returns the word of the act.
pub fn all(words: &mut Words) -> Vec<u8> {
    loop {
        let word = words.bytes();
        match word.as_slice() {
            b"chdir" => std::env::set_current_dir(words.path()).expect("chdir"),
            b"lose" => lose(words),
            b"cpu" => one_cpu(),
            b"often" => often(words),
            b"move" => std::fs::rename(words.path(), words.path()).expect("rename"),
            b"umask" => {
                // SAFETY: only a number is passed.
                unsafe { libc::umask(words.number()) };
            }
            b"descend" => descend(words),
            b"chroot" => chroot(words.path()).expect("chroot"),
            b"apart" => apart(),
            b"bind" => bind(words),
            b"uid" => uid(words.number()),
            b"gid" => gid(words.number()),
            b"login-uid" => {
                let uid = words.bytes();
                std::fs::write("/proc/self/loginuid", uid).expect("set the login uid");
            }
            b"set" => set(words),
            b"clear" => clear(),
            b"by-32-bit" => crate::entry::use_narrow(false),
            b"by-old-32-bit" => crate::entry::use_narrow(true),
            b"enter" => std::fs::write(words.path(), "0").expect("enter a control group"),
            b"run" => run(words),
            b"scan" => crate::sockets::scan(words),
            b"listen" => crate::sockets::listen(words),
            b"call" => crate::privilege::call(words),
            b"call-32" => crate::privilege::call_32(words),
            b"write" => {
                let file = std::fs::File::options()
                    .append(true)
                    .open(words.path())
                    .expect("open");
                // Open for the rest of this process.
                std::mem::forget(file);
            }
            _ => return word,
        }
    }
}

/// Enters a directory that another process then removes: the removal is no act of this one.
fn lose(words: &mut Words) {
    let dir = words.c_string();
    // SAFETY: strings; the child calls only what may be called after fork.
    unsafe {
        assert_eq!(libc::chdir(dir.as_ptr()), 0, "chdir {dir:?}");
        let child = libc::fork();
        if child == 0 {
            libc::_exit(libc::rmdir(dir.as_ptr()).abs());
        }
        let mut status = 0;
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child, "waitpid");
        assert_eq!(status, 0, "rmdir {dir:?}");
    }
}

/// Stays where it is from now on.
fn one_cpu() {
    // SAFETY: a set of our own, of the size that is told.
    unsafe {
        let mut cpus: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(libc::sched_getcpu() as usize, &mut cpus);
        let done = libc::sched_setaffinity(0, size_of_val(&cpus), &raw const cpus);
        assert_eq!(done, 0, "sched_setaffinity");
    }
}

/// `often COUNT PATH FLAGS`: opens and closes it so often, whether it may or not.
fn often(words: &mut Words) {
    let (count, path, flags) = (words.number(), words.c_string(), words.number());
    for _ in 0..count {
        // SAFETY: a string and a number; what was opened is ours to close.
        unsafe {
            let fd = libc::open(path.as_ptr(), flags.cast_signed());
            if fd >= 0 {
                libc::close(fd);
            }
        }
    }
}

/// Goes into a mount namespace of its own, from which nothing comes back: as sandboxes begin.
fn apart() {
    let none = std::ptr::null();
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: numbers, a constant string, and null where nothing is asked for.
    let done = unsafe {
        libc::unshare(libc::CLONE_NEWNS) == 0
            && libc::mount(none, c"/".as_ptr(), none, private, none.cast()) == 0
    };
    assert!(done, "apart: {}", std::io::Error::last_os_error());
}

/// `run COUNT FILE ARG…`: a process for a program with so many arguments, the first of them FILE.
fn run(words: &mut Words) {
    let count = words.number();
    let argv: Vec<_> = (0..count).map(|_| words.c_string()).collect();
    match crate::launch::spawn(&argv[0], &argv) {
        Ok(pid) => crate::launch::wait(pid),
        Err(errno) => println!("{errno}"),
    }
}

/// Binds a directory onto itself, which makes it a mount of its own.
fn bind(words: &mut Words) {
    let (dir, none) = (words.c_string(), std::ptr::null());
    let (path, flags) = (dir.as_ptr(), libc::MS_BIND);
    // SAFETY: strings, a number, and null where nothing is asked for.
    let done = unsafe { libc::mount(path, path, none, flags, none.cast()) };
    assert_eq!(done, 0, "bind: {}", std::io::Error::last_os_error());
}

/// Makes and enters a directory in a directory, and so on.
fn descend(words: &mut Words) {
    let (levels, name) = (words.number(), words.path());
    for _ in 0..levels {
        std::fs::create_dir(&name).expect("mkdir");
        std::env::set_current_dir(&name).expect("chdir");
    }
}

fn uid(uid: u32) {
    // SAFETY: only numbers are passed.
    let done = unsafe { libc::setresuid(uid, uid, uid) };
    assert_eq!(done, 0, "setresuid: {}", std::io::Error::last_os_error());
}

fn gid(gid: u32) {
    // SAFETY: only numbers and an empty list are passed.
    let done = unsafe { libc::setgroups(0, std::ptr::null()) | libc::setresgid(gid, gid, gid) };
    assert_eq!(done, 0, "setresgid: {}", std::io::Error::last_os_error());
}

fn set(words: &mut Words) {
    let word = words.c_string().into_raw();
    // SAFETY: the string is never freed, so it may become part of the environment; no other thread
    // runs yet.
    let done = unsafe { libc::putenv(word) };
    assert_eq!(done, 0, "putenv: {}", std::io::Error::last_os_error());
}

fn clear() {
    // SAFETY: no other thread runs yet.
    let done = unsafe { libc::clearenv() };
    assert_eq!(done, 0, "clearenv");
}
