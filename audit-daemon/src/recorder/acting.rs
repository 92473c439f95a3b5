//! The process that acts, as records of what processes do repeat it.
//!
//! Owns what such a record needs of the tables; views borrow from it.

use audit_common::Header;

use super::{
    Recorder,
    exec::{actor_process, path_of, trimmed},
    identity,
};
use crate::{
    enrich::process::{Process, Reference, key_of},
    record::view::{ActorView, Ancestor, Fact, ProcessId, ProcessView, Text},
    watching::Who,
};

/// What the tables know of the process of an event.
pub struct Acting {
    known: Option<Process>,
    /// Parent first; only if records repeat them.
    ancestors: Vec<Reference>,
    names: identity::NamesOf,
    place: identity::Where,
    namespace_pid: u32,
}

impl Acting {
    pub fn of(recorder: &mut Recorder, header: &Header, namespace_pid: u32) -> Acting {
        let Recorder {
            table,
            names,
            cgroups,
            settings,
            ..
        } = recorder;
        let key = key_of(header);
        let ancestors = match settings.full_actor {
            true => table.ancestors(key),
            false => Vec::new(),
        };
        Acting {
            known: table.get(key).cloned(),
            ancestors,
            names: identity::names_of(names, header),
            place: identity::container_of(cgroups, header, namespace_pid),
            namespace_pid,
        }
    }

    /// What exceptions of watches are about.
    pub fn who(&self) -> Who<'_> {
        Who {
            executable: self.known.as_ref().and_then(|process| process.executable),
            user: match identity::fact(&self.names.user) {
                Fact::Known(name) => Some(name),
                _ => None,
            },
            container: match &self.place {
                identity::Where::In(container) => Some(&container.id),
                _ => None,
            },
        }
    }

    pub fn parent(&self) -> Option<ProcessView<'_>> {
        self.ancestors.first().map(actor_process)
    }

    /// The process that made it, whether records repeat that or not.
    pub fn made_by(&self) -> Option<ProcessView<'_>> {
        let known = self.known.as_ref()?;
        known.parent.as_ref().map(actor_process)
    }

    pub fn ancestry(&self) -> Vec<Ancestor<'_>> {
        let ancestor = |reference| {
            let ProcessView { id, name, .. } = actor_process(reference);
            Ancestor { id, name }
        };
        self.ancestors.iter().map(ancestor).collect()
    }

    /// Everything; which of it is written is the record's choice.
    pub fn process<'a>(
        &'a self,
        header: &Header,
        cap_full: u64,
        parent: Option<&'a ProcessView<'a>>,
        ancestry: &'a [Ancestor<'a>],
    ) -> ProcessView<'a> {
        let reference = self.known.as_ref().map(|process| &process.reference);
        let command = self.known.as_ref().and_then(|p| p.command.as_deref());
        ProcessView {
            id: ProcessId {
                pid: header.tgid,
                start_ns: Some(header.start_ns),
            },
            name: reference.map_or(Fact::Unknown, |known| Fact::Known(trimmed(&known.name))),
            path: reference.map_or(Fact::Unknown, path_of),
            command: Fact::or_unknown(command.map(Text::whole)),
            owner: Fact::Known(identity::owner(header, &self.names, cap_full)),
            container: identity::container_view(&self.place),
            namespace_pid: identity::namespace_pid(header, self.namespace_pid),
            parent,
            ancestry,
            ..ProcessView::default()
        }
    }

    pub fn actor<'a>(&'a self, process: &'a ProcessView<'a>, header: &Header) -> ActorView<'a> {
        identity::actor(Some(process), header, &self.names)
    }
}
