//! Starting, refusing to start, and the commands beside `run`.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use audit_tests::home::daemon_program;
use audit_tests::{Daemon, Records, Setup};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::load;

const NOBODY: u32 = 65_534;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A run that must be refused: its exit code and what it said. Nothing may be left in the kernel.
#[track_caller]
fn refused(setup: &Setup) -> (Option<i32>, String) {
    let output = setup
        .command("run")
        .stdin(Stdio::null())
        .output()
        .expect("start the daemon");
    assert!(!setup.pin_dir().exists(), "pins were made");
    (output.status.code(), text(&output.stderr))
}

#[test]
fn a_second_instance_is_refused_with_the_pid_of_the_first() {
    let first = Setup::new();
    let mut daemon = Daemon::start(&first);
    let dir = first.log_dir();
    let second = Setup::new().set("log.dir", &format!("\"{}\"", dir.display()));
    let expected = format!(
        "error: the log in {} is in use by process {}: stop that one first, or give this one \
         another directory\n",
        dir.display(),
        daemon.pid()
    );
    assert_eq!(refused(&second), (Some(5), expected));
    // The first is not disturbed.
    load::exec(first.marker(), 1);
    let records = daemon.stop();
    assert_eq!(load::numbers(&records, first.marker()), [1]);
    assert_eq!(records.of_kind("daemon.start").count(), 1);
    // And once it has gone its place is free.
    let mut next = Daemon::start(&second);
    next.signal(Signal::SIGTERM);
    assert_eq!(next.wait_end().code(), Some(0));
    let records = Records::read(&dir);
    assert_eq!(records.of_kind("daemon.start").count(), 2);
}

#[test]
fn a_log_directory_that_cannot_be_used_is_refused_before_any_hook() {
    let setup = Setup::new();
    let file = setup.dir().join("file");
    std::fs::write(&file, "").expect("a file");
    let open = setup.dir().join("open");
    std::fs::create_dir(&open).expect("a directory");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(&open, mode).expect("chmod");
    let cases = [
        (file, "not a directory"),
        (setup.dir().join("missing/log"), "does not exist: create it"),
        (open, "chmod go-w"),
    ];
    for (dir, reason) in cases {
        let setup = Setup::new().set("log.dir", &format!("\"{}\"", dir.display()));
        let (code, said) = refused(&setup);
        assert_eq!(code, Some(5), "{said}");
        assert!(
            said.contains(reason) && said.contains(&*dir.to_string_lossy()),
            "{said}"
        );
        assert_eq!(
            said.lines()
                .filter(|line| line.starts_with("error: "))
                .count(),
            1,
            "{said}"
        );
    }
}

#[test]
fn a_log_directory_on_a_read_only_file_system_is_refused() {
    let setup = Setup::new();
    let mount = crate::mount::Tmpfs::new(&setup.log_dir(), "size=1m");
    mount.make_read_only();
    let (code, said) = refused(&setup);
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("Read-only file system"), "{said}");
}

/// The daemon's program where any user may run it.
fn program_for_all(setup: &Setup) -> PathBuf {
    let copy = setup.dir().join("audit-daemon");
    std::fs::copy(daemon_program(), &copy).expect("copy the daemon");
    copy
}

#[test]
fn without_root_the_missing_capabilities_are_named() {
    let setup = Setup::new();
    let config = setup.write_config();
    for subcommand in ["run", "check"] {
        let mut command = Command::new(program_for_all(&setup));
        command
            .arg(subcommand)
            .arg("--config")
            .arg(&config)
            .stdin(Stdio::null());
        let output = command
            .uid(NOBODY)
            .gid(NOBODY)
            .output()
            .expect("start the daemon");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{subcommand}: {said}");
        let expected = "error: missing CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE; the kernel refuses \
                        eBPF without\nRun it as root, or under the systemd unit:\n  sudo \
                        audit-daemon run\n";
        assert!(said.ends_with(expected), "{subcommand}: {said}");
    }
    assert!(!setup.pin_dir().exists() && !setup.log_dir().exists());
}

/// `setpriv`, to take single capabilities away.
fn without(capabilities: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--bounding-set").arg(capabilities);
    command
}

fn has(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .status()
        .is_ok()
}

#[test]
fn root_without_one_capability_is_told_which() {
    if !has("setpriv") {
        audit_tests::skip!("no setpriv here");
    }
    let setup = Setup::new();
    let mut command = without("-sys_admin,-perfmon");
    command
        .arg(daemon_program())
        .arg("run")
        .arg("--config")
        .arg(setup.write_config());
    let output = command.output().expect("start setpriv");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("missing CAP_PERFMON; "), "{said}");
}

/// A command in a mount namespace without tracefs, and without the right to mount it: tracepoints
/// of single system calls cannot be had, as under a strict unit.
fn without_tracefs(setup: &Setup, subcommand: &str) -> Command {
    let script = "mount -t tmpfs none /sys/kernel/tracing && \
                  exec setpriv --bounding-set -sys_admin \"$0\" \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", script])
        .arg(daemon_program());
    command
        .arg(subcommand)
        .arg("--config")
        .arg(setup.write_config())
        .stdin(Stdio::null());
    command
}

fn can_hide_tracefs() -> bool {
    has("setpriv") && has("unshare") && !Path::new("/sys/kernel/debug/tracing/events").exists()
}

#[test]
fn a_required_event_that_cannot_be_had_refuses_the_start() {
    if !can_hide_tracefs() {
        audit_tests::skip!("no setpriv or unshare here, or tracefs is mounted twice");
    }
    let setup = Setup::new().set("events.exec_failed.required", "\"always\"");
    for subcommand in ["run", "check"] {
        let output = without_tracefs(&setup, subcommand)
            .output()
            .expect("start unshare");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{subcommand}: {said}");
        let expected = "error: `events.exec_failed.required = \"always\"`, but this kernel cannot \
                        have it: ";
        assert!(said.contains(expected), "{said}");
        assert!(
            said.contains("Set it to \"if-available\" to run without"),
            "{said}"
        );
        assert!(!setup.pin_dir().exists(), "{subcommand} leaves pins");
    }
}

/// What one hook tells of.
fn acts() -> serde_json::Value {
    serde_json::json!([
        "file.delete",
        "file.rmdir",
        "file.rename",
        "file.link",
        "file.symlink",
        "file.mkdir",
        "file.mknod",
        "file.truncate",
        "file.chmod",
        "file.chown",
        "file.setxattr",
        "file.rmxattr",
        "file.utimes",
        "file.mount",
        "file.umount",
        "priv.chroot",
        "priv.pivot_root"
    ])
}

#[test]
fn an_event_that_is_not_required_is_done_without_and_that_is_said() {
    if !can_hide_tracefs() {
        audit_tests::skip!("no setpriv or unshare here, or tracefs is mounted twice");
    }
    let setup = Setup::new()
        .set("events.exec_failed.required", "\"if-available\"")
        .set("events.file.record", "true");
    let output = without_tracefs(&setup, "check")
        .arg("--json")
        .output()
        .expect("start unshare");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let checked: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let events = checked["events"].as_array().expect("events");
    let failed = events
        .iter()
        .find(|event| event["event"] == "exec failed")
        .expect("a row");
    assert!(
        failed["mechanism"].is_null() && failed["reason"].is_string(),
        "{failed}"
    );

    let mut child = without_tracefs(&setup, "run")
        .stderr(Stdio::null())
        .spawn()
        .expect("start");
    let deadline = Instant::now() + audit_tests::daemon::patience();
    while Records::read(&setup.log_dir())
        .of_kind("daemon.coverage")
        .count()
        == 0
    {
        assert!(Instant::now() < deadline, "no daemon.coverage");
        assert_eq!(
            child.try_wait().expect("wait"),
            None,
            "the daemon runs without it"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    load::exec(setup.marker(), 0);
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("SIGTERM");
    assert_eq!(child.wait().expect("wait").code(), Some(0));
    let records = Records::read(&setup.log_dir());
    assert_eq!(load::numbers(&records, setup.marker()), [0]);
    let coverage: Vec<&str> = records
        .of_kind("daemon.coverage")
        .map(|r| r.str("unmapped.coverage.state"))
        .collect();
    assert_eq!(coverage, ["missing"; 4]);
    let kinds: Vec<&serde_json::Value> = records
        .of_kind("daemon.coverage")
        .map(|r| r.at("unmapped.coverage.kinds"))
        .collect();
    let opens = serde_json::json!(["file.open_read", "file.open_write", "file.create"]);
    let privileges = serde_json::json!(audit_common::Kind::Privilege.row().event_codes);
    assert_eq!(
        kinds,
        [
            &serde_json::json!(["process.exec"]),
            &acts(),
            &opens,
            &privileges
        ]
    );
}

#[test]
fn a_start_that_fails_late_leaves_nothing_in_the_kernel() {
    load::need_pins!();
    let setup = Setup::new().set("kernel.pin", "\"required\"");
    // Found out after the hooks are attached.
    std::fs::write(setup.socket(), "no socket").expect("a file in the way");
    let (code, said) = refused(&setup);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("exists and is no socket"), "{said}");
}

#[test]
fn a_wrong_configuration_is_an_error_with_its_place() {
    let setup = Setup::new();
    let config = setup.config_file();
    std::fs::write(&config, "[log]\nsegmnt_size = \"1 MiB\"\n").expect("write");
    let expected = format!(
        "error: unknown key `segmnt_size` in [log]\n  --> {}:2:1\n   |\n 2 | segmnt_size = \"1 MiB\"\n   \
         | ^^^^^^^^^^^ did you mean `segment_size`?\nNothing was started; the running daemon keeps \
         its old config.\n",
        config.display()
    );
    for subcommand in ["run", "check", "status", "unload"] {
        let mut command = Command::new(daemon_program());
        let output = command
            .arg(subcommand)
            .arg("--config")
            .arg(&config)
            .output()
            .expect("start");
        assert_eq!(
            (output.status.code(), text(&output.stderr)),
            (Some(2), expected.clone()),
            "{subcommand}"
        );
    }
    // For the clean-up, which reads it.
    setup.write_config();
}

#[test]
fn a_configuration_may_be_named_from_where_one_is() {
    let setup = Setup::new().set("events.file.record", "true");
    setup.write_config();
    let mut daemon = Command::new(daemon_program());
    daemon.current_dir(setup.dir()).stdout(Stdio::piped());
    daemon.args(["run", "--config", "config.toml", "--stdout", "json"]);
    let mut daemon = daemon.spawn().expect("start");
    let mut lines = BufReader::new(daemon.stdout.take().expect("a pipe"));
    let mut first = String::new();
    lines.read_line(&mut first).expect("read");
    assert!(first.contains("daemon.start"), "{first}");
    kill(Pid::from_raw(daemon.id() as i32), Signal::SIGTERM).expect("kill");
    std::io::copy(&mut lines, &mut std::io::sink()).expect("read");
    assert!(daemon.wait().expect("wait").success());
}
