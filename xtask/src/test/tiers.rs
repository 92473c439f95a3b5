//! Owns: the tiers: what each runs, as whom, how long it may take, and what it needs.
//! Must not: print the end report, or decide what may be skipped.

mod for_few;
mod on_guests;
mod turns;

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Options;
use super::libtest::Tally;
use super::report::{Outcome, Row};
use super::skips::{Place, Surroundings, series};
use super::table::{TIERS, Tier, Work};
use super::tier_run::TierRun;
use crate::build::{self, Executable};
use crate::process::{self, Environment};
use crate::setup::{self, Group};
use crate::workspace;

const TEST_PACKAGE: &str = "audit-tests";
/// How long each fuzz target is fed.
const FUZZ_SECONDS: u64 = 120;
/// `audit-daemon check` ends so where the kernel, or the lack of rights, stands in the way.
const CHECK_REFUSED: [i32; 2] = [3, 4];

/// Runs a tier; what goes wrong on the way is a row that failed.
pub fn run(tier: &'static Tier, options: &Options, daemon: &Path) -> Vec<Row> {
    process::step(format!("tier {}", tier.name));
    let run = Run {
        tier,
        options,
        daemon,
    };
    for group in tier.groups {
        if let Err(error) = setup::ensure(*group) {
            if matches!(tier.work, Work::Guests | Work::Fuzz) {
                return vec![run.skipped(tier.name, &format!("{error:#}"))];
            }
            // The tests that need it say so themselves, and the list of skips judges that.
            eprintln!("warning: {error:#}");
        }
    }
    let rows = match tier.work {
        Work::Units => run.units().map(|row| vec![row]),
        Work::Program => run.program(false, None).map(|row| vec![row]),
        Work::RootProgram => run.root_program(),
        Work::Guests => run.guests(),
        Work::Fuzz => run.fuzz().map(|row| vec![row]),
    };
    rows.unwrap_or_else(|error| vec![run.broken(tier.name, &error)])
}

struct Run<'a> {
    tier: &'static Tier,
    options: &'a Options,
    daemon: &'a Path,
}

impl Run<'_> {
    fn units(&self) -> Result<Row> {
        let programs = self.build(&["--workspace", "--lib", "--bins"])?;
        self.run_programs(&programs, false, None)
    }

    fn program(&self, as_root: bool, mechanism: Option<&str>) -> Result<Row> {
        let programs = self.build(&["--package", TEST_PACKAGE, "--test", self.tier.name])?;
        self.run_programs(&programs, as_root, mechanism)
    }

    /// Once with the hooks that this kernel gets by itself, and with those that another one would get.
    fn on_each_mechanism(&self) -> Result<Vec<Row>> {
        let mut rows = vec![self.program(true, None)?];
        for mechanism in self.tier.mechanisms {
            let row = self.program(true, Some(mechanism))?;
            let name = format!("{} {mechanism}", self.tier.name);
            rows.push(Row { name, ..row });
        }
        Ok(rows)
    }

    fn root_program(&self) -> Result<Vec<Row>> {
        let Some(refusal) = self.refusal()? else {
            return self.on_each_mechanism();
        };
        eprintln!("this machine refuses eBPF: {refusal}");
        if self
            .options
            .tiers
            .iter()
            .any(|tier| matches!(tier.work, Work::Guests))
        {
            let reason = format!("this machine refuses eBPF ({refusal}); the vm tier runs it");
            return Ok(vec![self.skipped(self.tier.name, &reason)]);
        }
        if let Err(error) = setup::ensure(Group::Vm) {
            let reason = format!("this machine refuses eBPF ({refusal}) and has no vm: {error:#}");
            return Ok(vec![self.skipped(self.tier.name, &reason)]);
        }
        self.suite_in_guest(self.tier.name, guest_budget())
    }

    /// Why eBPF cannot be had here, in the daemon's own words; without a way to be root, in ours.
    fn refusal(&self) -> Result<Option<String>> {
        let words = ["check", "--json"];
        let mut check = match process::as_root(self.daemon, words, &Environment::new()) {
            Ok(check) => check,
            Err(error) => return Ok(Some(first_line(&format!("{error:#}")))),
        };
        let output = check.output().context("cannot start audit-daemon check")?;
        Ok(refusal_in(&output))
    }

    fn build(&self, what: &[&str]) -> Result<Vec<Executable>> {
        process::step(format!("building the tests of tier {}", self.tier.name));
        let mut cargo = workspace::cargo();
        cargo
            .args(["test", "--no-run"])
            .args(what)
            .args(self.options.profile.cargo_args());
        cargo.env(workspace::BPF_DIR_ENV, workspace::bpf_dir()?);
        let mut built = build::executables(&mut cargo)?;
        // Programs that tests start are built beside them.
        built.retain(|executable| executable.is_test);
        Ok(built)
    }

    fn run_programs(
        &self,
        programs: &[Executable],
        as_root: bool,
        mechanism: Option<&str>,
    ) -> Result<Row> {
        if programs.is_empty() {
            bail!("cargo built no test program for tier {}", self.tier.name);
        }
        let mut run = TierRun::start(self.tier.budget());
        for program in programs {
            process::step(format!("{}: {}", self.tier.name, program.target));
            let mut args = vec!["--show-output"];
            if as_root {
                // What is counted belongs to the whole machine: tests side by side would mix.
                args.push("--test-threads=1");
            }
            args.extend(self.options.filter.as_deref());
            let mut env = self.environment(program)?;
            env.extend(mechanism.map(|name| ("AUDIT_TEST_MECHANISM".to_owned(), name.into())));
            let mut command = match as_root {
                true => process::as_root(&program.path, args, &env)?,
                false => {
                    let mut command = Command::new(&program.path);
                    command.args(args).envs(env);
                    command
                }
            };
            if !run.test_program(command.current_dir(&program.package_dir), &program.target)? {
                break;
            }
        }
        let surroundings = Surroundings {
            tiers: vec![self.tier.name],
            place: Place::Host,
            kernel: series(&std::fs::read_to_string("/proc/sys/kernel/osrelease")?),
            mechanism: mechanism.map(str::to_owned),
        };
        Ok(self.row(self.tier.name.to_owned(), run, &surroundings))
    }

    /// What test programs find in their environment.
    fn environment(&self, program: &Executable) -> Result<Environment> {
        let mut env: Environment = vec![
            (
                "CARGO_MANIFEST_DIR".to_owned(),
                program.package_dir.clone().into(),
            ),
            ("AUDIT_DAEMON".to_owned(), self.daemon.into()),
            (
                workspace::BPF_DIR_ENV.to_owned(),
                workspace::bpf_dir()?.into(),
            ),
            ("AUDIT_OCSF_PYTHON".to_owned(), setup::ocsf_python()?.into()),
        ];
        for passed_on in [
            "PATH",
            "RUST_BACKTRACE",
            "RUST_LOG",
            "UPDATE_GOLDEN",
            "PROPTEST_CASES",
            "CI",
        ] {
            env.extend(std::env::var_os(passed_on).map(|value| (passed_on.to_owned(), value)));
        }
        Ok(env)
    }

    fn fuzz(&self) -> Result<Row> {
        let mut run = TierRun::start(self.tier.budget());
        for target in fuzz_targets(&workspace::root().join("fuzz/Cargo.toml"))? {
            if self
                .options
                .filter
                .as_ref()
                .is_some_and(|text| !target.contains(text.as_str()))
            {
                run.tally.filtered += 1;
                continue;
            }
            let mut cargo = workspace::cargo();
            cargo.args(["fuzz", "run", "--fuzz-dir", "fuzz", &target, "--"]);
            cargo.arg(format!("-max_total_time={FUZZ_SECONDS}"));
            // The sanitizer's switches are unstable; a stable compiler needs leave to use them.
            cargo.env("RUSTC_BOOTSTRAP", "1");
            if !run.single_test(&mut cargo, &target)? {
                break;
            }
        }
        let kernel = series(&std::fs::read_to_string("/proc/sys/kernel/osrelease")?);
        let surroundings = Surroundings {
            tiers: vec!["fuzz"],
            place: Place::Host,
            kernel,
            mechanism: None,
        };
        Ok(self.row("fuzz".to_owned(), run, &surroundings))
    }

    fn row(&self, name: String, run: TierRun, surroundings: &Surroundings<'_>) -> Row {
        let took = run.took();
        let mut problems = run.problems;
        problems.extend(self.options.skips.problems(&run.tally, surroundings));
        problems.extend(self.options.differences.problems(&run.tally, surroundings));
        let outcome = Outcome::Ran {
            tally: run.tally,
            problems,
        };
        Row {
            name,
            outcome,
            took,
            budget: self.tier.budget(),
            left_out: Vec::new(),
        }
    }

    fn skipped(&self, name: &str, reason: &str) -> Row {
        let outcome = Outcome::Skipped {
            reason: reason.to_owned(),
        };
        Row {
            name: name.to_owned(),
            outcome,
            took: Duration::ZERO,
            budget: self.tier.budget(),
            left_out: Vec::new(),
        }
    }

    fn broken(&self, name: &str, error: &anyhow::Error) -> Row {
        eprintln!("error: {error:#}");
        let problems = vec![format!("could not be run: {error:#}")];
        let outcome = Outcome::Ran {
            tally: Tally::default(),
            problems,
        };
        Row {
            name: name.to_owned(),
            outcome,
            took: Duration::ZERO,
            budget: self.tier.budget(),
            left_out: Vec::new(),
        }
    }
}

/// What `audit-daemon check` said, if it said that the kernel or the lack of rights stands in the way.
fn refusal_in(output: &Output) -> Option<String> {
    let code = output.status.code()?;
    let refused = CHECK_REFUSED.contains(&code);
    refused.then(|| first_line(&String::from_utf8_lossy(&output.stderr)))
}

fn first_line(text: &str) -> String {
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.unwrap_or("audit-daemon check says so").to_owned()
}

/// What runs in a guest has the time of a guest.
fn guest_budget() -> Duration {
    let of_guests = TIERS.iter().find(|tier| matches!(tier.work, Work::Guests));
    of_guests.map_or(Duration::MAX, Tier::budget)
}

/// The programs of the fuzz package, as its manifest lists them.
fn fuzz_targets(manifest: &Path) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Manifest {
        #[serde(default)]
        bin: Vec<Bin>,
    }
    #[derive(Deserialize)]
    struct Bin {
        name: String,
    }
    let text = std::fs::read_to_string(manifest)
        .with_context(|| format!("cannot read {}", manifest.display()))?;
    let parsed: Manifest =
        toml::from_str(&text).with_context(|| format!("in {}", manifest.display()))?;
    Ok(parsed.bin.into_iter().map(|bin| bin.name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_from_a_fault_by_the_exit_code() {
        let refusal = |code: i32| {
            let script = format!("echo >&2; echo 'error: EPERM' >&2; echo more >&2; exit {code}");
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            refusal_in(&output)
        };
        for code in CHECK_REFUSED {
            assert_eq!(refusal(code).as_deref(), Some("error: EPERM"));
        }
        for code in [0, 1, 2] {
            assert_eq!(refusal(code), None);
        }
    }

    #[test]
    fn fuzz_targets_are_the_manifests_programs() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = dir.path().join("Cargo.toml");
        std::fs::write(
            &manifest,
            "[package]\nname = \"x\"\n[[bin]]\nname = \"decode\"\npath = \"d.rs\"\n",
        )
        .unwrap();
        assert_eq!(fuzz_targets(&manifest).unwrap(), ["decode"]);
    }
}
