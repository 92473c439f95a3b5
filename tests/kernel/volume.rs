//! What the kernel does not send: repeats, what is too much, and what processes do that every watch
//! excludes. Each is told by its number, and nothing else is left out.

mod failures;

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use audit_tests::acts::{Act, act, program};
use audit_tests::daemon::patience;
use audit_tests::{Daemon, LaneCpu, Record, Records, Setup};
use serde_json::json;

use crate::expect::{assert_at, file_uid};
use crate::sums::{Counts, assert_ledger};
use crate::watched::{NOBODY, Places, of_process};

const RDONLY: &str = "0";
const WRONLY: &str = "1";
/// Longer than any test.
const WINDOW: &str = "\"60 s\"";

/// A home with watched files.
fn home() -> (Setup, Places) {
    let setup = Setup::new().set("events.file.record", "true");
    let places = Places::make(&setup);
    (setup, places)
}

fn folding() -> (Setup, Places) {
    let (setup, places) = home();
    (setup.set("volume.fold_window", WINDOW), places)
}

fn watching(setup: &Setup, places: &Places) -> Setup {
    setup
        .clone()
        .append(&places.watch(&["read", "write", "create"]))
}

/// Opens by one process, on one CPU.
struct Opens(Act);

fn often(count: u32, path: &Path, flags: &str) -> Opens {
    Opens(act(["cpu"])).and(count, path, flags)
}

impl Opens {
    fn and(self, count: u32, path: &Path, flags: &str) -> Opens {
        let times = self.0.with(["often", &count.to_string()]);
        Opens(times.with([path]).with([flags]))
    }

    /// Its pid.
    fn then_end(self) -> u32 {
        self.0.with(["exit", "0"]).done().pid
    }
}

/// How many of these acts there were by the records, whether each has its own or not.
fn told(records: &[&Record]) -> i64 {
    let count = |record: &&Record| record.at("count").as_i64().unwrap_or(1);
    records.iter().map(count).sum()
}

fn filtered(records: &Records, reason: &str) -> u64 {
    let of_reason = |record: &Record| {
        let filtered = &record.at("unmapped.counts")["bulk"]["filtered"];
        filtered[reason].as_u64().unwrap_or(0)
    };
    records.of_kind("daemon.counts").map(of_reason).sum()
}

#[test]
fn equal_reads_are_one_record_and_another_of_their_number() {
    if audit_tests::differs!("nothing-is-folded") {
        audit_tests::skip!("this kernel's programs fold nothing");
    }
    let (setup, places) = folding();
    let mut daemon = Daemon::start(&watching(&setup, &places));
    let pid = often(1_000, &places.file(), RDONLY).then_end();
    let records = daemon.stop();
    let found = of_process(&records, pid);
    let [first, rest] = found[..] else {
        panic!("{} records", found.len())
    };
    assert_at(first, "count", json!(null));
    assert_at(rest, "count", 999);
    for record in [first, rest] {
        assert_at(record, "file.path", places.file().display().to_string());
        assert_at(record, "file.uid", file_uid(&places.file()));
        assert_at(record, "status_id", 1);
        assert_eq!(
            record.at("metadata.labels"),
            &json!(["watch:test", "zone:pci"])
        );
        assert_eq!(
            record.at("actor.process.uid"),
            first.at("actor.process.uid")
        );
    }
    // It is of the first, and of no single event of the kernel.
    assert_at(
        rest,
        "metadata.correlation_uid",
        first.at("metadata.uid").clone(),
    );
    assert_at(rest, "metadata.original_event_uid", json!(null));
    assert_eq!(rest.num("time"), rest.num("start_time"));
    assert!(first.num("time") <= rest.num("start_time"));
    assert!(rest.num("start_time") <= rest.num("end_time"));
    assert_eq!(filtered(&records, "repeat"), 999);
    assert_ledger(&records, &Counts::of(&records));
}

#[test]
fn repeats_are_told_when_their_time_is_over() {
    if audit_tests::differs!("nothing-is-folded") {
        audit_tests::skip!("this kernel's programs fold nothing");
    }
    let (setup, places) = home();
    let setup = setup.set("volume.fold_window", "\"300 ms\"");
    let mut daemon = Daemon::start(&watching(&setup, &places));
    let pid = often(5, &places.file(), RDONLY).then_end();
    let records = daemon.wait_for("both records", |records| {
        of_process(records, pid).len() == 2
    });
    assert_eq!(told(&of_process(&records, pid)), 5);
    // The table's place is free again.
    let again = often(7, &places.file(), RDONLY).then_end();
    let records = daemon.wait_for("both again", |records| {
        of_process(records, again).len() == 2
    });
    assert_eq!(told(&of_process(&records, again)), 7);
    let records = daemon.stop();
    assert_eq!(
        (
            of_process(&records, pid).len(),
            of_process(&records, again).len()
        ),
        (2, 2)
    );
    assert_ledger(&records, &Counts::of(&records));
}

/// Whatever differs in the record makes another act of it.
#[test]
fn what_is_not_equal_is_recorded_each_time() {
    let (setup, places) = folding();
    let (file, secret) = (places.file(), places.inside("secret"));
    let other_name = places.inside("other-name");
    std::fs::hard_link(&file, &other_name).expect("link");
    let mut daemon = Daemon::start(&watching(&setup, &places));
    const DIRECTORY: &str = "65536";
    const NONBLOCK: &str = "2048";
    let writes = often(3, &file, WRONLY).then_end();
    let flags = often(1, &file, RDONLY).and(1, &file, NONBLOCK).then_end();
    let names = often(1, &file, RDONLY)
        .and(1, &other_name, RDONLY)
        .then_end();
    let failures = often(3, &file, DIRECTORY).then_end();
    let refused = act(["uid", NOBODY, "cpu", "often", "3"]).with([&secret]);
    let refused = refused.with([RDONLY, "exit", "0"]).done().pid;
    let [one, two] = [1, 1].map(|count| often(count, &file, RDONLY).then_end());
    let user = act(["cpu", "often", "1"])
        .with([&file])
        .with([RDONLY, "uid", NOBODY]);
    let user = user
        .with(["often", "1"])
        .with([&file])
        .with([RDONLY, "exit", "0"])
        .done()
        .pid;
    let records = daemon.stop();
    let each = [writes, flags, names, failures, refused, one, two, user]
        .map(|pid| of_process(&records, pid).len());
    assert_eq!(each, [3, 2, 2, 3, 3, 1, 1, 2]);
    assert_eq!(filtered(&records, "repeat"), 0);
    let users: Vec<&str> = of_process(&records, user)
        .iter()
        .map(|record| record.str("actor.process.user.uid"))
        .collect();
    assert_eq!(users, ["0", NOBODY]);
}

#[test]
fn a_file_that_gets_another_name_is_told_by_it() {
    if audit_tests::differs!("nothing-is-folded") {
        audit_tests::skip!("this kernel's programs fold nothing");
    }
    let (setup, places) = folding();
    let names = [places.file(), places.inside("renamed")];
    let mut daemon = Daemon::start(&watching(&setup, &places));
    let open = act(["cpu", "often", "3"])
        .with([&names[0]])
        .with([RDONLY, "move"]);
    let open = open.with(&names).with(["often", "3"]).with([&names[1]]);
    let pid = open.with([RDONLY, "exit", "0"]).done().pid;
    let records = daemon.stop();
    let found = of_process(&records, pid);
    let reads = found
        .iter()
        .filter(|record| record.kind() == "file.open_read");
    let mut by_name: Vec<(&str, i64)> = reads
        .map(|record| {
            (
                record.str("file.path"),
                record.at("count").as_i64().unwrap_or(1),
            )
        })
        .collect();
    by_name.sort_unstable();
    let [old, new] = names.each_ref().map(|name| name.to_str().expect("text"));
    // The place in the table is the first's: the other name is not folded beside it.
    assert_eq!(by_name, [(old, 1), (old, 2), (new, 1), (new, 1), (new, 1)]);
}

#[test]
fn writes_are_folded_if_that_is_asked_for() {
    if audit_tests::differs!("nothing-is-folded") {
        audit_tests::skip!("this kernel's programs fold nothing");
    }
    let (setup, places) = folding();
    let setup = setup.set("volume.fold_writes", "true");
    let mut daemon = Daemon::start(&watching(&setup, &places));
    let pid = often(50, &places.file(), WRONLY).then_end();
    let records = daemon.stop();
    let found = of_process(&records, pid);
    let counts: Vec<_> = found
        .iter()
        .map(|record| record.at("count").as_i64())
        .collect();
    assert_eq!(counts, [None, Some(49)]);
    assert!(
        found
            .iter()
            .all(|record| record.kind() == "file.open_write")
    );
}

#[test]
fn nothing_is_folded_if_that_is_asked_for() {
    let (setup, places) = home();
    let mut daemon = Daemon::start(&watching(&setup, &places));
    let pid = often(50, &places.file(), RDONLY).then_end();
    assert_eq!(of_process(&daemon.stop(), pid).len(), 50);
}

/// A reload does not make what happened before it wait for its time.
#[test]
fn a_reload_tells_of_repeats_first() {
    if audit_tests::differs!("nothing-is-folded") {
        audit_tests::skip!("this kernel's programs fold nothing");
    }
    let (setup, places) = folding();
    let before = watching(&setup, &places);
    let mut daemon = Daemon::start(&before);
    let pid = often(9, &places.file(), RDONLY).then_end();
    daemon.wait_for("the first", |records| of_process(records, pid).len() == 1);
    let after = before.clone().set("volume.fold_window", "\"0 s\"");
    let output = after.command("reload").output().expect("reload");
    assert!(output.status.success(), "{output:?}");
    let records = daemon.records();
    assert_eq!(told(&of_process(&records, pid)), 9);
    let plain = often(9, &places.file(), RDONLY).then_end();
    let records = daemon.stop();
    assert_eq!(of_process(&records, plain).len(), 9);
    assert_eq!(of_process(&records, pid).len(), 2);
}

#[test]
fn what_is_too_much_is_counted_under_its_name() {
    let (setup, places) = home();
    let setup = setup.set("volume.process_rate", "100");
    let mut daemon = Daemon::start(&watching(&setup, &places));
    let pid = often(5_000, &places.file(), RDONLY).then_end();
    let modest = often(50, &places.file(), RDONLY).then_end();
    let records = daemon.stop();
    let found = of_process(&records, pid).len() as u64;
    let name = format!("rate:audit-acts ({pid})");
    let excess = filtered(&records, &name);
    assert!(
        found >= 100 && excess > 0,
        "{found} recorded, {excess} beyond"
    );
    assert_eq!(found + excess, 5_000);
    assert_eq!(filtered(&records, "rate"), 0);
    // Others are none the worse for it.
    assert_eq!(of_process(&records, modest).len(), 50);
    let said = daemon.stderr();
    assert!(
        said.contains(&format!("audit-acts ({pid}) causes more file events")),
        "{said}"
    );
    assert_ledger(&records, &Counts::of(&records));
}

/// The daemon finds out by the first of them: what comes after these is not sent.
const FIRST: u32 = 40;
const MORE: u32 = 20_000;

/// A process that opens a file so often, lets the daemon find out, and goes on.
fn in_two_parts(file: &Path, pipes: &[PathBuf; 2]) -> Act {
    let mut steps = Act::new();
    let [first, second] = pipes;
    for (times, path) in [(FIRST, file), (1, first), (1, second), (MORE, file)] {
        steps = steps.with(["often", &times.to_string()]).with([path]);
        steps = steps.with([RDONLY]);
    }
    steps
}

/// Has it go on as soon as the daemon has looked at all of its first part. Gives its pid.
fn go_between(daemon: &Daemon, act: &Act, pipes: &[PathBuf; 2]) -> u32 {
    let mut child = act.start();
    meet(&mut child, &pipes[0]);
    daemon.wait_for_status("that all is looked at", |status| {
        status.lanes().iter().all(LaneCpu::is_settled)
    });
    meet(&mut child, &pipes[1]);
    let ended = child.wait().expect("wait for audit-acts");
    assert!(ended.success(), "{ended}");
    child.id()
}

/// Waits until the process opens the pipe for reading.
fn meet(child: &mut Child, pipe: &Path) {
    let mut options = std::fs::OpenOptions::new();
    let options = options.write(true).custom_flags(libc::O_NONBLOCK);
    let deadline = Instant::now() + patience();
    while let Err(error) = options.open(pipe) {
        assert_eq!(error.raw_os_error(), Some(libc::ENXIO), "{pipe:?}");
        assert_eq!(child.try_wait().expect("wait"), None, "before {pipe:?}");
        assert!(Instant::now() < deadline, "nobody comes to {pipe:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn what_every_watch_excludes_is_not_sent_for_long() {
    let (setup, places) = home();
    let excluding = |more: &str| {
        let exclude = format!("exclude = [{{ executables = [{:?}]{more} }}]\n", program());
        setup
            .clone()
            .append(&(places.watch(&["read", "write", "create"]) + &exclude))
    };
    let pipes = ["first", "second"].map(|name| setup.dir().join(name));
    for pipe in &pipes {
        nix::unistd::mkfifo(pipe, nix::sys::stat::Mode::S_IRUSR).expect("mkfifo");
    }
    let mut daemon = Daemon::start(&excluding(", users = [\"root\"]"));
    let file = places.file();
    let parts = || in_two_parts(&file, &pipes);
    // As another user, and as another program, it is not excluded: even if the process was quiet.
    let user = parts().with(["uid", NOBODY, "often", "3"]).with([&file]);
    let user = go_between(&daemon, &user.with([RDONLY, "exit", "0"]), &pipes);
    let other = parts().with(["exec", "/bin/cat", "cat"]).with([&file]);
    let other = go_between(&daemon, &other, &pipes);
    // After a reload nobody is excluded.
    let quiet = go_between(&daemon, &parts().with(["exit", "0"]), &pipes);
    let after = watching(&setup, &places);
    let output = after.command("reload").output().expect("reload");
    assert!(output.status.success(), "{output:?}");
    let loud = often(20, &file, RDONLY).then_end();
    let records = daemon.stop();
    let each = [user, other, quiet, loud].map(|pid| of_process(&records, pid).len());
    assert_eq!(each, [3, 1, 0, 20]);
    let not_sent = filtered(&records, "excluded");
    let sent: u64 = records
        .of_kind("daemon.counts")
        .filter_map(|record| record.at("unmapped.counts")["bulk"]["left_out"]["excluded"].as_u64())
        .sum();
    assert_eq!(not_sent + sent, 3 * u64::from(FIRST + MORE));
    assert!(sent <= 3 * u64::from(FIRST), "{sent} sent");
    assert_ledger(&records, &Counts::of(&records));
}
