//! What `--stdout` prints, and readers that are slow or go away: the log does not wait for them.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use audit_tests::home::daemon_program;
use audit_tests::{Daemon, Record, Records, Setup};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::load;

/// A daemon whose standard output is ours to read, or not.
fn spawn(setup: &Setup, how: &str) -> Child {
    let mut command = Command::new(daemon_program());
    command
        .args(["run", "--config"])
        .arg(setup.write_config())
        .args(["--stdout", how]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command.spawn().expect("start the daemon")
}

/// Waits until it records; `what` of the log must come true.
#[track_caller]
fn wait_for(setup: &Setup, what: impl Fn(&Records) -> bool) {
    let deadline = std::time::Instant::now() + audit_tests::daemon::patience();
    while !what(&Records::read(&setup.log_dir())) {
        assert!(
            std::time::Instant::now() < deadline,
            "not in the log in time"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[track_caller]
fn stop(mut child: Child) {
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGTERM).expect("SIGTERM");
    let status = child.wait().expect("wait");
    assert_eq!((status.code(), status.signal()), (Some(0), None));
}

#[test]
fn json_prints_the_log_line_by_line_beginning_with_the_start() {
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    load::execs(setup.marker(), 0..100);
    let records = daemon.stop();
    let printed = daemon.stdout();
    let lines: Vec<&str> = printed.lines().collect();
    let logged: Vec<&str> = records.iter().map(|record| record.line.as_str()).collect();
    assert_eq!(lines, logged);
    assert_eq!(Record::parse(lines[0]).kind(), "daemon.start");
    assert_eq!(Record::parse(lines[lines.len() - 1]).kind(), "daemon.stop");
}

#[test]
fn pretty_prints_one_line_for_each_record() {
    let setup = Setup::new().set("records.snapshot", "false");
    let mut child = spawn(&setup, "pretty");
    wait_for(&setup, |records| !records.is_empty());
    load::execs(setup.marker(), 0..10);
    let marker = setup.marker().to_owned();
    wait_for(&setup, |records| {
        load::numbers(records, &marker).len() == 10
    });
    let out = child.stdout.take().expect("piped");
    let reader = std::thread::spawn(move || {
        BufReader::new(out)
            .lines()
            .map(|line| line.expect("UTF-8"))
            .collect::<Vec<String>>()
    });
    stop(child);
    let lines = reader.join().expect("read to the end");
    for number in 0..10 {
        let said = format!("/bin/true {marker}-{number}");
        let found: Vec<&String> = lines
            .iter()
            .filter(|line| {
                line.split_whitespace()
                    .any(|w| said.ends_with(w) && w.starts_with("audit-test"))
            })
            .collect();
        assert_eq!(found.len(), 1, "{said}: {found:?}");
        assert!(
            found[0].contains(" exec ") && found[0].contains(" ok "),
            "{}",
            found[0]
        );
    }
    let records = Records::read(&setup.log_dir());
    assert_eq!(lines.len(), records.len(), "{lines:#?}");
    assert!(
        lines.iter().all(|line| !line.contains('\u{1b}')),
        "no colour into a pipe"
    );
}

#[test]
fn a_reader_that_never_reads_does_not_hold_up_the_log() {
    let setup = Setup::new();
    // Never read from: the pipe fills up after 64 KiB.
    let mut child = spawn(&setup, "json");
    wait_for(&setup, |records| !records.is_empty());
    load::execs(setup.marker(), 0..300);
    wait_for(&setup, |records| {
        load::numbers(records, setup.marker()).len() == 300
    });
    let status = load::run(setup.command("status").arg("--json"));
    let status = audit_tests::Status(serde_json::from_str(&status).expect("JSON"));
    assert_eq!(status.lost(), 0);
    // It ends too: the stop does not wait for the reader for ever.
    let pipe = child.stdout.take();
    stop(child);
    drop(pipe);
    let records = Records::read(&setup.log_dir());
    assert_eq!(records.last().map(Record::kind), Some("daemon.stop"));
    assert_eq!(
        load::sorted(&records, setup.marker()),
        (0..300).collect::<Vec<_>>()
    );
}

#[test]
fn a_reader_that_goes_away_does_not_end_the_daemon() {
    let setup = Setup::new();
    let mut child = spawn(&setup, "json");
    let mut out = BufReader::new(child.stdout.take().expect("piped"));
    let mut first = String::new();
    out.read_line(&mut first).expect("the first line");
    assert_eq!(Record::parse(first.trim_end()).kind(), "daemon.start");
    drop(out);
    load::execs(setup.marker(), 0..100);
    wait_for(&setup, |records| {
        load::numbers(records, setup.marker()).len() == 100
    });
    stop(child);
    let records = Records::read(&setup.log_dir());
    assert_eq!(
        load::sorted(&records, setup.marker()),
        (0..100).collect::<Vec<_>>()
    );
    assert_eq!(records.last().map(Record::kind), Some("daemon.stop"));
}
