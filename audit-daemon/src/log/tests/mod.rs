//! Tests of the log as a whole.
//!
//! **Owns** the helpers they share. `sim` is a disk that a test owns, `model` drives the log and
//! a simpler one in lockstep, `failures` names the failures one by one, `real` runs on files.

mod failures;
mod golden;
mod model;
mod real;
mod rotation;
pub(super) mod sim;
mod speed;
mod tampering;

use std::path::Path;

use super::disk::DiskFile;
use super::{Disk, Log, OpenMode, Opened};
use sim::Sim;

const DIR: &str = "/log";
const SEGMENT: u64 = super::SEGMENT_BYTES_MIN;

/// A record of about `bytes` bytes, in the order of keys that real ones have.
fn line(log_id: &str, sequence: u64, bytes: usize) -> Vec<u8> {
    let mut line = format!(
        concat!(
            r#"{{"time":1,"time_dt":"2026-11-20T10:16:34.{:09}Z","metadata":"#,
            r#"{{"uid":"{}.{}","sequence":{}}},"message":""#
        ),
        sequence % 1_000_000_000,
        log_id,
        sequence,
        sequence
    )
    .into_bytes();
    line.resize(bytes.max(line.len() + 2) - 2, b'a' + (sequence % 26) as u8);
    line.extend_from_slice(b"\"}");
    line
}

fn open(sim: &Sim) -> (Log<Sim>, Opened) {
    Log::open_on(sim.clone(), Path::new(DIR), SEGMENT, true).unwrap()
}

/// Appends `count` lines and returns them.
fn append<D: Disk>(log: &mut Log<D>, count: usize, bytes: usize) -> Vec<Vec<u8>> {
    let id = log.identity().log_id.to_string();
    (0..count)
        .map(|_| {
            let sequence = log.next_sequence();
            let line = line(&id, sequence, bytes);
            assert_eq!(log.append(&line), Ok(sequence));
            line
        })
        .collect()
}

fn with_lf(lines: &[Vec<u8>]) -> Vec<u8> {
    lines
        .iter()
        .flat_map(|line| line.iter().copied().chain([b'\n']))
        .collect()
}

/// Path of the segment that begins with `first`.
fn segment(first: u64) -> std::path::PathBuf {
    Path::new(DIR).join(super::names::segment(first))
}

/// Overwrites bytes of a file, as somebody else would.
fn vandalise(sim: &Sim, path: &Path, offset: u64, bytes: &[u8]) {
    let file = sim.open(path, OpenMode::Write).unwrap();
    file.write_all_at(bytes, offset).unwrap();
    file.sync().unwrap();
}
