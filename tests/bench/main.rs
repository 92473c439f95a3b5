//! `audit-bench`: measures, for `cargo xtask bench`, which builds it, runs it as root, and holds its
//! figures against the design's budgets. docs/BENCH.md says what each figure means.
//!
//! Owns the list of measures and their order: auditd is last, for it leaves a mark on the machine.
//! Prints figures on standard output (see `finding`), progress on standard error.

mod acts;
mod auditd;
mod costs;
mod daemon;
mod empty;
mod finding;
mod hour;
mod ledger;
mod live;
mod mechanisms;
mod memory;
mod names;
mod opens;
mod samples;
mod stages;
mod throughput;
mod watches;
mod wire;

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// Names for `--only`, in the order of running.
const MEASURES: &[&str] = &[
    costs::MEASURE,
    watches::MEASURE,
    opens::MEASURE,
    mechanisms::MEASURE,
    throughput::MEASURE,
    live::DELAY,
    live::RATES,
    memory::MEMORY,
    memory::SOAK,
    hour::MEASURE,
    costs::AUDITD,
];

const ROUNDS: u32 = 7;
const ROUNDS_QUICK: u32 = 2;

/// What to measure, with what, and how long.
pub struct Plan {
    pub daemon: PathBuf,
    /// On the disk where a log would be.
    dir: tempfile::TempDir,
    /// For files at a given depth: a build directory may be deeper already.
    shallow: tempfile::TempDir,
    only: Vec<String>,
    pub rounds: u32,
    /// One act in one round.
    pub slice: Duration,
    /// One figure of those that need a steady state.
    pub stretch: Duration,
    pub soak: Duration,
}

impl Plan {
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn shallow(&self) -> &Path {
        self.shallow.path()
    }

    fn wants(&self, measure: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == measure)
    }

    /// `--daemon FILE --dir DIR [--only NAME]… [--rounds N] [--quick]`
    fn parse(mut words: impl Iterator<Item = OsString>) -> Result<Plan> {
        let (mut daemon, mut dir, mut rounds, mut quick) = (None, None, None, false);
        let mut only = Vec::new();
        while let Some(word) = words.next() {
            let mut value = || words.next().context("an option lacks its value");
            match word.to_str() {
                Some("--daemon") => daemon = Some(PathBuf::from(value()?)),
                Some("--dir") => dir = Some(PathBuf::from(value()?)),
                Some("--only") => only.push(measure_named(&value()?)?),
                Some("--rounds") => {
                    rounds = Some(value()?.to_string_lossy().parse().context("--rounds")?);
                }
                Some("--quick") => quick = true,
                _ => bail!("unknown argument {word:?}"),
            }
        }
        let dir = dir.context("--dir is missing")?;
        let millis = |full, short| Duration::from_millis(if quick { short } else { full });
        Ok(Plan {
            daemon: daemon.context("--daemon is missing")?,
            dir: tempfile::Builder::new().prefix("bench").tempdir_in(dir)?,
            shallow: tempfile::Builder::new().prefix("bench").tempdir()?,
            only,
            rounds: rounds
                .unwrap_or(if quick { ROUNDS_QUICK } else { ROUNDS })
                .max(1),
            slice: millis(150, 30),
            stretch: millis(4_000, 700),
            soak: millis(60_000, 3_000),
        })
    }
}

fn measure_named(name: &OsString) -> Result<String> {
    match name.to_str().filter(|name| MEASURES.contains(name)) {
        Some(name) => Ok(name.to_owned()),
        None => bail!("no measure {name:?}; there are: {}", MEASURES.join(", ")),
    }
}

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let result = match &words[..] {
        [word, dir] if word == memory::HOLD => memory::hold(Path::new(dir)),
        _ => Plan::parse(words.into_iter()).and_then(|plan| run(&plan)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> Result<()> {
    finding::surroundings(&surroundings()?);
    let mut failed = Vec::new();
    let mut note = |measure: &str, result: Result<()>| {
        if let Err(error) = result {
            finding::skipped(measure, "all", &format!("failed: {error:#}"));
            failed.push(measure.to_owned());
        }
    };
    let mut costs_sampled = None;
    if plan.wants(costs::MEASURE) {
        let result = costs::run(plan).map(|sampled| costs_sampled = Some(sampled));
        note(costs::MEASURE, result);
    }
    type Measure = fn(&Plan) -> Result<()>;
    let measures: [(&str, Measure); 9] = [
        (watches::MEASURE, watches::run),
        (opens::MEASURE, opens::run),
        (mechanisms::MEASURE, mechanisms::run),
        (throughput::MEASURE, throughput::run),
        (live::DELAY, live::delays),
        (live::RATES, live::rates),
        (memory::MEMORY, memory::run),
        (memory::SOAK, memory::soak),
        (hour::MEASURE, hour::run),
    ];
    for (measure, run) in measures {
        if plan.wants(measure) {
            note(measure, run(plan));
        }
    }
    if plan.wants(costs::AUDITD) {
        note(costs::AUDITD, costs::run_auditd(plan, costs_sampled));
    }
    if !failed.is_empty() {
        bail!("could not be measured: {}", failed.join(", "));
    }
    Ok(())
}

/// What one must know of the machine to read the figures.
fn surroundings() -> Result<serde_json::Value> {
    let read = |path: &str| {
        std::fs::read_to_string(path)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let cpu_info = read("/proc/cpuinfo");
    let cpu = cpu_info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cpus = std::thread::available_parallelism()?.get();
    Ok(serde_json::json!({
        "kernel": read("/proc/sys/kernel/osrelease"),
        "cpu": cpu.map_or("unknown", |(_, name)| name),
        "cpus": cpus,
        "load_before": read("/proc/loadavg"),
        "tracing_programs_before": empty::tracing_programs(),
        "auditd_was_enabled_since_boot": auditd::was_enabled(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Plan> {
        Plan::parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn options_are_taken_and_measures_must_exist() {
        let plan = parse("--daemon d --dir /tmp --only delay --only soak --rounds 3").unwrap();
        assert_eq!(plan.rounds, 3);
        assert!(plan.wants("soak") && plan.wants("delay") && !plan.wants("auditd"));
        assert!(parse("--daemon d --dir /tmp").unwrap().wants("auditd"));
        let error = parse("--daemon d --dir /tmp --only dealy")
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.starts_with("no measure \"dealy\"; there are: costs, "),
            "{error}"
        );
        assert!(parse("--dir /tmp").is_err());
    }
}
