//! Owns: running tiers' test programs on another kernel, and making sense of what came back.
//! Must not: boot anything itself (that is `vm`), choose what runs, or build anything.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::libtest::{Parser, Tally};
use super::plan::{self, Part};
use super::programs::{self, Loaded};
use crate::build::Executable;
use crate::vm::{
    JobKind, JobReport, MachineEnd, Placed, SuiteJob, SuiteOutcome, SuiteReport, SuiteRequest,
    TestResult, job_name, place_programs, run_suite, use_mechanism,
};
use crate::workspace;

/// What came out of one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartRun {
    pub part: Part,
    pub tally: Tally,
    /// Failures beside those of single tests, one sentence each.
    pub problems: Vec<String>,
    #[serde(skip)]
    pub took: Duration,
}

/// A guest and all that ran there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// What `uname -r` says.
    pub release: String,
    pub parts: Vec<PartRun>,
    /// By mechanism, where it was asked for.
    pub loaded: Vec<Loaded>,
}

pub enum Verdict {
    Ran(Guest),
    NotAvailable(String),
}

/// When what a guest's tests print is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    Live,
    /// As a whole: another guest runs at the same time.
    Afterwards,
}

/// What to do in a guest.
pub struct Order<'a> {
    pub kernel: &'a str,
    /// More of its command line.
    pub arguments: Option<&'a str>,
    pub parts: Vec<Part>,
    /// The suites' test programs.
    pub programs: &'a [Executable],
    pub daemon: &'a Path,
    /// For all parts together, from the start of the machine.
    pub time_limit: Duration,
    pub echo: Echo,
    /// Ask the daemon what each of its programs takes, too, with configurations made there.
    pub loads_in: Option<&'a Path>,
}

/// Boots the kernel once and runs all parts there.
pub fn run(order: &Order<'_>) -> Result<Verdict> {
    let mut request = SuiteRequest::new(workspace::root(), order.kernel);
    place_programs(&mut request, order.daemon);
    request
        .kernel_arguments
        .extend(order.arguments.map(str::to_owned));
    for part in &order.parts {
        request.jobs.push(job(order, part)?);
    }
    if let Some(directory) = order.loads_in {
        for mechanism in plan::MECHANISMS {
            let config = programs::config(directory, order.kernel, mechanism)?;
            let job = programs::job(order.daemon, &config, mechanism);
            request.jobs.push(job);
            request.files.push(Placed {
                source: config.clone(),
                path: config,
            });
        }
    }
    request.time_limit = Some(order.time_limit);
    request.echo = order.echo == Echo::Live;
    Ok(match run_suite(&request)? {
        SuiteOutcome::NotAvailable(reason) => Verdict::NotAvailable(reason),
        SuiteOutcome::Ran(report) => {
            if order.echo == Echo::Afterwards {
                print(&report);
            }
            Verdict::Ran(judge(&report, &order.parts))
        }
    })
}

fn job(order: &Order<'_>, part: &Part) -> Result<SuiteJob> {
    let program = order
        .programs
        .iter()
        .find(|program| program.target == part.suite)
        .with_context(|| format!("cargo built no test program {}", part.suite))?;
    Ok(SuiteJob {
        name: job_name(&part.suite, Some(&part.mechanism)),
        kind: JobKind::Tests {
            program: program.path.clone(),
            only: part.only.clone(),
            skip: Vec::new(),
        },
        env: vec![use_mechanism(plan::setting(order.kernel, &part.mechanism))],
        time_limit: order.time_limit,
    })
}

fn print(report: &SuiteReport) {
    let mut text = String::new();
    for job in &report.jobs {
        text.push_str(&format!("==> Linux {}: {}\n", report.series, job.name));
        text.push_str(&String::from_utf8_lossy(&job.stdout));
        text.push_str(&String::from_utf8_lossy(&job.stderr));
    }
    // In one piece, for the other guest may end in the same moment.
    print!("{text}");
}

fn judge(report: &SuiteReport, parts: &[Part]) -> Guest {
    for line in report.notes.iter().chain(&report.complaints) {
        eprintln!("{}: {line}", report.series);
    }
    let mut guest = Guest {
        release: report.release.clone(),
        parts: Vec::new(),
        loaded: programs::of(&report.jobs),
    };
    for (job, part) in report.jobs.iter().zip(parts) {
        let tally = tally_of(&job.stdout);
        let is_unexplained = !job.passed() && tally.failed == 0;
        guest.parts.push(PartRun {
            part: part.clone(),
            problems: is_unexplained.then(|| sentence(job)).into_iter().collect(),
            tally,
            took: job.took,
        });
    }
    let (how, tail) = match &report.end {
        MachineEnd::PoweredOff => return guest,
        MachineEnd::NotBooted(tail) => ("did not boot", tail),
        MachineEnd::Died(tail) => ("died", tail),
        MachineEnd::TimedOut(tail) => ("did not come to its end in time", tail),
    };
    eprintln!("{}: the last lines of its console:\n{tail}", report.series);
    // It is told where it happened: with the first part that did not come to its end.
    let unfinished = report.jobs.iter().position(|job| job.exit.is_none());
    let at = unfinished
        .unwrap_or(parts.len())
        .min(parts.len().saturating_sub(1));
    if let Some(part) = guest.parts.get_mut(at) {
        part.problems.push(format!(
            "the guest {how}; its console's last lines are above"
        ));
    }
    guest
}

fn tally_of(stdout: &[u8]) -> Tally {
    let mut parser = Parser::default();
    for line in String::from_utf8_lossy(stdout).lines() {
        parser.line(line);
    }
    parser.finish()
}

fn sentence(job: &JobReport) -> String {
    let tests = job
        .transcript
        .iter()
        .flat_map(|transcript| &transcript.tests);
    let unfinished: Vec<&str> = tests
        .filter(|test| test.result == TestResult::Unfinished)
        .map(|test| test.name.as_str())
        .collect();
    let inside = match unfinished.is_empty() {
        true => String::new(),
        false => format!(", in {}", unfinished.join(", ")),
    };
    format!("{}: {}{inside}", job.name, job.ending())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::plan::Scope;
    use audit_guest::frame::Exit;

    /// The last one did not come to its end, unless the machine did.
    fn judged(stdout: &[&str], end: MachineEnd) -> Vec<PartRun> {
        let parts = plan::parts("5.10", &["kernel"], Scope::All);
        let last = match end {
            MachineEnd::PoweredOff => stdout.len(),
            _ => stdout.len() - 1,
        };
        let jobs = (0..)
            .zip(stdout)
            .zip(&parts)
            .map(|((at, stdout), part)| JobReport {
                name: job_name(&part.suite, Some(&part.mechanism)),
                exit: (at < last).then_some(Exit::Code(101)),
                stdout: stdout.as_bytes().to_owned(),
                ..JobReport::default()
            });
        let report = SuiteReport {
            series: "5.10".to_owned(),
            release: "5.10.0".to_owned(),
            boot: Duration::ZERO,
            boot_attempts: 1,
            image_bytes: 0,
            end,
            jobs: jobs.collect(),
            notes: Vec::new(),
            complaints: Vec::new(),
            files: Vec::new(),
        };
        judge(&report, &parts).parts
    }

    const FAILED: &str = "running 2 tests\ntest a ... SKIP a: old\nok\ntest b ... FAILED\n\
        test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";

    #[test]
    fn failed_tests_of_a_guest_are_failures_by_name_and_nothing_more() {
        let parts = judged(&[FAILED], MachineEnd::PoweredOff);
        let tally = &parts[0].tally;
        assert_eq!((tally.passed, tally.failed, tally.skipped.len()), (0, 1, 1));
        assert_eq!(parts[0].problems, [""; 0]);
    }

    #[test]
    fn a_guest_that_dies_is_a_problem_of_the_part_that_ran() {
        let died = MachineEnd::Died("oops".to_owned());
        let parts = judged(&[FAILED, "running 1 test\n"], died);
        let ended = "the guest died; its console's last lines are above";
        assert_eq!(parts[0].problems, [""; 0]);
        let unfinished = "kernel (trampoline): not finished";
        assert_eq!(parts[1].problems, [unfinished, ended]);
        assert_eq!(parts[1].tally.passed, 0);
    }
}
