//! Owns: THE table of test tiers.
//! Must not: run any.

use std::time::Duration;

use crate::setup::Group;

pub struct Tier {
    pub name: &'static str,
    pub budget_minutes: u64,
    pub by_default: bool,
    /// Beside `Group::Build`.
    pub groups: &'static [Group],
    /// `kernel.mechanism`s to run it with once more where it runs at all.
    pub mechanisms: &'static [&'static str],
    pub work: Work,
}

pub enum Work {
    /// Unit tests of every package, as the user.
    Units,
    /// One test program of the test package, as the user.
    Program,
    /// The same, as root; on a machine that refuses eBPF in a guest that does not.
    RootProgram,
    /// The suites of those two on each kernel of the vm tier.
    Guests,
    Fuzz,
}

/// The budgets add up to less than the 90 minutes that a run of everything may take.
pub const TIERS: &[Tier] = &[
    Tier {
        name: "unit",
        budget_minutes: 5,
        by_default: true,
        groups: &[],
        mechanisms: &[],
        work: Work::Units,
    },
    Tier {
        name: "golden",
        budget_minutes: 2,
        by_default: true,
        groups: &[Group::Ocsf],
        mechanisms: &[],
        work: Work::Program,
    },
    Tier {
        name: "kernel",
        budget_minutes: 6,
        by_default: true,
        groups: &[Group::Ocsf, Group::Programs],
        mechanisms: &["tracepoint"],
        work: Work::RootProgram,
    },
    Tier {
        name: "e2e",
        budget_minutes: 8,
        by_default: true,
        groups: &[Group::Ocsf, Group::Containers],
        mechanisms: &[],
        work: Work::RootProgram,
    },
    Tier {
        name: "vm",
        budget_minutes: 35,
        by_default: true,
        groups: &[Group::Vm],
        mechanisms: &[],
        work: Work::Guests,
    },
    Tier {
        name: "fuzz",
        budget_minutes: 15,
        by_default: false,
        groups: &[Group::Fuzz],
        mechanisms: &[],
        work: Work::Fuzz,
    },
];

impl Tier {
    /// For one run of it.
    pub fn budget(&self) -> Duration {
        Duration::from_secs(self.budget_minutes * 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budgets_fit_into_a_run_of_ninety_minutes_with_building() {
        let minutes: u64 = TIERS
            .iter()
            .filter(|tier| tier.by_default)
            .map(|tier| tier.budget_minutes * (1 + tier.mechanisms.len() as u64))
            .sum();
        assert!(minutes <= 80, "{minutes}");
    }
}
