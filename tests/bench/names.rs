//! Acts by name: making a file and removing it again.
//!
//! Owns the two forms that the daemon tells apart: a name with a slash may lead anywhere, so the
//! kernel passes it on to be decided; a plain one is in the directory that it starts from.

use std::{
    ffi::{CStr, CString},
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use anyhow::{Context, Result};

use crate::acts::Once;

pub fn by_absolute_path(path: &Path) -> Result<Once> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    Ok(Box::new(move || make_and_remove(libc::AT_FDCWD, &path)))
}

pub fn below_descriptor(dir: &Path, name: &CStr) -> Result<Once> {
    let dir: OwnedFd = std::fs::File::open(dir)?.into();
    let name = name.to_owned();
    Ok(Box::new(move || make_and_remove(dir.as_raw_fd(), &name)))
}

fn make_and_remove(dir: libc::c_int, name: &CStr) -> Result<()> {
    let flags = libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL | libc::O_CLOEXEC;
    // SAFETY: a NUL-terminated name that outlives the call.
    let fd = unsafe { libc::openat(dir, name.as_ptr(), flags, 0o600) };
    if fd < 0 {
        return Err(io::Error::last_os_error()).context("create");
    }
    // SAFETY: the descriptor was opened above and is known to nobody else; the name as above.
    let removed = unsafe {
        libc::close(fd);
        libc::unlinkat(dir, name.as_ptr(), 0)
    };
    if removed != 0 {
        return Err(io::Error::last_os_error()).context("unlink");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_is_gone_again_and_what_was_there_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("there");
        for act in [
            by_absolute_path(&file).unwrap(),
            below_descriptor(dir.path(), c"there").unwrap(),
        ] {
            act().unwrap();
            assert!(!file.exists());
            std::fs::write(&file, b"x").unwrap();
            assert!(act().is_err());
            assert!(file.exists());
            std::fs::remove_file(&file).unwrap();
        }
    }
}
