//! What can go wrong with the log, in the words of an operator.
//!
//! **Owns** the error types of the module and the alarms. **Must not** print or decide.

use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::directory::DirectoryError;

/// An operation on the log failed. The log stays consistent and can be used again.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The directory is not fit to hold a log.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Another process holds the lock.
    #[error(
        "the log in {dir} is in use by {}: stop that one first, or give this one another directory",
        holder(.pid)
    )]
    InUse {
        /// The log directory.
        dir: PathBuf,
        /// Who holds it, if that could be read.
        pid: Option<u32>,
    },
    /// No space or no quota left.
    #[error("cannot {action} {path}: {source}: free space there or lower the log's cap")]
    Full {
        /// What was being done, as a verb.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// Any other answer of the file system.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was being done, as a verb.
        action: &'static str,
        /// To which file.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// After a failed fsync the bytes were written again, but the disk holds others.
    #[error("{path}: bytes read back after offset {offset} are not those written: check the disk")]
    ReadBack {
        /// The active segment.
        path: PathBuf,
        /// Where the written bytes begin.
        offset: u64,
    },
    /// The active segment holds no line.
    #[error("{path} holds no line yet: nothing to seal")]
    NothingToSeal {
        /// The active segment.
        path: PathBuf,
    },
    /// A deletion was asked for before the record about it was durable.
    #[error("{name} is not removed: commit a record that says so first")]
    Unsaid {
        /// The segment.
        name: String,
    },
    /// A deletion was asked for out of order, or twice.
    #[error("{name} is not removed: it is not the oldest sealed segment")]
    NotOldest {
        /// The segment.
        name: String,
    },
    /// The numbers are used up.
    #[error("the log in {dir} has reached the last sequence number: start a new one")]
    Exhausted {
        /// The log directory.
        dir: PathBuf,
    },
}

impl LogError {
    /// An answer of the file system, sorted by what the operator can do about it.
    pub(super) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        if no_space(&source) {
            Self::Full {
                action,
                path,
                source,
            }
        } else {
            Self::Io {
                action,
                path,
                source,
            }
        }
    }
}

/// Whether the answer means that space or quota is used up.
pub(super) fn no_space(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(Errno::ENOSPC as i32) || code == Some(Errno::EDQUOT as i32)
}

fn holder(pid: &Option<u32>) -> String {
    pid.map_or_else(
        || "another process".to_owned(),
        |pid| format!("process {pid}"),
    )
}

/// A line was not taken. Small, so that the hot path pays nothing for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Nothing to write.
    #[error("an empty line is no record")]
    Empty,
    /// Longer than [`super::LINE_BYTES_MAX`].
    #[error(
        "a line of {bytes} bytes is over the limit of {}",
        super::LINE_BYTES_MAX
    )]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It would be two lines.
    #[error("a line holds a line feed at byte {at}")]
    LineFeed {
        /// Where.
        at: usize,
    },
    /// [`super::BUFFER_BYTES_MAX`] bytes wait: commit first.
    #[error("{waiting_bytes} bytes wait for a commit: no room for more")]
    Full {
        /// How many wait.
        waiting_bytes: usize,
    },
}

/// Something is wrong with the log that no crash explains. It was not repaired.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// Segments are gone that were never removed by us.
    #[error("records from {first} on are missing: {name} is gone")]
    SegmentMissing {
        /// The missing segment.
        name: String,
        /// The first sequence in it.
        first: u64,
    },
    /// Numbers are missing.
    #[error("{name}: sequence {found} follows where {expected} should: records are missing")]
    Gap {
        /// The segment in which the gap ends.
        name: String,
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// Numbers come twice or run backwards.
    #[error("{name}: sequence {found} comes again, {expected} should follow")]
    Repeated {
        /// The segment.
        name: String,
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A line below the durable mark is not a record.
    #[error("{name}: {bytes} bytes at offset {offset} are not a record")]
    BadLine {
        /// The segment.
        name: String,
        /// Where the line begins.
        offset: u64,
        /// Its length with LF.
        bytes: u64,
    },
    /// Durable bytes are gone.
    #[error("{name} has {found} bytes, but {durable} were durable: records were cut off")]
    Shortened {
        /// The segment.
        name: String,
        /// Bytes that were known to be on disk.
        durable: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// Bytes that we did not write; they were set aside.
    #[error("{name}: somebody appended {bytes} bytes at offset {offset}; moved to {path}")]
    Foreign {
        /// The segment.
        name: String,
        /// Where they began.
        offset: u64,
        /// How many.
        bytes: u64,
        /// Where they are now.
        path: PathBuf,
    },
    /// The active segment was removed, renamed or replaced while in use.
    #[error("{name} was removed or replaced while in use: records up to {last:?} are gone with it")]
    Replaced {
        /// The segment.
        name: String,
        /// The last durable sequence in it, if there was one.
        last: Option<u64>,
    },
    /// A sealed segment has another size than when it was sealed.
    #[error("{name} has {found} bytes, but was sealed with {sealed}")]
    SealedChanged {
        /// The segment.
        name: String,
        /// Size when sealed.
        sealed: u64,
        /// Size now.
        found: u64,
    },
    /// A segment cannot be read.
    #[error("{name} cannot be read: {reason}")]
    Unreadable {
        /// The segment.
        name: String,
        /// The kernel's answer, or that no record is in it.
        reason: String,
    },
    /// The identity was missing or damaged.
    #[error("identity.json is {reason}: going on as log {log_id}")]
    IdentityLost {
        /// What is wrong with it.
        reason: String,
        /// The id now in use.
        log_id: String,
    },
    /// The last line belongs to another log.
    #[error("{name}: the last record is of log {found}, but this is log {log_id}")]
    IdentityMismatch {
        /// The segment.
        name: String,
        /// Id in the line.
        found: String,
        /// Id of this log.
        log_id: String,
    },
    /// More than [`super::ALARMS_MAX`] alarms.
    #[error("{count} further alarms")]
    More {
        /// How many were left out.
        count: u64,
    },
}

/// Alarms not yet looked at, bounded.
#[derive(Debug, Default)]
pub(super) struct Alarms(Vec<Alarm>);

impl Alarms {
    pub(super) fn raise(&mut self, alarm: Alarm) {
        tracing::error!("{alarm}");
        if self.0.len() < super::ALARMS_MAX {
            self.0.push(alarm);
        } else if let Some(Alarm::More { count }) = self.0.last_mut() {
            *count += 1;
        } else {
            self.0.push(Alarm::More { count: 1 });
        }
    }

    pub(super) fn take(&mut self) -> Vec<Alarm> {
        std::mem::take(&mut self.0)
    }
}
