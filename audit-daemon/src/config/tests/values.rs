//! Values: every key is read, and its bounds hold.

use std::time::Duration;

use super::super::{ActorDetail, Cap, Diagnostics, Listen, Pin, Required};
use super::Files;

/// Does a main file with this one line load?
fn accepts(line: &str) -> bool {
    Files::main(line).load().is_ok()
}

fn check_accepts(cases: &[(&str, bool)]) {
    for (line, expect) in cases {
        assert_eq!(accepts(line), *expect, "{line}");
    }
}

/// Every key with a value that is not its default.
const EVERY_KEY: &str = r#"
[log]
dir = "/l"
segment_size = "1 MiB"
cap = "10 MiB"
commit_interval = "20 ms"
[kernel]
compat = true
pin = "never"
pin_dir = "/p"
ring_critical = "4 KiB"
ring_bulk = "256 MiB"
diagnostics = "debug"
[events]
fork = { record = true, required = "if-available" }
exec.record = false
cgroup.required = "always"
[records]
actor_detail = "full"
command_line_max = "32 KiB"
environment = ["HOME"]
labels = ["env:prod", "url:http://x y"]
snapshot = false
[process_table]
entries_max = 4_096
[users]
cache_max = 0x20
lookup_timeout = "1 s"
[mask]
enabled = false
disabled_rules = ["session"]
[status]
socket = "/s"
[metrics]
listen = "[::1]:9465"
[counts]
interval = "10 s"
"#;

#[test]
fn every_key_is_read() {
    let config = Files::main(EVERY_KEY).config();
    let (log, kernel, records) = (&config.log, &config.kernel, &config.records);
    assert_eq!(log.dir.to_str(), Some("/l"));
    assert_eq!((log.segment_size, log.cap), (1 << 20, Cap::Bytes(10 << 20)));
    assert_eq!(log.commit_interval, Duration::from_millis(20));
    assert_eq!((kernel.compat, kernel.pin), (true, Pin::Never));
    assert_eq!(kernel.pin_dir.to_str(), Some("/p"));
    assert_eq!(
        (kernel.ring_critical, kernel.ring_bulk),
        (4 << 10, 256 << 20)
    );
    assert_eq!(kernel.diagnostics, Diagnostics::Debug);
    assert_eq!(records.actor_detail, ActorDetail::Full);
    assert_eq!(records.command_line_max, 32 << 10);
    assert_eq!(records.environment, ["HOME"]);
    assert_eq!(records.labels, ["env:prod", "url:http://x y"]);
    assert!(!records.snapshot && !config.mask.enabled);
    assert_eq!(config.mask.disabled_rules, ["session"]);
    assert_eq!(
        (config.process_table.entries_max, config.users.cache_max),
        (4_096, 32)
    );
    assert_eq!(config.users.lookup_timeout, Duration::from_secs(1));
    assert_eq!(config.status.socket.to_str(), Some("/s"));
    assert_eq!(
        config.metrics.listen,
        Listen::Tcp("[::1]:9465".parse().unwrap())
    );
    assert_eq!(config.counts.interval, Duration::from_secs(10));
    let events: Vec<_> = config
        .events
        .iter()
        .map(|event| (event.name, event.record, event.required))
        .collect();
    assert_eq!(
        events,
        [
            ("exec", false, Required::Always),
            ("exec_failed", true, Required::IfAvailable),
            ("fork", true, Required::IfAvailable),
            ("exit", false, Required::Always),
            ("file", true, Required::IfAvailable),
            ("network", true, Required::IfAvailable),
            ("privilege", true, Required::IfAvailable),
            ("cgroup", false, Required::Always),
        ]
    );
    assert_eq!(
        config.events.get("exit").map(|event| event.record),
        Some(false)
    );
    assert_eq!(config.events.get("nothing"), None);
}

#[test]
fn the_automatic_cap_follows_the_file_system() {
    assert_eq!(Cap::Auto.bytes(100 << 30), 2 << 30);
    assert_eq!(Cap::Auto.bytes(1_000_000_000), 50_000_000);
    assert_eq!(Cap::Auto.bytes(u64::MAX), 2 << 30);
    assert_eq!(Cap::Bytes(7).bytes(1), 7);
}

#[test]
fn bounds_hold_at_both_ends() {
    check_accepts(&[
        ("log = { segment_size = '128 KiB' }", true),
        ("log = { segment_size = '131071 B' }", false),
        ("log = { segment_size = '16 GiB' }", true),
        ("log = { segment_size = '17 GiB' }", false),
        ("log = { segment_size = '1 MiB', cap = '2 MiB' }", true),
        ("log = { segment_size = '1 MiB', cap = '2097151 B' }", false),
        ("log = { cap = 'auto' }", true),
        ("log = { cap = 'Auto' }", false),
        ("log = { cap = '18446744073709551615 TiB' }", false),
        ("log = { commit_interval = '1 ms' }", true),
        ("log = { commit_interval = '999 us' }", false),
        ("log = { commit_interval = '1 s' }", true),
        ("log = { commit_interval = '1001 ms' }", false),
        ("kernel = { ring_bulk = '4 KiB' }", true),
        ("kernel = { ring_bulk = '2 KiB' }", false),
        ("kernel = { ring_bulk = '512 MiB' }", false),
        ("kernel = { ring_bulk = '12 KiB' }", false),
        ("records = { command_line_max = '256 B' }", true),
        ("records = { command_line_max = '255 B' }", false),
        ("records = { command_line_max = '32 KiB' }", true),
        ("records = { command_line_max = '32769 B' }", false),
        ("process_table = { entries_max = 1024 }", true),
        ("process_table = { entries_max = 1023 }", false),
        ("process_table = { entries_max = -1 }", false),
        ("process_table = { entries_max = 4194305 }", false),
        (
            "process_table = { entries_max = 99999999999999999999999999999999999999999999 }",
            false,
        ),
        ("process_table = { entries_max = 65536.0 }", false),
        ("counts = { interval = '1 d' }", true),
        ("counts = { interval = '25 h' }", false),
        ("log = { dir = 'log' }", false),
        ("log = { dir = '' }", false),
        ("log = { dir = \"/a\\u0000b\" }", false),
        ("log = { dir = 1979-05-27 }", false),
    ]);
}

#[test]
fn labels_are_key_and_value() {
    let long = format!("records.labels = ['{}:x']", "k".repeat(64));
    check_accepts(&[
        ("records.labels = []", true),
        (
            "records.labels = ['env:prod', 'env:eu', 'team:Größe']",
            true,
        ),
        ("records.labels = ['watcher:x', 'a.b-c_d:1']", true),
        ("records.labels = ['watch:accounts']", false),
        ("records.labels = ['watch:']", false),
        ("records.labels = [':prod']", false),
        ("records.labels = ['env:']", false),
        ("records.labels = ['env: prod']", false),
        ("records.labels = ['e nv:prod']", false),
        ("records.labels = [\"env:a\\u001bb\"]", false),
        ("records.labels = ['env:a', 'env:a']", false),
        ("records.labels = 'env:a'", false),
        (&long, false),
    ]);
}

#[test]
fn lists_and_rules_are_bounded() {
    let labels = |count: usize| {
        let items: Vec<_> = (0..count).map(|n| format!("'k:{n}'")).collect();
        format!("records.labels = [{}]", items.join(","))
    };
    let rules = |count: usize| {
        (0..count)
            .map(|n| format!("[[mask.rule]]\nname='r{n}'\npattern='x'\n"))
            .collect::<String>()
    };
    check_accepts(&[
        (&labels(32), true),
        (&labels(33), false),
        (&rules(256), true),
        (&rules(257), false),
        ("[[mask.rule]]\nname = ''\npattern = 'x'", false),
        ("[[mask.rule]]\nname = 'a b'\npattern = 'x'", false),
        ("[[mask.rule]]\nname = 'A'\npattern = 'x'", false),
        ("[[mask.rule]]\nname = 'a'\npattern = ''", false),
        (
            "[[mask.rule]]\nname = 'a'\noptions = []\nvariables = []",
            false,
        ),
        ("[[mask.rule]]\nname = 'a'\noptions = ['']", false),
        ("mask.rule = [{ name = 'a', options = ['-p'] }]", true),
        ("mask.rule = [1]", false),
        ("mask.rule = 1", false),
    ]);
    assert_eq!(Files::main(rules(300)).load().unwrap_err().reports.len(), 1);
}
