//! Owns: the table of expected differences, as the daemon ships it, and holding a run against it.
//! Must not: excuse a failure: a test that knows a difference expects it, and says so.
//!
//! A test says `DIFFERS <test>: <name>`; a skip of tests/skips.toml may name a difference as its reason.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::libtest::Tally;
use super::skips::Surroundings;

/// Where the table is, below the workspace's root.
pub const FILE: &str = "audit-daemon/src/hooks/differences.toml";

/// Something that is not as elsewhere on some kernels, or with one mechanism.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    pub name: String,
    /// The first kernel that it holds for, and the first for which it does not any more.
    pub since: Option<String>,
    pub before: Option<String>,
    /// Only with these hooks.
    pub mechanism: Option<String>,
    pub act: String,
    pub differs: String,
    pub why: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differences {
    #[serde(default)]
    difference: Vec<Difference>,
}

impl Differences {
    pub fn read(root: &Path) -> Result<Self> {
        let file = root.join(FILE);
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text).with_context(|| format!("in {}", file.display()))
    }

    pub fn parse(text: &str) -> Result<Self> {
        let table: Self = toml::from_str(text)?;
        for (at, row) in table.difference.iter().enumerate() {
            let name = &row.name;
            ensure!(
                table.difference[..at]
                    .iter()
                    .all(|other| other.name != *name),
                "two differences are named `{name}`"
            );
            for series in row.since.iter().chain(&row.before) {
                ensure!(
                    version(series).is_some(),
                    "`{name}`: `{series}` is no kernel"
                );
            }
        }
        Ok(table)
    }

    pub fn rows(&self) -> &[Difference] {
        &self.difference
    }

    pub fn get(&self, name: &str) -> Option<&Difference> {
        self.difference.iter().find(|row| row.name == name)
    }

    /// What is wrong with the differences that tests of a run met, one sentence each.
    pub fn problems(&self, tally: &Tally, surroundings: &Surroundings<'_>) -> Vec<String> {
        let met = tally
            .differs
            .iter()
            .flat_map(|(test, names)| names.iter().map(move |name| (test, name)));
        met.filter_map(|(test, name)| match self.get(name) {
            None => Some(format!(
                "{test} met the difference `{name}`, which {FILE} does not have"
            )),
            Some(row) if !row.is_for(&surroundings.kernel, surroundings.mechanism.as_deref()) => {
                Some(format!(
                    "{test} met the difference `{name}`, which {FILE} does not expect here"
                ))
            }
            Some(_) => None,
        })
        .collect()
    }
}

impl Difference {
    /// Whether it is expected there. Where the mechanism is the daemon's choice, either may be.
    pub fn is_for(&self, kernel: &str, mechanism: Option<&str>) -> bool {
        let kernel = version(kernel).unwrap_or_default();
        let at = |series: &Option<String>| series.as_deref().and_then(version);
        at(&self.since).is_none_or(|since| since <= kernel)
            && at(&self.before).is_none_or(|before| kernel < before)
            && match (&self.mechanism, mechanism) {
                (Some(of), Some(is)) => of == is,
                _ => true,
            }
    }
}

/// `6.12` is before `6.18` and behind `6.1`.
pub fn version(series: &str) -> Option<(u32, u32)> {
    let (major, minor) = series.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::skips::Place;

    const TABLE: &str = r#"
        [[difference]]
        name = "old"
        before = "6.12"
        act = "a"
        differs = "b"
        why = "c"
        [[difference]]
        name = "traced"
        since = "6.1"
        mechanism = "tracepoint"
        act = "a"
        differs = "b"
        why = "c"
    "#;

    fn expected(kernel: &str, mechanism: Option<&str>) -> Vec<String> {
        let table = Differences::parse(TABLE).unwrap();
        let here = table
            .rows()
            .iter()
            .filter(|row| row.is_for(kernel, mechanism));
        here.map(|row| row.name.clone()).collect()
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(expected("5.10", None), ["old"]);
        assert_eq!(expected("6.1", Some("tracepoint")), ["old", "traced"]);
        assert_eq!(expected("6.12", Some("tracepoint")), ["traced"]);
        assert_eq!(expected("6.12", Some("trampoline")), [""; 0]);
    }

    #[test]
    fn a_difference_that_is_not_expected_is_a_problem() {
        let table = Differences::parse(TABLE).unwrap();
        let mut tally = Tally::default();
        for name in ["old", "traced", "unknown"] {
            tally
                .differs
                .entry("t".to_owned())
                .or_default()
                .insert(name.to_owned());
        }
        let run = Surroundings {
            tiers: vec!["kernel"],
            place: Place::Vm,
            kernel: "7.3".to_owned(),
            mechanism: Some("tracepoint".to_owned()),
        };
        let problems = table.problems(&tally, &run);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("`old`") && problems[1].contains("`unknown`"));
    }

    #[test]
    fn the_table_is_strict_about_its_form() {
        let twice = format!("{TABLE}{TABLE}");
        let bad = TABLE.replace("6.12", "soon");
        let more = TABLE.replacen("act", "acts", 1);
        for text in [twice, bad, more] {
            assert!(Differences::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_projects_own_table_is_well_formed() {
        Differences::read(crate::workspace::root()).unwrap();
    }
}
