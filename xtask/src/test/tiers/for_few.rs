//! Owns: guests that are booted for a few tests: kernels that were started with restrictions, and those between
//! the oldest and the newest, whose verifiers have to accept all programs.
//! Must not: run anything but those tests there.

use std::time::Duration;

use anyhow::{Result, bail};

use super::Run;
use super::turns::in_turns;
use crate::build::Executable;
use crate::process;
use crate::test::guests::{self, Echo, Order, Verdict};
use crate::test::plan::Part;
use crate::test::report::{Outcome, Row};
use crate::test::skips::{Place, Surroundings};

const SUITE: &str = "e2e";
/// What the daemon chooses by itself.
const MECHANISM: &str = "auto";
/// A start of a guest and a dozen of daemons: two minutes, where the machine does not do something else.
const BUDGET: Duration = Duration::from_secs(480);

/// What one guest is for.
struct Few {
    kernel: &'static str,
    /// More of its command line.
    arguments: Option<&'static str>,
    module: &'static str,
    /// These must not skip.
    shown: &'static [&'static str],
}

const fn accepted(kernel: &'static str) -> Few {
    Few {
        kernel,
        arguments: None,
        module: "accepted::",
        shown: &["every_program_is_accepted_with_each_way_to_hook"],
    }
}

const fn restricted(arguments: &'static str, shown: &'static [&'static str]) -> Few {
    Few {
        kernel: "6.12",
        arguments: Some(arguments),
        module: "restricted::",
        shown,
    }
}

impl Few {
    fn name(&self, tier: &str) -> String {
        let what = self
            .arguments
            .unwrap_or_else(|| self.module.trim_end_matches("::"));
        format!("{tier} {} {what}", self.kernel)
    }
}

const GUESTS: [Few; 6] = [
    accepted("6.1"),
    accepted("6.12"),
    accepted("6.18"),
    accepted("7.2"),
    restricted(
        "lockdown=confidentiality",
        &["lockdown_of_confidentiality_is_named_with_the_way_out"],
    ),
    restricted(
        "lsm=lockdown,capability ia32_emulation=0",
        &[
            "without_bpf_among_the_security_modules_and_with_hidden_symbols_all_is_seen",
            "calls_of_32_bits_that_the_kernel_refuses_are_no_blind_spot",
            "rings_that_nobody_can_make_are_no_blind_spot",
            "without_tracefs_it_is_said_which_hooks_are_lost_and_why",
            "without_tracefs_a_required_event_refuses_the_start_with_that_reason",
        ],
    ),
];

impl Run<'_> {
    /// So many guests at once. `filter`: only where tests whose names begin so are run.
    pub(super) fn for_few(
        &self,
        filter: Option<&str>,
        programs: &[Executable],
        at_once: usize,
    ) -> Vec<Row> {
        let wanted = |few: &&Few| filter.is_none_or(|filter| filter.starts_with(few.module));
        let guests: Vec<&Few> = GUESTS.iter().filter(wanted).collect();
        let names = guests.iter().map(|few| few.name(self.tier.name));
        let names: Vec<String> = names.collect();
        if !names.is_empty() {
            process::step(names.join(", "));
        }
        let all: Vec<_> = guests.into_iter().zip(&names).collect();
        let came = in_turns(&all, at_once, |(few, name)| {
            self.guest_for_few(name, few, programs)
                .unwrap_or_else(|error| self.broken(name, &error))
        });
        let rows = names.iter().zip(came);
        rows.flat_map(|(name, row)| row.map_or_else(|| self.panicked(name), |row| vec![row]))
            .collect()
    }

    fn guest_for_few(&self, name: &str, few: &Few, programs: &[Executable]) -> Result<Row> {
        let order = Order {
            kernel: few.kernel,
            arguments: few.arguments,
            parts: vec![Part {
                suite: SUITE.to_owned(),
                mechanism: MECHANISM.to_owned(),
                only: vec![few.module.to_owned()],
            }],
            programs,
            daemon: self.daemon,
            time_limit: BUDGET,
            echo: Echo::Afterwards,
            loads_in: None,
        };
        let guest = match guests::run(&order)? {
            Verdict::NotAvailable(reason) => return Ok(self.skipped(name, &reason)),
            Verdict::Ran(guest) => guest,
        };
        let Some(run) = guest.parts.into_iter().next() else {
            bail!("the guest ran nothing");
        };
        let surroundings = Surroundings {
            tiers: vec![SUITE],
            place: Place::Vm,
            kernel: few.kernel.to_owned(),
            mechanism: None,
        };
        let mut problems = run.problems;
        problems.extend(self.options.skips.problems(&run.tally, &surroundings));
        for test in few.shown {
            let test = format!("{}{test}", few.module);
            if !run.tally.passed_names.contains(&test) {
                problems.push(format!("{test} did not pass, which this guest is for"));
            }
        }
        Ok(Row {
            name: name.to_owned(),
            outcome: Outcome::Ran {
                tally: run.tally,
                problems,
            },
            took: run.took,
            budget: BUDGET,
            left_out: Vec::new(),
        })
    }
}
