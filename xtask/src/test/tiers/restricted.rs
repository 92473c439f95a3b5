//! Owns: guests whose kernels were started with restrictions, and what has to be shown there.
//! Must not: run anything but the tests of restrictions: all else is for kernels as they come.

use std::time::Duration;

use anyhow::{Result, bail};

use super::Run;
use crate::build::Executable;
use crate::process;
use crate::test::guests::{self, Echo, Order, Verdict};
use crate::test::plan::Part;
use crate::test::report::{Outcome, Row};
use crate::test::skips::{Place, Surroundings};

/// The tests, by part of their names.
pub(super) const TESTS: &str = "restricted::";
const SUITE: &str = "e2e";
/// What the daemon chooses by itself.
const MECHANISM: &str = "auto";
/// A start of a guest and a dozen of daemons.
const BUDGET: Duration = Duration::from_secs(240);

/// A kernel, more of its command line, and the tests that are there for it: these must not skip.
const GUESTS: [(&str, &str, &[&str]); 2] = [
    (
        "6.12",
        "lockdown=confidentiality",
        &["lockdown_of_confidentiality_is_named_with_the_way_out"],
    ),
    (
        "6.12",
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
    /// One guest after the other: each is short.
    pub(super) fn restricted(&self, programs: &[Executable]) -> Vec<Row> {
        let row = |(kernel, arguments, shown): &(&str, &str, &[&str])| {
            let name = format!("{} {kernel} {arguments}", self.tier.name);
            process::step(&name);
            self.restricted_guest(&name, (kernel, arguments), shown, programs)
                .unwrap_or_else(|error| self.broken(&name, &error))
        };
        GUESTS.iter().map(row).collect()
    }

    fn restricted_guest(
        &self,
        name: &str,
        (kernel, arguments): (&str, &str),
        shown: &[&str],
        programs: &[Executable],
    ) -> Result<Row> {
        let order = Order {
            kernel,
            arguments: Some(arguments),
            parts: vec![Part {
                suite: SUITE.to_owned(),
                mechanism: MECHANISM.to_owned(),
                only: vec![TESTS.to_owned()],
                without: Vec::new(),
            }],
            programs,
            daemon: self.daemon,
            time_limit: BUDGET,
            echo: Echo::Live,
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
            kernel: kernel.to_owned(),
            mechanism: None,
        };
        let mut problems = run.problems;
        problems.extend(self.options.skips.problems(&run.tally, &surroundings));
        for test in shown {
            let test = format!("{TESTS}{test}");
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
