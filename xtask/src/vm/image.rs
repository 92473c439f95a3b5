//! The guest's root file system while it is being put together, and its way into an archive.
//!
//! Owns: which path holds what, /usr merged as on the distributions (`/bin` is a link to
//! `usr/bin`), and that a program comes with its libraries, at the paths they have here, so
//! that the loader finds them there.
//!
//! Must not: know which programs the tests need. Invariant: every entry's parents are
//! directories of the image; what is added later wins over what was added before.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail};

use super::cpio::Archive;
use super::library::Loader;

/// Directories whose contents live under /usr.
const MERGED: [&str; 5] = ["bin", "sbin", "lib", "lib32", "lib64"];
/// A chain of links that is longer is a loop.
const LINKS_MAX: usize = 16;

enum Entry {
    Directory {
        permissions: u32,
    },
    Link {
        target: PathBuf,
    },
    Device {
        major_minor: (u32, u32),
    },
    Bytes {
        content: Vec<u8>,
        permissions: u32,
    },
    /// A file of this machine, read when the archive is written.
    Copy {
        source: PathBuf,
        permissions: u32,
    },
}

pub struct Image {
    /// By path without the leading slash; parents sort before their children.
    entries: BTreeMap<PathBuf, Entry>,
    loader: Loader,
}

impl Image {
    /// The skeleton: merged /usr, and the devices that the first process needs before it has
    /// mounted any. Programs and libraries come from where the loader finds them.
    pub fn new(loader: Loader) -> anyhow::Result<Self> {
        let mut image = Self {
            entries: BTreeMap::new(),
            loader,
        };
        for name in MERGED {
            image.directory(&Path::new("/usr").join(name), 0o755)?;
            let target = Path::new("usr").join(name);
            image.entries.insert(name.into(), Entry::Link { target });
        }
        for (path, major_minor) in [("dev/console", (5, 1)), ("dev/null", (1, 3))] {
            image.directory(Path::new("/dev"), 0o755)?;
            image
                .entries
                .insert(path.into(), Entry::Device { major_minor });
        }
        Ok(image)
    }

    /// Where a file of the guest's machine is on this one.
    pub fn here(&self, path: &Path) -> PathBuf {
        self.loader.here(path)
    }

    pub fn contains(&self, path: &Path) -> bool {
        place(path).is_ok_and(|path| self.entries.contains_key(&path))
    }

    pub fn directory(&mut self, path: &Path, permissions: u32) -> anyhow::Result<()> {
        let path = self.claim(path)?;
        self.entries.insert(path, Entry::Directory { permissions });
        Ok(())
    }

    pub fn bytes(&mut self, path: &Path, permissions: u32, content: &[u8]) -> anyhow::Result<()> {
        let path = self.claim(path)?;
        self.entries.insert(
            path,
            Entry::Bytes {
                content: content.to_vec(),
                permissions,
            },
        );
        Ok(())
    }

    pub fn link(&mut self, path: &Path, target: &Path) -> anyhow::Result<()> {
        let path = self.claim(path)?;
        self.entries.insert(
            path,
            Entry::Link {
                target: target.into(),
            },
        );
        Ok(())
    }

    /// A file of this machine at any path; with its libraries if it is a program.
    pub fn file(&mut self, source: &Path, path: &Path) -> anyhow::Result<()> {
        let missing = self.copy(source, path)?;
        if !missing.is_empty() {
            let missing = missing.join(", ");
            bail!(
                "{} needs {missing}, which this machine does not have",
                source.display()
            );
        }
        Ok(())
    }

    /// Gives the names of libraries that are missing.
    fn copy(&mut self, source: &Path, path: &Path) -> anyhow::Result<Vec<String>> {
        let metadata =
            fs::metadata(source).with_context(|| format!("cannot read {}", source.display()))?;
        if !metadata.is_file() {
            bail!("{} is no file", source.display());
        }
        let permissions = metadata.permissions().mode() & 0o7777;
        let path = self.claim(path)?;
        self.entries.insert(
            path,
            Entry::Copy {
                source: source.into(),
                permissions,
            },
        );
        let libraries = self.loader.libraries(source)?;
        for library in &libraries.found {
            self.as_here(library)?;
        }
        Ok(libraries.missing)
    }

    /// A file of the loader's machine at its own path, with the links that lead to it: `/bin/sh` is
    /// a link to `dash` in the guest if it is one there.
    pub fn as_here(&mut self, path: &Path) -> anyhow::Result<()> {
        let mut path = path.to_owned();
        for _ in 0..LINKS_MAX {
            let parent = self.without_links(path.parent().context("the root is no file")?)?;
            path = parent.join(path.file_name().context("no file name")?);
            if self.contains(&path) {
                return Ok(());
            }
            match fs::read_link(self.here(&path)) {
                Ok(target) => {
                    self.link(&path, &target)?;
                    path = parent.join(target);
                }
                Err(_) => return self.file(&self.here(&path), &path),
            }
        }
        bail!("{} is a loop of links", path.display())
    }

    /// A directory of the loader's machine by its true path.
    fn without_links(&self, directory: &Path) -> anyhow::Result<PathBuf> {
        let find = |path: &Path| {
            fs::canonicalize(path).with_context(|| format!("cannot find {}", path.display()))
        };
        let (root, found) = (
            find(&self.here(Path::new("/")))?,
            find(&self.here(directory))?,
        );
        let inside = found.strip_prefix(&root);
        let inside =
            inside.with_context(|| format!("{} leads out of its root", found.display()))?;
        Ok(Path::new("/").join(inside))
    }

    /// A directory of this machine with all that is in it, at any path. Programs in it that
    /// cannot be started here will not be missed there.
    pub fn tree(&mut self, source: &Path, path: &Path) -> anyhow::Result<()> {
        let read = || -> io::Result<Vec<fs::DirEntry>> { fs::read_dir(source)?.collect() };
        let entries = read().with_context(|| format!("cannot read {}", source.display()))?;
        let permissions = fs::metadata(source)?.permissions().mode() & 0o7777;
        self.directory(path, permissions)?;
        for entry in entries {
            let (source, path) = (entry.path(), path.join(entry.file_name()));
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.tree(&source, &path)?;
            } else if kind.is_symlink() {
                self.link(&path, &fs::read_link(&source)?)?;
            } else if kind.is_file() {
                self.copy(&source, &path)?;
            }
        }
        Ok(())
    }

    /// Writes the archive; gives its size in bytes.
    pub fn write(&self, path: &Path) -> anyhow::Result<u64> {
        let write = || -> io::Result<u64> {
            let mut archive = Archive::new(BufWriter::with_capacity(1 << 20, File::create(path)?));
            for (path, entry) in &self.entries {
                let name = path.as_os_str().as_bytes();
                match entry {
                    Entry::Directory { permissions } => archive.directory(name, *permissions)?,
                    Entry::Link { target } => {
                        archive.symlink(name, target.as_os_str().as_bytes())?;
                    }
                    Entry::Device { major_minor } => {
                        archive.character_device(name, 0o600, *major_minor)?;
                    }
                    Entry::Bytes {
                        content,
                        permissions,
                    } => {
                        let size = content.len() as u64;
                        archive.file(name, *permissions, size, content.as_slice())?;
                    }
                    Entry::Copy {
                        source,
                        permissions,
                    } => {
                        let file = File::open(source)?;
                        archive.file(name, *permissions, file.metadata()?.len(), file)?;
                    }
                }
            }
            archive.finish()
        };
        write().with_context(|| format!("cannot write the guest's image {}", path.display()))
    }

    /// Makes the parents of a path directories; gives the path as the image stores it.
    fn claim(&mut self, path: &Path) -> anyhow::Result<PathBuf> {
        let path = place(path)?;
        for parent in path
            .ancestors()
            .skip(1)
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            match self.entries.get(parent) {
                None => {
                    let directory = Entry::Directory { permissions: 0o755 };
                    self.entries.insert(parent.into(), directory);
                }
                Some(Entry::Directory { .. }) => break,
                Some(_) => bail!("/{} is no directory in the guest", parent.display()),
            }
        }
        Ok(path)
    }
}

/// Where the image stores an absolute path: without the slash, under /usr if merged.
fn place(path: &Path) -> anyhow::Result<PathBuf> {
    let mut components = path.components();
    if components.next() != Some(Component::RootDir) {
        bail!("`{}` is no absolute path", path.display());
    }
    let mut place = PathBuf::new();
    for component in components {
        match component {
            Component::Normal(name) => place.push(name),
            Component::ParentDir => drop(place.pop()),
            _ => {}
        }
    }
    if place.as_os_str().is_empty() {
        bail!("`{}` is the root", path.display());
    }
    if MERGED.iter().any(|name| place.starts_with(name)) {
        place = Path::new("usr").join(place);
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::scratch::Scratch;

    #[test]
    fn paths_are_placed_under_the_merged_usr() {
        for (path, expected) in [
            ("/bin/sh", "usr/bin/sh"),
            ("/lib64/ld.so", "usr/lib64/ld.so"),
            ("/binary/x", "binary/x"),
            ("/a/../lib/./x", "usr/lib/x"),
            ("/usr/bin/x", "usr/bin/x"),
        ] {
            assert_eq!(place(Path::new(path)).unwrap(), Path::new(expected));
        }
        assert!(place(Path::new("bin/sh")).is_err());
        assert!(place(Path::new("/a/..")).is_err());
    }

    #[test]
    fn parents_come_before_children_and_exist() {
        let mut image = Image::new(Loader::of_this_machine()).unwrap();
        image.bytes(Path::new("/a/b/c"), 0o600, b"x").unwrap();
        let paths: Vec<_> = image
            .entries
            .keys()
            .filter(|path| path.starts_with("a"))
            .collect();
        assert_eq!(
            paths,
            [Path::new("a"), Path::new("a/b"), Path::new("a/b/c")]
        );
        let error = image.bytes(Path::new("/a/b/c/d"), 0o600, b"x").unwrap_err();
        assert_eq!(error.to_string(), "/a/b/c is no directory in the guest");
    }

    #[test]
    fn a_program_brings_its_libraries_and_the_links_to_it() {
        let scratch = Scratch::new().unwrap();
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink("/proc/self/exe", &link).unwrap();
        let mut image = Image::new(Loader::of_this_machine()).unwrap();
        image.as_here(Path::new("/bin/sh")).unwrap();
        assert!(image.contains(Path::new("/usr/bin/sh")));
        let loaders = image.entries.keys().filter(|path| {
            path.file_name()
                .is_some_and(|name| name.as_bytes().starts_with(b"ld-linux"))
        });
        assert!(loaders.count() >= 1);
    }

    #[test]
    fn a_tree_keeps_its_shape() {
        let scratch = Scratch::new().unwrap();
        fs::create_dir_all(scratch.path().join("in/deep")).unwrap();
        fs::write(scratch.path().join("in/deep/file"), "1").unwrap();
        std::os::unix::fs::symlink("deep/file", scratch.path().join("in/link")).unwrap();
        let mut image = Image::new(Loader::of_this_machine()).unwrap();
        image
            .tree(&scratch.path().join("in"), Path::new("/data"))
            .unwrap();
        for path in ["/data", "/data/deep", "/data/deep/file", "/data/link"] {
            assert!(image.contains(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn an_image_becomes_an_archive() {
        let scratch = Scratch::new().unwrap();
        let mut image = Image::new(Loader::of_this_machine()).unwrap();
        image
            .bytes(Path::new("/etc/hostname"), 0o644, b"audit-vm\n")
            .unwrap();
        let path = scratch.path().join("image");
        let size = image.write(&path).unwrap();
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len() as u64, size);
        let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        assert!(has(b"etc/hostname\0") && has(b"audit-vm\n") && has(b"TRAILER!!!"));
    }
}
