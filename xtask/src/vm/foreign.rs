//! The files of another machine, on this one: the standard library that programs for it are linked
//! with, and a small user space for its guests.
//!
//! Owns: the list of packages, and the directory in the cache that they are unpacked to. This machine's
//! own packages, lists and architectures stay as they are.
//!
//! Must not: run anything that is in there. Invariant: the directory appears whole, by rename; its name
//! has the compiler's version, since a standard library fits no other.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use super::NotAvailable;
use super::apt::{Archive, Package};
use super::kernels;
use super::library::Loader;
use super::platform::Platform;
use super::version;

/// Whose version decides.
const COMPILER: &str = "rustc-web";
const STANDARD_LIBRARY: &str = "libstd-rust-web-dev";
/// What a guest has, with the libraries of it all.
const USER_SPACE: [&str; 12] = [
    "bash",
    "busybox-static",
    "coreutils",
    "dash",
    "libacl1",
    "libattr1",
    "libc6",
    "libgcc-s1",
    "libgmp10",
    "libpcre2-8-0",
    "libselinux1",
    "libtinfo6",
];

/// A directory that is another machine's root.
#[derive(Debug)]
pub struct Root {
    platform: &'static Platform,
    directory: PathBuf,
}

impl Root {
    /// From the cache, or else from the archive.
    pub fn obtain(platform: &'static Platform) -> anyhow::Result<Self> {
        let wanted = compiler()?;
        let cache = kernels::cache()?;
        let root = Self {
            platform,
            directory: cache.join(format!("root-{}-{}", platform.name, wanted.version)),
        };
        if root.directory.is_dir() {
            return Ok(root);
        }
        fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
        let lock = File::create(cache.join(".lock"))?;
        lock.lock().context("cannot lock the cache")?;
        // Another run may have fetched it while this one waited.
        if !root.directory.is_dir() {
            eprintln!("vm: fetching a user space of {}", platform.name);
            let archive = Archive::open_release(platform, &release()?)?;
            let packages = packages(&archive, wanted)?;
            let new = root.directory.with_extension("part");
            kernels::remove_if_there(&new)?;
            fs::create_dir_all(&new)?;
            archive.unpack(&packages, &new)?;
            fs::rename(&new, &root.directory)?;
        }
        Ok(root)
    }

    pub fn loader(&self) -> Loader {
        Loader::of_root(&self.directory, self.platform.triple)
    }

    /// What the compiler is to take for its own directory.
    pub fn sysroot(&self) -> PathBuf {
        self.directory.join("usr")
    }
}

/// The standard library's package that this machine's compiler can use.
fn compiler() -> anyhow::Result<Package> {
    let mut query = Command::new("dpkg-query");
    let found = query.args(["-W", "-f=${Version}", COMPILER]).output();
    let version = found.ok().filter(|output| output.status.success());
    let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
    let version = version
        .filter(|version| !version.is_empty())
        .ok_or_else(|| {
            NotAvailable(format!(
                "`{COMPILER}` is not installed; `cargo xtask setup --for arm64` does it"
            ))
        })?;
    Ok(Package {
        name: STANDARD_LIBRARY.into(),
        version,
    })
}

/// The release that this machine has: what it links with is of the same.
fn release() -> anyhow::Result<String> {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    codename(&text)
        .map(str::to_owned)
        .ok_or_else(|| NotAvailable("/etc/os-release names no release of Debian".into()).into())
}

fn codename(os_release: &str) -> Option<&str> {
    let mut lines = os_release.lines();
    lines.find_map(|line| line.strip_prefix("VERSION_CODENAME="))
}

fn packages(archive: &Archive, standard_library: Package) -> anyhow::Result<Vec<Package>> {
    let twins = archive.twins(&standard_library)?.ok_or_else(|| {
        let Package { name, version } = &standard_library;
        let platform = archive.platform().name;
        NotAvailable(format!(
            "the Debian archive has no {name} {version} for {platform}"
        ))
    })?;
    let version = standard_library.version.clone();
    let mut packages = vec![standard_library];
    packages.extend(twins.into_iter().map(|name| Package {
        name,
        version: version.clone(),
    }));
    let offered = archive.versions(&USER_SPACE)?;
    for name in USER_SPACE {
        let newest = offered
            .iter()
            .filter(|package| package.name == name)
            .max_by(|a, b| version::compare(&a.version, &b.version));
        let newest =
            newest.ok_or_else(|| NotAvailable(format!("the Debian archive has no {name}")))?;
        packages.push(newest.clone());
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_the_one_of_this_machine() {
        let text = "PRETTY_NAME=\"Debian\"\nVERSION_CODENAME=bookworm\nID=debian\n";
        assert_eq!(codename(text), Some("bookworm"));
        assert_eq!(codename("ID=alpine\n"), None);
    }
}
