//! Which files make the configuration, and reading them.
//!
//! OWNS: the order of files, their bounds, their hashes, and the look at who may
//! write them. MUST NOT: know TOML or any key.
//!
//! Invariants: opening never blocks (no FIFO, no device) and reads at most
//! [`FILE_BYTES_MAX`]; a file that is named but cannot be had is an error, never
//! the same as one that is not there.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use sha2::{Digest as _, Sha256};

use super::escape;
use super::report::{Report, Snippet};

/// The file that is read when none is named.
const MAIN_FILE: &str = "/etc/audit-daemon/config.toml";

/// Directory of additions, beside the main file.
const ADDITIONS_DIR: &str = "conf.d";

/// Largest file read: a thousand times a long configuration, and quickly parsed.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;

/// Most files read from `conf.d`: more is a mistake, such as a wrong link.
pub(super) const ADDITIONS_MAX: usize = 256;

/// Others than the owner's group or the owner may write.
const MODE_OTHERS_WRITE: u32 = 0o002;

/// The group may write.
const MODE_GROUP_WRITE: u32 = 0o020;

/// Where to look, and as whom.
#[derive(Debug)]
pub(super) struct Layout {
    /// The main file.
    pub main: PathBuf,
    /// A main file that was named must exist; the usual one need not.
    pub main_required: bool,
    /// Files in here are read after it, in byte order of their names.
    pub additions: PathBuf,
    /// Running as root: then only root should be able to write what is read.
    pub as_root: bool,
}

impl Layout {
    /// The usual places, or `explicit` and the `conf.d` beside it.
    pub fn new(explicit: Option<&Path>) -> Self {
        let main = explicit.unwrap_or(Path::new(MAIN_FILE));
        Self {
            main: main.to_owned(),
            main_required: explicit.is_some(),
            additions: main.parent().unwrap_or(Path::new("")).join(ADDITIONS_DIR),
            as_root: nix::unistd::geteuid().is_root(),
        }
    }
}

/// One file as it was read.
#[derive(Debug)]
pub(super) struct FileText {
    /// Its path, as found.
    pub path: PathBuf,
    /// The same, safe to print.
    pub shown: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
    /// All of it.
    pub text: String,
    /// Where each line begins.
    line_starts: Vec<usize>,
}

impl FileText {
    pub(super) fn new(path: PathBuf, text: String) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0)
            .chain(newlines.map(|(at, _)| at + 1))
            .collect();
        let shown = escape::path(path.as_os_str());
        Self {
            shown,
            sha256: hex_sha256(text.as_bytes()),
            path,
            line_starts,
            text,
        }
    }

    /// Number of the line that holds byte `at`, from 0.
    pub fn line_of(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at) - 1
    }

    /// The line around `span`, with the span marked.
    pub fn snippet(&self, span: &Range<usize>) -> Snippet {
        let line = self.line_of(span.start);
        let start = self.line_starts[line];
        let rest = &self.text[start..];
        let whole = rest.split_once('\n').map_or(rest, |(whole, _)| whole);
        let text = whole.strip_suffix('\r').unwrap_or(whole);
        let in_line = span.start.saturating_sub(start)..span.end.saturating_sub(start);
        Snippet::new(line + 1, text, in_line)
    }
}

/// Why a file is no part of the configuration.
#[derive(Debug, thiserror::Error)]
enum FileError {
    #[error("cannot read the configuration: {0}")]
    Unreadable(#[from] io::Error),
    #[error("the configuration must be a regular file")]
    NotAFile,
    #[error("the configuration file is larger than {} KiB", FILE_BYTES_MAX >> 10)]
    TooBig,
    #[error("more than {ADDITIONS_MAX} files in this directory")]
    TooMany,
}

impl FileError {
    fn help(&self) -> &'static str {
        match self {
            Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound => {
                "name an existing file, or none to use the usual one or the defaults"
            }
            Self::Unreadable(_) => "look at the permissions of the file and the directories above",
            Self::NotAFile => "write the configuration to a file and name that",
            Self::TooBig => "is it the right file? split it into several in conf.d if it is",
            Self::TooMany => "join some of them, or move away what does not belong here",
        }
    }

    fn report(&self, path: &Path) -> Report {
        let file = escape::path(path.as_os_str());
        Report::of_file(self.to_string(), Some(file), self.help().to_owned())
    }
}

/// What was read, what could not be, and what is suspicious.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub files: Vec<FileText>,
    pub errors: Vec<Report>,
    pub warnings: Vec<String>,
}

/// Reads all files of `layout`, in the order in which they count.
pub(super) fn read_all(layout: &Layout) -> Reading {
    let mut reading = Reading::default();
    reading.add(&layout.main, layout.main_required, layout.as_root);
    match additions(&layout.additions) {
        Ok(names) => {
            if layout.as_root && !names.is_empty() {
                reading.look_at_directory(&layout.additions);
            }
            for name in names {
                reading.add(&layout.additions.join(name), true, layout.as_root);
            }
        }
        Err(error) => reading.errors.push(error.report(&layout.additions)),
    }
    reading
}

impl Reading {
    fn add(&mut self, path: &Path, required: bool, as_root: bool) {
        let (bytes, metadata) = match read_bounded(path) {
            Ok(read) => read,
            Err(FileError::Unreadable(error))
                if !required && error.kind() == io::ErrorKind::NotFound =>
            {
                return;
            }
            Err(error) => return self.errors.push(error.report(path)),
        };
        if as_root {
            self.warnings.extend(writable_by_others(path, &metadata));
        }
        self.take(path, bytes);
    }

    /// Takes what was read from `path`, if it is text.
    pub fn take(&mut self, path: &Path, bytes: Vec<u8>) {
        match String::from_utf8(bytes) {
            Ok(text) => self.files.push(FileText::new(path.to_owned(), text)),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                self.errors.push(not_utf8(path, error.as_bytes(), valid));
            }
        }
    }

    fn look_at_directory(&mut self, path: &Path) {
        if let Ok(metadata) = path.metadata() {
            self.warnings.extend(writable_by_others(path, &metadata));
        }
    }
}

/// Names of the files in `conf.d` that count, in byte order. As in a shell's
/// `*.toml`, a leading dot hides a file.
fn additions(directory: &Path) -> Result<Vec<OsString>, FileError> {
    let entries = match directory.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        if name.as_bytes().ends_with(b".toml") && !name.as_bytes().starts_with(b".") {
            if names.len() == ADDITIONS_MAX {
                return Err(FileError::TooMany);
            }
            names.push(name);
        }
    }
    names.sort_unstable_by(|a, b| a.as_bytes().cmp(b.as_bytes()));
    Ok(names)
}

fn read_bounded(path: &Path) -> Result<(Vec<u8>, Metadata), FileError> {
    // Without O_NONBLOCK a FIFO in conf.d would hang the start for ever.
    let flags = (OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits();
    let file: File = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(FileError::NotAFile);
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::TooBig);
    }
    Ok((bytes, metadata))
}

/// A warning if somebody who is not root could change what the daemon records.
fn writable_by_others(path: &Path, metadata: &Metadata) -> Option<String> {
    let (mode, owner, group) = (metadata.mode(), metadata.uid(), metadata.gid());
    let who = if owner != 0 {
        format!("belongs to user {owner}, not to root")
    } else if mode & MODE_OTHERS_WRITE != 0 {
        "can be written by everyone".to_owned()
    } else if mode & MODE_GROUP_WRITE != 0 && group != 0 {
        format!("can be written by group {group}")
    } else {
        return None;
    };
    let shown = escape::path(path.as_os_str());
    Some(format!(
        "{shown} {who}: whoever changes it decides what is recorded; chown root, chmod go-w"
    ))
}

fn not_utf8(path: &Path, bytes: &[u8], at: usize) -> Report {
    let line_start = bytes[..at]
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |end| end + 1);
    let line_end = bytes[at..]
        .iter()
        .position(|b| *b == b'\n')
        .map_or(bytes.len(), |n| at + n);
    let number = bytes[..line_start].iter().filter(|b| **b == b'\n').count() + 1;
    let lead = String::from_utf8_lossy(&bytes[line_start..at]);
    let marked = escape::bytes(&bytes[at..=at]);
    // The rest is only shown: what is cut off here would be cut off there as well.
    let rest = escape::bytes(&bytes[at + 1..line_end.min(at + 256)]);
    let span = lead.len()..lead.len() + marked.len();
    Report {
        message: "the configuration file is not UTF-8".to_owned(),
        file: Some(escape::path(path.as_os_str())),
        snippet: Some(Snippet::new(number, &format!("{lead}{marked}{rest}"), span)),
        label: format!("byte 0x{:02x} does not belong here", bytes[at]),
        help: Some("save the file as UTF-8".to_owned()),
    }
}

fn hex_sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
