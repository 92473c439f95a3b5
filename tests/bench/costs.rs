//! What the daemon costs those who are watched: the same acts with nothing attached, with empty
//! programs on the same hooks, with the daemon, and last with auditd.
//!
//! Owns the alternation. In each round every situation gets its turn, in rotating order, so that
//! what drifts (clocks, other load) meets all of them; then least is held against least.

use anyhow::Result;

use crate::{
    Plan,
    acts::{self, Act},
    auditd::{self, Auditd},
    daemon::{Daemon, loss_note, sums_of},
    empty::Empty,
    finding::{Finding, found, skipped, step},
    samples::Samples,
};

pub const MEASURE: &str = "costs";
pub const AUDITD: &str = "auditd";

const OFF: &str = "off";
const EMPTY: &str = "empty programs";
const DAEMON: &str = "daemon";
const BESIDE: &str = "auditd, execve rule";

/// All but auditd; what was sampled goes on to that.
pub fn run(plan: &Plan) -> Result<(Vec<Act>, Samples)> {
    let acts = acts::all(plan.shallow())?;
    let mut samples = Samples::default();
    let mut lost = "nothing lost".to_owned();
    let mut recorded = 0;
    let situations = [OFF, EMPTY, DAEMON];
    for round in 0..plan.rounds {
        step(&format!("costs: round {} of {}", round + 1, plan.rounds));
        for turn in 0..situations.len() {
            match situations[(turn + round as usize) % situations.len()] {
                EMPTY => {
                    let _attached = Empty::attach()?;
                    samples.take(EMPTY, &acts, plan.slice)?;
                }
                DAEMON => {
                    let daemon = Daemon::start(&plan.daemon, plan.dir(), "")?;
                    samples.take(DAEMON, &acts, plan.slice)?;
                    let status = daemon.settled_status()?;
                    recorded += sums_of(&status).user.recorded;
                    if sums_of(&status).kernel.lost > 0 {
                        lost = loss_note(&status);
                    }
                    daemon.stop()?;
                }
                _ => samples.take(OFF, &acts, plan.slice)?,
            }
        }
    }
    for act in &acts {
        for situation in situations {
            if let Some(finding) = samples.finding((situation, act.name), (OFF, act.name)) {
                let note = if situation == DAEMON {
                    lost.clone()
                } else {
                    String::new()
                };
                found(&finding.note(note));
            }
        }
    }
    caller_cost(&acts, &samples, recorded);
    Ok((acts, samples))
}

/// What a recorded event costs who caused it: a failed exec is nothing but its record.
fn caller_cost(acts: &[Act], samples: &Samples, recorded: u64) {
    let Some(failed) = acts.last() else { return };
    if let Some(Finding {
        value,
        base: Some(base),
        ..
    }) = samples.finding((DAEMON, failed.name), (OFF, failed.name))
    {
        let finding = Finding::new(
            "a recorded event, cost to the caller",
            DAEMON,
            (value - base) / 1e3,
            "us",
        );
        found(&finding.note(format!(
            "{}; {recorded} events recorded in these rounds",
            failed.name
        )));
    }
}

/// The same acts with auditd, which was not there before: last of all.
pub fn run_auditd(plan: &Plan, mut before: Option<(Vec<Act>, Samples)>) -> Result<()> {
    if let Some(reason) = auditd::hindrance() {
        skipped("costs", BESIDE, &reason);
        return Ok(());
    }
    let (acts, samples) = match &mut before {
        Some(before) => before,
        None => {
            let acts = acts::all(plan.shallow())?;
            let mut samples = Samples::default();
            samples.take(OFF, &acts, plan.slice * plan.rounds)?;
            before.insert((acts, samples))
        }
    };
    let auditd = match Auditd::start() {
        Ok(auditd) => auditd,
        Err(error) => {
            skipped("costs", BESIDE, &format!("{error:#}"));
            return Ok(());
        }
    };
    step("costs: auditd with a rule on execve (last: it leaves its mark on tasks)");
    for _ in 0..plan.rounds {
        samples.take(BESIDE, acts, plan.slice)?;
    }
    drop(auditd);
    for act in acts {
        if let Some(finding) = samples.finding((BESIDE, act.name), (OFF, act.name)) {
            found(&finding);
        }
    }
    Ok(())
}
