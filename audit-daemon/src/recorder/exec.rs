//! Records of executed programs, and of those that could not be.
//!
//! Owns the reading of an exec's facts into its view: privileges gained, files that are not on disk,
//! scripts, variables. What the program only said is marked as said.

use audit_common::{
    events::tail_flag,
    exec::{Exec, flag as exec_flag},
    exec_failed::{ExecFailed, flag as failed_flag},
};
use nix::libc::ENOENT;

use super::{Recorder, event_uid, identity, path, utc};
use crate::{
    decode::{Part, Tails},
    enrich::process::{Key, Reference, key_of},
    mask::{Masker, Scratch},
    record::{
        ExecFailedView, ExecView,
        view::{
            ActorView, Before, ExecTraits, Fact, FileView, Fileless, Folded, Gain, Inode, Mark,
            Meta, ProcessId, ProcessView, Script, Source, Text, Variable,
        },
    },
};

const TMPFS_MAGIC: u32 = 0x0102_1994;

/// Equal failures that are told as one.
#[derive(Clone, Copy)]
pub struct Failure {
    pub count: u64,
    pub first_ns: u64,
    pub last_ns: u64,
}

/// Masked arguments and what was masked in them.
#[derive(Default)]
struct Arguments<'a> {
    bytes: &'a [u8],
    marks: Vec<Mark<'a>>,
}

fn arguments<'a>(masker: &'a Masker, argv: &Part<'a>, scratch: &'a mut Scratch) -> Arguments<'a> {
    match masker.mask_argv(argv.bytes, scratch) {
        None => Arguments {
            bytes: argv.bytes,
            marks: Vec::new(),
        },
        Some(masked) => Arguments {
            bytes: masked.bytes(),
            marks: masked
                .marks()
                .map(|mark| Mark {
                    rule: mark.rule,
                    length: mark.length.into(),
                })
                .collect(),
        },
    }
}

fn command<'a>(part: &Part<'_>, arguments: &'a Arguments<'a>, source: Source) -> Fact<Text<'a>> {
    if part.unreadable() {
        return Fact::Unknown;
    }
    Fact::Known(Text {
        bytes: arguments.bytes,
        cut_from: part.truncated().then_some(part.original.into()),
        marks: &arguments.marks,
        source,
    })
}

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

fn inode(event: &Exec) -> Inode {
    Inode {
        major: event.file_dev >> 20,
        minor: event.file_dev & 0xf_ffff,
        number: event.file_ino,
        mode: event.file_mode,
    }
}

fn fileless(event: &Exec, path: &[u8], detached: bool) -> Option<Fileless> {
    if detached && path.starts_with(b"memfd:") {
        Some(Fileless::Memfd)
    } else if event.file_links == 0 {
        Some(Fileless::Deleted)
    } else if event.fs_magic == TMPFS_MAGIC && event.flags & exec_flag::ON_ROOT_FS == 0 {
        Some(Fileless::Tmpfs)
    } else {
        None
    }
}

/// How privileges rose. Known from before and after; a process that was root already gains nothing.
fn gain(event: &Exec) -> Gain {
    if event.flags & exec_flag::BEFORE == 0 {
        return Gain::default();
    }
    let header = &event.header;
    let was_root = event.before_euid == 0;
    let added = header.cap_effective & !event.before_cap_effective != 0;
    Gain {
        setuid: header.euid != event.before_euid && !was_root,
        setgid: header.egid != event.before_egid && !was_root,
        file_caps: added && header.euid != 0,
    }
}

/// Splits `NAME=value`.
fn split_variable(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[]),
    }
}

/// A variable's value with what was masked in it.
struct Value<'a> {
    name: &'a [u8],
    part: Part<'a>,
    masked: Arguments<'a>,
}

fn variables<'a>(
    masker: &'a Masker,
    tails: &Tails<'a>,
    scratches: &'a mut [Scratch],
) -> Vec<Value<'a>> {
    tails
        .environment()
        .filter(|part| !part.unreadable())
        .zip(scratches)
        .map(|(part, scratch)| {
            let (name, value) = split_variable(part.bytes);
            let masked = match masker.mask_env(name, value, scratch) {
                None => Arguments {
                    bytes: value,
                    marks: Vec::new(),
                },
                Some(masked) => Arguments {
                    bytes: masked.bytes(),
                    marks: masked
                        .marks()
                        .map(|mark| Mark {
                            rule: mark.rule,
                            length: mark.length.into(),
                        })
                        .collect(),
                },
            };
            Value { name, part, masked }
        })
        .collect()
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
        let arguments = arguments(masker, &argv, first);
        let kept = self.settings.full_actor.then_some(arguments.bytes);
        if !wanted {
            table.executed(event, file.bytes, kept);
            return;
        }
        let parent = table.parent_of(key, said);
        table.executed(event, file.bytes, kept);
        let parent = actor_process(&parent);
        let names = identity::names_of(names, header);
        let values = variables(masker, tails, rest);
        let environment: Vec<Variable<'_>> = values.iter().map(variable).collect();
        let asked = tails.filename.unwrap_or_default();
        let interpreted = event.flags & exec_flag::INTERPRETED != 0;
        let script = interpreted
            .then(|| path::absolute(tails.cwd.as_ref(), &asked, &mut paths.script))
            .map(|path| Script {
                path: path.text(),
                inode: Fact::Unknown,
            });
        let directory = tails
            .cwd
            .as_ref()
            .map(|cwd| path::join(cwd, &mut paths.directory));
        let before = (event.flags & exec_flag::BEFORE != 0).then_some(Before {
            euid: event.before_euid,
            cap_effective: event.before_cap_effective,
        });
        let process = ProcessView {
            id: ProcessId {
                pid: header.tgid,
                start_ns: Some(header.start_ns),
            },
            name: Fact::Known(trimmed(&header.comm)),
            file: Fact::Known(FileView {
                path: file.text(),
                inode: Fact::Known(inode(event)),
                links: event.file_links,
                is_deleted: event.file_links == 0,
            }),
            command: command(&argv, &arguments, Source::Kernel),
            directory: Fact::or_unknown(directory.map(path::Joined::text)),
            environment: &environment,
            environment_incomplete: event.flags & exec_flag::ENVIRONMENT_INCOMPLETE != 0,
            owner: Fact::Known(identity::owner(header, &names, self.host.cap_full)),
            container: identity::container_view(&place),
            namespace_pid: identity::namespace_pid(header, event.namespace_pid),
            exec: ExecTraits {
                gain: gain(event),
                fileless: fileless(event, file.bytes, exe.detached()),
                script,
                before,
            },
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
        self.lines.exec(
            &mut self.out,
            &ExecView {
                meta,
                actor,
                process,
            },
        );
        self.ends.push(self.out.len());
        self.next_sequence += 1;
    }

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
        let arguments = arguments(masker, &argv, first);
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
            command: command(&argv, &arguments, Source::AsGiven),
            directory: Fact::or_unknown(directory.map(path::Joined::text)),
            owner: Fact::Known(identity::owner(header, &names, self.host.cap_full)),
            container: identity::container_view(&place),
            namespace_pid: identity::namespace_pid(header, event.namespace_pid),
            ..ProcessView::default()
        };
        let actor = ActorView {
            process: Some(&parent),
            login_uid: header.login_uid,
            login_name: identity::fact(&names.login),
            session: header.session,
            session_ip: None,
        };
        let utc_ns = utc(&self.clock, header.time_ns);
        let meta = Meta {
            utc_ns,
            sequence: self.next_sequence,
            event: Some(event_uid(header)),
            correlation: None,
            labels: &self.settings.labels,
        };
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
        self.ends.push(self.out.len());
        self.next_sequence += 1;
    }
}

/// A tail that should be there and is not.
const UNREAD: Part<'static> = Part {
    bytes: &[],
    original: 0,
    flags: tail_flag::UNREADABLE,
};

fn variable<'a>(value: &'a Value<'_>) -> Variable<'a> {
    let name_bytes = (value.name.len() + 1) as u64;
    let original = u64::from(value.part.original).saturating_sub(name_bytes);
    Variable {
        name: value.name,
        value: Text {
            bytes: value.masked.bytes,
            cut_from: value.part.truncated().then_some(original),
            marks: &value.masked.marks,
            source: Source::Kernel,
        },
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
    })
}
