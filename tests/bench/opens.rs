//! Many watched opens: at a rate that must come through whole, and at more than anything can take.
//!
//! Owns the opening threads, each with its own files, and the comparison of what they did with what
//! the log says. A loss is a figure; a difference that no loss explains is an error.

use std::{
    collections::BTreeMap,
    ffi::CString,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    Plan,
    acts::{fork_exec_wait, open_and_close},
    daemon::Daemon,
    finding::{Finding, found, step},
    ledger::Ledger,
    live::{EXECS_PACED, paced},
};

pub const MEASURE: &str = "opens";

const RATE: &str = "watched opens to durable records";
/// A little above 50,000, so that these are reached with every beginning and end.
const OFFERED: u32 = 51_000;
const THREADS: u32 = 4;
/// Where few CPUs open and record, the openers cannot outrun the daemon: this is overload anywhere.
const SMALL_RING: &str = "kernel.ring_bulk = \"1 MiB\"\n";
/// Each thread opens them in turn: a record that is missing and one too many do not hide each other.
const FILES: usize = 64;

pub fn run(plan: &Plan) -> Result<()> {
    held(plan)?;
    flood(plan, "as fast as four threads can", "")?;
    let lost = flood(plan, "the same, a ring of 1 MiB", SMALL_RING)?;
    ensure!(lost > 0, "even a small ring did not overflow: no overload");
    Ok(())
}

/// Rate held: every open is recorded, and once.
fn held(plan: &Plan) -> Result<()> {
    step("opens: 50k/s from four threads");
    let places = Places::make(plan.shallow())?;
    let turns = places.turns()?;
    let daemon = Daemon::start(&plan.daemon, plan.dir(), &places.config())?;
    let began = Instant::now();
    let opened = from_threads(turns, |turns| {
        paced(OFFERED / THREADS, plan.stretch, || turns.open_next()).map(drop)
    })?;
    let took = began.elapsed();
    let ledger = ended(daemon)?;
    let outcome = Outcome::of(&opened, &ledger)?;
    let case = "50k/s held, four threads";
    outcome.report(case, took);
    let share = outcome.recorded as f64 / outcome.done as f64 * 100.0;
    found(&Finding::new(
        "watched opens recorded once each",
        case,
        share,
        "%",
    ));
    let bytes = ledger.bytes_of_an_open();
    found(&Finding::new(
        "size of a file record",
        "an open",
        bytes,
        "bytes",
    ));
    Ok(())
}

/// As fast as it goes, and programs started meanwhile; returns how many opens were lost.
fn flood(plan: &Plan, case: &str, config: &str) -> Result<u64> {
    step(&format!("opens: {case}, and programs meanwhile"));
    let places = Places::make(plan.shallow())?;
    let (program, turns) = (places.program()?, places.turns()?);
    let daemon = Daemon::start(
        &plan.daemon,
        plan.dir(),
        &(config.to_owned() + &places.config()),
    )?;
    let (began, over) = (Instant::now(), AtomicBool::new(false));
    let (opened, execs) = std::thread::scope(|scope| {
        let opening = scope.spawn(|| {
            from_threads(turns, |turns| {
                while !over.load(Ordering::Relaxed) {
                    turns.open_next()?;
                }
                Ok(())
            })
        });
        // Those that are late are not made up for: there is little time for them beside a flood.
        let mut execs = 0;
        let programs = paced(EXECS_PACED, plan.stretch, || {
            if began.elapsed() < plan.stretch {
                fork_exec_wait(&program)?;
                execs += 1;
            }
            Ok(())
        });
        over.store(true, Ordering::Relaxed);
        let opened = opening.join().ok().context("an opener panicked")??;
        programs.map(|_| (opened, execs))
    })?;
    let took = began.elapsed();
    let ledger = ended(daemon)?;
    let outcome = Outcome::of(&opened, &ledger)?;
    let lost = ledger.lost("critical");
    let recorded = ledger.execs(program.to_str()?);
    ensure!(
        recorded <= execs && (lost > 0 || recorded == execs),
        "{execs} programs ran, {recorded} are recorded, and the critical lane lost {lost}"
    );
    outcome.report(case, took);
    let share = recorded as f64 / execs as f64 * 100.0;
    let note = format!("{execs} programs; the critical lane lost {lost}");
    found(
        &Finding::new(
            "programs recorded beside a flood of opens",
            case,
            share,
            "%",
        )
        .note(note),
    );
    Ok(outcome.lost)
}

/// Stops the daemon, and reads its whole log, which must add up.
fn ended(daemon: Daemon) -> Result<Ledger> {
    let log_dir = daemon.log_dir().to_owned();
    daemon.stop()?;
    let ledger = Ledger::read(&log_dir)?;
    // Hundreds of megabytes that nobody reads any more.
    std::fs::remove_dir_all(&log_dir)?;
    let differences = ledger.differences();
    ensure!(differences.is_empty(), "{}", differences.join("; "));
    Ok(ledger)
}

/// By path: how often it was opened.
type Opened = BTreeMap<String, u64>;

/// What was done, and what the log says of it.
#[derive(Debug, PartialEq)]
struct Outcome {
    done: u64,
    recorded: u64,
    lost: u64,
}

impl Outcome {
    /// Fails if a file has more records than opens, or more are missing than the log says.
    fn of(opened: &Opened, ledger: &Ledger) -> Result<Outcome> {
        let (mut done, mut recorded) = (0, 0);
        for (path, opens) in opened {
            let records = ledger.opens(path);
            ensure!(
                records <= *opens,
                "{path} was opened {opens} times, and {records} times in the log"
            );
            done += opens;
            recorded += records;
        }
        let lost = ledger.lost("bulk");
        ensure!(
            done - recorded <= lost,
            "{done} opens, {recorded} recorded, and only {lost} told as lost"
        );
        Ok(Outcome {
            done,
            recorded,
            lost,
        })
    }

    fn report(&self, case: &str, took: Duration) {
        let Outcome {
            done,
            recorded,
            lost,
        } = self;
        let took = took.as_secs_f64();
        let loss = match lost {
            0 => "nothing lost".to_owned(),
            lost => format!("the bulk lane lost {lost}, and said so"),
        };
        let note = format!(
            "{done} opens in {took:.1} s ({:.0}/s), {recorded} recorded, none twice; {loss}; the \
             sums of both lanes are exact",
            *done as f64 / took
        );
        found(&Finding::new(RATE, case, *recorded as f64 / took, "/s").note(note));
    }
}

/// A watched directory with the files of each thread.
struct Places {
    dir: tempfile::TempDir,
    watched: PathBuf,
}

impl Places {
    fn make(root: &Path) -> Result<Places> {
        let dir = tempfile::Builder::new()
            .prefix("o")
            .tempdir_in(root.canonicalize()?)?;
        let watched = dir.path().join("watched");
        std::fs::create_dir(&watched)?;
        Ok(Places { dir, watched })
    }

    /// To write: that is never folded.
    fn config(&self) -> String {
        format!(
            "volume.process_rate = 0\n[[watch]]\nname = \"opens\"\npaths = [{:?}]\n\
             operations = [\"write\"]\n",
            self.watched.join("**")
        )
    }

    /// `true` under a path that nobody else runs.
    fn program(&self) -> Result<CString> {
        let path = self.dir.path().join("true");
        std::fs::copy("/bin/true", &path)?;
        Ok(CString::new(path.into_os_string().into_encoded_bytes())?)
    }

    /// For each thread its files.
    fn turns(&self) -> Result<Vec<Turns>> {
        (0..THREADS)
            .map(|thread| Turns::make(&self.watched, thread))
            .collect()
    }
}

/// Lets each thread do its work with files of its own; what was opened how often.
fn from_threads(
    turns: Vec<Turns>,
    work: impl Fn(&mut Turns) -> Result<()> + Sync,
) -> Result<Opened> {
    std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = turns
            .into_iter()
            .map(|mut turns| scope.spawn(move || work(&mut turns).map(|()| turns)))
            .collect();
        let mut opened = Opened::new();
        for thread in threads {
            let turns = thread.join().ok().context("an opener panicked")??;
            for (file, times) in turns.files {
                opened.insert(file.into_string()?, times);
            }
        }
        Ok(opened)
    })
}

/// Files of one thread, and how often each was opened.
struct Turns {
    files: Vec<(CString, u64)>,
    at: usize,
}

impl Turns {
    fn make(dir: &Path, thread: u32) -> Result<Turns> {
        let file = |number| {
            let path = dir.join(format!("{thread}-{number}"));
            std::fs::write(&path, b"x")?;
            Ok((CString::new(path.into_os_string().into_encoded_bytes())?, 0))
        };
        let files = (0..FILES).map(file).collect::<Result<_>>()?;
        Ok(Turns { files, at: 0 })
    }

    fn open_next(&mut self) -> Result<()> {
        let (file, times) = &mut self.files[self.at];
        open_and_close(file, libc::O_WRONLY)?;
        *times += 1;
        self.at = (self.at + 1) % FILES;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_opens_its_own_files_in_turn() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::make(dir.path()).unwrap();
        let times = FILES as u64 + 1;
        let turns = places.turns().unwrap();
        let work = |turns: &mut Turns| (0..times).try_for_each(|_| turns.open_next());
        let opened = from_threads(turns, work).unwrap();
        assert_eq!(opened.len(), FILES * THREADS as usize);
        assert_eq!(opened.values().sum::<u64>(), times * u64::from(THREADS));
        let first = places.watched.join("2-0");
        assert_eq!(opened[first.to_str().unwrap()], 2);
    }

    #[test]
    fn only_told_losses_explain_what_is_missing() {
        let opened = |times| Opened::from([("/a".to_owned(), times)]);
        let ledger = Ledger::of_opens("/a", 3, 2);
        let outcome = Outcome::of(&opened(5), &ledger).unwrap();
        assert_eq!((outcome.done, outcome.recorded, outcome.lost), (5, 3, 2));
        assert!(Outcome::of(&opened(6), &ledger).is_err());
        assert!(Outcome::of(&opened(2), &ledger).is_err());
    }

    #[test]
    fn the_watch_is_a_configuration_and_the_program_runs() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places::make(dir.path()).unwrap();
        let file = dir.path().join("config.toml");
        std::fs::write(&file, places.config()).unwrap();
        let watches = audit_daemon::config::load(Some(&file))
            .unwrap()
            .config
            .watch;
        assert_eq!(watches[0].operations.len(), 1);
        assert!(Path::new(watches[0].paths[0].trim_end_matches("/**")).is_dir());
        fork_exec_wait(&places.program().unwrap()).unwrap();
    }
}
