//! An ordinary hour of a server, done in minutes: how many records the defaults make of it, of which kind.
//!
//! Owns the amounts of work that stand for an hour, and counting what the log has of them. The work is real
//! (`work`): packages, containers, cron, a web server. Must not judge whether that is much.

mod work;

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    Plan,
    daemon::{Daemon, loss_note, sums_of},
    finding::{Finding, found, skipped, step},
};

pub const MEASURE: &str = "hour";

const MINUTES: f64 = 60.0;

/// Loopback is no network, but a server that is talked to is: it has an address of its own in `work`.
type Work = fn(&Path) -> Result<work::Done>;

const WORKS: &[(&str, Work)] = &[
    ("nothing", work::nothing),
    ("a package upgrade", work::packages),
    ("10 containers", work::containers),
    ("12 cron jobs", work::cron),
    ("36,000 web requests", work::web),
];

/// What the log has of one kind.
#[derive(Default)]
struct Told {
    records: u64,
    /// Acts that records with a count stand for.
    folded: u64,
}

pub fn run(plan: &Plan) -> Result<()> {
    let mut hour = BTreeMap::<String, Told>::new();
    for (name, work) in WORKS {
        step(&format!("hour: {name}"));
        let dir = tempfile::Builder::new()
            .prefix("hour")
            .tempdir_in(plan.dir())?;
        let daemon = Daemon::start(&plan.daemon, plan.dir(), "")?;
        let done = work(dir.path())?;
        let status = daemon.settled_status()?;
        let log_dir = daemon.log_dir().to_owned();
        // What was folded is told at the end of its minute, or of the daemon.
        daemon.stop()?;
        let told = told_in(&log_dir)?;
        std::fs::remove_dir_all(&log_dir)?;
        if let work::Done::Not(reason) = done {
            skipped(MEASURE, name, &reason);
            continue;
        }
        let sums = sums_of(&status);
        let filtered: u64 = sums.kernel.filtered.values().sum();
        let left_out: u64 = sums.user.left_out.values().sum();
        let note = format!(
            "{} acts seen: {filtered} filtered in the kernel, {left_out} left out by the daemon, {} folded; {}",
            sums.kernel.seen,
            sums.user.folded,
            loss_note(&status)
        );
        let all: u64 = told.values().map(|told| told.records).sum();
        found(&Finding::new("hour", name, all as f64, "records").note(note));
        for (kind, told) in told {
            let case = format!("{name}: {kind}");
            let mut finding = Finding::new("hour", &case, told.records as f64, "records");
            if told.folded != 0 {
                finding = finding.note(format!("and {} acts in records with a count", told.folded));
            }
            found(&finding);
            let sum = hour.entry(kind).or_default();
            sum.records += told.records;
            sum.folded += told.folded;
        }
    }
    for (kind, told) in hour {
        let rate = told.records as f64 / MINUTES;
        found(&Finding::new("records of an hour", &kind, rate, "/min"));
    }
    Ok(())
}

/// The signal by which this program ends the daemon.
fn is_our_stop(record: &Value) -> bool {
    record["metadata"]["event_code"] == "priv.signal"
        && record["actor"]["process"]["pid"] == std::process::id()
}

/// Records of processes, files, sockets and privileges by kind; what the daemon says of itself is left out.
fn told_in(log_dir: &Path) -> Result<BTreeMap<String, Told>> {
    let mut all = BTreeMap::<String, Told>::new();
    for entry in std::fs::read_dir(log_dir)? {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "jsonl")
        {
            continue;
        }
        for line in std::fs::read_to_string(&path)?.lines() {
            let record: Value = serde_json::from_str(line)?;
            let kind = record["metadata"]["event_code"]
                .as_str()
                .context("a kind")?;
            // Neither is what ran when the daemon started, nor what ended it.
            if kind.starts_with("daemon.") || kind == "process.snapshot" || is_our_stop(&record) {
                continue;
            }
            let told = all.entry(kind.to_owned()).or_default();
            told.records += 1;
            told.folded += record["count"].as_u64().unwrap_or(0);
        }
    }
    Ok(all)
}
