//! What ran before the hooks: into the table always, into records once in a boot.

use std::sync::Arc;

use audit_common::{Header, header::flag};
use zerocopy::FromZeros;

use super::{
    Recorder,
    exec::{actor_process, trimmed},
    facts,
    identity::{self, Where},
};
use crate::{
    decode::Part,
    enrich::{
        process::{Executable, Key, Process, Reference, TICK_NS},
        running::{Exe, Running},
    },
    record::{
        SnapshotView,
        view::{ExecTraits, Fact, FileView, Fileless, Inode, ProcessId, ProcessView, Text},
    },
};

impl Recorder {
    /// It sees the host's processes and files.
    pub fn is_on_host(&self, running: &Running) -> bool {
        let host = &self.host.namespaces;
        running.pid_ns == host.pid && running.mnt_ns == host.mnt
    }

    /// Takes a running process into the table; with `daemon`, records it.
    pub fn running(
        &mut self,
        running: &Running,
        parent: Option<&Running>,
        daemon: Option<&Running>,
    ) {
        let reference = self.reference(running);
        let parent_reference = parent.map(|parent| self.reference(parent));
        self.table.found(Process {
            reference,
            parent: parent_reference.clone(),
            command: None,
            executable: running.exe.as_ref().map(executable),
            login_uid: running.login_uid,
            session: running.session,
            from_proc: true,
            ended_ns: None,
        });
        let header = header_of(self, running);
        // Also for the events to come: who enters it later is known by its namespaces.
        let own = header.flags & (flag::HOST_PID_NS | flag::HOST_MNT_NS) == 0;
        let now_ns = self.clock.boot_ns_now();
        let place = identity::container_of_running(&mut self.cgroups, running, own, now_ns);
        if let Some(daemon) = daemon {
            self.snapshot_record(running, &header, &place, parent_reference.as_ref(), daemon);
        }
    }

    fn reference(&mut self, running: &Running) -> Reference {
        let path = match (&running.exe, &running.command) {
            (Some(exe), _) => Some(self.table.share(&exe.path)),
            // No file and no arguments: a kernel thread.
            (None, None) => Some(Arc::from(&[][..])),
            (None, Some(_)) => None,
        };
        Reference {
            key: running.key,
            name: running.name,
            path,
        }
    }

    fn snapshot_record(
        &mut self,
        running: &Running,
        header: &Header,
        place: &Where,
        parent: Option<&Reference>,
        daemon: &Running,
    ) {
        let names = identity::names_of(&mut self.names, header);
        let argv = running.command.as_deref().map(Part::whole);
        let Some(scratch) = self.scratches.first_mut() else {
            return;
        };
        let arguments = argv.map(|argv| facts::arguments(&self.masker, &argv, scratch));
        let command = arguments.as_ref().map(|arguments| Text {
            bytes: arguments.bytes,
            marks: &arguments.marks,
            ..Text::default()
        });
        let parent = parent.map(actor_process);
        let process = ProcessView {
            id: id_of(running.key),
            name: Fact::Known(trimmed(&running.name)),
            file: running
                .exe
                .as_ref()
                .map_or(Fact::Absent, |exe| Fact::Known(file_view(exe))),
            command: command.map_or(Fact::Absent, Fact::Known),
            directory: running
                .directory
                .as_deref()
                .map_or(Fact::Absent, |directory| {
                    Fact::Known(Text::whole(directory))
                }),
            owner: Fact::Known(identity::owner(header, &names, self.host.cap_full)),
            container: identity::container_view(place),
            namespace_pid: identity::namespace_pid(header, running.namespace_pid),
            parent: parent.as_ref(),
            exec: ExecTraits {
                fileless: running.exe.as_ref().and_then(fileless),
                ..ExecTraits::default()
            },
            ..ProcessView::default()
        };
        let daemon = ProcessView {
            id: id_of(daemon.key),
            ..ProcessView::default()
        };
        let meta = crate::record::view::Meta {
            utc_ns: super::utc(&self.clock, self.clock.boot_ns_now()),
            sequence: self.next_sequence,
            event: None,
            correlation: None,
            labels: &self.settings.labels,
        };
        let view = SnapshotView {
            meta,
            daemon: &daemon,
            process,
        };
        self.lines.snapshot(&mut self.out, &view);
        self.written();
    }
}

/// Nobody can write to what runs: its contents are those of when it was executed.
fn executable(exe: &Exe) -> Executable {
    Executable {
        dev: exe.dev_major << 20 | exe.dev_minor,
        ino: exe.ino,
        ctime_ns: exe.ctime_ns,
        size: exe.size,
    }
}

pub fn id_of(key: Key) -> ProcessId {
    ProcessId {
        pid: key.pid,
        start_ns: Some(key.tick.saturating_mul(TICK_NS)),
    }
}

/// The ids of a running process in the form that events have.
fn header_of(recorder: &Recorder, running: &Running) -> Header {
    let host = &recorder.host.namespaces;
    let mut flags = 0;
    for (bit, own) in [
        (flag::HOST_ROOT, running.host_root),
        (flag::HOST_USER_NS, running.user_ns == host.user),
        (flag::HOST_PID_NS, running.pid_ns == host.pid),
        (flag::HOST_MNT_NS, running.mnt_ns == host.mnt),
    ] {
        flags |= if own { bit } else { 0 };
    }
    let ids = running.ids;
    Header {
        flags,
        uid: ids.uid,
        euid: ids.euid,
        fsuid: ids.fsuid,
        gid: ids.gid,
        egid: ids.egid,
        cap_effective: ids.cap_effective,
        login_uid: running.login_uid,
        session: running.session,
        ..Header::new_zeroed()
    }
}

fn file_view(exe: &Exe) -> FileView<'_> {
    FileView {
        path: Text::whole(&exe.path),
        inode: match exe.ino {
            0 => Fact::Unknown,
            number => Fact::Known(Inode {
                major: exe.dev_major,
                minor: exe.dev_minor,
                number,
                mode: exe.mode,
            }),
        },
        links: exe.links,
        is_deleted: exe.deleted,
        permissions: None,
        details: None,
        kind: 0,
    }
}

fn fileless(exe: &Exe) -> Option<Fileless> {
    match exe.deleted {
        true if exe.path.starts_with(b"/memfd:") => Some(Fileless::Memfd),
        true => Some(Fileless::Deleted),
        false => None,
    }
}
