//! Finds the shared libraries of a program as the dynamic loader of a machine would: of this one, or
//! of one whose packages are unpacked somewhere (its root).
//!
//! Owns: the search order (the file's own RUNPATH, the loader's configured directories, its
//! built-in ones) and the walk through libraries of libraries.
//!
//! Must not: run the program or the loader, or copy anything.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::elf::{self, Abi, Linkage};

const CONFIG: &str = "/etc/ld.so.conf";
const CONFIG_DIRECTORY: &str = "/etc/ld.so.conf.d";
const BUILT_IN: [&str; 8] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/lib/i386-linux-gnu",
    "/lib32",
];

/// What a program needs to be started, by paths that its own machine has.
#[derive(Debug, Default)]
pub struct Libraries {
    pub found: BTreeSet<PathBuf>,
    /// Names that are in none of the directories.
    pub missing: Vec<String>,
}

/// Where libraries are looked for.
pub struct Loader {
    root: PathBuf,
    directories: Vec<PathBuf>,
}

impl Loader {
    pub fn of_this_machine() -> Self {
        let mut directories = Vec::new();
        let mut files = vec![PathBuf::from(CONFIG)];
        let mut included: Vec<PathBuf> = fs::read_dir(CONFIG_DIRECTORY)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        included.sort();
        files.extend(included);
        for file in files {
            let text = fs::read_to_string(file).unwrap_or_default();
            let lines = text
                .lines()
                .map(str::trim)
                .filter(|line| line.starts_with('/'));
            directories.extend(lines.map(PathBuf::from));
        }
        directories.extend(BUILT_IN.map(PathBuf::from));
        Self {
            root: "/".into(),
            directories,
        }
    }

    /// Of a machine whose root is here, and whose triple is this.
    pub fn of_root(root: &Path, triple: &str) -> Self {
        let directories = ["/lib", "/usr/lib"].map(Path::new);
        let with_triple = directories.map(|directory| directory.join(triple));
        Self {
            root: root.to_owned(),
            directories: with_triple
                .into_iter()
                .chain(directories.map(Path::to_owned))
                .collect(),
        }
    }

    /// The loader and all libraries that `program` needs, directly or not. Nothing for
    /// scripts, static programs and whatever else is no dynamic ELF file.
    pub fn libraries(&self, program: &Path) -> anyhow::Result<Libraries> {
        let mut libraries = Libraries::default();
        let mut open = vec![(program.to_owned(), program.to_owned())];
        while let Some((path, here)) = open.pop() {
            let Some(linkage) = read_linkage(&here)? else {
                continue;
            };
            let mut wanted = Vec::new();
            wanted.extend(linkage.interpreter.as_ref().map(PathBuf::from));
            for name in &linkage.needed {
                match self.find(Path::new(name), &path, &linkage) {
                    Some(found) => wanted.push(found),
                    None => libraries.missing.push(name.to_string_lossy().into_owned()),
                }
            }
            let new = wanted
                .into_iter()
                .filter(|path| libraries.found.insert(path.clone()));
            open.extend(new.map(|path| {
                let here = self.here(&path);
                (path, here)
            }));
        }
        Ok(libraries)
    }

    /// Where a file of that machine is on this one.
    pub fn here(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    fn find(&self, name: &Path, user: &Path, linkage: &Linkage) -> Option<PathBuf> {
        if name.is_absolute() {
            return Some(name.to_owned());
        }
        let origin = user.parent().unwrap_or(Path::new("/"));
        let own = linkage
            .search
            .iter()
            .map(|entry| expand_origin(entry.as_bytes(), origin));
        own.chain(self.directories.iter().cloned())
            .map(|directory| directory.join(name))
            .find(|path| abi_of(&self.here(path)) == Some(linkage.abi))
    }
}

fn expand_origin(entry: &[u8], origin: &Path) -> PathBuf {
    let rest = entry
        .strip_prefix(b"$ORIGIN")
        .or_else(|| entry.strip_prefix(b"${ORIGIN}"));
    let Some(rest) = rest else {
        return PathBuf::from(std::ffi::OsStr::from_bytes(entry));
    };
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    origin.join(std::ffi::OsStr::from_bytes(rest))
}

fn abi_of(path: &Path) -> Option<Abi> {
    // A linker script (libc.so) has such a name too: only ELF files count.
    read_linkage(path).ok().flatten().map(|linkage| linkage.abi)
}

fn read_linkage(path: &Path) -> anyhow::Result<Option<Linkage>> {
    let read = || -> std::io::Result<Option<Vec<u8>>> {
        let mut file = fs::File::open(path)?;
        let mut bytes = Vec::new();
        file.by_ref().take(4).read_to_end(&mut bytes)?;
        if !elf::is_elf(&bytes) {
            return Ok(None);
        }
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    };
    let bytes = read().with_context(|| format!("cannot read {}", path.display()))?;
    bytes
        .map(|bytes| elf::linkage(&bytes).with_context(|| path.display().to_string()))
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_brings_its_loader_and_libc() {
        let libraries = Loader::of_this_machine()
            .libraries(Path::new("/proc/self/exe"))
            .unwrap();
        assert!(libraries.missing.is_empty(), "{libraries:?}");
        let found = libraries.found;
        let names: Vec<_> = found
            .iter()
            .filter_map(|path| path.file_name()?.to_str())
            .collect();
        assert!(names.contains(&"libc.so.6"), "{names:?}");
        assert!(
            names.iter().any(|name| name.starts_with("ld-linux")),
            "{names:?}"
        );
        assert!(found.iter().all(|path| path.exists()), "{found:?}");
    }

    #[test]
    fn a_script_brings_nothing() {
        let found = Loader::of_this_machine()
            .libraries(Path::new("/etc/passwd"))
            .unwrap();
        assert!(
            found.found.is_empty() && found.missing.is_empty(),
            "{found:?}"
        );
    }

    #[test]
    fn a_missing_library_is_named() {
        let loader = Loader {
            root: "/".into(),
            directories: vec![],
        };
        let missing = loader
            .libraries(Path::new("/proc/self/exe"))
            .unwrap()
            .missing;
        assert!(missing.contains(&"libc.so.6".to_owned()), "{missing:?}");
    }

    #[test]
    fn libraries_of_another_machine_are_looked_for_in_its_root() {
        let loader = Loader::of_root(Path::new("/some/root"), "aarch64-linux-gnu");
        assert_eq!(
            loader.here(Path::new("/lib/x")),
            Path::new("/some/root/lib/x")
        );
        // This program's loader is not there.
        let error = loader.libraries(Path::new("/proc/self/exe")).unwrap_err();
        assert!(
            error.to_string().starts_with("cannot read /some/root/"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Loader::of_this_machine()
            .libraries(Path::new("/no/such"))
            .unwrap_err();
        assert_eq!(error.to_string(), "cannot read /no/such");
    }

    #[test]
    fn origin_is_the_directory_of_the_file() {
        let origin = Path::new("/opt/x");
        assert_eq!(
            expand_origin(b"$ORIGIN/../lib", origin),
            Path::new("/opt/x/../lib")
        );
        assert_eq!(expand_origin(b"${ORIGIN}", origin), Path::new("/opt/x"));
        assert_eq!(expand_origin(b"/usr/lib", origin), Path::new("/usr/lib"));
    }
}
