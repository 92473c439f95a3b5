//! Owns: the suites on other kernels, as many guests at once as there are CPUs, for each uses one.
//! Must not: boot a guest itself, or judge what its tests came to.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Run, TEST_PACKAGE};
use crate::build::Executable;
use crate::process;
use crate::test::guests::{self, Echo};
use crate::test::report::Row;
use crate::test::skips::{Place, Surroundings};
use crate::test::tier_run::TierRun;
use crate::vm::TIER_SERIES;

/// The tiers that also run in guests.
const GUEST_SUITES: &[&str] = &["kernel", "e2e"];
/// How often it is said that guests still run.
const SAID_EVERY: Duration = Duration::from_secs(60);

/// Waits for so many guests to end, and says from time to time that they run.
fn wait_for(guests: usize, ended: &Receiver<()>) {
    let (started, mut left) = (Instant::now(), guests);
    while left > 0 {
        match ended.recv_timeout(SAID_EVERY) {
            Ok(()) => left -= 1,
            Err(RecvTimeoutError::Timeout) => {
                let minutes = started.elapsed().as_secs() / 60;
                println!("… {left} of {guests} guests still running, {minutes} min");
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

impl Run<'_> {
    /// The suites' tests on another kernel.
    fn guest(
        &self,
        kernel: &str,
        suites: &[&'static str],
        programs: &[Executable],
        budget: Duration,
        how: Echo,
    ) -> Row {
        let name = format!("{} {kernel}", self.tier.name);
        let run = || -> Result<Row> {
            let filter = self.options.filter.as_deref();
            let mut run = TierRun::start(budget);
            match guests::run(kernel, programs, self.daemon, filter, budget, how)? {
                guests::Verdict::NotAvailable(reason) => return Ok(self.skipped(&name, &reason)),
                guests::Verdict::Ran { tally, problems } => {
                    (run.tally, run.problems) = (tally, problems);
                }
            }
            let surroundings = Surroundings {
                tiers: suites.to_vec(),
                place: Place::Vm,
                kernel: kernel.to_owned(),
            };
            Ok(Row {
                budget,
                ..self.row(name.clone(), run, &surroundings)
            })
        };
        run().unwrap_or_else(|error| self.broken(&name, &error))
    }

    /// All guests, as many at once as there are CPUs: each uses one.
    pub(super) fn guests(&self) -> Result<Vec<Row>> {
        let programs = self.suites(GUEST_SUITES)?;
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = cpus.min(TIER_SERIES.len());
        let turns = TIER_SERIES.len().div_ceil(at_once);
        let budget = self.tier.budget() / u32::try_from(turns).unwrap_or(1);
        let rows = TIER_SERIES
            .chunks(at_once)
            .flat_map(|kernels| self.side_by_side(kernels, GUEST_SUITES, &programs, budget));
        let mut rows: Vec<Row> = rows.collect();
        rows.extend(self.restricted(&programs));
        Ok(rows)
    }

    /// The test programs of these suites.
    pub(super) fn suites(&self, suites: &[&str]) -> Result<Vec<Executable>> {
        let targets = suites.iter().flat_map(|suite| ["--test", suite]);
        let what: Vec<&str> = ["--package", TEST_PACKAGE]
            .into_iter()
            .chain(targets)
            .collect();
        self.build(&what)
    }

    pub(super) fn side_by_side(
        &self,
        kernels: &[&str],
        suites: &[&'static str],
        programs: &[Executable],
        budget: Duration,
    ) -> Vec<Row> {
        let how = match kernels {
            [_] => Echo::Live,
            _ => Echo::Afterwards,
        };
        process::step(format!(
            "{}: Linux {}",
            self.tier.name,
            kernels.join(" and ")
        ));
        std::thread::scope(|scope| {
            let (done, waiting) = sync_channel::<()>(kernels.len());
            let guests: Vec<_> = kernels
                .iter()
                .map(|kernel| {
                    let done = done.clone();
                    let guest = scope.spawn(move || {
                        let row = self.guest(kernel, suites, programs, budget, how);
                        let _ = done.send(());
                        row
                    });
                    (kernel, guest)
                })
                .collect();
            wait_for(kernels.len(), &waiting);
            let rows = guests.into_iter().map(|(kernel, guest)| {
                let name = format!("{} {kernel}", self.tier.name);
                let panicked = |_| self.broken(&name, &anyhow::anyhow!("its runner panicked"));
                guest.join().unwrap_or_else(panicked)
            });
            rows.collect()
        })
    }
}
