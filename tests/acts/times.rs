//! Setting times in every way; each act prints 0 or the errno.
//!
//! Owns these calls by their own numbers. Must not: be clever; the words are the arguments in their
//! order, numbers in decimal, DIR `-` is the working directory. Of the two times only that of
//! modification is said (seconds and what they are divided into), the other is 1; SECONDS `now` gives
//! no times at all.
//!
//! ```text
//! utime PATH SECONDS             utimes PATH SECONDS MICROSECONDS
//! futimesat DIR PATH SECONDS MICROSECONDS
//! utimensat DIR PATH SECONDS NANOSECONDS FLAGS
//! futimens PATH SECONDS NANOSECONDS       (opens PATH to read, and has no name to tell)
//! ```

use libc::syscall;

use crate::files::{base, told};
use crate::{Words, old};

/// Two times, in seconds and parts of them.
type Times = [i64; 4];

/// Does the act, if it is one of these.
pub fn act(name: &[u8], words: &mut Words) -> bool {
    match name {
        b"utime" => utime(words),
        b"utimes" => {
            let (path, times) = (words.c_string(), times(words));
            // SAFETY: a string, and two times or null.
            told(unsafe { old::utimes(path.as_ptr(), address(&times).cast()) });
        }
        b"futimesat" => {
            let (dir, path, times) = (base(words), words.c_string(), times(words));
            // SAFETY: a string, and two times or null.
            told(unsafe { old::futimesat(dir, path.as_ptr(), address(&times).cast()) });
        }
        b"utimensat" => utimensat(words),
        b"futimens" => futimens(words),
        _ => return false,
    }
    true
}

fn times(words: &mut Words) -> Option<Times> {
    if words.peek() == Some(b"now") {
        words.bytes();
        words.bytes();
        return None;
    }
    Some([1, 0, words.number().into(), words.number().into()])
}

fn address(times: &Option<Times>) -> *const i64 {
    times
        .as_ref()
        .map_or(std::ptr::null(), |times| times.as_ptr())
}

fn utime(words: &mut Words) {
    let path = words.c_string();
    let times: [i64; 2] = [1, words.number().into()];
    // SAFETY: a string, and two times.
    told(unsafe { old::utime(path.as_ptr(), times.as_ptr().cast()) });
}

fn utimensat(words: &mut Words) {
    let (dir, path, times) = (base(words), words.c_string(), times(words));
    let (call, flags) = (libc::SYS_utimensat, words.number());
    // SAFETY: a string, two times or null, and numbers.
    told(unsafe { syscall(call, dir, path.as_ptr(), address(&times), flags) });
}

fn futimens(words: &mut Words) {
    let path = words.c_string();
    // SAFETY: a string and a number.
    let fd = unsafe { libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    assert!(fd >= 0, "{path:?}: {}", std::io::Error::last_os_error());
    let (times, nowhere) = (times(words), std::ptr::null::<u8>());
    // SAFETY: a number, no name, and two times or null.
    told(unsafe { syscall(libc::SYS_utimensat, fd, nowhere, address(&times), 0) });
}
