//! Owns: which rustc, cargo and bpf-linker build the kernel programs, and what they lack.
//! Must not: install anything or build anything.
//!
//! Two routes lead to a compiler that has `core` for the kernel's instruction set:
//! - **packages**: Debian's rustc-web with its prebuilt `core`. All from the distribution.
//! - **source**: the rustc that builds us, with its rust-src component, building `core` itself.
//!
//! Invariant: bpf-linker's LLVM is at least rustc's, or it could not read what rustc wrote.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::apt;
use super::need::{Means, Need};
use crate::process;
use crate::workspace;

/// The bpf-linker release that is installed where none fits, and the LLVMs it can be built on.
pub const LINKER_VERSION: &str = "0.13.0";
const LINKER_LLVM_MIN: u32 = 21;
const LINKER_LLVM_MAX: u32 = 23;
/// The LLVM of Debian's rustc-web, for listing what is needed before that is there to be asked.
const PACKAGES_LLVM: u32 = 22;
pub const PACKAGED_RUSTC: &str = "/usr/bin/rustc";
pub const PACKAGED_CARGO: &str = "/usr/bin/cargo";
/// `packages` or `source` here forces a route.
const ROUTE_ENV: &str = "AUDIT_BPF_ROUTE";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    Packages,
    Source,
}

/// A route, and what this machine lacks for it.
#[derive(Debug)]
pub struct Plan {
    pub route: Route,
    pub needs: Vec<Need>,
}

/// What builds the kernel programs. Holding one means that these files exist.
#[derive(Debug)]
pub struct Compiler {
    pub route: Route,
    pub rustc: PathBuf,
    pub cargo: PathBuf,
    pub linker: PathBuf,
}

impl Route {
    fn name(self) -> &'static str {
        match self {
            Route::Packages => "Debian packages",
            Route::Source => "core from source",
        }
    }

    fn rustc(self) -> PathBuf {
        match self {
            Route::Packages => PathBuf::from(PACKAGED_RUSTC),
            Route::Source => std::env::var_os("RUSTC")
                .map(PathBuf::from)
                .or_else(|| workspace::find_program("rustc"))
                .unwrap_or_else(|| PathBuf::from("rustc")),
        }
    }
}

impl Plan {
    /// The plan that fits best: one that lacks nothing, else one whose lacks can be installed,
    /// else the one with the least that cannot; packages before source.
    pub fn best() -> Self {
        let routes = match std::env::var(ROUTE_ENV).as_deref() {
            Ok("packages") => vec![Route::Packages],
            Ok("source") => vec![Route::Source],
            _ => vec![Route::Packages, Route::Source],
        };
        let plans = routes.into_iter().map(|route| Plan {
            route,
            needs: needs(route),
        });
        choose(plans.collect()).unwrap_or(Plan {
            route: Route::Packages,
            needs: Vec::new(),
        })
    }

    pub fn name(&self) -> &'static str {
        self.route.name()
    }

    /// The compiler, if nothing is missing.
    pub fn compiler(&self) -> Option<Compiler> {
        if self.needs.iter().any(Need::is_missing) {
            return None;
        }
        let rustc = self.route.rustc();
        let cargo = match self.route {
            Route::Packages => PathBuf::from(PACKAGED_CARGO),
            Route::Source => PathBuf::from(workspace::cargo().get_program()),
        };
        let llvm = llvm_of_rustc(&rustc)?;
        Some(Compiler {
            route: self.route,
            rustc,
            cargo,
            linker: linker_for(llvm)?,
        })
    }
}

fn choose(plans: Vec<Plan>) -> Option<Plan> {
    let rank = |plan: &Plan| {
        let missing = || plan.needs.iter().filter(|need| need.is_missing());
        (
            missing().filter(|need| !need.can_be_installed()).count(),
            missing().count().min(1),
        )
    };
    plans.into_iter().min_by_key(rank)
}

fn needs(route: Route) -> Vec<Need> {
    let rustc = route.rustc();
    let mut needs = match route {
        Route::Packages => ["rustc-web", "cargo-web", "libstd-rust-web-dev-bpf"]
            .map(|name| Need::package(name, "compiles the kernel programs"))
            .into(),
        Route::Source => vec![rust_src(&rustc)],
    };
    let llvm = llvm_of_rustc(&rustc).unwrap_or(PACKAGES_LLVM);
    if linker_for(llvm).is_some() {
        needs.push(Need::here("bpf-linker", "links the kernel programs"));
        return needs;
    }
    let (prefix, dev) = llvm_to_link_with(llvm);
    needs.extend(dev);
    for library in ["libzstd-dev", "zlib1g-dev"] {
        if apt::is_here() {
            needs.push(Need::package(library, "bpf-linker is built with it"));
        }
    }
    let args = [
        "--locked",
        "bpf-linker",
        "--version",
        LINKER_VERSION,
        "--force",
        "--no-default-features",
        "--features",
        &format!("llvm-{}", prefix.1),
    ];
    needs.push(Need {
        name: format!("bpf-linker {LINKER_VERSION}"),
        purpose: "links the kernel programs",
        means: Means::CargoInstall {
            args: args.map(str::to_owned).into(),
            env: vec![("LLVM_PREFIX".to_owned(), prefix.0.into_os_string())],
        },
    });
    needs
}

fn rust_src(rustc: &Path) -> Need {
    let name = "rust-src";
    let purpose = "core for the kernel programs is built from it";
    let sysroot = process::stdout_of(Command::new(rustc).args(["--print", "sysroot"]));
    let core = |root: &str| Path::new(root.trim()).join("lib/rustlib/src/rust/library/core");
    let means = match sysroot {
        Ok(root) if core(&root).is_dir() => Means::Here,
        _ if workspace::find_program("rustup").is_some() => Means::Rustup,
        _ => Means::None("add the sources of this rustc's standard library".to_owned()),
    };
    Need {
        name: name.to_owned(),
        purpose,
        means,
    }
}

/// An LLVM of at least `llvm` to build bpf-linker on: its place and major version, and what must
/// be installed for it to be there.
fn llvm_to_link_with(llvm: u32) -> ((PathBuf, u32), Option<Need>) {
    let fits = llvm.max(LINKER_LLVM_MIN)..=LINKER_LLVM_MAX;
    let at = |major: u32| PathBuf::from(format!("/usr/lib/llvm-{major}"));
    if let Some(prefix) = std::env::var_os("LLVM_PREFIX").map(PathBuf::from)
        && let Some(major) = llvm_at(&prefix)
        && fits.contains(&major)
    {
        return ((prefix, major), None);
    }
    if let Some(major) = fits.clone().find(|&major| llvm_at(&at(major)).is_some()) {
        return ((at(major), major), None);
    }
    let package = |major: u32| format!("llvm-{major}-dev");
    let offered = apt::offered(&fits.clone().map(package).collect::<Vec<_>>());
    let purpose = "bpf-linker is built on it; must be at least rustc's LLVM";
    match fits
        .clone()
        .find(|&major| offered.contains(&package(major)))
    {
        Some(major) => (
            (at(major), major),
            Some(Need::package(&package(major), purpose)),
        ),
        None => {
            let advice = format!(
                "no LLVM from {} to {LINKER_LLVM_MAX} with llvm-config and headers was found; \
                 install one and set LLVM_PREFIX to its place",
                fits.start()
            );
            let need = Need {
                name: package(llvm),
                purpose,
                means: Means::None(advice),
            };
            ((at(llvm), llvm), Some(need))
        }
    }
}

/// The major version of the LLVM development files under `prefix`.
fn llvm_at(prefix: &Path) -> Option<u32> {
    if !prefix.join("include/llvm-c").is_dir() {
        return None;
    }
    let version = process::stdout_of(Command::new(prefix.join("bin/llvm-config")).arg("--version"));
    major(&version.ok()?)
}

fn llvm_of_rustc(rustc: &Path) -> Option<u32> {
    let text = process::stdout_of(Command::new(rustc).arg("-vV")).ok()?;
    major(
        text.lines()
            .find_map(|line| line.strip_prefix("LLVM version: "))?,
    )
}

/// A bpf-linker that can read what a rustc with this LLVM wrote.
fn linker_for(llvm: u32) -> Option<PathBuf> {
    let linker = workspace::find_program("bpf-linker")?;
    if !process::succeeds(Command::new(&linker).arg("--version")) {
        return None;
    }
    let libraries = process::stdout_of(Command::new("ldd").arg(&linker)).unwrap_or_default();
    // Linked statically it does not tell its LLVM: somebody built it so on purpose.
    let fits = llvm_in_ldd(&libraries).is_none_or(|its| its >= llvm);
    fits.then_some(linker)
}

/// `libLLVM.so.22.1 => …` or `libLLVM-19.so => …`.
fn llvm_in_ldd(libraries: &str) -> Option<u32> {
    let line = libraries
        .lines()
        .find_map(|line| line.trim().strip_prefix("libLLVM"))?;
    major(line.trim_start_matches(|c: char| !c.is_ascii_digit()))
}

fn major(version: &str) -> Option<u32> {
    let end = version
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(version.len());
    version[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(route: Route, means: impl IntoIterator<Item = Means>) -> Plan {
        let need = |means| Need {
            name: "x".to_owned(),
            purpose: "y",
            means,
        };
        Plan {
            route,
            needs: means.into_iter().map(need).collect(),
        }
    }

    #[test]
    fn a_complete_route_wins_then_an_installable_one_then_packages() {
        let none = || Means::None(String::new());
        let cases = [
            (vec![Means::Here], vec![Means::Here], Route::Packages),
            (vec![Means::Apt], vec![Means::Here], Route::Source),
            (vec![Means::Apt], vec![Means::Rustup], Route::Packages),
            (vec![none()], vec![Means::Rustup], Route::Source),
            (vec![none()], vec![none()], Route::Packages),
            (vec![none(), none()], vec![none()], Route::Source),
        ];
        for (packages, source, expected) in cases {
            let shown = format!("{packages:?} {source:?}");
            let plans = vec![plan(Route::Packages, packages), plan(Route::Source, source)];
            assert_eq!(choose(plans).unwrap().route, expected, "{shown}");
        }
    }

    #[test]
    fn llvm_is_read_from_each_way_of_naming_it() {
        assert_eq!(
            llvm_in_ldd("\tlibLLVM.so.22.1 => /usr/lib/x (0x1)"),
            Some(22)
        );
        assert_eq!(
            llvm_in_ldd("\tlibc.so.6 => x\n\tlibLLVM-19.so => y"),
            Some(19)
        );
        assert_eq!(llvm_in_ldd("\tlibc.so.6 => x"), None);
        assert_eq!(major("22.1.8\n"), Some(22));
        assert_eq!(major("x"), None);
    }
}
