//! Is this directory fit to hold the log?
//!
//! **Owns** the checks made before anything else, so that the daemon can end with exit code 5
//! before a hook is attached, and the size of the default cap. **Must not** change a directory
//! that it did not make: the path may be a mistake, and belong to somebody else.
//!
//! Invariant: after [`prepare`] the directory exists, belongs to root or to us, nobody else may
//! write in it, and a file could be written and made durable in it a moment ago.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::statvfs::statvfs;
use nix::unistd::geteuid;

use super::error::no_space;

/// Cap of the log when none is configured.
const CAP_BYTES_MAX: u64 = 2 << 30;
/// … or this part of the file system, if that is less.
const CAP_PERCENT: u64 = 5;
/// Group or others may write.
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// What the probe writes: one block, so that a full file system refuses it.
const PROBE_BYTES: usize = 4_096;

/// Why the directory is not fit, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// No parent to make it in.
    #[error(
        "log directory {path}: {parent} does not exist: create it, or set another log directory"
    )]
    NoParent {
        /// The log directory.
        path: PathBuf,
        /// What is missing.
        parent: PathBuf,
    },
    /// Something else has the name.
    #[error("log directory {path} is not a directory: move it away, or set another log directory")]
    NotADirectory {
        /// The log directory.
        path: PathBuf,
    },
    /// We are not allowed to.
    #[error(
        "log directory {path}: cannot {action}: {source}: run as root, or set a directory that you own"
    )]
    Denied {
        /// The log directory.
        path: PathBuf,
        /// What was being done, as a verb.
        action: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Mounted read-only.
    #[error("log directory {path}: {source}: remount it writable, or set another log directory")]
    ReadOnly {
        /// The log directory.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// No space, no inode or no quota left.
    #[error(
        "log directory {path}: {source}: free space on that file system, or set another log directory"
    )]
    Full {
        /// The log directory.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Another user could change the log.
    #[error(
        "log directory {path} belongs to uid {uid}, who could change the log: chown root {path}"
    )]
    Owner {
        /// The log directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Group or others could change the log.
    #[error(
        "log directory {path} has mode {mode:04o}, so others could change the log: chmod go-w {path}"
    )]
    Writable {
        /// The log directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Any other answer.
    #[error("log directory {path}: cannot {action}: {source}")]
    Io {
        /// The log directory.
        path: PathBuf,
        /// What was being done, as a verb.
        action: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
}

/// Makes the directory if it is missing, and checks it.
pub(super) fn prepare(dir: &Path) -> Result<(), DirectoryError> {
    let metadata = match fs::metadata(dir) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            create(dir)?;
            fs::metadata(dir).map_err(|error| refused(dir, "look at it", error))?
        }
        Err(error) => return Err(refused(dir, "look at it", error)),
    };
    if !metadata.is_dir() {
        return Err(DirectoryError::NotADirectory {
            path: dir.to_path_buf(),
        });
    }
    let uid = metadata.uid();
    if uid != 0 && uid != geteuid().as_raw() {
        return Err(DirectoryError::Owner {
            path: dir.to_path_buf(),
            uid,
        });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & WRITABLE_BY_OTHERS != 0 {
        return Err(DirectoryError::Writable {
            path: dir.to_path_buf(),
            mode,
        });
    }
    if mode & 0o077 != 0 {
        tracing::warn!(
            "log directory {} has mode {mode:04o}: others can see the names in it, \
             not the records (chmod 0700 closes it)",
            dir.display()
        );
    }
    probe(dir)
}

/// Cap of the log when none is configured: 2 GiB or 5 % of the file system, whichever is less.
pub fn cap_bytes_default(dir: &Path) -> Result<u64, DirectoryError> {
    let stat = statvfs(dir)
        .map_err(|errno| refused(dir, "ask the size of its file system", errno.into()))?;
    Ok(cap_of(stat.fragment_size().saturating_mul(stat.blocks())))
}

fn cap_of(file_system_bytes: u64) -> u64 {
    (file_system_bytes / 100 * CAP_PERCENT).min(CAP_BYTES_MAX)
}

fn create(dir: &Path) -> Result<(), DirectoryError> {
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        // A dangling link, or somebody was faster; the look that follows tells.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(DirectoryError::NoParent {
                path: dir.to_path_buf(),
                parent: parent.to_path_buf(),
            });
        }
        Err(error) => return Err(refused(dir, "create it", error)),
    }
    File::open(parent)
        .and_then(|parent| parent.sync_all())
        .map_err(|error| refused(dir, "make its name durable", error))
}

/// Writes a block, makes it durable and removes it: permission bits, read-only mounts, quotas
/// and a full disk cannot all be foretold.
fn probe(dir: &Path) -> Result<(), DirectoryError> {
    let path = dir.join("probe.tmp");
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(&path)
        .and_then(|mut file| {
            file.write_all(&[0; PROBE_BYTES])?;
            file.sync_all()
        });
    // The answer that counts is the first; what is left behind is overwritten next time.
    let removed = fs::remove_file(&path);
    written
        .and(removed)
        .map_err(|error| refused(dir, "write in it", error))
}

fn refused(dir: &Path, action: &'static str, source: io::Error) -> DirectoryError {
    let path = dir.to_path_buf();
    match source.kind() {
        ErrorKind::PermissionDenied => DirectoryError::Denied {
            path,
            action,
            source,
        },
        ErrorKind::ReadOnlyFilesystem => DirectoryError::ReadOnly { path, source },
        ErrorKind::NotADirectory => DirectoryError::NotADirectory { path },
        _ if no_space(&source) => DirectoryError::Full { path, source },
        _ => DirectoryError::Io {
            path,
            action,
            source,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    #[test]
    fn a_missing_directory_is_made_for_us_alone() {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("log");
        prepare(&dir).unwrap();
        assert_eq!(fs::metadata(&dir).unwrap().mode() & 0o7777, 0o700);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0, "the probe is gone");
    }

    #[test]
    fn each_unfit_directory_has_its_own_reason() {
        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);

        let error = prepare(&at("a/b")).unwrap_err();
        assert!(matches!(&error, DirectoryError::NoParent { parent, .. } if *parent == at("a")));
        assert!(error.to_string().contains("create it"), "{error}");

        fs::write(at("file"), "").unwrap();
        assert!(matches!(
            prepare(&at("file")),
            Err(DirectoryError::NotADirectory { .. })
        ));
        assert!(matches!(
            prepare(&at("file/x")),
            Err(DirectoryError::NotADirectory { .. })
        ));

        symlink(at("nowhere"), at("dangling")).unwrap();
        assert!(matches!(
            prepare(&at("dangling")),
            Err(DirectoryError::Io { .. })
        ));

        fs::create_dir(at("open")).unwrap();
        fs::set_permissions(at("open"), fs::Permissions::from_mode(0o1777)).unwrap();
        let error = prepare(&at("open")).unwrap_err();
        assert!(matches!(
            error,
            DirectoryError::Writable { mode: 0o1777, .. }
        ));
        assert!(error.to_string().contains("mode 1777"), "{error}");
        assert!(error.to_string().contains("chmod go-w"), "{error}");

        if geteuid().is_root() {
            fs::create_dir(at("theirs")).unwrap();
            chown(at("theirs"), Some(1234), None).unwrap();
            let error = prepare(&at("theirs")).unwrap_err();
            assert!(matches!(error, DirectoryError::Owner { uid: 1234, .. }));
        }
    }

    #[test]
    fn answers_of_the_kernel_keep_their_errno() {
        let dir = Path::new("/var/log/x");
        let of = |errno: Errno| refused(dir, "write in it", errno.into());
        assert!(matches!(of(Errno::EACCES), DirectoryError::Denied { .. }));
        assert!(matches!(of(Errno::EPERM), DirectoryError::Denied { .. }));
        assert!(matches!(of(Errno::EROFS), DirectoryError::ReadOnly { .. }));
        assert!(matches!(of(Errno::ENOSPC), DirectoryError::Full { .. }));
        assert!(matches!(of(Errno::EDQUOT), DirectoryError::Full { .. }));
        assert!(matches!(of(Errno::EIO), DirectoryError::Io { .. }));
        assert!(of(Errno::ENOSPC).to_string().contains("os error 28"));
        assert!(of(Errno::ENOSPC).to_string().contains("/var/log/x"));
    }

    #[test]
    fn the_cap_is_two_gib_or_five_percent() {
        assert_eq!(cap_of(1 << 40), 2 << 30);
        assert_eq!(cap_of(1_000_000_000), 50_000_000);
        assert_eq!(cap_of(0), 0);
        assert!(cap_bytes_default(Path::new("/")).unwrap() <= 2 << 30);
        assert!(cap_bytes_default(Path::new("/no/such")).is_err());
    }
}
