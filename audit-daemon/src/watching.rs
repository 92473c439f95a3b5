//! Which file events are recorded: watches, mounts and identities, together, as of now.
//!
//! Owns the decision about one event, and the labels that a record gets by it. The kernel has matched
//! too much on purpose; what is let through here is exactly what the configuration names. A decider
//! is never changed: the keeper of the watches makes another one and puts it in the place of this.

mod keeper;
mod meaning;

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use audit_common::{
    Header,
    header::flag,
    volume::{QUIET_ALL, QUIET_READS},
};

pub use keeper::{Keeper, KeeperError, Replaced, Survey, Tell, survey};
pub use meaning::{Identified, Meaning, Question, Start, Views};

use crate::{
    config::Operation,
    enrich::{mounts::Mounts, process::Executable},
    watch::{
        Scratch,
        exceptions::{FileId, Version},
        set::{Judgement, Subject, WatchId, WatchSet},
    },
};

/// An object as the kernel names it: device and inode.
pub type ObjectId = (u32, u64);

/// What is watched by what it is, whatever it is called.
#[derive(Debug, Default)]
pub struct Known {
    pub objects: HashMap<ObjectId, Vec<WatchId>>,
    /// Directories with all below them, and where they stood when they were found.
    pub trees: HashMap<ObjectId, Vec<u8>>,
}

/// A watched directory that an object is below, as the kernel found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Below {
    pub tree: ObjectId,
    /// Names between it and the object, the object's included.
    pub levels: u32,
}

/// Everything that a decision needs.
pub struct Decider {
    set: WatchSet,
    mounts: Mounts,
    known: Known,
    /// By watch: those of every record, the watch's own and its name, sorted.
    labels: Vec<Vec<String>>,
    /// What the kernel knows quiet processes of this decider by.
    policy: u64,
}

/// What becomes of an access.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Recorded, with these labels.
    Watched(Vec<String>),
    /// No watch is for it.
    Unwatched,
    /// Each watch that is for it has an exception for it.
    Excluded,
}

/// Who acts.
#[derive(Clone, Copy)]
pub struct Who<'a> {
    pub executable: Option<Executable>,
    pub user: Option<&'a str>,
    pub container: Option<&'a str>,
}

/// What became of an object, seen from a process.
pub struct Access<'a> {
    pub operation: Operation,
    /// The object; `None` of a failure.
    pub object: Option<ObjectId>,
    /// It came to be by this: if its number is a known one, that is another file's, gone by now.
    pub is_new: bool,
    /// From its file system's root; empty of a failure.
    pub on_disk: &'a [u8],
    /// As the process sees it, or asked for it.
    pub path: &'a [u8],
    /// The kernel walked it in the host's tree: it is one of the places.
    pub is_hosts: bool,
    pub below: Option<Below>,
    /// Other names that the object is known to have on the host.
    pub also: &'a [Vec<u8>],
}

/// A name that an act was about.
pub struct Named<'a> {
    pub operation: Operation,
    pub meaning: &'a Meaning,
    /// What is below it goes with it.
    pub with_below: bool,
    /// It is a directory that becomes visible elsewhere, or is covered: whoever watches all that is in
    /// it is concerned.
    pub with_entries: bool,
    /// What it is counts, too; of what was just made, only its place does.
    pub by_identity: bool,
}

/// Names an entry that no pattern names: only wildcards match it.
const ANY_ENTRY: &[u8] = b"/\x01";

impl Decider {
    pub fn new(
        set: WatchSet,
        mounts: Mounts,
        known: Known,
        everywhere: &[String],
        policy: u64,
    ) -> Decider {
        let labels = set.iter().map(|(_, watch)| {
            let own = watch.labels.iter().cloned();
            let name = std::iter::once(format!("watch:{}", watch.name));
            merged(everywhere.iter().cloned().chain(own).chain(name))
        });
        Decider {
            labels: labels.collect(),
            set,
            mounts,
            known,
            policy,
        }
    }

    /// Of this access.
    pub fn decide(
        &self,
        access: &Access<'_>,
        who: &Who<'_>,
        header: &Header,
        scratch: &mut Scratch,
    ) -> Decision {
        let at_home = header.flags & flag::HOST_ROOT != 0;
        let hosts = match access.object {
            Some((dev, _)) => {
                let mut hosts = self.places(dev, access.on_disk);
                let below = self.place_below(access.below, access.on_disk, access.path);
                hosts.extend(below.filter(|place| !hosts.contains(place)));
                hosts.extend_from_slice(access.also);
                if access.is_hosts && !hosts.iter().any(|host| host == access.path) {
                    hosts.push(access.path.to_vec());
                }
                hosts
            }
            None if at_home => vec![
                self.mounts.resolved(access.path, false),
                self.mounts.resolved(access.path, true),
            ],
            None => Vec::new(),
        };
        let known = access.object.filter(|_| !access.is_new);
        let subject = self.subject(header, who, access.path, known);
        let mut found = Found::default();
        self.judge(&subject, &hosts, access.operation, scratch, &mut found);
        self.decision(found)
    }

    /// The same of an act by names: it is recorded if any of them is watched.
    pub fn decide_named(
        &self,
        names: &[Named<'_>],
        who: &Who<'_>,
        header: &Header,
        scratch: &mut Scratch,
    ) -> Decision {
        let mut found = Found::default();
        for named in names {
            let meaning = named.meaning;
            let object = meaning.object.filter(|_| named.by_identity);
            let object = object.map(|object| object.id);
            let subject = Subject {
                with_below: named.with_below,
                ..self.subject(header, who, &meaning.path, object)
            };
            let (hosts, operation) = (&meaning.hosts, named.operation);
            self.judge(&subject, hosts, operation, scratch, &mut found);
            if named.with_entries {
                let entry = |host: &Vec<u8>| {
                    let host = host.strip_suffix(b"/").unwrap_or(host);
                    [host, ANY_ENTRY].concat()
                };
                let entries: Vec<Vec<u8>> = hosts.iter().map(entry).collect();
                self.judge(&subject, &entries, operation, scratch, &mut found);
            }
        }
        self.decision(found)
    }

    /// What the kernel need not send of this process, if anything, and what it knows that by: all
    /// that no watch would record whatever the path.
    pub fn quiet(&self, who: &Who<'_>, header: &Header) -> Option<(u64, u64)> {
        let subject = self.subject(header, who, b"", None);
        let what = if self.set.excludes(&subject, None) {
            QUIET_ALL
        } else if self.set.excludes(&subject, Some(Operation::Read)) {
            QUIET_READS
        } else {
            return None;
        };
        Some((what, self.policy))
    }

    /// Where a place on a file system stands in the host's tree.
    pub fn places(&self, dev: u32, on_disk: &[u8]) -> Vec<Vec<u8>> {
        self.mounts.paths(dev, on_disk).collect()
    }

    /// Where an object would stand if the watched directory above it still stood where it was found: one
    /// that was moved away takes what is below it along.
    pub fn place_below(
        &self,
        below: Option<Below>,
        on_disk: &[u8],
        path: &[u8],
    ) -> Option<Vec<u8>> {
        let below = below?;
        let tree = self.known.trees.get(&below.tree)?;
        let levels = below.levels as usize;
        // A walk that went across mounts has more names than the file system that it began on.
        let rest = last_names(on_disk, levels).or_else(|| last_names(path, levels))?;
        Some([tree.strip_suffix(b"/").unwrap_or(tree), rest].concat())
    }

    fn subject<'a>(
        &'a self,
        header: &Header,
        who: &Who<'a>,
        path: &'a [u8],
        object: Option<ObjectId>,
    ) -> Subject<'a> {
        let at_home = header.flags & flag::HOST_ROOT != 0;
        let known = object.and_then(|object| self.known.objects.get(&object));
        Subject {
            path: b"",
            with_below: false,
            inside: (!at_home).then_some(path),
            known: known.map_or(&[], Vec::as_slice),
            executable: who.executable.and_then(version),
            time_ns: header.time_ns,
            uid: header.uid,
            user: who.user,
            container: who.container,
        }
    }

    /// Adds the watches that are for it by one of its host paths; by what it is where it has none, for
    /// exceptions by path would not hold there.
    fn judge(
        &self,
        subject: &Subject<'_>,
        hosts: &[Vec<u8>],
        operation: Operation,
        scratch: &mut Scratch,
        found: &mut Found,
    ) {
        let nowhere = [Vec::new()];
        let hosts = if hosts.is_empty() { &nowhere } else { hosts };
        for path in hosts {
            let subject = Subject { path, ..*subject };
            match self.set.judge(&subject, operation, scratch) {
                Judgement::Watched(watching) => {
                    found.watches.extend(watching.map(|(id, _)| id.0));
                }
                Judgement::Excepted(_) => found.is_excepted = true,
                Judgement::Unwatched => {}
            }
        }
    }

    fn decision(&self, found: Found) -> Decision {
        let Found {
            mut watches,
            is_excepted,
        } = found;
        watches.sort_unstable();
        watches.dedup();
        let of = |id: &u32| self.labels.get(*id as usize);
        match &watches[..] {
            [] if is_excepted => Decision::Excluded,
            [] => Decision::Unwatched,
            [id] => Decision::Watched(of(id).cloned().unwrap_or_default()),
            ids => Decision::Watched(merged(ids.iter().filter_map(of).flatten().cloned())),
        }
    }
}

/// Watches that record an access, and whether there are others, which have an exception for it.
#[derive(Default)]
struct Found {
    watches: Vec<u32>,
    is_excepted: bool,
}

/// What a program is excluded by; `None` if too little is known of it.
fn version(executable: Executable) -> Option<Version> {
    let Executable {
        dev,
        ino,
        ctime_ns,
        size,
    } = executable;
    let id = FileId {
        dev: dev.into(),
        ino,
    };
    (ctime_ns != 0).then_some(Version { id, ctime_ns, size })
}

/// The last names of a path with the slashes before them; `None` if there are fewer.
fn last_names(path: &[u8], count: usize) -> Option<&[u8]> {
    let mut slashes = path
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'/');
    match count {
        0 => Some(b""),
        _ => slashes.nth(count - 1).map(|(at, _)| &path[at..]),
    }
}

fn merged(labels: impl Iterator<Item = String>) -> Vec<String> {
    let mut labels: Vec<String> = labels.collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// The decider of now, shared by its keeper and whoever decides.
#[derive(Clone, Default)]
pub struct Current(Arc<RwLock<Option<Arc<Decider>>>>);

impl Current {
    pub fn get(&self) -> Option<Arc<Decider>> {
        self.0.read().ok()?.clone()
    }

    fn set(&self, decider: Decider) {
        if let Ok(mut place) = self.0.write() {
            *place = Some(Arc::new(decider));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::last_names;

    #[test]
    fn the_last_names_of_a_path_keep_their_slashes() {
        let last = |count| last_names(b"/a/b/c", count);
        assert_eq!(last(0), Some(&b""[..]));
        assert_eq!(last(1), Some(&b"/c"[..]));
        assert_eq!(last(3), Some(&b"/a/b/c"[..]));
        assert_eq!(last(4), None);
    }
}
