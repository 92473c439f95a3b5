//! Reloads while files are opened: not one open is missed, and each is judged by one configuration.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use audit_tests::{Daemon, Records, Setup};

use super::{changes, file, home, opens, read, reloaded, text, watch};

const RELOADS: usize = 50;
/// Opens between two pauses: what a ring holds is never reached, whatever a reload takes.
const BURST: usize = 8;
const PAUSE: Duration = Duration::from_millis(1);
/// Between two pairs: short against the steps of a change, long enough that a reload has time.
const PAIR_PAUSE: Duration = Duration::from_micros(50);

/// Threads that open a file again and again.
struct Opening {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU64>,
    threads: Vec<JoinHandle<()>>,
}

impl Opening {
    fn start(file: &Path, threads: usize) -> Opening {
        let (stop, count) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let threads = (0..threads)
            .map(|_| {
                let (stop, count, file) = (stop.clone(), count.clone(), file.to_owned());
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        for _ in 0..BURST {
                            read(&file);
                            count.fetch_add(1, Ordering::Relaxed);
                        }
                        std::thread::sleep(PAUSE);
                    }
                })
            })
            .collect();
        Opening {
            stop,
            count,
            threads,
        }
    }

    /// How often it was opened.
    fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a thread");
        }
        self.count.load(Ordering::Relaxed)
    }
}

#[test]
fn fifty_reloads_under_load_lose_nothing() {
    if audit_tests::in_guest() {
        audit_tests::skip!("an emulated CPU does not keep up with the opens");
    }
    let plain = home();
    let [kept, other] = ["kept", "other"].map(|name| file(&plain, name));
    // One watch is in both, with another label; another one comes and goes.
    let a = plain.clone().append(&watch(&kept, "a"));
    let b = plain.append(&(watch(&other, "b") + &watch(&kept, "b")));
    let mut daemon = Daemon::start(&a);
    let opening = Opening::start(&kept, 2);
    let mut others = 0;
    for number in 0..RELOADS {
        let (setup, watched) = match number % 2 {
            0 => (&b, true),
            _ => (&a, false),
        };
        let said = reloaded(setup);
        let done = if watched { "added" } else { "removed" };
        let expected = format!("Configuration reloaded: 1 watch {done}, 1 changed\n");
        assert!(said.starts_with(&expected), "{said}");
        read(&other);
        others += u64::from(watched);
    }
    let opened = opening.finish();
    let records = daemon.stop();
    assert!(records.losses().is_empty());
    assert_eq!(changes(&records).len(), RELOADS);
    assert!(opened > 10 * RELOADS as u64, "only {opened} opens");
    assert_eq!(opens(&records, &kept).len() as u64, opened);
    assert_eq!(opens(&records, &other).len() as u64, others);
    assert_judged_by_one(&records, &kept);
    records.assert_numbered();
}

/// Between two changes each record bears the label of the configuration that was in force when it
/// happened.
#[track_caller]
fn assert_judged_by_one(records: &Records, file: &Path) {
    let path = file.display().to_string();
    let mut zone = "a";
    let mut since = "";
    let mut of_zone = [0_u64; 2];
    for record in records.iter() {
        if record.num("type_uid") == 300_403 {
            zone = if zone == "a" { "b" } else { "a" };
            since = record.str("time_dt");
        }
        if record.str("file.path") == path {
            // Of one length, so that they compare as times do.
            assert!(record.str("time_dt") >= since, "{}", record.line);
            let labels = record.at("metadata.labels");
            let expected = serde_json::json!(["watch:kept", format!("zone:{zone}")]);
            assert_eq!(labels, &expected, "{}", record.line);
            of_zone[usize::from(zone == "b")] += 1;
        }
    }
    assert!(of_zone.iter().all(|count| *count > 0), "{of_zone:?}");
}

/// Each time one file is opened and then the other, while a change puts the other's watch in the place
/// of the one's: before the instant the first open is recorded, after it the second, and if it lies
/// between them, both.
#[test]
fn there_is_no_moment_at_which_neither_is_in_force() {
    if audit_tests::in_guest() {
        audit_tests::skip!("an emulated CPU does not keep up with the opens");
    }
    const ROUNDS: usize = 20;
    const PAIRS_BEFORE: u64 = 10;
    let plain = home();
    let [old, new] = ["old", "new"].map(|name| file(&plain, name));
    let a = plain.clone().append(&watch(&old, "a"));
    let b = plain.append(&watch(&new, "b"));
    let mut daemon = Daemon::start(&a);
    let mut pairs = Vec::new();
    for _ in 0..ROUNDS {
        let (done, count) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    read(&old);
                    read(&new);
                    count.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(PAIR_PAUSE);
                }
            });
            while count.load(Ordering::Relaxed) < PAIRS_BEFORE {
                std::thread::sleep(PAUSE);
            }
            reloaded(&b);
            done.store(true, Ordering::Relaxed);
        });
        pairs.push(count.into_inner());
        reloaded(&a);
    }
    let records = daemon.stop();
    assert!(records.losses().is_empty());
    // Each second change, back to the first configuration, ends a round.
    let mut found = vec![0_u64; ROUNDS + 1];
    let mut changes = 0;
    for record in records.iter() {
        changes += usize::from(record.num("type_uid") == 300_403);
        found[changes / 2] += u64::from(record.kind() == "file.open_read");
    }
    for (pairs, found) in pairs.into_iter().zip(found) {
        assert!(
            (pairs..=pairs + 1).contains(&found),
            "{found} records of {pairs} pairs"
        );
    }
}

/// What happens right before a change is recorded by the old configuration, though it is read from
/// the ring after it.
#[test]
fn what_happened_before_is_judged_by_what_was_in_force_then() {
    if audit_tests::in_guest() {
        audit_tests::skip!("an emulated CPU does not keep up with the opens");
    }
    const ROUNDS: u64 = 20;
    const OPENS: u64 = 50;
    let plain = home();
    let [old, new] = ["old", "new"].map(|name| file(&plain, name));
    let a = plain.clone().append(&watch(&old, "a"));
    let b = plain.append(&watch(&new, "b"));
    let mut daemon = Daemon::start(&a);
    for _ in 0..ROUNDS {
        (0..OPENS).for_each(|_| read(&old));
        reloaded(&b);
        (0..OPENS).for_each(|_| read(&old));
        (0..OPENS).for_each(|_| read(&new));
        reloaded(&a);
        (0..OPENS).for_each(|_| read(&new));
    }
    let records = daemon.stop();
    assert_eq!(opens(&records, &old).len() as u64, ROUNDS * OPENS);
    assert_eq!(opens(&records, &new).len() as u64, ROUNDS * OPENS);
}

fn start_reload(setup: &Setup) -> Child {
    // Not by `Setup::command`, which would write the file while others read it.
    let mut command = std::process::Command::new(audit_tests::home::daemon_program());
    command
        .args(["reload", "--config"])
        .arg(setup.config_file())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("start reload")
}

/// Each is told of a reload that began after it asked, and each record takes up where the one before
/// it ended.
#[test]
fn reloads_at_once_are_made_one_after_the_other() {
    if audit_tests::in_guest() {
        audit_tests::skip!("an emulated CPU does not keep up with the opens");
    }
    const ROUNDS: usize = 5;
    const AT_ONCE: usize = 4;
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    for round in 0..ROUNDS {
        let labels = format!("[\"round:{round}\"]");
        let setup = setup.clone().set("records.labels", &labels);
        setup.write_config();
        let reloads: Vec<Child> = (0..AT_ONCE).map(|_| start_reload(&setup)).collect();
        for reload in reloads {
            let output = reload.wait_with_output().expect("wait");
            let said = text(&output.stdout) + &text(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{said}");
            assert!(said.starts_with("Configuration reloaded: "), "{said}");
        }
        let last = daemon.records();
        let last = *changes(&last).last().expect("a change");
        let expected = serde_json::json!([format!("round:{round}")]);
        assert_eq!(last.at("metadata.labels"), &expected);
    }
    let state = &daemon.ask().0["reload"];
    let records = daemon.stop();
    let found = changes(&records);
    // One that serves several may still begin after the last of them was told.
    assert!(
        state["done"].as_u64() <= Some(found.len() as u64),
        "{state}"
    );
    assert!((ROUNDS..=ROUNDS * AT_ONCE).contains(&found.len()));
    for pair in found.windows(2) {
        let [before, after] = pair else { continue };
        assert_eq!(before.str("entity_result.uid"), after.str("entity.uid"));
        assert_eq!(after.num("status_id"), 1);
    }
    let changed = found
        .iter()
        .filter(|change| change.at("unmapped.config").is_object());
    assert_eq!(changed.count(), ROUNDS);
}
