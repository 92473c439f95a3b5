//! Owns: docs/KERNELS.md: which tests pass on which kernel with which hooks, what differs there by
//! expectation, and what was not run and why.
//! Must not: run anything, or leave a test without a place.
//!
//! The same results make the same text: no dates, no times of tests.

mod loads;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::differences::{Difference, Differences};
use super::guests::PartRun;
use super::plan::MECHANISMS;
use super::programs::Loaded;
use super::skips::{Place, Skips, Surroundings};
use super::stored::Kept;

/// Where it is, below the workspace's root.
pub const FILE: &str = "docs/KERNELS.md";

/// All that the document is made of.
pub struct Results<'a> {
    /// By series.
    pub guests: &'a [(String, Kept)],
    /// Series of which there is nothing yet.
    pub missing: &'a [&'a str],
    pub skips: &'a Skips,
    pub differences: &'a Differences,
    /// This machine's own kernel and its answers, for comparison.
    pub here: (String, Vec<Loaded>),
}

/// What became of one subject's tests in one place.
#[derive(Default)]
struct Cell {
    passed: u64,
    /// By what differs: passed with another result than elsewhere, or not to be had there.
    differs: BTreeMap<String, u64>,
    /// By the reason.
    not_run: BTreeMap<String, u64>,
    failed: Vec<String>,
}

/// Suite and module: `kernel`, `exec`.
type Subject = (String, String);
/// Series and mechanism.
type At = (String, String);

/// Everything sorted into its place.
#[derive(Default)]
struct Sorted {
    cells: BTreeMap<Subject, BTreeMap<At, Cell>>,
    /// What went wrong beside single tests.
    problems: Vec<String>,
    met: BTreeMap<String, BTreeSet<At>>,
    reasons: Vec<String>,
}

pub fn document(results: &Results<'_>) -> String {
    let sorted = sort(results);
    let series: Vec<&str> = results.guests.iter().map(|(series, _)| &**series).collect();
    let mut text = String::from(HEAD);
    text.push_str("| series | kernel | the code of |\n|---|---|---|\n");
    for (series, Kept { commit, guest }) in results.guests {
        put(
            &mut text,
            format_args!("| {series} | {} | {commit} |\n", guest.release),
        );
    }
    for series in results.missing {
        put(
            &mut text,
            format_args!("| {series} | **not run yet** | |\n"),
        );
    }
    for mechanism in MECHANISMS {
        put(&mut text, format_args!("\n## With {mechanism}s\n\n"));
        text.push_str(&row("subject", series.iter().copied()));
        text.push_str(&rule(series.len()));
        // What is hooked in the same way with both is tested once.
        let here = |cells: &BTreeMap<At, Cell>| cells.keys().any(|(_, with)| with == mechanism);
        for ((suite, module), cells) in sorted.cells.iter().filter(|(_, cells)| here(cells)) {
            let cell = |series: &&str| {
                let cell = cells.get(&((*series).to_owned(), mechanism.to_owned()));
                cell.map_or("not run".to_owned(), |cell| cell.text(results, &sorted))
            };
            let subject = match &**suite {
                "kernel" => module.clone(),
                suite => format!("{suite}: {module}"),
            };
            text.push_str(&row(&subject, series.iter().map(cell)));
        }
    }
    text.push_str(&failures(&sorted));
    text.push_str(&differences(results.differences, &sorted));
    text.push_str(&reasons(&sorted));
    text.push_str(&loads::tables(results));
    text
}

const HEAD: &str = "\
# Kernels

What the suites `kernel` and `e2e` come to on each kernel that is supported, with each way to hook; what is
hooked in the same way with both is tested once, with tracepoints.
`cargo xtask test --tier vm --all` writes this page from runs in emulated machines, a kernel at a time if wanted
(what came out of each is in docs/kernels/); nothing in it is written by hand. \"The code of\" is the last commit
that changed what ran there. A cell is the number of tests that passed; of the others it says which expected
difference they show (a letter), or why they were not run (a number).

";

fn sort(results: &Results<'_>) -> Sorted {
    let mut sorted = Sorted::default();
    for (series, kept) in results.guests {
        for run in &kept.guest.parts {
            sort_part(results, series, run, &mut sorted);
        }
    }
    let not_run = sorted.cells.values().flat_map(BTreeMap::values);
    let reasons: BTreeSet<String> = not_run
        .flat_map(|cell| cell.not_run.keys().cloned())
        .collect();
    sorted.reasons = reasons.into_iter().collect();
    sorted
}

fn sort_part(results: &Results<'_>, series: &str, run: &PartRun, sorted: &mut Sorted) {
    let part = &run.part;
    let at: At = (series.to_owned(), part.mechanism.clone());
    let surroundings = Surroundings {
        tiers: vec![&part.suite],
        place: Place::Vm,
        kernel: series.to_owned(),
        mechanism: Some(part.mechanism.clone()),
    };
    let mut cell = |test: &str, then: &mut dyn FnMut(&mut Cell)| {
        let module = test.split("::").next().unwrap_or(test).to_owned();
        let cells = sorted
            .cells
            .entry((part.suite.clone(), module))
            .or_default();
        then(cells.entry(at.clone()).or_default());
    };
    for test in &run.tally.passed_names {
        match run.tally.differs.get(test) {
            None => cell(test, &mut |cell| cell.passed += 1),
            Some(names) => {
                for name in names {
                    cell(test, &mut |cell| {
                        *cell.differs.entry(name.clone()).or_default() += 1
                    });
                    sorted
                        .met
                        .entry(name.clone())
                        .or_default()
                        .insert(at.clone());
                }
            }
        }
    }
    for (test, said) in &run.tally.skipped {
        let entry = results.skips.allowing(test, &surroundings);
        match entry.and_then(|entry| entry.difference.as_ref()) {
            Some(name) => {
                cell(test, &mut |cell| {
                    *cell.differs.entry(name.clone()).or_default() += 1
                });
                sorted
                    .met
                    .entry(name.clone())
                    .or_default()
                    .insert(at.clone());
            }
            None => {
                let reason = entry.map_or(said, |entry| &entry.reason);
                cell(test, &mut |cell| {
                    *cell.not_run.entry(reason.clone()).or_default() += 1
                });
            }
        }
    }
    for test in &run.tally.failed_names {
        cell(test, &mut |cell| cell.failed.push(test.clone()));
    }
    let problems = run.problems.iter();
    sorted
        .problems
        .extend(problems.map(|problem| format!("{series} {}: {problem}", part.mechanism)));
}

impl Cell {
    fn text(&self, results: &Results<'_>, sorted: &Sorted) -> String {
        let mut parts = vec![self.passed.to_string()];
        for (name, count) in &self.differs {
            parts.push(format!("{count} {}", letter(results.differences, name)));
        }
        for (reason, count) in &self.not_run {
            let number = sorted.reasons.iter().position(|other| other == reason);
            let number = number.map_or(0, |number| number + 1);
            parts.push(format!("{count} not run ({number})"));
        }
        if !self.failed.is_empty() {
            parts.push(format!("**{} failed**", self.failed.len()));
        }
        if self.passed == 0 && parts.len() > 1 {
            parts.remove(0);
        }
        parts.join(", ")
    }
}

/// Differences are lettered in the order of their table.
fn letter(differences: &Differences, name: &str) -> String {
    let at = differences.rows().iter().position(|row| row.name == name);
    at.map_or_else(|| "?".to_owned(), letter_at)
}

fn letter_at(at: usize) -> String {
    let of = |at: usize| char::from(b'a' + u8::try_from(at % 26).unwrap_or(0));
    match at / 26 {
        0 => of(at).to_string(),
        more => format!("{}{}", of(more - 1), of(at)),
    }
}

fn failures(sorted: &Sorted) -> String {
    let mut text = String::new();
    for ((suite, _), cells) in &sorted.cells {
        for ((series, mechanism), cell) in cells {
            for test in &cell.failed {
                put(
                    &mut text,
                    format_args!("- {series} {mechanism}: {suite}: {test}\n"),
                );
            }
        }
    }
    for problem in &sorted.problems {
        put(&mut text, format_args!("- {problem}\n"));
    }
    match text.is_empty() {
        true => "\nNothing failed.\n".to_owned(),
        false => format!("\n## Failed\n\n{text}"),
    }
}

fn differences(table: &Differences, sorted: &Sorted) -> String {
    let mut text = String::from(
        "\n## Expected differences\n\n| | what is done | there it | where | why | seen by tests |\n\
         |---|---|---|---|---|---|\n",
    );
    for (at, row) in table.rows().iter().enumerate() {
        let met = sorted.met.get(&row.name).map_or(0, BTreeSet::len);
        let seen = match met {
            0 => "no test shows it".to_owned(),
            met => format!("in {met} of the runs above"),
        };
        put(
            &mut text,
            format_args!(
                "| {} | {} | {} | {} | {} | {seen} |\n",
                letter_at(at),
                row.act,
                row.differs,
                place(row),
                row.why
            ),
        );
    }
    text
}

/// `6.11 up to before 6.13, with tracepoints`
fn place(row: &Difference) -> String {
    let kernels = match (&row.since, &row.before) {
        (None, None) => "all kernels".to_owned(),
        (Some(since), None) => format!("from {since} on"),
        (None, Some(before)) => format!("before {before}"),
        (Some(since), Some(before)) => format!("from {since} on, before {before}"),
    };
    match &row.mechanism {
        None => kernels,
        Some(mechanism) => format!("{kernels}, with {mechanism}s"),
    }
}

fn reasons(sorted: &Sorted) -> String {
    let mut text = String::new();
    for (number, reason) in sorted.reasons.iter().enumerate() {
        put(&mut text, format_args!("{}. {reason}\n", number + 1));
    }
    match text.is_empty() {
        true => text,
        false => format!("\n## Not run\n\n{text}"),
    }
}

/// One line of a table.
fn row<S: AsRef<str>>(first: &str, cells: impl Iterator<Item = S>) -> String {
    let mut text = format!("| {first} |");
    for cell in cells {
        put(&mut text, format_args!(" {} |", cell.as_ref()));
    }
    text.push('\n');
    text
}

fn rule(columns: usize) -> String {
    format!("|---|{}\n", "---|".repeat(columns))
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing into a String cannot fail.
    let _ = text.write_fmt(line);
}

#[cfg(test)]
mod tests;
