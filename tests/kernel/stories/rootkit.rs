//! A kernel module that is put there, and refused.

use std::path::Path;

use audit_tests::Daemon;
use audit_tests::acts::{Act, program};
use serde_json::Value;

use super::chain::Story;
use super::{INTRUDER, installed, run, watching};
use crate::expect::{assert_at, file_uid};
use crate::privilege::{call, has_call, results};

#[test]
fn a_module_is_told_from_its_file_to_its_refusals() {
    if !has_call("finit_module") {
        audit_tests::skip!("this kernel has no modules");
    }
    let (setup, places) = watching();
    let shell = installed("sh");
    let module = places.inside("hide.ko");
    let name = module.to_str().expect("UTF-8");
    let mut daemon = Daemon::start(&setup);
    // Blanks are no module.
    let write = format!("printf '%4096s' '' > {name}");
    let acts = run(Act::new(), &shell, &["-c", &write]);
    let load = |acts| {
        call(
            acts,
            "finit_module",
            &[&format!("open:{name}"), "text:", "0"],
        )
    };
    let acts = load(acts);
    let acts = call(acts, "init_module", &["room:4096", "4096", "text:"]);
    let acts = load(acts.with(["uid", INTRUDER]));
    let acted = call(acts, "init_module", &["room:4096", "4096", "text:"])
        .with(["done"])
        .done();
    let (bad, denied) = (-i64::from(libc::ENOEXEC), -i64::from(libc::EPERM));
    assert_eq!(results(&acted.stdout), [bad, bad, denied, denied]);
    let records = daemon.stop();
    let story = Story::of(&records, acted.pid);
    let exec = |file: &Path| format!("process.exec {} as 0/0 done", file.display());
    let opened = format!("file.open_read {name} done");
    assert_eq!(
        story.told(),
        [
            exec(&program()),
            exec(&shell),
            format!("file.create {name} done"),
            opened.clone(),
            "priv.module_load hide.ko ENOEXEC".to_owned(),
            "priv.module_load unknown ENOEXEC".to_owned(),
            format!("priv.setuid 0/0 to {INTRUDER}/{INTRUDER} done"),
            opened,
            "priv.module_load hide.ko EPERM".to_owned(),
            "priv.module_load unknown EPERM".to_owned(),
        ]
    );
    // By its file, it is the one that was made.
    let made = story.only("file.create");
    assert_at(made, "file.uid", file_uid(&module));
    let loads: Vec<_> = story.of_kind("priv.module_load").collect();
    for (place, record) in loads.into_iter().enumerate() {
        let uid = match place % 2 {
            0 => made.at("file.uid").clone(),
            _ => Value::Null,
        };
        assert_at(record, "driver.file.uid", uid);
        let user: u32 = if place < 2 {
            0
        } else {
            INTRUDER.parse().expect("a number")
        };
        assert_at(record, "actor.process.euid", user);
        assert_at(record, "severity_id", 2);
    }
}
