//! Opens that fail are folded only if that is asked for, and never with others than their equals.

use std::path::Path;

use audit_tests::Daemon;
use audit_tests::acts::act;
use serde_json::json;

use super::{RDONLY, filtered, folding, often, watching};
use crate::expect::assert_at;
use crate::sums::{Counts, assert_ledger};
use crate::watched::{NOBODY, of_process};

const DIRECTORY: &str = "65536";

#[test]
fn failures_are_folded_if_that_is_asked_for() {
    if audit_tests::differs!("nothing-is-folded") {
        audit_tests::skip!("this kernel's programs fold nothing");
    }
    let (setup, places) = folding();
    let setup = setup.set("volume.fold_failures", "true");
    let file = places.file();
    let missing = places.inside("missing");
    let mut daemon = Daemon::start(&watching(&setup, &places));
    // The file is no directory; it is opened in between.
    let opens = often(20, &file, DIRECTORY).and(1, &file, RDONLY);
    let pid = opens.and(30, &file, DIRECTORY).then_end();
    let nothing = often(40, &missing, RDONLY).then_end();
    let records = daemon.stop();
    let told = |pid| -> Vec<_> {
        let records = of_process(&records, pid).into_iter();
        records
            .map(|one| (one.at("status_code").as_str(), one.at("count").as_i64()))
            .collect()
    };
    let (no_directory, missing_code) = (Some("ENOTDIR"), Some("ENOENT"));
    assert_eq!(
        told(pid),
        [(no_directory, None), (None, None), (no_directory, Some(49))]
    );
    assert_eq!(
        told(nothing),
        [(missing_code, None), (missing_code, Some(39))]
    );
    let found = of_process(&records, nothing);
    for record in &found {
        assert_at(record, "file.path", missing.display().to_string());
        assert_at(record, "status_id", 2);
        assert_at(record, "unmapped.source", json!({ "file.path": "string" }));
    }
    let [first, rest] = found[..] else {
        unreachable!()
    };
    let uid = first.at("metadata.uid").clone();
    assert_at(rest, "metadata.correlation_uid", uid);
    assert_eq!(rest.num("time"), rest.num("start_time"));
    assert!(rest.num("start_time") <= rest.num("end_time"));
    assert_eq!(filtered(&records, "repeat"), 49 + 39);
    assert_ledger(&records, &Counts::of(&records));
}

/// Whatever differs in what was asked makes another act of it.
#[test]
fn failures_that_are_not_equal_are_recorded_each_time() {
    let (setup, places) = folding();
    let setup = setup.set("volume.fold_failures", "true");
    let nested = places.made_dir("nested");
    let (missing, other) = (places.inside("missing"), places.inside("missinh"));
    let long = places.inside("n".repeat(130));
    let late = places.inside("late");
    let mut daemon = Daemon::start(&watching(&setup, &places));
    let once = |path: &Path, flags: &str| {
        let path = path.to_str().expect("UTF-8").to_owned();
        ["often".to_owned(), "1".to_owned(), path, flags.to_owned()]
    };
    let name = Path::new("missing");
    let end = ["exit", "0"];
    let acts = [
        // Flags, names, names too long to be kept.
        act(["cpu"])
            .with(once(&missing, RDONLY))
            .with(once(&missing, "2048")),
        act(["cpu"])
            .with(once(&missing, RDONLY))
            .with(once(&other, RDONLY)),
        act(["cpu"])
            .with(once(&long, RDONLY))
            .with(once(&long, RDONLY)),
        // The directory that a name starts from.
        act(["cpu", "chdir"])
            .with([&places.watched])
            .with(once(name, RDONLY))
            .with(["chdir"])
            .with([&nested])
            .with(once(name, RDONLY)),
        // The error: it is not there, and then it is no directory.
        act(["cpu"])
            .with(once(&late, DIRECTORY))
            .with(["move"])
            .with([&places.inside("other"), &late])
            .with(once(&late, DIRECTORY)),
        // Who asks.
        act(["cpu"])
            .with(once(&missing, RDONLY))
            .with(["uid", NOBODY])
            .with(once(&missing, RDONLY)),
    ];
    let pids = acts.map(|act| act.with(end).done().pid);
    let records = daemon.stop();
    for (number, pid) in pids.into_iter().enumerate() {
        let found = of_process(&records, pid);
        let counts: Vec<_> = found.iter().map(|one| one.at("count").as_i64()).collect();
        assert_eq!(counts, [None, None], "act {number}");
    }
    assert_eq!(filtered(&records, "repeat"), 0);
}
