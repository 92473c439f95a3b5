//! A time that is set to now, and times that are asked for only now.
//!
//! Whichever clock the kernel took it from, the record says what the file has.

use std::time::UNIX_EPOCH;

use audit_tests::acts::act;
use audit_tests::hooks::acts_on_functions;
use audit_tests::{Daemon, Setup};

use super::cases_times;
use crate::watched::{Places, of_process};

#[test]
fn the_time_of_now_is_the_kernels() {
    let setup = Setup::on_kept_programs();
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
        let by_name = name != "without a name" && !acts_on_functions();
        let source = by_name.then_some("userspace");
        assert_eq!(learnt.as_str(), source, "{name}: {line}");
    }
    daemon.stop();
}

#[test]
fn a_reload_is_enough_to_see_times_or_not() {
    let setup = Setup::on_kept_programs();
    let places = Places::make(&setup);
    let plain = setup.set("events.file.record", "true");
    let watching = |operation| plain.clone().append(&places.watch(&[operation]));
    let set = || {
        let acted = act(["utime"]).with([places.file()]).with(["1000000001"]);
        let acted = acted.done();
        assert_eq!(acted.number(), 0);
        acted.pid
    };
    let reload = |operation| {
        let output = watching(operation).command("reload").output();
        let output = output.expect("start reload");
        assert!(output.status.success(), "{output:?}");
    };
    let mut daemon = Daemon::start(&watching("attributes"));
    let before = set();
    reload("times");
    let asked = set();
    reload("attributes");
    let after = set();
    let records = daemon.stop();
    let count = |pid| of_process(&records, pid).len();
    assert_eq!([before, asked, after].map(count), [0, 1, 0]);
}
