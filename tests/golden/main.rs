//! Golden tests: wire bytes as they are, and the records that are made of them.
//!
//! `tests/golden/wire/NAME.hex` pins each event's layout byte by byte; `NAME.json` pins the record made
//! of exactly these bytes by the daemon's own stages. Times come from this machine's clock, so they are
//! blanked; everything else is compared as it is. `UPDATE_GOLDEN=1` rewrites both: read the diff.

mod events;
mod privileges;
mod recorded;

use std::{fs, path::PathBuf};

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden/wire")
}

/// Compares with a file, or rewrites it.
fn check(file: &str, found: &str) {
    let path = directory().join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, found).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{file}: {error}; make it with UPDATE_GOLDEN=1"));
    assert_eq!(
        found, expected,
        "{file} differs; if that is meant, UPDATE_GOLDEN=1"
    );
}

/// Bytes as lines of sixteen.
fn hex(bytes: &[u8]) -> String {
    bytes
        .chunks(16)
        .map(|line| {
            line.iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<Vec<_>>()
                .join(" ")
                + "\n"
        })
        .collect()
}

#[test]
fn wire() {
    let events = events::all();
    assert_eq!(events.len(), 11);
    let privileges = privileges::all();
    let more = events::of_files();
    for (name, bytes) in events.iter().chain(&more).chain(&privileges) {
        check(&format!("{name}.hex"), &hex(bytes));
    }
}

#[test]
fn records_of_the_wire() {
    for (name, bytes) in events::all().into_iter().chain(privileges::all()) {
        let line = recorded::record_of(&bytes);
        check(&format!("{name}.json"), &format!("{line}\n"));
    }
}

/// Every golden record is what OCSF and the rules of the format ask for.
#[test]
fn golden_records_validate() {
    let Some(python) = std::env::var_os("AUDIT_OCSF_PYTHON") else {
        // cargo test alone has no validator; `cargo xtask test` always has.
        return;
    };
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("golden/record"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 29, "{} golden records", files.len());
    let output = std::process::Command::new(python)
        .arg(root.join("ocsf/validate.py"))
        .args(&files)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
