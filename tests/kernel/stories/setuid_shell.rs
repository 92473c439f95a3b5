//! A way back to root that somebody leaves: a shell with the setuid bit.

use std::path::Path;

use audit_tests::Daemon;
use audit_tests::acts::{Act, program};

use super::chain::Story;
use super::{INTRUDER, installed, run, watching};
use crate::expect::assert_at;

#[test]
fn a_setuid_shell_is_told_when_it_is_made_and_when_it_is_used() {
    let (setup, places) = watching();
    let [shell, dd, chmod, cat] = ["sh", "dd", "chmod", "cat"].map(installed);
    let (kept, secret) = (places.inside("kept"), places.inside("secret"));
    let [kept_name, secret_name] = [&kept, &secret].map(|path| path.to_str().expect("UTF-8"));
    let mut daemon = Daemon::start(&setup);
    let [from, to] = [format!("if={}", shell.display()), format!("of={kept_name}")];
    let made = run(Act::new(), &dd, &[&from, &to, "status=none"]);
    let made = run(made, &chmod, &["4755", kept_name]);
    let used = run(
        made.with(["uid", INTRUDER]),
        &kept,
        &["-p", "-c", &format!("cat {secret_name}; exit 0")],
    );
    let acted = used.with(["done"]).done();
    assert_eq!(acted.stdout, "content");
    let records = daemon.stop();
    let story = Story::of(&records, acted.pid);
    let exec = |file: &Path, ids: &str| format!("process.exec {} as {ids} done", file.display());
    let gained = format!("{INTRUDER}/0");
    assert_eq!(
        story.told(),
        [
            exec(&program(), "0/0"),
            exec(&dd, "0/0"),
            format!("file.create {kept_name} done"),
            exec(&chmod, "0/0"),
            format!("file.chmod {kept_name} done"),
            format!("priv.setuid 0/0 to {INTRUDER}/{INTRUDER} done"),
            exec(&kept, &gained),
            exec(&cat, &gained),
            format!("file.open_read {secret_name} done"),
        ]
    );
    let shell = story.exec(&kept);
    assert_at(shell, "process.xattributes.gain", "setuid");
    assert!(shell.num("severity_id") >= 2, "{}", shell.line);
    // No exec but that one brought anything.
    let cat = story.exec(&cat);
    assert_at(cat, "process.xattributes.gain", serde_json::Value::Null);
    assert_at(cat, "actor.process.uid", shell.str("process.uid"));
    let opened = story.only("file.open_read");
    assert_at(opened, "actor.process.uid", cat.str("process.uid"));
    assert_at(opened, "actor.process.user.uid", INTRUDER);
    assert_at(opened, "actor.process.euid", 0);
    // What was executed is what was made.
    let chmod = story.only("file.chmod");
    assert_at(chmod, "file.uid", shell.str("process.file.uid"));
}
