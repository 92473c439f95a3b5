//! Changing the root and binding a tree; each act prints 0 or the errno.
//!
//! Owns these calls by their own numbers. Must not: be clever; the words are the arguments in their
//! order, numbers in decimal, DIR `-` is the working directory.
//!
//! ```text
//! new-root PATH                  (chroot)
//! pivot NEW OLD                  (pivot_root)
//! open-tree DIR PATH FLAGS       open-tree-attr DIR PATH FLAGS (and no attributes)
//! mount-setattr DIR PATH FLAGS SET CLEAR PROPAGATION
//! open-tree-open PATH NAME FLAGS (a clone of PATH, and NAME in it)
//! ```

use libc::{c_int, c_long};

use crate::entry::syscall;
use crate::files::{base, told};
use crate::{Words, refused};

const SYS_OPEN_TREE: c_long = 428;
const SYS_OPEN_TREE_ATTR: c_long = 467;
const SYS_MOUNT_SETATTR: c_long = 442;
const OPEN_TREE_CLONE: c_int = 1;

/// Does the act, if it is one of these.
pub fn act(name: &[u8], words: &mut Words) -> bool {
    match name {
        b"new-root" => {
            let path = words.c_string();
            // SAFETY: a string.
            told(unsafe { syscall!(libc::SYS_chroot, path.as_ptr()) });
        }
        b"pivot" => {
            let (new, old) = (words.c_string(), words.c_string());
            // SAFETY: two strings.
            told(unsafe { syscall!(libc::SYS_pivot_root, new.as_ptr(), old.as_ptr()) });
        }
        b"open-tree" => {
            let (dir, path, flags) = (base(words), words.c_string(), words.number());
            // SAFETY: a string and numbers.
            told(unsafe { syscall!(SYS_OPEN_TREE, dir, path.as_ptr(), flags) });
        }
        b"open-tree-attr" => {
            let (dir, path, flags) = (base(words), words.c_string(), words.number());
            let (none, call) = (std::ptr::null::<u8>(), SYS_OPEN_TREE_ATTR);
            // SAFETY: a string, numbers, and null of no size.
            told(unsafe { syscall!(call, dir, path.as_ptr(), flags, none, 0usize) });
        }
        b"mount-setattr" => {
            let (dir, path, flags) = (base(words), words.c_string(), words.number());
            let attributes: [u64; 4] = [
                words.number().into(),
                words.number().into(),
                words.number().into(),
                0,
            ];
            let (address, size) = (attributes.as_ptr(), size_of_val(&attributes));
            let call = SYS_MOUNT_SETATTR;
            // SAFETY: a string, numbers, and a structure of the size that is told.
            told(unsafe { syscall!(call, dir, path.as_ptr(), flags, address, size) });
        }
        b"open-tree-open" => open_below(words),
        _ => return false,
    }
    true
}

fn open_below(words: &mut Words) {
    let (path, name) = (words.c_string(), words.c_string());
    let flags = words.number();
    let (from, clone) = (libc::AT_FDCWD, OPEN_TREE_CLONE);
    // SAFETY: a string and numbers.
    let tree = unsafe { syscall!(SYS_OPEN_TREE, from, path.as_ptr(), clone) };
    if tree < 0 {
        refused();
    }
    // SAFETY: as above.
    told(unsafe { syscall!(libc::SYS_openat, tree, name.as_ptr(), flags) });
}
