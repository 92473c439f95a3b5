//! Making, removing and moving names by the system calls' own numbers; each act prints 0 or the errno.
//!
//! Owns these calls, also those that libc no longer makes. Must not: be clever; the words are the
//! arguments in their order, numbers in decimal, DIR `-` is the working directory and `#N` the
//! descriptor N, open or not.
//!
//! ```text
//! unlink PATH               unlinkat DIR PATH FLAGS      rmdir PATH
//! rename OLD NEW            renameat DIR OLD DIR NEW     renameat2 DIR OLD DIR NEW FLAGS
//! link OLD NEW              linkat DIR OLD DIR NEW FLAGS
//! symlink TARGET PATH       symlinkat TARGET DIR PATH
//! mkdir PATH MODE           mkdirat DIR PATH MODE
//! mknod PATH MODE DEVICE    mknodat DIR PATH MODE DEVICE
//! ```

use libc::{c_char, c_long, syscall};

use crate::files::{base, told};
use crate::{Words, old};

/// Does the act, if it is one of these.
pub fn act(name: &[u8], words: &mut Words) -> bool {
    match name {
        b"unlink" => one_name(words, old::unlink),
        b"rmdir" => one_name(words, old::rmdir),
        b"unlinkat" => {
            let (dir, path, flags) = (base(words), words.c_string(), words.number());
            // SAFETY: a string and numbers.
            told(unsafe { syscall(libc::SYS_unlinkat, dir, path.as_ptr(), flags) });
        }
        b"rename" => two_names(words, old::rename),
        b"link" => two_names(words, old::link),
        b"symlink" => two_names(words, old::symlink),
        b"renameat" => two_places(words, libc::SYS_renameat, false),
        b"renameat2" => two_places(words, libc::SYS_renameat2, true),
        b"linkat" => two_places(words, libc::SYS_linkat, true),
        b"symlinkat" => {
            let (target, dir, path) = (words.c_string(), base(words), words.c_string());
            // SAFETY: two strings and a number.
            told(unsafe { syscall(libc::SYS_symlinkat, target.as_ptr(), dir, path.as_ptr()) });
        }
        b"mkdir" => {
            let (path, mode) = (words.c_string(), words.number());
            // SAFETY: a string and a number.
            told(unsafe { old::mkdir(path.as_ptr(), mode) });
        }
        b"mkdirat" => {
            let (dir, path, mode) = (base(words), words.c_string(), words.number());
            // SAFETY: a string and numbers.
            told(unsafe { syscall(libc::SYS_mkdirat, dir, path.as_ptr(), mode) });
        }
        b"mknod" => {
            let (path, mode, device) = (words.c_string(), words.number(), words.number());
            // SAFETY: a string and numbers.
            told(unsafe { old::mknod(path.as_ptr(), mode, device.into()) });
        }
        b"mknodat" => {
            let (dir, path) = (base(words), words.c_string());
            let (mode, device) = (words.number(), words.number());
            // SAFETY: a string and numbers.
            told(unsafe { syscall(libc::SYS_mknodat, dir, path.as_ptr(), mode, device) });
        }
        _ => return false,
    }
    true
}

fn one_name(words: &mut Words, call: unsafe fn(*const c_char) -> c_long) {
    let path = words.c_string();
    // SAFETY: a string.
    told(unsafe { call(path.as_ptr()) });
}

fn two_names(words: &mut Words, call: unsafe fn(*const c_char, *const c_char) -> c_long) {
    let (first, second) = (words.c_string(), words.c_string());
    // SAFETY: two strings.
    told(unsafe { call(first.as_ptr(), second.as_ptr()) });
}

fn two_places(words: &mut Words, call: c_long, with_flags: bool) {
    let (from, old) = (base(words), words.c_string());
    let (to, new) = (base(words), words.c_string());
    let flags = if with_flags { words.number() } else { 0 };
    // SAFETY: two strings and numbers; a call without flags does not look at them.
    told(unsafe { syscall(call, from, old.as_ptr(), to, new.as_ptr(), flags) });
}
