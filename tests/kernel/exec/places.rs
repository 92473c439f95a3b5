//! Programs that are not where a reader would look for them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use audit_tests::acts::act;
use audit_tests::{Lent, Setup, elf};
use serde_json::{Value, json};

use crate::expect::{self, assert_at, assert_whole};

#[test]
fn a_memfd_is_no_file() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("source"));
    // Its name is the only trace that it leaves.
    let name = format!("kit-{}", setup.marker());
    let by_fd = act(["exec-memfd", &name])
        .with([&program])
        .with(["by fd"])
        .done();
    let by_path = act(["exec-memfd-path", &name])
        .with([&program])
        .with(["by path"])
        .done();
    let records = daemon.seen();
    let found = records.execs(&name);
    assert_eq!(found.len(), 2, "{found:#?}");
    for (record, (acted, command)) in found
        .iter()
        .zip([(by_fd, "'by fd'"), (by_path, "'by path'")])
    {
        assert!(record.succeeded());
        assert_at(record, "process.pid", acted.pid);
        assert_at(record, "process.cmd_line", command);
        assert_at(record, "process.file.path", format!("memfd:{name}"));
        assert_at(record, "process.file.name", format!("memfd:{name}"));
        assert_at(record, "process.file.is_deleted", true);
        assert_at(record, "process.xattributes.fileless", "memfd");
        assert_at(record, "process.xattributes.script", Value::Null);
        assert_at(record, "severity_id", 3);
        assert_whole(record);
    }
}

#[test]
fn a_file_without_a_name_is_deleted() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("unlinked"));
    let uid = expect::file_uid(&program);
    act(["exec-unlinked"])
        .with([&program])
        .with(["called"])
        .done();
    assert!(!program.exists());
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    assert_at(record, "process.file.path", program.to_str());
    assert_at(record, "process.file.uid", uid);
    assert_at(record, "process.file.is_deleted", true);
    assert_at(record, "process.xattributes.fileless", "deleted");
    assert_at(record, "severity_id", 3);
}

#[test]
fn a_file_with_another_name_left_is_not_deleted() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("one-name"));
    std::fs::hard_link(&program, setup.dir().join("other-name")).expect("link");
    act(["exec-unlinked"])
        .with([&program])
        .with(["called"])
        .done();
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    assert_at(record, "process.file.is_deleted", Value::Null);
    assert_ne!(record.str("process.xattributes.fileless"), "deleted");
}

#[test]
fn the_number_of_names_is_recorded() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("one-name"));
    std::fs::hard_link(&program, setup.dir().join("other-name")).expect("link");
    act(["exec"]).with([&program]).with(["called"]).done();
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    assert_at(record, "process.file.xattributes.hard_link_count", 2);
}

#[test]
fn a_file_in_memory_is_on_no_disk() {
    let shared_memory = Path::new("/dev/shm");
    if !shared_memory.is_dir() || !expect::is_fileless(shared_memory) {
        audit_tests::skip!("/dev/shm is no file system of its own here");
    }
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(shared_memory.join(setup.marker()));
    let uid = expect::file_uid(&program);
    act(["exec"]).with([&program]).with(["called"]).done();
    std::fs::remove_file(&program).expect("remove");
    let records = daemon.seen();
    let record = records.exec(setup.marker());
    assert_at(record, "process.file.path", program.to_str());
    assert_at(record, "process.file.uid", uid);
    assert_at(record, "process.file.is_deleted", Value::Null);
    assert_at(record, "process.xattributes.fileless", "tmpfs");
    assert_at(record, "severity_id", 3);
}

#[test]
fn paths_are_those_of_the_process_inside_a_chroot() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let root = setup.dir().join("root");
    std::fs::create_dir_all(root.join("bin/deep")).expect("mkdir");
    let program = elf::place(root.join("bin/inside"));
    let tag = format!("tag-{}", setup.marker());
    act(["chroot"])
        .with([&root])
        .with(["chdir", "/bin/deep", "exec", "/bin/inside", &tag])
        .done();
    act(["chroot"])
        .with([&root])
        .with(["chdir", "/bin", "exec", "/missing", &tag])
        .done();
    let records = daemon.seen();
    let [inside, missing] = records.execs(&tag)[..] else {
        panic!("two execs")
    };
    assert_at(inside, "process.file.path", "/bin/inside");
    assert_at(inside, "process.file.uid", expect::file_uid(&program));
    assert_at(inside, "process.working_directory", "/bin/deep");
    assert_at(inside, "process.cmd_line", tag.as_str());
    // Names are the host's; in there the same number may be somebody else.
    assert_at(inside, "process.user", json!({"uid": "0"}));
    assert_whole(inside);
    assert_at(missing, "process.file.path", "/missing");
    assert_at(missing, "process.working_directory", "/bin");
    assert_at(missing, "process.user", json!({"uid": "0"}));
}

/// Levels below which no kernel's walk ends early; see PATH_LEVELS_MAX_LEGACY of the daemon.
const LEVELS_SEEN_ANYWHERE: u32 = 40;

#[test]
fn a_deep_directory_is_whole_up_to_the_longest_path() {
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("program"));
    let base = setup.dir().join("deep");
    std::fs::create_dir(&base).expect("mkdir");
    act(["chdir"])
        .with([&base])
        .with([
            "descend",
            &LEVELS_SEEN_ANYWHERE.to_string(),
            "level",
            "exec",
        ])
        .with([&program])
        .done_with_tag(&setup);
    let records = daemon.seen();
    let record = records.exec(&format!("tag-{}", setup.marker()));
    let levels = "/level".repeat(LEVELS_SEEN_ANYWHERE as usize);
    assert_at(
        record,
        "process.working_directory",
        format!("{}{levels}", base.display()),
    );
    assert_whole(record);
}

#[test]
fn a_directory_deeper_than_any_path_loses_its_root_end_and_says_so() {
    const LEVELS: usize = 200;
    const NAME_BYTES: usize = 40;
    let setup = Setup::new();
    let mut daemon = Lent::take(&setup);
    let program = elf::place(setup.dir().join("program"));
    let base = setup.dir().join("deep");
    std::fs::create_dir(&base).expect("mkdir");
    let name: OsString = "d".repeat(NAME_BYTES).into();
    act(["chdir"])
        .with([&base])
        .with(["descend", &LEVELS.to_string()])
        .bytes(name.as_bytes())
        .with(["exec"])
        .with([&program])
        .done_with_tag(&setup);
    let records = daemon.seen();
    let record = records.exec(&format!("tag-{}", setup.marker()));
    let shown = record.str("process.working_directory");
    let level = format!("{}/", name.to_str().unwrap());
    // Whole names only, from the leaf on, without a root.
    let whole = shown.split('/').filter(|part| !part.is_empty());
    let kept = whole
        .inspect(|part| assert_eq!(part.len(), NAME_BYTES, "{shown}"))
        .count();
    assert!(
        shown.ends_with(&level.repeat(10)[..10 * level.len() - 1]),
        "{shown}"
    );
    assert!(!shown.starts_with('/'), "{shown}");
    assert!(shown.len() <= 4096, "{} bytes", shown.len());
    let modern = audit_tests::kernel_version() >= (5, 17);
    let expected = if modern { 4096 / (NAME_BYTES + 1) } else { 48 };
    assert!(kept.abs_diff(expected) <= 1, "{kept} levels of {expected}");
    assert_at(record, "metadata.is_truncated", true);
    let original = record.at("unmapped.truncated")["process.working_directory"].as_u64();
    let truth = base.as_os_str().len() + LEVELS * (NAME_BYTES + 1);
    match modern {
        true => assert_eq!(original, Some(truth as u64), "{}", record.line),
        // Beyond the last level that is followed nothing is known.
        false => assert!(
            original.is_some_and(|n| n as usize > shown.len()),
            "{}",
            record.line
        ),
    }
}

/// Ends an act with a tag as only argument, for those that are known by nothing else.
trait Tagged {
    fn done_with_tag(self, setup: &Setup);
}

impl Tagged for audit_tests::acts::Act {
    #[track_caller]
    fn done_with_tag(self, setup: &Setup) {
        self.with([format!("tag-{}", setup.marker())]).done();
    }
}
