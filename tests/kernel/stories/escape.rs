//! Out of a container's namespaces into the host's, to a file of the host.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use audit_tests::Daemon;
use audit_tests::acts::{Act, program};

use super::chain::Story;
use super::{installed, run, watching};
use crate::expect::assert_at;

/// Those that are entered. A pid namespace can only be left for one within it, which this one is not.
const ENTERED: [&str; 3] = ["mnt", "net", "uts"];

/// `name:[number]` of our own, which are the host's here.
fn own() -> BTreeSet<String> {
    let number = |name: &str| std::fs::metadata(format!("/proc/self/ns/{name}")).map(|it| it.ino());
    let named = ENTERED.map(|name| format!("{name}:[{}]", number(name).expect("stat")));
    BTreeSet::from(named)
}

fn namespaces<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    names
        .flat_map(|names| names.split(' '))
        .map(str::to_owned)
        .collect()
}

#[test]
fn an_escape_by_nsenter_is_told_with_the_file_that_it_touches() {
    let [unshare, nsenter, shell, mount] = ["unshare", "nsenter", "sh", "mount"].map(installed);
    let (setup, places) = watching();
    let file = places.file();
    let ours = std::process::id();
    // In there the host's directory is hidden; by the host's namespaces it is not.
    let inside = format!(
        "{} -t tmpfs none {} || {{ echo refused; exit 9; }}; {} -t {ours} -m -n -u {} -c 'echo x >> {}'; exit 0",
        mount.display(),
        places.watched.display(),
        nsenter.display(),
        shell.display(),
        file.display(),
    );
    let all = ["--mount", "--net", "--pid", "--uts", "--fork"];
    let shell_name = shell.to_str().expect("UTF-8");
    let arguments = [&all[..], &[shell_name, "-c", &inside]].concat();
    let mut daemon = Daemon::start(&setup);
    let acted = run(Act::new(), &unshare, &arguments).with(["done"]).done();
    if acted.stdout == "refused\n" {
        audit_tests::skip!("nothing can be mounted here");
    }
    let records = daemon.stop();
    let story = Story::of(&records, acted.pid);
    let text = std::fs::read_to_string(&file).expect("read");
    assert_eq!(text, "contentx\n", "{:#?}", story.told());
    let exec = |file: &Path| format!("process.exec {} as 0/0 done", file.display());
    let (entered, rest): (Vec<_>, Vec<_>) = story
        .told()
        .into_iter()
        .partition(|line| line.starts_with("priv.setns "));
    assert_eq!(
        rest,
        [
            exec(&program()),
            exec(&unshare),
            "priv.unshare mnt pid net uts done".to_owned(),
            exec(&shell),
            exec(&mount),
            format!("file.mount {} done", places.watched.display()),
            exec(&nsenter),
            exec(&shell),
            format!("file.open_write {} done", file.display()),
        ]
    );
    assert!(entered.iter().all(|line| line.ends_with(" done")));
    let names = |kind| namespaces(story.of_kind(kind).map(|one| one.str("kernel.name")));
    assert_eq!(names("priv.setns"), own());
    assert!(names("priv.unshare").is_disjoint(&own()));
    // Who entered them is who touched the file; it is still the third of its own pid namespace.
    let last = story.exec(&shell);
    let entered = story.of_kind("priv.setns");
    for record in entered.chain([story.only("file.open_write")]) {
        assert_at(record, "actor.process.uid", last.str("process.uid"));
        assert_at(record, "actor.process.namespace_pid", 3);
    }
    let made = story.only("priv.unshare");
    assert_at(made, "actor.process.namespace_pid", serde_json::Value::Null);
}
