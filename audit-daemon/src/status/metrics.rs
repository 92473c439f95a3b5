//! The snapshot as Prometheus text (exposition format 0.0.4).
//!
//! OWNS: the names of all metrics, in one table. MUST NOT: count, listen, or format for people.
//!
//! A line is `audit_daemon_<name>{<label>="<value>"} <number>`. Names end in their unit, counters in
//! `_total`; times are seconds and sizes bytes, as Prometheus asks. A counter starts again when the
//! kernel programs are loaded anew (`audit_daemon_info` then has another `load_id`).
//!
//! [`METRICS`] is the only place that knows a name. Each row names the snapshot's fields that it
//! exports; a test compares these with the snapshot's form, so that no field is forgotten.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::snapshot::{StatusSnapshot, Sums};

/// What every name begins with.
const PREFIX: &str = "audit_daemon_";
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// One metric: a row of the table.
pub struct Metric {
    /// Without the prefix.
    pub name: &'static str,
    pub kind: &'static str,
    pub help: &'static str,
    /// Paths in the snapshot's JSON that this metric carries; `[]` is any element, `{}` any key.
    pub fields: &'static [&'static str],
    samples: fn(&StatusSnapshot, &mut Samples<'_>),
}

/// Fields of the snapshot that are no metric, and why.
pub const NOT_EXPORTED: [(&str, &str); 5] = [
    ("taken_at_ms", "the scrape has its own time"),
    (
        "settled",
        "only snapshots of a daemon that stops, or of tests",
    ),
    ("reload.can", "true of every daemon that exports this"),
    ("reload.text", "for a person, who ran `audit-daemon reload`"),
    (
        "problems[].do_next",
        "advice for a person, who runs `audit-daemon status`",
    ),
];

/// The exposition of a snapshot.
pub fn exposition(snapshot: &StatusSnapshot) -> String {
    let mut out = String::with_capacity(16 << 10);
    for metric in METRICS {
        let Metric {
            name, kind, help, ..
        } = metric;
        push(
            &mut out,
            format_args!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n"),
        );
        (metric.samples)(
            snapshot,
            &mut Samples {
                name,
                out: &mut out,
            },
        );
    }
    out
}

/// Writes the samples of one metric.
struct Samples<'a> {
    name: &'static str,
    out: &'a mut String,
}

impl Samples<'_> {
    fn value(&mut self, labels: &[(&str, &str)], value: u64) {
        self.sample("", labels, format_args!("{value}"));
    }

    fn seconds_of_us(&mut self, suffix: &str, labels: &[(&str, &str)], us: u64) {
        let (whole, rest) = (us / 1_000_000, us % 1_000_000);
        self.sample(suffix, labels, format_args!("{whole}.{rest:06}"));
    }

    fn sample(&mut self, suffix: &str, labels: &[(&str, &str)], value: std::fmt::Arguments<'_>) {
        self.out.push_str(PREFIX);
        self.out.push_str(self.name);
        self.out.push_str(suffix);
        for (nth, (label, text)) in labels.iter().enumerate() {
            self.out.push(if nth == 0 { '{' } else { ',' });
            self.out.push_str(label);
            self.out.push_str("=\"");
            push_label_value(self.out, text);
            self.out.push('"');
        }
        self.out
            .push_str(if labels.is_empty() { " " } else { "} " });
        push(self.out, format_args!("{value}\n"));
    }

    /// One figure of every processor.
    fn per_cpu(&mut self, snapshot: &StatusSnapshot, figure: fn(&Sums) -> u64) {
        for (lane, cpu, sums) in places(snapshot) {
            self.value(&[("lane", lane), ("cpu", &cpu)], figure(sums));
        }
    }

    /// One figure of every processor and reason.
    fn per_cpu_reason(
        &mut self,
        snapshot: &StatusSnapshot,
        reasons: fn(&Sums) -> &BTreeMap<String, u64>,
    ) {
        for (lane, cpu, sums) in places(snapshot) {
            for (reason, events) in reasons(sums) {
                self.value(
                    &[("lane", lane), ("cpu", &cpu), ("reason", reason)],
                    *events,
                );
            }
        }
    }
}

fn places(snapshot: &StatusSnapshot) -> impl Iterator<Item = (&str, String, &Sums)> {
    snapshot.lanes.iter().flat_map(|lane| {
        lane.cpus
            .iter()
            .map(|cpu| (lane.lane.as_str(), cpu.cpu.to_string(), &cpu.sums))
    })
}

/// The format escapes three characters; every other control character is replaced, because some
/// readers of the format print it.
fn push_label_value(out: &mut String, text: &str) {
    for char in text.chars() {
        match char {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            _ if char.is_control() => out.push('\u{fffd}'),
            _ => out.push(char),
        }
    }
}

/// Writing to a `String` cannot fail.
fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(arguments);
}

/// Where a kind's events went; kernel outcomes only where the kernel counts by kind.
fn event_outcomes(snapshot: &StatusSnapshot, samples: &mut Samples<'_>) {
    for event in &snapshot.events {
        let user = &event.user;
        let mut outcomes = vec![
            ("received", user.received),
            ("recorded", user.recorded),
            ("folded", user.folded),
            ("lost", user.lost),
            ("in_flight", user.in_flight),
        ];
        if let Some(kernel) = &event.kernel {
            outcomes.extend([
                ("seen", kernel.seen),
                ("submitted", kernel.submitted),
                ("lost_in_kernel", kernel.lost),
            ]);
        }
        for (outcome, events) in outcomes {
            let labels = [
                ("kind", &*event.kind),
                ("lane", &*event.lane),
                ("outcome", outcome),
            ];
            samples.value(&labels, events);
        }
    }
}

fn event_reasons(snapshot: &StatusSnapshot, samples: &mut Samples<'_>) {
    for event in &snapshot.events {
        let filtered = event.kernel.iter().flat_map(|kernel| &kernel.filtered);
        let sides = filtered.map(|entry| ("kernel", entry));
        for (side, (reason, events)) in
            sides.chain(event.user.left_out.iter().map(|entry| ("daemon", entry)))
        {
            let (kind, lane) = (event.kind.as_str(), event.lane.as_str());
            let labels = [
                ("kind", kind),
                ("lane", lane),
                ("side", side),
                ("reason", reason),
            ];
            samples.value(&labels, *events);
        }
    }
}

fn delays(snapshot: &StatusSnapshot, samples: &mut Samples<'_>) {
    for lane in &snapshot.lanes {
        let delay = &lane.delay;
        let quantiles = [
            ("0.5", delay.p50_us),
            ("0.9", delay.p90_us),
            ("0.99", delay.p99_us),
        ];
        for (quantile, us) in quantiles {
            samples.seconds_of_us("", &[("lane", &lane.lane), ("quantile", quantile)], us);
        }
        let labels = [("lane", lane.lane.as_str())];
        samples.seconds_of_us("_sum", &labels, delay.sum_us);
        samples.sample("_count", &labels, format_args!("{}", delay.count));
    }
}

fn tables(snapshot: &StatusSnapshot) -> [(&'static str, &super::snapshot::TableState); 3] {
    [
        ("processes", &snapshot.processes),
        ("users", &snapshot.users),
        ("cgroups", &snapshot.cgroups),
    ]
}

/// Every metric, in the order of the exposition.
#[rustfmt::skip]
pub const METRICS: &[Metric] = &[
    Metric { name: "info", kind: "gauge", help: "Always 1; which program runs, and which load of its kernel programs.",
        fields: &["version", "daemon.version", "daemon.load_id", "daemon.pid", "log.dir"],
        samples: |from, to| {
            let (status, pid) = (from.version.to_string(), from.daemon.pid.to_string());
            to.value(&[("version", &from.daemon.version), ("load_id", &from.daemon.load_id), ("pid", &pid),
                ("log_dir", &from.log.dir), ("status_version", &status)], 1);
        } },
    Metric { name: "uptime_seconds", kind: "gauge", help: "Since the daemon started.",
        fields: &["daemon.uptime_s"], samples: |from, to| to.value(&[], from.daemon.uptime_s) },
    Metric { name: "adopted_restarts", kind: "gauge", help: "Restarts of the daemon since its kernel programs were loaded.",
        fields: &["daemon.adopted_restarts"], samples: |from, to| to.value(&[], from.daemon.adopted_restarts) },
    Metric { name: "problems", kind: "gauge", help: "Problems that the daemon knows of; `audit-daemon status` names them.",
        fields: &["problems[].what"], samples: |from, to| to.value(&[], from.problems.len() as u64) },
    Metric { name: "reloads_begun_total", kind: "counter", help: "How often the configuration was begun to be read again since the start.",
        fields: &["reload.begun"], samples: |from, to| to.value(&[], from.reload.begun) },
    Metric { name: "reloads_total", kind: "counter", help: "How often that was done, well or not.",
        fields: &["reload.done"], samples: |from, to| to.value(&[], from.reload.done) },
    Metric { name: "reload_exit_code", kind: "gauge", help: "0 if the last reload was good; else the old configuration stays.",
        fields: &["reload.exit_code"], samples: |from, to| to.value(&[], from.reload.exit_code.into()) },

    Metric { name: "log_bytes", kind: "gauge", help: "Size of the log on disk.",
        fields: &["log.bytes"], samples: |from, to| to.value(&[], from.log.bytes) },
    Metric { name: "log_bytes_max", kind: "gauge", help: "Size beyond which the oldest files of the log are deleted.",
        fields: &["log.bytes_max"], samples: |from, to| to.value(&[], from.log.bytes_max) },
    Metric { name: "log_bytes_per_day", kind: "gauge", help: "Growth of the log at the present rate.",
        fields: &["log.bytes_per_day"], samples: |from, to| to.value(&[], from.log.bytes_per_day) },
    Metric { name: "log_segments", kind: "gauge", help: "Files of the log.",
        fields: &["log.segments"], samples: |from, to| to.value(&[], from.log.segments) },
    Metric { name: "log_sequence_next", kind: "gauge", help: "Sequence number of the next record.",
        fields: &["log.sequence_next"], samples: |from, to| to.value(&[], from.log.sequence_next) },
    Metric { name: "log_last_commit_timestamp_seconds", kind: "gauge", help: "When records were last made durable.",
        fields: &["log.last_commit_ms"],
        samples: |from, to| if let Some(ms) = from.log.last_commit_ms {
            to.seconds_of_us("", &[], ms.saturating_mul(1000));
        } },

    Metric { name: "hook_attached", kind: "gauge", help: "1 where an event is seen, 0 where it is not; state tells by what.",
        fields: &["hooks[].event", "hooks[].mechanism", "hooks[].at", "hooks[].sees", "hooks[].required", "hooks[].state"],
        samples: |from, to| for hook in &from.hooks {
            let required = if hook.required { "true" } else { "false" };
            let attached = u64::from(hook.state.sees());
            to.value(&[("event", &hook.event), ("mechanism", &hook.mechanism), ("at", &hook.at),
                ("sees", &hook.sees), ("required", required), ("state", hook.state.word())], attached);
        } },
    Metric { name: "hook_missed_total", kind: "counter", help: "Runs of a hook that the kernel skipped; absent where it cannot count them.",
        fields: &["hooks[].missed"],
        samples: |from, to| for hook in &from.hooks {
            if let Some(missed) = hook.missed {
                to.value(&[("event", &hook.event), ("at", &hook.at)], missed);
            }
        } },

    Metric { name: "selftest_timestamp_seconds", kind: "gauge", help: "When a canary last acted through all hooks.",
        fields: &["selftest.checked_at_ms"],
        samples: |from, to| if let Some(ms) = from.selftest.checked_at_ms {
            to.seconds_of_us("", &[], ms.saturating_mul(1000));
        } },

    Metric { name: "events_seen_total", kind: "counter", help: "Events that a hook saw.",
        fields: &["lanes[].lane", "lanes[].cpus[].cpu", "lanes[].cpus[].kernel.seen"],
        samples: |from, to| to.per_cpu(from, |sums| sums.kernel.seen) },
    Metric { name: "events_filtered_total", kind: "counter", help: "Events left out in the kernel on purpose, by reason.",
        fields: &["lanes[].cpus[].kernel.filtered{}"],
        samples: |from, to| to.per_cpu_reason(from, |sums| &sums.kernel.filtered) },
    Metric { name: "events_submitted_total", kind: "counter", help: "Events that the kernel side put into a ring.",
        fields: &["lanes[].cpus[].kernel.submitted"],
        samples: |from, to| to.per_cpu(from, |sums| sums.kernel.submitted) },
    Metric { name: "events_lost_in_kernel_total", kind: "counter", help: "Events that found no room in a ring.",
        fields: &["lanes[].cpus[].kernel.lost"],
        samples: |from, to| to.per_cpu(from, |sums| sums.kernel.lost) },
    Metric { name: "events_received_total", kind: "counter", help: "Events that the daemon took out of a ring.",
        fields: &["lanes[].cpus[].user.received"],
        samples: |from, to| to.per_cpu(from, |sums| sums.user.received) },
    Metric { name: "events_recorded_total", kind: "counter", help: "Events that became a record.",
        fields: &["lanes[].cpus[].user.recorded"],
        samples: |from, to| to.per_cpu(from, |sums| sums.user.recorded) },
    Metric { name: "events_folded_total", kind: "counter", help: "Events told by the record of another one.",
        fields: &["lanes[].cpus[].user.folded"],
        samples: |from, to| to.per_cpu(from, |sums| sums.user.folded) },
    Metric { name: "events_left_out_total", kind: "counter", help: "Events left out by the daemon on purpose, by reason.",
        fields: &["lanes[].cpus[].user.left_out{}"],
        samples: |from, to| to.per_cpu_reason(from, |sums| &sums.user.left_out) },
    Metric { name: "events_lost_in_daemon_total", kind: "counter", help: "Events lost between ring and log.",
        fields: &["lanes[].cpus[].user.lost"],
        samples: |from, to| to.per_cpu(from, |sums| sums.user.lost) },
    Metric { name: "events_in_flight", kind: "gauge", help: "Events received and not yet settled.",
        fields: &["lanes[].cpus[].user.in_flight"],
        samples: |from, to| to.per_cpu(from, |sums| sums.user.in_flight) },
    Metric { name: "delay_seconds", kind: "summary", help: "From the kernel's time of an event to its durable record; quantiles at most 1/32 too high.",
        fields: &["lanes[].delay.count", "lanes[].delay.sum_us", "lanes[].delay.p50_us", "lanes[].delay.p90_us", "lanes[].delay.p99_us"],
        samples: delays },
    Metric { name: "delay_max_seconds", kind: "gauge", help: "Longest delay so far.",
        fields: &["lanes[].delay.max_us"],
        samples: |from, to| for lane in &from.lanes {
            to.seconds_of_us("", &[("lane", &lane.lane)], lane.delay.max_us);
        } },

    Metric { name: "kind_events", kind: "gauge", help: "The sums again, by kind of event and where the events went.",
        fields: &["events[].kind", "events[].lane", "events[].kernel.seen", "events[].kernel.submitted", "events[].kernel.lost",
            "events[].user.received", "events[].user.recorded", "events[].user.folded", "events[].user.lost", "events[].user.in_flight"],
        samples: event_outcomes },
    Metric { name: "kind_events_left_out_total", kind: "counter", help: "Events left out on purpose, by kind, side and reason.",
        fields: &["events[].kernel.filtered{}", "events[].user.left_out{}"],
        samples: event_reasons },

    Metric { name: "queue_depth", kind: "gauge", help: "Entries in a queue between two stages.",
        fields: &["queues[].name", "queues[].depth"],
        samples: |from, to| for queue in &from.queues {
            to.value(&[("queue", &queue.name)], queue.depth);
        } },
    Metric { name: "queue_capacity", kind: "gauge", help: "Room of a queue.",
        fields: &["queues[].capacity"],
        samples: |from, to| for queue in &from.queues {
            to.value(&[("queue", &queue.name)], queue.capacity);
        } },
    Metric { name: "table_entries", kind: "gauge", help: "Entries of a bounded table.",
        fields: &["processes.entries", "users.entries", "cgroups.entries"],
        samples: |from, to| for (table, state) in tables(from) {
            to.value(&[("table", table)], state.entries);
        } },
    Metric { name: "table_entries_max", kind: "gauge", help: "Room of a bounded table.",
        fields: &["processes.entries_max", "users.entries_max", "cgroups.entries_max"],
        samples: |from, to| for (table, state) in tables(from) {
            to.value(&[("table", table)], state.entries_max);
        } },
    Metric { name: "table_evicted_total", kind: "counter", help: "Entries dropped because a table was full.",
        fields: &["processes.evicted", "users.evicted", "cgroups.evicted"],
        samples: |from, to| for (table, state) in tables(from) {
            to.value(&[("table", table)], state.evicted);
        } },

    Metric { name: "memory_rss_bytes", kind: "gauge", help: "Resident memory of the daemon.",
        fields: &["memory.rss_bytes"], samples: |from, to| to.value(&[], from.memory.rss_bytes) },
    Metric { name: "memory_maps_bytes", kind: "gauge", help: "Memory of the kernel programs' maps, without rings.",
        fields: &["memory.maps_bytes"], samples: |from, to| to.value(&[], from.memory.maps_bytes) },
    Metric { name: "memory_rings_bytes", kind: "gauge", help: "Memory of the rings.",
        fields: &["memory.rings_bytes"], samples: |from, to| to.value(&[], from.memory.rings_bytes) },
    Metric { name: "cpu_ratio", kind: "gauge", help: "Processor time of the daemon since its start, as a share of one core.",
        fields: &["cpu_ppm"], samples: |from, to| to.seconds_of_us("", &[], from.cpu_ppm) },
];

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
