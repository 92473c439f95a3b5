//! Owns: the outcome as a table for people.
//! Must not: choose what is in it: every figure is, and everything that was skipped.

use super::budgets;
use super::finding::{Finding, Report};

const HEADINGS: [&str; 7] = [
    "measure", "case", "value", "off", "ratio", "budget", "distance",
];
/// The first two are words, the others figures.
const WORD_COLUMNS: usize = 2;

pub fn render(report: &Report) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(report.findings.iter().map(row));
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADINGS.len()).map(width).collect();
    let mut text = String::from("\n");
    let mut measure = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // A measure is named once, in front of its cases.
            let cell = if column == 0 && *cell == measure {
                ""
            } else {
                cell
            };
            let padding = " ".repeat(width - cell.chars().count());
            let (before, after) = match column < WORD_COLUMNS {
                true => ("", padding.as_str()),
                false => (padding.as_str(), ""),
            };
            line.push_str(before);
            line.push_str(cell);
            line.push_str(after);
            line.push_str("  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
        measure.clone_from(&row[0]);
    }
    push_notes(&mut text, report);
    text
}

fn push_notes(text: &mut String, report: &Report) {
    let notes: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| !finding.note.is_empty())
        .collect();
    if !notes.is_empty() {
        text.push_str("\nnotes\n");
        for Finding {
            measure,
            case,
            note,
            ..
        } in notes
        {
            text.push_str(&format!("  {measure}, {case}: {note}\n"));
        }
    }
    if !report.skipped.is_empty() {
        text.push_str("\nskipped\n");
        for skipped in &report.skipped {
            let (measure, case, reason) = (&skipped.measure, &skipped.case, &skipped.reason);
            text.push_str(&format!("  {measure}, {case}: {reason}\n"));
        }
    }
    let said = |key: &str| match &report.surroundings[key] {
        serde_json::Value::String(said) => said.clone(),
        other => other.to_string(),
    };
    text.push_str(&format!(
        "\nLinux {}, {} CPUs, {}; load before: {}\n",
        said("kernel"),
        said("cpus"),
        said("cpu"),
        said("load_before")
    ));
    if let Some(programs @ 1..) = report.surroundings["tracing_programs_before"].as_u64() {
        text.push_str(&format!(
            "{programs} tracing programs of others were loaded: `off` holds what they cost, and the \
             ratios are too good.\n",
        ));
    }
    if report.surroundings["auditd_was_enabled_since_boot"] == true {
        text.push_str(
            "auditd was enabled since this machine started: `off` holds its mark on tasks, and the \
             ratios are too good.\n",
        );
    }
    let judged = report
        .findings
        .iter()
        .filter_map(|finding| Some((finding, budgets::of(finding)?)));
    let missed = judged
        .filter(|(finding, budget)| !budget.is_kept(finding))
        .count();
    text.push_str(&match missed {
        0 => "Every budget that was measured is kept.\n".to_owned(),
        1 => "1 budget is missed.\n".to_owned(),
        _ => format!("{missed} budgets are missed.\n"),
    });
}

fn row(finding: &Finding) -> [String; HEADINGS.len()] {
    let budget = budgets::of(finding);
    let of = |number: Option<f64>| number.map(|number| quantity(number, &finding.unit));
    let ratio = finding.ratio.map(|least| match finding.ratio_median {
        Some(median) => format!("{least:.3}× ({median:.2}×)"),
        None => format!("{least:.3}×"),
    });
    let distance = budget.map(|budget| {
        let percent = budget.distance(finding) * 100.0;
        let mark = if percent < 0.0 { " MISSED" } else { "" };
        format!("{percent:+.1} %{mark}")
    });
    [
        finding.measure.clone(),
        finding.case.clone(),
        of(Some(finding.value)).unwrap_or_default(),
        of(finding.base).unwrap_or_default(),
        ratio.unwrap_or_default(),
        budget.map_or(String::new(), |budget| budget.says.to_owned()),
        distance.unwrap_or_default(),
    ]
}

/// `1,234 ns`, `3.2 ms`.
fn quantity(number: f64, unit: &str) -> String {
    if number.abs() < 100.0 {
        return format!("{number:.1} {unit}");
    }
    let digits = format!("{:.0}", number.abs());
    let mut grouped = String::from(if number < 0.0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_stands_beside_its_budget() {
        let finding = |case: &str, value, ratio| Finding {
            measure: "getppid".into(),
            case: case.into(),
            value,
            unit: "ns".into(),
            base: Some(100.0),
            ratio: Some(ratio),
            ..Finding::default()
        };
        let findings = vec![
            finding("empty programs", 105.0, 1.05),
            finding("daemon", 125.0, 1.25),
        ];
        let text = render(&Report {
            findings,
            ..Report::default()
        });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], "getppid  empty programs  105 ns  100 ns  1.050×");
        assert!(lines[3].starts_with("         daemon "), "{text}");
        assert!(lines[3].ends_with("≤ +12 %  -13.0 % MISSED"), "{text}");
        assert!(text.ends_with("1 budget is missed.\n"), "{text}");
    }

    #[test]
    fn quantities_are_grouped() {
        assert_eq!(quantity(1_234_567.0, "/s"), "1,234,567 /s");
        assert_eq!(quantity(-1_234.0, "ns"), "-1,234 ns");
        assert_eq!(quantity(3.25, "ms"), "3.2 ms");
    }
}
