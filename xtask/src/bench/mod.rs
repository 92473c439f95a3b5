//! `cargo xtask bench`: what the daemon costs and what it reaches, held against the design's budgets.
//!
//! Owns: building and starting the program that measures (`tests/bench`), and the printed outcome.
//! Must not: measure anything itself, or fail because a budget is missed: a noisy machine is not a
//! defect, and whoever reads the table decides.

mod budgets;
mod finding;
mod table;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::json;

use crate::args::Args;
use crate::build::{self, Profile};
use crate::process::{self, Environment};
use crate::setup::{self, Group};
use crate::workspace;
use finding::Report;

const HELP: &str = "\
cargo xtask bench [--json FILE] [--only NAME[,NAME…]] [--rounds N] [--quick]

Builds the daemon as it is shipped and measures it as root: same run, alternating,
least of many. Takes about 10 minutes on a machine that should do nothing else.
docs/BENCH.md says what each figure means.

  --only NAME   costs (of system calls, with and without), watches, opens,
                mechanisms, throughput, delay, rates, memory, soak, hour, auditd
  --rounds N    alternations in `costs` and `watches` (7)
  --quick       short stretches: shows that it works, the figures are rough
  --json FILE   everything that was found, and its budgets

auditd is measured last, if it is installed (cargo xtask setup --for bench) and
does not run already. Once enabled it slows every task made until the next boot:
leave it out on a machine where that matters: --only with the other names.

Examples
  cargo xtask bench
  cargo xtask bench --only costs --rounds 15 --json costs.json
";

const PACKAGE: &str = "audit-tests";
const PROGRAM: &str = "audit-bench";

pub fn run(mut args: Args) -> Result<()> {
    if args.help(HELP) {
        return Ok(());
    }
    let json = args.value("--json")?.map(PathBuf::from);
    let only = args.values("--only")?;
    let rounds = args.value("--rounds")?;
    let quick = args.flag("--quick");
    args.finish()?;
    if let Some(rounds) = &rounds
        && rounds.parse::<u32>().is_err()
    {
        bail!("--rounds takes a number, not `{rounds}`");
    }
    setup::ensure(Group::Build)?;
    let daemon = build::all(Profile::Release)?;
    let program = program()?;
    let dir = workspace::target_dir()?.join("bench");
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;

    let mut words = vec![
        "--daemon".into(),
        daemon.into_os_string(),
        "--dir".into(),
        dir.into(),
    ];
    for name in only {
        words.extend(["--only".into(), name.into()]);
    }
    if let Some(rounds) = rounds {
        words.extend(["--rounds".into(), rounds.into()]);
    }
    if quick {
        words.push("--quick".into());
    }
    process::step("measuring");
    let (report, ended_well) = measure(&program, words)?;
    print!("{}", table::render(&report));
    if let Some(file) = json {
        write_json(&file, &report)?;
    }
    if !ended_well {
        bail!("some of it could not be measured: see `skipped` above");
    }
    Ok(())
}

/// The program that measures, built as the daemon is.
fn program() -> Result<PathBuf> {
    process::step("building the program that measures");
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--package", PACKAGE, "--bin", PROGRAM]);
    cargo.args(Profile::Release.cargo_args());
    cargo.env(workspace::BPF_DIR_ENV, workspace::bpf_dir()?);
    let built = build::executables(&mut cargo)?;
    let program = built.into_iter().find(|built| built.target == PROGRAM);
    Ok(program
        .context("cargo built no program that measures")?
        .path)
}

/// Runs it as root; what it found comes on its standard output, progress passes through.
fn measure(program: &Path, words: Vec<std::ffi::OsString>) -> Result<(Report, bool)> {
    let mut command = process::as_root(program, words, &Environment::new())?;
    command
        .stdin(Stdio::inherit())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    let output = command
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .with_context(|| format!("cannot start: {}", process::line(&command)))?;
    let report = Report::parse(&String::from_utf8_lossy(&output.stdout))?;
    if report.findings.is_empty() && !output.status.success() {
        bail!(
            "nothing was measured: {} ended with {}",
            program.display(),
            output.status
        );
    }
    Ok((report, output.status.success()))
}

fn write_json(file: &Path, report: &Report) -> Result<()> {
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            let mut value = json!(finding);
            if let Some(budget) = budgets::of(finding) {
                value["budget"] = json!({
                    "says": budget.says,
                    "kept": budget.is_kept(finding),
                    "distance": budget.distance(finding),
                });
            }
            value
        })
        .collect();
    let all = json!({
        "surroundings": report.surroundings,
        "findings": findings,
        "skipped": report.skipped,
    });
    let text = serde_json::to_string_pretty(&all)?;
    std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))
}
