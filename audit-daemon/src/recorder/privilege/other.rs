//! The process that an act is about, as a view.
//!
//! Owns what the tables and the kernel know of it together.

use audit_common::{
    Header,
    header::{UNSET, flag as header_flag},
    privilege::{NO_VALUE, Privilege, call, flag},
};

use super::super::{
    Recorder,
    exec::{path_of, trimmed},
    identity::{self, NamesOf},
};
use crate::{
    enrich::process::{Key, Reference},
    record::view::{Fact, Privileges, ProcessId, ProcessView, Source},
};

pub struct Target {
    known: Option<Reference>,
    header: Header,
    names: NamesOf,
}

impl Target {
    pub fn of(recorder: &mut Recorder, event: &Privilege) -> Target {
        let target = &event.target;
        let [uid, gid, suid, sgid, euid, egid, fsuid, fsgid] = target.ids;
        let header = Header {
            tgid: target.tgid,
            tid: target.tid,
            start_ns: target.start_ns,
            flags: target.flags,
            cap_effective: target.cap_effective,
            comm: target.comm,
            uid,
            gid,
            suid,
            sgid,
            euid,
            egid,
            fsuid,
            fsgid,
            login_uid: UNSET,
            session: UNSET,
            ..event.header
        };
        let key = Key::new(target.tgid, target.start_ns);
        let known = recorder
            .table
            .get(key)
            .map(|process| process.reference.clone());
        let names = identity::names_of(&mut recorder.names, &header);
        Target {
            known,
            header,
            names,
        }
    }

    pub fn process<'a>(&'a self, event: &Privilege, cap_full: u64) -> ProcessView<'a> {
        if event.flags & flag::TARGET == 0 {
            return unknown(event);
        }
        let at_home = self.header.flags & header_flag::HOST_ROOT != 0;
        ProcessView {
            id: ProcessId {
                pid: self.header.tgid,
                start_ns: Some(self.header.start_ns),
            },
            name: Fact::Known(trimmed(&self.header.comm)),
            path: self.known.as_ref().map_or(Fact::Unknown, path_of),
            owner: Fact::Known(identity::owner(&self.header, &self.names, cap_full)),
            container: if at_home { Fact::Absent } else { Fact::Unknown },
            privileges: Privileges::default(),
            ..ProcessView::default()
        }
    }
}

/// Nobody has, or had, that number any more: it is all that there is.
fn unknown(event: &Privilege) -> ProcessView<'static> {
    let pid = match event.call {
        call::PTRACE => event.values[1],
        call::VM_READ | call::VM_WRITE | call::OPEN_MEMORY | call::PERF_OPEN => event.values[0],
        _ => NO_VALUE,
    };
    ProcessView {
        id: ProcessId {
            // A negative number is nobody's.
            pid: u32::try_from(pid).unwrap_or(0),
            start_ns: None,
        },
        pid_source: Source::AsGiven,
        ..ProcessView::default()
    }
}
