//! Records of opened files, and of those that were to be.
//!
//! Owns the view of an open. Whether it is watched was decided before.

use audit_common::file_open::{FileOpen, flag, reason};

use nix::libc;

use super::{Recorder, acting::Acting, facts, linked::Linked, path};
use crate::{
    config::Operation,
    decode::{Part, Tails},
    enrich::clock::WallClock,
    record::{
        FileOpenView, Intent,
        view::{Fact, FileView, Folded, Inode, Meta, Source, Text, Via},
    },
    watching::{Access, Below, Decider, Decision, Meaning, Named, Question, Start, Views},
};

/// Opens that were the same as one that has its own record, and were counted after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repetition {
    pub count: u64,
    pub first_ns: u64,
    pub last_ns: u64,
    /// Sequence of that record, unless an earlier daemon wrote it.
    pub of: Option<u64>,
}

impl Repetition {
    fn folded(&self, clock: &WallClock) -> Folded {
        Folded {
            count: self.count,
            first_utc_ns: super::utc(clock, self.first_ns),
            last_utc_ns: super::utc(clock, self.last_ns),
        }
    }
}

impl Recorder {
    /// Writes the record of an open, or of its repetition, if the decider wants one.
    pub fn file_open(
        &mut self,
        event: &FileOpen,
        tails: &Tails<'_>,
        decider: &Decider,
        repeated: Option<&Repetition>,
        wanted: bool,
    ) -> Outcome {
        let by_name = event.flags & flag::BY_NAME != 0;
        if (event.errno != 0 || by_name) && !is_named(tails) {
            // Whatever it was: nobody can say that it is watched.
            return Outcome::Unwatched;
        }
        let header = &event.header;
        let acting = Acting::of(self, header, event.namespace_pid);
        let failed = event.errno != 0;
        let created = event.flags & (flag::CREATED | flag::RECEIVED) == flag::CREATED;
        let intent = Intent::of(event.open_flags, created, failed || by_name);
        let meaning = by_name.then(|| meaning(event, tails, decider, &mut self.views));
        let file = match (&meaning, failed) {
            (Some(meaning), _) => followed_file(meaning),
            (None, true) => asked_file(event, tails, &mut self.paths.file),
            (None, false) => opened_file(event, tails, intent, &mut self.paths.file),
        };
        // Of a name it is where that starts from.
        let on_disk = tails.on_disk.filter(|_| !failed).unwrap_or_default();
        let on_disk = path::join(&on_disk, &mut self.paths.on_disk);
        let access = Access {
            operation: operation(intent),
            object: (!failed).then_some((event.dev, event.ino)),
            is_new: created,
            on_disk: on_disk.bytes,
            path: file.path.bytes,
            is_hosts: !failed && path::is_hosts(header, tails.file.as_ref()),
            below: below(event),
            also: linked(&self.linked, event),
        };
        let who = acting.who();
        let scratch = &mut self.watching;
        let decision = match &meaning {
            Some(meaning) => decider.decide_named(&[named(intent, meaning)], &who, header, scratch),
            None => decider.decide(&access, &who, header, scratch),
        };
        let labels = match decision {
            Decision::Watched(labels) => labels,
            Decision::Unwatched => return Outcome::Unwatched,
            Decision::Excluded => return Outcome::Excluded,
        };
        if !wanted {
            return Outcome::Watched;
        }
        let first = repeated.and_then(|repeated| repeated.of);
        let first = first.map(|sequence| self.lines.uid(sequence));
        let folded = repeated.map(|repeated| repeated.folded(&self.clock));
        let meta = super::meta(&self.clock, self.next_sequence, &labels, header);
        let meta = folded.map_or(meta, |folded| of_several(meta, &folded, first.as_deref()));
        let (parent, ancestry) = (acting.parent(), acting.ancestry());
        let process = acting.process(header, self.host.cap_full, parent.as_ref(), &ancestry);
        let view = FileOpenView {
            meta,
            actor: acting.actor(&process, header),
            file,
            intent,
            flags: event.open_flags,
            errno: event.errno.cast_signed(),
            folded,
            via: via(event),
        };
        self.lines.file_open(&mut self.out, &view);
        self.written();
        Outcome::Watched
    }
}

/// Each event of the kernel has one record, and this is of those that it did not send.
fn of_several<'a>(meta: Meta<'a>, folded: &Folded, first: Option<&'a str>) -> Meta<'a> {
    Meta {
        utc_ns: folded.first_utc_ns,
        event: None,
        correlation: first,
        ..meta
    }
}

/// Whether a file event is anybody's business.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Watched,
    Unwatched,
    /// Each watch that is for it has an exception for it.
    Excluded,
    /// Part of a record that comes.
    Folded,
}

impl Recorder {
    /// What the kernel need not send of a process whose open was excluded: see [`Decider::quiet`].
    pub fn quiet(&mut self, event: &FileOpen, decider: &Decider) -> Option<(u64, u64)> {
        let acting = Acting::of(self, &event.header, event.namespace_pid);
        decider.quiet(&acting.who(), &event.header)
    }
}

fn linked<'a>(linked: &'a Linked, event: &FileOpen) -> &'a [Vec<u8>] {
    match event.reasons & reason::OBJECT {
        0 => &[],
        _ => linked.of((event.dev, event.ino)),
    }
}

fn below(event: &FileOpen) -> Option<Below> {
    (event.tree_ino != 0).then_some(Below {
        tree: (event.tree_dev, event.tree_ino),
        levels: event.tree_levels,
    })
}

fn operation(intent: Intent) -> Operation {
    match intent {
        Intent::Read => Operation::Read,
        Intent::Write => Operation::Write,
        Intent::Create => Operation::Create,
    }
}

fn via(event: &FileOpen) -> Via {
    if event.flags & flag::RECEIVED != 0 {
        return Via::Received;
    }
    match event.flags & (flag::RING | flag::NO_RESULT) {
        0 => Via::Call,
        flag::RING => Via::Ring,
        _ => Via::RingWithoutResult,
    }
}

/// What a name leads to, where nothing else is known of what was opened.
fn meaning(event: &FileOpen, tails: &Tails<'_>, decider: &Decider, views: &mut Views) -> Meaning {
    let (mut start, mut on_disk) = (Vec::new(), Vec::new());
    path::join(&start_of(event, tails).unwrap_or_default(), &mut start);
    path::join(&tails.on_disk.unwrap_or_default(), &mut on_disk);
    let question = Question {
        start: Start {
            path: &start,
            on_disk: tails.on_disk.map(|_| (event.dev, &on_disk[..])),
        },
        name: tails.filename.map_or(b"", |name| name.bytes),
        follow: event.open_flags & libc::O_NOFOLLOW.cast_unsigned() == 0,
        namespace_pid: event.namespace_pid,
    };
    let mut meaning = decider.meaning(&event.header, &question, views);
    decider.look(&event.header, &mut meaning, views);
    meaning
}

fn named(intent: Intent, meaning: &Meaning) -> Named<'_> {
    Named {
        operation: operation(intent),
        meaning,
        with_below: false,
        with_entries: false,
        by_identity: true,
    }
}

/// What stands there now.
fn followed_file(meaning: &Meaning) -> FileView<'_> {
    let inode = meaning.object.map(|object| Inode {
        number: object.id.1,
        mode: object.mode,
        ..facts::device(object.id.0)
    });
    FileView {
        path: Text {
            source: Source::Userspace,
            ..Text::whole(&meaning.path)
        },
        inode: inode.map_or(Fact::Unknown, Fact::Known),
        links: 1,
        is_deleted: false,
        permissions: None,
        details: None,
        kind: 0,
    }
}

/// Where a name starts from.
fn start_of<'a>(event: &FileOpen, tails: &Tails<'a>) -> Option<Part<'a>> {
    let base = tails.base.filter(|_| event.flags & flag::AT != 0);
    base.or(tails.cwd)
}

/// The file behind the descriptor.
fn opened_file<'a>(
    event: &FileOpen,
    tails: &Tails<'_>,
    intent: Intent,
    to: &'a mut Vec<u8>,
) -> FileView<'a> {
    const PERMISSIONS: u32 = 0o7777;
    let source = match event.flags & flag::UNPROVEN != 0 {
        true => Source::Unproven,
        false => Source::Kernel,
    };
    let path = path::join(&tails.file.unwrap_or_default(), to).text();
    FileView {
        path: Text { source, ..path },
        inode: Fact::Known(Inode {
            number: event.ino,
            mode: event.mode,
            ..facts::device(event.dev)
        }),
        links: event.links,
        is_deleted: event.links == 0,
        permissions: (intent == Intent::Create).then_some(event.mode & PERMISSIONS),
        details: None,
        kind: 0,
    }
}

/// Was a name asked for that could be read? By handle there is none.
fn is_named(tails: &Tails<'_>) -> bool {
    let name = tails.filename.as_ref();
    name.is_some_and(|name| !name.unreadable() && !name.bytes.is_empty())
}

/// The name that was asked for. Whether there is such a file is the errno's matter; which one it is
/// was not captured.
fn asked_file<'a>(event: &FileOpen, tails: &Tails<'_>, to: &'a mut Vec<u8>) -> FileView<'a> {
    let nothing = Part::default();
    let asked = tails.filename.unwrap_or(nothing);
    let path = path::absolute(start_of(event, tails).as_ref(), &asked, to).text();
    FileView {
        path: Text {
            source: Source::AsGiven,
            ..path
        },
        inode: Fact::Unknown,
        links: 1,
        is_deleted: false,
        permissions: None,
        details: None,
        kind: 0,
    }
}
