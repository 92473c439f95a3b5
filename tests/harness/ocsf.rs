//! Every record that a test produced, checked against OCSF and our own format.
//!
//! Owns: the heap of logs that the tests of one program leave, and the call of the validator. Must
//! not: judge records itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::home::Setup;
use crate::records::segments;

/// Problems that the validator prints in full before it only counts.
const ERRORS_MAX: &str = "50";

/// Keeps the log of a daemon that has stopped. Without a validator nothing is kept.
pub fn keep(setup: &Setup) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    if python().is_none() {
        return;
    }
    let heap = heap();
    std::fs::create_dir_all(&heap).expect("a directory for logs");
    for segment in segments(&setup.log_dir()) {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        std::fs::copy(&segment, heap.join(format!("{count:06}.jsonl"))).expect("keep a segment");
    }
}

/// What the validator found in all kept logs: `Ok` with its summary, or its problems; `None`
/// without a validator. The logs are removed unless there are problems.
pub fn check_all() -> Option<Result<String, String>> {
    let python = python()?;
    let mut files = segments_kept();
    files.sort();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("ocsf/validate.py");
    let mut command = Command::new(python);
    command
        .arg(script)
        .args(["--max-errors", ERRORS_MAX])
        .args(&files);
    let output = command.output().expect("run the validator");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    Some(match output.status.success() {
        true => {
            std::fs::remove_dir_all(heap()).expect("remove the logs");
            Ok(said)
        }
        false => Err(said),
    })
}

/// How many logs were kept.
pub fn kept() -> usize {
    segments_kept().len()
}

fn segments_kept() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(heap()).into_iter().flatten();
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

fn heap() -> PathBuf {
    std::env::temp_dir().join(format!("audit-test-{}-logs", std::process::id()))
}

/// The interpreter that has the schema; the runner of the tests names it.
fn python() -> Option<PathBuf> {
    let path: PathBuf = std::env::var_os("AUDIT_OCSF_PYTHON")?.into();
    path.exists().then_some(path)
}
