//! Owns: the figures as the measuring program prints them, one JSON object a line.
//! Must not: judge them.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// A figure; see `tests/bench/finding.rs`, which writes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Finding {
    pub measure: String,
    pub case: String,
    pub value: f64,
    pub unit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_median: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    pub measure: String,
    pub case: String,
    pub reason: String,
}

/// All that one run said.
#[derive(Debug, Default)]
pub struct Report {
    pub surroundings: serde_json::Value,
    pub findings: Vec<Finding>,
    pub skipped: Vec<Skipped>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Finding(Finding),
    Skipped(Skipped),
    Surroundings(serde_json::Value),
}

impl Report {
    pub fn parse(text: &str) -> Result<Report> {
        let mut report = Report::default();
        for line in text.lines() {
            match serde_json::from_str(line)
                .with_context(|| format!("the measuring program printed: {line}"))?
            {
                Line::Finding(finding) => report.findings.push(finding),
                Line::Skipped(skipped) => report.skipped.push(skipped),
                Line::Surroundings(facts) => report.surroundings = facts,
            }
        }
        Ok(report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sort_of_line_is_read() {
        let report = Report::parse(
            r#"{"surroundings":{"kernel":"6.1"}}
{"finding":{"measure":"getppid","case":"daemon","value":110.0,"unit":"ns","base":100.0,"ratio":1.1}}
{"skipped":{"measure":"costs","case":"auditd","reason":"not here"}}"#,
        )
        .unwrap();
        assert_eq!(report.surroundings["kernel"], "6.1");
        assert_eq!(report.findings.len(), 1);
        assert_eq!(report.findings[0].ratio, Some(1.1));
        assert_eq!(report.skipped[0].reason, "not here");
        assert!(Report::parse("Segmentation fault").is_err());
    }
}
