//! Forks and exits: into the tables always, into records if the operator asks for them.

use audit_common::{exit::Exit, fork::Fork};

use super::{
    Recorder, event_uid,
    exec::{actor_process, path_of, trimmed},
    identity, utc,
};
use crate::{
    enrich::process::{Key, key_of},
    record::{
        ExitView, Exited, ForkView,
        view::{ActorView, Fact, Meta, ProcessId, ProcessView},
    },
};

impl Recorder {
    pub fn fork(&mut self, event: &Fork, wanted: bool) {
        self.table.forked(event);
        if !wanted {
            return;
        }
        let header = &event.header;
        let said = Key::new(event.parent_tgid, event.parent_start_ns);
        let parent = self.table.parent_of(key_of(header), said);
        let names = identity::names_of(&mut self.names, header);
        let parent = actor_process(&parent);
        let child = ProcessView {
            id: ProcessId {
                pid: header.tgid,
                start_ns: Some(header.start_ns),
            },
            name: Fact::Known(trimmed(&header.comm)),
            ..ProcessView::default()
        };
        let actor = ActorView {
            process: Some(&parent),
            login_uid: header.login_uid,
            login_name: identity::fact(&names.login),
            session: header.session,
            session_ip: None,
        };
        let meta = Meta {
            utc_ns: utc(&self.clock, header.time_ns),
            sequence: self.next_sequence,
            event: Some(event_uid(header)),
            correlation: None,
            labels: &self.settings.labels,
        };
        self.lines
            .fork(&mut self.out, &ForkView { meta, actor, child });
        self.ends.push(self.out.len());
        self.next_sequence += 1;
    }

    /// True if a record was written.
    pub fn exit(&mut self, event: &Exit, wanted: bool) -> bool {
        if !self.table.exited(event) || !wanted {
            return false;
        }
        let header = &event.header;
        let known = self
            .table
            .get(key_of(header))
            .map(|process| process.reference.clone());
        let names = identity::names_of(&mut self.names, header);
        let process = ProcessView {
            id: ProcessId {
                pid: header.tgid,
                start_ns: Some(header.start_ns),
            },
            name: Fact::Known(trimmed(&header.comm)),
            path: known.as_ref().map_or(Fact::Unknown, path_of),
            ..ProcessView::default()
        };
        let actor = ActorView {
            process: None,
            login_uid: header.login_uid,
            login_name: identity::fact(&names.login),
            session: header.session,
            session_ip: None,
        };
        let meta = Meta {
            utc_ns: utc(&self.clock, header.time_ns),
            sequence: self.next_sequence,
            event: Some(event_uid(header)),
            correlation: None,
            labels: &self.settings.labels,
        };
        let view = ExitView {
            meta,
            actor,
            process,
            exited: Exited::from_wait_status(event.status),
            lifetime_ns: Some(header.time_ns.saturating_sub(header.start_ns)),
        };
        self.lines.exit(&mut self.out, &view);
        self.ends.push(self.out.len());
        self.next_sequence += 1;
        true
    }
}
