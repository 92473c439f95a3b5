//! The few questions that anchors ask a file system.
//!
//! OWNS: how they are asked of the host: without following links, without opening what a look
//! could start (devices, FIFOs, automounts). MUST NOT: know watches.
//!
//! A trait, so that what an identity is can be replaced ([`Host::identifying`]: on btrfs and
//! overlayfs the kernel's differs from that of stat) and so that tests can have directories that
//! cannot be read, even by root.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::sys::statfs::{Statfs, fstatfs, statfs};

use super::exceptions::FileId;

/// Device number of /dev/null: major 1, minor 3.
const NULL_DEVICE: u64 = 1 << 8 | 3;

/// File systems made by the kernel itself: endless, and nothing in them is a file somebody keeps.
const PSEUDO: [i64; 15] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x0027_e0eb, // cgroup
    0x6367_7270, // cgroup2
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x7363_6673, // securityfs
    0xcafe_4a11, // bpf
    0x6165_676c, // pstore
    0x1cd1,      // devpts
    0x6265_6570, // configfs
    0x4249_4e4d, // binfmt_misc
    0x6e73_6673, // nsfs
    0x1980_0202, // mqueue
    0xf97c_ff8c, // selinuxfs
];

/// File systems behind which another machine or program answers, or does not.
const REMOTE: [i64; 9] = [
    0x6969,      // nfs
    0x517b,      // smb
    0xfe53_4d42, // smb2
    0xff53_4d42, // cifs
    0x6573_5546, // fuse
    0x00c3_6400, // ceph
    0x0102_1997, // 9p
    0x5346_414f, // afs
    0x0187,      // autofs
];

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub id: FileId,
    /// Its type.
    pub kind: Kind,
    /// Names that it has.
    pub links: u64,
}

/// Types of files that make a difference here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Link,
    /// The device that stands for nothing: a link to it does not mean it.
    Null,
    /// A device, FIFO or socket.
    Other,
}

/// Whether the files of a mount can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// As those of a disk.
    Local,
    /// Made up by the kernel.
    Pseudo,
    /// Whoever serves it may not answer.
    Remote,
}

/// A file system.
pub trait Disk {
    /// What stands at `path`; a link is not followed.
    fn look(&self, path: &Path) -> io::Result<Seen>;

    /// Names in `directory`, at most `count_max` of them.
    fn list(&self, directory: &Path, count_max: usize) -> io::Result<Vec<OsString>>;

    /// Where a symbolic link leads.
    fn target(&self, link: &Path) -> io::Result<PathBuf>;

    /// What kind of mount `directory` is on.
    fn ground(&self, directory: &Path) -> Ground;
}

/// Tells the identity of an open file.
pub type Identify = dyn Fn(BorrowedFd<'_>) -> io::Result<FileId> + Send + Sync;

/// The file systems of this machine.
pub struct Host {
    identify: Box<Identify>,
}

impl Host {
    /// With the identity that `stat` tells.
    pub fn new() -> Self {
        Self::identifying(Box::new(|file| {
            let stat = nix::sys::stat::fstat(file)?;
            Ok(FileId {
                dev: stat.st_dev,
                ino: stat.st_ino,
            })
        }))
    }

    /// With another identity. It is asked with files that were opened by O_PATH.
    pub fn identifying(identify: Box<Identify>) -> Self {
        Self { identify }
    }
}

impl Default for Host {
    fn default() -> Self {
        Self::new()
    }
}

/// A file system of which each directory is looked at once: thousands of paths have few directories
/// in common. For one search only.
pub struct Remembered<D> {
    disk: D,
    directories: RefCell<HashMap<PathBuf, Seen>>,
}

impl<D: Disk> Remembered<D> {
    /// Nothing is remembered yet.
    pub fn new(disk: D) -> Self {
        let directories = RefCell::default();
        Self { disk, directories }
    }
}

impl<D: Disk> Disk for Remembered<D> {
    fn look(&self, path: &Path) -> io::Result<Seen> {
        if let Some(seen) = self.directories.borrow().get(path) {
            return Ok(*seen);
        }
        let seen = self.disk.look(path)?;
        if seen.kind == Kind::Directory {
            let mut directories = self.directories.borrow_mut();
            directories.insert(path.to_owned(), seen);
        }
        Ok(seen)
    }

    fn list(&self, directory: &Path, count_max: usize) -> io::Result<Vec<OsString>> {
        self.disk.list(directory, count_max)
    }

    fn target(&self, link: &Path) -> io::Result<PathBuf> {
        self.disk.target(link)
    }

    fn ground(&self, directory: &Path) -> Ground {
        self.disk.ground(directory)
    }
}

impl Disk for Host {
    fn look(&self, path: &Path) -> io::Result<Seen> {
        let file = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags((OFlag::O_PATH | OFlag::O_NOFOLLOW).bits())
            .open(path)?;
        let metadata = file.metadata()?;
        let kind = metadata.file_type();
        let kind = if kind.is_file() {
            Kind::File
        } else if kind.is_dir() {
            Kind::Directory
        } else if kind.is_symlink() {
            Kind::Link
        } else if kind.is_char_device() && metadata.rdev() == NULL_DEVICE {
            Kind::Null
        } else {
            Kind::Other
        };
        Ok(Seen {
            id: (self.identify)(file.as_fd())?,
            kind,
            links: metadata.nlink(),
        })
    }

    fn list(&self, directory: &Path, count_max: usize) -> io::Result<Vec<OsString>> {
        let entries = std::fs::read_dir(directory)?.take(count_max);
        entries.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn target(&self, link: &Path) -> io::Result<PathBuf> {
        std::fs::read_link(link)
    }

    fn ground(&self, directory: &Path) -> Ground {
        ground(statfs(directory))
    }
}

/// The kind of mount that an open file is on.
pub fn ground_of(file: BorrowedFd<'_>) -> Ground {
    ground(fstatfs(file))
}

fn ground(fs: nix::Result<Statfs>) -> Ground {
    // What does not even tell its type will not tell its files.
    fs.map_or(Ground::Remote, |fs| {
        let magic = fs.filesystem_type().0;
        match magic {
            _ if PSEUDO.contains(&magic) => Ground::Pseudo,
            _ if REMOTE.contains(&magic) => Ground::Remote,
            _ => Ground::Local,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts looks; `/file` is a file, the rest are directories.
    #[derive(Default)]
    struct Counting(RefCell<Vec<PathBuf>>);

    impl Disk for Counting {
        fn look(&self, path: &Path) -> io::Result<Seen> {
            self.0.borrow_mut().push(path.to_owned());
            let kind = match path.to_str() {
                Some("/missing") => return Err(io::ErrorKind::NotFound.into()),
                Some("/file") => Kind::File,
                _ => Kind::Directory,
            };
            let id = FileId { dev: 1, ino: 2 };
            Ok(Seen { id, kind, links: 1 })
        }

        fn list(&self, _: &Path, _: usize) -> io::Result<Vec<OsString>> {
            Ok(Vec::new())
        }

        fn target(&self, _: &Path) -> io::Result<PathBuf> {
            Err(io::ErrorKind::InvalidInput.into())
        }

        fn ground(&self, _: &Path) -> Ground {
            Ground::Local
        }
    }

    /// What is a file now, or is not there, may be a directory, or be there, at the next look.
    #[test]
    fn only_directories_are_remembered() {
        let disk = Remembered::new(Counting::default());
        for path in ["/", "/a", "/file", "/missing"] {
            let first = disk.look(Path::new(path)).ok();
            assert_eq!(disk.look(Path::new(path)).ok(), first);
        }
        let looks = disk.disk.0.borrow();
        let expected = ["/", "/a", "/file", "/file", "/missing", "/missing"];
        assert_eq!(*looks, expected.map(PathBuf::from));
    }
}
