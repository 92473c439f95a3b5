//! What `check` tells of watches.
//!
//! Owns the lines about them, and what is to be said of them before they are relied on. Must not watch
//! anything.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::WIDTH;
use crate::{
    config::{Loaded, Operation, Watch},
    daemon,
    watch::{
        self,
        programs::{State, hex},
        set::WatchSet,
    },
    watching,
};

/// What an operator reads of a watch.
#[derive(Serialize)]
pub struct WatchLine {
    name: String,
    paths: Vec<String>,
    operations: Vec<&'static str>,
}

impl WatchLine {
    /// Does it watch all that is below a directory?
    pub fn is_tree(&self) -> bool {
        self.paths.iter().any(|path| path.contains("**"))
    }
}

/// In the order of the configuration; the built-in ones if it has none.
pub fn watches(loaded: &Loaded) -> Vec<WatchLine> {
    let config = &loaded.config;
    let own = daemon::own(loaded, &config.log.dir);
    let line = |watch: Watch| WatchLine {
        operations: watch.operations.iter().map(|one| one.as_str()).collect(),
        name: watch.name,
        paths: watch.paths,
    };
    let watches = watch::effective(&config.watch, &own, Path::exists);
    watches.into_iter().map(line).collect()
}

/// A program that a watch excludes.
#[derive(Serialize)]
pub struct ExcludedLine {
    path: String,
    /// Of its contents.
    sha256: Option<String>,
    /// Why it is not known; it excludes nothing then.
    reason: Option<String>,
}

impl From<(PathBuf, State)> for ExcludedLine {
    fn from((path, state): (PathBuf, State)) -> Self {
        let (sha256, reason) = match state {
            State::Identified(hash) => (Some(hex(&hash)), None),
            State::Missing => (None, Some("does not exist".to_owned())),
            State::Young(_) => (None, Some("is being changed".to_owned())),
            State::Unfit(why) => (None, Some(why)),
        };
        Self {
            path: path.display().to_string(),
            sha256,
            reason,
        }
    }
}

/// What the daemon would say at its start, and which programs it would exclude.
pub fn survey(loaded: &Loaded) -> (Vec<String>, Vec<ExcludedLine>) {
    let mut warnings = daemon::warnings(loaded);
    let own = daemon::own(loaded, &loaded.config.log.dir);
    let watches = watch::effective(&loaded.config.watch, &own, Path::exists);
    let found = WatchSet::new(watches).map(|set| watching::survey(&set));
    let Ok(Ok(found)) = found else {
        return (warnings, Vec::new());
    };
    warnings.extend(found.warnings);
    let excluded = found.excluded.into_iter().map(ExcludedLine::from);
    (warnings, excluded.collect())
}

/// Columns of a hash that tell one program from another.
const HASH_SHOWN: usize = 16;

/// One line for each program: its path, the beginning of its hash.
pub fn put_excluded(out: &mut String, excluded: &[ExcludedLine]) {
    if excluded.is_empty() {
        return;
    }
    let room = WIDTH - HASH_SHOWN - 2;
    let _ = writeln!(out, "\n{:<room$}  sha256", "excluded program");
    for program in excluded {
        let path: String = program.path.chars().take(room).collect();
        let hash = program.sha256.as_deref().unwrap_or("-");
        let hash: String = hash.chars().take(HASH_SHOWN).collect();
        let _ = writeln!(out, "{path:<room$}  {hash}");
    }
}

/// In few words.
fn operations(named: &[&str]) -> String {
    let missing = |one: &Operation| !named.contains(&one.as_str());
    let missing: Vec<Operation> = Operation::EVERY.into_iter().filter(missing).collect();
    match missing[..] {
        [] => "all".to_owned(),
        [Operation::Read] => "all but read".to_owned(),
        [Operation::Times] => "all but times".to_owned(),
        [Operation::Read, Operation::Times] => "all but read, times".to_owned(),
        _ => named.join(","),
    }
}

/// One line for each watch: its name, its operations, its first path.
pub fn put_watches(out: &mut String, watches: &[WatchLine]) {
    if watches.is_empty() {
        out.push_str("\nNo file is watched: `events.file.record` is false.\n");
        return;
    }
    let _ = writeln!(out, "\n{:<20} {:<26} paths", "watch", "operations");
    for watch in watches {
        let operations = operations(&watch.operations);
        let first = watch.paths.first().map_or("", |path| &**path);
        let more = match watch.paths.len() {
            0 | 1 => String::new(),
            paths => format!(" +{}", paths - 1),
        };
        let room = WIDTH.saturating_sub(48 + more.len());
        let shown: String = first.chars().take(room).collect();
        let _ = writeln!(out, "{:<20} {operations:<26} {shown}{more}", watch.name);
    }
}
