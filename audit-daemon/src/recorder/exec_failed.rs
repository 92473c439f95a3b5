//! Records of programs that were asked for and not executed.
//!
//! Owns the view of a failed exec. What the program only said is marked as said.

use audit_common::{
    events::tail_flag,
    exec_failed::{ExecFailed, flag as failed_flag},
};
use nix::libc::ENOENT;

use super::{
    Recorder,
    exec::{actor_process, trimmed},
    facts, identity, path, utc,
};
use crate::{
    decode::{Part, Tails},
    enrich::process::{Key, key_of},
    record::{
        ExecFailedView,
        view::{Fact, FileView, Folded, ProcessId, ProcessView, Source, Text},
    },
};

/// Equal failures that are told as one.
#[derive(Clone, Copy)]
pub struct Failure {
    pub count: u64,
    pub first_ns: u64,
    pub last_ns: u64,
}

/// A tail that should be there and is not.
const UNREAD: Part<'static> = Part {
    bytes: &[],
    original: 0,
    flags: tail_flag::UNREADABLE,
};

impl Recorder {
    /// Writes the record of a failed exec, or of several that are one search.
    pub fn exec_failed(&mut self, event: &ExecFailed, tails: &Tails<'_>, folded: Option<Failure>) {
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
        let said = Key::new(event.parent_tgid, event.parent_start_ns);
        let parent = table.parent_of(key_of(header), said);
        let parent = actor_process(&parent);
        let names = identity::names_of(names, header);
        let argv = tails.argv.unwrap_or(UNREAD);
        let Some(first) = scratches.first_mut() else {
            return;
        };
        let arguments = facts::arguments(masker, &argv, first);
        let file = asked_file(event, tails, &mut paths.file);
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
            file,
            command: facts::command(&argv, &arguments, Source::AsGiven),
            directory: Fact::or_unknown(directory.map(path::Joined::text)),
            owner: Fact::Known(identity::owner(header, &names, self.host.cap_full)),
            container: identity::container_view(&place),
            namespace_pid: identity::namespace_pid(header, event.namespace_pid),
            ..ProcessView::default()
        };
        let actor = identity::actor(Some(&parent), header, &names);
        let meta = super::meta(
            &self.clock,
            self.next_sequence,
            &self.settings.labels,
            header,
        );
        let folded = folded
            .filter(|folded| folded.count > 1)
            .map(|folded| Folded {
                count: folded.count,
                first_utc_ns: utc(&self.clock, folded.first_ns),
                last_utc_ns: utc(&self.clock, folded.last_ns),
            });
        let view = ExecFailedView {
            meta,
            actor,
            process,
            errno: event.errno.cast_signed(),
            folded,
        };
        self.lines.exec_failed(&mut self.out, &view);
        self.written();
    }
}

/// The file that was asked for. It may exist or not: ENOENT says that it (or its interpreter) does
/// not; otherwise its identity was not captured.
fn asked_file<'a>(
    event: &ExecFailed,
    tails: &Tails<'_>,
    to: &'a mut Vec<u8>,
) -> Fact<FileView<'a>> {
    let asked = tails.filename.unwrap_or(UNREAD);
    if asked.unreadable() {
        return Fact::Unknown;
    }
    let at = event.flags & failed_flag::AT != 0;
    let base = if at { tails.base.as_ref() } else { None };
    let by_descriptor = base.is_some() && asked.bytes.is_empty();
    let path = path::absolute(base.or(tails.cwd.as_ref()), &asked, to);
    let source = if by_descriptor {
        Source::Kernel
    } else {
        Source::AsGiven
    };
    let missing = event.errno.cast_signed() == ENOENT;
    Fact::Known(FileView {
        path: Text {
            source,
            ..path.text()
        },
        inode: if missing { Fact::Absent } else { Fact::Unknown },
        links: 1,
        is_deleted: false,
        permissions: None,
        details: None,
        kind: 0,
    })
}
