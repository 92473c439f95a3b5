//! A time that is set to now: whichever clock the kernel took it from, the record says what the file has.

use std::time::UNIX_EPOCH;

use audit_tests::{Daemon, Setup};

use super::cases_times;
use crate::watched::{Places, of_process};

#[test]
fn the_time_of_now_is_the_kernels() {
    let setup = Setup::new();
    let places = Places::make(&setup);
    let setup = setup
        .set("events.file.record", "true")
        .append(&places.watch(&["times"]));
    let mut daemon = Daemon::start(&setup);
    for (name, act) in cases_times::to_now(&places) {
        let acted = act.done();
        assert_eq!(acted.number(), 0, "{name}");
        // Before the next one, for else the file has that one's.
        let records = daemon.wait_for(name, |records| !of_process(records, acted.pid).is_empty());
        let record = of_process(&records, acted.pid)[0];
        let modified = std::fs::metadata(places.file()).expect("stat").modified();
        let since = modified.expect("a time").duration_since(UNIX_EPOCH);
        let line = &record.line;
        assert_eq!(record.kind(), "file.utimes", "{name}: {line}");
        let said = record.num("file_result.modified_time");
        let has = since.expect("after 1970").as_millis() as i64;
        assert_eq!(said, has, "{name}: {line}");
        let learnt = &record.at("unmapped.source")["file_result.modified_time"];
        let source = (name != "without a name").then_some("userspace");
        assert_eq!(learnt.as_str(), source, "{name}: {line}");
    }
    daemon.stop();
}
