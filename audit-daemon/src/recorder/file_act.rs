//! Records of files that were changed by name or descriptor, and of those that were to be.
//!
//! Owns what each call is about: its names, the operation that a watch asks for, and what its numbers
//! say. What a name meant is found out by the decider.

mod calls;
mod known;
mod left;
mod made;
mod mounts;
mod options;
mod second;
mod times;
mod writing;

use audit_common::file_act::{FileAct, call, flag};
use nix::libc;

use made::Mode;
pub use mounts::SameMount;

use writing::Writing;

use super::{Recorder, acting::Acting, facts, file_open::Outcome, path};
use crate::{
    decode::{Part, Tails},
    record::{
        FileResult,
        view::{Fact, FileDetails, FileView, Inode, Source, Text},
    },
    watching::{Below, Decider, Decision, Identified, Meaning, Named, Question, Start, Views},
};

const ENOENT: u32 = libc::ENOENT.cast_unsigned();

/// The names of an act and what they meant.
struct Objects {
    first: Meaning,
    second: Option<Meaning>,
    /// How paths were learnt.
    source: Source,
}

impl Recorder {
    /// Writes the record of an act, if the decider wants one or all of its sort are wanted; `entry` are its bytes.
    pub fn file_act(
        &mut self,
        event: &FileAct,
        tails: &Tails<'_>,
        entry: &[u8],
        decider: &Decider,
        wanted: bool,
    ) -> Outcome {
        let header = &event.header;
        let Some(mut objects) = objects(event, tails, decider, &mut self.views) else {
            return Outcome::Unwatched;
        };
        if calls::may_be_watched_by_identity(event) {
            objects.look(event, decider, &mut self.views);
        }
        // Also where nobody wants to know of links: what is done by the new name is another matter.
        if let (call::LINK, 0, Some(object)) = (event.call, event.errno, objects.first.object) {
            self.linked.add(object.id, &objects.first.hosts);
            if let Some(second) = &objects.second {
                self.linked.add(object.id, &second.hosts);
            }
        }
        let acting = Acting::of(self, header, event.namespace_pid);
        let names = names(event, &objects);
        let scratch = &mut self.watching;
        let labels = match decider.decide_named(&names, &acting.who(), header, scratch) {
            Decision::Watched(labels) => labels,
            _ if mounts::are_told(event) => {
                return self.mount(event, tails, entry, decider, objects, wanted);
            }
            Decision::Unwatched => return Outcome::Unwatched,
            Decision::Excluded => return Outcome::Excluded,
        };
        if !wanted {
            return Outcome::Watched;
        }
        objects.look(event, decider, &mut self.views);
        self.write_any(&Writing {
            event,
            tails,
            objects: &objects,
            acting: &acting,
            labels: &labels,
            folded: None,
        });
        Outcome::Watched
    }
}

impl Objects {
    /// Finds out which objects they are, as far as that has a meaning now.
    fn look(&mut self, event: &FileAct, decider: &Decider, views: &mut Views) {
        if event.flags & flag::OBJECT != 0 {
            // What the kernel did not tell nobody can: what stands there by now may be another one.
            return;
        }
        if let Some(second) = &mut self.second {
            decider.look(&event.header, second, views);
        }
        let done = event.errno == 0;
        match event.call {
            // What was renamed stands where it went to, unless two things changed places.
            call::RENAME if done => {
                self.first.forget_object();
                if calls::detail(event).is_none() {
                    self.first.object = self.second.as_ref().and_then(|second| second.object);
                }
            }
            call::UNLINK | call::RMDIR | call::UMOUNT if done => self.first.forget_object(),
            _ => decider.look(&event.header, &mut self.first, views),
        }
    }
}

/// What the act was about; `None` if nobody can say.
fn objects(
    event: &FileAct,
    tails: &Tails<'_>,
    decider: &Decider,
    views: &mut Views,
) -> Option<Objects> {
    let on_disk = joined(tails.on_disk.as_ref());
    let base = joined(tails.base.as_ref());
    let start = Start {
        path: &base,
        on_disk: tails.on_disk.map(|_| (event.dev, &on_disk[..])),
    };
    let by_fd = event.flags & flag::BY_FD != 0;
    let below = (event.tree_ino != 0).then_some(Below {
        tree: (event.tree_dev, event.tree_ino),
        levels: event.tree_levels,
    });
    let path = joined(tails.file.as_ref());
    let moved = decider.place_below(below, &on_disk, if by_fd { &path } else { &base });
    if event.flags & flag::OBJECT != 0 {
        return known::objects(event, tails, decider, moved, views);
    }
    if by_fd && left::by(event) {
        return Some(left::objects(event, tails, decider));
    }
    let mut first = match by_fd {
        true => Meaning::of_object(
            path,
            places(event, tails, decider),
            Identified {
                id: (event.dev, event.ino),
                mode: event.mode,
                links: event.links.into(),
                modified: None,
            },
        ),
        false => {
            let question = Question {
                start,
                name: readable(tails.filename.as_ref())?,
                follow: calls::follows(event),
                namespace_pid: event.namespace_pid,
            };
            decider.meaning(&event.header, &question, views)
        }
    };
    first.hosts.extend(moved.map(|place| {
        match by_fd {
            true => place,
            // A name without a slash, for else the kernel does not look for the tree.
            false => [
                &place[..],
                b"/",
                tails.filename.map_or(b"", |name| name.bytes),
            ]
            .concat(),
        }
    }));
    let second = match event.flags & flag::TWO_NAMES != 0 {
        true => second::meaning(event, tails, decider, &start, &first, views),
        false => None,
    };
    Some(Objects {
        first,
        second,
        source: source(event),
    })
}

/// Where the host has what the kernel walked from.
fn places(event: &FileAct, tails: &Tails<'_>, decider: &Decider) -> Vec<Vec<u8>> {
    places_of(event, tails.on_disk.as_ref(), tails.file.as_ref(), decider)
}

/// The same of one of two.
fn places_of(
    event: &FileAct,
    on_disk: Option<&Part<'_>>,
    walk: Option<&Part<'_>>,
    decider: &Decider,
) -> Vec<Vec<u8>> {
    let mut places = decider.places(event.dev, &joined(on_disk));
    if path::is_hosts(&event.header, walk) {
        let walked = joined(walk);
        places.extend((!places.contains(&walked)).then_some(walked));
    }
    places
}

/// How paths were learnt.
fn source(event: &FileAct) -> Source {
    let by_fd = event.flags & flag::BY_FD != 0;
    match (event.flags & flag::UNPROVEN != 0, by_fd) {
        (true, _) => Source::Unproven,
        (false, true) => Source::Kernel,
        (false, false) => Source::Userspace,
    }
}

fn names<'a>(event: &FileAct, objects: &'a Objects) -> Vec<Named<'a>> {
    let (first, second) = calls::operations(event);
    let with_below = calls::takes_along(event);
    let with_entries = calls::is_mounting(event);
    let by_identity = event.flags & flag::OBJECT == 0 || !calls::makes(event);
    let named = |meaning, operation| Named {
        operation,
        meaning,
        with_below,
        with_entries,
        by_identity,
    };
    let second = objects.second.as_ref().zip(second);
    std::iter::once(named(&objects.first, first))
        .chain(second.map(|(meaning, operation)| named(meaning, operation)))
        .collect()
}

fn file<'a>(event: &FileAct, meaning: &'a Meaning, source: Source) -> FileView<'a> {
    let inode = match (meaning.object, event.errno) {
        (Some(object), _) => Fact::Known(Inode {
            number: object.id.1,
            mode: object.mode,
            ..facts::device(object.id.0)
        }),
        (None, ENOENT) => Fact::Absent,
        // What was to be made is not there.
        (None, errno) if errno != 0 && calls::makes(event) => Fact::Absent,
        (None, _) => Fact::Unknown,
    };
    // Of a name the number of names was learnt later, so only the act that is about it tells it.
    let gone = matches!(event.call, call::UNLINK | call::RMDIR);
    let is_now = event.flags & (flag::BY_FD | flag::BEFORE) == flag::BY_FD;
    let told = is_now && !gone || event.call == call::LINK;
    let regular = |object: &Identified| told && object.mode & libc::S_IFMT == libc::S_IFREG;
    let links = meaning
        .object
        .filter(regular)
        .map_or(1, |object| object.links);
    FileView {
        path: Text {
            source,
            ..Text::whole(&meaning.path)
        },
        inode,
        kind: calls::kind(event).unwrap_or(0),
        links: u32::try_from(links).unwrap_or(u32::MAX),
        is_deleted: false,
        permissions: None,
        details: None,
    }
}

fn learnt(mode: Option<Mode>) -> Source {
    mode.map_or(Source::Kernel, |(_, source)| source)
}

/// What came of it, or was to come.
fn result<'a>(
    event: &FileAct,
    objects: &'a Objects,
    file: &FileView<'a>,
    changed: Option<Mode>,
    change: &'a FileDetails<'a>,
) -> Option<FileResult<'a>> {
    match event.call {
        call::RENAME | call::LINK => {
            let second = objects.second.as_ref()?;
            Some(FileResult::Name(self::file(event, second, objects.source)))
        }
        call::CHMOD => Some(FileResult::Change(FileView {
            permissions: changed.map(|(mode, _)| mode),
            links: 1,
            details: Some(change),
            ..*file
        })),
        call::UTIMES if change.modified.is_none() => None,
        call::CHOWN | call::UTIMES => Some(FileResult::Change(FileView {
            links: 1,
            details: Some(change),
            ..*file
        })),
        _ => None,
    }
}

fn details<'a>(
    event: &FileAct,
    tails: &Tails<'a>,
    mount_options: Option<&'a str>,
) -> FileDetails<'a> {
    let text = |part: Option<Part<'a>>| readable(part.as_ref()).map(Text::whole);
    let only = |calls: &[u32], part| calls.contains(&event.call).then(|| text(part)).flatten();
    FileDetails {
        size: calls::new_size(event),
        rdev: calls::device_number(event),
        link_target: only(&[call::SYMLINK], tails.second_name),
        xattr: only(&[call::SETXATTR, call::REMOVEXATTR], tails.text),
        xattr_size: calls::xattr_size(event),
        mount_source: only(&[call::MOUNT, call::MOVE_MOUNT], tails.second_name),
        fstype: only(&[call::MOUNT], tails.text),
        mount_options,
        ..FileDetails::default()
    }
}

fn joined(part: Option<&Part<'_>>) -> Vec<u8> {
    let mut to = Vec::new();
    if let Some(part) = part {
        path::join(part, &mut to);
    }
    to
}

fn readable<'a>(part: Option<&Part<'a>>) -> Option<&'a [u8]> {
    part.filter(|part| !part.unreadable())
        .map(|part| part.bytes)
}
