//! The real daemon under real events: delay to durable, rates, sizes of real records.
//!
//! Owns the generators. A failed exec is the cheapest event that is a record of its own; it is what
//! makes rates that no machine forks at.

use std::{
    ffi::CString,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use audit_daemon::status::{StatusSnapshot, histogram::DelaySummary};

use crate::{
    Plan,
    acts::{self, denied_program},
    daemon::{Daemon, loss_note, sums_of},
    finding::{Finding, found, step},
};

pub const DELAY: &str = "delay";
pub const RATES: &str = "rates";

/// A generator wakes this often, and does what is due.
const BEAT: Duration = Duration::from_millis(1);
const RATES_PACED: [(u32, &str); 2] = [(1_000, "1k/s"), (10_000, "10k/s")];
/// Real programs a second: what a busy build host starts.
pub const EXECS_PACED: u32 = 200;
const OFFERED: u32 = 100_000;
const FLAT_OUT: [(usize, &str); 2] = [
    (1, "failed execs, one thread flat out"),
    (2, "failed execs, two threads flat out"),
];
/// Of fewer records the mean tells nothing.
const EXECS_TOLD_MIN: u64 = 500;
const HEAD_BYTES: usize = 512;
const FORK_RECORDS: &str = "events.fork.record = true\n";

/// Does `act` so often a second, as near as the machine can; returns how often.
pub fn paced(rate: u32, time: Duration, mut act: impl FnMut() -> Result<()>) -> Result<u64> {
    let began = Instant::now();
    let mut done = 0;
    loop {
        let elapsed = began.elapsed();
        if elapsed >= time {
            return Ok(done);
        }
        let due = (elapsed.as_secs_f64() * f64::from(rate)) as u64;
        while done < due {
            act()?;
            done += 1;
        }
        std::thread::sleep(BEAT);
    }
}

/// The delays of one lane.
fn delay_of(status: &StatusSnapshot, lane: &str) -> Result<DelaySummary> {
    let lane = status.lanes.iter().find(|state| state.lane == lane);
    Ok(lane.context("the status names no such lane")?.delay)
}

pub fn delays(plan: &Plan) -> Result<()> {
    let denied = denied_program(plan.dir())?;
    for (rate, name) in RATES_PACED {
        step(&format!("delay: failed execs at {name}"));
        let daemon = Daemon::start(&plan.daemon, plan.dir(), "")?;
        let done = paced(rate, plan.stretch * 2, || acts::fail_to_execute(&denied))?;
        let status = daemon.settled_status()?;
        daemon.stop()?;
        report_delay(&status, "bulk", &format!("{name}, failed execs"), done)?;
    }
    step("delay: programs that run");
    let daemon = Daemon::start(&plan.daemon, plan.dir(), "")?;
    let done = paced(EXECS_PACED, plan.stretch * 2, || {
        acts::fork_exec_wait(acts::TRUE)
    })?;
    let status = daemon.settled_status()?;
    daemon.stop()?;
    report_delay(
        &status,
        "critical",
        &format!("{EXECS_PACED}/s, /bin/true"),
        done,
    )
}

fn report_delay(status: &StatusSnapshot, lane: &str, case: &str, done: u64) -> Result<()> {
    let delay = delay_of(status, lane)?;
    let note = format!(
        "{done} acts; p90 {:.1} ms, most {:.1} ms; {}",
        delay.p90_us as f64 / 1e3,
        delay.max_us as f64 / 1e3,
        loss_note(status)
    );
    for (percentile, us) in [("p50", delay.p50_us), ("p99", delay.p99_us)] {
        let measure = format!("kernel to durable, {percentile}");
        found(&Finding::new(&measure, case, us as f64 / 1e3, "ms").note(note.clone()));
    }
    Ok(())
}

pub fn rates(plan: &Plan) -> Result<()> {
    let denied = denied_program(plan.dir())?;
    step("rates: failed execs, 100k/s offered");
    let pace = |denied: &CString| paced(OFFERED, plan.stretch, || acts::fail_to_execute(denied));
    flood(plan, "failed execs, 100k/s offered", "", || pace(&denied))?;
    for (threads, case) in FLAT_OUT {
        step(&format!("rates: {case}"));
        let flat_out = || as_many(plan.stretch, threads, &|| acts::fail_to_execute(&denied));
        flood(plan, case, "", flat_out)?;
    }
    step("rates: programs, from two threads");
    let programs = || as_many(plan.stretch, 2, &|| acts::fork_exec_wait(acts::TRUE));
    flood(
        plan,
        "fork+exec+exit of /bin/true, two threads",
        "",
        programs,
    )?;
    step("rates: forks, with fork records on");
    let forks = || as_many(plan.stretch, 2, &acts::fork_and_wait);
    flood(
        plan,
        "fork+exit, two threads, fork records on",
        FORK_RECORDS,
        forks,
    )
}

/// As often as so many threads can.
fn as_many(time: Duration, threads: usize, act: &(dyn Fn() -> Result<()> + Sync)) -> Result<u64> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let work = || {
            let mut done = 0;
            while !over.load(Ordering::Relaxed) {
                act()?;
                done += 1;
            }
            anyhow::Ok(done)
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        std::thread::sleep(time);
        over.store(true, Ordering::Relaxed);
        let mut sum = 0;
        for thread in threads {
            sum += thread.join().ok().context("a generator panicked")??;
        }
        Ok(sum)
    })
}

fn flood(
    plan: &Plan,
    case: &str,
    config: &str,
    generate: impl FnOnce() -> Result<u64>,
) -> Result<()> {
    let daemon = Daemon::start(&plan.daemon, plan.dir(), config)?;
    let (first, began) = (daemon.status()?, Instant::now());
    let done = generate()?;
    let took = began.elapsed().as_secs_f64();
    let status = daemon.settled_status()?;
    let log_dir = daemon.log_dir().to_owned();
    daemon.stop()?;
    let recorded = sums_of(&status).user.recorded - sums_of(&first).user.recorded;
    let rate = recorded as f64 / took;
    let note = format!(
        "{done} acts in {took:.1} s, {recorded} records; {}",
        loss_note(&status)
    );
    found(&Finding::new("real events to durable records", case, rate, "/s").note(note));
    let (mean, count) = mean_exec_bytes(&log_dir)?;
    if count >= EXECS_TOLD_MIN {
        let note = format!("{count} records");
        found(&Finding::new("size of an exec record", case, mean, "bytes").note(note));
    }
    std::fs::remove_dir_all(&log_dir)?;
    Ok(())
}

/// Mean bytes of the records of programs that did run, and how many these are.
fn mean_exec_bytes(log_dir: &Path) -> Result<(f64, u64)> {
    let (mut bytes, mut count) = (0, 0);
    for entry in std::fs::read_dir(log_dir)? {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "jsonl")
        {
            continue;
        }
        for line in std::fs::read(&path)?.split_inclusive(|byte| *byte == b'\n') {
            // Both stand in the first 300 bytes or so, before anything that a process says.
            let head = &line[..line.len().min(HEAD_BYTES)];
            let has = |needle: &[u8]| head.windows(needle.len()).any(|window| window == needle);
            if has(br#""event_code":"process.exec""#) && has(br#""status_id":1"#) {
                bytes += line.len();
                count += 1;
            }
        }
    }
    Ok((bytes as f64 / count.max(1) as f64, count))
}
