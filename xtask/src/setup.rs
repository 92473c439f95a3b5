//! `cargo xtask setup`: finds out what this machine lacks, and installs it.
//!
//! Owns: the groups of needs, what is said before anything is installed, and the order of doing it.
//! Must not: build or run the project; install what no group asked for needs.
//!
//! Invariant: running it again on a machine that lacks nothing changes nothing and asks no network.

mod apt;
mod bench;
mod compiler;
mod need;
mod ocsf;

use std::ffi::OsString;

use anyhow::{Context, Result, bail};

pub use compiler::{Compiler, PACKAGED_CARGO, PACKAGED_RUSTC, Route};
pub use ocsf::python as ocsf_python;

use crate::args::{Args, nearest};
use crate::process;
use crate::vm;
use crate::workspace;
use compiler::Plan;
use need::{Means, Need};

const HELP: &str = "\
cargo xtask setup [--for GROUP[,GROUP…]] [--check]

Finds what this machine lacks and installs it; on a machine that lacks nothing it
does nothing. Says what it will install before it does. Needs root (or sudo) only
for Debian packages; `run` and `test` call it by themselves.

  --for GROUP   build (default), ocsf, containers, programs, vm, arm64, bench, fuzz,
                lint, or test (= build, ocsf, containers, programs, vm), or all
  --check       list the state, install nothing; exit 1 if something is missing

AUDIT_BPF_ROUTE=packages|source forces how the kernel programs are compiled.

Examples
  cargo xtask setup --check --for test
  cargo xtask setup --for vm
";

/// Installing may show what else is needed (rustc tells its LLVM only once it is there).
const ROUNDS_MAX: usize = 3;
const CARGO_FUZZ_VERSION: &str = "0.13.2";

/// What some kind of work needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    Build,
    Ocsf,
    Containers,
    Programs,
    Vm,
    Arm64,
    Bench,
    Fuzz,
    Lint,
}

const GROUPS: &[(&str, Group)] = &[
    ("build", Group::Build),
    ("ocsf", Group::Ocsf),
    ("containers", Group::Containers),
    ("programs", Group::Programs),
    ("vm", Group::Vm),
    ("arm64", Group::Arm64),
    ("bench", Group::Bench),
    ("fuzz", Group::Fuzz),
    ("lint", Group::Lint),
];

use Group::{Build, Containers, Ocsf, Programs, Vm};
const FOR_TESTS: [Group; 5] = [Build, Ocsf, Containers, Programs, Vm];

pub fn run(mut args: Args) -> Result<()> {
    if args.help(HELP) {
        return Ok(());
    }
    let check = args.flag("--check");
    let groups = parse_groups(&args.values("--for")?)?;
    args.finish()?;
    if check {
        return list(&groups);
    }
    for group in groups {
        if ensure(group)? == Outcome::NothingToDo {
            println!("{}: nothing to do", group.name());
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    NothingToDo,
    Installed,
}

/// Makes sure that all of `group` is here, or says exactly what is missing.
pub fn ensure(group: Group) -> Result<Outcome> {
    let mut lists_are_fresh = false;
    for round in 0..ROUNDS_MAX {
        let (route, needs) = group.needs()?;
        let missing: Vec<&Need> = needs.iter().filter(|need| need.is_missing()).collect();
        if missing.is_empty() {
            return Ok(if round == 0 {
                Outcome::NothingToDo
            } else {
                Outcome::Installed
            });
        }
        if missing.iter().any(|need| !need.can_be_installed()) {
            if apt::is_here() && !lists_are_fresh {
                lists_are_fresh = true;
                // Without root this fails too, but then what is missing is the better message.
                if apt::update().is_ok() {
                    continue;
                }
            }
            bail!(describe(
                group,
                route,
                &missing,
                "This machine lacks, and setup cannot install:"
            ));
        }
        let title = format!(
            "setup: installing for {}{}",
            group.name(),
            parenthesised(route)
        );
        process::step(title);
        install(&missing).with_context(|| format!("setup for {} failed", group.name()))?;
    }
    let (route, needs) = group.needs()?;
    let missing: Vec<&Need> = needs.iter().filter(|need| need.is_missing()).collect();
    match missing.is_empty() {
        true => Ok(Outcome::Installed),
        false => bail!(describe(
            group,
            route,
            &missing,
            "Installed, but still not found:"
        )),
    }
}

/// What builds the kernel programs; an error names what is missing.
pub fn compiler() -> Result<Compiler> {
    let plan = Plan::best();
    plan.compiler().with_context(|| {
        let missing: Vec<&Need> = plan.needs.iter().filter(|need| need.is_missing()).collect();
        describe(
            Group::Build,
            Some(plan.name()),
            &missing,
            "This machine lacks:",
        )
    })
}

impl Group {
    pub fn name(self) -> &'static str {
        GROUPS
            .iter()
            .find(|(_, group)| *group == self)
            .map_or("", |(name, _)| name)
    }

    /// What it needs; for the build also the route's name.
    fn needs(self) -> Result<(Option<&'static str>, Vec<Need>)> {
        let needs = match self {
            Group::Build => {
                let plan = Plan::best();
                return Ok((Some(plan.name()), plan.needs));
            }
            Group::Ocsf => ocsf::needs()?,
            Group::Containers => vec![
                Need::program("runc", "runc", "starts containers in tests"),
                Need::program("podman", "podman", "starts containers in tests"),
                Need::program("busybox", "busybox-static", "is inside those containers"),
            ],
            Group::Programs => Need::packages(&["sudo"], "is run by ordinary users in tests"),
            Group::Vm => Need::packages(&vm::PACKAGES, "runs other kernels"),
            Group::Arm64 => Need::packages(&vm::PACKAGES_ARM64, "builds for arm64 and runs it"),
            Group::Bench => bench::needs(),
            Group::Fuzz => vec![
                Need::program("c++", "g++", "builds the fuzzing engine"),
                cargo_program(
                    "cargo-fuzz",
                    CARGO_FUZZ_VERSION,
                    "drives the fuzzing engine",
                ),
            ],
            Group::Lint => match Plan::best().route {
                Route::Packages => {
                    let clippy = Need::package("rust-web-clippy", "lints the kernel programs");
                    vec![clippy]
                }
                Route::Source => Vec::new(),
            },
        };
        Ok((None, needs))
    }
}

fn cargo_program(name: &str, version: &str, purpose: &'static str) -> Need {
    let args = ["--locked", name, "--version", version]
        .map(str::to_owned)
        .into();
    let means = match workspace::find_program(name) {
        Some(_) => Means::Here,
        None => Means::CargoInstall {
            args,
            env: Vec::new(),
        },
    };
    Need {
        name: name.to_owned(),
        purpose,
        means,
    }
}

fn parse_groups(names: &[String]) -> Result<Vec<Group>> {
    if names.is_empty() {
        return Ok(vec![Group::Build]);
    }
    let mut groups = Vec::new();
    for name in names {
        match name.as_str() {
            "all" => groups.extend(GROUPS.iter().map(|(_, group)| *group)),
            "test" => groups.extend(FOR_TESTS),
            name => match GROUPS.iter().find(|(known, _)| *known == name) {
                Some((_, group)) => groups.push(*group),
                None => bail!(unknown_group(name)),
            },
        }
    }
    let mut seen = Vec::new();
    groups.retain(|group| {
        !seen.contains(group) && {
            seen.push(*group);
            true
        }
    });
    Ok(groups)
}

fn unknown_group(name: &str) -> String {
    let mut known: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
    known.extend(["test", "all"]);
    match nearest(name, &known) {
        Some(near) => format!("no group `{name}`; did you mean `{near}`?"),
        None => format!("no group `{name}`; there are: {}", known.join(", ")),
    }
}

fn list(groups: &[Group]) -> Result<()> {
    let mut missing = 0;
    for group in groups {
        let (route, needs) = group.needs()?;
        println!("{}{}", group.name(), parenthesised(route));
        for need in &needs {
            println!("  {:<28} {}", need.name, need.state());
            missing += usize::from(need.is_missing());
        }
    }
    if missing > 0 {
        let names: Vec<&str> = groups.iter().map(|group| group.name()).collect();
        println!(
            "{missing} missing. To install: cargo xtask setup --for {}",
            names.join(",")
        );
        return Err(process::Exit { code: 1 }.into());
    }
    println!("Nothing is missing.");
    Ok(())
}

fn install(missing: &[&Need]) -> Result<()> {
    for need in missing {
        eprintln!("  {:<28} {}", need.name, need.purpose);
    }
    let from_apt = missing
        .iter()
        .filter(|need| matches!(need.means, Means::Apt));
    let packages: Vec<String> = from_apt.map(|need| need.name.clone()).collect();
    if !packages.is_empty() {
        apt::install(&packages)?;
    }
    for need in missing {
        match &need.means {
            Means::Here | Means::Apt | Means::None(_) => {}
            Means::Rustup => {
                let mut rustup = std::process::Command::new("rustup");
                process::must(rustup.args(["component", "add", &need.name]))?;
            }
            Means::CargoInstall { args, env } => cargo_install(args, env)?,
            Means::Python => ocsf::install()?,
        }
    }
    Ok(())
}

fn cargo_install(args: &[String], env: &[(String, OsString)]) -> Result<()> {
    let mut cargo = workspace::cargo();
    // Beside our own target directory, or its lock and ours would wait for each other.
    let scratch = workspace::target_dir()?.join("setup");
    cargo
        .arg("install")
        .args(args)
        .env("CARGO_TARGET_DIR", &scratch);
    cargo.envs(env.iter().map(|(key, value)| (key, value)));
    for inherited in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(inherited);
    }
    process::must(&mut cargo)?;
    std::fs::remove_dir_all(&scratch).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error).with_context(|| format!("cannot remove {}", scratch.display())),
    })
}

fn parenthesised(route: Option<&str>) -> String {
    route.map(|route| format!(" ({route})")).unwrap_or_default()
}

fn describe(group: Group, route: Option<&str>, missing: &[&Need], title: &str) -> String {
    let mut text = format!("{}{}: {title}", group.name(), parenthesised(route));
    for need in missing {
        text.push_str(&format!(
            "\n  {:<24} {}: {}",
            need.name,
            need.purpose,
            need.state()
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(names: &[&str]) -> Result<Vec<Group>> {
        parse_groups(
            &names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn groups_are_parsed_once_each_in_order() {
        assert_eq!(parse(&[]).unwrap(), [Group::Build]);
        assert_eq!(parse(&["test"]).unwrap(), FOR_TESTS);
        assert_eq!(
            parse(&["vm", "build", "vm"]).unwrap(),
            [Group::Vm, Group::Build]
        );
        assert_eq!(parse(&["all"]).unwrap().len(), GROUPS.len());
    }

    #[test]
    fn an_unknown_group_names_the_nearest() {
        let error = parse(&["containes"]).unwrap_err().to_string();
        assert_eq!(error, "no group `containes`; did you mean `containers`?");
    }

    #[test]
    fn every_group_has_a_name_and_can_list_its_needs() {
        for (name, group) in GROUPS {
            assert_eq!(group.name(), *name);
            assert!(group.needs().is_ok(), "{name}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_its_purpose_and_advice() {
        let means = Means::None("apt does not offer x".to_owned());
        let need = Need {
            name: "x".to_owned(),
            purpose: "is needed",
            means,
        };
        let text = describe(Group::Build, Some("route"), &[&need], "lacks:");
        assert!(text.starts_with("build (route): lacks:\n  x "), "{text}");
        assert!(
            text.ends_with("is needed: MISSING: apt does not offer x"),
            "{text}"
        );
    }
}
