//! The first records of a daemon: its start, its configuration, what it cannot see, what it missed,
//! and who runs already.

use std::{collections::HashMap, path::Path};

use tracing::warn;

use crate::{
    config::Source,
    enrich::running::{self, Running},
    hooks::{Outcome, OutcomeState},
    log::Opened,
    recorder::Recorder,
};

pub struct Introduced<'a> {
    pub log_dir: &'a Path,
    pub opened: &'a Opened,
    pub adopted: bool,
    /// Programs of an earlier daemon were taken out, and with them what they had seen.
    pub replaced: bool,
    pub outcomes: &'a [Outcome],
    pub sources: &'a [Source],
    pub snapshot: bool,
}

pub fn introduce(recorder: &mut Recorder, with: &Introduced<'_>) {
    let running: HashMap<u32, Running> = running::all()
        .map(|running| (running.key.pid, running))
        .collect();
    if let Some(sealed) = &with.opened.rotation_unsaid {
        recorder.log_rotated(sealed);
    }
    let daemon = running.get(&std::process::id());
    if let Some(daemon) = daemon {
        let attached: usize = with
            .outcomes
            .iter()
            .map(|outcome| match &outcome.state {
                OutcomeState::Chosen { at, .. } => at.len(),
                OutcomeState::Missing { .. } => 0,
            })
            .sum();
        recorder.daemon_start(daemon, running.get(&daemon.parent_pid), attached);
    }
    recorder.daemon_config(with.sources);
    recorder.coverage(with.outcomes);
    say_torn(recorder, with.opened);
    for alarm in &with.opened.alarms {
        recorder.log_alarm(with.log_dir, alarm);
    }
    let last_ns = with
        .opened
        .last_record_time
        .as_deref()
        .and_then(parse_utc_ns);
    // After an orderly stop the records of stop and start are the gap's two ends. Otherwise it is
    // said: nobody saw what happened since, or what was seen went with the programs that saw it.
    let is_gap = with.replaced || !with.opened.clean;
    if let (Some(last_ns), false, true) = (last_ns, with.adopted, is_gap) {
        recorder.unseen(last_ns);
    }
    snapshot(recorder, with, &running, daemon, last_ns);
}

fn say_torn(recorder: &mut Recorder, opened: &Opened) {
    let Some(torn) = &opened.torn else { return };
    let (bytes, path) = (torn.bytes, torn.path.display());
    warn!("{bytes} bytes at the end of the log were not whole records; they are in {path} now");
    recorder.log_torn(torn, opened.orderly);
}

/// The processes into the table; into records only those that no record has introduced yet.
fn snapshot(
    recorder: &mut Recorder,
    with: &Introduced<'_>,
    running: &HashMap<u32, Running>,
    daemon: Option<&Running>,
    last_ns: Option<i64>,
) {
    let hosts = running
        .values()
        .filter(|running| recorder.is_on_host(running));
    let paths = hosts
        .flat_map(|running| running.cgroups.iter().cloned())
        .collect();
    recorder.cgroups.hosts_live_in(&paths);
    let mut all: Vec<&Running> = running.values().collect();
    all.sort_by_key(|running| (running.key.tick, running.key.pid));
    for running_now in all {
        let started_ns = running_now
            .key
            .tick
            .saturating_mul(crate::enrich::process::TICK_NS);
        let started_utc = i64::try_from(recorder.clock.utc_ns(started_ns)).unwrap_or(i64::MAX);
        // What started before the log's last record was introduced by it: by a snapshot of that
        // daemon, or by an exec. Of another boot nothing is.
        let known = last_ns.is_some_and(|last| started_utc <= last) && !with.opened.created;
        let boot_ns = i64::try_from(recorder.clock.utc_ns(0)).unwrap_or(i64::MAX);
        let same_boot = last_ns.is_some_and(|last| last > boot_ns);
        let write = with.snapshot && !with.adopted && !(known && same_boot);
        let parent = running.get(&running_now.parent_pid);
        recorder.running(running_now, parent, daemon.filter(|_| write));
    }
}

/// `2026-11-20T10:15:31.233924352Z` in nanoseconds since 1970.
fn parse_utc_ns(text: &str) -> Option<i64> {
    let stamp: jiff::Timestamp = text.parse().ok()?;
    i64::try_from(stamp.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_record_time_is_read() {
        assert_eq!(
            super::parse_utc_ns("2026-11-20T10:15:31.233924352Z"),
            Some(1_795_169_731_233_924_352)
        );
        assert_eq!(super::parse_utc_ns("yesterday"), None);
    }
}
