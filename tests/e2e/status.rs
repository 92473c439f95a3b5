//! `status`, as text and as JSON, and the metrics.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use audit_tests::{Daemon, Setup, Status};

use crate::load;

/// A daemon that has recorded so much of ours.
fn busy(setup: &Setup) -> Daemon {
    let daemon = Daemon::start(setup);
    load::execs(setup.marker(), 0..50);
    daemon.wait_for("the execs", |records| {
        load::numbers(records, setup.marker()).len() == 50
    });
    daemon
}

#[test]
fn the_sums_agree_on_every_processor_and_lane() {
    let setup = Setup::new();
    let mut daemon = busy(&setup);
    let lanes = |status: &Status| status.lanes();
    // Other people's processes go on: each sum must hold at some moment.
    let quiet = |status: &Status| lanes(status).iter().all(|lane| lane.difference().is_none());
    let status = daemon.wait_for_status("sums that agree", quiet);
    let processors = std::thread::available_parallelism()
        .expect("processors")
        .get();
    assert!(status.lanes().len() >= 2 * processors);
    assert_eq!(status.lost(), 0);
    let recorded: u64 = status.lanes().iter().map(|lane| lane.recorded).sum();
    assert!(recorded >= 50, "{recorded}");
    daemon.stop();
}

#[test]
fn json_says_what_an_operator_asks() {
    let setup = Setup::new();
    let mut daemon = busy(&setup);
    let status = daemon.status().0;
    assert_eq!(status["version"], 1);
    assert_eq!(status["daemon"]["pid"], daemon.pid());
    assert_eq!(status["daemon"]["load_id"].as_str().map(str::len), Some(16));
    assert_eq!(status["log"]["dir"], setup.log_dir().display().to_string());
    assert_eq!(status["log"]["bytes_max"], 1_u64 << 30);
    assert!(status["log"]["bytes_per_day"].as_u64() > Some(0));
    assert!(status["lanes"][0]["delay"].is_object());
    for (queue, name) in ["batches", "blocks"].into_iter().enumerate() {
        assert_eq!(status["queues"][queue]["name"], name);
    }
    for bytes in ["rss_bytes", "maps_bytes", "rings_bytes"] {
        assert!(status["memory"][bytes].as_u64() > Some(0), "{bytes}");
    }
    assert_eq!(daemon.status().hook("exec"), "attached");
    assert_eq!(status["problems"], serde_json::json!([]));
    daemon.stop();
}

/// Nothing to complain of, but for runs that kernels from 7.2 on skip on system calls.
#[track_caller]
fn assert_well(text: &str) {
    let last = text.lines().last().unwrap_or_default();
    let skipped =
        last.starts_with("! the kernel skipped ") && audit_tests::kernel_version() >= (7, 2);
    assert!(last == "All is well." || skipped, "{text}");
}

#[test]
fn text_fits_80_columns_and_ends_with_the_verdict() {
    let setup = Setup::new();
    let mut daemon = busy(&setup);
    for args in [[].as_slice(), &["--verbose"]] {
        let text = load::run(setup.command("status").args(args));
        assert!(text.starts_with("running "), "{text}");
        assert!(text.contains(&format!("(pid {})", daemon.pid())), "{text}");
        assert_well(&text);
        for lane in ["critical", "bulk"] {
            assert!(text.lines().any(|line| line.starts_with(lane)), "{text}");
        }
    }
    let text = load::run(setup.command("status").env("COLUMNS", "80"));
    let longest = text.lines().map(|line| line.chars().count()).max();
    assert!(longest <= Some(80), "{longest:?} wide:\n{text}");
    daemon.stop();
}

#[test]
fn without_a_daemon_it_says_how_to_start_one() {
    let setup = Setup::new();
    let output = setup.command("status").output().expect("status");
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "error: audit-daemon is not running (nobody answers on {}).\nStart it: sudo systemctl start \
         audit-daemon, or by hand: sudo audit-daemon run\n",
        setup.socket().display()
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    // The same after one was killed and left its socket; and the next one takes that place.
    let mut daemon = Daemon::start(&setup);
    daemon.kill();
    assert!(setup.socket().exists());
    let output = setup.command("status").output().expect("status");
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    let mut daemon = Daemon::start(&setup);
    assert_eq!(daemon.status().0["daemon"]["pid"], daemon.pid());
    daemon.stop();
    assert!(
        !setup.socket().exists(),
        "an orderly stop takes the socket away"
    );
}

#[test]
fn only_root_may_ask() {
    use std::os::unix::process::CommandExt;
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    let mode = std::fs::metadata(setup.socket())
        .expect("the socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    let program = setup.dir().join("audit-daemon");
    std::fs::copy(audit_tests::home::daemon_program(), &program).expect("copy");
    let mut command = std::process::Command::new(program);
    command
        .args(["status", "--config"])
        .arg(setup.write_config())
        .uid(65_534)
        .gid(65_534);
    let output = command.output().expect("status");
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        "error: only root may ask for the status ({}).\nRun: sudo audit-daemon status\n",
        setup.socket().display()
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), expected);
    daemon.stop();
}

/// One HTTP request as curl makes it; the body.
fn get(mut stream: impl Read + Write, path: &str) -> (String, String) {
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .expect("send");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("head and body");
    (head.to_owned(), body.to_owned())
}

/// The sum of a metric over its labels.
fn total(metrics: &str, name: &str) -> f64 {
    let samples = metrics.lines().filter(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(['{', ' ']))
    });
    let value = |line: &str| line.rsplit(' ').next().and_then(|value| value.parse().ok());
    let values: Vec<f64> = samples.map(|line| value(line).expect("a number")).collect();
    assert!(!values.is_empty(), "no {name} in\n{metrics}");
    values.iter().sum()
}

#[track_caller]
fn assert_metrics(head: &str, body: &str, daemon: &Daemon) {
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert!(
        head.to_ascii_lowercase()
            .contains("content-type: text/plain"),
        "{head}"
    );
    let pid = format!("pid=\"{}\"", daemon.pid());
    assert!(
        body.lines()
            .any(|line| line.starts_with("audit_daemon_info{") && line.contains(&pid))
    );
    assert_eq!(total(body, "audit_daemon_problems"), 0.0);
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("name and value");
        assert!(
            name.starts_with("audit_daemon_") && value.parse::<f64>().is_ok(),
            "{line}"
        );
    }
}

#[test]
fn metrics_on_a_port_of_this_machine() {
    // Free a moment ago; nobody else here takes ports.
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("its address");
    drop(free);
    let setup = Setup::new().set("metrics.listen", &format!("\"{address}\""));
    let mut daemon = busy(&setup);
    let (head, body) = get(TcpStream::connect(address).expect("connect"), "/metrics");
    assert_metrics(&head, &body, &daemon);
    let (head, _) = get(TcpStream::connect(address).expect("connect"), "/else");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    daemon.stop();
    assert!(
        TcpStream::connect(address).is_err(),
        "closed with the daemon"
    );
}

#[test]
fn metrics_on_a_socket_of_root() {
    let setup = Setup::new();
    let path = setup.dir().join("metrics.sock");
    let setup = setup.set("metrics.listen", &format!("\"unix:{}\"", path.display()));
    let mut daemon = busy(&setup);
    let mode = std::fs::metadata(&path)
        .expect("the socket")
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
    let (head, body) = get(UnixStream::connect(&path).expect("connect"), "/metrics");
    assert_metrics(&head, &body, &daemon);
    daemon.stop();
    assert!(!Path::new(&path).exists());
}

#[test]
fn metrics_are_off_unless_asked_for_and_never_for_other_machines() {
    let setup = Setup::new().set("metrics.listen", "\"0.0.0.0:9465\"");
    let output = setup.command("check").output().expect("check");
    // For the clean-up, which reads it.
    setup.set("metrics.listen", "\"off\"").write_config();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        said.contains("0.0.0.0:9465") && said.contains("listen on loopback"),
        "{said}"
    );
}

#[test]
fn a_daemon_that_adopts_a_load_counts_on() {
    load::need_pins!();
    let setup = Setup::new().set("kernel.pin", "\"required\"");
    let mut daemon = Daemon::start(&setup);
    // More than a live status may differ by.
    load::execs(setup.marker(), 0..400);
    daemon.stop();
    let mut daemon = Daemon::start(&setup);
    load::execs(setup.marker(), 400..410);
    let records = |records: &audit_tests::Records| load::numbers(records, setup.marker()).len();
    daemon.wait_for("the execs", |log| records(log) == 410);
    let settled = |status: &Status| {
        let recorded: u64 = status.lanes().iter().map(|lane| lane.recorded).sum();
        recorded >= 410
    };
    let status = daemon.wait_for_status("the sums since the load", settled);
    assert_eq!(status.0["daemon"]["adopted_restarts"], 1);
    let by_kind = |key: &str| {
        let events = status.0["events"].as_array().expect("events").iter();
        events
            .map(|event| event["user"][key].as_u64().expect("a number"))
            .sum::<u64>()
    };
    let received: u64 = status.lanes().iter().map(|lane| lane.received).sum();
    assert_eq!(by_kind("received"), received);
    let text = load::run(&mut setup.command("status"));
    assert_well(&text);
    daemon.stop();
}
