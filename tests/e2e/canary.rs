//! Hooks that somebody takes away: noticed, recorded, restored, and nothing is said of the canary itself.

mod rounds;
mod tamper;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use audit_daemon::hooks;
use audit_tests::{Daemon, Record, Records, Setup};

use crate::load;

/// Within this it must be noticed with the default interval; here the canary acts more often.
const NOTICED: Duration = Duration::from_secs(60);

/// A daemon whose canary acts every second, and a watched directory.
fn setup() -> (Setup, PathBuf) {
    let setup = Setup::new();
    let watched = setup.dir().join("watched");
    std::fs::create_dir(&watched).expect("a directory");
    let watch = format!(
        "\n[[watch]]\nname = \"ours\"\npaths = [\"{}/**\"]\noperations = [\"read\", \"write\", \
         \"create\", \"delete\"]\n",
        watched.display()
    );
    let setup = setup
        .set("selftest.interval", "\"1 s\"")
        .set("events.file.record", "true")
        .set("events.network.record", "true")
        .set("events.privilege.record", "true")
        .append(&watch);
    (setup, watched)
}

/// The canary has acted through all hooks, and nothing is wrong.
#[track_caller]
fn wait_until_checked(daemon: &Daemon, after_ms: u64) {
    daemon.wait_for_status("a round of the canary", |status| {
        status.0["selftest"]["checked_at_ms"].as_u64() > Some(after_ms)
            && status.0["problems"] == serde_json::json!([])
    });
}

fn now_ms() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(now.expect("after 1970").as_millis()).expect("it fits")
}

/// Makes and removes a file in the watched directory, and waits for both records.
#[track_caller]
fn acts_are_recorded(daemon: &Daemon, watched: &std::path::Path, name: &str) {
    let file = watched.join(name);
    std::fs::write(&file, "x").expect("write");
    std::fs::remove_file(&file).expect("remove");
    let of_file = |records: &Records, kind: &str| {
        let mut of_kind = records.of_kind(kind);
        of_kind.any(|record| record.str("file.path") == file.to_str().expect("UTF-8"))
    };
    daemon.wait_for(&format!("{name} made and removed"), |records| {
        of_file(records, "file.create") && of_file(records, "file.delete")
    });
}

/// Hook and point that a pin is of.
fn place_of(pin: &std::path::Path) -> (String, &'static str) {
    let name = pin
        .file_name()
        .and_then(|name| name.to_str())
        .expect("UTF-8");
    let mut parts: Vec<&str> = name
        .strip_prefix("link_")
        .expect("a link")
        .split('_')
        .collect();
    let mut number = || {
        parts
            .pop()
            .and_then(|n| n.parse::<usize>().ok())
            .expect("a number")
    };
    let (point, _program, candidate) = (number(), number(), number());
    let hook = parts.join("_");
    let row = hooks::row(&hook).expect("a row");
    let point = row.candidates[candidate].points[point];
    (hook, point)
}

/// What a record of a failed self-test says of a hook.
fn failed_hook<'a>(record: &'a Record, hook: &str) -> Option<&'a serde_json::Value> {
    let hooks = record.at("unmapped.selftest.hooks").as_array()?;
    hooks.iter().find(|one| one["hook"] == hook)
}

/// Said as failed in this way with this point, and as restored after that.
#[track_caller]
fn wait_until_restored(daemon: &Daemon, hook: &str, state: &str, point: &str) -> Records {
    let failed = |records: &Records| {
        records.iter().position(|record| {
            let of = failed_hook(record, hook);
            let points = of.and_then(|of| of["points"].as_array());
            of.is_some_and(|of| of["state"] == state)
                && points.is_some_and(|points| points.iter().any(|one| one == point))
        })
    };
    let records = daemon.wait_within(
        NOTICED,
        &format!("{hook} {state} and restored"),
        |records| {
            failed(records).is_some_and(|at| {
                records[at..].iter().any(|record| {
                    record.kind() == "daemon.coverage"
                        && record.str("unmapped.coverage.hook") == hook
                        && record.str("unmapped.coverage.state") == "restored"
                })
            })
        },
    );
    let found = &records[failed(&records).expect("just seen")];
    assert_eq!(found.kind(), "daemon.selftest");
    assert_eq!(found.num("severity_id"), 4, "{}", found.line);
    assert_eq!(found.num("status_id"), 2, "{}", found.line);
    assert!(
        found.num("start_time") <= found.num("end_time"),
        "{}",
        found.line
    );
    records
}

/// Losses of stage `hook` whose number nobody knows.
fn blind(records: &Records) -> Vec<&Record> {
    let of_hook = |record: &&Record| {
        record.str("unmapped.loss.stage") == "hook" && record.at("count").is_null()
    };
    records.of_kind("daemon.loss").filter(of_hook).collect()
}

/// Neither the canary's processes nor what they do is in the log.
#[track_caller]
fn assert_no_noise(records: &Records, daemons: &[u32], canary: &std::path::Path) {
    let inside = format!("{}/", canary.display());
    let program = audit_tests::home::daemon_program();
    let is_daemon = |record: &Record, at: &str| {
        let pid = u32::try_from(record.num(at));
        pid.is_ok_and(|pid| daemons.contains(&pid))
    };
    let executed = |uid: &str| {
        let mut execs = records.of_kind("process.exec");
        execs.any(|exec| exec.str("process.uid") == uid)
    };
    // The end of one of whose beginning nothing is said; `status` is asked by the same program.
    let is_end = |record: &Record| {
        record.kind() == "process.exit"
            && record.str("process.path") == program.to_str().expect("UTF-8")
            && !executed(record.str("process.uid"))
    };
    let of_canary = |record: &&Record| {
        let kind = record.kind();
        // What ran before the daemon is introduced by it.
        let is_own = ["daemon.", "log.", "process.snapshot"];
        // A killed one's end is read by the next.
        let is_own = is_own.iter().any(|own| kind.starts_with(own))
            || (kind == "process.exit" && is_daemon(record, "process.pid"));
        !is_own
            && (is_daemon(record, "actor.process.pid")
                || is_end(record)
                || record.mentions(&inside))
    };
    let noise: Vec<&str> = records
        .iter()
        .filter(of_canary)
        .map(|one| &*one.line)
        .collect();
    assert_eq!(noise, [""; 0]);
}

/// Over all that was counted until the daemon had stopped the sums hold, the canary's among them.
#[track_caller]
fn assert_sums(records: &Records) {
    let total = |lane: &str, what: &str| -> i64 {
        let counts = records.of_kind("daemon.counts");
        let of = |record: &Record| match record.at(&format!("unmapped.counts.{lane}.{what}")) {
            serde_json::Value::Object(reasons) => {
                reasons.values().filter_map(serde_json::Value::as_i64).sum()
            }
            number => number.as_i64().unwrap_or(0),
        };
        counts.map(of).sum()
    };
    for (lane, least) in [("critical", 3), ("bulk", 90)] {
        let of = |what| total(lane, what);
        let submitted = of("recorded") + of("folded") + of("left_out");
        assert_eq!(of("submitted"), submitted, "{lane}");
        let seen = of("filtered") + of("submitted") + of("lost");
        assert_eq!(of("seen"), seen, "{lane}");
        // Made, executed, ended; and about as many acts as there are calls.
        assert!(of("left_out.canary") >= least, "{lane}");
    }
}

/// Takes pin and descriptor of one link away; the kernel has it no more.
#[track_caller]
fn take_away(daemon: &Daemon, pin: &std::path::Path) {
    let id = tamper::id_of_pin(pin);
    let links = tamper::links_in(daemon.pid());
    let link = links.iter().find(|link| link.id == id).expect("it is held");
    std::fs::remove_file(pin).expect("remove the pin");
    tamper::close_in(daemon.pid(), link.fd);
    let deadline = Instant::now() + audit_tests::daemon::patience();
    while tamper::is_alive(id) {
        assert!(Instant::now() < deadline, "link {id} is still there");
        std::thread::yield_now();
    }
}

#[test]
fn a_link_that_is_taken_away_is_attached_again() {
    load::need_pins!();
    let (setup, watched) = setup();
    let mut daemon = Daemon::start(&setup);
    wait_until_checked(&daemon, 0);
    acts_are_recorded(&daemon, &watched, "before");
    for (hook, kind) in [
        ("exit", "process.exit"),
        ("exec_failed", "process.exec"),
        ("file_act", "file.delete"),
        ("file_open", "file.open_read"),
    ] {
        let pin = tamper::pins_of(setup.pin_dir(), hook).remove(0);
        let (_, point) = place_of(&pin);
        take_away(&daemon, &pin);
        let records = wait_until_restored(&daemon, hook, "detached", point);
        let found = records
            .iter()
            .find(|record| failed_hook(record, hook).is_some());
        let kinds = found.expect("said").at("unmapped.selftest.failed").clone();
        let named = kinds
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(|one| one == kind));
        assert!(named, "{kinds}");
        let mine = format!("hook {hook} ");
        let lost = |record: &&Record| record.str("message").contains(&mine);
        daemon.wait_for("the loss in between", |records| {
            blind(records).into_iter().filter(lost).count() == 1
        });
        assert!(pin.exists(), "{}", pin.display());
    }
    acts_are_recorded(&daemon, &watched, "after");
    wait_until_checked(&daemon, now_ms());
    let pid = daemon.pid();
    let records = daemon.stop();
    records.assert_numbered();
    assert_no_noise(&records, &[pid], &setup.dir().join("canary"));
    assert_sums(&records);
}

#[test]
fn a_pin_that_is_removed_costs_nothing_and_comes_back() {
    load::need_pins!();
    let (setup, watched) = setup();
    let mut daemon = Daemon::start(&setup);
    wait_until_checked(&daemon, 0);
    let pins = tamper::pins_of(setup.pin_dir(), "file_act");
    let ids: Vec<u32> = pins.iter().map(|pin| tamper::id_of_pin(pin)).collect();
    for pin in &pins {
        std::fs::remove_file(pin).expect("remove the pin");
    }
    std::fs::remove_file(setup.pin_dir().join("map_LEDGER")).expect("remove the pin");
    acts_are_recorded(&daemon, &watched, "meanwhile");
    let (_, point) = place_of(&pins[0]);
    let records = wait_until_restored(&daemon, "file_act", "unpinned", point);
    let pins_said = |record: &Record| failed_hook(record, "pins").is_some();
    assert!(
        records.iter().any(pins_said),
        "the map's pin is missed, too"
    );
    let now: Vec<u32> = pins.iter().map(|pin| tamper::id_of_pin(pin)).collect();
    assert_eq!(now, ids, "the same links, which saw all the time");
    assert_eq!(blind(&daemon.records()).len(), 0);
    // All of it, as `unload` does; and the next daemon can go on from there.
    load::run(&mut setup.command("unload"));
    daemon.wait_within(NOTICED, "all pins again", |_| {
        setup.pin_dir().join("map_LEDGER").exists() && pins.iter().all(|pin| pin.exists())
    });
    wait_until_checked(&daemon, now_ms());
    daemon.kill();
    let mut daemon = Daemon::start(&setup);
    assert_eq!(daemon.status().0["daemon"]["adopted_restarts"], 1);
    // Of an adopted load the links are held as well.
    wait_until_checked(&daemon, 0);
    take_away(&daemon, &pins[0]);
    wait_until_restored(&daemon, "file_act", "detached", point);
    acts_are_recorded(&daemon, &watched, "adopted");
    daemon.stop();
}

#[test]
fn without_pins_a_link_is_attached_again_as_well() {
    let (setup, watched) = setup();
    let setup = setup.set("kernel.pin", "\"never\"");
    let mut daemon = Daemon::start(&setup);
    wait_until_checked(&daemon, 0);
    // Which hook is whose only the kernel knows: one link of each type.
    let mut links = tamper::links_in(daemon.pid());
    links.sort_by(|one, other| one.kind.cmp(&other.kind));
    links.dedup_by(|one, other| one.kind == other.kind);
    assert!(!links.is_empty());
    for link in &links {
        tamper::close_in(daemon.pid(), link.fd);
    }
    let failed = |records: &Records| -> Vec<String> {
        let hooks = |record: &Record| record.at("unmapped.selftest.hooks").as_array().cloned();
        let hooks = records.iter().filter_map(hooks).flatten();
        hooks
            .filter_map(|hook| Some(hook["hook"].as_str()?.to_owned()))
            .collect()
    };
    let restored = |records: &Records, hook: &str| {
        let mut of_kind = records.of_kind("daemon.coverage");
        of_kind.any(|record| {
            record.str("unmapped.coverage.hook") == hook
                && record.str("unmapped.coverage.state") == "restored"
        })
    };
    daemon.wait_within(NOTICED, "each link lost and restored", |records| {
        let failed = failed(records);
        failed.len() == links.len() && failed.iter().all(|hook| restored(records, hook))
    });
    acts_are_recorded(&daemon, &watched, "after");
    wait_until_checked(&daemon, now_ms());
    daemon.stop();
}

#[test]
fn a_hook_that_sees_nothing_though_it_is_attached_is_told_by_its_acts() {
    load::need_pins!();
    let (setup, watched) = setup();
    let mut daemon = Daemon::start(&setup);
    wait_until_checked(&daemon, 0);
    let is_said = |record: &Record| failed_hook(record, "file_open").is_some();
    let deadline = Instant::now() + NOTICED;
    // Whoever keeps the maps may have filled them anew before the canary's next round, by chance.
    while !daemon.records().iter().any(is_said) {
        assert!(Instant::now() < deadline, "it is not noticed");
        tamper::forget_watches(setup.pin_dir());
        wait_until_checked(&daemon, now_ms());
    }
    wait_until_restored(&daemon, "file_open", "silent", "syscalls/sys_exit_openat");
    acts_are_recorded(&daemon, &watched, "after");
    wait_until_checked(&daemon, now_ms());
    daemon.stop();
}

/// No kernel that we know lets anybody detach links of tracepoints; one that does is noticed.
#[test]
fn links_cannot_be_detached_by_command_or_it_is_noticed() {
    load::need_pins!();
    let (setup, _) = setup();
    let mut daemon = Daemon::start(&setup);
    wait_until_checked(&daemon, 0);
    for hook in ["exit", "file_act"] {
        let pin = tamper::pins_of(setup.pin_dir(), hook).remove(0);
        match tamper::detach(&pin) {
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EOPNOTSUPP), "{hook}"),
            Ok(()) => {
                wait_until_restored(&daemon, hook, "detached", place_of(&pin).1);
            }
        }
    }
    daemon.stop();
}
