//! Steps of the wall clock. Only in a guest: the clock of a machine is not a test's to set.

use std::time::Duration;

use audit_tests::{Daemon, Record, Setup, in_guest};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};

use crate::load;

const STEP: Duration = Duration::from_secs(3600);

#[test]
fn a_step_of_the_clock_is_a_record_and_later_times_follow_it() {
    if !in_guest() {
        audit_tests::skip!("the clock is set in guests only");
    }
    let setup = Setup::new();
    let mut daemon = Daemon::start(&setup);
    load::exec(setup.marker(), 0);
    let now = clock_gettime(ClockId::CLOCK_REALTIME).expect("the time");
    let later = now + TimeSpec::from_duration(STEP);
    clock_settime(ClockId::CLOCK_REALTIME, later).expect("set the clock");
    let steps = |records: &audit_tests::Records| records.of_kind("daemon.clock_step").count();
    daemon.wait_for("the step", |records| steps(records) == 1);
    load::exec(setup.marker(), 1);
    let records = daemon.stop();
    let back = clock_gettime(ClockId::CLOCK_REALTIME).expect("the time");
    let earlier = back - TimeSpec::from_duration(STEP);
    clock_settime(ClockId::CLOCK_REALTIME, earlier).expect("set the clock back");
    let step = records
        .of_kind("daemon.clock_step")
        .next()
        .expect("waited for");
    let step_ms = step.num("unmapped.clock.step_ms");
    assert!((3_599_000..=3_601_000).contains(&step_ms), "{}", step.line);
    let time = |record: Option<&Record>| record.expect("an exec").num("time");
    let of = |number: u64| {
        let argument = format!("{}-{number}", setup.marker());
        time(
            records
                .iter()
                .find(|record| record.is_exec() && record.mentions(&argument)),
        )
    };
    assert!(of(1) - of(0) >= 3_599_000, "later times follow the step");
}
