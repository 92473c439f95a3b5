//! A watched directory and one that is not, for the tests of what is done to files.
//!
//! Owns: what stands there, and finding the records of one process. Must not: know what a record
//! should say.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use audit_tests::{Record, Records, Setup};

pub const NOBODY: &str = "65534";

/// A directory that is watched, one that is not, and what stands in them.
pub struct Places {
    pub watched: PathBuf,
    pub outside: PathBuf,
}

impl Places {
    pub fn make(setup: &Setup) -> Places {
        Places::make_in(setup.dir())
    }

    /// In a directory of its own: a home may have several.
    pub fn make_below(setup: &Setup, name: &str) -> Places {
        let dir = setup.dir().join(name);
        std::fs::create_dir(&dir).expect("mkdir");
        allow(&dir, 0o755);
        Places::make_in(&dir)
    }

    fn make_in(dir: &Path) -> Places {
        let places = Places {
            watched: dir.join("watched"),
            outside: dir.join("outside"),
        };
        for dir in [&places.watched, &places.outside] {
            std::fs::create_dir(dir).expect("mkdir");
            allow(dir, 0o755);
        }
        std::fs::create_dir_all(places.watched.join("sub/deep")).expect("mkdir");
        for name in ["file", "secret", "sub/deep/file", "other"] {
            std::fs::write(places.watched.join(name), b"content").expect("write");
        }
        allow(&places.watched.join("secret"), 0o600);
        symlink(places.watched.join("file"), places.outside.join("link")).expect("symlink");
        symlink(&places.watched, places.outside.join("dirlink")).expect("symlink");
        symlink("loop", places.watched.join("loop")).expect("symlink");
        places
    }

    pub fn watch(&self, operations: &[&str]) -> String {
        watch_all([self], operations)
    }

    pub fn file(&self) -> PathBuf {
        self.watched.join("file")
    }

    /// A path in the watched directory.
    pub fn inside(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.watched.join(Path::new(&name))
    }

    /// A new file in the watched directory.
    pub fn made(&self, name: impl AsRef<OsStr>) -> PathBuf {
        let path = self.inside(name);
        std::fs::write(&path, b"content").expect("write");
        path
    }

    /// A new directory in the watched directory.
    pub fn made_dir(&self, name: impl AsRef<OsStr>) -> PathBuf {
        let path = self.inside(name);
        std::fs::create_dir(&path).expect("mkdir");
        path
    }

    /// A new file outside.
    pub fn made_outside(&self, name: &str) -> PathBuf {
        let path = self.outside.join(name);
        std::fs::write(&path, b"content").expect("write");
        path
    }
}

/// One watch for all of these.
pub fn watch_all<'a>(places: impl IntoIterator<Item = &'a Places>, operations: &[&str]) -> String {
    let paths: Vec<String> = places
        .into_iter()
        .map(|places| format!("{}/**", places.watched.display()))
        .collect();
    format!(
        "[[watch]]\nname = \"test\"\npaths = {paths:?}\n\
         operations = {operations:?}\nlabels = {{ zone = \"pci\" }}\n"
    )
}

pub fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("chmod");
}

/// Records of what one process did to files and to its root, in order.
pub fn of_process(records: &Records, pid: u32) -> Vec<&Record> {
    let file = |record: &&Record| {
        let kind = record.kind();
        (kind.starts_with("file.") || ["priv.chroot", "priv.pivot_root"].contains(&kind))
            && record.num("actor.process.pid") == i64::from(pid)
    };
    records.iter().filter(file).collect()
}

/// As records show bytes that need not be text.
pub fn shown(path: impl AsRef<OsStr>) -> String {
    let mut text = String::new();
    for chunk in path.as_ref().as_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}
