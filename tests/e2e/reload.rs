//! Another configuration for the daemon that runs: by signal and by command, good and bad.

mod load;
mod refused;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use audit_tests::{Daemon, Record, Records, Setup};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::load as execs;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A home whose file events are recorded.
fn home() -> Setup {
    Setup::new().set("events.file.record", "true")
}

/// A file to be watched, each in a directory of its own.
fn file(setup: &Setup, name: &str) -> PathBuf {
    let dir = setup.dir().join(name);
    std::fs::create_dir_all(&dir).expect("mkdir");
    let file = dir.join("file");
    std::fs::write(&file, name).expect("write");
    file
}

/// `[[watch]]` for reading what is in the directory of a file.
fn watch(file: &Path, zone: &str) -> String {
    let dir = file.parent().expect("a directory");
    let name = dir.file_name().expect("a name").to_string_lossy();
    format!(
        "[[watch]]\nname = \"{name}\"\npaths = [\"{}/**\"]\noperations = [\"read\"]\n\
         labels = {{ zone = \"{zone}\" }}\n",
        dir.display()
    )
}

fn read(file: &Path) {
    drop(File::open(file).expect("open"));
}

/// Runs `audit-daemon reload` with this configuration.
fn reload(setup: &Setup) -> Output {
    let mut command = setup.command("reload");
    command.stdin(Stdio::null()).output().expect("start reload")
}

/// The same; it must succeed, and says this.
#[track_caller]
fn reloaded(setup: &Setup) -> String {
    let output = reload(setup);
    let said = (output.status.code(), text(&output.stderr));
    assert_eq!(said, (Some(0), String::new()), "{}", text(&output.stdout));
    text(&output.stdout)
}

/// Our opens of a file, in the order of the log.
fn opens<'r>(records: &'r Records, file: &Path) -> Vec<&'r Record> {
    let path = file.display().to_string();
    let ours = i64::from(std::process::id());
    let of_kind = records.of_kind("file.open_read");
    of_kind
        .filter(|record| record.str("file.path") == path)
        .filter(|record| record.num("actor.process.pid") == ours)
        .collect()
}

/// Records of changes, good and refused, without that of the start.
fn changes(records: &Records) -> Vec<&Record> {
    let of_kind = records.of_kind("daemon.config");
    of_kind
        .filter(|record| record.num("type_uid") == 300_403)
        .collect()
}

fn sha256(path: &Path) -> String {
    let said = execs::run(Command::new("sha256sum").arg(path));
    format!("sha256:{}", said.split(' ').next().expect("a digest"))
}

#[test]
fn what_is_watched_changes_when_the_command_returns() {
    let plain = home();
    let [kept, old, new] = ["kept", "old", "new"].map(|name| file(&plain, name));
    let before = plain.clone();
    let before = before.append(&(watch(&kept, "a") + &watch(&old, "a")));
    let after = plain.append(&(watch(&kept, "b") + &watch(&new, "b")));
    let mut daemon = Daemon::start(&before);
    let old_hash = sha256(&before.config_file());
    for file in [&kept, &old, &new] {
        read(file);
    }
    let said = reloaded(&after);
    let expected = "Configuration reloaded: 1 watch added, 1 removed, 1 changed\n  \
                    watches added     new\n  watches removed   old\n  watches changed   kept\n";
    assert_eq!(said, expected);
    // Its record is on the disk already, and everything is in force.
    assert_eq!(changes(&daemon.records()).len(), 1);
    for file in [&kept, &old, &new] {
        read(file);
    }
    let records = daemon.stop();
    let zones = |file: &Path| -> Vec<Value> {
        let labels = opens(&records, file).into_iter();
        labels
            .map(|record| record.at("metadata.labels").clone())
            .collect()
    };
    let both = [
        json!(["watch:kept", "zone:a"]),
        json!(["watch:kept", "zone:b"]),
    ];
    assert_eq!(zones(&kept), both);
    assert_eq!(zones(&old), [json!(["watch:old", "zone:a"])]);
    assert_eq!(zones(&new), [json!(["watch:new", "zone:b"])]);
    let change = changes(&records)[0];
    let file = after.config_file().display().to_string();
    assert_eq!(change.str("entity.name"), file);
    assert_eq!(change.str("entity.uid"), old_hash);
    assert_eq!(
        change.str("entity_result.uid"),
        sha256(&after.config_file())
    );
    assert_eq!(
        change.at("unmapped.config"),
        &json!({"watches": {"added": ["new"], "removed": ["old"], "changed": ["kept"]}})
    );
    assert_eq!(change.str("actor.process.name"), "audit-daemon");
    assert_ne!(change.num("actor.process.pid"), i64::from(daemon.pid()));
    records.assert_numbered();
}

/// Settings of records, by SIGHUP: what happened before is told by the old ones.
#[test]
fn a_signal_changes_labels_masks_and_kinds() {
    let before = Setup::new().set("records.labels", "[\"env:test\"]");
    let after = before.clone();
    let after = after
        .set("records.labels", "[\"env:prod\"]")
        .set("events.exit.record", "true")
        .append("[[mask.rule]]\nname = \"acme\"\noptions = [\"--acme\"]\n");
    let mut daemon = Daemon::start(&before);
    let marker = before.marker().to_owned();
    let run = |word: &str| {
        let mut command = Command::new("/bin/true");
        command
            .arg(format!("{marker}-{word}"))
            .args(["--acme", "sesame"]);
        execs::run(&mut command);
    };
    run("before");
    after.write_config();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for("the change", |records| changes(records).len() == 1);
    run("after");
    let records = daemon.stop();
    let [old, new] = ["before", "after"].map(|word| records.exec(&format!("{marker}-{word}")));
    assert_eq!(old.at("metadata.labels"), &json!(["env:test"]));
    assert_eq!(new.at("metadata.labels"), &json!(["env:prod"]));
    assert!(old.mentions("sesame"), "{}", old.line);
    assert!(!new.mentions("sesame"), "{}", new.line);
    let ended = |exec: &Record| {
        let of_pid = |record: &&Record| record.pid() == exec.pid();
        records.of_kind("process.exit").filter(of_pid).count()
    };
    assert_eq!((ended(old), ended(new)), (0, 1));
    let change = changes(&records)[0];
    assert_eq!(
        change.num("actor.process.pid"),
        i64::from(std::process::id())
    );
    assert_eq!(
        change.at("unmapped.config"),
        &json!({"settings": ["events.exit.record", "mask.rule", "records.labels"]})
    );
    assert_eq!(change.at("metadata.labels"), &json!(["env:prod"]));
}

#[test]
fn what_needs_a_restart_is_named_and_the_rest_applied() {
    let before = home();
    let file = file(&before, "new");
    let elsewhere = before.dir().join("elsewhere");
    let after = before.clone();
    let after = after
        .set("log.dir", &format!("\"{}\"", elsewhere.display()))
        .set("kernel.ring_bulk", "\"4 MiB\"")
        .append(&watch(&file, "a"));
    let before = before.append(&watch(Path::new("/nowhere/file"), "a"));
    let mut daemon = Daemon::start(&before);
    let said = reloaded(&after);
    let expected = "Configuration reloaded: 1 watch added, 1 removed, 2 settings wait for a restart\n  \
                    watches added     new\n  watches removed   nowhere\n  \
                    needs a restart   kernel.ring_bulk, log.dir\n\
                    Restart the daemon for the rest: sudo systemctl restart audit-daemon\n";
    assert_eq!(said, expected);
    read(&file);
    // Named again for as long as it is so.
    assert!(reloaded(&after).contains("needs a restart   kernel.ring_bulk, log.dir\n"));
    assert_eq!(reloaded(&before.set("log.cap", "\"2 GiB\"")), NEW_REMOVED);
    assert_eq!(daemon.ask().0["log"]["bytes_max"], 2_u64 << 30);
    let said = daemon.stderr();
    assert!(
        said.contains("needs a restart: kernel.ring_bulk, log.dir"),
        "{said}"
    );
    let records = daemon.stop();
    assert_eq!(opens(&records, &file).len(), 1);
    let restart: Vec<&Value> = changes(&records)
        .iter()
        .map(|change| change.at("unmapped.config.restart"))
        .collect();
    let both = json!(["kernel.ring_bulk", "log.dir"]);
    assert_eq!(restart, [&both, &both, &Value::Null]);
    assert!(!elsewhere.exists());
}

const NEW_REMOVED: &str = "Configuration reloaded: 1 watch added, 1 removed, 1 setting changed\n  \
                           watches added     nowhere\n  watches removed   new\n  \
                           settings          log.cap\n";

#[test]
fn files_beside_the_first_count_too() {
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    let alone = sha256(&setup.config_file());
    let dir = setup.dir().join("conf.d");
    std::fs::create_dir(&dir).expect("mkdir");
    let more = dir.join("10-more.toml");
    std::fs::write(&more, "[records]\nlabels = [\"env:prod\"]\n").expect("write");
    // The built-in set watches the files that were read.
    let expected = "Configuration reloaded: 1 watch changed, 1 setting changed\n  \
                    watches changed   own-config\n  settings          records.labels\n";
    assert_eq!(reloaded(&setup), expected);
    let nothing = "Configuration reloaded: nothing changed\n";
    assert_eq!(reloaded(&setup), nothing);
    // The hash of several files is that of the list of them.
    let list = setup.dir().join("list");
    let said = execs::run(
        Command::new("sha256sum")
            .arg(setup.config_file())
            .arg(&more),
    );
    std::fs::write(&list, said).expect("write");
    let both = sha256(&list);
    std::fs::remove_file(&more).expect("remove");
    assert_eq!(reloaded(&setup), expected);
    let records = daemon.stop();
    let uids: Vec<[&str; 2]> = changes(&records)
        .iter()
        .map(|change| [change.str("entity.uid"), change.str("entity_result.uid")])
        .collect();
    assert_eq!(uids, [[&alone, &both], [&both, &both], [&both, &alone]]);
}

#[test]
fn the_service_manager_is_told_of_a_reload() {
    let setup = Setup::new();
    let path = setup.dir().join("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&path).expect("a socket");
    let patience = audit_tests::daemon::patience();
    socket.set_read_timeout(Some(patience)).expect("a timeout");
    let setup = setup.env("NOTIFY_SOCKET", &path.to_string_lossy());
    let mut daemon = Daemon::start(&setup);
    let next = || {
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).expect("a message");
        text(&buffer[..length])
    };
    let ready = format!("READY=1\nSTATUS=recording to {}", setup.log_dir().display());
    assert_eq!(next(), ready);
    let refused = format!("{ready}; the new configuration was refused, the old one stays");
    for (more, expected) in [("", &ready), ("[log]\nsegmnt = 1\n", &refused)] {
        let sent = nix::time::clock_gettime(nix::time::ClockId::CLOCK_MONOTONIC).expect("a clock");
        let sent_usec = sent.tv_sec() * 1_000_000 + sent.tv_nsec() / 1000;
        let setup = setup.clone().append(more);
        setup.write_config();
        daemon.signal(Signal::SIGHUP);
        let reloading = next();
        let usec = reloading
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .and_then(|rest| rest.split('\n').next()?.parse::<i64>().ok());
        // The manager compares it with when it sent the signal.
        assert!(usec >= Some(sent_usec), "{reloading}");
        assert_eq!(&next(), expected);
    }
    setup.write_config();
    daemon.stop();
}
