//! Memory of the daemon: idle, with a full process table, and over a time of steady work.
//!
//! Owns what counts as its memory: its resident set, and beside that the maps and rings that it has
//! in the kernel. 50,000 processes are made up, for few machines could run them: the real stages
//! take their events in a process of its own ([`hold`]), whose peak is read.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use audit_daemon::enrich::boot_ns;

use crate::{
    Plan,
    acts::{self, denied_program},
    daemon::{Daemon, loss_note, memory_bytes},
    finding::{Finding, found, step},
    live::paced,
    stages::{self, Filling, Stages},
    wire::Stream,
};

pub const MEMORY: &str = "memory";
pub const SOAK: &str = "soak";
/// The word that makes this program the child of [`run`].
pub const HOLD: &str = "hold-processes";

const PROCESSES: u64 = 50_000;
const MIB: f64 = (1 << 20) as f64;
/// Ended processes are remembered for 30 s: until then the table still fills.
const SOAK_WARM: Duration = Duration::from_secs(40);
const SOAK_FAILED: u32 = 1_000;
const SOAK_LOOK: Duration = Duration::from_millis(500);

pub fn run(plan: &Plan) -> Result<()> {
    step("memory: idle");
    let daemon = Daemon::start(&plan.daemon, plan.dir(), "")?;
    std::thread::sleep(Duration::from_secs(2));
    let status = daemon.status()?;
    let peak = daemon.memory_bytes("VmHWM")? as f64 / MIB;
    let now = daemon.memory_bytes("VmRSS")? as f64 / MIB;
    daemon.stop()?;
    let kernel = (status.memory.maps_bytes + status.memory.rings_bytes) as f64 / MIB;
    let entries = status.processes.entries;
    let note = format!("now {now:.1} MiB, {entries} processes known");
    found(&Finding::new("peak memory", "idle", peak, "MiB").note(note));
    found(&Finding::new(
        "maps and rings in the kernel",
        "idle",
        kernel,
        "MiB",
    ));
    step("memory: 50,000 processes");
    let output = Command::new(std::env::current_exe()?)
        .arg(HOLD)
        .args([plan.dir()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(
        output.status.success(),
        "the process that holds them ended with {}",
        output.status
    );
    let said = String::from_utf8_lossy(&output.stdout);
    let (before, after) = said
        .trim()
        .split_once(' ')
        .context("it did not print two numbers")?;
    let grown = (after.parse::<u64>()? as f64 - before.parse::<u64>()? as f64) / MIB;
    let case = "50,000 processes";
    let note = format!(
        "idle now, and {grown:.1} MiB that the real stages grew by in a process of their own"
    );
    let held = now + grown;
    found(&Finding::new("resident memory", case, held, "MiB").note(note));
    found(&Finding::new(
        "peak memory with maps and rings",
        case,
        peak.max(held) + kernel,
        "MiB",
    ));
    Ok(())
}

/// In the child: takes the processes in, and prints its memory before, and its peak.
pub fn hold(dir: &std::path::Path) -> Result<()> {
    let loaded = stages::defaults(dir)?;
    let running = Stages::start(&loaded, dir)?;
    let before = memory_bytes(std::process::id(), "VmRSS")?;
    let (mut stream, mut filling) = (Stream::new(boot_ns()), Filling::default());
    for _ in 0..PROCESSES {
        filling.entries(|bytes, entry_ends| stream.stay(bytes, entry_ends));
        if filling.is_full() {
            running.pass_on(&mut filling)?;
            // As a source that drains, not as one that floods.
            running.wait_taken();
        }
    }
    running.end(&mut filling)?;
    println!("{before} {}", memory_bytes(std::process::id(), "VmHWM")?);
    Ok(())
}

pub fn soak(plan: &Plan) -> Result<()> {
    step(&format!("soak: {:?} of steady work", plan.soak));
    let denied = denied_program(plan.dir())?;
    let daemon = Daemon::start(&plan.daemon, plan.dir(), "")?;
    let began = Instant::now();
    let warm = SOAK_WARM.min(plan.soak * 2 / 3);
    let (mut early, mut late) = (0, 0);
    let (mut looked, mut turn) = (began, 0_u32);
    paced(SOAK_FAILED, plan.soak, || {
        turn += 1;
        if turn.is_multiple_of(10) {
            acts::fork_exec_wait(acts::TRUE)?;
        }
        if looked.elapsed() >= SOAK_LOOK {
            looked = Instant::now();
            let now = daemon.memory_bytes("VmRSS")?;
            let most = if began.elapsed() < warm {
                &mut early
            } else {
                &mut late
            };
            *most = now.max(*most);
        }
        acts::fail_to_execute(&denied)
    })?;
    let status = daemon.settled_status()?;
    daemon.stop()?;
    let case = format!("{} s at {SOAK_FAILED}/s", plan.soak.as_secs());
    let note = format!(
        "most {:.1} MiB before {} s, {:.1} MiB after; {}",
        early as f64 / MIB,
        warm.as_secs(),
        late as f64 / MIB,
        loss_note(&status)
    );
    let growth = (late as f64 - early as f64) / MIB;
    found(&Finding::new("growth of memory", &case, growth, "MiB").note(note));
    Ok(())
}
