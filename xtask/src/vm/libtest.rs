//! Reads what Rust's test programs print, run with `--test-threads=1`.
//!
//! Owns: the line format of libtest: `test NAME ... ok`, where NAME is printed when the test
//! begins and the rest when it is over, so that a test which hangs or kills its process is
//! known by name; and the closing line `test result: …`.
//!
//! Must not: fail on anything: tests' children may print into the middle of a line.

use std::time::Duration;

/// How one test ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestResult {
    Passed,
    Failed,
    Ignored,
    /// It began, and the program ended or was killed before it was over.
    Unfinished,
}

/// One test of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    pub name: String,
    pub result: TestResult,
}

/// The counts that the program itself gives at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
    pub filtered_out: u64,
    pub took: Duration,
}

/// All that a program said about its tests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transcript {
    pub tests: Vec<Test>,
    /// `None` if the program did not come to its end.
    pub summary: Option<Summary>,
}

impl Transcript {
    pub fn parse(output: &[u8]) -> Self {
        let text = String::from_utf8_lossy(output);
        let mut reader = Reader::default();
        for line in text.lines() {
            reader.take(line);
        }
        reader.finish()
    }

    pub fn count(&self, result: TestResult) -> u64 {
        self.tests
            .iter()
            .filter(|test| test.result == result)
            .count() as u64
    }

    /// Whether the tests that were seen are those that the program counted.
    pub fn is_consistent(&self) -> bool {
        self.summary.is_some_and(|summary| {
            summary.passed == self.count(TestResult::Passed)
                && summary.failed == self.count(TestResult::Failed)
                && summary.ignored == self.count(TestResult::Ignored)
        })
    }
}

#[derive(Default)]
struct Reader {
    transcript: Transcript,
    /// Places of tests into whose line something was printed: their result is a guess.
    interrupted: Vec<usize>,
    /// The names under the last `failures:`.
    failures: Vec<String>,
    /// All tests were run: what follows is what they printed, and the lists at the end.
    over: bool,
}

impl Reader {
    fn take(&mut self, line: &str) {
        let tests = &mut self.transcript.tests;
        self.over |= line == "successes:" || line == "failures:";
        if let Some(rest) = line.strip_prefix("test result: ") {
            // The last one is the program's own.
            self.transcript.summary = parse_summary(rest);
        } else if let Some((name, rest)) = split_test(line).filter(|_| !self.over) {
            let result = parse_result(rest);
            if result.is_none() {
                self.interrupted.push(tests.len());
            }
            let result = result.or(guess(rest)).unwrap_or(TestResult::Unfinished);
            tests.push(Test {
                name: name.into(),
                result,
            });
        } else if line == "failures:" {
            self.failures.clear();
        } else if let Some(name) = line.strip_prefix("    ") {
            self.failures.push(name.into());
        } else if let Some(guessed) = guess(line)
            && let Some(place) = self.interrupted.last()
            && place + 1 == tests.len()
            && !self.over
        {
            tests[*place].result = guessed;
        }
    }

    /// A program that came to its end has listed what failed: no more guesses.
    fn finish(mut self) -> Transcript {
        if self.transcript.summary.is_some() {
            for place in self.interrupted {
                let test = &mut self.transcript.tests[place];
                let failed = self.failures.contains(&test.name);
                test.result = if failed {
                    TestResult::Failed
                } else {
                    TestResult::Passed
                };
            }
        }
        self.transcript
    }
}

fn split_test(line: &str) -> Option<(&str, &str)> {
    let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = name.strip_suffix(" - should panic").unwrap_or(name);
    (!name.is_empty() && !name.contains(' ')).then_some((name, rest))
}

/// What stands behind the dots, where nothing came between. A time or a reason may follow:
/// `ok <0.123s>`, `ignored, not on this kernel`.
fn parse_result(rest: &str) -> Option<TestResult> {
    let (word, more) = rest.split_at(rest.find([' ', ',']).unwrap_or(rest.len()));
    match word {
        "ok" if more.is_empty() || more.starts_with(" <") => Some(TestResult::Passed),
        "FAILED" if more.is_empty() || more.starts_with(" <") => Some(TestResult::Failed),
        "ignored" if more.is_empty() || more.starts_with(',') => Some(TestResult::Ignored),
        _ => None,
    }
}

/// A result at the end of a line into which something else was printed.
fn guess(line: &str) -> Option<TestResult> {
    if line.ends_with("FAILED") {
        Some(TestResult::Failed)
    } else if line.ends_with("ok") {
        Some(TestResult::Passed)
    } else {
        None
    }
}

/// `ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.12s`
fn parse_summary(rest: &str) -> Option<Summary> {
    let (_, counts) = rest.split_once(". ")?;
    let mut summary = Summary::default();
    for part in counts.split("; ") {
        let (number, what) = part.split_once(' ')?;
        match what {
            "passed" => summary.passed = number.parse().ok()?,
            "failed" => summary.failed = number.parse().ok()?,
            "ignored" => summary.ignored = number.parse().ok()?,
            "filtered out" => summary.filtered_out = number.parse().ok()?,
            _ => {
                if let Some(seconds) = part.strip_prefix("finished in ") {
                    let seconds = seconds.strip_suffix('s')?.parse().ok()?;
                    summary.took = Duration::try_from_secs_f64(seconds).ok()?;
                }
            }
        }
    }
    Some(summary)
}

#[cfg(test)]
mod tests;
