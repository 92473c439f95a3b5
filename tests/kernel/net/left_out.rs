//! What is left out by the kernel, and counted with its reason.

use audit_tests::{Daemon, Records, Setup};

use super::sockets::{HERE, HERE_6, accept, apart, at, connect, listener, tcp};
use super::{observed, setup, told};

/// Connects once and accepts; the port.
fn meet(address: &str, port: u16) -> u16 {
    let (listening, server) = listener(at(address, port), 8);
    let socket = tcp(server, 0);
    assert_eq!(connect(&socket, server), 0);
    drop(accept(&listening));
    server.port()
}

fn of_this_host() -> Vec<&'static str> {
    vec!["127.0.0.1", "::1", "127.7.7.7"]
}

#[test]
fn loopback_is_left_out_and_counted() {
    let mut daemon = Daemon::start(&setup());
    apart(|_| {
        of_this_host().into_iter().for_each(|address| {
            meet(address, 0);
        });
    });
    // Each reason has its place in the sums.
    for sums in &daemon.status().lanes() {
        let parts = sums.filtered + sums.submitted + sums.lost;
        assert_eq!(sums.seen, parts, "{sums:?}");
    }
    let records = daemon.stop();
    // bind, listen, connect and accept of each.
    assert!(left_out(&records, "loopback") >= 12, "{}", counts(&records));
}

#[test]
fn loopback_is_told_if_asked_for() {
    let setup = setup().set("network.loopback", "true");
    let (ports, records) = observed(&setup, || of_this_host().map_ports());
    let connects: Vec<i64> = records
        .of_kind("net.connect")
        .map(|one| one.num("dst_endpoint.port"))
        .collect();
    assert_eq!(connects, ports);
    assert_eq!(records.len(), 12, "{:#?}", told(&records));
}

trait Ports {
    fn map_ports(self) -> Vec<i64>;
}

impl Ports for Vec<&'static str> {
    fn map_ports(self) -> Vec<i64> {
        self.into_iter().map(|one| meet(one, 0).into()).collect()
    }
}

/// All that all records of counts say was left out for that reason.
fn left_out(records: &Records, reason: &str) -> i64 {
    let path = format!("unmapped.counts.bulk.filtered.{reason}");
    let counts = records.of_kind("daemon.counts");
    counts.map(|one| one.num(&path).max(0)).sum()
}

fn counts(records: &Records) -> String {
    let last = records.of_kind("daemon.counts").last();
    last.map_or_else(String::new, |record| record.line.clone())
}

#[test]
fn unix_sockets_are_left_out_and_counted() {
    let setup = setup();
    let path = setup.dir().join("a.sock");
    let mut daemon = Daemon::start(&setup);
    let (_listening, _stream) = {
        let listening = std::os::unix::net::UnixListener::bind(&path).expect("bind");
        let stream = std::os::unix::net::UnixStream::connect(&path).expect("connect");
        (listening, stream)
    };
    let records = daemon.stop();
    let named = path.to_str().expect("UTF-8");
    let mut of_it = records.iter().filter(|one| one.kind().starts_with("net."));
    assert!(!of_it.any(|one| one.mentions(named)));
    // bind, listen and connect.
    assert!(left_out(&records, "unix") >= 3, "{}", counts(&records));
}

fn ignoring(rules: &str) -> Setup {
    setup().set("network.ignore", rules)
}

#[test]
fn ignored_addresses_are_left_out_in_both_directions() {
    let setup = ignoring("[\"10.77.0.0/16:4200-4209\", \"[fd77::]/16\"]");
    let (_, records) = observed(&setup, || {
        // Of these nothing is told: the other side's address is ignored, whoever calls.
        meet(HERE, 4_200);
        meet(HERE, 4_209);
        meet(HERE_6, 0);
        // The ports beside them are.
        meet(HERE, 4_199);
        meet(HERE, 4_210);
    });
    let ports = |kind: &str| -> Vec<i64> {
        let of_kind = records.of_kind(kind);
        of_kind.map(|one| one.num("dst_endpoint.port")).collect()
    };
    for kind in ["net.listen", "net.connect", "net.accept"] {
        assert_eq!(ports(kind), [4_199, 4_210], "{kind}");
    }
    assert_eq!(records.len(), 8, "{:#?}", told(&records));
}

#[test]
fn a_longer_prefix_keeps_what_a_shorter_one_ignores() {
    let setup = ignoring("[\"10.0.0.0/8:4220\", \"10.77.0.1:4221\"]");
    let (_, records) = observed(&setup, || {
        for port in [4_220, 4_221, 4_222] {
            meet(HERE, port);
        }
    });
    let connects: Vec<i64> = records
        .of_kind("net.connect")
        .map(|one| one.num("dst_endpoint.port"))
        .collect();
    assert_eq!(connects, [4_222]);
}
