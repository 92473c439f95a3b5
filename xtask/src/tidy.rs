//! `cargo xtask tidy`: the layout rules of this repository.
//!
//! Owns: the table of rules, and how findings are shown.
//! Must not: change a file, or know what fmt and clippy know already.
//!
//! Every finding says what to do. Each rule has a test that shows it failing on a sample.

mod exceptions;
mod lengths;
mod owners;
mod source;
mod tree;
mod words;

use std::path::Path;

use anyhow::{Context, Result};

use crate::args::Args;
use crate::process::Exit;
use crate::workspace;
use exceptions::Exceptions;
use source::Source;

const HELP: &str = "\
cargo xtask tidy

Checks the layout rules on every file that git keeps:

  file-length    at most 400 lines, a test module at the end not counted
  fn-length      at most 70 lines
  module-doc     every .rs file begins with //!
  unsafe-reason  // SAFETY: above every unsafe
  leftover       nothing unfinished or ignored
  no-drawer      no module called utils
  ring-owner     only emit.rs reserves and submits
  aya-owner      only kernel, source and hooks name aya
  kind-owner     kinds' numbers only in kind.rs
  big-binary     no binary over 1 MiB

Lengths that are over for a reason are in xtask/tidy.toml, which only shrinks.
Exit codes: 0 tidy, 1 not.
";

type Rule = fn(&Source) -> Vec<Finding>;

/// The rules that look at one Rust file.
const RULES: &[Rule] = &[
    lengths::files,
    lengths::functions,
    words::module_doc,
    words::unsafe_reason,
    words::leftovers,
    words::drawers,
    owners::rings,
    owners::aya,
    owners::kinds,
];

/// One place where a rule is broken, and what to do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static str,
    pub path: String,
    pub line: usize,
    /// What it is about, where a line number alone would not last.
    pub item: String,
    /// How much it is, for rules with a bound.
    pub measure: Option<usize>,
    pub text: String,
}

impl Finding {
    fn new(rule: &'static str, source: &Source, line: usize, text: impl Into<String>) -> Self {
        let (path, text) = (source.path.clone(), text.into());
        Self {
            rule,
            path,
            line,
            item: String::new(),
            measure: None,
            text,
        }
    }

    fn measured(
        rule: &'static str,
        source: &Source,
        line: usize,
        item: &str,
        measure: usize,
        text: String,
    ) -> Self {
        let (path, item) = (source.path.clone(), item.to_owned());
        Self {
            rule,
            path,
            line,
            item,
            measure: Some(measure),
            text,
        }
    }
}

pub fn run(mut args: Args) -> Result<()> {
    if args.help(HELP) {
        return Ok(());
    }
    args.finish()?;
    let findings = findings(workspace::root())?;
    for Finding {
        rule,
        path,
        line,
        text,
        ..
    } in &findings
    {
        println!("{path}:{line}: {text} [{rule}]");
    }
    if !findings.is_empty() {
        eprintln!("{} to tidy up", findings.len());
        return Err(Exit { code: 1 }.into());
    }
    println!("tidy");
    Ok(())
}

fn findings(root: &Path) -> Result<Vec<Finding>> {
    let files = tree::files(root)?;
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.ends_with(".rs")) {
        let text = std::fs::read_to_string(root.join(file))
            .with_context(|| format!("cannot read {file}"))?;
        let source = Source::new(file.as_str(), text);
        findings.extend(RULES.iter().flat_map(|rule| rule(&source)));
    }
    let list = root.join("xtask/tidy.toml");
    let list = std::fs::read_to_string(&list)
        .with_context(|| format!("cannot read {}", list.display()))?;
    let exceptions = Exceptions::parse(&list).context("in xtask/tidy.toml")?;
    let mut findings = exceptions.apply(findings);
    findings.extend(tree::big_binaries(root, &files));
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_repository_is_tidy() {
        let findings = findings(workspace::root()).unwrap();
        let shown: Vec<String> = findings
            .iter()
            .map(|finding| format!("{}:{}: {}", finding.path, finding.line, finding.text))
            .collect();
        assert!(shown.is_empty(), "\n{}", shown.join("\n"));
    }
}
