//! A private view of the Debian archive, for packages of other releases than this machine's.
//!
//! Owns: an apt state of its own in a scratch directory, so that the machine's lists, cache
//! and preferences stay as they are, and no root is needed. The mirror is the one that the
//! machine's own sources name; packages are checked against Debian's keys by apt.
//!
//! Must not: install anything, or know what a kernel is. What the archive does not have, or
//! cannot be asked for, is [`NotAvailable`].

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;

use super::NotAvailable;
use super::platform::Platform;
use super::scratch::Scratch;
use super::tools::{APT_CACHE, APT_GET, DPKG_DEB};

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
/// Where kernels of some age or youth are to be found.
const SUITES: [&str; 6] = [
    "bullseye",
    "bookworm",
    "trixie",
    "trixie-backports",
    "sid",
    "experimental",
];
const SECURITY_SUITES: [&str; 3] = ["bullseye-security", "bookworm-security", "trixie-security"];
/// Names by which the machine's sources may call a release of Debian.
const RELEASES: [&str; 11] = [
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "duke",
];

/// One package at one version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    pub name: String,
    pub version: String,
}

/// The archive as it was when it was opened.
pub struct Archive {
    platform: &'static Platform,
    scratch: Scratch,
    options: Vec<OsString>,
    /// Why the lists may be incomplete: what apt said.
    complaint: Option<String>,
}

impl Archive {
    /// Fetches the package lists of all releases, some 10 s.
    pub fn open(platform: &'static Platform) -> anyhow::Result<Self> {
        Self::of_suites(platform, &SUITES, &SECURITY_SUITES)
    }

    /// The same of one release, with its security updates.
    pub fn open_release(platform: &'static Platform, release: &str) -> anyhow::Result<Self> {
        if !SUITES.contains(&release) {
            return Err(NotAvailable(format!("`{release}` is no release of Debian")).into());
        }
        Self::of_suites(platform, &[release], &[&format!("{release}-security")])
    }

    fn of_suites(
        platform: &'static Platform,
        suites: &[&str],
        security_suites: &[&str],
    ) -> anyhow::Result<Self> {
        for tool in [APT_GET, APT_CACHE, DPKG_DEB] {
            tool.find()?;
        }
        let scratch = Scratch::new()?;
        let root = scratch.path();
        for directory in ["lists/partial", "archives/partial"] {
            fs::create_dir_all(root.join(directory))?;
        }
        let (main, security) = mirrors()?;
        let mut text = sources(platform, &main, suites);
        if let Some(security) = security {
            text.push_str(&sources(platform, &security, security_suites));
        }
        fs::write(root.join("sources"), text)?;
        let mut archive = Self {
            platform,
            options: options(root, platform),
            scratch,
            complaint: None,
        };
        archive.complaint = archive.update()?;
        Ok(archive)
    }

    pub fn platform(&self) -> &'static Platform {
        self.platform
    }

    /// All packages whose names match the regular expression, at all versions.
    pub fn search(&self, pattern: &str) -> anyhow::Result<Vec<Package>> {
        let found = self.ask(APT_CACHE.find()?, &["search", "--names-only", pattern])?;
        let names: Vec<&str> = found
            .lines()
            .filter_map(|l| l.split_whitespace().next())
            .collect();
        if names.is_empty() {
            let reason = self
                .complaint
                .as_deref()
                .unwrap_or("it has no such packages");
            return Err(NotAvailable(format!("the Debian archive: {reason}")).into());
        }
        self.versions(&names)
    }

    /// These packages, at all versions.
    pub fn versions(&self, names: &[&str]) -> anyhow::Result<Vec<Package>> {
        let mut arguments = vec!["madison"];
        arguments.extend(names);
        Ok(parse_madison(&self.ask(APT_CACHE.find()?, &arguments)?))
    }

    /// What `package` depends on at exactly its own version, if the archive has it.
    pub fn twins(&self, package: &Package) -> anyhow::Result<Option<Vec<String>>> {
        let wanted = format!("{}={}", package.name, package.version);
        let shown = self
            .ask(APT_CACHE.find()?, &["show", &wanted])
            .unwrap_or_default();
        Ok((!shown.trim().is_empty()).then(|| parse_twins(&shown)))
    }

    /// Fetches packages and unpacks them into `target`.
    pub fn unpack(&self, packages: &[Package], target: &Path) -> anyhow::Result<()> {
        let directory = self.scratch.path().join("packages");
        fs::create_dir_all(&directory)?;
        let mut command = Command::new(APT_GET.find()?);
        command
            .args(&self.options)
            .arg("download")
            .current_dir(&directory);
        command.args(packages.iter().map(|p| format!("{}={}", p.name, p.version)));
        run(&mut command).map_err(|said| NotAvailable(format!("download: {said}")))?;
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            let mut command = Command::new(DPKG_DEB.find()?);
            run(command.arg("-x").arg(&path).arg(target))
                .map_err(anyhow::Error::msg)
                .with_context(|| format!("cannot unpack {}", path.display()))?;
        }
        Ok(fs::remove_dir_all(&directory)?)
    }

    /// Gives what apt complained of. Some lists missing is no reason to give up: a release
    /// that has left the mirror does not make the others useless.
    fn update(&self) -> anyhow::Result<Option<String>> {
        let mut command = Command::new(APT_GET.find()?);
        Ok(run(command.args(&self.options).arg("update")).err())
    }

    fn ask(&self, program: PathBuf, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(program);
        run(command.args(&self.options).args(arguments)).map_err(anyhow::Error::msg)
    }
}

/// The mirror for Debian and the one for its security updates.
fn mirrors() -> anyhow::Result<(String, Option<String>)> {
    let mut command = Command::new(APT_GET.find()?);
    command.args([
        "--no-release-info",
        "indextargets",
        "--format",
        "$(REPO_URI) $(RELEASE)",
    ]);
    let listed = run(&mut command).map_err(|said| NotAvailable(format!("apt-get: {said}")))?;
    parse_mirrors(&listed).ok_or_else(|| {
        NotAvailable("the apt sources of this machine name no Debian mirror".into()).into()
    })
}

fn parse_mirrors(listed: &str) -> Option<(String, Option<String>)> {
    let first = |suffix: &str| {
        listed.lines().find_map(|line| {
            let (uri, release) = line.split_once(' ')?;
            let release = release.trim().strip_suffix(suffix)?;
            RELEASES.contains(&release).then(|| uri.to_owned())
        })
    };
    Some((first("")?, first("-security")))
}

fn sources(platform: &Platform, uri: &str, suites: &[&str]) -> String {
    let signed = if Path::new(KEYRING).exists() {
        format!(" signed-by={KEYRING}")
    } else {
        "".into()
    };
    let arch = platform.name;
    suites
        .iter()
        .map(|suite| format!("deb [arch={arch}{signed}] {uri} {suite} main\n"))
        .collect()
}

fn options(root: &Path, platform: &Platform) -> Vec<OsString> {
    let place = |name: &str, file: &str| {
        let mut option = OsString::from(name);
        option.push("=");
        option.push(root.join(file));
        option
    };
    let settings = [
        place("Dir::Etc::sourcelist", "sources"),
        "Dir::Etc::sourceparts=/dev/null".into(),
        "Dir::Etc::preferences=/dev/null".into(),
        "Dir::Etc::preferencesparts=/dev/null".into(),
        place("Dir::State", ""),
        place("Dir::State::lists", "lists"),
        "Dir::State::status=/dev/null".into(),
        place("Dir::Cache", ""),
        place("Dir::Cache::archives", "archives"),
        "Dir::Cache::pkgcache=pkgcache.bin".into(),
        "Dir::Cache::srcpkgcache=srcpkgcache.bin".into(),
        format!("APT::Architecture={}", platform.name).into(),
        format!("APT::Architectures::={}", platform.name).into(),
        // The scratch directory is private, which apt's own user could not enter.
        "APT::Sandbox::User=".into(),
        "Acquire::Retries=3".into(),
        "Acquire::Languages=none".into(),
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".into(),
    ];
    let flags = settings
        .into_iter()
        .flat_map(|setting| ["-o".into(), setting]);
    std::iter::once("-qq".into()).chain(flags).collect()
}

/// Runs to the end; gives standard output, or what was said last when it failed.
fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    command
        .stdin(Stdio::null())
        .env("LC_ALL", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive");
    let output = command
        .output()
        .map_err(|error| format!("cannot run {name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let told = |line: &&str| line.starts_with("E:") || line.starts_with("Err");
    let line = said
        .lines()
        .find(told)
        .or(said.lines().last())
        .unwrap_or("no reason given");
    Err(format!(
        "{name} failed ({}): {}",
        output.status,
        line.trim()
    ))
}

fn parse_madison(listed: &str) -> Vec<Package> {
    let mut packages: Vec<Package> = listed
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('|').map(str::trim);
            let (name, version) = (fields.next()?, fields.next()?);
            Some(Package {
                name: name.into(),
                version: version.into(),
            })
        })
        .collect();
    packages.sort();
    packages.dedup();
    packages
}

fn parse_twins(shown: &str) -> Vec<String> {
    let mut names: Vec<String> = shown
        .lines()
        .filter_map(|line| line.strip_prefix("Depends:"))
        .flat_map(|depends| depends.split([',', '|']))
        .filter_map(|one| one.split_once("(= "))
        .filter_map(|(name, _)| name.trim().split(':').next())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_the_one_of_the_first_debian_release() {
        let listed = "http://a.example/tools stable-x\n\
                      http://m.example/debian/ bookworm\n\
                      http://n.example/debian/ trixie\n\
                      http://s.example/sec/ bookworm-security\n";
        assert_eq!(
            parse_mirrors(listed),
            Some((
                "http://m.example/debian/".into(),
                Some("http://s.example/sec/".into())
            ))
        );
        assert_eq!(parse_mirrors("http://u.example/ubuntu noble\n"), None);
        assert_eq!(parse_mirrors(""), None);
    }

    #[test]
    fn madison_gives_each_package_once() {
        let listed = " linux-x | 7.3.4-1 | http://m.example sid/main amd64 Packages\n \
                      linux-x | 7.3.4-1 | http://m.example trixie/main amd64 Packages\n\
                      nonsense\n linux-y | 6.1-1 | z\n";
        let package = |name: &str, version: &str| Package {
            name: name.into(),
            version: version.into(),
        };
        assert_eq!(
            parse_madison(listed),
            [package("linux-x", "7.3.4-1"), package("linux-y", "6.1-1")]
        );
    }

    #[test]
    fn only_dependencies_on_the_same_version_are_twins() {
        let shown = "Package: linux-image\n\
                     Depends: kmod, linux-base-7.3 (= 7.3.4-1), initramfs-tools | linux-b:amd64 (= 7.3.4-1), linux-base (>= 4)\n\
                     Description: x\n";
        assert_eq!(parse_twins(shown), ["linux-b", "linux-base-7.3"]);
    }
}
