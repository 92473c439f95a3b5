//! A flood of opens that nobody watches, and a few that count.

use audit_tests::acts::act;
use audit_tests::in_guest;

use super::{
    Places, RDONLY, assert_all, assert_opens, assert_whole_log, kinds, of_file, of_process,
    skipped, with,
};
use crate::expect::file_uid;
use crate::sums::{Counts, assert_ledger};

const WATCHED: usize = 100;
const PROCESSES: usize = 4;

#[test]
fn a_few_watched_opens_in_a_flood_of_others_are_each_recorded() {
    let each: u64 = if in_guest() { 1_000 } else { 50_000 };
    let places = Places::new();
    let mut daemon = places.start();
    let flood = with(&["open-many", &each.to_string()], [&places.other()], RDONLY);
    let flooding: Vec<_> = (0..PROCESSES).map(|_| flood.start()).collect();
    // At a pace, so that they are spread over the flood.
    let pids: Vec<u32> = (0..WATCHED)
        .map(|_| {
            let one = with(&["open-many", "1"], [&places.file()], RDONLY).done();
            assert_eq!(one.number(), 1);
            one.pid
        })
        .collect();
    let flooded: Vec<u32> = flooding.iter().map(std::process::Child::id).collect();
    for child in flooding {
        let output = child.wait_with_output().expect("wait");
        let count = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(count.trim(), each.to_string());
    }
    let records = daemon.stop();
    assert_whole_log(&records);
    let uid = file_uid(&places.file());
    let skipped = skipped(&records);
    for pid in pids {
        let found = of_file(&records, pid, &uid);
        assert_all(&kinds(&found), &["file.open_read"], skipped);
        assert_opens(&found, None);
    }
    for pid in flooded {
        assert_eq!(of_process(&records, pid).len(), 0);
    }
    // What this test did before its daemon ran is seen too where programs were kept from another one.
    let own = i64::from(std::process::id());
    let all: Vec<&str> = records
        .iter()
        .filter(|record| record.str("file.uid") == uid)
        .filter(|record| record.num("actor.process.pid") != own)
        .map(|record| &*record.line)
        .collect();
    assert_eq!(all.len(), WATCHED, "{:#?}", &all[..3]);
    let counts = Counts::of(&records);
    assert_ledger(&records, &counts);
    let bulk = counts.0["bulk"];
    let least = (each * PROCESSES as u64).saturating_sub(skipped as u64);
    assert!(bulk.filtered >= least, "{bulk:?}");
    assert_eq!(bulk.lost, 0);
}

/// As many in one process, between its own opens of something else.
#[test]
fn a_process_that_opens_both_in_turn_is_recorded_for_the_one() {
    let places = Places::new();
    let mut daemon = places.start();
    let acted = act(["swap-open", "1000"])
        .with([places.outside.join("link"), places.file(), places.other()])
        .done();
    let hits = usize::try_from(acted.number()).expect("a count");
    let records = daemon.stop();
    assert_ledger(&records, &Counts::of(&records));
    let found = of_process(&records, acted.pid);
    assert_all(
        &kinds(&found),
        &vec!["file.open_read"; hits],
        skipped(&records),
    );
}

/// What follows the last one is another open, though nothing tells them apart.
#[test]
fn the_same_again_and_again_is_recorded_each_time() {
    const COUNT: usize = 7;
    let count = COUNT.to_string();
    let places = Places::new();
    let mut daemon = places.start();
    let by_handle = act(["chdir"])
        .with([&places.outside])
        .with(["open-many-by-handle", &count])
        .with([&places.file()])
        .with([RDONLY.to_string()])
        .done();
    let by_name = with(&["open-many", &count], [&places.file()], RDONLY).done();
    let without_room = act(["without-room", &count]).with([&places.file()]).done();
    assert_eq!(usize::try_from(without_room.number()), Ok(COUNT));
    let records = daemon.stop();
    let skipped = skipped(&records);
    let uid = file_uid(&places.file());
    for opened in [by_handle.pid, by_name.pid] {
        let found = of_file(&records, opened, &uid);
        assert_all(&kinds(&found), &["file.open_read"; COUNT], skipped);
    }
    let found = of_process(&records, without_room.pid);
    let codes: Vec<&str> = found
        .iter()
        .map(|record| record.str("status_code"))
        .collect();
    assert_all(&codes, &["EMFILE"; COUNT], skipped);
}
