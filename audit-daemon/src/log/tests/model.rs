//! The real log and a second, simpler one in lockstep.
//!
//! The model is two lists of lines: durable and waiting. Whatever is done to the log and however
//! the machine ends, the log must hold all durable lines that were not said to be removed, then
//! some beginning of the waiting ones, nothing else, in files that join; and it must not alarm.

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::Config;

use super::super::line::facts;
use super::super::names;
use super::sim::{Dice, Sim};
use super::{DIR, Log, SEGMENT, append, open};

#[derive(Debug, Clone)]
enum Action {
    Append {
        count: usize,
        bytes: usize,
    },
    Commit,
    CommitInPieces {
        bytes: usize,
    },
    CommitWithoutSpace {
        bytes: usize,
        cuts_fail: bool,
    },
    CommitSyncFails {
        times: usize,
    },
    Rotate,
    Cap {
        bytes: u64,
    },
    Close,
    Kill,
    PowerLoss {
        seed: u64,
    },
    /// The disk dies so many operations into what follows, and power is lost.
    PowerLossDuring {
        operations: usize,
        seed: u64,
    },
    /// As well in the middle of the next opening.
    PowerLossAtOpen {
        operations: usize,
        seed: u64,
    },
}

fn action() -> impl Strategy<Value = Action> {
    use Action::*;
    prop_oneof![
        8 => (1..12_usize, 120..1500_usize).prop_map(|(count, bytes)| Append { count, bytes }),
        6 => Just(Commit),
        1 => (1..700_usize).prop_map(|bytes| CommitInPieces { bytes }),
        2 => (0..6000_usize, any::<bool>())
            .prop_map(|(bytes, cuts_fail)| CommitWithoutSpace { bytes, cuts_fail }),
        2 => (1..3_usize).prop_map(|times| CommitSyncFails { times }),
        3 => Just(Rotate),
        2 => (0..30_000_u64).prop_map(|bytes| Cap { bytes }),
        1 => Just(Close),
        2 => Just(Kill),
        3 => any::<u64>().prop_map(|seed| PowerLoss { seed }),
        3 => (0..25_usize, any::<u64>())
            .prop_map(|(operations, seed)| PowerLossDuring { operations, seed }),
        2 => (0..25_usize, any::<u64>())
            .prop_map(|(operations, seed)| PowerLossAtOpen { operations, seed }),
    ]
}

struct Run {
    sim: Sim,
    log: Option<Log<Sim>>,
    durable: Vec<Vec<u8>>,
    waiting: Vec<Vec<u8>>,
    /// Removal was said for everything below.
    said_below: u64,
}

impl Run {
    fn new() -> Self {
        let sim = Sim::default();
        let (log, opened) = open(&sim);
        assert!(opened.created && opened.clean && opened.alarms.is_empty());
        Self {
            sim,
            log: Some(log),
            durable: vec![],
            waiting: vec![],
            said_below: 0,
        }
    }

    fn log(&mut self) -> &mut Log<Sim> {
        self.log.as_mut().unwrap()
    }

    fn commit(&mut self) -> bool {
        let committed = self.log().commit();
        if let Ok(durable) = committed {
            self.durable.append(&mut self.waiting);
            assert_eq!(durable, self.durable.len() as u64);
        }
        committed.is_ok()
    }

    fn rotate(&mut self) {
        if !self.commit() {
            return;
        }
        let Ok(sealed) = self.log().rotate() else {
            return;
        };
        assert_eq!(sealed.last + 1, self.durable.len() as u64);
        assert_eq!(sealed.records, sealed.last - sealed.first + 1);
        let whole = super::with_lf(&self.durable[sealed.first as usize..]);
        assert_eq!(sealed.size, whole.len() as u64);
        if let Some(sha256) = &sealed.sha256 {
            assert_eq!(*sha256, sha256_of(&whole));
        }
    }

    fn cap(&mut self, bytes: u64) {
        for planned in self.log().plan_cap(bytes) {
            assert!(
                self.log().delete(&planned).is_err(),
                "nothing is removed unsaid"
            );
            let lines = append(self.log(), 1, 200);
            self.waiting.extend(lines);
            // The record may become durable even if the commit fails.
            self.said_below = planned.segment.last + 1;
            if !self.commit() {
                return;
            }
            if self.log().delete(&planned).is_err() {
                return;
            }
        }
    }

    /// The process is gone; a new one opens the log.
    fn reopen(&mut self) {
        drop(self.log.take());
        let (log, opened) = open(&self.sim);
        assert_eq!(opened.alarms, [], "a crash is no corruption");
        let next = opened.next_sequence as usize;
        let kept = next
            .checked_sub(self.durable.len())
            .expect("a durable line is lost");
        assert!(kept <= self.waiting.len());
        self.durable.extend(self.waiting.drain(..kept));
        self.waiting.clear();
        self.log = Some(log);
        self.check();
    }

    /// The files hold what the model says.
    fn check(&self) {
        let mut expected = None;
        for (path, content) in self.sim.files() {
            let name = path.file_name().unwrap();
            let Some(first) =
                names::segment_first(name).filter(|_| path.parent() == Some(Path::new(DIR)))
            else {
                continue;
            };
            if expected.is_none() {
                assert!(
                    first <= self.said_below,
                    "{first}: something was removed unsaid"
                );
            }
            assert_eq!(*expected.get_or_insert(first), first, "segments join");
            let mut at = first;
            for line in content.split_inclusive(|&byte| byte == b'\n') {
                let line = line.strip_suffix(b"\n").expect("whole lines only");
                assert_eq!(facts(line).map(|facts| facts.sequence), Some(at));
                assert_eq!(line, self.durable[at as usize]);
                at += 1;
            }
            expected = Some(at);
        }
        assert_eq!(expected, Some(self.durable.len() as u64));
        let mut back = self.log.as_ref().unwrap().tail_lines_rev(u64::MAX);
        for line in self.durable.iter().rev().take(3.min(self.retained())) {
            assert_eq!(&back.next().unwrap().unwrap(), line);
        }
    }

    fn retained(&self) -> usize {
        let first = self
            .sim
            .files()
            .iter()
            .filter_map(|(path, _)| names::segment_first(path.file_name()?))
            .min();
        self.durable.len() - first.unwrap_or(0) as usize
    }

    fn step(&mut self, action: &Action) {
        match *action {
            Action::Append { count, bytes } => {
                let lines = append(self.log(), count, bytes);
                self.waiting.extend(lines);
            }
            Action::Commit => assert!(self.commit()),
            Action::CommitInPieces { bytes } => {
                self.sim
                    .fault(|faults| faults.write_bytes_max = Some(bytes));
                assert!(self.commit());
            }
            Action::CommitWithoutSpace { bytes, cuts_fail } => {
                let need = self
                    .waiting
                    .iter()
                    .map(|line| line.len() + 1)
                    .sum::<usize>();
                self.sim.fault(|faults| {
                    faults.space = Some(bytes);
                    faults.failing_cuts = cuts_fail;
                });
                let committed = self.commit();
                assert!(committed || need > bytes || cuts_fail);
                assert!(!committed || need <= bytes);
            }
            Action::CommitSyncFails { times } => {
                self.sim.fault(|faults| faults.failing_syncs = times);
                let nothing = self.waiting.is_empty();
                for _ in 0..times {
                    assert_eq!(self.commit(), nothing);
                }
            }
            Action::Rotate => self.rotate(),
            Action::Cap { bytes } => self.cap(bytes),
            Action::Close => {
                let log = self.log.take().unwrap();
                log.close().unwrap();
                self.durable.append(&mut self.waiting);
                self.reopen();
            }
            Action::Kill => self.reopen(),
            Action::PowerLoss { seed } => self.lose_power(seed),
            Action::PowerLossDuring { operations, seed } => {
                self.sim
                    .fault(|faults| faults.operations_left = Some(operations));
                self.rotate();
                self.cap(5_000);
                self.lose_power(seed);
            }
            Action::PowerLossAtOpen { operations, seed } => {
                drop(self.log.take());
                self.sim
                    .fault(|faults| faults.operations_left = Some(operations));
                let _ = Log::open_on(self.sim.clone(), Path::new(DIR), SEGMENT, false);
                self.lose_power(seed);
            }
        }
        self.sim.kill();
    }

    fn lose_power(&mut self, seed: u64) {
        drop(self.log.take());
        self.sim.lose_power(&mut Dice(seed));
        self.reopen();
    }
}

fn sha256_of(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

proptest! {
    #![proptest_config(Config { cases: 1000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn log_and_model_agree(actions in prop::collection::vec(action(), 1..60)) {
        let mut run = Run::new();
        for action in &actions {
            run.step(action);
        }
        assert!(run.commit());
        assert_eq!(run.log().take_alarms(), []);
        run.check();
        run.reopen();
    }
}
