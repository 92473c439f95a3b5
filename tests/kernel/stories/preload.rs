//! A library that is loaded into every program from now on, and into one.

use std::path::Path;

use audit_tests::acts::{Act, program};
use audit_tests::{Daemon, elf};
use serde_json::json;

use super::chain::Story;
use super::{installed, run, setup};
use crate::expect::{assert_at, severity_on};

const LIST: &str = "/etc/ld.so.preload";

/// Takes the list away again, whatever becomes of the test.
struct Gone;

impl Drop for Gone {
    fn drop(&mut self) {
        // It is gone already where the story came to its end.
        let _ = std::fs::remove_file(LIST);
    }
}

#[test]
fn a_library_for_every_program_is_told_and_one_for_a_single_program_too() {
    if std::fs::symlink_metadata(LIST).is_ok() {
        audit_tests::skip!("there is an /etc/ld.so.preload, which is not ours");
    }
    let [shell, rm] = ["sh", "rm"].map(installed);
    // The built-in watches.
    let setup = setup();
    let target = elf::place(setup.dir().join("program"));
    let library = setup.dir().join("hook.so");
    let mut daemon = Daemon::start(&setup);
    let _gone = Gone;
    // Without a word in it, so that nobody here loads anything.
    let acts = Act::new().with(["clear"]);
    let acts = run(acts, &shell, &["-c", &format!(": > {LIST}")]);
    let one = format!(
        "LD_PRELOAD={} {}; exit 0",
        library.display(),
        target.display()
    );
    let acts = run(acts, &shell, &["-c", &one]);
    let acted = run(acts, &rm, &[LIST]).with(["done"]).done();
    assert!(!Path::new(LIST).exists());
    let records = daemon.stop();
    let story = Story::of(&records, acted.pid);
    let exec = |file: &Path| format!("process.exec {} as 0/0 done", file.display());
    assert_eq!(
        story.told(),
        [
            exec(&program()),
            exec(&shell),
            format!("file.create {LIST} done"),
            exec(&shell),
            exec(&target),
            exec(&rm),
            format!("file.delete {LIST} done"),
        ]
    );
    for kind in ["file.create", "file.delete"] {
        let record = story.only(kind);
        assert_at(record, "metadata.labels", json!(["watch:linker"]));
    }
    let preloaded = story.exec(&target);
    let variable = json!([{"name": "LD_PRELOAD", "value": library.to_str()}]);
    assert_at(preloaded, "process.environment_variables", variable);
    assert_at(preloaded, "severity_id", severity_on(setup.dir(), 2));
    assert_at(
        story.exec(&rm),
        "process.environment_variables",
        serde_json::Value::Null,
    );
}
