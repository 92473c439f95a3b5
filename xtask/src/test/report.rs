//! Owns: what a test run says at its end: the table, what was skipped and why, what failed and what
//! it said, and last of all one line in the form of cargo's own.
//! Must not: run or judge anything.

use std::fmt::Write;
use std::time::Duration;

use super::libtest::Tally;

/// Tests of each row that are named with their time.
const SLOWEST_SHOWN: usize = 3;

/// What became of one tier (or of one kernel's part of it).
#[derive(Debug)]
pub struct Row {
    pub name: String,
    pub outcome: Outcome,
    pub took: Duration,
    pub budget: Duration,
    /// Tests that are there and were not run, one sentence each.
    pub left_out: Vec<String>,
}

#[derive(Debug)]
pub enum Outcome {
    /// The problems are failures beside those of single tests, one sentence each.
    Ran { tally: Tally, problems: Vec<String> },
    /// This machine cannot run it.
    Skipped { reason: String },
}

impl Row {
    /// A problem counts as one failed test.
    fn failed(&self) -> u64 {
        match &self.outcome {
            Outcome::Ran { tally, problems } => tally.failed + problems.len() as u64,
            Outcome::Skipped { .. } => 0,
        }
    }

    fn tally(&self) -> Option<&Tally> {
        match &self.outcome {
            Outcome::Ran { tally, .. } => Some(tally),
            Outcome::Skipped { .. } => None,
        }
    }
}

pub fn is_success(rows: &[Row]) -> bool {
    rows.iter().all(|row| row.failed() == 0)
}

/// The whole of it, the closing line last.
pub fn render(rows: &[Row]) -> String {
    let mut text = table(rows);
    text.push_str(&skips(rows));
    text.push_str(&left_out(rows));
    text.push_str(&slowest(rows));
    // Last, for whoever is shown only the end of a run.
    text.push_str(&failures(rows));
    text.push('\n');
    text.push_str(&closing_line(rows));
    text.push('\n');
    text
}

fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "\n{:<20} {:>7} {:>7} {:>8} {:>9}   time of budget\n",
        "tier", "passed", "failed", "skipped", "filtered"
    );
    for row in rows {
        let Some(tally) = row.tally() else {
            put(
                &mut text,
                format_args!("{:<20} skipped, see below\n", row.name),
            );
            continue;
        };
        put(
            &mut text,
            format_args!(
                "{:<20} {:>7} {:>7} {:>8} {:>9}   {} of {}\n",
                row.name,
                tally.passed,
                row.failed(),
                tally.skipped.len() as u64 + tally.ignored,
                tally.filtered,
                minutes(row.took),
                minutes(row.budget),
            ),
        );
    }
    text
}

fn failures(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let Outcome::Ran { tally, problems } = &row.outcome else {
            continue;
        };
        for failed in tally.failed_names.iter().chain(problems) {
            put(&mut text, format_args!("  {}: {failed}\n", row.name));
            for line in tally.said.get(failed).into_iter().flatten() {
                put(&mut text, format_args!("    {line}\n"));
            }
        }
    }
    titled("Failed", text)
}

fn skips(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        match &row.outcome {
            Outcome::Skipped { reason } => {
                put(
                    &mut text,
                    format_args!("  {}: all of it: {reason}\n", row.name),
                );
            }
            Outcome::Ran { tally, .. } => {
                for (test, reason) in &tally.skipped {
                    put(
                        &mut text,
                        format_args!("  {}: {test}: {reason}\n", row.name),
                    );
                }
            }
        }
    }
    titled("Skipped", text)
}

fn left_out(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        for sentence in &row.left_out {
            put(&mut text, format_args!("  {}: {sentence}\n", row.name));
        }
    }
    titled("Left to `cargo xtask test --tier vm --all`", text)
}

/// Where the time goes, of rows whose tests tell it.
fn slowest(rows: &[Row]) -> String {
    let mut text = String::new();
    for row in rows {
        let times = row.tally().map(|tally| &tally.times);
        let mut times: Vec<_> = times.into_iter().flatten().collect();
        times.sort_by_key(|(name, time)| (std::cmp::Reverse(**time), *name));
        for (name, time) in times.into_iter().take(SLOWEST_SHOWN) {
            let seconds = time.as_secs();
            put(
                &mut text,
                format_args!("  {}: {name}: {seconds} s\n", row.name),
            );
        }
    }
    titled("Slowest", text)
}

/// As cargo's, so that whoever reads those reads ours. A skipped test counts as ignored.
fn closing_line(rows: &[Row]) -> String {
    let sum = |count: fn(&Tally) -> u64| rows.iter().filter_map(Row::tally).map(count).sum::<u64>();
    format!(
        "test result: {}. {} passed; {} failed; {} ignored; {} measured; {} filtered out",
        if is_success(rows) { "ok" } else { "FAILED" },
        sum(|tally| tally.passed),
        rows.iter().map(Row::failed).sum::<u64>(),
        sum(|tally| tally.ignored + tally.skipped.len() as u64),
        sum(|tally| tally.measured),
        sum(|tally| tally.filtered),
    )
}

/// `4:07` for four minutes and seven seconds.
pub fn minutes(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

fn titled(title: &str, text: String) -> String {
    if text.is_empty() {
        text
    } else {
        format!("\n{title}\n{text}")
    }
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = text.write_fmt(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, outcome: Outcome) -> Row {
        let (took, budget) = (Duration::from_secs(67), Duration::from_secs(600));
        Row {
            name: name.to_owned(),
            outcome,
            took,
            budget,
            left_out: Vec::new(),
        }
    }

    fn ran(passed: u64, failed: &[&str], skipped: &[(&str, &str)], problems: &[&str]) -> Outcome {
        let tally = Tally {
            passed,
            failed: failed.len() as u64,
            filtered: 2,
            failed_names: failed.iter().map(|name| (*name).to_owned()).collect(),
            skipped: skipped
                .iter()
                .map(|(t, r)| ((*t).to_owned(), (*r).to_owned()))
                .collect(),
            ..Tally::default()
        };
        Outcome::Ran {
            tally,
            problems: problems.iter().map(|p| (*p).to_owned()).collect(),
        }
    }

    #[test]
    fn a_run_that_went_well_ends_in_cargos_words() {
        let rows = [
            row("unit", ran(120, &[], &[], &[])),
            row("kernel", ran(9, &[], &[("exec::memfd", "too old")], &[])),
            row(
                "vm",
                Outcome::Skipped {
                    reason: "no QEMU".to_owned(),
                },
            ),
        ];
        let text = render(&rows);
        let expected = "
tier                  passed  failed  skipped  filtered   time of budget
unit                     120       0        0         2   1:07 of 10:00
kernel                     9       0        1         2   1:07 of 10:00
vm                   skipped, see below

Skipped
  kernel: exec::memfd: too old
  vm: all of it: no QEMU

test result: ok. 129 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out
";
        assert_eq!(text, expected);
        assert!(is_success(&rows));
    }

    #[test]
    fn what_was_left_out_and_what_was_slow_is_said() {
        let mut row = row("vm 7.3 trampoline", ran(3, &[], &[], &[]));
        row.left_out = vec!["e2e: all of it".to_owned()];
        if let Outcome::Ran { tally, .. } = &mut row.outcome {
            let times = ["a", "b", "c", "d"].into_iter().zip([1, 9, 3, 4]);
            let times = times.map(|(name, time)| (name.to_owned(), Duration::from_secs(time)));
            tally.times = times.collect();
        }
        let text = render(&[row]);
        for lines in [
            "\nLeft to `cargo xtask test --tier vm --all`\n  vm 7.3 trampoline: e2e: all of it\n",
            "\nSlowest\n  vm 7.3 trampoline: b: 9 s\n  vm 7.3 trampoline: d: 4 s\n  \
             vm 7.3 trampoline: c: 3 s\n\n",
        ] {
            assert!(text.contains(lines), "{text}");
        }
    }

    #[test]
    fn a_problem_fails_the_run_like_a_test() {
        let mut ran = ran(3, &["a"], &[("b", "too old")], &["out of time"]);
        if let Outcome::Ran { tally, .. } = &mut ran {
            let said = ["thread 'a' panicked at x.rs:1:2:", "left: 1"].map(str::to_owned);
            tally.said.insert("a".to_owned(), said.to_vec());
        }
        let rows = [row("e2e", ran)];
        let text = render(&rows);
        assert!(
            text.contains(
                "\nFailed\n  e2e: a\n    thread 'a' panicked at x.rs:1:2:\n    left: 1\n  \
                 e2e: out of time\n\ntest result"
            ),
            "{text}"
        );
        let closing =
            "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 2 filtered out";
        assert_eq!(text.lines().last(), Some(closing));
        assert!(!is_success(&rows));
    }
}
