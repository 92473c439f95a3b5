//! Changing what a file is like, and mounting; each act prints 0 or the errno.
//!
//! Owns these calls by their own numbers. Must not: be clever; the words are the arguments in their
//! order, numbers in decimal (4294967295 is -1), and DIR `-` is the working directory. A call that
//! begins with `f` and takes a descriptor opens PATH first: to write for `ftruncate`, else to read.
//! VALUE is text, or bytes as `0x` and digits.
//!
//! ```text
//! truncate PATH SIZE             ftruncate PATH SIZE
//! chmod PATH MODE                fchmod PATH MODE        fchmodat DIR PATH MODE
//! fchmodat2 DIR PATH MODE FLAGS  chmod-entry PATH BEGIN MODE
//! chown PATH UID GID             lchown PATH UID GID     fchown PATH UID GID
//! fchownat DIR PATH UID GID FLAGS
//! setxattr PATH NAME VALUE FLAGS and lsetxattr, fsetxattr
//! removexattr PATH NAME          and lremovexattr, fremovexattr
//! mount SOURCE PATH TYPE FLAGS   umount2 PATH FLAGS
//! ```

use std::ffi::CString;

use libc::{c_char, c_long, syscall};

use crate::files::{base, told};
use crate::{Words, old};

const SYS_FCHMODAT2: c_long = 452;

/// Does the act, if it is one of these.
pub fn act(name: &[u8], words: &mut Words) -> bool {
    match name {
        b"truncate" => truncate(words),
        b"ftruncate" => ftruncate(words),
        b"chmod" => chmod(words),
        b"fchmod" => fchmod(words),
        b"chmod-entry" => chmod_entry(words),
        b"fchmodat" => fchmodat(words, libc::SYS_fchmodat, false),
        b"fchmodat2" => fchmodat(words, SYS_FCHMODAT2, true),
        b"chown" => chown(words, old::chown),
        b"lchown" => chown(words, old::lchown),
        b"fchown" => fchown(words),
        b"fchownat" => fchownat(words),
        b"setxattr" => set(words, libc::SYS_setxattr),
        b"lsetxattr" => set(words, libc::SYS_lsetxattr),
        b"fsetxattr" => set_by_descriptor(words),
        b"removexattr" => remove(words, libc::SYS_removexattr),
        b"lremovexattr" => remove(words, libc::SYS_lremovexattr),
        b"fremovexattr" => remove_by_descriptor(words),
        b"mount" => mount(words),
        b"umount2" => umount(words),
        _ => return false,
    }
    true
}

fn opened(words: &mut Words, flags: i32) -> i32 {
    let path = words.c_string();
    // SAFETY: a string and a number.
    let fd = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) };
    assert!(fd >= 0, "{path:?}: {}", std::io::Error::last_os_error());
    fd
}

fn truncate(words: &mut Words) {
    let (path, size) = (words.c_string(), u64::from(words.number()));
    // SAFETY: a string and a number.
    told(unsafe { syscall(libc::SYS_truncate, path.as_ptr(), size) });
}

fn ftruncate(words: &mut Words) {
    let fd = opened(words, libc::O_WRONLY);
    let size = u64::from(words.number());
    // SAFETY: numbers.
    told(unsafe { syscall(libc::SYS_ftruncate, fd, size) });
}

fn chmod(words: &mut Words) {
    let (path, mode) = (words.c_string(), words.number());
    // SAFETY: a string and a number.
    told(unsafe { old::chmod(path.as_ptr(), mode) });
}

fn fchmod(words: &mut Words) {
    let (fd, mode) = (opened(words, libc::O_RDONLY), words.number());
    // SAFETY: numbers.
    told(unsafe { syscall(libc::SYS_fchmod, fd, mode) });
}

/// `chmod-entry PATH BEGIN MODE`: by the entry of a descriptor, whose name begins so.
fn chmod_entry(words: &mut Words) {
    let fd = opened(words, libc::O_RDONLY);
    let begin = words.c_string();
    let name = format!("{}{fd}", begin.to_str().expect("UTF-8"));
    let name = std::ffi::CString::new(name).expect("no NUL");
    // SAFETY: a string and a number.
    told(unsafe { old::chmod(name.as_ptr(), words.number()) });
}

fn fchmodat(words: &mut Words, call: c_long, with_flags: bool) {
    let (dir, path, mode) = (base(words), words.c_string(), words.number());
    let flags = if with_flags { words.number() } else { 0 };
    // SAFETY: a string and numbers; a call without flags does not look at them.
    told(unsafe { syscall(call, dir, path.as_ptr(), mode, flags) });
}

fn chown(words: &mut Words, call: unsafe fn(*const c_char, u32, u32) -> c_long) {
    let (path, uid, gid) = (words.c_string(), words.number(), words.number());
    // SAFETY: a string and numbers.
    told(unsafe { call(path.as_ptr(), uid, gid) });
}

fn fchown(words: &mut Words) {
    let fd = opened(words, libc::O_RDONLY);
    let (uid, gid) = (words.number(), words.number());
    // SAFETY: numbers.
    told(unsafe { syscall(libc::SYS_fchown, fd, uid, gid) });
}

fn fchownat(words: &mut Words) {
    let (dir, path) = (base(words), words.c_string());
    let (uid, gid, flags) = (words.number(), words.number(), words.number());
    // SAFETY: a string and numbers.
    told(unsafe { syscall(libc::SYS_fchownat, dir, path.as_ptr(), uid, gid, flags) });
}

/// `NAME VALUE FLAGS`
struct Attribute {
    name: CString,
    value: Vec<u8>,
    flags: u32,
}

impl Attribute {
    fn read(words: &mut Words) -> Attribute {
        Attribute {
            name: words.c_string(),
            value: value(words.bytes()),
            flags: words.number(),
        }
    }
}

/// `0x…` says bytes, as words cannot hold NUL.
fn value(word: Vec<u8>) -> Vec<u8> {
    let Some(digits) = word.strip_prefix(b"0x") else {
        return word;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit") as u8;
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|two| digit(two[0]) << 4 | digit(two[1]))
        .collect()
}

fn set(words: &mut Words, call: c_long) {
    let path = words.c_string();
    let Attribute { name, value, flags } = Attribute::read(words);
    let (bytes, size) = (value.as_ptr(), value.len());
    // SAFETY: two strings, and bytes of the length that is said.
    told(unsafe { syscall(call, path.as_ptr(), name.as_ptr(), bytes, size, flags) });
}

fn set_by_descriptor(words: &mut Words) {
    let fd = opened(words, libc::O_RDONLY);
    let Attribute { name, value, flags } = Attribute::read(words);
    let (bytes, size) = (value.as_ptr(), value.len());
    let call = libc::SYS_fsetxattr;
    // SAFETY: a string, and bytes of the length that is said.
    told(unsafe { syscall(call, fd, name.as_ptr(), bytes, size, flags) });
}

fn remove(words: &mut Words, call: c_long) {
    let (path, name) = (words.c_string(), words.c_string());
    // SAFETY: two strings.
    told(unsafe { syscall(call, path.as_ptr(), name.as_ptr()) });
}

fn remove_by_descriptor(words: &mut Words) {
    let (fd, name) = (opened(words, libc::O_RDONLY), words.c_string());
    // SAFETY: a string and a number.
    told(unsafe { syscall(libc::SYS_fremovexattr, fd, name.as_ptr()) });
}

fn mount(words: &mut Words) {
    let (source, path) = (words.c_string(), words.c_string());
    let (kind, flags) = (words.c_string(), u64::from(words.number()));
    let none = std::ptr::null::<u8>();
    let (source, path, kind) = (source.as_ptr(), path.as_ptr(), kind.as_ptr());
    // SAFETY: three strings, a number and no data.
    told(unsafe { syscall(libc::SYS_mount, source, path, kind, flags, none) });
}

fn umount(words: &mut Words) {
    let (path, flags) = (words.c_string(), words.number());
    // SAFETY: a string and a number.
    told(unsafe { syscall(libc::SYS_umount2, path.as_ptr(), flags) });
}
