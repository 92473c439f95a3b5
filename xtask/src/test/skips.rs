//! Owns: `tests/skips.toml`, the one list of tests that may be skipped, where, and why.
//! Must not: skip anything itself: a test finds out that it cannot run, this list allows it.
//!
//! - A skip that no entry allows is a failure.
//! - An entry with `kernel` is a claim about that kernel: a test that it names and that passed
//!   there is a failure too, and the entry has to go.
//! - An entry without `kernel` is for what some machines lack (a runtime, a permission).

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::libtest::Tally;

/// Where tests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    Host,
    Vm,
}

/// One run of some tiers' tests on one kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    pub tiers: Vec<&'static str>,
    pub place: Place,
    /// Series, as in "5.10".
    pub kernel: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    tier: String,
    /// A test's whole name; a `*` at the end stands for any rest.
    test: String,
    kernel: Option<String>,
    place: Option<Place>,
    reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skips {
    #[serde(default)]
    skip: Vec<Entry>,
}

impl Skips {
    /// Reads the list; no file is an empty list.
    pub fn read(file: &Path) -> Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => Self::parse(&text).with_context(|| format!("in {}", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let skips: Self = toml::from_str(text)?;
        for entry in &skips.skip {
            ensure!(
                !entry.reason.trim().is_empty(),
                "the skip of `{}` has no reason",
                entry.test
            );
        }
        Ok(skips)
    }

    /// What is wrong with the skips of a run, one sentence each.
    pub fn problems(&self, tally: &Tally, surroundings: &Surroundings) -> Vec<String> {
        let here: Vec<&Entry> = self
            .skip
            .iter()
            .filter(|entry| entry.is_for(surroundings))
            .collect();
        let unlisted = tally.skipped.iter().filter_map(|(test, reason)| {
            let listed = here.iter().any(|entry| entry.names(test));
            (!listed).then(|| format!("{test} skipped itself ({reason}), but no entry of tests/skips.toml allows that here"))
        });
        let stale = here
            .iter()
            .filter(|entry| entry.kernel.is_some())
            .filter_map(|entry| {
                let passed = tally.passed_names.iter().find(|test| entry.names(test))?;
                Some(format!(
                    "{passed} passed, but tests/skips.toml says it cannot ({}): remove that entry",
                    entry.reason
                ))
            });
        unlisted.chain(stale).collect()
    }
}

impl Entry {
    fn is_for(&self, run: &Surroundings) -> bool {
        run.tiers.contains(&self.tier.as_str())
            && self.place.is_none_or(|place| place == run.place)
            && self
                .kernel
                .as_ref()
                .is_none_or(|kernel| *kernel == run.kernel)
    }

    fn names(&self, test: &str) -> bool {
        match self.test.strip_suffix('*') {
            Some(start) => test.starts_with(start),
            None => test == self.test,
        }
    }
}

/// The series of a kernel release: "6.18.44-1-amd64" is of "6.18".
pub fn series(release: &str) -> String {
    let mut numbers = release.trim().split(['.', '-', '+']);
    let (major, minor) = (numbers.next().unwrap_or(""), numbers.next().unwrap_or(""));
    format!("{major}.{minor}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        [[skip]]
        tier = "kernel"
        test = "exec::memfd"
        kernel = "5.10"
        reason = "no such system call"
        [[skip]]
        tier = "e2e"
        test = "containers::*"
        place = "vm"
        reason = "no runtime in the guest"
    "#;

    fn run(tier: &'static str, place: Place, kernel: &str) -> Surroundings {
        Surroundings {
            tiers: vec![tier],
            place,
            kernel: kernel.to_owned(),
        }
    }

    fn skipped(test: &str) -> Tally {
        let skipped = [(test.to_owned(), "because".to_owned())].into();
        Tally {
            skipped,
            ..Tally::default()
        }
    }

    #[test]
    fn a_listed_skip_is_allowed_only_where_the_entry_says() {
        let skips = Skips::parse(LIST).unwrap();
        let cases = [
            ("exec::memfd", run("kernel", Place::Vm, "5.10"), 0),
            ("exec::memfd", run("kernel", Place::Vm, "5.1"), 1),
            ("exec::memfd", run("e2e", Place::Vm, "5.10"), 1),
            ("exec::memfd2", run("kernel", Place::Vm, "5.10"), 1),
            ("containers::runc", run("e2e", Place::Vm, "7.3"), 0),
            ("containers::runc", run("e2e", Place::Host, "7.3"), 1),
        ];
        for (test, surroundings, expected) in cases {
            let problems = skips.problems(&skipped(test), &surroundings);
            assert_eq!(
                problems.len(),
                expected,
                "{test} {surroundings:?} {problems:?}"
            );
        }
    }

    #[test]
    fn a_test_said_impossible_on_a_kernel_may_not_pass_there() {
        let skips = Skips::parse(LIST).unwrap();
        let passed_names = vec!["exec::memfd".to_owned(), "containers::runc".to_owned()];
        let tally = Tally {
            passed_names,
            ..Tally::default()
        };
        let problems = skips.problems(&tally, &run("kernel", Place::Vm, "5.10"));
        assert_eq!(problems.len(), 1);
        assert!(
            problems[0].starts_with("exec::memfd passed, but"),
            "{problems:?}"
        );
        assert_eq!(
            skips.problems(&tally, &run("e2e", Place::Vm, "5.10")),
            [""; 0]
        );
    }

    #[test]
    fn the_list_is_strict_about_its_form() {
        for bad in [
            "[[skip]]\ntier = \"e2e\"\ntest = \"x\"\nreason = \" \"",
            "[[skip]]\ntier = \"e2e\"\ntest = \"x\"",
            "[[skip]]\ntier = \"e2e\"\ntest = \"x\"\nreason = \"y\"\nkernels = \"5.10\"",
        ] {
            assert!(Skips::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_series_is_two_numbers() {
        assert_eq!(series("6.18.44-1-amd64\n"), "6.18");
        assert_eq!(series("7.3-rc1"), "7.3");
    }
}
