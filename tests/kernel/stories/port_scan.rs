//! Who tries a thousand ports is told a thousand times, or in so many sums.

use std::collections::BTreeMap;

use audit_tests::acts::{Act, program};
use audit_tests::{Daemon, Record, Setup};

use super::chain::Story;
use super::setup;
use crate::expect::assert_at;
use crate::net::sockets::{HERE, apart, at, listener};

/// Below the ports that the kernel chooses for who connects.
const FIRST: u16 = 20_001;
const COUNT: u16 = 1_000;
const OPEN: [u16; 5] = [20_001, 20_022, 20_443, 20_999, 21_000];
/// Is opened in the midst of it.
const LATE: u16 = 20_500;

/// The steps of a process for which `OPEN` is open; its story, and what it printed.
fn acted_out(setup: &Setup, steps: &Act) -> (Story, String) {
    let mut daemon = Daemon::start(setup);
    let acted = apart(|_| {
        let _open = OPEN.map(|port| listener(at(HERE, port), 64));
        steps.done()
    });
    (Story::of(&daemon.stop(), acted.pid), acted.stdout)
}

fn scan(act: Act) -> Act {
    act.with(["scan", &at(HERE, FIRST).to_string(), &COUNT.to_string()])
}

const DONE: (i64, &str) = (400_101, "");
const REFUSED: (i64, &str) = (400_105, "ECONNREFUSED");

fn outcome(record: &Record) -> (i64, &str) {
    (record.num("type_uid"), record.str("status_code"))
}

#[test]
fn each_port_of_a_scan_is_told_once_and_open_ones_apart() {
    let (story, said) = acted_out(&setup(), &scan(Act::new()).with(["done"]));
    assert_eq!(said, format!("{}\n", OPEN.len()));
    let (begin, connects) = story.0.split_first().expect("records");
    assert_at(begin, "process.file.path", program().to_str());
    assert_eq!(connects.len(), usize::from(COUNT));
    for (record, port) in connects.iter().zip(FIRST..) {
        let expected = match OPEN.contains(&port) {
            true => DONE,
            false => REFUSED,
        };
        assert_eq!(outcome(record), expected, "{}", record.line);
        assert_eq!(record.kind(), "net.connect");
        assert_at(record, "dst_endpoint.ip", HERE);
        assert_at(record, "dst_endpoint.port", port);
        assert_at(record, "actor.process.uid", begin.str("process.uid"));
        assert_at(record, "count", serde_json::Value::Null);
    }
}

#[test]
fn scans_that_are_folded_sum_up_and_mix_no_failure_with_a_success() {
    let setup = setup().set("network.fold", "{ after = 1, window = \"10 min\" }");
    let twice = |act| scan(scan(act));
    let late = at(HERE, LATE).to_string();
    let steps = twice(twice(Act::new()).with(["listen", &late]));
    let (story, said) = acted_out(&setup, &steps.with(["done"]));
    assert_eq!(said, "5\n5\n6\n6\n");
    // Of each port and outcome how often it was told, and of how many acts in all.
    let mut told: BTreeMap<(i64, (i64, &str)), Vec<i64>> = BTreeMap::new();
    for record in story.of_kind("net.connect") {
        let counts = told
            .entry((record.num("dst_endpoint.port"), outcome(record)))
            .or_default();
        match record.num("count") {
            -1 => counts.push(1),
            count => {
                let first = story
                    .0
                    .iter()
                    .find(|one| record.str("metadata.correlation_uid") == one.str("metadata.uid"));
                let first = first.expect("the one that it repeats");
                assert_eq!(outcome(first), outcome(record), "{}", record.line);
                counts.push(count);
            }
        }
    }
    let expected = (FIRST..FIRST + COUNT).flat_map(|port| {
        let outcomes = match port {
            LATE => vec![(DONE, vec![1, 1]), (REFUSED, vec![1, 1])],
            _ if OPEN.contains(&port) => vec![(DONE, vec![1, 3])],
            _ => vec![(REFUSED, vec![1, 3])],
        };
        let with_port = move |(outcome, counts)| ((i64::from(port), outcome), counts);
        outcomes.into_iter().map(with_port)
    });
    assert_eq!(told, expected.collect::<BTreeMap<_, _>>());
    let others: Vec<_> = story
        .0
        .iter()
        .map(Record::kind)
        .filter(|kind| *kind != "net.connect")
        .collect();
    assert_eq!(others, ["process.exec", "net.bind", "net.listen"]);
}
