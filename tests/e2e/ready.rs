//! What a daemon promises that says it is ready.

use audit_tests::acts::act;
use audit_tests::{Daemon, Setup};

use crate::load;

#[test]
fn it_means_that_the_next_exec_is_recorded() {
    for pin in ["\"never\"", "\"auto\""] {
        let setup = Setup::new().set("kernel.pin", pin);
        let mut daemon = Daemon::start(&setup);
        load::exec(setup.marker(), 0);
        let records = daemon.stop();
        assert_eq!(load::numbers(&records, setup.marker()), [0], "pin = {pin}");
        assert_eq!(records[0].kind(), "daemon.start");
        assert_eq!(records[0].sequence(), 0);
        let said = records[0].str("message");
        assert!(said.contains("hooks attached"), "{said}");
    }
}

/// What nobody read meanwhile fills the ring: who is ready has room again.
#[test]
fn it_means_room_also_behind_a_full_ring() {
    if !audit_tests::pins_hold() {
        audit_tests::skip!("programs do not stay in this kernel without a daemon");
    }
    const FAILED: u64 = 20_000;
    let setup = Setup::new()
        .set("kernel.ring_bulk", "\"4 MiB\"")
        .set("volume.process_rate", "0");
    let denied = setup.dir().join("denied");
    std::fs::write(&denied, "").expect("write");
    Daemon::start(&setup).stop();
    let fill = act(["fail-many", "1", &FAILED.to_string()]).with([&denied]);
    let filled_by = fill.done().pid;
    let mut daemon = Daemon::start(&setup);
    let last = act(["exec-bad-argv"]).with([&denied]).done().pid;
    let records = daemon.stop();
    let of = |pid: u32| {
        let its = |record: &&audit_tests::Record| record.is_failed_exec() && record.pid() == pid;
        records.iter().filter(its).count() as u64
    };
    let lost: i64 = records
        .losses()
        .iter()
        .map(|record| record.num("count"))
        .sum();
    let kept = of(filled_by);
    assert!(
        lost > 0 && (1..FAILED).contains(&kept),
        "the ring was not full: {kept} kept, {lost} lost"
    );
    assert_eq!(of(last), 1, "{lost} lost");
}
