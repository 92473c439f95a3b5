//! The hook table: what is hooked for which events, by which candidates, in order of preference.
//!
//! Owns the choice of attach targets; nothing else names one. A candidate is tried by probing BTF
//! and tracefs and by an actual load; the first that works is attached. `check` prints the outcome.

mod blind;
mod table;

use audit_common::Kind;

pub use blind::{BlindSpot, Facts, Precision, SPOTS, Weight, knows_new_links, reconcile, unseen};
use table::RING_SUBMIT;
pub use table::{HOOKS, LOOPS_SINCE, OF_COMPAT, privilege::MODULE_NAME};

/// How a program is hooked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mechanism {
    /// A raw tracepoint with the kernel's types (tp_btf).
    RawTracepoint,
    /// A tracepoint through tracefs and perf, here of single system calls.
    Tracepoint,
    /// A function of the kernel, at its entry or exit (fentry, fexit).
    Trampoline,
}

impl Mechanism {
    pub const fn name(self) -> &'static str {
        match self {
            Mechanism::RawTracepoint => "raw tracepoint",
            Mechanism::Tracepoint => "tracepoint",
            Mechanism::Trampoline => "trampoline",
        }
    }
}

/// One way to hook.
pub struct Candidate {
    pub mechanism: Mechanism,
    /// Name of the program in the object.
    pub program: &'static str,
    /// Tracepoint names; with a category (`syscalls/…`) for [`Mechanism::Tracepoint`]. Of a
    /// [`Mechanism::Trampoline`] the names that one function has in different kernels.
    pub points: &'static [&'static str],
    /// First kernel that has it.
    pub since: (u32, u32),
    pub precision: Precision,
    /// Wherever it may be blind; what of it is so on this kernel, [`Facts`] tell.
    pub blind: &'static [BlindSpot],
    /// Only with `kernel.compat = true`: it costs every system call something.
    pub only_compat: bool,
    /// Only where the program of a raw tracepoint can be preempted ([`PREEMPTED_SINCE`]): it is then
    /// skipped for every other task on that CPU. That of a trace event cannot, but for those of
    /// system calls; only a call on a map that is preempted keeps it from running.
    pub never_skipped: bool,
    /// Attached there behind the program, to do what it did not do when it was skipped.
    pub twin: Option<&'static str>,
    /// Programs that notice there what this one did not see: only if all were skipped too, an event
    /// is lost without a trace.
    pub noticed_by: &'static [&'static str],
}

/// From this kernel on programs on raw tracepoints run with preemption on.
pub const PREEMPTED_SINCE: (u32, u32) = (7, 0);

/// One thing to hook.
pub struct HookRow {
    pub name: &'static str,
    /// The `[events.NAME]` of the config that it belongs to.
    pub group: &'static str,
    /// Kinds of events that it makes.
    pub kinds: &'static [Kind],
    /// Without it the group still works, and knows less.
    pub auxiliary: bool,
    pub candidates: &'static [Candidate],
}

/// Groups whose events are only recorded: the other ones also feed tables that give events their
/// meaning.
pub const ONLY_RECORDED: [&str; 3] = ["file", "network", "privilege"];

/// What became of one row on this kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    pub hook: &'static str,
    pub group: &'static str,
    pub auxiliary: bool,
    pub state: OutcomeState,
    /// Candidates that came before the chosen one, and why they were not taken.
    pub passed_over: Vec<(String, String)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutcomeState {
    Chosen {
        mechanism: Mechanism,
        at: Vec<String>,
        precision: Precision,
        /// Of the candidate's those that are so here.
        blind: Vec<BlindSpot>,
    },
    /// No candidate works.
    Missing { reason: String },
}

/// The table's row of this name.
pub fn row(name: &str) -> Option<&'static HookRow> {
    HOOKS.iter().find(|row| row.name == name)
}

/// The names of all functions that are hooked somewhere.
pub fn functions() -> impl Iterator<Item = &'static str> {
    let candidates = HOOKS.iter().flat_map(|row| row.candidates);
    let on_functions = candidates.filter(|c| c.mechanism == Mechanism::Trampoline);
    on_functions.flat_map(|c| c.points).copied()
}

/// What may be lost if the kernel skips this program and those that would notice; nothing with an
/// auxiliary one.
pub fn lost_with(program: &str) -> Option<(Kind, &'static [&'static str])> {
    HOOKS.iter().find_map(|row| {
        let candidate = row.candidates.iter().find(|c| c.program == program)?;
        Some((*row.kinds.first()?, candidate.noticed_by))
    })
}

/// The programs of a candidate.
impl Candidate {
    pub fn programs(&self, preempted: bool) -> impl Iterator<Item = &'static str> {
        let twin = self.twin.filter(|_| preempted);
        std::iter::once(self.program).chain(twin)
    }
}

impl HookRow {
    /// Does it look into io_uring's requests?
    pub fn is_of_rings(&self) -> bool {
        self.name.starts_with("ring_")
    }

    /// Does it look into sockets?
    pub fn is_of_sockets(&self) -> bool {
        self.group == "network"
    }

    /// The row of the same acts by all entries but that of 32-bit programs, if this is the one of those.
    pub fn beside(&self) -> Option<&'static str> {
        self.name.strip_suffix(OF_COMPAT)
    }

    /// Are there candidates on functions?
    pub fn has_functions(&self) -> bool {
        let on_function = |c: &Candidate| c.mechanism == Mechanism::Trampoline;
        self.candidates.iter().any(on_function)
    }
}

impl Outcome {
    /// Where it is attached.
    pub fn at(&self) -> &[String] {
        match &self.state {
            OutcomeState::Chosen { at, .. } => at,
            OutcomeState::Missing { .. } => &[],
        }
    }

    pub fn works(&self) -> bool {
        matches!(self.state, OutcomeState::Chosen { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use audit_common::KINDS;

    #[test]
    fn every_kind_has_exactly_one_row_in_its_own_group() {
        for kind in KINDS {
            let rows: Vec<_> = HOOKS
                .iter()
                .filter(|row| row.kinds.contains(&kind.kind))
                .collect();
            assert_eq!(rows.len(), 1, "{}", kind.name);
            assert_eq!(rows[0].group, kind.group, "{}", kind.name);
        }
    }

    #[test]
    fn groups_are_those_of_the_configuration() {
        let mut groups: Vec<&str> = HOOKS.iter().map(|row| row.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut events: Vec<&str> = Config::default().events.iter().map(|e| e.name).collect();
        events.sort_unstable();
        assert_eq!(groups, events);
    }

    #[test]
    fn names_are_unique_and_only_rows_of_the_32_bit_entry_need_the_setting() {
        for (i, row) in HOOKS.iter().enumerate() {
            assert!(
                HOOKS[..i].iter().all(|other| other.name != row.name),
                "{}",
                row.name
            );
            let only_compat = row.candidates.iter().all(|c| c.only_compat);
            assert_eq!(only_compat, row.beside().is_some(), "{}", row.name);
            let always = |c: &Candidate| !c.never_skipped;
            assert!(
                row.auxiliary || row.candidates.iter().any(always),
                "{}",
                row.name
            );
            for candidate in row.candidates {
                let with_category = candidate.mechanism == Mechanism::Tracepoint;
                for point in candidate.points {
                    assert_eq!(point.contains('/'), with_category, "{point}");
                }
            }
        }
    }
}
