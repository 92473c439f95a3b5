//! Owns: the suites on other kernels, as many guests at once as there are CPUs, for each uses one.
//! Must not: boot a guest itself, or choose what is left out of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

use super::turns::in_turns;
use super::{Run, TEST_PACKAGE};
use crate::build::Executable;
use crate::process;
use crate::test::guests::{self, Echo, Guest, Order, Verdict};
use crate::test::libtest::Tally;
use crate::test::matrix::{self, Results};
use crate::test::plan::{self, MECHANISMS, Scope};
use crate::test::programs;
use crate::test::report::{Outcome, Row};
use crate::test::skips::{Place, Surroundings, series};
use crate::test::stored::{self, Kept, Store};
use crate::vm::{KNOWN_SERIES, TIER_SERIES};
use crate::workspace;

/// The tiers that also run in guests.
const GUEST_SUITES: &[&str] = &["kernel", "e2e"];
/// Of all kernels with all tests: hours of emulated CPUs, on demand only.
const ALL_BUDGET: Duration = Duration::from_secs(6 * 60 * 60);

/// Where configurations for guests are made.
fn results() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("kernels"))
}

/// What all guests of one run have in common.
struct Guests<'a> {
    kernels: &'a [&'a str],
    suites: &'a [&'static str],
    programs: &'a [Executable],
    scope: Scope<'a>,
    budget: Duration,
    /// Where what came out of guests is kept.
    results: &'a Path,
}

/// One guest, if there was one, and its rows.
type Came = (Option<Guest>, Vec<Row>);

impl Run<'_> {
    /// All guests, as many at once as there are CPUs: each uses one.
    pub(super) fn guests(&self) -> Result<Vec<Row>> {
        let chosen: Vec<&str> = self.options.kernels.iter().map(|name| &**name).collect();
        let kernels: &[&str] = match (self.options.all, chosen.is_empty()) {
            (true, true) => &KNOWN_SERIES,
            (true, false) => &chosen,
            (false, _) => &TIER_SERIES,
        };
        let scope = match (self.options.all, &self.options.filter) {
            (_, Some(name)) => Scope::Named(name),
            (true, None) => Scope::All,
            (false, None) => Scope::Usual,
        };
        let programs = self.suites(GUEST_SUITES)?;
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = cpus.min(kernels.len());
        let turns = kernels.len().div_ceil(at_once);
        let budget = match scope {
            Scope::All => ALL_BUDGET,
            _ => self.tier.budget(),
        };
        let results = results()?;
        let store = Store::of(workspace::root());
        // Before anything runs; and a source tree without its history is tested all the same.
        let commit = match scope {
            Scope::All => Some(stored::commit(workspace::root())?),
            _ => None,
        };
        let mut rows = self.side_by_side(
            &Guests {
                kernels,
                suites: GUEST_SUITES,
                programs: &programs,
                scope,
                budget: budget / u32::try_from(turns).unwrap_or(1),
                results: &results,
            },
            at_once,
            |kernel, guest| {
                let Some(commit) = commit.clone() else {
                    return Ok(());
                };
                let guest = guest.clone();
                store.keep(kernel, &Kept { commit, guest })
            },
        );
        if chosen.is_empty() && scope != Scope::All {
            let filter = self.options.filter.as_deref();
            rows.extend(self.for_few(filter, &programs, cpus));
        }
        if scope == Scope::All {
            self.write_matrix(&store)?;
        }
        Ok(rows)
    }

    /// One suite in a guest with the newest kernel, where this machine's own is of no use.
    pub(super) fn suite_in_guest(&self, suite: &'static str, budget: Duration) -> Result<Vec<Row>> {
        let suites = [suite];
        let programs = self.suites(&suites)?;
        let scope = match &self.options.filter {
            Some(name) => Scope::Named(name),
            None => Scope::Usual,
        };
        let newest = &TIER_SERIES[TIER_SERIES.len() - 1..];
        let guests = Guests {
            kernels: newest,
            suites: &suites,
            programs: &programs,
            scope,
            budget,
            results: &results()?,
        };
        Ok(self.side_by_side(&guests, 1, |_, _| Ok(())))
    }

    /// The test programs of these suites.
    fn suites(&self, suites: &[&str]) -> Result<Vec<Executable>> {
        let targets = suites.iter().flat_map(|suite| ["--test", suite]);
        let what: Vec<&str> = ["--package", TEST_PACKAGE]
            .into_iter()
            .chain(targets)
            .collect();
        self.build(&what)
    }

    /// So many at once, each next one as soon as another has ended. `keep` is given each as it ends.
    fn side_by_side(
        &self,
        guests: &Guests<'_>,
        at_once: usize,
        keep: impl Fn(&str, &Guest) -> Result<()> + Sync,
    ) -> Vec<Row> {
        let kernels = guests.kernels;
        let how = match kernels {
            [_] => Echo::Live,
            _ => Echo::Afterwards,
        };
        process::step(format!(
            "{}: Linux {}",
            self.tier.name,
            kernels.join(" and ")
        ));
        let came = in_turns(kernels, at_once, |kernel| {
            let (guest, mut rows) = self.guest(kernel, guests, how);
            if let Some(Err(error)) = guest.map(|guest| keep(kernel, &guest)) {
                rows.push(self.broken(&self.named(kernel), &error));
            }
            rows
        });
        let rows = kernels.iter().zip(came);
        rows.flat_map(|(kernel, rows)| rows.unwrap_or_else(|| self.panicked(&self.named(kernel))))
            .collect()
    }

    pub(super) fn panicked(&self, name: &str) -> Vec<Row> {
        vec![self.broken(name, &anyhow::anyhow!("its runner panicked"))]
    }

    /// The suites' tests on another kernel.
    fn guest(&self, kernel: &str, guests: &Guests<'_>, echo: Echo) -> Came {
        let order = Order {
            kernel,
            arguments: None,
            parts: plan::parts(kernel, guests.suites, guests.scope),
            programs: guests.programs,
            daemon: self.daemon,
            time_limit: guests.budget,
            echo,
            loads_in: (guests.scope == Scope::All).then_some(guests.results),
        };
        match guests::run(&order) {
            Err(error) => (None, vec![self.broken(&self.named(kernel), &error)]),
            Ok(Verdict::NotAvailable(reason)) => {
                (None, vec![self.skipped(&self.named(kernel), &reason)])
            }
            Ok(Verdict::Ran(guest)) => {
                let row = |mechanism: &&str| self.of_mechanism(kernel, mechanism, guests, &guest);
                let mut rows: Vec<Row> = MECHANISMS.iter().filter_map(row).collect();
                if let (Scope::Usual, Some(last)) = (guests.scope, rows.last_mut()) {
                    let runs =
                        |mechanism: &str| order.parts.iter().any(|p| p.mechanism == mechanism);
                    let others = MECHANISMS.into_iter().filter(|mechanism| !runs(mechanism));
                    last.left_out
                        .extend(others.map(|other| format!("{other}: all of it")));
                }
                (Some(guest), rows)
            }
        }
    }

    /// Writes docs/KERNELS.md of what is kept of each kernel.
    fn write_matrix(&self, store: &Store) -> Result<()> {
        let (mut guests, mut missing) = (Vec::new(), Vec::new());
        for kernel in KNOWN_SERIES {
            match store.get(kernel)? {
                Some(kept) => guests.push((kernel.to_owned(), kept)),
                None => missing.push(kernel),
            }
        }
        if !missing.is_empty() {
            println!("not run yet: --all --kernel {}", missing.join(","));
        }
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
        let text = matrix::document(&Results {
            guests: &guests,
            missing: &missing,
            skips: &self.options.skips,
            differences: &self.options.differences,
            here: (
                release.trim().to_owned(),
                programs::here(self.daemon, &results()?, &series(&release))?,
            ),
        });
        let file = workspace::root().join(matrix::FILE);
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        println!("written: {}", file.display());
        Ok(())
    }

    fn named(&self, kernel: &str) -> String {
        format!("{} {kernel}", self.tier.name)
    }

    /// All parts of a guest with one mechanism; `None`: there are none.
    fn of_mechanism(
        &self,
        kernel: &str,
        mechanism: &str,
        guests: &Guests<'_>,
        guest: &Guest,
    ) -> Option<Row> {
        let (mut tally, mut problems) = (Tally::default(), Vec::new());
        let (mut took, mut parts) = (Duration::ZERO, Vec::new());
        for run in guest
            .parts
            .iter()
            .filter(|run| run.part.mechanism == mechanism)
        {
            let surroundings = Surroundings {
                tiers: vec![&run.part.suite],
                place: Place::Vm,
                kernel: kernel.to_owned(),
                mechanism: Some(mechanism.to_owned()),
            };
            problems.extend(run.problems.iter().cloned());
            problems.extend(self.options.skips.problems(&run.tally, &surroundings));
            problems.extend(self.options.differences.problems(&run.tally, &surroundings));
            tally.add(run.tally.clone());
            took += run.took;
            parts.push(run.part.clone());
        }
        let left_out = match guests.scope {
            Scope::Usual => plan::left_out(guests.suites, mechanism, &parts),
            _ => Vec::new(),
        };
        (!parts.is_empty()).then(|| Row {
            name: format!("{} {mechanism}", self.named(kernel)),
            outcome: Outcome::Ran { tally, problems },
            took,
            budget: guests.budget,
            left_out,
        })
    }
}
