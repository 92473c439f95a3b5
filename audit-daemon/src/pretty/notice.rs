//! The daemon and its log speak: `daemon.*` and `log.*` as sentences.
//!
//! OWNS: the sentences. MUST NOT: hide such a record, whatever it lacks.

use super::fields::Record;
use super::screen::{push_formatted, push_outside};
use super::unmapped::{LaneCounts, Loss};
use super::when::Clock;

/// More processors than this are counted, not listed.
const CPUS_LISTED_MAX: usize = 4;

pub(super) fn is_notice(kind: &str) -> bool {
    kind.starts_with("daemon.") || kind.starts_with("log.")
}

/// Appends one sentence: made from the facts where they say more than the message, else the
/// message, else the kind.
pub(super) fn sentence(record: &Record<'_>, clock: &Clock, out: &mut String) {
    let facts = &record.unmapped;
    if let Some(loss) = &facts.loss {
        push_loss(record, loss, clock, out);
    } else if let Some(message) = record.message.as_deref().filter(|text| !text.is_empty()) {
        push_outside(out, message);
    } else {
        push_made(record, out);
        push_reason(record, out);
        push_segment(record, out);
    }
    push_actor(record, out);
}

/// `lost 312 bulk events on cpu 3, 10:02:19.1–10:02:19.4 (ring full)`.
fn push_loss(record: &Record<'_>, loss: &Loss<'_>, clock: &Clock, out: &mut String) {
    let lane = loss.lane.as_deref();
    match record.count {
        Some(1) => out.push_str("lost 1 "),
        Some(count) => push_formatted(out, format_args!("lost {count} ")),
        None => out.push_str("lost an unknown number of "),
    }
    if let Some(lane) = lane {
        push_outside(out, lane);
        out.push(' ');
    }
    out.push_str(if record.count == Some(1) {
        "event"
    } else {
        "events"
    });
    push_cpus(loss, out);
    let start = clock.instant(record.start_time_dt.as_deref(), None);
    let end = clock.instant(record.end_time_dt.as_deref(), None);
    if let (Some(start), Some(end)) = (start, end) {
        out.push_str(", ");
        clock.push_tenths(&start, out);
        out.push('–');
        clock.push_tenths(&end, out);
    }
    if let Some(stage) = loss.stage.as_deref() {
        out.push_str(" (");
        push_outside(out, stage_words(stage));
        out.push(')');
    }
}

fn stage_words(stage: &str) -> &str {
    match stage {
        "ring" => "ring full",
        "hook" => "the kernel skipped the hook",
        "order" => "too late to be put in order",
        "log" => "the log could not take them",
        other => other,
    }
}

fn push_cpus(loss: &Loss<'_>, out: &mut String) {
    let mut cpus: Vec<u32> = loss.ranges.iter().map(|range| range.cpu).collect();
    cpus.sort_unstable();
    cpus.dedup();
    match cpus.as_slice() {
        [] => {}
        [cpu] => push_formatted(out, format_args!(" on cpu {cpu}")),
        [listed @ .., last] if cpus.len() <= CPUS_LISTED_MAX => {
            let listed: Vec<String> = listed.iter().map(u32::to_string).collect();
            push_formatted(
                out,
                format_args!(" on cpus {} and {last}", listed.join(", ")),
            );
        }
        many => push_formatted(out, format_args!(" on {} cpus", many.len())),
    }
}

fn push_made(record: &Record<'_>, out: &mut String) {
    let file = record.file.as_ref().map_or("", |file| file.shown());
    match record.kind() {
        "daemon.start" => out.push_str("audit-daemon started"),
        "daemon.stop" => out.push_str("audit-daemon stopping"),
        "daemon.config" => {
            out.push_str("configuration ");
            let entity = record
                .entity
                .as_ref()
                .and_then(|entity| entity.name.as_deref());
            push_outside(out, entity.unwrap_or(""));
        }
        "log.rotate" => push_outside_then(file, " sealed", out),
        "log.delete" => push_outside_then(file, " deleted", out),
        "log.export" => push_outside_then(file, " exported", out),
        "log.verify" => {
            push_outside(out, if file.is_empty() { "the log" } else { file });
            out.push_str(if record.failed() {
                " is not what was written"
            } else {
                " verified"
            });
        }
        _ => push_facts(record, out),
    }
}

fn push_facts(record: &Record<'_>, out: &mut String) {
    let facts = &record.unmapped;
    if let Some(counts) = &facts.counts {
        push_lane("critical", counts.critical.as_ref(), out);
        out.push_str("; ");
        push_lane("bulk", counts.bulk.as_ref(), out);
    } else if let Some(coverage) = &facts.coverage {
        out.push_str("hook ");
        push_outside(out, coverage.hook.as_deref().unwrap_or("?"));
        out.push_str(": ");
        push_outside(out, coverage.state.as_deref().unwrap_or("changed"));
        if let Some(fallback) = coverage.fallback.as_deref() {
            out.push(' ');
            push_outside(out, fallback);
        }
        for (nth, kind) in coverage.kinds.iter().enumerate() {
            out.push_str(if nth == 0 { ", for " } else { ", " });
            push_outside(out, kind);
        }
    } else if let Some(test) = &facts.selftest {
        push_formatted(
            out,
            format_args!("self-test: {} of {} seen", test.passed, test.checked),
        );
        for (nth, kind) in test.failed.iter().enumerate() {
            out.push_str(if nth == 0 { ", not " } else { ", " });
            push_outside(out, kind);
        }
    } else if let Some(clock) = &facts.clock {
        let step_ms = clock.step_ms.unwrap_or(0);
        push_formatted(out, format_args!("wall clock moved by {step_ms} ms"));
    } else if let Some(checkpoint) = &facts.checkpoint {
        let size = checkpoint.size.unwrap_or(0);
        push_formatted(out, format_args!("checkpoint over {size} records"));
    } else {
        push_outside(out, record.kind());
    }
}

fn push_lane(name: &str, lane: Option<&LaneCounts>, out: &mut String) {
    let none = LaneCounts::default();
    let LaneCounts {
        seen,
        recorded,
        lost,
    } = lane.unwrap_or(&none);
    push_formatted(
        out,
        format_args!("{name}: seen {seen}, recorded {recorded}, lost {lost}"),
    );
}

fn push_outside_then(file: &str, done: &str, out: &mut String) {
    push_outside(out, file);
    out.push_str(done);
}

/// `: LEAF_MISMATCH, first bad sequence 1046011`, or the reason of a deletion.
fn push_reason(record: &Record<'_>, out: &mut String) {
    let is_verify = record.kind() == "log.verify";
    if record.failed() && record.status_code.is_none() && !is_verify {
        out.push_str(": failed");
    }
    let parts = [
        record.status_code.as_deref(),
        record.status_detail.as_deref(),
    ];
    for (nth, part) in parts.into_iter().flatten().enumerate() {
        out.push_str(if nth == 0 { ": " } else { ", " });
        push_outside(out, part);
    }
}

/// `, 63 records (#1048577–#1048639)`.
fn push_segment(record: &Record<'_>, out: &mut String) {
    let Some(segment) = &record.unmapped.segment else {
        return;
    };
    if let Some(records) = segment.records {
        push_formatted(out, format_args!(", {records} records"));
    }
    if let (Some(first), Some(last)) = (segment.first, segment.last) {
        push_formatted(out, format_args!(" (#{first}–#{last})"));
    }
}

fn push_actor(record: &Record<'_>, out: &mut String) {
    if let Some(user) = &record.actor.user {
        out.push_str(", by ");
        push_outside(out, user.shown());
    }
}
