//! Small file systems for tests.
//!
//! Owns: mounting and unmounting a tmpfs. Must not: leave one behind.

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// A tmpfs, unmounted when dropped.
pub struct Tmpfs {
    at: PathBuf,
}

impl Tmpfs {
    /// Makes the directory and mounts on it; `options` as for mount(8): `size=4m`.
    #[track_caller]
    pub fn new(at: &Path, options: &str) -> Tmpfs {
        std::fs::create_dir_all(at).expect("a mount point");
        let options = format!("mode=700,{options}");
        let options = Some(options.as_str());
        mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), options).expect("mount a tmpfs");
        Tmpfs { at: at.to_owned() }
    }

    pub fn make_read_only(&self) {
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, &self.at, None::<&str>, flags, None::<&str>).expect("remount");
    }

    /// Takes all room that is left, in a file of its own.
    pub fn fill(&self) -> Filler {
        use std::io::Write;
        let path = self.at.join("filler");
        let mut file = std::fs::File::create(&path).expect("a file that takes the room");
        let block = [0x55; 4096];
        while file.write_all(&block).is_ok() {}
        Filler { path }
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a daemon that a failed test left may still have files open there.
        let _ = umount2(&self.at, MntFlags::MNT_DETACH);
    }
}

/// The room that was taken; given back when dropped.
pub struct Filler {
    path: PathBuf,
}

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
