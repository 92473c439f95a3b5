//! Writes what the guest had in /out to a directory of this machine.
//!
//! Owns: that directory. Must not: trust the guest, whose root may be anybody by now: no
//! path leaves the directory, no link is followed, and what is sent in all is bounded.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use audit_guest::frame::{Entry, EntryKind};

/// More than this is not taken from one guest.
const TOTAL_BYTES_MAX: u64 = 4 << 30;

pub struct Collector {
    root: PathBuf,
    open: Option<File>,
    bytes: u64,
    files: Vec<PathBuf>,
}

impl Collector {
    pub fn new(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        Ok(Self {
            root: root.into(),
            open: None,
            bytes: 0,
            files: Vec::new(),
        })
    }

    /// The files that were written, relative to the directory.
    pub fn into_files(self) -> Vec<PathBuf> {
        self.files
    }

    pub fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.open = None;
        let path = self.inside(&entry.path)?;
        match &entry.kind {
            EntryKind::Directory => match fs::create_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            },
            EntryKind::Link(target) => {
                remove_if_there(&path)?;
                symlink(target, &path)?;
            }
            EntryKind::File => {
                remove_if_there(&path)?;
                let mut options = OpenOptions::new();
                // Never more rights than the owner's, and always those to read and replace.
                let mode = 0o600 | (entry.mode & 0o755);
                let file = options
                    .write(true)
                    .create_new(true)
                    .mode(mode)
                    .open(&path)?;
                file.set_permissions(fs::Permissions::from_mode(mode))?;
                self.open = Some(file);
                self.files.push(entry.path.clone());
            }
        }
        Ok(())
    }

    /// The next bytes of the file that began last.
    pub fn data(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        if self.bytes > TOTAL_BYTES_MAX {
            let text = format!("/out holds more than {TOTAL_BYTES_MAX} bytes");
            return Err(io::Error::other(text));
        }
        match &mut self.open {
            Some(file) => file.write_all(bytes),
            None => Err(io::Error::other("data that belongs to no file")),
        }
    }

    fn inside(&self, path: &Path) -> io::Result<PathBuf> {
        let refuse = |why: &str| {
            let text = format!("the guest sent {}: {why}", path.display());
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        };
        let mut inside = self.root.clone();
        for component in path.components() {
            let Component::Normal(name) = component else {
                return refuse("not a path inside of /out");
            };
            if inside != self.root && !fs::symlink_metadata(&inside)?.is_dir() {
                return refuse("its parent is no directory");
            }
            inside.push(name);
        }
        if inside == self.root {
            refuse("an empty path")
        } else {
            Ok(inside)
        }
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::scratch::Scratch;

    fn entry(kind: EntryKind, path: &str) -> Entry {
        Entry {
            kind,
            mode: 0o4777,
            path: path.into(),
        }
    }

    #[test]
    fn files_directories_and_links_are_written() {
        let scratch = Scratch::new().unwrap();
        let mut collector = Collector::new(&scratch.path().join("out")).unwrap();
        collector.entry(&entry(EntryKind::Directory, "d")).unwrap();
        collector.entry(&entry(EntryKind::File, "d/f")).unwrap();
        collector.data(b"one ").unwrap();
        collector.data(b"two").unwrap();
        collector
            .entry(&entry(EntryKind::Link("d/f".into()), "l"))
            .unwrap();
        assert!(collector.data(b"to nothing").is_err());
        assert_eq!(collector.into_files(), [PathBuf::from("d/f")]);
        let file = scratch.path().join("out/d/f");
        assert_eq!(fs::read(&file).unwrap(), b"one two");
        assert_eq!(
            fs::metadata(&file).unwrap().permissions().mode() & 0o7777,
            0o755
        );
        assert_eq!(fs::read(scratch.path().join("out/l")).unwrap(), b"one two");
    }

    #[test]
    fn a_second_run_replaces_what_the_first_left() {
        let scratch = Scratch::new().unwrap();
        for text in [&b"first"[..], b"2nd"] {
            let mut collector = Collector::new(scratch.path()).unwrap();
            collector.entry(&entry(EntryKind::Directory, "d")).unwrap();
            collector.entry(&entry(EntryKind::File, "d/f")).unwrap();
            collector.data(text).unwrap();
            assert_eq!(fs::read(scratch.path().join("d/f")).unwrap(), text);
        }
    }

    #[test]
    fn nothing_leaves_the_directory() {
        let scratch = Scratch::new().unwrap();
        let mut collector = Collector::new(&scratch.path().join("out")).unwrap();
        for path in ["/etc/x", "../x", "d/../../x", "", "."] {
            let error = collector.entry(&entry(EntryKind::File, path)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{path}");
        }
        let outside = scratch.path().as_os_str().to_owned();
        collector
            .entry(&entry(EntryKind::Link(outside), "l"))
            .unwrap();
        let error = collector.entry(&entry(EntryKind::File, "l/x")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(!scratch.path().join("x").exists());
    }
}
