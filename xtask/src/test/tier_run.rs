//! Owns: what one tier's programs said so far, and the time they have left.
//! Must not: choose what runs.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::libtest::{Parser, Tally};
use super::report::minutes;
use super::watched::{self, End};

pub struct TierRun {
    pub tally: Tally,
    /// Failures beside those of single tests, one sentence each.
    pub problems: Vec<String>,
    started: Instant,
    budget: Duration,
}

impl TierRun {
    /// The clock starts now: building is over.
    pub fn start(budget: Duration) -> Self {
        Self {
            tally: Tally::default(),
            problems: Vec::new(),
            started: Instant::now(),
            budget,
        }
    }

    pub fn took(&self) -> Duration {
        self.started.elapsed()
    }

    /// Runs a test program, shows what it says and counts it. False: the time is over.
    pub fn test_program(&mut self, command: &mut Command, name: &str) -> Result<bool> {
        let mut parser = Parser::default();
        let end = self.watch(command, name, |line| {
            let Some(line) = line else {
                return format!("{} tests done", parser.done());
            };
            if parser.line(line) {
                println!("{line}");
            }
            String::new()
        })?;
        let tally = parser.finish();
        let died = tally.began == 0 || tally.began > tally.ended;
        match &end {
            End::Exited(status) if died => {
                let done = tally.passed_names.len() + tally.failed_names.len();
                let sentence =
                    format!("{name} ended with {status} before its result, {done} tests done");
                self.problems.push(sentence);
            }
            End::Exited(status) if !status.success() && tally.failed == 0 => {
                self.problems
                    .push(format!("{name} ended with {status}, though no test failed"));
            }
            End::Exited(_) | End::OutOfTime => {}
        }
        self.tally.add(tally);
        Ok(self.had_time(&end, name))
    }

    /// Runs a program that is one test by itself. False: the time is over.
    pub fn single_test(&mut self, command: &mut Command, name: &str) -> Result<bool> {
        let end = self.watch(command, name, |line| {
            line.inspect(|line| println!("{line}"));
            String::new()
        })?;
        if let End::Exited(status) = &end {
            let names = match status.success() {
                true => (&mut self.tally.passed, &mut self.tally.passed_names),
                false => (&mut self.tally.failed, &mut self.tally.failed_names),
            };
            *names.0 += 1;
            names.1.push(name.to_owned());
        }
        Ok(self.had_time(&end, name))
    }

    /// `on_line` shows a line; for `None` it answers how far the program has come.
    fn watch(
        &self,
        command: &mut Command,
        name: &str,
        mut on_line: impl FnMut(Option<&str>) -> String,
    ) -> Result<End> {
        let (started, budget) = (self.started, self.budget);
        watched::run(command, started + budget, |line| {
            let progress = on_line(line);
            if line.is_none() {
                let took = minutes(started.elapsed());
                eprintln!(
                    "… {name}: still running, {took} of {} ({progress})",
                    minutes(budget)
                );
            }
        })
    }

    fn had_time(&mut self, end: &End, name: &str) -> bool {
        if matches!(end, End::OutOfTime) {
            let budget = minutes(self.budget);
            self.problems
                .push(format!("{name} was ended: the tier's {budget} were over"));
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(script: &str, seconds: u64) -> (TierRun, bool) {
        let mut run = TierRun::start(Duration::from_secs(seconds));
        let mut command = Command::new("sh");
        let in_time = run
            .test_program(command.args(["-c", script]), "prog")
            .unwrap();
        (run, in_time)
    }

    const RESULT: &str =
        "echo 'test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out'";

    #[test]
    fn a_program_that_ends_well_is_only_counted() {
        let (run, in_time) = after(&format!("echo 'running 1 test'; {RESULT}"), 60);
        assert_eq!(
            (run.tally.passed, run.problems.len(), in_time),
            (1, 0, true)
        );
    }

    #[test]
    fn dying_silent_or_unexplained_failing_is_a_problem() {
        let cases = [
            (
                "echo 'running 1 test'; kill -9 $$".to_owned(),
                "before its result",
            ),
            ("exit 0".to_owned(), "before its result"),
            (
                format!("echo 'running 1 test'; {RESULT}; exit 7"),
                "though no test failed",
            ),
        ];
        for (script, expected) in cases {
            let (run, _) = after(&script, 60);
            assert_eq!(run.problems.len(), 1, "{script}");
            assert!(run.problems[0].contains(expected), "{:?}", run.problems);
        }
    }

    #[test]
    fn outliving_the_budget_is_a_problem_and_ends_the_tier() {
        let (run, in_time) = after("echo 'running 1 test'; sleep 1000", 1);
        assert!(!in_time);
        assert_eq!(run.problems, ["prog was ended: the tier's 0:01 were over"]);
    }

    #[test]
    fn a_single_test_is_its_exit_code() {
        let mut run = TierRun::start(Duration::from_secs(60));
        assert!(run.single_test(&mut Command::new("true"), "good").unwrap());
        assert!(run.single_test(&mut Command::new("false"), "bad").unwrap());
        assert_eq!((run.tally.passed, run.tally.failed), (1, 1));
        assert_eq!(run.tally.failed_names, ["bad"]);
    }
}
