//! Owns: running tiers' test programs on another kernel, and making a row of what came back.
//! Must not: boot anything itself (that is `vm`), or build anything.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::libtest::{Parser, Tally};
use crate::build::Executable;
use crate::vm::{
    JobKind, JobReport, MachineEnd, SuiteJob, SuiteOutcome, SuiteReport, SuiteRequest, TestResult,
    place_programs, run_suite,
};
use crate::workspace;

/// What a guest's tests came to: the counts and the problems, or why there is no guest.
pub enum Verdict {
    Ran { tally: Tally, problems: Vec<String> },
    NotAvailable(String),
}

/// Tests that the tier leaves out of a guest, by kernel and part of their names: each starts a daemon
/// with file hooks, and to verify the legacy flavour takes an emulated CPU 20 to 30 s.
/// `cargo xtask vm --kernel 5.10 --test kernel --filter evasion` runs them; what `volume` tests is folded
/// in the other flavour only.
const LEFT_OUT: [(&str, &str); 2] = [("5.10", "evasion::"), ("5.10", "volume::")];

/// When what a guest's tests print is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Echo {
    Live,
    /// As a whole: another guest runs at the same time.
    Afterwards,
}

/// Boots the kernel once and runs all programs there, each within its share of `budget`.
pub fn run(
    kernel: &str,
    programs: &[Executable],
    daemon: &Path,
    filter: Option<&str>,
    budget: Duration,
    echo: Echo,
) -> Result<Verdict> {
    let mut request = SuiteRequest::new(workspace::root(), kernel);
    place_programs(&mut request, daemon);
    let left_out = LEFT_OUT.iter().filter(|(of, _)| *of == kernel);
    let skip: Vec<String> = left_out.map(|(_, part)| (*part).to_owned()).collect();
    for part in &skip {
        eprintln!("{kernel}: left out of this tier, and to be run by themselves: {part}*");
    }
    request.jobs.extend(programs.iter().map(|program| SuiteJob {
        name: program.target.clone(),
        kind: JobKind::Tests {
            program: program.path.clone(),
            filter: filter.map(str::to_owned),
            skip: skip.clone(),
        },
        // One may take longer than the other; together they are held by the machine's own limit.
        time_limit: budget / 4 * 3,
    }));
    request.echo = echo == Echo::Live;
    judged(&request)
}

/// Boots a guest, and says what its tests came to.
pub fn judged(request: &SuiteRequest) -> Result<Verdict> {
    Ok(match run_suite(request)? {
        SuiteOutcome::NotAvailable(reason) => Verdict::NotAvailable(reason),
        SuiteOutcome::Ran(report) => {
            if !request.echo {
                print(&report);
            }
            judge(&report)
        }
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

fn judge(report: &SuiteReport) -> Verdict {
    for line in report.notes.iter().chain(&report.complaints) {
        eprintln!("{}: {line}", report.series);
    }
    let mut tally = Tally::default();
    let mut problems = Vec::new();
    for job in &report.jobs {
        let said = tally_of(&job.stdout);
        if !job.passed() && said.failed == 0 {
            problems.push(sentence(job));
        }
        tally.add(said);
    }
    let (how, tail) = match &report.end {
        MachineEnd::PoweredOff => return Verdict::Ran { tally, problems },
        MachineEnd::NotBooted(tail) => ("did not boot", tail),
        MachineEnd::Died(tail) => ("died", tail),
        MachineEnd::TimedOut(tail) => ("hung", tail),
    };
    eprintln!("{}: the last lines of its console:\n{tail}", report.series);
    problems.push(format!(
        "the guest {how}; its console's last lines are above"
    ));
    Verdict::Ran { tally, problems }
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

    fn report(stdout: &str, end: MachineEnd) -> SuiteReport {
        let job = JobReport {
            name: "kernel".to_owned(),
            stdout: stdout.as_bytes().to_owned(),
            ..JobReport::default()
        };
        SuiteReport {
            series: "5.10".to_owned(),
            release: "5.10.0".to_owned(),
            boot: Duration::ZERO,
            boot_attempts: 1,
            image_bytes: 0,
            end,
            jobs: vec![job],
            notes: Vec::new(),
            complaints: Vec::new(),
            files: Vec::new(),
        }
    }

    fn judged(stdout: &str, end: MachineEnd) -> (Tally, Vec<String>) {
        match judge(&report(stdout, end)) {
            Verdict::Ran { tally, problems } => (tally, problems),
            Verdict::NotAvailable(reason) => panic!("{reason}"),
        }
    }

    #[test]
    fn failed_tests_of_a_guest_are_failures_by_name_and_nothing_more() {
        let text = "running 2 tests\ntest a ... SKIP a: old\nok\ntest b ... FAILED\n\
                    test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let (tally, problems) = judged(text, MachineEnd::PoweredOff);
        assert_eq!((tally.passed, tally.failed, tally.skipped.len()), (0, 1, 1));
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn a_guest_that_dies_is_a_problem_beside_its_unfinished_program() {
        let (tally, problems) = judged("running 1 test\n", MachineEnd::Died("oops".to_owned()));
        assert_eq!((tally.passed, tally.failed), (0, 0));
        let died = "the guest died; its console's last lines are above";
        assert_eq!(problems, ["kernel: not finished", died]);
    }
}
