//! What the log asks of a disk.
//!
//! **Owns** the traits that stand between the log and files, and their real implementation, so
//! that a test can own the disk: write short, refuse, fail an fsync, lose power.
//! **Must not** decide anything about the log: it carries out single operations.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::fcntl::{OFlag, PosixFadviseAdvice, posix_fadvise};

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// To read what is there.
    Read,
    /// To read and write what is there.
    Write,
    /// As `Write`; an empty file (mode 0600) is made if there is none.
    Create,
}

/// Operations on names. Paths are absolute or relative to the working directory.
pub trait Disk: Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;

    /// Makes a directory (mode 0700); one that is already there is fine.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Names and sizes of the regular files in a directory, in no order.
    fn list(&self, dir: &Path) -> io::Result<Vec<(OsString, u64)>>;
    /// Opens a file. Does not follow a symbolic link.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Self::File>;
    /// The file's length, if `path` still leads to this very file.
    fn len_if_same(&self, path: &Path, file: &Self::File) -> io::Result<Option<u64>>;
    /// Renames within one directory, over what is there.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// Operations on an open file. Reads and writes may be short, as the kernel's may.
pub trait DiskFile: Send + Sync + 'static {
    /// Length now, asked from the file system.
    fn size(&self) -> io::Result<u64>;
    /// Reads at an offset; 0 is the end of the file.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes at an offset.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// Cuts or extends.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes the bytes, and the length needed to read them, durable.
    fn sync(&self) -> io::Result<()>;
    /// Lets go of cached clean pages, so that a read comes from the disk. Best effort.
    fn forget_cache(&self) -> io::Result<()>;

    /// Writes all bytes, however many calls that takes.
    fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, offset) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    offset += written as u64;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads until `bytes` is full or the file ends; returns how many were read.
    fn read_full_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// Reads a whole file of at most `bytes_max`; `None` if there is none. What is longer is cut,
/// and so fails to parse: the files read this way are small.
pub(super) fn read_file<D: Disk>(
    disk: &D,
    path: &Path,
    bytes_max: u64,
) -> io::Result<Option<Vec<u8>>> {
    let file = match disk.open(path, OpenMode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = vec![0; usize::try_from(file.size()?.min(bytes_max)).unwrap_or(0)];
    let read = file.read_full_at(&mut bytes, 0)?;
    bytes.truncate(read);
    Ok(Some(bytes))
}

/// Replaces a whole file so that a crash leaves the old or the new version, never a mixture.
pub(super) fn replace_file<D: Disk>(
    disk: &D,
    dir: &Path,
    name: &str,
    bytes: &[u8],
) -> io::Result<()> {
    let temporary = dir.join(format!("{name}.tmp"));
    let file = disk.open(&temporary, OpenMode::Create)?;
    file.set_len(0)?;
    file.write_all_at(bytes, 0)?;
    file.sync()?;
    disk.rename(&temporary, &dir.join(name))?;
    disk.sync_dir(dir)
}

/// The real disk.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsDisk;

/// A real file and the identity it had when opened.
#[derive(Debug)]
pub struct OsFile {
    file: File,
    device: u64,
    inode: u64,
}

impl Disk for OsDisk {
    type File = OsFile;

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            other => other,
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(OsString, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if metadata.is_file() {
                files.push((entry.file_name(), metadata.len()));
            }
        }
        Ok(files)
    }

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<OsFile> {
        let file = OpenOptions::new()
            .read(true)
            .write(mode != OpenMode::Read)
            .create(mode == OpenMode::Create)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlag::O_NOFOLLOW.bits())
            .open(path)?;
        let metadata = file.metadata()?;
        Ok(OsFile {
            file,
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }

    fn len_if_same(&self, path: &Path, file: &OsFile) -> io::Result<Option<u64>> {
        match fs::symlink_metadata(path) {
            Ok(now) if now.dev() == file.device && now.ino() == file.inode => Ok(Some(now.len())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl DiskFile for OsFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(&self.file, bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(&self.file, bytes, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn forget_cache(&self) -> io::Result<()> {
        let whole_file = 0;
        posix_fadvise(
            self.file.as_fd(),
            0,
            whole_file,
            PosixFadviseAdvice::POSIX_FADV_DONTNEED,
        )?;
        Ok(())
    }
}
