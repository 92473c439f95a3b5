//! What 32-bit programs do to files: with `kernel.compat` it is recorded as what all others do.
//!
//! Owns the setting and the check of it. The tables of acts are those of `file_act` and `file_open`, done
//! by the other entry.

use audit_tests::acts::{Act, act};
use audit_tests::{Daemon, Setup};
use serde_json::Value;

use crate::expect::file_uid;
use crate::watched::{Places, of_process};

/// Steps to all that is done by the 32-bit entry.
pub const NARROW: &str = "by-32-bit";
/// The same by calls whose arguments are as narrow as the entry.
pub const OLD: &str = "by-old-32-bit";

pub fn narrow(step: &str, this: Act) -> Act {
    this.after(act([step]))
}

pub fn seen(setup: Setup) -> Setup {
    setup.set("kernel.compat", "true")
}

/// Has this kernel such calls?
pub fn are_there() -> bool {
    act([NARROW, "exit", "0"]).done().stdout.is_empty()
}

/// What `audit-daemon check` says that this row cannot see.
pub fn cannot_see(setup: &Setup, event: &str) -> String {
    let mut check = setup.command("check");
    let output = check.arg("--json").output().expect("run check");
    assert!(output.status.success(), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rows = told["events"].as_array().expect("rows");
    let row = rows.iter().find(|row| row["event"] == event);
    let row = row.unwrap_or_else(|| panic!("no {event} in {rows:#?}"));
    row["cannot_see"].as_str().expect("text").to_owned()
}

#[test]
fn check_tells_with_and_without() {
    let setup = Setup::new().set("events.file.record", "true");
    for event in ["file open", "file act"] {
        let without = cannot_see(&setup, event);
        assert!(without.contains("32-bit programs"), "{event}: {without}");
        let with = cannot_see(&seen(setup.clone()), event);
        assert!(!with.contains("32-bit"), "{event}: {with}");
    }
}

/// A directory is moved below a watched one and opened in at once: no verdict from before is used.
#[test]
fn what_is_moved_in_is_watched_at_once() {
    if !are_there() {
        audit_tests::skip!("there are no 32-bit calls");
    }
    let setup = Setup::on_kept_programs().set("events.file.record", "true");
    let places = Places::make(&setup);
    let (before, after) = (places.outside.join("d"), places.inside("d"));
    std::fs::create_dir(&before).expect("mkdir");
    std::fs::write(before.join("f"), b"").expect("write");
    let uid = file_uid(&before.join("f"));
    let mut daemon = Daemon::start(&seen(setup).append(&places.watch(&["read"])));
    let carry = act(["carry-open"]).with([&before, &after]).with(["f", "0"]);
    let acted = narrow(NARROW, carry).done();
    assert_eq!(acted.number(), 0);
    let records = daemon.stop();
    let found = of_process(&records, acted.pid);
    let told: Vec<_> = found
        .iter()
        .map(|one| (one.kind(), one.str("file.uid"), one.str("file.path")))
        .collect();
    let path = after.join("f");
    let path = path.to_str().expect("UTF-8");
    assert_eq!(told, [("file.open_read", &*uid, path)]);
}
