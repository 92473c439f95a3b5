//! Owns: reading what Rust's test programs print, line by line.
//! Must not: run anything, print anything, or judge whether a skip is allowed.
//!
//! Counts come from the `test result:` line of each program; the names of failed and skipped
//! tests from the lines before it. A test says that it cannot run here by printing
//! `SKIP <test>: <reason>`; to the test program it passed, here it is neither passed nor failed. One that
//! passed with another result than elsewhere prints `DIFFERS <test>: <difference>`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::said::{self, Said};

/// What one stream of test output said. It may hold several programs, one after the other.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
    pub measured: u64,
    pub filtered: u64,
    pub passed_names: Vec<String>,
    pub failed_names: Vec<String>,
    /// Failed tests and what they said of it.
    #[serde(default)]
    pub said: BTreeMap<String, Vec<String>>,
    /// Test and reason; these are not among the passed.
    pub skipped: BTreeMap<String, String>,
    /// Test and the names of what it found different from elsewhere.
    pub differs: BTreeMap<String, BTreeSet<String>>,
    /// Of tests whose program tells it.
    #[serde(skip)]
    pub times: BTreeMap<String, Duration>,
    /// Programs that began ("running N tests") and ended ("test result: …").
    pub began: u64,
    pub ended: u64,
}

impl Tally {
    /// Takes in what another program said.
    pub fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
        self.measured += other.measured;
        self.filtered += other.filtered;
        self.passed_names.extend(other.passed_names);
        self.failed_names.extend(other.failed_names);
        self.said.extend(other.said);
        self.skipped.extend(other.skipped);
        self.differs.extend(other.differs);
        self.times.extend(other.times);
        self.began += other.began;
        self.ended += other.ended;
    }
}

/// Feed it lines; it answers whether a person wants to see each.
#[derive(Debug, Default)]
pub struct Parser {
    tally: Tally,
    /// Named by `test NAME ...`, its result not seen yet.
    pending: Option<String>,
    section: Section,
    /// The failed test whose output is being read.
    saying: Option<(String, Said)>,
    /// What the program that is being read announced: its tests, by "running N tests".
    announced: Option<u64>,
}

/// Behind the tests' lines a program prints what they wrote, which may look like anything.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Section {
    #[default]
    Tests,
    Successes,
    Failures,
}

impl Parser {
    /// Takes one line without its newline. False: it is the captured output of a passed test.
    pub fn line(&mut self, line: &str) -> bool {
        if let Some(rest) = line.strip_prefix("test result: ")
            && self.is_own_result(rest)
        {
            self.section = Section::Tests;
            self.announced = None;
            self.said();
            self.result(rest);
            return true;
        }
        if line == "failures:" {
            self.said();
            self.section = Section::Failures;
        } else if line == "successes:" {
            self.section = Section::Successes;
        } else if let Some((name, reason)) = said_in(line, "SKIP ") {
            self.tally
                .skipped
                .insert(name.to_owned(), reason.to_owned());
        } else if let Some((name, difference)) = said_in(line, "DIFFERS ") {
            let differs = self.tally.differs.entry(name.to_owned()).or_default();
            differs.insert(difference.to_owned());
        } else if self.section == Section::Failures {
            self.failure(line);
        }
        if self.section != Section::Tests {
            return self.section == Section::Failures;
        }
        if let Some(number) = announcement(line) {
            self.tally.began += 1;
            self.announced = Some(number);
        } else if let Some((name, status)) = test_line(line) {
            self.pending = Some(name.to_owned());
            self.status(status);
        } else {
            self.status(line);
        }
        true
    }

    /// Everything said; skipped tests are taken out of the passed.
    pub fn finish(self) -> Tally {
        let mut tally = self.tally;
        let failed = std::mem::take(&mut tally.failed_names);
        tally.skipped.retain(|name, _| !failed.contains(name));
        tally.failed_names = failed;
        let skipped = &tally.skipped;
        tally
            .passed_names
            .retain(|name| !skipped.contains_key(name));
        tally.passed = tally.passed.saturating_sub(skipped.len() as u64);
        tally
    }

    /// A line of what failed tests printed.
    fn failure(&mut self, line: &str) {
        let failed = |name: &&str| self.tally.failed_names.iter().any(|failed| failed == name);
        if let Some(name) = said::header(line).filter(failed) {
            self.said();
            self.saying = Some((name.to_owned(), Said::default()));
        } else if let Some((_, said)) = &mut self.saying {
            said.line(line);
        }
    }

    /// What a failed test printed is over.
    fn said(&mut self) {
        if let Some((name, said)) = self.saying.take() {
            self.tally.said.insert(name, said.finish());
        }
    }

    /// How many tests have ended so far.
    pub fn done(&self) -> usize {
        self.tally.passed_names.len() + self.tally.failed_names.len()
    }

    fn status(&mut self, status: &str) {
        let Some(name) = self.pending.take() else {
            return;
        };
        let (status, time) = with_time(status);
        if let Some(time) = time {
            self.tally.times.insert(name.clone(), time);
        }
        if status == "ok" {
            self.tally.passed_names.push(name);
        } else if status == "FAILED" {
            self.tally.failed_names.push(name);
        } else if !status.starts_with("ignored") && !status.starts_with("bench:") {
            self.pending = Some(name); // the test printed something past the capture
        }
    }

    /// Not one that a test printed: all tests that were announced are in it.
    fn is_own_result(&self, rest: &str) -> bool {
        let mut inner = Self::default();
        inner.result(rest);
        let tally = inner.tally;
        let ran = tally.passed + tally.failed + tally.ignored + tally.measured;
        self.section == Section::Tests || self.announced.is_none_or(|number| number == ran)
    }

    /// `ok. 3 passed; 0 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.00s`
    fn result(&mut self, rest: &str) {
        self.tally.ended += 1;
        let counts = rest.split_once(". ").map_or(rest, |(_, counts)| counts);
        for part in counts.split("; ") {
            let Some((number, what)) = part.split_once(' ') else {
                continue;
            };
            let Ok(number) = number.parse::<u64>() else {
                continue;
            };
            match what {
                "passed" => self.tally.passed += number,
                "failed" => self.tally.failed += number,
                "ignored" => self.tally.ignored += number,
                "measured" => self.tally.measured += number,
                "filtered out" => self.tally.filtered += number,
                _ => {}
            }
        }
    }
}

/// `running N tests`
fn announcement(line: &str) -> Option<u64> {
    let rest = line.strip_prefix("running ")?;
    let number = rest
        .strip_suffix(" tests")
        .or_else(|| rest.strip_suffix(" test"))?;
    number.parse().ok()
}

/// `test NAME ... STATUS`, where NAME may have ` - should panic` behind it.
fn test_line(line: &str) -> Option<(&str, &str)> {
    let (name, status) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((name.split(" - ").next().unwrap_or(name), status))
}

/// `ok <0.123s>`: a result and how long the test took.
fn with_time(status: &str) -> (&str, Option<Duration>) {
    let split = || {
        let (status, time) = status.strip_suffix("s>")?.split_once(" <")?;
        let seconds = time.parse().ok()?;
        Some((status, Duration::try_from_secs_f64(seconds).ok()))
    };
    split().unwrap_or((status, None))
}

/// `SKIP NAME: REASON`, alone or behind the `test NAME ... ` that was printed before the test ran.
fn said_in<'a>(line: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let said = test_line(line).map_or(line, |(_, said)| said);
    let (name, reason) = said.trim_start().strip_prefix(word)?.split_once(": ")?;
    (!name.is_empty() && !name.contains(' ')).then_some((name, reason.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(text: &str) -> Tally {
        let mut parser = Parser::default();
        for line in text.lines() {
            parser.line(line);
        }
        parser.finish()
    }

    const RUN: &str = "
running 4 tests
test exec::one ... ok
test exec::two - should panic ... ok
test exec::three ... FAILED
test exec::four ... ignored, why

failures:

---- exec::three stdout ----
thread panicked: test looks ... ok

failures:
    exec::three

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.10s
";

    #[test]
    fn a_run_is_counted_and_its_failures_named() {
        let tally = tally(RUN);
        assert_eq!(
            (tally.passed, tally.failed, tally.ignored, tally.filtered),
            (2, 1, 1, 7)
        );
        assert_eq!(tally.passed_names, ["exec::one", "exec::two"]);
        assert_eq!(tally.failed_names, ["exec::three"]);
        let said = vec!["thread panicked: test looks ... ok".to_owned()];
        assert_eq!(tally.said, [("exec::three".to_owned(), said)].into());
        assert_eq!((tally.began, tally.ended), (1, 1));
    }

    #[test]
    fn several_programs_add_up() {
        let tally = tally(&format!("{RUN}{RUN}"));
        assert_eq!(
            (tally.passed, tally.failed, tally.filtered, tally.ended),
            (4, 2, 14, 2)
        );
    }

    #[test]
    fn a_skip_is_found_in_captured_output_which_stays_hidden() {
        let mut parser = Parser::default();
        let text = "running 2 tests\ntest a::b ... ok\ntest c ... ok\n\nsuccesses:\n\n\
                    ---- a::b stdout ----\nSKIP a::b: no podman here: apt has none\nnoise\n\n\
                    successes:\n    a::b\n    c\n\n\
                    test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
        let shown: Vec<&str> = text.lines().filter(|line| parser.line(line)).collect();
        assert!(!shown.contains(&"noise") && shown.len() == 5, "{shown:?}");
        let tally = parser.finish();
        assert_eq!((tally.passed, tally.failed), (1, 0));
        assert_eq!(tally.passed_names, ["c"]);
        let reason = "no podman here: apt has none".to_owned();
        assert_eq!(tally.skipped, BTreeMap::from([("a::b".to_owned(), reason)]));
    }

    #[test]
    fn what_tests_printed_is_not_taken_for_the_programs_own_words() {
        let tally = tally(
            "running 2 tests\ntest a ... ok\ntest b ... ok\n\nsuccesses:\n\n\
             ---- a stdout ----\nrunning 1 test\ntest x ... FAILED\n\
             test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n\
             ---- b stdout ----\nrunning 1 test\n\nsuccesses:\n    a\n    b\n\n\
             test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
        );
        assert_eq!((tally.passed, tally.failed), (2, 0));
        assert_eq!((tally.began, tally.ended), (1, 1));
        assert_eq!(tally.passed_names, ["a", "b"]);
    }

    #[test]
    fn a_skip_written_past_the_capture_is_found_too() {
        let tally = tally(
            "running 2 tests\ntest a ... SKIP a: refused\nok\ntest b ... half a line\nFAILED\n\
             test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n",
        );
        assert_eq!((tally.passed, tally.failed, tally.skipped.len()), (0, 1, 1));
        assert_eq!(tally.failed_names, ["b"]);
    }

    #[test]
    fn times_and_differences_are_told_of_each_test() {
        let tally = tally(
            "running 2 tests\ntest a ... ok <0.250s>\ntest b ... FAILED <12.000s>\n\n\
             successes:\n\n---- a stdout ----\nDIFFERS a: one\nDIFFERS a: two\n\n\
             test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n",
        );
        let times: Vec<u128> = tally.times.values().map(Duration::as_millis).collect();
        assert_eq!(times, [250, 12_000]);
        let differs: Vec<&String> = tally.differs["a"].iter().collect();
        assert_eq!(differs, ["one", "two"]);
        assert_eq!(
            (tally.passed_names, tally.failed_names),
            (vec!["a".to_owned()], vec!["b".to_owned()])
        );
    }

    #[test]
    fn a_test_that_failed_after_saying_skip_has_failed() {
        let tally = tally(
            "running 1 test\ntest a ... SKIP a: x\nFAILED\n\
             test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n",
        );
        assert_eq!((tally.passed, tally.failed, tally.skipped.len()), (0, 1, 0));
    }

    #[test]
    fn a_program_that_died_has_begun_but_not_ended() {
        let tally = tally("running 3 tests\ntest a ... ok\n");
        assert_eq!((tally.began, tally.ended, tally.passed), (1, 0, 0));
    }
}
