//! The hook table: what is hooked for which events, by which candidates, in order of preference.
//!
//! Owns the choice of attach targets; nothing else names one. A candidate is tried by probing BTF
//! and tracefs and by an actual load; the first that works is attached. `check` prints the outcome.

use audit_common::Kind;

/// How a program is hooked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mechanism {
    /// A raw tracepoint with the kernel's types (tp_btf).
    RawTracepoint,
    /// A tracepoint through tracefs and perf, here of single system calls.
    Tracepoint,
}

impl Mechanism {
    pub const fn name(self) -> &'static str {
        match self {
            Mechanism::RawTracepoint => "raw tracepoint",
            Mechanism::Tracepoint => "tracepoint",
        }
    }
}

/// One way to hook.
pub struct Candidate {
    pub mechanism: Mechanism,
    /// Name of the program in the object.
    pub program: &'static str,
    /// Tracepoint names; with a category (`syscalls/…`) for [`Mechanism::Tracepoint`].
    pub points: &'static [&'static str],
    /// First kernel that has it.
    pub since: (u32, u32),
    /// What passes by, in words for an operator; empty: nothing.
    pub cannot_see: &'static str,
    /// Only with `kernel.compat = true`: it costs every system call something.
    pub only_compat: bool,
    /// Only where the program of a raw tracepoint can be preempted ([`PREEMPTED_SINCE`]): it is then
    /// skipped for every other task on that CPU. That of a trace event cannot, but for those of
    /// system calls.
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

const fn raw(
    program: &'static str,
    points: &'static [&'static str],
    since: (u32, u32),
) -> Candidate {
    Candidate {
        mechanism: Mechanism::RawTracepoint,
        program,
        points,
        since,
        cannot_see: "",
        only_compat: false,
        never_skipped: false,
        twin: None,
        noticed_by: &[],
    }
}

/// A trace event where [`raw`] may be skipped.
const fn traced(program: &'static str, points: &'static [&'static str]) -> Candidate {
    Candidate {
        mechanism: Mechanism::Tracepoint,
        program,
        points,
        since: PREEMPTED_SINCE,
        cannot_see: "",
        only_compat: false,
        never_skipped: true,
        twin: None,
        noticed_by: &[],
    }
}

/// Tracepoints of single system calls, of what else can be asked for by io_uring.
const fn calls(program: &'static str, points: &'static [&'static str]) -> Candidate {
    Candidate {
        mechanism: Mechanism::Tracepoint,
        program,
        points,
        since: (4, 7),
        cannot_see: OTHER_ENTRIES,
        only_compat: false,
        never_skipped: false,
        twin: None,
        noticed_by: &[],
    }
}

/// The same, with a twin where the program may be skipped.
const fn twinned(
    program: &'static str,
    twin: &'static str,
    noticed_by: &'static [&'static str],
    points: &'static [&'static str],
) -> Candidate {
    Candidate {
        twin: Some(twin),
        noticed_by,
        ..calls(program, points)
    }
}

/// From this kernel on tracepoints hand over io_uring's requests.
const RINGS_SINCE: (u32, u32) = (6, 0);
/// With this row the acts that are asked for by io_uring are seen.
const RING_SUBMIT: &str = "ring_submit";

const BY_32_BIT: &str = "32-bit programs";
const OTHER_ENTRIES: &str = "32-bit programs, io_uring";

#[rustfmt::skip]
pub const HOOKS: &[HookRow] = &[
    HookRow { name: "cgroup_created", group: "cgroup", kinds: &[Kind::CgroupCreated], auxiliary: false, candidates: &[
        raw("cgroup_created", &["cgroup_mkdir"], (5, 5)),
    ] },
    HookRow { name: "cgroup_removed", group: "cgroup", kinds: &[Kind::CgroupRemoved], auxiliary: false, candidates: &[
        raw("cgroup_removed", &["cgroup_rmdir"], (5, 5)),
    ] },
    HookRow { name: "exit", group: "exit", kinds: &[Kind::Exit], auxiliary: false, candidates: &[
        traced("exit_traced", &["sched/sched_process_exit"]),
        raw("exit", &["sched_process_exit"], (5, 5)),
    ] },
    HookRow { name: "fork", group: "fork", kinds: &[Kind::Fork], auxiliary: false, candidates: &[
        traced("fork_traced", &["task/task_newtask"]),
        raw("fork", &["sched_process_fork"], (5, 5)),
    ] },
    // Before `exec`, so that the first exec seen has its "before".
    HookRow { name: "exec_before", group: "exec", kinds: &[], auxiliary: true, candidates: &[
        Candidate {
            twin: Some("exec_before_prepare_again"),
            ..raw("exec_before_prepare", &["sched_prepare_exec"], (6, 10))
        },
        Candidate {
            mechanism: Mechanism::Tracepoint,
            program: "exec_before_enter",
            points: &["syscalls/sys_enter_execve", "syscalls/sys_enter_execveat"],
            since: (4, 7),
            cannot_see: "ids before the exec of 32-bit programs",
            only_compat: false,
            never_skipped: false,
            twin: None,
            noticed_by: &[],
        },
    ] },
    HookRow { name: "exec", group: "exec", kinds: &[Kind::Exec], auxiliary: false, candidates: &[
        traced("exec_traced", &["sched/sched_process_exec"]),
        raw("exec", &["sched_process_exec"], (5, 5)),
    ] },
    HookRow { name: "exec_failed", group: "exec_failed", kinds: &[Kind::ExecFailed], auxiliary: false, candidates: &[
        Candidate {
            only_compat: true,
            ..traced("exec_failed_traced", &["raw_syscalls/sys_exit"])
        },
        Candidate {
            mechanism: Mechanism::RawTracepoint,
            program: "exec_failed_raw",
            points: &["sys_exit"],
            since: (5, 5),
            cannot_see: "",
            only_compat: true,
            never_skipped: false,
            twin: None,
            noticed_by: &[],
        },
        Candidate {
            mechanism: Mechanism::Tracepoint,
            program: "exec_failed",
            points: &["syscalls/sys_exit_execve", "syscalls/sys_exit_execveat"],
            since: (4, 7),
            cannot_see: BY_32_BIT,
            only_compat: false,
            never_skipped: false,
            twin: Some("exec_failed_again"),
            noticed_by: &["exec_failed_again", "exec_before_enter"],
        },
    ] },
    HookRow { name: "file_act", group: "file", kinds: &[Kind::FileAct], auxiliary: false, candidates: &[
        twinned("file_acted", "file_acted_again", &["file_acted_again"], &[
            "syscalls/sys_exit_unlink", "syscalls/sys_exit_unlinkat", "syscalls/sys_exit_rmdir",
            "syscalls/sys_exit_rename", "syscalls/sys_exit_renameat", "syscalls/sys_exit_renameat2",
            "syscalls/sys_exit_link", "syscalls/sys_exit_linkat",
            "syscalls/sys_exit_symlink", "syscalls/sys_exit_symlinkat",
            "syscalls/sys_exit_mkdir", "syscalls/sys_exit_mkdirat",
            "syscalls/sys_exit_mknod", "syscalls/sys_exit_mknodat",
            "syscalls/sys_exit_truncate", "syscalls/sys_exit_ftruncate",
            "syscalls/sys_exit_chmod", "syscalls/sys_exit_fchmod",
            "syscalls/sys_exit_fchmodat", "syscalls/sys_exit_fchmodat2",
            "syscalls/sys_exit_chown", "syscalls/sys_exit_fchown",
            "syscalls/sys_exit_lchown", "syscalls/sys_exit_fchownat",
            "syscalls/sys_exit_setxattr", "syscalls/sys_exit_lsetxattr",
            "syscalls/sys_exit_fsetxattr", "syscalls/sys_exit_setxattrat",
            "syscalls/sys_exit_removexattr", "syscalls/sys_exit_lremovexattr",
            "syscalls/sys_exit_fremovexattr", "syscalls/sys_exit_removexattrat",
            "syscalls/sys_exit_utime", "syscalls/sys_exit_utimes",
            "syscalls/sys_exit_futimesat", "syscalls/sys_exit_utimensat",
            "syscalls/sys_exit_mount", "syscalls/sys_exit_umount",
            "syscalls/sys_exit_move_mount",
            "syscalls/sys_exit_open_tree", "syscalls/sys_exit_open_tree_attr",
            "syscalls/sys_exit_chroot", "syscalls/sys_exit_pivot_root",
        ]),
    ] },
    // Behind what counts the end of it.
    HookRow { name: "moving_begin", group: "file", kinds: &[], auxiliary: true, candidates: &[
        calls("moving_begins", &[
            "syscalls/sys_enter_rename", "syscalls/sys_enter_renameat", "syscalls/sys_enter_renameat2",
            "syscalls/sys_enter_mount", "syscalls/sys_enter_umount", "syscalls/sys_enter_move_mount",
            "syscalls/sys_enter_pivot_root",
        ]),
    ] },
    HookRow { name: "file_open", group: "file", kinds: &[Kind::FileOpen], auxiliary: false, candidates: &[
        twinned("file_opened", "file_opened_again", &["file_opened_again"], &[
            "syscalls/sys_exit_openat", "syscalls/sys_exit_open", "syscalls/sys_exit_openat2",
            "syscalls/sys_exit_creat", "syscalls/sys_exit_open_by_handle_at",
            "syscalls/sys_exit_open_tree",
        ]),
    ] },
    // The ends of requests before their beginnings.
    HookRow { name: "ring_end", group: "file", kinds: &[], auxiliary: true, candidates: &[
        traced("ring_completed_traced", &["io_uring/io_uring_complete"]),
        raw("ring_completed", &["io_uring_complete"], RINGS_SINCE),
    ] },
    HookRow { name: "ring_overflow", group: "file", kinds: &[], auxiliary: true, candidates: &[
        traced("ring_overflowed_traced", &["io_uring/io_uring_cqe_overflow"]),
        raw("ring_overflowed", &["io_uring_cqe_overflow"], RINGS_SINCE),
    ] },
    HookRow { name: "ring_cancel", group: "file", kinds: &[], auxiliary: true, candidates: &[
        traced("ring_cancelled_traced", &["io_uring/io_uring_fail_link"]),
        raw("ring_cancelled", &["io_uring_fail_link"], RINGS_SINCE),
    ] },
    HookRow { name: RING_SUBMIT, group: "file", kinds: &[], auxiliary: true, candidates: &[
        traced("ring_submitted_traced", &["io_uring/io_uring_submit_req"]),
        raw("ring_submitted", &["io_uring_submit_req"], (6, 4)),
        // The same thing by its older name.
        raw("ring_submitted", &["io_uring_submit_sqe"], RINGS_SINCE),
    ] },
    // Last: an entry that nobody answers is a loss, so the answers must be attached by then.
    HookRow { name: "exec_entered", group: "exec", kinds: &[], auxiliary: true, candidates: &[
        traced("exec_before_enter", &["syscalls/sys_enter_execve", "syscalls/sys_enter_execveat"]),
    ] },
];

/// Groups whose events are only recorded: the other ones also feed tables that give events their
/// meaning.
pub const ONLY_RECORDED: [&str; 1] = ["file"];

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
        cannot_see: &'static str,
    },
    /// No candidate works.
    Missing { reason: String },
}

/// The table's row of this name.
pub fn row(name: &str) -> Option<&'static HookRow> {
    HOOKS.iter().find(|row| row.name == name)
}

/// What may be lost if the kernel skips this program and those that would notice; nothing with an
/// auxiliary one.
pub fn lost_with(program: &str) -> Option<(Kind, &'static [&'static str])> {
    HOOKS.iter().find_map(|row| {
        let candidate = row.candidates.iter().find(|c| c.program == program)?;
        Some((*row.kinds.first()?, candidate.noticed_by))
    })
}

/// What is seen by one row is not what another one cannot see.
pub fn reconcile(outcomes: &mut [Outcome]) {
    let rings = |outcome: &Outcome| outcome.hook == RING_SUBMIT && outcome.works();
    if !outcomes.iter().any(rings) {
        return;
    }
    for outcome in outcomes {
        if let OutcomeState::Chosen { cannot_see, .. } = &mut outcome.state
            && *cannot_see == OTHER_ENTRIES
        {
            *cannot_see = BY_32_BIT;
        }
    }
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

    /// Is there anything to try for this request?
    pub fn needed(&self, preempted: bool) -> bool {
        preempted || self.candidates.iter().any(|c| !c.never_skipped)
    }
}

impl Outcome {
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
    fn names_are_unique_and_every_row_has_a_candidate_for_all_settings() {
        for (i, row) in HOOKS.iter().enumerate() {
            assert!(
                HOOKS[..i].iter().all(|other| other.name != row.name),
                "{}",
                row.name
            );
            assert!(
                row.candidates.iter().any(|c| !c.only_compat),
                "{}",
                row.name
            );
            assert!(row.auxiliary || row.needed(false), "{}", row.name);
            for candidate in row.candidates {
                let with_category = candidate.mechanism == Mechanism::Tracepoint;
                for point in candidate.points {
                    assert_eq!(point.contains('/'), with_category, "{point}");
                }
            }
        }
    }
}
