//! What `check` tells of watches.
//!
//! Owns the lines about them, and what is to be said of them before they are relied on. Must not watch
//! anything.

use std::{fmt::Write, path::Path};

use serde::Serialize;

use super::WIDTH;
use crate::{
    config::{Loaded, Operation, Watch},
    daemon,
    watch::{self, set::WatchSet},
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

/// What the daemon would say at its start.
pub fn warnings(loaded: &Loaded) -> Vec<String> {
    let mut warnings = daemon::warnings(loaded);
    let own = daemon::own(loaded, &loaded.config.log.dir);
    let watches = watch::effective(&loaded.config.watch, &own, Path::exists);
    let found = WatchSet::new(watches).map(watching::found_wanting);
    if let Ok(Ok(found)) = found {
        warnings.extend(found);
    }
    warnings
}

/// One line for each watch: its name, its operations, its first path.
pub fn put_watches(out: &mut String, watches: &[WatchLine]) {
    if watches.is_empty() {
        out.push_str("\nNo file is watched: `events.file.record` is false.\n");
        return;
    }
    let _ = writeln!(out, "\n{:<20} {:<26} paths", "watch", "operations");
    for watch in watches {
        let all = watch.operations.len() + 1 >= Operation::EVERY.len();
        let operations = match all {
            true if watch.operations.contains(&"read") => "all".to_owned(),
            true => "all but read".to_owned(),
            false => watch.operations.join(","),
        };
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
