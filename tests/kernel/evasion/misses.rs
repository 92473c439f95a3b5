//! The expected misses, by name, with what `audit-daemon check` says of each.
//!
//! Each test fails when its miss is mended: then the row goes, and what it did is recorded.

use std::path::PathBuf;
use std::process::Command;

use audit_tests::acts::Act;
use audit_tests::hooks::{acts_on_functions, opens_on_functions};

use super::{
    Places, RDONLY, WRONLY, assert_all, assert_opens, assert_whole_log, kinds, of_file, of_process,
    open, rings, skipped, with,
};
use crate::expect::{assert_at, file_uid};

/// Something that the tracepoints of opens do not see.
struct Miss {
    name: &'static str,
    why: &'static str,
    /// Words of `audit-daemon check` about it; `None`: nothing that it could know.
    check: Option<&'static str>,
    act: fn(&Places) -> Act,
    /// Which file it gets at.
    file: fn(&Places) -> PathBuf,
}

const RING: &str = "to files by io_uring passes by system call tracepoints";

const MISSES: &[Miss] = &[
    Miss {
        name: "io_uring",
        why: "the ring's openat is no system call",
        check: Some(RING),
        act: |places| with(&["ring", "plain", "open"], [&places.file()], WRONLY),
        file: Places::file,
    },
    Miss {
        name: "io_uring, a kernel thread takes it up",
        why: "and here nothing of the program calls at all",
        check: Some(RING),
        act: |places| with(&["ring", "sqpoll", "open"], [&places.file()], WRONLY),
        file: Places::file,
    },
    Miss {
        name: "io_uring, no completion of a success",
        why: "so that whoever read completions would not see it either",
        check: Some(RING),
        act: |places| with(&["ring", "skip", "open"], [&places.file()], WRONLY),
        file: Places::file,
    },
    Miss {
        name: "a 32-bit call",
        why: "tracepoints of single system calls pass by those of 32 bits; `kernel.compat` sees them",
        check: Some("it shows their failed execs and what they do to files"),
        act: |places| with(&["by-32-bit", "open"], [&places.file()], WRONLY).with(["0"]),
        file: Places::file,
    },
    Miss {
        name: "a new hard link of a file below a tree",
        why: "the link is recorded, but its inode is looked for when the daemon looks again",
        check: Some("under a hard link of another directory"),
        act: |places| {
            let alias = places.outside.join("alias");
            with(&["link-open"], [&places.file(), &alias], WRONLY)
        },
        file: Places::file,
    },
];

/// Runs `check` as its user does, the text without its line breaks.
fn check(places: &Places) -> String {
    let mut check: Command = places.setup.command("check");
    let output = check.output().expect("run check");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Does it under a daemon; the errno of a kernel that refuses it.
#[track_caller]
fn run(name: &str) -> Result<(), i32> {
    let miss = MISSES.iter().find(|miss| miss.name == name);
    let miss = miss.expect("a row of the table");
    let places = Places::new();
    let (act, file) = ((miss.act)(&places), (miss.file)(&places));
    let mut daemon = places.start();
    // What the row's way does not see is seen the ordinary way, before and after.
    let before = open(&file, RDONLY).done().pid;
    let acted = act.done();
    let after = open(&file, RDONLY).done().pid;
    let records = daemon.stop();
    match acted.number() {
        0 => {}
        errno => return Err(errno),
    }
    assert_whole_log(&records);
    let uid = file_uid(&file);
    for pid in [before, after] {
        let found = of_file(&records, pid, &uid);
        assert_all(&kinds(&found), &["file.open_read"], skipped(&records));
    }
    let writes = records.of_kind("file.open_write");
    let seen: Vec<&str> = writes
        .filter(|record| record.str("file.uid") == uid)
        .map(|record| record.line.as_str())
        .collect();
    let why = miss.why;
    assert_eq!(
        seen, [""; 0],
        "{name} is a miss no more ({why}): mend the table"
    );
    assert_eq!(of_process(&records, acted.pid).len(), 0, "{name}");
    if let Some(words) = miss.check {
        let said = check(&places);
        assert!(said.contains(words), "{name}: {words:?} is not in {said}");
    }
    Ok(())
}

#[test]
fn io_uring() {
    if rings::are_seen() {
        audit_tests::skip!("requests of io_uring are seen here");
    }
    if let Err(errno) = run("io_uring") {
        audit_tests::skip!("io_uring is refused ({errno})");
    }
}

#[test]
fn io_uring_with_a_kernel_thread() {
    if rings::are_seen() {
        audit_tests::skip!("requests of io_uring are seen here");
    }
    if let Err(errno) = run("io_uring, a kernel thread takes it up") {
        audit_tests::skip!("io_uring with a kernel thread is refused ({errno})");
    }
}

#[test]
fn io_uring_without_completions() {
    if rings::are_seen() {
        audit_tests::skip!("requests of io_uring are seen here");
    }
    if let Err(errno) = run("io_uring, no completion of a success") {
        audit_tests::skip!("io_uring without completions is refused ({errno})");
    }
}

#[test]
fn calls_of_32_bits() {
    if opens_on_functions() {
        audit_tests::skip!("calls of 32 bits are seen here");
    }
    if let Err(errno) = run("a 32-bit call") {
        audit_tests::skip!("there are no 32-bit calls ({errno})");
    }
}

#[test]
fn a_new_hard_link_of_a_file_below_a_tree() {
    if acts_on_functions() {
        audit_tests::skip!("the kernel sees to new links here");
    }
    assert_eq!(run("a new hard link of a file below a tree"), Ok(()));
}

/// What these rows do is recorded where opens and links are seen on the kernel's functions.
#[test]
fn what_functions_see_is_no_miss() {
    if !opens_on_functions() {
        audit_tests::skip!("opens are not hooked on functions here");
    }
    for miss in MISSES {
        if miss.name.contains("hard link") && !acts_on_functions() {
            continue;
        }
        let places = Places::new();
        let (act, file) = ((miss.act)(&places), (miss.file)(&places));
        let mut daemon = places.start();
        let acted = act.done();
        let records = daemon.stop();
        eprintln!("{}: {}", miss.name, acted.number());
        assert_whole_log(&records);
        if acted.number() != 0 {
            // The kernel has no such way in.
            continue;
        }
        let found = of_file(&records, acted.pid, &file_uid(&file));
        assert_all(&kinds(&found), &["file.open_write"], skipped(&records));
        assert_opens(&found, None);
    }
}

/// Who opened it is recorded; who got the descriptor from it and wrote only where the kernel's function is
/// hooked that hands descriptors over.
#[test]
fn a_descriptor_that_was_received() {
    let places = Places::new();
    let mut daemon = places.start();
    let acted = with(&["pass-open"], [&places.file()], WRONLY).done();
    let opened_by = u32::try_from(acted.number()).expect("a pid");
    let records = daemon.stop();
    assert_whole_log(&records);
    let uid = file_uid(&places.file());
    let found = of_file(&records, opened_by, &uid);
    assert_all(&kinds(&found), &["file.open_write"], skipped(&records));
    let received = of_file(&records, acted.pid, &uid);
    if acts_on_functions() {
        assert_all(&kinds(&received), &["file.open_write"], skipped(&records));
        for record in received {
            assert_at(record, "unmapped.via", "descriptor_received");
        }
    } else {
        assert_eq!(of_process(&records, acted.pid).len(), 0);
        let said = "who gets the descriptor from there";
        assert!(check(&places).contains(said));
    }
    let written = std::fs::read(places.file()).expect("read");
    assert_eq!(written, b"written", "it was written by who got it");
}

#[test]
fn every_row_is_run_by_a_test() {
    let source = include_str!("misses.rs");
    for miss in MISSES {
        let call = format!("run({:?})", miss.name);
        assert_eq!(source.matches(&call).count(), 1, "{call}");
    }
}
