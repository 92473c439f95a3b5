//! What watches cost those who touch nothing watched, and what a recorded open costs who opens.
//!
//! Owns the situations (so many watches) and the directories that are watched in them. The same
//! alternation as in `costs`: each round gives every situation its turn, in rotating order.

use std::{
    ffi::CString,
    fmt::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Result, ensure};
use audit_daemon::status::StatusSnapshot;

use crate::{
    Plan,
    acts::{Act, OPENS, file_at_depth, opening, sample_in_turn},
    daemon::{Daemon, sums_of},
    empty::Empty,
    finding::{Finding, found, skipped, step},
    names::{below_descriptor, by_absolute_path},
    samples::Samples,
};

pub const MEASURE: &str = "watches";

enum With {
    Nothing,
    EmptyPrograms,
    /// The daemon with so many watches; `None` is its built-in set.
    Daemon(Option<usize>),
}

const OFF: &str = "off";
const ONE: &str = "daemon, 1 watch";
const MOST: &str = "daemon, 10,000 watches";
const SITUATIONS: [(&str, With); 6] = [
    (OFF, With::Nothing),
    ("empty programs", With::EmptyPrograms),
    ("daemon, built-in set", With::Daemon(None)),
    (ONE, With::Daemon(Some(1))),
    ("daemon, 100 watches", With::Daemon(Some(100))),
    (MOST, With::Daemon(Some(WATCHES_MAX))),
];
/// As many as a configuration may have.
const WATCHES_MAX: usize = 10_000;

/// A file system in memory, nearly everywhere.
const MEMORY: &str = "/dev/shm";

const SHALLOW: &str = "unwatched open+close, depth 5";
const DEEP: &str = "unwatched open+close, depth 20";
const WATCHED: &str = "open+close to write, depth 5, watched";
const UNWATCHED: &str = "open+close to write, depth 5, unwatched";

/// Events in one sample that go to the daemon, and the pause behind it: at most 50,000 a second, or
/// the ring overflows and what is lost costs less than what is not.
const TO_DAEMON: u32 = 200;
const REST: Duration = Duration::from_millis(4);

pub fn run(plan: &Plan) -> Result<()> {
    let places = Places::make(plan.shallow(), WATCHES_MAX)?;
    let acts = places.acts()?;
    let pair = places.pair()?;
    // Or the first round waits for the disk with what was just made.
    nix::unistd::sync();
    let (mut samples, mut tally) = (Samples::default(), Tally::default());
    for round in 0..plan.rounds {
        for turn in 0..SITUATIONS.len() {
            let (situation, with) = &SITUATIONS[(turn + round as usize) % SITUATIONS.len()];
            let (now, of) = (round + 1, plan.rounds);
            step(&format!("watches: round {now} of {of}: {situation}"));
            let _empty;
            match with {
                With::Daemon(watches) => {
                    let config = watches.map_or(String::new(), |count| places.config(count));
                    let daemon = Daemon::start(&plan.daemon, plan.dir(), &config)?;
                    tally.found(situation, daemon.calm()?);
                    samples.take(situation, &acts, plan.slice)?;
                    tally.add(&daemon.settled_status()?);
                    if *situation == ONE {
                        recorded(plan, &daemon, &pair, &mut samples, &mut tally)?;
                    }
                    daemon.stop()?;
                    continue;
                }
                With::EmptyPrograms => _empty = Empty::attach()?,
                With::Nothing => {}
            }
            samples.take(situation, &acts, plan.slice)?;
        }
    }
    report(&acts, &samples, &tally);
    report_recorded(&samples, &tally);
    report_start(&tally);
    Ok(())
}

/// What the daemons of all rounds said.
#[derive(Default)]
struct Tally {
    lost: u64,
    /// Let through by the kernel, and decided by the daemon: nobody watches it.
    left_out: u64,
    /// Opens of the watched file, and what the daemons recorded meanwhile.
    opens: u64,
    recorded: u64,
    lost_of_opens: u64,
    /// Least processor time until the paths of the most watches were found.
    most_found: Option<Duration>,
    /// Daemons that did not come to rest: something changes on the way to their paths.
    restless: u64,
}

impl Tally {
    fn found(&mut self, situation: &str, calm: Option<Duration>) {
        match calm {
            None => self.restless += 1,
            Some(took) if situation == MOST => {
                self.most_found = Some(self.most_found.map_or(took, |least| least.min(took)));
            }
            Some(_) => {}
        }
    }

    fn add(&mut self, status: &StatusSnapshot) {
        let sums = sums_of(status);
        self.lost += sums.lost();
        self.left_out += sums.user.left_out.values().sum::<u64>();
    }

    fn loss_note(&self) -> String {
        match self.lost {
            0 => "nothing lost".to_owned(),
            lost => format!("{lost} events lost, and said so in the log"),
        }
    }
}

/// A watched file and its unwatched like, in turn, while one daemon runs.
fn recorded(
    plan: &Plan,
    daemon: &Daemon,
    pair: &[Act; 2],
    samples: &mut Samples,
    tally: &mut Tally,
) -> Result<()> {
    let before = sums_of(&daemon.status()?);
    let [watched, unwatched] = sample_in_turn([&pair[0], &pair[1]], plan.slice)?;
    let opens = watched.len() as u64 * u64::from(TO_DAEMON);
    samples.add((ONE, WATCHED), watched);
    samples.add((ONE, UNWATCHED), unwatched);
    let after = sums_of(&daemon.settled_status()?);
    let records = after.user.recorded - before.user.recorded;
    let lost = after.lost() - before.lost();
    ensure!(
        records + lost >= opens,
        "{opens} watched opens, but {records} records and {lost} lost"
    );
    tally.opens += opens;
    tally.recorded += records;
    tally.lost_of_opens += lost;
    Ok(())
}

fn report(acts: &[Act], samples: &Samples, tally: &Tally) {
    for act in acts {
        for (situation, with) in &SITUATIONS {
            let (key, base) = ((*situation, act.name), (OFF, act.name));
            let Some(finding) = samples.finding(key, base) else {
                continue;
            };
            let mut note = span_note(samples, key, base);
            if matches!(with, With::Daemon(_)) {
                let _ = write!(
                    note,
                    "; {}, {} events decided by the daemons of all rounds",
                    tally.loss_note(),
                    tally.left_out
                );
            }
            found(&finding.note(note));
        }
    }
    for act in [SHALLOW, DEEP] {
        let (key, base) = ((MOST, act), (ONE, act));
        if let Some(finding) = samples.finding(key, base) {
            let case = "10,000 watches beside 1".to_owned();
            let note = format!("`off` is here 1 watch; {}", span_note(samples, key, base));
            found(&Finding { case, ..finding }.note(note));
        }
    }
}

fn report_recorded(samples: &Samples, tally: &Tally) {
    let (key, base) = ((ONE, WATCHED), (ONE, UNWATCHED));
    let Some(finding) = samples.finding(key, base) else {
        return;
    };
    let note = format!(
        "`off` is here the unwatched file, same daemon; {}; {} opens, {} records, {} lost meanwhile",
        span_note(samples, key, base),
        tally.opens,
        tally.recorded,
        tally.lost_of_opens
    );
    let cost = (finding.value - finding.base.unwrap_or(f64::NAN)) / 1e3;
    found(&finding.note(note));
    found(&Finding::new(
        "a recorded open, cost to the caller",
        ONE,
        cost,
        "us",
    ));
}

fn report_start(tally: &Tally) {
    let measure = "processor time until all is found";
    let note = match tally.restless {
        0 => "every daemon came to rest before the acts were sampled".to_owned(),
        restless => format!(
            "{restless} daemons never rested, for something changed on the way to their paths: \
             medians and spans hold that"
        ),
    };
    match tally.most_found {
        Some(took) => found(&Finding::new(measure, MOST, took.as_secs_f64(), "s").note(note)),
        None => skipped(measure, MOST, &note),
    }
}

fn span_note(samples: &Samples, key: crate::samples::Key, base: crate::samples::Key) -> String {
    match samples.span(key, base).filter(|_| key != base) {
        Some((low, high)) => format!("single rounds {low:.2}× to {high:.2}×"),
        None => String::new(),
    }
}

/// Directories to be watched, each with one file in it, and others beside them.
struct Places {
    root: PathBuf,
    /// For names that come and go: in memory, or the disk's journal, which the daemon's log keeps busy
    /// too, would be most of the figure.
    names: tempfile::TempDir,
}

impl Places {
    fn make(root: &Path, watches: usize) -> Result<Places> {
        let memory = Path::new(MEMORY);
        let beside = if memory.is_dir() { memory } else { root };
        let places = Places {
            root: root.canonicalize()?,
            names: tempfile::Builder::new()
                .prefix("bench")
                .tempdir_in(beside)?,
        };
        for number in 0..watches {
            let dir = places.watched_dir(number);
            std::fs::create_dir_all(&dir)?;
            std::fs::write(dir.join("f"), b"x")?;
        }
        Ok(places)
    }

    fn watched_dir(&self, number: usize) -> PathBuf {
        self.root.join("w").join(format!("{number:05}"))
    }

    /// Every other one is of a whole directory, those between of the file in it: for all that changes
    /// something, as if left out. So short because a configuration has at most 1 MiB.
    fn config(&self, watches: usize) -> String {
        let mut text = String::new();
        for number in 0..watches {
            let below = if number % 2 == 0 { "**" } else { "f" };
            let path = self.watched_dir(number).join(below);
            // Writing to a string does not fail.
            let _ = write!(
                text,
                "[[watch]]\nname = \"w{number}\"\npaths = [{path:?}]\n"
            );
        }
        text
    }

    fn acts(&self) -> Result<Vec<Act>> {
        let opened =
            |levels| anyhow::Ok(opening(&file_at_depth(&self.root, levels)?, libc::O_RDONLY));
        let dir = self.names.path();
        let absolute = by_absolute_path(&dir.join("absolute"))?;
        let plain = below_descriptor(dir, c"plain")?;
        let act = |name, once| Act::new(name, TO_DAEMON, 1, once).resting(REST);
        Ok(vec![
            Act::new(SHALLOW, OPENS, 1, opened(5)?),
            Act::new(DEEP, OPENS, 1, opened(20)?),
            act("unwatched unlink+create, absolute path", absolute),
            act(
                "unwatched unlink+create, plain name below a descriptor",
                plain,
            ),
        ])
    }

    /// To write, for that is never folded; both as deep, and both directories alike.
    fn pair(&self) -> Result<[Act; 2]> {
        let unwatched = self.root.join("v").join("00000");
        std::fs::create_dir_all(&unwatched)?;
        let act = |name, file: CString| {
            let once = opening(&file, libc::O_WRONLY);
            Act::new(name, TO_DAEMON, 1, once).resting(REST)
        };
        Ok([
            act(WATCHED, file_at_depth(&self.watched_dir(0), 5)?),
            act(UNWATCHED, file_at_depth(&unwatched, 5)?),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(watches: usize) -> (tempfile::TempDir, Places) {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::make(dir.path(), watches).unwrap();
        (dir, places)
    }

    #[test]
    fn as_many_watches_as_asked_for_of_what_is_there() {
        let (dir, places) = places(3);
        let file = dir.path().join("config.toml");
        std::fs::write(&file, places.config(3)).unwrap();
        let watches = audit_daemon::config::load(Some(&file))
            .unwrap()
            .config
            .watch;
        let root = places.root.display();
        let paths: Vec<&str> = watches.iter().map(|watch| &*watch.paths[0]).collect();
        assert_eq!(
            paths,
            [
                format!("{root}/w/00000/**"),
                format!("{root}/w/00001/f"),
                format!("{root}/w/00002/**")
            ]
        );
        assert!(Path::new(paths[1]).is_file());
        assert!(
            watches[2]
                .operations
                .contains(&audit_daemon::config::Operation::Write)
        );
    }

    #[test]
    fn the_most_watches_are_a_configuration() {
        let (dir, places) = places(0);
        let file = dir.path().join("config.toml");
        std::fs::write(&file, places.config(WATCHES_MAX)).unwrap();
        let loaded = audit_daemon::config::load(Some(&file)).unwrap();
        assert_eq!(loaded.config.watch.len(), WATCHES_MAX);
    }

    #[test]
    fn the_least_time_to_rest_counts_and_restless_daemons_are_told() {
        let mut tally = Tally::default();
        let seconds = |n| Some(Duration::from_secs(n));
        for (situation, calm) in [
            (MOST, seconds(9)),
            (ONE, seconds(1)),
            (MOST, seconds(8)),
            (ONE, None),
        ] {
            tally.found(situation, calm);
        }
        assert_eq!((tally.most_found, tally.restless), (seconds(8), 1));
    }

    #[test]
    fn every_act_can_be_done_and_only_one_of_the_pair_is_below_a_watch() {
        let (_dir, places) = places(1);
        let pair = places.pair().unwrap();
        let all = places.acts().unwrap();
        for act in all.iter().chain(&pair) {
            assert!(act.sample(Duration::ZERO).unwrap()[0] > 0.0);
        }
        let below = |name: &str| std::fs::read_dir(places.root.join(name)).unwrap().count();
        assert_eq!((below("w"), below("v")), (1, 1));
        assert_eq!(places.names.path().read_dir().unwrap().count(), 0);
    }
}
