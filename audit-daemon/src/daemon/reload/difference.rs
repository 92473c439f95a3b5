//! What a reload changes, and how that is told.
//!
//! Owns which settings take effect at once; every other one waits for a restart, and is named. Must
//! not tell values of settings: some are secrets.

use std::{collections::BTreeMap, os::unix::ffi::OsStrExt};

use sha2::{Digest, Sha256};

use crate::{
    config::{self, Config, Source, Watch},
    daemon::RunError,
    hooks,
    record::ConfigDifference,
    recorder::{ConfigId, unhex},
};

/// Columns before the names in a text for people.
const NAMES_AT: usize = 18;
/// Names in one line of it.
const NAMES_MAX: usize = 20;
const KEPT: &str = "The running daemon keeps its old config.";

/// Takes effect by a reload: all that is decided in the daemon for each event or record anew. The
/// rest is given to the kernel or the file system once, when the daemon starts, as hooks are.
fn is_live(at_start: &Config, key: &str) -> bool {
    const LIVE: [&str; 7] = [
        "counts.interval",
        "log.cap",
        "log.commit_interval",
        "log.segment_size",
        "records.actor_detail",
        "records.labels",
        "watch",
    ];
    let recorded = key
        .strip_prefix("events.")
        .and_then(|rest| rest.strip_suffix(".record"))
        .and_then(|name| at_start.events.get(name));
    let of_event =
        recorded.is_some_and(|event| event.record || !hooks::ONLY_RECORDED.contains(&event.name));
    LIVE.contains(&key) || of_event || key.starts_with("mask.") || key.starts_with("volume.")
}

/// What differs between two configurations, with the watches that each means.
pub fn between(
    at_start: &Config,
    (old, old_watches): (&Config, &[Watch]),
    (new, new_watches): (&Config, &[Watch]),
) -> ConfigDifference {
    let by_name = |watches: &'_ [Watch]| -> BTreeMap<String, Watch> {
        let named = watches.iter().map(|one| (one.name.clone(), one.clone()));
        named.collect()
    };
    let (before, now) = (by_name(old_watches), by_name(new_watches));
    let without = |these: &BTreeMap<String, Watch>, those: &BTreeMap<String, Watch>| {
        let names = these.keys().filter(|name| !those.contains_key(*name));
        names.cloned().collect()
    };
    let changed = now
        .iter()
        .filter(|(name, watch)| before.get(*name).is_some_and(|other| other != *watch));
    let settings = config::differences(old, new).into_iter();
    let restart = config::differences(at_start, new).into_iter();
    ConfigDifference {
        added: without(&now, &before),
        removed: without(&before, &now),
        changed: changed.map(|(name, _)| name.clone()).collect(),
        // Watches are told by their names.
        settings: settings
            .filter(|key| is_live(at_start, key) && key != "watch")
            .collect(),
        restart: restart.filter(|key| !is_live(at_start, key)).collect(),
    }
}

fn count(names: &[String], one: &str, many: &str) -> Option<String> {
    match names.len() {
        0 => None,
        1 => Some(format!("1 {one}")),
        more => Some(format!("{more} {many}")),
    }
}

/// One sentence, as it stands in the record.
pub fn summary(difference: &ConfigDifference) -> String {
    let ConfigDifference {
        added,
        removed,
        changed,
        settings,
        restart,
    } = difference;
    // "1 watch added, 2 removed": what the numbers count is said once.
    let mut parts = Vec::new();
    for (names, done) in [(added, "added"), (removed, "removed"), (changed, "changed")] {
        let what = match parts.is_empty() {
            true => count(names, "watch ", "watches "),
            false => count(names, "", ""),
        };
        parts.extend(what.map(|what| format!("{what}{done}")));
    }
    let other = [
        count(settings, "setting changed", "settings changed"),
        count(
            restart,
            "setting waits for a restart",
            "settings wait for a restart",
        ),
    ];
    parts.extend(other.into_iter().flatten());
    match parts.is_empty() {
        true => "configuration reloaded: nothing changed".to_owned(),
        false => format!("configuration reloaded: {}", parts.join(", ")),
    }
}

/// For people, in lines.
pub fn text(difference: &ConfigDifference, warnings: &[String]) -> String {
    let mut text = summary(difference);
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let lists = [
        ("watches added", &difference.added),
        ("watches removed", &difference.removed),
        ("watches changed", &difference.changed),
        ("settings", &difference.settings),
        ("needs a restart", &difference.restart),
    ];
    for (what, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
        let shown = &names[..names.len().min(NAMES_MAX)];
        text.push_str(&format!("\n  {what:<NAMES_AT$}{}", shown.join(", ")));
        if names.len() > shown.len() {
            text.push_str(&format!(" and {} more", names.len() - shown.len()));
        }
    }
    if !difference.restart.is_empty() {
        text.push_str("\nRestart the daemon for the rest: sudo systemctl restart audit-daemon");
    }
    for warning in warnings {
        text.push_str(&format!("\n! {warning}"));
    }
    text
}

/// The reason in one line, and the whole error for people.
pub fn refused(error: &RunError) -> (String, String) {
    if let RunError::Config(errors) = error
        && let Some(first) = errors.reports.first()
    {
        let place = match (&first.file, &first.snippet) {
            (Some(file), Some(at)) => format!(" ({file}:{}:{})", at.line, at.column),
            (Some(file), None) => format!(" ({file})"),
            _ => String::new(),
        };
        return (format!("{}{place}", first.message), errors.to_string());
    }
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default().to_owned();
    (first, format!("error: {text}\n{KEPT}"))
}

/// A configuration of one file is that file. One of several is known by the hash of the list of
/// them, as `sha256sum FILE…` prints it, under the name of the first.
pub fn identity(sources: &[Source]) -> ConfigId {
    let name = |source: &Source| source.path.as_os_str().as_bytes().to_vec();
    let sha256 = match sources {
        [one] => unhex(&one.sha256).unwrap_or_default(),
        several => {
            let mut list = Sha256::new();
            for source in several {
                list.update(source.sha256.as_bytes());
                list.update(b"  ");
                list.update(name(source));
                list.update(b"\n");
            }
            list.finalize().into()
        }
    };
    ConfigId {
        name: sources.first().map(name).unwrap_or_default(),
        sha256,
    }
}

#[cfg(test)]
mod tests;
