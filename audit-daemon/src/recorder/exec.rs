//! Records of executed programs.
//!
//! Owns the view of an exec. What its fields mean is read in `facts`.

use audit_common::exec::{Exec, flag as exec_flag};

use super::{Recorder, facts, identity, path};
use crate::{
    decode::Tails,
    enrich::process::{Key, Reference, key_of},
    record::{
        ExecView,
        view::{Fact, ProcessId, ProcessView, Script, Source, Text, Variable},
    },
};

/// A reference as the acting process of a record.
pub fn actor_process(reference: &Reference) -> ProcessView<'_> {
    use crate::enrich::process::TICK_NS;
    let id = ProcessId {
        pid: reference.key.pid,
        start_ns: Some(reference.key.tick.saturating_mul(TICK_NS)),
    };
    ProcessView {
        id,
        name: Fact::Known(trimmed(&reference.name)),
        path: path_of(reference),
        ..ProcessView::default()
    }
}

/// A kernel thread runs no file: its path is empty, and not unknown.
pub fn path_of(reference: &Reference) -> Fact<Text<'_>> {
    match reference.path.as_deref() {
        None => Fact::Unknown,
        Some([]) => Fact::Absent,
        Some(path) => Fact::Known(Text::whole(path)),
    }
}

/// A NUL-padded name without its padding.
pub fn trimmed(name: &[u8; 16]) -> &[u8] {
    let end = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    &name[..end]
}

impl Recorder {
    /// Takes an exec into the tables, and writes its record if it is wanted.
    pub fn exec(&mut self, event: &Exec, tails: &Tails<'_>, wanted: bool) {
        let Recorder {
            table,
            names,
            cgroups,
            masker,
            scratches,
            paths,
            ..
        } = self;
        let header = &event.header;
        let place = identity::container_of(cgroups, header, event.namespace_pid);
        let exe = tails.exe.unwrap_or_default();
        let file = path::join(&exe, &mut paths.file);
        let key = key_of(header);
        let said = Key::new(event.parent_tgid, event.parent_start_ns);
        let [first, rest @ ..] = &mut scratches[..] else {
            return;
        };
        let argv = tails.argv.unwrap_or_default();
        let arguments = facts::arguments(masker, &argv, first);
        let kept = self.settings.full_actor.then_some(arguments.bytes);
        if !wanted {
            table.executed(event, file.bytes, kept);
            return;
        }
        let parent = table.parent_of(key, said);
        table.executed(event, file.bytes, kept);
        let parent = actor_process(&parent);
        let names = identity::names_of(names, header);
        let values = facts::variables(masker, tails, rest);
        let environment: Vec<Variable<'_>> = values.iter().map(facts::variable).collect();
        let script = script(event, tails, &mut paths.script);
        let directory = tails
            .cwd
            .as_ref()
            .map(|cwd| path::join(cwd, &mut paths.directory));
        let process = ProcessView {
            id: ProcessId {
                pid: header.tgid,
                start_ns: Some(header.start_ns),
            },
            name: Fact::Known(trimmed(&header.comm)),
            file: Fact::Known(facts::file(event, file.text())),
            command: facts::command(&argv, &arguments, Source::Kernel),
            directory: Fact::or_unknown(directory.map(path::Joined::text)),
            environment: &environment,
            environment_incomplete: event.flags & exec_flag::ENVIRONMENT_INCOMPLETE != 0,
            owner: Fact::Known(identity::owner(header, &names, self.host.cap_full)),
            container: identity::container_view(&place),
            namespace_pid: identity::namespace_pid(header, event.namespace_pid),
            exec: facts::traits(event, file.bytes, exe.detached(), script),
            ..ProcessView::default()
        };
        let actor = identity::actor(Some(&parent), header, &names);
        let meta = super::meta(
            &self.clock,
            self.next_sequence,
            &self.settings.labels,
            header,
        );
        let view = ExecView {
            meta,
            actor,
            process,
        };
        self.lines.exec(&mut self.out, &view);
        self.written();
    }
}

/// What was asked for, if its interpreter is what runs. Its inode is gone by now.
fn script<'a>(event: &Exec, tails: &Tails<'_>, to: &'a mut Vec<u8>) -> Fact<Script<'a>> {
    if event.flags & exec_flag::INTERPRETED_UNKNOWN != 0 {
        return Fact::Unknown;
    }
    if event.flags & exec_flag::INTERPRETED == 0 {
        return Fact::Absent;
    }
    let asked = tails.filename.unwrap_or_default();
    Fact::Known(Script {
        path: path::absolute(tails.cwd.as_ref(), &asked, to).text(),
        inode: Fact::Unknown,
    })
}
