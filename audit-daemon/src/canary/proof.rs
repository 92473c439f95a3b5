//! Which acts an event of a canary proves.
//!
//! Owns that reading, which is pure. Must not know whether the event is a canary's.

use std::{os::unix::ffi::OsStrExt, path::Path};

use audit_common::{
    events::walk,
    exec,
    file_act::{self, FileAct},
    file_open::{self, FileOpen},
    net::Net,
    privilege::{self, Privilege},
};

use super::acts::{ACTS, Answer, Mark};
use crate::decode::{Event, Part, Tails};

/// Begins the name of the control group that a canary makes.
pub const CGROUP_PREFIX: &str = "audit-daemon-canary-";
/// O_ACCMODE, O_CREAT, O_TRUNC: an open without any of them only reads.
const O_CHANGES: u32 = 0o1103;

#[derive(Debug, PartialEq, Eq)]
pub enum Proof {
    /// These, by their numbers in [`ACTS`]; none if it only prepares one.
    Acts(Vec<usize>),
    /// Not what a canary is for: to be recorded like anybody's.
    Foreign,
}

/// `execs`: how many its process has had before.
pub fn of(dir: &Path, event: &Event<'_>, execs: usize) -> Proof {
    match event {
        Event::Fork(_) => by(|answer, _| answer == Answer::Forked),
        Event::Exit(_) => by(|answer, _| answer == Answer::Ended),
        Event::Exec(event, _) => {
            let told_before = event.flags & exec::flag::BEFORE != 0;
            by(|answer, _| match answer {
                Answer::Executed => execs == 0,
                Answer::Before(nth) => told_before && nth == execs,
                _ => false,
            })
        }
        Event::ExecFailed(_, tails) => match name_of(dir, tails) {
            Some(name) => by(|answer, of| answer == Answer::ExecFailed && name == of),
            None => Proof::Foreign,
        },
        Event::FileOpen(event, tails) => of_open(dir, event, tails),
        Event::FileAct(event, tails) => of_act(dir, event, tails),
        Event::CgroupCreated(_, tails) => of_cgroup(tails, Answer::CgroupMade),
        Event::CgroupRemoved(_, tails) => of_cgroup(tails, Answer::CgroupGone),
        Event::Net(event, _) => of_socket(event),
        Event::Privilege(event, _) => of_privilege(event),
        Event::Unknown(_) => Proof::Foreign,
    }
}

fn by(proves: impl Fn(Answer, &[u8]) -> bool) -> Proof {
    let acts = ACTS.iter().enumerate();
    let proven = acts.filter(|(_, act)| proves(act.answer, act.name.as_bytes()));
    Proof::Acts(proven.map(|(at, _)| at).collect())
}

fn of_open(dir: &Path, event: &FileOpen, tails: &Tails<'_>) -> Proof {
    let by_handle = event.flags & file_open::flag::BY_HANDLE != 0;
    let only_reads = event.errno == 0 && event.open_flags & O_CHANGES == 0;
    match name_of(dir, tails) {
        Some(name) => by(|answer, of| match by_handle {
            true => answer == Answer::ByHandle && name == of,
            false => answer == Answer::Opened && name == of,
        }),
        None if only_reads => Proof::Acts(Vec::new()),
        None => Proof::Foreign,
    }
}

fn of_act(dir: &Path, event: &FileAct, tails: &Tails<'_>) -> Proof {
    if tails.filename.is_some_and(|name| is_cgroup(name.bytes)) {
        return Proof::Acts(Vec::new());
    }
    let Some(name) = name_of(dir, tails) else {
        return Proof::Foreign;
    };
    let by_ring = event.flags & file_act::flag::RING != 0;
    by(|answer, of| {
        let same = match by_ring {
            true => answer == Answer::Ring,
            false => answer == Answer::Acted(event.call),
        };
        same && name == of
    })
}

fn of_cgroup(tails: &Tails<'_>, proven: Answer) -> Proof {
    match tails.cgroup.is_some_and(|path| is_cgroup(path.bytes)) {
        true => by(|answer, _| answer == proven),
        false => Proof::Foreign,
    }
}

/// What is done to a socket is told by its mark, and by nothing else.
fn of_socket(event: &Net) -> Proof {
    let marked = |mark| match mark {
        Mark::Port(port) => [event.local_port, event.remote_port].contains(&port.into()),
        Mark::Errno(errno) => event.errno.cast_signed() == errno,
        Mark::Protocol(protocol) => event.protocol == protocol,
    };
    or_foreign(by(|answer, _| match answer {
        Answer::Socket(call, mark) => event.call == call && marked(mark),
        _ => false,
    }))
}

/// Only what is refused is a canary's, and other ids and another personality for a moment.
fn of_privilege(event: &Privilege) -> Proof {
    use privilege::call::*;
    let call = event.call;
    let is_change = matches!(call, SETREUID..=SETFSUID | SETREGID..=SETFSGID | PERSONALITY);
    let is_meant = event.errno != 0 || is_change;
    let remembers = event.flags & privilege::flag::BEFORE != 0;
    or_foreign(by(|answer, _| match answer {
        Answer::Called(number) => is_meant && i64::from(event.number) == number,
        Answer::Remembered(number) => is_meant && remembers && i64::from(event.number) == number,
        // It has no call: it is told where it arrives.
        Answer::Signalled => call == SIGNAL && event.number == 0,
        _ => false,
    }))
}

fn or_foreign(proof: Proof) -> Proof {
    match proof {
        Proof::Acts(acts) if acts.is_empty() => Proof::Foreign,
        proof => proof,
    }
}

fn is_cgroup(path: &[u8]) -> bool {
    let last = path.rsplit(|byte| *byte == b'/').next();
    last.is_some_and(|name| name.starts_with(CGROUP_PREFIX.as_bytes()))
}

/// The act's name: that of a place in the directory, without what stands behind a dot.
fn name_of(dir: &Path, tails: &Tails<'_>) -> Option<Vec<u8>> {
    let texts = [tails.filename, tails.second_name].into_iter().flatten();
    let texts = texts.map(|part| part.bytes.to_vec());
    let walks = tails.file.iter().map(joined);
    texts.chain(walks).find_map(|path| {
        let name = path.strip_prefix(dir.as_os_str().as_bytes())?;
        let name = name.strip_prefix(b"/")?;
        let end = name.iter().position(|byte| *byte == b'.');
        let name = &name[..end.unwrap_or(name.len())];
        (!name.contains(&b'/')).then(|| name.to_vec())
    })
}

/// A walk as a path.
fn joined(walked: &Part<'_>) -> Vec<u8> {
    let mut names: Vec<&[u8]> = walk::names(walked.bytes).collect();
    names.reverse();
    names
        .iter()
        .flat_map(|name| [b"/", *name].concat())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_common::{exec_failed::ExecFailed, file_act::call};
    use zerocopy::FromZeros;

    const DIR: &str = "/run/a/canary";

    fn ids(proof: &Proof) -> Vec<String> {
        match proof {
            Proof::Acts(acts) => acts.iter().map(|at| ACTS[*at].id()).collect(),
            Proof::Foreign => vec!["foreign".to_owned()],
        }
    }

    fn acted(call: u32, tails: Tails<'_>) -> Vec<String> {
        let mut event = FileAct::new_zeroed();
        event.call = call;
        ids(&of(Path::new(DIR), &Event::FileAct(event, tails), 0))
    }

    fn named(name: &str) -> Tails<'_> {
        Tails {
            filename: Some(Part::whole(name.as_bytes())),
            ..Tails::default()
        }
    }

    #[test]
    fn an_act_is_proven_by_its_call_and_its_own_name() {
        assert_eq!(
            acted(call::UNLINK, named("/run/a/canary/unlinkat")),
            ["file_act/unlinkat"]
        );
        assert_eq!(acted(call::MKDIR, named("/run/a/canary/unlinkat")), [""; 0]);
        assert_eq!(
            acted(call::CHROOT, named("/run/a/canary/chroot.none")),
            ["file_act/chroot"]
        );
    }

    #[test]
    fn by_descriptor_it_is_the_files_own_path() {
        let tails = Tails {
            file: Some(Part::whole(b"\x06fchmod\x06canary\x01a\x03run")),
            ..Tails::default()
        };
        assert_eq!(acted(call::CHMOD, tails), ["file_act/fchmod"]);
    }

    #[test]
    fn what_is_done_elsewhere_is_nobodys_canary() {
        for name in [
            "/etc/shadow",
            "/run/a/canary",
            "/run/a/canaryx/unlink",
            "/run/a/canary/x/unlink",
        ] {
            assert_eq!(acted(call::UNLINK, named(name)), ["foreign"], "{name}");
        }
        let event = ExecFailed::new_zeroed();
        let event = Event::ExecFailed(event, named("/tmp/execve"));
        assert_eq!(of(Path::new(DIR), &event, 0), Proof::Foreign);
    }

    #[test]
    fn its_reads_elsewhere_are_left_out_and_its_writes_are_not() {
        let opened = |flags| {
            let mut event = FileOpen::new_zeroed();
            event.open_flags = flags;
            let tails = Tails {
                file: Some(Part::whole(b"\x06shadow\x03etc")),
                ..Tails::default()
            };
            of(Path::new(DIR), &Event::FileOpen(event, tails), 0)
        };
        assert_eq!(opened(0), Proof::Acts(Vec::new()));
        assert_eq!(opened(1), Proof::Foreign);
        assert_eq!(opened(0o100), Proof::Foreign);
    }

    #[test]
    fn sockets_are_told_by_their_marks() {
        use audit_common::net::call;
        let did = |call, port, errno| {
            let mut event = Net::new_zeroed();
            (event.call, event.remote_port, event.errno) = (call, port, errno);
            ids(&of(Path::new(DIR), &Event::Net(event, Tails::default()), 0))
        };
        assert_eq!(did(call::SEND, 4, 90), ["network/sendto"]);
        assert_eq!(did(call::CONNECT, 2, 103), ["network_state/state"]);
        assert_eq!(did(call::ACCEPT, 0, 95), ["network/accept"]);
        assert_eq!(did(call::ACCEPT, 0, 22), ["network/accept4"]);
        assert_eq!(did(call::CONNECT, 443, 0), ["foreign"]);
        assert_eq!(did(call::ACCEPT, 443, 0), ["foreign"]);
        assert_eq!(did(call::LISTEN, 443, 0), ["foreign"]);
    }

    #[test]
    fn of_privileges_only_what_is_refused_is_a_canarys() {
        use audit_common::privilege::{call, flag};
        use nix::libc as c;
        let did = |call, number: i64, errno, flags| {
            let mut event = Privilege::new_zeroed();
            (event.call, event.errno, event.flags) = (call, errno, flags);
            event.number = number as u32;
            let event = Event::Privilege(event, Tails::default());
            ids(&of(Path::new(DIR), &event, 0))
        };
        let (module, setns) = (c::SYS_init_module, c::SYS_setns);
        assert_eq!(
            did(call::INIT_MODULE, module, 8, 0),
            ["privilege/init_module"]
        );
        assert_eq!(did(call::INIT_MODULE, module, 0, 0), ["foreign"]);
        assert_eq!(did(call::SETNS, setns, 9, 0), ["privilege/setns"]);
        let both = ["privilege/setns", "privilege_enter/setns"];
        assert_eq!(did(call::SETNS, setns, 9, flag::BEFORE), both);
        assert_eq!(did(call::SETNS, setns, 0, flag::BEFORE), ["foreign"]);
        let changed = did(call::SETRESUID, c::SYS_setresuid, 0, 0);
        assert_eq!(changed, ["privilege/setresuid"]);
        assert_eq!(did(call::SIGNAL, 0, 0, 0), ["signal/kill"]);
        assert_eq!(did(call::SIGNAL, c::SYS_kill, 1, 0), ["privilege/kill"]);
    }

    #[test]
    fn an_exec_tells_of_before_it_only_if_it_knows() {
        let executed = |flags, execs| {
            let mut event = audit_common::exec::Exec::new_zeroed();
            event.flags = flags;
            ids(&of(
                Path::new(DIR),
                &Event::Exec(event, Tails::default()),
                execs,
            ))
        };
        assert_eq!(executed(0, 0), ["exec/exec"]);
        assert_eq!(executed(1, 0), ["exec/exec", "exec_before/execve"]);
        assert_eq!(executed(1, 1), ["exec_before/execveat"]);
    }
}
