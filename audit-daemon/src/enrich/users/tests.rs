//! Names come from files or NSS, and nobody ever waits for them.

use std::fs;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;

/// Answers from a script, when the test says so.
struct Scripted {
    asked: SyncSender<(Sort, u32)>,
    answers: Receiver<Answer>,
}

impl Resolver for Scripted {
    fn resolve(&mut self, sort: Sort, id: u32) -> Answer {
        self.asked.send((sort, id)).unwrap();
        // A test that has ended without an answer leaves the thread; it must end too.
        self.answers.recv().unwrap_or(Answer::Failed)
    }
}

struct Fixture {
    names: Names,
    asked: Receiver<(Sort, u32)>,
    answers: SyncSender<Answer>,
    now: Instant,
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new(entries_max: usize) -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
        fs::write(dir.path().join("group"), "root:x:0:\nwheel:x:10:ann,bob\n").unwrap();
        let settings = NamesSettings {
            entries_max,
            passwd: dir.path().join("passwd"),
            group: dir.path().join("group"),
            files_check: Duration::from_millis(5),
        };
        let (asked_out, asked) = sync_channel(1 << 16);
        let (answers, answers_in) = sync_channel(1 << 16);
        let resolver = Scripted {
            asked: asked_out,
            answers: answers_in,
        };
        let names = Names::start_with(&settings, resolver).unwrap();
        Fixture {
            names,
            asked,
            answers,
            now: Instant::now(),
            dir,
        }
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.names.tick(self.now);
    }

    /// Ticks, at the same time of the test, until the condition holds.
    fn until(&mut self, condition: impl Fn(&NamesCounters) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !condition(&self.names.counters()) {
            assert!(Instant::now() < deadline, "{:?}", self.names.counters());
            std::thread::sleep(Duration::from_millis(1));
            self.names.tick(self.now);
        }
    }

    fn answer(&mut self, answer: Answer) {
        let answered = self.names.counters().answered;
        self.answers.send(answer).unwrap();
        self.until(|counters| counters.answered == answered + 1);
    }

    fn user(&mut self, uid: u32) -> String {
        told(self.names.lookup_user(uid))
    }
}

fn told(name: Name) -> String {
    match name {
        Name::Known(name) => name.to_string(),
        other => format!("{other:?}"),
    }
}

fn known(name: &str) -> Answer {
    Answer::Known(Arc::new(KnownName::from_bytes(name.as_bytes()).unwrap()))
}

#[test]
fn local_names_are_known_at_once_and_nobody_is_asked() {
    let mut fixture = Fixture::new(10);
    assert_eq!(fixture.user(0), "root");
    assert_eq!(told(fixture.names.lookup_group(10)), "wheel");
    assert_eq!(fixture.user(NO_ID), "Absent");
    let counters = fixture.names.counters();
    assert_eq!(
        (counters.hits, counters.hits_local, counters.asked),
        (2, 2, 0)
    );
    assert!(fixture.asked.try_recv().is_err());
}

#[test]
fn an_id_is_pending_then_known_and_asked_once() {
    let mut fixture = Fixture::new(10);
    for _ in 0..5 {
        assert_eq!(fixture.user(1000), "Pending");
    }
    fixture.answer(known("ann"));
    assert_eq!(fixture.user(1000), "ann");
    assert_eq!(
        told(fixture.names.lookup_group(1000)),
        "Pending",
        "groups are apart"
    );
    assert_eq!(fixture.asked.recv().unwrap(), (Sort::User, 1000));
    fixture.answer(Answer::Absent);
    assert_eq!(told(fixture.names.lookup_group(1000)), "Absent");
    let counters = fixture.names.counters();
    assert_eq!(
        (counters.asked, counters.answered, counters.pending),
        (2, 2, 6)
    );
    assert_eq!(
        (counters.hits, counters.unknown, counters.failed),
        (2, 0, 0)
    );
}

#[test]
fn a_resolver_that_hangs_stalls_nothing() {
    let mut fixture = Fixture::new(4096);
    let start = Instant::now();
    assert_eq!(fixture.user(1000), "Pending");
    // In the thread's hands, so that the queue is empty.
    fixture.asked.recv().unwrap();
    for uid in 2000..2000 + REQUESTS_MAX as u32 {
        assert_eq!(fixture.user(uid), "Pending");
    }
    for uid in 5000..5100 {
        assert_eq!(fixture.user(uid), "Unknown", "no room to ask");
    }
    fixture.pass(LOOKUP_WAIT_MAX - Duration::from_millis(1));
    assert_eq!(fixture.user(1000), "Pending");
    fixture.pass(Duration::from_millis(1));
    for _ in 0..3 {
        assert_eq!(fixture.user(1000), "Unknown");
    }
    assert_eq!(fixture.user(0), "root", "local names do not hang with it");
    let counters = fixture.names.counters();
    assert_eq!((counters.timeouts, counters.queue_full), (1, 100));
    assert_eq!(
        counters.asked,
        1 + REQUESTS_MAX as u64,
        "never asked twice at a time"
    );
    assert!(start.elapsed() < Duration::from_secs(5));

    // It comes back: every question gets its answer.
    for _ in 0..=REQUESTS_MAX {
        fixture.answers.send(known("late")).unwrap();
    }
    fixture.until(|counters| counters.answered == 1 + REQUESTS_MAX as u64);
    assert_eq!(
        (fixture.user(1000), fixture.user(2001)),
        ("late".into(), "late".into())
    );
    assert_eq!(fixture.user(5000), "Pending", "refused before, asked now");
}

#[test]
fn a_dropped_pipeline_does_not_wait_for_a_hanging_resolver() {
    let mut fixture = Fixture::new(10);
    assert_eq!(fixture.user(1000), "Pending");
    fixture.asked.recv().unwrap();
    let start = Instant::now();
    drop(fixture);
    assert!(start.elapsed() < Duration::from_secs(1));
}

#[test]
fn a_failure_is_unknown_and_tried_again() {
    let mut fixture = Fixture::new(10);
    fixture.user(1000);
    fixture.answer(Answer::Failed);
    assert_eq!(fixture.user(1000), "Unknown");
    fixture.pass(FAILED_TTL - Duration::from_millis(1));
    assert_eq!(
        (fixture.user(1000), fixture.names.counters().asked),
        ("Unknown".into(), 1)
    );
    fixture.pass(Duration::from_millis(1));
    assert_eq!(
        (fixture.user(1000), fixture.names.counters().asked),
        ("Unknown".into(), 2)
    );
    fixture.answer(known("ann"));
    assert_eq!(
        (fixture.user(1000), fixture.names.counters().failed),
        ("ann".into(), 1)
    );
}

#[test]
fn answers_are_renewed_while_the_old_one_is_given() {
    let mut fixture = Fixture::new(10);
    fixture.user(1000);
    fixture.answer(known("ann"));
    fixture.pass(KNOWN_TTL - Duration::from_millis(1));
    assert_eq!(
        (fixture.user(1000), fixture.names.counters().asked),
        ("ann".into(), 1)
    );
    fixture.pass(Duration::from_millis(1));
    assert_eq!(
        (fixture.user(1000), fixture.names.counters().asked),
        ("ann".into(), 2)
    );
    fixture.answer(known("anna"));
    assert_eq!(fixture.user(1000), "anna");

    fixture.user(1001);
    fixture.answer(Answer::Absent);
    fixture.pass(ABSENT_TTL);
    assert_eq!(
        (fixture.user(1001), fixture.names.counters().asked),
        ("Absent".into(), 4)
    );
    fixture.answer(known("bob"));
    assert_eq!(fixture.user(1001), "bob");
}

#[test]
fn a_name_that_cannot_be_renewed_gets_too_old() {
    let mut fixture = Fixture::new(10);
    fixture.user(1000);
    fixture.answer(known("ann"));
    fixture.pass(KNOWN_TTL);
    assert_eq!(fixture.user(1000), "ann");
    fixture.answer(Answer::Failed);
    assert_eq!(
        (fixture.user(1000), fixture.names.counters().asked),
        ("ann".into(), 2)
    );
    fixture.pass(FAILED_TTL);
    assert_eq!(
        (fixture.user(1000), fixture.names.counters().asked),
        ("ann".into(), 3)
    );
    fixture.pass(LOOKUP_WAIT_MAX);
    assert_eq!(
        (fixture.user(1000), fixture.names.counters().timeouts),
        ("ann".into(), 1)
    );
    fixture.pass(STALE_MAX - KNOWN_TTL - FAILED_TTL - LOOKUP_WAIT_MAX);
    assert_eq!(fixture.user(1000), "Unknown");
    fixture.answer(known("ann"));
    assert_eq!(fixture.user(1000), "ann");
}

#[test]
fn the_least_recently_asked_goes_first() {
    let mut fixture = Fixture::new(3);
    for uid in [1, 2, 3] {
        fixture.user(uid);
        fixture.answer(known("x"));
    }
    // All were just used: the hand takes the marks off and 1 goes.
    fixture.user(4);
    fixture.answer(known("x"));
    assert_eq!(fixture.names.counters().evicted, 1);
    // 2 is used again, 3 is not.
    assert_eq!(fixture.user(2), "x");
    fixture.user(5);
    fixture.answer(known("x"));
    assert_eq!(
        (fixture.user(2), fixture.user(4), fixture.user(5)),
        ("x".into(), "x".into(), "x".into())
    );
    assert_eq!(fixture.names.counters().evicted, 2);
    assert_eq!(fixture.user(3), "Pending");
}

#[test]
fn a_flood_of_ids_stays_within_the_bound() {
    struct Instantly;
    impl Resolver for Instantly {
        fn resolve(&mut self, _: Sort, id: u32) -> Answer {
            if id.is_multiple_of(2) {
                known("even")
            } else {
                Answer::Absent
            }
        }
    }
    let settings = NamesSettings {
        entries_max: 100,
        ..NamesSettings::default()
    };
    let mut names = Names::start_with(&settings, Instantly).unwrap();
    let now = Instant::now();
    for uid in 1_000_000..1_050_000 {
        names.lookup_user(uid);
        names.tick(now);
    }
    let counters = names.counters();
    assert_eq!(counters.asked + counters.queue_full, 50_000);
    assert_eq!(counters.evicted, counters.asked - 100);
}

#[test]
fn a_changed_file_is_read_anew() {
    let mut fixture = Fixture::new(10);
    assert_eq!(fixture.user(1000), "Pending");
    let settle = |fixture: &mut Fixture, name: &str, text: &str| {
        let (new, path) = (
            fixture.dir.path().join("new"),
            fixture.dir.path().join(name),
        );
        fs::write(&new, text).unwrap();
        fs::rename(new, path).unwrap();
    };
    settle(
        &mut fixture,
        "passwd",
        "root:x:0:0::/:\nann:x:1000:1000::/home/ann:\n",
    );
    let deadline = Instant::now() + Duration::from_secs(20);
    while fixture.user(1000) != "ann" {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(1));
        fixture.pass(Duration::ZERO);
    }
    fs::remove_file(fixture.dir.path().join("group")).unwrap();
    while told(fixture.names.lookup_group(10)) == "wheel" {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(1));
        fixture.pass(Duration::ZERO);
    }
    // Left alone, it is not read over and over. (A fresh file is, until its time is settled.)
    let mut read_while = |time: Duration| {
        let (before, start) = (fixture.names.counters().files_read, Instant::now());
        while start.elapsed() < time {
            std::thread::sleep(Duration::from_millis(1));
            fixture.pass(Duration::ZERO);
        }
        fixture.names.counters().files_read - before
    };
    read_while(Duration::from_millis(300));
    assert_eq!(read_while(Duration::from_millis(100)), 0);
}

#[test]
fn files_are_parsed_as_libc_does() {
    let text = b"root:x:0:0:root:/root:/bin/sh\n\
                 toor:x:0:0::/root:/bin/sh\n\
                 +nis::::::\n-bad:x:7:7::/:\n#c:x:8:8::/:\n\
                 :x:9:9::/:\nshort:x\nneg:x:-1:0::/:\nplus:x:+5:0::/:\nbig:x:4294967296:0::/:\n\
                 o\xffd:x:11:11::/:\n\nlast:x:12:12::/:";
    let local = files::Local::parse(text);
    let name = |id| local.get(id).map(|name| name.to_string());
    assert_eq!(name(0).unwrap(), "root", "the first line counts");
    assert_eq!(name(11).unwrap(), "o\\xffd");
    assert_eq!(name(12).unwrap(), "last");
    for id in [5, 7, 8, 9, u32::MAX] {
        assert_eq!(name(id), None, "{id}");
    }
}

/// The pipeline asks for names some twice for each record: 300,000 records a second on one core
/// leave 3 us for everything.
#[test]
fn a_lookup_that_hits_takes_far_less_than_a_microsecond() {
    let mut fixture = Fixture::new(10);
    fixture.user(1000);
    fixture.answer(known("ann"));
    let start = Instant::now();
    for _ in 0..100_000 {
        assert!(matches!(fixture.names.lookup_user(1000), Name::Known(_)));
    }
    // Not optimised, on a busy machine: only an accidental system call or lock would show.
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
}
