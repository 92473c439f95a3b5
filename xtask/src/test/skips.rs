//! Owns: `tests/skips.toml`, the one list of tests that may be skipped, where, and why.
//! Must not: skip anything itself: a test finds out that it cannot run, this list allows it.
//!
//! - A skip that no entry allows is a failure.
//! - An entry with `kernel`, `since`, `before` or `difference` is a claim about those kernels: a test that
//!   it names and that passed there is a failure too, and the entry has to go.
//! - An entry without is for what some machines lack (a runtime, a permission).
//! - Instead of a reason an entry may name a `difference`, for whose kernels and hooks it then is.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::differences::{Difference, Differences, version};
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
pub struct Surroundings<'a> {
    pub tiers: Vec<&'a str>,
    pub place: Place,
    /// Series, as in "5.10".
    pub kernel: String,
    /// `None`: the daemon's choice.
    pub mechanism: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    tier: String,
    /// A test's whole name; a `*` at the end stands for any rest.
    test: String,
    kernel: Option<String>,
    since: Option<String>,
    before: Option<String>,
    mechanism: Option<String>,
    place: Option<Place>,
    pub difference: Option<String>,
    #[serde(default)]
    pub reason: String,
    /// What `difference` names.
    #[serde(skip)]
    named: Option<Difference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skips {
    #[serde(default)]
    skip: Vec<Entry>,
}

impl Skips {
    /// Reads the list; no file is an empty list.
    pub fn read(file: &Path, differences: &Differences) -> Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => {
                Self::parse(&text, differences).with_context(|| format!("in {}", file.display()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", file.display())),
        }
    }

    pub fn parse(text: &str, differences: &Differences) -> Result<Self> {
        let mut skips: Self = toml::from_str(text)?;
        for entry in &mut skips.skip {
            let test = &entry.test;
            if let Some(name) = &entry.difference {
                let row = differences
                    .get(name)
                    .with_context(|| format!("the skip of `{test}`: no difference `{name}`"))?;
                ensure!(
                    entry.reason.is_empty(),
                    "the skip of `{test}` has a reason beside its difference"
                );
                entry.reason.clone_from(&row.why);
                entry.named = Some(row.clone());
            }
            ensure!(
                !entry.reason.trim().is_empty(),
                "the skip of `{test}` has no reason"
            );
        }
        Ok(skips)
    }

    /// The entry that allows this skip.
    pub fn allowing(&self, test: &str, surroundings: &Surroundings<'_>) -> Option<&Entry> {
        self.skip
            .iter()
            .find(|entry| entry.is_for(surroundings) && entry.names(test))
    }

    /// What is wrong with the skips of a run, one sentence each.
    pub fn problems(&self, tally: &Tally, surroundings: &Surroundings<'_>) -> Vec<String> {
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
            .filter(|entry| entry.is_claim())
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
    fn is_for(&self, run: &Surroundings<'_>) -> bool {
        run.tiers.contains(&self.tier.as_str())
            && self.place.is_none_or(|place| place == run.place)
            && self
                .kernel
                .as_ref()
                .is_none_or(|kernel| *kernel == run.kernel)
            && self.is_in_range(&run.kernel)
            && match (&self.mechanism, &run.mechanism) {
                (Some(of), Some(is)) => of == is,
                _ => true,
            }
            && self
                .named
                .as_ref()
                .is_none_or(|row| row.is_for(&run.kernel, run.mechanism.as_deref()))
    }

    fn is_in_range(&self, kernel: &str) -> bool {
        let at = |series: &Option<String>| series.as_deref().and_then(version);
        let kernel = version(kernel).unwrap_or_default();
        at(&self.since).is_none_or(|since| since <= kernel)
            && at(&self.before).is_none_or(|before| kernel < before)
    }

    fn is_claim(&self) -> bool {
        let ranged = self.since.is_some() || self.before.is_some();
        self.kernel.is_some() || ranged || self.difference.is_some()
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

    fn run(tier: &'static str, place: Place, kernel: &str) -> Surroundings<'static> {
        Surroundings {
            tiers: vec![tier],
            place,
            kernel: kernel.to_owned(),
            mechanism: None,
        }
    }

    fn parse(text: &str) -> Result<Skips> {
        Skips::parse(text, &Differences::default())
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
        let skips = parse(LIST).unwrap();
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
        let skips = parse(LIST).unwrap();
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
    fn a_difference_stands_for_its_kernels_and_its_reason() {
        let differences = Differences::parse(
            "[[difference]]\nname = \"old\"\nbefore = \"6.0\"\nmechanism = \"tracepoint\"\n\
             act = \"a\"\ndiffers = \"b\"\nwhy = \"c\"",
        )
        .unwrap();
        let list = "[[skip]]\ntier = \"kernel\"\ntest = \"x\"\ndifference = \"old\"\n\
                    [[skip]]\ntier = \"kernel\"\ntest = \"y\"\nsince = \"6.0\"\nreason = \"z\"";
        let skips = Skips::parse(list, &differences).unwrap();
        let on = |kernel, mechanism: &str| Surroundings {
            mechanism: Some(mechanism.to_owned()),
            ..run("kernel", Place::Vm, kernel)
        };
        let allowed = |test: &str, run: &Surroundings| {
            skips.allowing(test, run).map(|entry| entry.reason.clone())
        };
        let tracepoint = on("5.10", "tracepoint");
        assert_eq!(allowed("x", &tracepoint).as_deref(), Some("c"));
        assert_eq!(allowed("y", &tracepoint), None);
        assert_eq!(allowed("x", &on("5.10", "trampoline")), None);
        assert_eq!(allowed("x", &on("6.1", "tracepoint")), None);
        assert_eq!(allowed("y", &on("6.1", "tracepoint")).as_deref(), Some("z"));
        let passed = Tally {
            passed_names: vec!["x".to_owned()],
            ..Tally::default()
        };
        assert_eq!(skips.problems(&passed, &tracepoint).len(), 1);
    }

    #[test]
    fn the_list_is_strict_about_its_form() {
        for bad in [
            "[[skip]]\ntier = \"e2e\"\ntest = \"x\"\nreason = \" \"",
            "[[skip]]\ntier = \"e2e\"\ntest = \"x\"",
            "[[skip]]\ntier = \"e2e\"\ntest = \"x\"\nreason = \"y\"\nkernels = \"5.10\"",
            "[[skip]]\ntier = \"e2e\"\ntest = \"x\"\ndifference = \"unheard-of\"",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_series_is_two_numbers() {
        assert_eq!(series("6.18.44-1-amd64\n"), "6.18");
        assert_eq!(series("7.3-rc1"), "7.3");
    }
}
