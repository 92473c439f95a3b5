//! Forks and exits: into the tables always, into records if the operator asks for them.

use audit_common::{exit::Exit, fork::Fork};

use super::{
    Recorder,
    exec::{actor_process, path_of, trimmed},
    identity,
};
use crate::{
    enrich::process::{Key, key_of},
    record::{
        ExitView, Exited, ForkView,
        view::{Fact, ProcessId, ProcessView},
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
        let actor = identity::actor(Some(&parent), header, &names);
        let meta = super::meta(
            &self.clock,
            self.next_sequence,
            &self.settings.labels,
            header,
        );
        self.lines
            .fork(&mut self.out, &ForkView { meta, actor, child });
        self.written();
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
        let actor = identity::actor(None, header, &names);
        let meta = super::meta(
            &self.clock,
            self.next_sequence,
            &self.settings.labels,
            header,
        );
        let view = ExitView {
            meta,
            actor,
            process,
            exited: Exited::from_wait_status(event.status),
            lifetime_ns: Some(header.time_ns.saturating_sub(header.start_ns)),
        };
        self.lines.exit(&mut self.out, &view);
        self.written();
        true
    }
}
