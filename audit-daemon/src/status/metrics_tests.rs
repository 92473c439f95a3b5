//! Every figure of the status is exported, or said not to be.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::samples::{full_snapshot, settled_snapshot};
use super::*;

/// Paths of all leaves. Maps with free keys (the reasons) end in `{}`.
fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(_) if path.ends_with(".filtered") || path.ends_with(".left_out") => {
            found.insert(format!("{path}{{}}"));
        }
        Value::Object(map) => {
            for (key, value) in map {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(value, &format!("{path}{dot}{key}"), found);
            }
        }
        Value::Array(values) => {
            assert!(!values.is_empty(), "the sample leaves {path} empty");
            values
                .iter()
                .for_each(|value| leaves(value, &format!("{path}[]"), found));
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn every_field_is_exported_or_listed_as_not_exported() {
    let mut fields = BTreeSet::new();
    leaves(
        &serde_json::to_value(full_snapshot()).unwrap(),
        "",
        &mut fields,
    );
    let mut named = BTreeSet::new();
    let exported = METRICS.iter().flat_map(|metric| metric.fields);
    for field in exported.chain(NOT_EXPORTED.iter().map(|(field, _)| field)) {
        assert!(named.insert((*field).to_owned()), "{field} is named twice");
    }
    let forgotten: Vec<_> = fields.difference(&named).collect();
    let stale: Vec<_> = named.difference(&fields).collect();
    assert!(
        forgotten.is_empty(),
        "neither exported nor listed: {forgotten:?}"
    );
    assert!(stale.is_empty(), "named but not in the snapshot: {stale:?}");
}

/// Changing a field's value changes the exposition, so that `fields` is no empty promise.
#[test]
fn every_number_that_is_listed_is_really_in_the_text() {
    fn numbers(value: &Value, path: &str, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                map.iter()
                    .for_each(|(key, value)| numbers(value, &format!("{path}/{key}"), found));
            }
            Value::Array(values) => {
                let each = values.iter().enumerate();
                each.for_each(|(nth, value)| numbers(value, &format!("{path}/{nth}"), found));
            }
            Value::Number(_) => found.push(path.to_owned()),
            _ => {}
        }
    }
    let sample = serde_json::to_value(full_snapshot()).unwrap();
    let plain = exposition(&full_snapshot());
    let mut paths = Vec::new();
    numbers(&sample, "", &mut paths);
    let mut checked = 0;
    for path in paths.iter().filter(|path| *path != "/taken_at_ms") {
        let mut changed = sample.clone();
        *changed.pointer_mut(path).unwrap() = Value::from(987_654_321u64);
        let changed: StatusSnapshot = serde_json::from_value(changed).unwrap();
        assert_ne!(
            exposition(&changed),
            plain,
            "{path} is not in the exposition"
        );
        checked += 1;
    }
    assert_eq!(checked, paths.len() - 1);
}

#[test]
fn names_are_unique_and_follow_the_conventions() {
    let mut names = BTreeSet::new();
    for metric in METRICS {
        let name = metric.name;
        assert!(names.insert(name), "{name} occurs twice");
        assert!(
            name.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_'),
            "{name}"
        );
        assert_eq!(name.ends_with("_total"), metric.kind == "counter", "{name}");
        assert!(
            ["gauge", "counter", "summary"].contains(&metric.kind),
            "{name}"
        );
        assert!(
            metric.help.ends_with('.') && !metric.help.contains(['\n', '\\']),
            "{name}"
        );
    }
}

#[test]
fn the_text_is_well_formed_and_each_sample_unique() {
    let text = exposition(&full_snapshot());
    let mut samples = BTreeSet::new();
    let mut name = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            name = rest.split(' ').next().unwrap();
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            assert_eq!(rest.split(' ').next().unwrap(), name);
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(series.starts_with(name), "{line} stands under {name}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        assert!(samples.insert(series.to_owned()), "{series} occurs twice");
    }
    assert!(text.ends_with('\n'));
}

#[test]
fn values_are_exact() {
    let text = exposition(&full_snapshot());
    for line in [
        "# TYPE audit_daemon_events_seen_total counter",
        "audit_daemon_info{version=\"0.1.0\",load_id=\"5f21c09e\",pid=\"701\",\
         log_dir=\"/var/log/audit-daemon\",status_version=\"1\"} 1",
        "audit_daemon_events_seen_total{lane=\"critical\",cpu=\"0\"} 100",
        "audit_daemon_events_filtered_total{lane=\"bulk\",cpu=\"1\",reason=\"no-watch\"} 300",
        "audit_daemon_events_left_out_total{lane=\"bulk\",cpu=\"1\",reason=\"policy:quiet\"} 40",
        "audit_daemon_delay_seconds{lane=\"critical\",quantile=\"0.99\"} 0.011000",
        "audit_daemon_delay_seconds_sum{lane=\"bulk\"} 7.000000",
        "audit_daemon_delay_seconds_count{lane=\"bulk\"} 1000",
        "audit_daemon_delay_max_seconds{lane=\"bulk\"} 0.019500",
        "audit_daemon_hook_attached{event=\"exec failed\",mechanism=\"tracepoint\",\
         at=\"sys_exit_execve, execveat\",sees=\"all but 32-bit programs\",required=\"false\",\
         state=\"missing\"} 0",
        "audit_daemon_hook_missed_total{event=\"exec\",at=\"sched_process_exec\"} 0",
        "audit_daemon_kind_events{kind=\"process.exec\",lane=\"critical\",outcome=\"recorded\"} 100",
        "audit_daemon_log_last_commit_timestamp_seconds 1795169731.230000",
        "audit_daemon_queue_depth{queue=\"decode\"} 3",
        "audit_daemon_table_entries_max{table=\"processes\"} 65536",
        "audit_daemon_cpu_ratio 0.004000",
        "audit_daemon_problems 1",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "{line} is missing in\n{text}"
        );
    }
    assert!(!text.contains("hook_missed_total{event=\"exec failed\""));
}

#[test]
fn labels_cannot_break_a_line() {
    let mut snapshot = settled_snapshot();
    snapshot.lanes.clear();
    snapshot.events.clear();
    snapshot.log.dir = "/a\"b\\c\nd\u{1b}[2J\r\u{9b}é".to_owned();
    let text = exposition(&snapshot);
    assert!(
        text.contains("log_dir=\"/a\\\"b\\\\c\\nd\u{fffd}[2J\u{fffd}\u{fffd}é\""),
        "{text}"
    );
    assert!(!text.contains(['\u{1b}', '\r', '\u{9b}']));
}
