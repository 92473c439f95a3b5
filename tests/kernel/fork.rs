//! process.fork: recorded if asked for, once for each process and never for a thread.

use std::collections::BTreeSet;

use audit_tests::acts::act;
use audit_tests::{Daemon, Setup};
use serde_json::Value;

use crate::expect::assert_at;

const FORKS: usize = 200;

#[test]
fn each_fork_is_recorded_once_and_no_thread() {
    let setup = Setup::new().set("events.fork.record", "true");
    let mut daemon = Daemon::start(&setup);
    // Eight threads of one process fork.
    let acted = act(["fork-many", "8", &(FORKS / 8).to_string()]).done();
    let records = daemon.stop();
    records.assert_numbered();
    let own: Vec<_> = records
        .of_kind("process.fork")
        .filter(|record| record.num("actor.process.pid") == i64::from(acted.pid))
        .collect();
    assert_eq!(own.len(), FORKS);
    let uids: BTreeSet<&str> = own.iter().map(|record| record.str("process.uid")).collect();
    assert_eq!(uids.len(), FORKS, "each child is another");
    for record in own {
        assert_at(record, "type_uid", 100_701);
        assert_at(record, "launch_type_id", 2);
        assert_at(record, "process.name", "audit-acts");
        assert_at(record, "process.file", Value::Null);
        assert_at(
            record,
            "actor.process.path",
            audit_tests::acts::program().to_str(),
        );
        assert_at(record, "status_id", 1);
    }
    // The process itself was forked by this one: introduced before it forks.
    let introduced: Vec<_> = records
        .of_kind("process.fork")
        .filter(|record| record.pid() == acted.pid)
        .collect();
    assert_eq!(introduced.len(), 1);
    assert_at(introduced[0], "actor.process.pid", std::process::id());
}

#[test]
fn forks_are_not_recorded_unless_asked_for() {
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    act(["fork-many", "1", "10"]).done();
    let records = daemon.stop();
    assert_eq!(records.of_kind("process.fork").count(), 0);
    assert_eq!(records.of_kind("process.exit").count(), 0);
}
