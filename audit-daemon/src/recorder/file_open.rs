//! Records of opened files, and of those that were to be.
//!
//! Owns the view of an open. Whether it is watched was decided before.

use audit_common::file_open::{FileOpen, flag};

use super::{Recorder, acting::Acting, facts, path};
use crate::{
    config::Operation,
    decode::{Part, Tails},
    enrich::clock::WallClock,
    record::{
        FileOpenView, Intent,
        view::{Fact, FileView, Folded, Inode, Meta, Source, Text},
    },
    watching::{Access, Below, Decider, Decision},
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
        if event.errno != 0 && !is_named(tails) {
            // Whatever it was: nobody can say that it is watched.
            return Outcome::Unwatched;
        }
        let header = &event.header;
        let acting = Acting::of(self, header, event.namespace_pid);
        let failed = event.errno != 0;
        let created = event.flags & flag::CREATED != 0;
        let intent = Intent::of(event.open_flags, created, failed);
        let file = match failed {
            true => asked_file(event, tails, &mut self.paths.file),
            false => opened_file(event, tails, intent, &mut self.paths.file),
        };
        let on_disk = path::join(&tails.on_disk.unwrap_or_default(), &mut self.paths.on_disk);
        let access = Access {
            operation: operation(intent),
            object: (!failed).then_some((event.dev, event.ino)),
            is_new: created,
            on_disk: on_disk.bytes,
            path: file.path.bytes,
            below: below(event),
        };
        let who = acting.who();
        let labels = match decider.decide(&access, &who, header, &mut self.watching) {
            Decision::Watched(labels) => labels,
            Decision::Unwatched => return Outcome::Unwatched,
            Decision::Excluded => return Outcome::Excluded,
        };
        if !wanted {
            return Outcome::Watched;
        }
        let first = repeated.and_then(|repeated| repeated.of);
        let first = first.map(|sequence| self.lines.uid(sequence));
        let meta = super::meta(&self.clock, self.next_sequence, &labels, header);
        let folded = repeated.map(|repeated| repeated.folded(&self.clock));
        let meta = match folded {
            // Each event of the kernel has one record, and this is of those that it did not send.
            Some(folded) => Meta {
                utc_ns: folded.first_utc_ns,
                event: None,
                correlation: first.as_deref(),
                ..meta
            },
            None => meta,
        };
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
        };
        self.lines.file_open(&mut self.out, &view);
        self.written();
        Outcome::Watched
    }
}

/// Whether a file event is anybody's business.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    Watched,
    Unwatched,
    /// Each watch that is for it has an exception for it.
    Excluded,
}

impl Recorder {
    /// What the kernel need not send of a process whose open was excluded: see [`Decider::quiet`].
    pub fn quiet(&mut self, event: &FileOpen, decider: &Decider) -> Option<(u64, u64)> {
        let acting = Acting::of(self, &event.header, event.namespace_pid);
        decider.quiet(&acting.who(), &event.header)
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
    let base = match event.flags & flag::AT != 0 {
        true => tails.base.as_ref(),
        false => None,
    };
    let path = path::absolute(base.or(tails.cwd.as_ref()), &asked, to).text();
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
