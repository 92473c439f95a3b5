//! On real files.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use super::super::{Log, LogError, Origin};
use super::{SEGMENT, append, with_lf};

#[test]
fn a_log_lives_over_restarts() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("log");
    let (mut log, opened) = Log::open(&dir, SEGMENT).unwrap();
    assert!(opened.created && opened.clean);
    assert_eq!((opened.next_sequence, opened.segments), (0, 1));
    let mut lines = append(&mut log, 3, 2_000);
    assert_eq!(log.commit().unwrap(), 3);
    assert!(log.needs_rotation());
    let sealed = log.rotate().unwrap();
    assert!(!log.needs_rotation());
    assert_eq!(fs::read(&sealed.path).unwrap(), with_lf(&lines));
    let sum = Command::new("sha256sum")
        .arg(&sealed.path)
        .output()
        .unwrap();
    assert!(sum.stdout.starts_with(sealed.sha256.unwrap().as_bytes()));
    lines.extend(append(&mut log, 2, 300));
    let origin = Origin {
        load_id: "load".into(),
        boot_id: "boot".into(),
        first_sequence: 3,
    };
    log.set_origin(origin.clone()).unwrap();
    let identity = log.identity().clone();
    log.close().unwrap();

    let (log, opened) = Log::open(&dir, SEGMENT).unwrap();
    assert!(!opened.created && opened.clean);
    assert_eq!((opened.next_sequence, opened.segments), (5, 2));
    assert_eq!(
        opened.last_record_time.as_deref(),
        Some("2026-11-20T10:16:34.000000004Z")
    );
    assert_eq!(
        (opened.torn, opened.alarms, opened.rotation_unsaid),
        (None, vec![], None)
    );
    assert_eq!(log.identity(), &identity);
    assert_eq!(log.identity().origin, Some(origin));
    let back: Vec<_> = log.tail_lines_rev(u64::MAX).map(Result::unwrap).collect();
    lines.reverse();
    assert_eq!(back, lines);
    drop(log);
    assert!(
        !Log::open(&dir, SEGMENT).unwrap().1.clean,
        "dropping is no orderly end"
    );
    only_ours(&dir);
}

/// Directories 0700, files 0600.
fn only_ours(dir: &Path) {
    assert_eq!(
        fs::metadata(dir).unwrap().permissions().mode() & 0o7777,
        0o700
    );
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            only_ours(&path);
        } else {
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o7777,
                0o600
            );
        }
    }
}

#[test]
fn a_torn_tail_and_a_foreign_hand_on_real_files() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("log");
    let (mut log, _) = Log::open(&dir, SEGMENT).unwrap();
    append(&mut log, 3, 300);
    log.commit().unwrap();
    drop(log);
    let active = dir.join("00000000000000000000.jsonl");
    OpenOptions::new()
        .append(true)
        .open(&active)
        .unwrap()
        .write_all(b"{\"ti")
        .unwrap();
    let (mut log, opened) = Log::open(&dir, SEGMENT).unwrap();
    let torn = opened.torn.unwrap();
    assert_eq!(fs::read(&torn.path).unwrap(), b"{\"ti");
    assert_eq!(torn.path, dir.join("torn/00000000000000000000.jsonl.903"));
    only_ours(&dir);

    // What logrotate would do to it.
    fs::rename(&active, parent.path().join("elsewhere")).unwrap();
    append(&mut log, 1, 300);
    assert_eq!(log.commit().unwrap(), 4);
    assert_eq!(log.take_alarms().len(), 1);
    assert_eq!(
        fs::metadata(dir.join("00000000000000000003.jsonl"))
            .unwrap()
            .len(),
        301
    );
}

#[test]
fn a_second_instance_is_refused_with_the_pid_of_the_first() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("log");
    let (mut log, _) = Log::open(&dir, SEGMENT).unwrap();
    append(&mut log, 1, 300);
    log.commit().unwrap();
    let Err(error) = Log::open(&dir, SEGMENT) else {
        panic!("two writers")
    };
    let own = std::process::id();
    assert!(
        matches!(error, LogError::InUse { pid: Some(pid), .. } if pid == own),
        "{error}"
    );
    append(&mut log, 1, 300);
    assert_eq!(log.commit().unwrap(), 2);
}

#[test]
fn an_unfit_directory_is_told_before_anything_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("no/log");
    let Err(error) = Log::open(&dir, SEGMENT) else {
        panic!("opened")
    };
    assert!(matches!(error, LogError::Directory(_)));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
}
