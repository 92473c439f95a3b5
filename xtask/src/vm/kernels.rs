//! The kernels of the vm tier: which ones, where they are kept, how they get there.
//!
//! Owns: the table of series and the cache, `CACHE/SERIES/`:
//!
//! ```text
//! version    "PACKAGE-VERSION RELEASE", written last: a directory without it is no kernel
//! vmlinuz    the bootable image
//! config     the kernel's configuration, where the packages have it
//! modules/   what belongs into /lib/modules/RELEASE
//! ```
//!
//! CACHE is `$AUDIT_KERNEL_CACHE`, or `audit-daemon/kernels` in the user's cache. A kernel
//! that is there is never fetched again: old ones leave the archive.
//!
//! Must not: boot anything. Invariant: `CACHE/SERIES` appears whole, by rename.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::NotAvailable;
use super::apt::{Archive, Package};
use super::platform::Platform;
use super::scratch::Scratch;
use super::version;

/// What `cargo xtask test` boots: the oldest kernel that is supported and the newest.
pub const TIER_SERIES: [&str; 2] = ["5.10", "7.3"];
/// All that are known to boot, for `--kernel all`.
pub const KNOWN_SERIES: [&str; 6] = ["5.10", "6.1", "6.12", "6.18", "7.2", "7.3"];
/// Of another platform, which needs what `cargo xtask setup --for arm64` installs.
pub const FOREIGN_SERIES: [&str; 1] = ["arm64-6.12"];

/// Debian's kernels for virtual machines: small, with BTF, all that the tests need built in.
/// Since 7.x a new version's unsigned packages come some days before the signed ones.
const PACKAGE_PATTERN: &str = "^linux-(image|binary-unsigned)-[0-9].*-cloud-";
/// Packages of a kernel may be split, but not deeper than this.
const SPLIT_DEPTH_MAX: usize = 4;

/// A kernel in the cache.
#[derive(Clone, Debug)]
pub struct Kernel {
    pub series: String,
    /// The package's version.
    pub version: String,
    /// What `uname -r` says.
    pub release: String,
    directory: PathBuf,
}

impl Kernel {
    pub fn image(&self) -> PathBuf {
        self.directory.join("vmlinuz")
    }

    pub fn modules(&self) -> PathBuf {
        self.directory.join("modules")
    }

    fn open(directory: &Path, series: &str) -> Option<Self> {
        let text = fs::read_to_string(directory.join("version")).ok()?;
        let (version, release) = text.trim().split_once(' ')?;
        Some(Self {
            series: series.into(),
            version: version.into(),
            release: release.into(),
            directory: directory.into(),
        })
    }
}

/// The directory of all kernels.
pub fn cache() -> anyhow::Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = set("AUDIT_KERNEL_CACHE") {
        return Ok(path.into());
    }
    let user = set("XDG_CACHE_HOME").map(PathBuf::from);
    let user = user.or_else(|| Some(PathBuf::from(set("HOME")?).join(".cache")));
    let user = user.context("no place for kernels: set AUDIT_KERNEL_CACHE or HOME")?;
    Ok(user.join("audit-daemon/kernels"))
}

/// The kernel of a series, if it is in the cache.
pub fn cached(series: &str) -> anyhow::Result<Option<Kernel>> {
    check_name(series)?;
    Ok(Kernel::open(&cache()?.join(series), series))
}

/// The kernel of a series, from the cache or else from the archive. `archive` is opened
/// when it is first needed, so that several series share one look at it.
pub fn obtain(series: &str, archive: &mut Option<Archive>) -> anyhow::Result<Kernel> {
    if let Some(kernel) = cached(series)? {
        return Ok(kernel);
    }
    let cache = cache()?;
    fs::create_dir_all(&cache).with_context(|| format!("cannot make {}", cache.display()))?;
    let lock = File::create(cache.join(".lock"))?;
    lock.lock().context("cannot lock the kernel cache")?;
    // Another run may have fetched it while this one waited.
    if let Some(kernel) = cached(series)? {
        return Ok(kernel);
    }
    eprintln!("vm: fetching a kernel of the series {series}");
    let (platform, _) = Platform::of(series);
    let archive = match archive {
        Some(archive) if archive.platform() == platform => archive,
        archive => archive.insert(Archive::open(platform)?),
    };
    fetch(series, archive, &cache)
}

fn check_name(series: &str) -> anyhow::Result<()> {
    let (_, number) = Platform::of(series);
    let numbers = number
        .split('.')
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    if !numbers || !number.contains('.') {
        bail!(
            "`{series}` is no kernel series; one looks like 6.12 (or, exactly, 6.12.117; \
             arm64-6.12 on that platform)"
        );
    }
    Ok(())
}

fn fetch(series: &str, archive: &Archive, cache: &Path) -> anyhow::Result<Kernel> {
    let (platform, number) = Platform::of(series);
    let pattern = format!("{PACKAGE_PATTERN}{}$", platform.name);
    let image = newest(archive.search(&pattern)?, number).ok_or_else(|| {
        NotAvailable(format!(
            "the Debian archive has no kernel {series} (any more)"
        ))
    })?;
    let mut packages = Vec::new();
    add_split(archive, image.clone(), SPLIT_DEPTH_MAX, &mut packages)?;
    // The unsigned binary does not depend on its modules.
    let name = image.name.replace("binary-unsigned", "modules");
    add_split(
        archive,
        Package {
            name,
            ..image.clone()
        },
        SPLIT_DEPTH_MAX,
        &mut packages,
    )?;

    let scratch = Scratch::new()?;
    archive.unpack(&packages, scratch.path())?;
    let new = cache.join(format!("{series}.part"));
    remove_if_there(&new)?;
    fs::create_dir_all(&new)?;
    let release = arrange(scratch.path(), &new).with_context(|| {
        format!(
            "{} {} is not laid out as expected",
            image.name, image.version
        )
    })?;
    fs::write(
        new.join("version"),
        format!("{} {release}\n", image.version),
    )?;
    let directory = cache.join(series);
    remove_if_there(&directory)?;
    fs::rename(&new, &directory)?;
    Kernel::open(&directory, series).context("the kernel vanished from the cache")
}

fn newest(packages: Vec<Package>, series: &str) -> Option<Package> {
    packages
        .into_iter()
        .filter(|package| version::belongs(&package.version, series))
        // At the same version the signed image sorts last, by name.
        .max_by(|a, b| version::compare(&a.version, &b.version).then_with(|| a.name.cmp(&b.name)))
}

/// Adds a package and the parts of the same kernel that it depends on; one that is not in
/// the archive is left out, and missed later if it mattered.
fn add_split(
    archive: &Archive,
    package: Package,
    depth: usize,
    packages: &mut Vec<Package>,
) -> anyhow::Result<()> {
    if depth == 0 || packages.contains(&package) {
        return Ok(());
    }
    let Some(twins) = archive.twins(&package)? else {
        return Ok(());
    };
    let version = package.version.clone();
    packages.push(package);
    for name in twins {
        let part = [
            "linux-image-",
            "linux-base-",
            "linux-binary-",
            "linux-modules-",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix));
        if part {
            let twin = Package {
                name,
                version: version.clone(),
            };
            add_split(archive, twin, depth - 1, packages)?;
        }
    }
    Ok(())
}

/// Moves what is wanted from unpacked packages to its place in the cache; gives the release.
fn arrange(unpacked: &Path, kernel: &Path) -> anyhow::Result<String> {
    let modules = ["lib/modules", "usr/lib/modules"]
        .iter()
        .find_map(|place| fs::read_dir(unpacked.join(place)).ok()?.flatten().next())
        .context("no modules")?;
    let release = modules
        .file_name()
        .into_string()
        .ok()
        .context("an odd release")?;
    // In /boot, or since 7.x beside the modules.
    for (name, required) in [("vmlinuz", true), ("config", false)] {
        let places = [
            unpacked.join(format!("boot/{name}-{release}")),
            modules.path().join(name),
            modules.path().join(format!("{name}.unsigned")),
            unpacked.join(format!("usr/lib/modules/{release}/{name}")),
            unpacked.join(format!("usr/lib/modules/{release}/{name}.unsigned")),
        ];
        match places.iter().find(|place| place.is_file()) {
            Some(place) => drop(fs::copy(place, kernel.join(name))?),
            None if required => bail!("no {name}"),
            None => {}
        }
    }
    copy_tree(&modules.path(), &kernel.join("modules"))?;
    Ok(release)
}

/// Copies directories and files; links (to headers that are not there) are left out.
fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else if kind.is_file() && !entry.file_name().as_encoded_bytes().starts_with(b"vmlinuz") {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// Removes a directory that may not be there.
pub fn remove_if_there(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package {
            name: name.into(),
            version: version.into(),
        }
    }

    #[test]
    fn the_newest_of_a_series_is_taken_signed_if_there_is_one() {
        let packages = vec![
            package("linux-image-5.10.0-9-cloud-amd64", "5.10.70-1"),
            package("linux-image-5.10.0-46-cloud-amd64", "5.10.262-1"),
            package("linux-binary-unsigned-7.3.4-cloud-amd64", "7.3.4-1"),
            package("linux-image-7.3.4-cloud-amd64", "7.3.4-1"),
            package("linux-image-6.18-cloud-amd64", "6.18.15-1"),
        ];
        let name = |series| newest(packages.clone(), series).map(|package| package.name);
        assert_eq!(
            name("5.10").as_deref(),
            Some("linux-image-5.10.0-46-cloud-amd64")
        );
        assert_eq!(
            name("7.3").as_deref(),
            Some("linux-image-7.3.4-cloud-amd64")
        );
        assert_eq!(name("6.1"), None);
    }

    #[test]
    fn only_numbers_are_series() {
        for series in ["5.10", "6.12.117", "arm64-6.12"] {
            assert!(check_name(series).is_ok(), "{series}");
        }
        for series in [
            "",
            "6",
            "../x",
            "6.",
            "latest",
            "6.1/..",
            "arm64-",
            "x-6.1",
            "arm64-../6.1",
        ] {
            assert!(check_name(series).is_err(), "{series}");
        }
    }

    #[test]
    fn both_layouts_of_packages_are_understood() {
        for (image, modules) in [
            ("boot/vmlinuz-5.10.0-46", "lib/modules/5.10.0-46"),
            (
                "usr/lib/modules/5.10.0-46/vmlinuz.unsigned",
                "usr/lib/modules/5.10.0-46",
            ),
        ] {
            let scratch = Scratch::new().unwrap();
            let (unpacked, kernel) = (scratch.path().join("u"), scratch.path().join("k"));
            fs::create_dir_all(unpacked.join(modules).join("kernel/fs")).unwrap();
            fs::create_dir_all(unpacked.join("boot")).unwrap();
            fs::create_dir(&kernel).unwrap();
            fs::write(unpacked.join(modules).join("kernel/fs/ext4.ko"), "m").unwrap();
            fs::write(unpacked.join(image), "k").unwrap();
            assert_eq!(arrange(&unpacked, &kernel).unwrap(), "5.10.0-46");
            assert_eq!(fs::read(kernel.join("vmlinuz")).unwrap(), b"k");
            assert_eq!(
                fs::read(kernel.join("modules/kernel/fs/ext4.ko")).unwrap(),
                b"m"
            );
            assert!(!kernel.join("modules/vmlinuz.unsigned").exists());
        }
    }
}
