//! The configuration: files in, one typed and immutable [`Config`] out.
//!
//! OWNS: which files count and in what order, every key with its default and bounds,
//! the errors that name file, line and column, and the JSON Schema. MUST NOT: look at
//! the kernel, the log directory or any path that a setting names; who uses a setting
//! checks it against the machine and refuses it through [`Loaded::refuse`].
//!
//! Sources, later over earlier: the defaults; `/etc/audit-daemon/config.toml`, or the
//! file named instead; `*.toml` of the `conf.d` beside it, in byte order of their
//! names. A key of a later file replaces an earlier one, lists too; only
//! `[[watch]]` and `[[mask.rule]]` add up.
//!
//! Invariants: nothing half-read is returned (a `Loaded` or all errors); every key
//! is declared once, in `settings.rs`; nothing from a file reaches a terminal unescaped.
//!
//! The way of a file: `files` (bytes) → `reader` (TOML, faults) → `table` and the kinds
//! (`scalar`, `quantity`, `text`, `rules`, `watches`, `events`) → `settings`; errors: `report`.

use std::path::{Path, PathBuf};

mod bounds;
mod difference;
mod escape;
mod events;
mod files;
mod nearest;
mod network;
mod privilege;
mod quantity;
mod reader;
mod report;
mod rules;
mod scalar;
mod schema;
mod settings;
mod table;
mod text;
mod watches;

pub use difference::differences;
pub use events::{Event, Events, Required};
pub use network::{ANY_PORT, Fold, Ignored, Network};
pub use report::{ConfigErrors, ERRORS_SHOWN_MAX, Report, Snippet};
pub use rules::MaskRule;
pub use schema::json_schema;
pub use settings::{
    ActorDetail, Cap, Config, Counts, Diagnostics, Kernel, Listen, Log, Mask, Mechanism, Metrics,
    Pin, ProcessTable, Records, Status, Users, Volume,
};
pub use watches::{Exception, Operation, Scope, Watch};

use files::{FileText, Layout, Reading};
use reader::{Origins, Reader};

/// The embedded default: every key with its documentation and its default.
pub const DEFAULT: &str = include_str!("default.toml");

/// What stands for a file name where no file was read.
const EMBEDDED_NAME: &str = "(embedded default)";

/// A configuration and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The files that made it, in order; the embedded default if there was none.
    pub sources: Vec<Source>,
    /// What is suspicious but no error, one line each, safe to print.
    pub warnings: Vec<String>,
    origins: Origins,
}

/// One file of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path; what stands for one if it is embedded.
    pub path: PathBuf,
    /// SHA-256 of its bytes, 64 hex digits.
    pub sha256: String,
    /// Is it the embedded default?
    pub embedded: bool,
}

impl Source {
    /// Its identity in records: `sha256:<hex>`.
    pub fn uid(&self) -> String {
        format!("sha256:{}", self.sha256)
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why not.
    pub errors: ConfigErrors,
    /// The files as far as they could be read.
    pub sources: Vec<Source>,
    /// The socket of `[status]`, as far as it could be made out: whoever looks for the daemon.
    pub status_socket: PathBuf,
}

/// Loads `explicit`, or the usual file, and the `conf.d` beside it.
pub fn load(explicit: Option<&Path>) -> Result<Loaded, ConfigErrors> {
    try_load(explicit).map_err(|refused| refused.errors)
}

/// The same; a refusal says which files it is about.
pub fn try_load(explicit: Option<&Path>) -> Result<Loaded, Refused> {
    load_read(files::read_all(&Layout::new(explicit)))
}

fn load_read(reading: Reading) -> Result<Loaded, Refused> {
    let Reading {
        mut files,
        errors,
        warnings,
    } = reading;
    let embedded = files.is_empty();
    let nothing_read = embedded && !errors.is_empty();
    if embedded {
        files.push(FileText::new(EMBEDDED_NAME.into(), DEFAULT.to_owned()));
    }
    let mut config = Config::default();
    let mut reader = Reader::new(&files);
    reader.read_into(&mut config);
    let origins = std::mem::take(&mut reader.origins);
    let errors = reader.errors(errors);
    let source = |file: FileText| Source {
        path: file.path,
        sha256: file.sha256,
        embedded,
    };
    let sources = files.into_iter().map(source).collect();
    let loaded = Loaded {
        config,
        sources,
        warnings,
        origins,
    };
    match errors.map_or_else(|| loaded.check_agreement(), Err) {
        Ok(()) => Ok(loaded),
        Err(errors) => Err(Refused {
            errors,
            sources: if nothing_read {
                Vec::new()
            } else {
                loaded.sources
            },
            status_socket: loaded.config.status.socket,
        }),
    }
}

impl Loaded {
    /// Refuses a setting after all: `key` is its dotted path (`kernel.pin_dir`,
    /// `mask.rule[2].pattern`), `message` says what is wrong, `label` what would be right.
    /// The error shows the line that made the setting, or the nearest table around it.
    pub fn refuse(&self, key: &str, message: &str, label: &str) -> ConfigErrors {
        let mut place = key;
        let origin = loop {
            match (self.origins.get(place), place.rfind(['.', '['])) {
                (Some(origin), _) => break Some(origin),
                (None, Some(end)) => place = &place[..end],
                (None, None) => break None,
            }
        };
        let report = Report {
            message: escape::bytes(message.as_bytes()),
            file: origin.map(|origin| origin.file.clone()),
            snippet: origin.map(|origin| origin.snippet.clone()),
            label: escape::bytes(label.as_bytes()),
            help: origin
                .is_none()
                .then(|| format!("`{key}` has its default value")),
        };
        ConfigErrors {
            reports: vec![report],
            more: 0,
        }
    }

    /// What two settings must agree on.
    fn check_agreement(&self) -> Result<(), ConfigErrors> {
        let Config {
            log,
            status,
            metrics,
            ..
        } = &self.config;
        if let Cap::Bytes(cap) = log.cap
            && cap / 2 < log.segment_size
        {
            let segment = quantity::size_shown(log.segment_size);
            let message = format!("`cap` in [log] is less than two segments of {segment}");
            let key = if self.origins.contains_key("log.cap") {
                "log.cap"
            } else {
                "log"
            };
            return Err(self.refuse(key, &message, "raise it, or lower `segment_size`"));
        }
        if metrics.listen == Listen::Unix(status.socket.clone()) {
            let message = "`listen` in [metrics] is the socket of [status]";
            return Err(self.refuse("metrics.listen", message, "choose another path"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
