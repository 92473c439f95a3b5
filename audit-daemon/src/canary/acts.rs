//! THE table of acts: by which harmless act it is seen that a hook still sees, and how it comes back.
//!
//! Owns the acts, both their doing (in the canary's child) and what proves them. Must not know how a
//! hook is attached: an act belongs to a row of the hook table, and by its name to a point of it.
//!
//! What cannot be done harmlessly is done so that it fails: the hook sees that as well.

mod files;
mod privileges;
mod sockets;

use std::net::Ipv4Addr;

use super::scene::{Done, Scene};
use crate::{config::Ignored, network::ignored};

/// How an act comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Forked,
    /// By the first exec of the child.
    Executed,
    /// As what an exec tells of before it: of the child's first, or its second one.
    Before(usize),
    Ended,
    /// Failed to execute the act's file.
    ExecFailed,
    Opened,
    /// An open by handle of the act's file.
    ByHandle,
    /// This call of `file_act`.
    Acted(u32),
    /// By io_uring.
    Ring,
    CgroupMade,
    CgroupGone,
    /// This call of `net`, with its mark.
    Socket(u32, Mark),
    /// This system call, refused or a change of ids.
    Called(i64),
    /// The same, with what was before it.
    Remembered(i64),
    /// A signal that came to the daemon.
    Signalled,
}

/// How acts on sockets are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Of either side.
    Port(u16),
    Errno(i32),
    Protocol(u32),
}

/// Without what an act is seen and not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Nothing,
    /// One of `audit_common::privilege::group` that is looked at.
    Group(u32),
    /// An address that no rule leaves out.
    Address(Ipv4Addr),
}

/// What the configuration has told.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// Bits of `audit_common::privilege::group`.
    pub groups: u32,
    pub ignored: Vec<Ignored>,
}

impl Told {
    fn has(&self, needs: Needs) -> bool {
        match needs {
            Needs::Nothing => true,
            Needs::Group(group) => self.groups & group != 0,
            Needs::Address(address) => !ignored::may_hold(&self.ignored, address.into()),
        }
    }
}

/// By whom an act is done.
#[derive(Clone, Copy)]
pub enum Doing {
    /// By being the child: made, executed, ended.
    Being,
    /// By executing itself once more, through execveat.
    Again,
    Scene(fn(&Scene) -> Done),
}

#[derive(Clone, Copy)]
pub struct Act {
    pub hook: &'static str,
    /// Of a system call that has a hook of its own: the call's.
    pub name: &'static str,
    pub answer: Answer,
    pub doing: Doing,
    /// It goes through its row only where that hooks single calls: else it has a row of its own, or is
    /// more work than the rest.
    pub only_by_call: bool,
    pub needs: Needs,
}

const TABLES: [&[Act]; 3] = [files::ACTS, sockets::ACTS, privileges::ACTS];
const COUNT: usize = TABLES[0].len() + TABLES[1].len() + TABLES[2].len();

pub static ACTS: [Act; COUNT] = {
    let mut all = [files::ACTS[0]; COUNT];
    let (mut table, mut at, mut end) = (0, 0, 0);
    while table < TABLES.len() {
        while at < TABLES[table].len() {
            all[end] = TABLES[table][at];
            (at, end) = (at + 1, end + 1);
        }
        (table, at) = (table + 1, 0);
    }
    all
};

impl Act {
    /// As parent and child call it.
    pub fn id(&self) -> String {
        format!("{}/{}", self.hook, self.name)
    }
}

/// Is what this act does told with this configuration?
pub fn is_told(act: usize, told: &Told) -> bool {
    told.has(ACTS[act].needs)
}

/// The acts that go through a point: by its system call, or all of the row where its points are not
/// those of single calls. Each by its number in [`ACTS`].
pub fn through(hook: &str, point: &str) -> Vec<usize> {
    let point = point.rsplit('/').next().unwrap_or(point);
    let call = point
        .strip_prefix("sys_exit_")
        .or(point.strip_prefix("sys_enter_"));
    let passes = |act: &Act| match call {
        Some(call) => call == act.name,
        None => !act.only_by_call,
    };
    let acts = ACTS.iter().enumerate();
    acts.filter(|(_, act)| act.hook == hook && passes(act))
        .map(|(at, _)| at)
        .collect()
}

const fn on(
    hook: &'static str,
    name: &'static str,
    answer: Answer,
    doing: fn(&Scene) -> Done,
) -> Act {
    Act {
        hook,
        name,
        answer,
        doing: Doing::Scene(doing),
        only_by_call: false,
        needs: Needs::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::HOOKS;

    #[test]
    fn every_point_has_an_act_or_is_known_to_have_none() {
        // Both only count; their links are asked, and what the first counts is looked at. Nor does a canary
        // load a module, wait for an answer, or have an outcome that only the second program sees.
        let links_alone = [
            "moving_begin",
            "exec_entered",
            "module_name",
            "network_pending",
            "network_outcome",
        ];
        // Functions that only calls of 32 bits and io_uring are told by.
        let sockets = |name: &str| {
            let functions = [
                "_connect", "_accept", "_bind", "_listen", "_send", "_create",
            ];
            let name = name.trim_end_matches("_v6").trim_end_matches("_ring");
            name.starts_with("network_") && functions.iter().any(|of| name.ends_with(of))
        };
        // These make no events of their own, or of what no canary can do; their links are asked.
        let looks = |name: &str| {
            let parts = ["_begins", "_ends", "_32", "_narrow", "_received"];
            parts.iter().any(|part| name.ends_with(part))
        };
        // Only what would be done is told there.
        let is_reboot = |point: &str| point == "syscalls/sys_enter_reboot";
        for row in HOOKS {
            let points = row.candidates.iter().flat_map(|of| of.points);
            for point in points {
                let acts = through(row.name, point);
                assert_eq!(
                    acts.is_empty(),
                    links_alone.contains(&row.name)
                        || looks(row.name)
                        || sockets(row.name)
                        || is_reboot(point),
                    "{} {point}",
                    row.name
                );
            }
        }
    }

    #[test]
    fn a_call_proves_its_own_point_and_no_other() {
        let names = |hook, point| -> Vec<&str> {
            let acts = through(hook, point);
            acts.iter().map(|at| ACTS[*at].name).collect()
        };
        assert_eq!(names("file_act", "syscalls/sys_exit_unlink"), ["unlink"]);
        assert_eq!(names("file_open", "syscalls/sys_exit_open"), ["open"]);
        assert_eq!(names("exec_failed", "sys_exit"), ["execve", "execveat"]);
        assert_eq!(names("exit", "sched/sched_process_exit"), ["exit"]);
    }

    #[test]
    fn what_the_configuration_leaves_out_is_not_waited_for() {
        let rule = |text: &str| Ignored::parse(text).expect("a rule");
        let told = |groups, rules: &[&str]| Told {
            groups,
            ignored: rules.iter().map(|text| rule(text)).collect(),
        };
        let is_told = |name: &str, told: &Told| {
            let at = ACTS.iter().position(|act| act.id() == name);
            super::is_told(at.expect("an act"), told)
        };
        let all = told(u32::MAX, &["10.0.0.0/8", "[fd00::]/8"]);
        for name in ["file_act/unlink", "network/sendto", "privilege/setuid"] {
            assert!(is_told(name, &all), "{name}");
        }
        let everywhere = told(u32::MAX, &["0.0.0.0/0:443"]);
        assert!(!is_told("network/sendto", &everywhere));
        assert!(!is_told("network/listen", &everywhere));
        assert!(is_told("network/socket", &everywhere));
        let none = told(0, &[]);
        assert!(!is_told("privilege/setuid", &none) && !is_told("signal/kill", &none));
    }

    #[test]
    fn an_act_is_named_once_in_its_row_and_never_with_a_dot() {
        for (at, act) in ACTS.iter().enumerate() {
            let before = ACTS[..at].iter();
            assert!(
                before.filter(|one| one.id() == act.id()).count() == 0,
                "{}",
                act.id()
            );
            assert!(!act.name.contains('.'), "{}", act.id());
        }
    }
}
