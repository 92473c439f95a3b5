//! The hooks as they are now: attached, missing, or silent by what the canary found.
//!
//! Owns nothing: outcomes are the kernel side's, faults the canary's.

use std::collections::BTreeMap;

use super::Report;
use crate::{
    canary::{Cause, Failed},
    hooks::{self, HOOKS, OutcomeState},
    status::{
        plural,
        snapshot::{HookState, HookStatus, Problem},
    },
};

impl Report {
    pub(super) fn hooks(&self) -> Vec<HookState> {
        let missed: BTreeMap<&str, u64> = self.attached.misses.by_program().collect();
        let counts = self.attached.misses.are_counted();
        let failed = self.shared.canary.board.state().failed;
        let is_blind = |hook: &str| {
            let mut of_hook = failed.iter().filter(|one| one.hook == hook);
            of_hook.any(|one| one.cause.is_blind())
        };
        self.attached
            .outcomes
            .iter()
            .map(|outcome| {
                let required = self.required.get(outcome.group).copied().unwrap_or(false);
                let event = outcome.hook.replace('_', " ");
                let required = required && !outcome.auxiliary;
                match &outcome.state {
                    OutcomeState::Missing { reason } => HookState {
                        event,
                        sees: reason.clone(),
                        required,
                        state: HookStatus::Missing,
                        ..HookState::default()
                    },
                    OutcomeState::Chosen {
                        mechanism,
                        at,
                        blind,
                        ..
                    } => HookState {
                        event,
                        mechanism: mechanism.name().into(),
                        at: at.join(", "),
                        sees: match &*hooks::unseen(blind) {
                            "" => "all".into(),
                            what => format!("all but {what}"),
                        },
                        required,
                        state: match is_blind(outcome.hook) {
                            true => HookStatus::Silent,
                            false => HookStatus::Attached,
                        },
                        missed: counts
                            .then(|| missed.get(program_of(outcome.hook, at)).copied())
                            .flatten(),
                    },
                }
            })
            .collect()
    }
}

/// What is said of a hook that is not in order.
pub(super) fn problem(failed: &Failed) -> Problem {
    let (hook, points) = (failed.hook.replace('_', " "), failed.points.len());
    let what = match failed.cause {
        Cause::Unproven => "the canary cannot act: whether hooks see is not known".to_owned(),
        cause => format!(
            "{hook} is {} at {}",
            cause.word(),
            plural(points as u64, "point")
        ),
    };
    Problem {
        what,
        do_next: "audit-daemon status --verbose".into(),
    }
}

fn program_of(hook: &str, at: &[String]) -> &'static str {
    HOOKS
        .iter()
        .filter(|row| row.name == hook)
        .flat_map(|row| row.candidates)
        .find(|candidate| {
            at.first()
                .is_some_and(|at| candidate.points.contains(&&**at))
        })
        .map_or("", |candidate| candidate.program)
}
