//! What the two ways of hooking cost those who are watched: system calls' tracepoints beside functions of
//! the kernel, the same daemon and the same acts, in one run.
//!
//! Owns the situations. The same alternation as in `costs`. On an emulated processor that counts
//! instructions (`cargo xtask vm --icount`) a nanosecond is an instruction, and nothing jitters.

use std::{ffi::CString, os::unix::ffi::OsStrExt, path::Path, time::Duration};

use anyhow::Result;

use crate::{
    Plan,
    acts::{self, Act, OPENS, file_at_depth, opening},
    daemon::{Daemon, sums_of},
    finding::{Finding, found, skipped, step},
    names::by_absolute_path,
    samples::Samples,
};

pub const MEASURE: &str = "mechanisms";

const OFF: &str = "off";
const CALLS: &str = "tracepoints";
const FUNCTIONS: &str = "functions";
const SITUATIONS: [&str; 3] = [OFF, CALLS, FUNCTIONS];

const WATCHED: &str = "recorded open+close";
/// At most so many go to the daemon at once, and a pause behind them: nothing must be lost.
const TO_DAEMON: u32 = 200;
const REST: Duration = Duration::from_millis(20);

pub fn run(plan: &Plan) -> Result<()> {
    let watched = plan.shallow().join("watched");
    std::fs::create_dir_all(&watched)?;
    let acts = all(plan.shallow(), &watched)?;
    let mut samples = Samples::default();
    let mut lost = 0;
    for round in 0..plan.rounds {
        for turn in 0..SITUATIONS.len() {
            let situation = SITUATIONS[(turn + round as usize) % SITUATIONS.len()];
            step(&format!("mechanisms: round {}: {situation}", round + 1));
            if situation == OFF {
                samples.take(OFF, &acts, plan.slice)?;
                continue;
            }
            let config = config(situation, &watched);
            let daemon = Daemon::start(&plan.daemon, plan.dir(), &config)?;
            let status = daemon.status()?;
            let opens = status.hooks.iter().find(|hook| hook.event == "file open");
            let inside = opens.is_some_and(|hook| hook.mechanism == "trampoline");
            if (situation == FUNCTIONS) != inside {
                skipped(
                    MEASURE,
                    situation,
                    "this kernel lets no program on its functions",
                );
                return daemon.stop();
            }
            daemon.calm()?;
            samples.take(situation, &acts, plan.slice)?;
            lost += sums_of(&daemon.settled_status()?).lost();
            daemon.stop()?;
        }
    }
    for act in &acts {
        for situation in SITUATIONS {
            if let Some(finding) = samples.finding((situation, act.name), (OFF, act.name)) {
                found(&finding.note(format!("{lost} events lost")));
            }
        }
        if let Some(finding) = samples.finding((FUNCTIONS, act.name), (CALLS, act.name)) {
            let finding = Finding {
                case: "functions beside tracepoints".to_owned(),
                ..finding
            };
            found(&finding.note("`off` is here tracepoints"));
        }
    }
    Ok(())
}

fn all(dir: &Path, watched: &Path) -> Result<Vec<Act>> {
    let mut all = acts::all(dir)?;
    let file = watched.join("file");
    std::fs::write(&file, b"x")?;
    let file = CString::new(file.as_os_str().as_bytes())?;
    let named = by_absolute_path(&dir.join("made-and-removed"))?;
    all.push(Act::new("unwatched unlink+create", OPENS / 5, 1, named).resting(REST));
    // To write, for equal opens to read are folded.
    let open = opening(&file, libc::O_WRONLY);
    all.push(Act::new(WATCHED, TO_DAEMON, 1, open).resting(REST));
    all.push(Act::new(
        "open+close to write, unwatched",
        TO_DAEMON,
        1,
        opening(&file_at_depth(dir, 5)?, libc::O_WRONLY),
    ));
    Ok(all)
}

fn config(situation: &str, watched: &Path) -> String {
    let mechanism = match situation {
        FUNCTIONS => "trampoline",
        // What this kernel would get if it had no functions to hook.
        _ if audit_tests::kernel_version() >= audit_daemon::hooks::PREEMPTED_SINCE => "tracepoint",
        _ => "raw-tracepoint",
    };
    format!(
        "kernel.mechanism = \"{mechanism}\"\n[[watch]]\nname = \"bench\"\n\
         paths = [\"{}/**\"]\noperations = [\"read\", \"write\"]\n",
        watched.display()
    )
}
