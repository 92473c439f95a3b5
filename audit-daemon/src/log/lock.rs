//! One writer per log directory.
//!
//! **Owns** the file `lock`: an flock held for as long as the log is open, with the holder's pid
//! written inside. The kernel lets go of it however the process ends, so there are no stale
//! locks, only stale text: a pid that is left after we got the lock means that the holder before
//! us did not end in order. **Must not** be asked to wait.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

use super::error::LogError;
use super::names;

/// Longest text read from the file: a pid has at most ten digits.
const PID_BYTES_MAX: u64 = 16;

/// The lock, held while this exists.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
    orderly: bool,
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub(super) fn acquire(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join(names::LOCK);
        let failed = |action| {
            let path = path.clone();
            move |error| LogError::io(action, &path, error)
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(&path)
            .map_err(failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LogError::InUse {
                    dir: dir.to_path_buf(),
                    pid: holder(&file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock")(error)),
        }
        let orderly = text(&file).is_empty();
        let pid = format!("{}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(pid.as_bytes()))
            .and_then(|()| file.sync_all())
            .map_err(failed("write our pid to"))?;
        Ok(Self { file, orderly })
    }

    /// Whether the holder before us, if there was one, let go in order.
    pub(super) fn orderly(&self) -> bool {
        self.orderly
    }

    /// Says that the log was closed in order, and lets go.
    pub(super) fn release(self, dir: &Path) -> Result<(), LogError> {
        self.file
            .set_len(0)
            .and_then(|()| self.file.sync_all())
            .and_then(|()| self.file.unlock())
            .map_err(|error| LogError::io("release", &dir.join(names::LOCK), error))
    }
}

/// The pid in the file, if a process has it: between lock and text lies a moment in which the
/// text is still that of a holder who is gone.
fn holder(file: &File) -> Option<u32> {
    let pid = text(file).trim_end().parse().ok()?;
    Path::new("/proc")
        .join(format!("{pid}"))
        .exists()
        .then_some(pid)
}

fn text(mut file: &File) -> String {
    let mut text = String::new();
    // Whatever cannot be read or is not text names nobody, but it was not empty either.
    match file
        .rewind()
        .and_then(|()| file.take(PID_BYTES_MAX).read_to_string(&mut text))
    {
        Ok(_) => text,
        Err(_) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_second_is_refused_with_the_pid_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::acquire(dir.path()).unwrap();
        assert!(first.orderly());
        let error = Lock::acquire(dir.path()).unwrap_err();
        let own = std::process::id();
        assert!(matches!(error, LogError::InUse { pid: Some(pid), .. } if pid == own));
        assert!(
            error
                .to_string()
                .contains(&format!("in use by process {own}")),
            "{error}"
        );
        first.release(dir.path()).unwrap();
        assert!(Lock::acquire(dir.path()).unwrap().orderly());
    }

    #[test]
    fn a_holder_that_vanished_leaves_its_pid() {
        let dir = tempfile::tempdir().unwrap();
        drop(Lock::acquire(dir.path()).unwrap());
        assert!(!Lock::acquire(dir.path()).unwrap().orderly());
        fs::write(dir.path().join("lock"), b"\xff\xfe").unwrap();
        let held = Lock::acquire(dir.path()).unwrap();
        assert!(!held.orderly());
        // A pid that nobody has is not passed on as the holder's.
        fs::write(dir.path().join("lock"), "4294967294\n").unwrap();
        let error = Lock::acquire(dir.path()).unwrap_err();
        assert!(matches!(error, LogError::InUse { pid: None, .. }));
        assert!(error.to_string().contains("another process"), "{error}");
    }
}
