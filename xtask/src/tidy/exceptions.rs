//! Owns: `xtask/tidy.toml`, the list of lengths that are allowed to be over, each with its reason.
//! Must not: except any rule that has no measure: those are obeyed.
//!
//! The list only shrinks: an entry allows exactly the length that is there now. Longer is a
//! finding; shorter is one too, until the entry is lowered or taken out. Only a file that is one
//! pure table (`table = true`) may grow.

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::Finding;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exceptions {
    #[serde(default)]
    exception: Vec<Exception>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    rule: String,
    path: String,
    /// The function, for `fn-length`.
    #[serde(default)]
    item: String,
    lines: Option<usize>,
    #[serde(default)]
    table: bool,
    reason: String,
}

impl Exceptions {
    pub fn parse(text: &str) -> Result<Self> {
        let list: Self = toml::from_str(text)?;
        for exception in &list.exception {
            let Exception {
                path,
                reason,
                lines,
                table,
                ..
            } = exception;
            ensure!(
                !reason.trim().is_empty(),
                "the exception for {path} has no reason"
            );
            ensure!(
                lines.is_some() != *table,
                "the exception for {path} needs `lines` or `table = true`"
            );
        }
        Ok(list)
    }

    /// Takes out what is excepted, and adds what is wrong with the exceptions.
    pub fn apply(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let mut used = vec![false; self.exception.len()];
        let mut left = Vec::new();
        for mut finding in findings {
            let Some(at) = self
                .exception
                .iter()
                .position(|entry| entry.is_about(&finding))
            else {
                left.push(finding);
                continue;
            };
            used[at] = true;
            let Some(allowed) = self.exception[at].lines else {
                continue;
            };
            let measure = finding.measure.unwrap_or_default();
            if measure > allowed {
                finding.text = format!("{} (xtask/tidy.toml allows {allowed})", finding.text);
                left.push(finding);
            } else if measure < allowed {
                finding.text =
                    format!("shrank to {measure} lines: lower `lines` in xtask/tidy.toml");
                left.push(finding);
            }
        }
        let unused = self.exception.iter().zip(used).filter(|(_, used)| !used);
        left.extend(unused.map(|(entry, _)| entry.unused()));
        left
    }
}

impl Exception {
    fn is_about(&self, finding: &Finding) -> bool {
        finding.measure.is_some()
            && self.rule == finding.rule
            && self.path == finding.path
            && self.item == finding.item
    }

    fn unused(&self) -> Finding {
        Finding {
            rule: "exceptions",
            path: "xtask/tidy.toml".to_owned(),
            line: 1,
            item: self.item.clone(),
            measure: None,
            text: format!(
                "{} {} {} needs no exception any more: take it out",
                self.rule, self.path, self.item
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::source::Source;

    const LIST: &str = r#"
        [[exception]]
        rule = "fn-length"
        path = "a.rs"
        item = "f"
        lines = 80
        reason = "one match over all kinds"
        [[exception]]
        rule = "file-length"
        path = "t.rs"
        table = true
        reason = "a pure table"
    "#;

    fn finding(rule: &'static str, path: &str, item: &str, lines: usize) -> Finding {
        Finding::measured(
            rule,
            &Source::new(path, ""),
            1,
            item,
            lines,
            "long".to_owned(),
        )
    }

    fn texts(findings: Vec<Finding>) -> Vec<String> {
        let list = Exceptions::parse(LIST).unwrap();
        list.apply(findings)
            .into_iter()
            .map(|finding| finding.text)
            .collect()
    }

    #[test]
    fn exactly_the_excepted_length_passes_and_a_table_may_grow() {
        let table = finding("file-length", "t.rs", "", 9000);
        assert_eq!(
            texts(vec![finding("fn-length", "a.rs", "f", 80), table]),
            [""; 0]
        );
    }

    #[test]
    fn longer_shorter_and_no_longer_needed_are_findings() {
        let table = || finding("file-length", "t.rs", "", 500);
        let longer = texts(vec![finding("fn-length", "a.rs", "f", 81), table()]);
        assert_eq!(longer, ["long (xtask/tidy.toml allows 80)"]);
        let shorter = texts(vec![finding("fn-length", "a.rs", "f", 79), table()]);
        assert_eq!(
            shorter,
            ["shrank to 79 lines: lower `lines` in xtask/tidy.toml"]
        );
        let unused = texts(vec![table()]);
        assert_eq!(
            unused,
            ["fn-length a.rs f needs no exception any more: take it out"]
        );
    }

    #[test]
    fn another_function_of_the_file_is_not_excepted() {
        let found = texts(vec![
            finding("fn-length", "a.rs", "f", 80),
            finding("fn-length", "a.rs", "g", 80),
            finding("file-length", "t.rs", "", 500),
        ]);
        assert_eq!(found, ["long"]);
    }

    #[test]
    fn an_entry_needs_a_reason_and_one_kind_of_bound() {
        let entry = "[[exception]]\nrule = \"fn-length\"\npath = \"a\"\n";
        assert!(Exceptions::parse(&format!("{entry}lines = 80\nreason = \"\"")).is_err());
        assert!(Exceptions::parse(&format!("{entry}reason = \"x\"")).is_err());
        assert!(
            Exceptions::parse(&format!("{entry}lines = 80\ntable = true\nreason = \"x\"")).is_err()
        );
    }
}
