//! Opening files in every way; each act prints 0 or the errno.

use std::ffi::{CStr, CString};

use crate::entry::syscall;
use crate::{Words, old, refused};

/// Prints 0, or the errno of a call that was refused.
pub fn told(result: i64) {
    if result < 0 {
        refused();
    }
    println!("0");
}

/// `PATH FLAGS MODE`, the numbers in decimal.
struct Asked {
    path: CString,
    flags: i32,
    mode: u32,
}

impl Asked {
    fn read(words: &mut Words) -> Asked {
        Asked {
            path: words.c_string(),
            flags: words.number().cast_signed(),
            mode: words.number(),
        }
    }
}

/// `open PATH FLAGS MODE`: by open(2) itself, which libc no longer calls.
pub fn open(words: &mut Words) {
    let Asked { path, flags, mode } = Asked::read(words);
    // SAFETY: a string and numbers.
    told(unsafe { old::open(path.as_ptr(), flags, mode) });
}

/// `creat PATH MODE`
pub fn creat(words: &mut Words) {
    let (path, mode) = (words.c_string(), words.number());
    // SAFETY: a string and a number.
    told(unsafe { old::creat(path.as_ptr(), mode) });
}

/// A directory or file to start from; `-` is the working directory.
pub fn base(words: &mut Words) -> i32 {
    match words.peek() {
        Some(b"-") => {
            words.bytes();
            libc::AT_FDCWD
        }
        Some([b'#', ..]) => {
            let word = words.bytes();
            let number = std::str::from_utf8(&word[1..]).expect("digits");
            number.parse().expect("a descriptor's number")
        }
        _ => directory(words),
    }
}

fn directory(words: &mut Words) -> i32 {
    let path = words.c_string();
    // SAFETY: a string and numbers.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC) };
    assert!(fd >= 0, "{path:?}: {}", std::io::Error::last_os_error());
    fd
}

/// `openat DIR PATH FLAGS MODE`; DIR `-` is the working directory.
pub fn openat(words: &mut Words) {
    let dir = base(words);
    let Asked { path, flags, mode } = Asked::read(words);
    // SAFETY: a string and numbers.
    told(unsafe { syscall!(libc::SYS_openat, dir, path.as_ptr(), flags, mode) });
}

/// `openat2 DIR PATH FLAGS MODE RESOLVE`
pub fn openat2(words: &mut Words) {
    let dir = directory(words);
    let Asked { path, flags, mode } = Asked::read(words);
    let how: [u64; 3] = [
        flags.cast_unsigned().into(),
        mode.into(),
        words.number().into(),
    ];
    // SAFETY: a string, and a structure of the size that is said.
    told(unsafe {
        syscall!(
            libc::SYS_openat2,
            dir,
            path.as_ptr(),
            how.as_ptr(),
            size_of_val(&how),
        )
    });
}

/// `reopen PATH FLAGS`: a descriptor that may do nothing, opened again through /proc.
pub fn reopen(words: &mut Words) {
    let fd = directory(words);
    let flags = words.number().cast_signed();
    let again = CString::new(format!("/proc/self/fd/{fd}")).expect("no NUL");
    // SAFETY: a string and numbers.
    told(unsafe { libc::open(again.as_ptr(), flags) }.into());
}

/// `open-by-handle PATH FLAGS`, from a working directory on the same file system.
pub fn open_by_handle(words: &mut Words) {
    let path = words.c_string();
    opened_by_handle(&path, words.number().cast_signed(), 1);
}

/// `open-many-by-handle COUNT PATH FLAGS`
pub fn open_many_by_handle(words: &mut Words) {
    let (count, path) = (words.number(), words.c_string());
    opened_by_handle(&path, words.number().cast_signed(), count);
}

/// The last one's result is told.
fn opened_by_handle(path: &CStr, flags: i32, count: u32) {
    const HANDLE_BYTES: usize = 128;
    let mut handle = [0u32; 2 + HANDLE_BYTES / 4];
    handle[0] = HANDLE_BYTES as u32;
    let mut mount_id = 0;
    // SAFETY: the handle's first word says how much room is behind the two first ones.
    unsafe {
        let got = libc::name_to_handle_at(
            libc::AT_FDCWD,
            path.as_ptr(),
            handle.as_mut_ptr().cast(),
            &raw mut mount_id,
            0,
        );
        assert_eq!(got, 0, "{path:?}: {}", std::io::Error::last_os_error());
        // Any readable descriptor on the file system will do.
        let mount = libc::open(c".".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY);
        let call = libc::SYS_open_by_handle_at;
        for _ in 1..count {
            let fd = syscall!(call, mount, handle.as_ptr(), flags);
            assert!(fd >= 0, "{}", std::io::Error::last_os_error());
        }
        told(syscall!(call, mount, handle.as_ptr(), flags));
    }
}

/// `open-shared PATH FLAGS`: with another thread that shares the descriptors.
pub fn open_shared(words: &mut Words) {
    let path = words.c_string();
    let flags = words.number().cast_signed();
    let (done, wait) = std::sync::mpsc::sync_channel::<()>(1);
    let other = std::thread::spawn(move || wait.recv());
    // SAFETY: a string and numbers.
    told(unsafe { libc::open(path.as_ptr(), flags) }.into());
    drop(done);
    let _ = other.join();
}
