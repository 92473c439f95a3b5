//! Asking a running daemon for its status.
//!
//! OWNS: the client's side of the status socket and its error messages, each of which says what to
//! do. MUST NOT: wait longer than [`ANSWER_TIME_MAX`] or read more than [`ANSWER_BYTES_MAX`].

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::server::CLIENT_TIME_MAX;
use super::snapshot::{SNAPSHOT_VERSION, StatusSnapshot};
use super::socket::{self, SocketError};

/// As long as the daemon would wait for us.
pub const ANSWER_TIME_MAX: Duration = CLIENT_TIME_MAX;
/// Some kilobytes per processor; this is room for thousands of them.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;

#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    #[error(
        "audit-daemon is not running (nobody answers on {}).\n\
         Start it: sudo systemctl start audit-daemon, or by hand: sudo audit-daemon run",
        .0.display()
    )]
    NotRunning(PathBuf),
    #[error("only root may ask for the status ({}).\nRun: sudo audit-daemon status", .0.display())]
    Permission(PathBuf),
    #[error(
        "audit-daemon did not answer on {} within {} s; it is stopped or overloaded.\n\
         Look at it: ps -o pid,stat,wchan:20,time -C audit-daemon",
        .0.display(), ANSWER_TIME_MAX.as_secs()
    )]
    Silent(PathBuf),
    #[error(
        "audit-daemon closed {} without an answer; it is stopping, or does not take us for root.\n\
         Try again: sudo audit-daemon status",
        .0.display()
    )]
    Closed(PathBuf),
    #[error("what answers on {} is not audit-daemon: {reason}", path.display())]
    NotADaemon { path: PathBuf, reason: String },
    #[error(
        "the running daemon speaks status version {theirs}, this program {SNAPSHOT_VERSION}.\n\
         Use the daemon's own program, or restart it: sudo systemctl restart audit-daemon"
    )]
    Version { theirs: u32 },
    #[error(transparent)]
    Path(#[from] SocketError),
    #[error("cannot ask for the status on {}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// One snapshot from the daemon behind `path`.
pub fn fetch(path: &Path) -> Result<StatusSnapshot, StatusError> {
    fetch_within(path, ANSWER_TIME_MAX)
}

fn fetch_within(path: &Path, time_max: Duration) -> Result<StatusSnapshot, StatusError> {
    socket::check_length(path)?;
    let json = read_answer(path, time_max).map_err(|error| explain(path, error))?;
    if json.is_empty() {
        return Err(StatusError::Closed(path.to_owned()));
    }
    parse(path, &json)
}

/// The version is read first: a later form need not parse as ours.
fn parse(path: &Path, json: &[u8]) -> Result<StatusSnapshot, StatusError> {
    #[derive(Deserialize)]
    struct Head {
        version: u32,
    }
    let foreign = |reason: serde_json::Error| StatusError::NotADaemon {
        path: path.to_owned(),
        reason: reason.to_string(),
    };
    let head: Head = serde_json::from_slice(json).map_err(foreign)?;
    if head.version != SNAPSHOT_VERSION {
        return Err(StatusError::Version {
            theirs: head.version,
        });
    }
    serde_json::from_slice(json).map_err(foreign)
}

fn read_answer(path: &Path, time_max: Duration) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + time_max;
    let mut stream = socket::connect(path)?;
    let mut json = Vec::new();
    let mut chunk = [0; 16 << 10];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk) {
            Ok(0) => return Ok(json),
            Ok(read) if json.len() + read > ANSWER_BYTES_MAX => {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            Ok(read) => json.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn explain(path: &Path, source: io::Error) -> StatusError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => StatusError::NotRunning(path),
        io::ErrorKind::PermissionDenied => StatusError::Permission(path),
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => StatusError::Silent(path),
        io::ErrorKind::ConnectionReset => StatusError::Closed(path),
        io::ErrorKind::FileTooLarge => StatusError::NotADaemon {
            path,
            reason: format!("its answer is longer than {ANSWER_BYTES_MAX} bytes"),
        },
        _ => StatusError::Io { path, source },
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
