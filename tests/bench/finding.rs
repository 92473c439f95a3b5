//! What was found out, one line of JSON each, and what is said while it is being found out.
//!
//! Owns the form of the lines on standard output: `finding`, `skipped`, `surroundings`. The reader
//! (`cargo xtask bench`) holds them against the design's budgets; nothing here knows one.

use serde::Serialize;

/// A figure.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Finding {
    /// What was measured: `getppid`.
    pub measure: String,
    /// Under which circumstances: `daemon`.
    pub case: String,
    pub value: f64,
    pub unit: &'static str,
    /// The least value of the same measure, same run, with nothing attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<f64>,
    /// Least value to least value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio: Option<f64>,
    /// Median to median: what the noise does to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_median: Option<f64>,
    /// What else one must know to read it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Finding {
    pub fn new(measure: &str, case: &str, value: f64, unit: &'static str) -> Finding {
        Finding {
            measure: measure.into(),
            case: case.into(),
            value,
            unit,
            ..Finding::default()
        }
    }

    pub fn note(self, note: impl Into<String>) -> Finding {
        Finding {
            note: note.into(),
            ..self
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Line<'a> {
    Finding(&'a Finding),
    Skipped {
        measure: &'a str,
        case: &'a str,
        reason: &'a str,
    },
    Surroundings(&'a serde_json::Value),
}

fn print(line: &Line<'_>) {
    // A figure is a finite number and everything else is text: this form always has a JSON.
    println!("{}", serde_json::to_string(line).expect("plain data"));
}

pub fn found(finding: &Finding) {
    let ratio = finding
        .ratio
        .map(|ratio| format!("  {ratio:.3}×"))
        .unwrap_or_default();
    let Finding {
        measure,
        case,
        value,
        unit,
        ..
    } = finding;
    eprintln!("    {measure}, {case}: {value:.1} {unit}{ratio}");
    print(&Line::Finding(finding));
}

pub fn skipped(measure: &str, case: &str, reason: &str) {
    eprintln!("    {measure}, {case}: skipped: {reason}");
    print(&Line::Skipped {
        measure,
        case,
        reason,
    });
}

pub fn surroundings(facts: &serde_json::Value) {
    print(&Line::Surroundings(facts));
}

pub fn step(text: &str) {
    eprintln!("  {text}");
}
