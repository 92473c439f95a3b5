//! `cargo xtask test`: every test there is, tier by tier, each within its time.
//!
//! Owns: the table of tiers, their order and budgets, and what makes the run a failure.
//! Must not: know a single test by name, or skip anything in silence.
//!
//! A run fails if a test fails, a test program dies, a tier outlives its budget, or a skip is not
//! in `tests/skips.toml`. A tier that the machine cannot run is skipped by name, with the reason.

mod differences;
mod guests;
mod libtest;
mod matrix;
mod plan;
mod programs;
mod report;
mod said;
mod skips;
mod stored;
mod table;
mod tier_run;
mod tiers;
mod watched;

use anyhow::{Result, bail};

use crate::args::{Args, nearest};
use crate::build::{self, Profile};
use crate::process::Exit;
use crate::setup::{self, Group};
use crate::vm::KNOWN_SERIES;
use crate::workspace;
use differences::Differences;
use report::Row;
use skips::Skips;
use table::{TIERS, Tier};

const HELP: &str = "\
cargo xtask test [--tier TIER[,TIER…]] [--filter TEXT] [--release]
cargo xtask test --tier vm --all [--kernel SERIES[,SERIES…]]

Installs what is missing, builds, and runs the tests, tier by tier:

  unit     functions and modules; no privileges             5 min
  golden   exact output, against files in tests/golden      2 min
  kernel   one file per event, exact counts; root           6 min
  e2e      the real daemon; root                            8 min
  vm       both of those on other kernels, in QEMU          35 min
  fuzz     arbitrary bytes; only when named                15 min

  --tier     only these; default: all but fuzz
  --filter   only tests whose name contains TEXT
  --release  test the daemon as it is shipped
  --all      of tier vm: every kernel, suite and mechanism (hours), and writes
             docs/KERNELS.md; else the oldest and the newest, and what is left out
             is listed at the end
  --kernel   with --all: only these, for a run in pieces; the page says of each kernel
             of which commit it is

Exit codes: 0 all passed, 1 something failed. What was skipped is listed at the
end; tests/skips.toml has the reasons. UPDATE_GOLDEN=1 rewrites tests/golden.

Examples
  cargo xtask test --tier unit,golden
  cargo xtask test --tier kernel --filter exec
";

/// What the tiers are run with.
pub struct Options {
    tiers: Vec<&'static Tier>,
    filter: Option<String>,
    profile: Profile,
    /// Everything that guests can run, on every kernel.
    all: bool,
    /// Only these of all kernels; none: all.
    kernels: Vec<String>,
    skips: Skips,
    differences: Differences,
}

pub fn run(mut args: Args) -> Result<()> {
    if args.help(HELP) {
        return Ok(());
    }
    let root = workspace::root();
    let differences = Differences::read(root)?;
    let options = Options {
        tiers: parse_tiers(&args.values("--tier")?)?,
        filter: args.value("--filter")?,
        profile: Profile::from_flag(args.flag("--release")),
        all: args.flag("--all"),
        kernels: args.values("--kernel")?,
        skips: Skips::read(&root.join("tests/skips.toml"), &differences)?,
        differences,
    };
    args.finish()?;
    check_kernels(&options)?;
    setup::ensure(Group::Build)?;
    let daemon = build::all(options.profile)?;
    let mut rows: Vec<Row> = Vec::new();
    for tier in &options.tiers {
        rows.extend(tiers::run(tier, &options, &daemon));
    }
    print!("{}", report::render(&rows));
    if !report::is_success(&rows) {
        return Err(Exit { code: 1 }.into());
    }
    Ok(())
}

/// `--all` and `--kernel` are of one tier, and of kernels that there are.
fn check_kernels(options: &Options) -> Result<()> {
    if options.all && !options.tiers.iter().any(|tier| tier.name == "vm") {
        bail!("--all is for the tier vm");
    }
    for kernel in &options.kernels {
        if !options.all || !KNOWN_SERIES.contains(&&**kernel) {
            bail!(
                "--kernel goes with --all, and is one of: {}",
                KNOWN_SERIES.join(", ")
            );
        }
    }
    Ok(())
}

/// In the order of the table, whatever the order they were named in.
fn parse_tiers(names: &[String]) -> Result<Vec<&'static Tier>> {
    let known: Vec<&str> = TIERS.iter().map(|tier| tier.name).collect();
    for name in names {
        if !known.contains(&name.as_str()) {
            match nearest(name, &known) {
                Some(near) => bail!("no tier `{name}`; did you mean `{near}`?"),
                None => bail!("no tier `{name}`; there are: {}", known.join(", ")),
            }
        }
    }
    let wanted = |tier: &&Tier| match names.is_empty() {
        true => tier.by_default,
        false => names.iter().any(|name| name == tier.name),
    };
    Ok(TIERS.iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(asked: &[&str]) -> Result<Vec<&'static str>> {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        Ok(parse_tiers(&asked)?.iter().map(|tier| tier.name).collect())
    }

    #[test]
    fn tiers_run_in_the_order_of_the_table() {
        assert_eq!(
            names(&[]).unwrap(),
            ["unit", "golden", "kernel", "e2e", "vm"]
        );
        assert_eq!(names(&["vm", "unit", "vm"]).unwrap(), ["unit", "vm"]);
        assert_eq!(names(&["fuzz"]).unwrap(), ["fuzz"]);
    }

    #[test]
    fn an_unknown_tier_names_the_nearest() {
        let error = names(&["kernal"]).unwrap_err().to_string();
        assert_eq!(error, "no tier `kernal`; did you mean `kernel`?");
    }

    #[test]
    fn help_tells_every_tier_with_its_budget() {
        for tier in TIERS {
            let line = HELP
                .lines()
                .find(|line| line.trim_start().starts_with(tier.name));
            let budget = format!(" {} min", tier.budget_minutes);
            assert!(
                line.is_some_and(|line| line.ends_with(&budget)),
                "{}",
                tier.name
            );
        }
    }
}
