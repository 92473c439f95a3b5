//! From watches to what the kernel shall match, with the kernel's own identities.
//!
//! Owns the translation. Device and inode are those that the kernel has (`fdinfo` and mountinfo), not
//! those of `stat`: on btrfs and overlayfs they differ.

use std::{
    collections::{BTreeSet, HashMap, hash_map::Entry},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    time::Duration,
};

use audit_common::watch::{
    ASKED_BYTES, NAME_COMPARED_BYTES, NAME_KEY_BYTES, NameKey, ObjectKey, bit,
};

use super::super::{Known, ObjectId};
use super::away::{Key, Place, Sort};
use crate::{
    config::Operation,
    enrich::{
        boot_ns,
        mounts::{Mounts, identify},
    },
    kernel::Matching,
    watch::{
        anchors::{Anchors, Interest, Limits},
        disk::{Disk, Host, Identify, Remembered},
        exceptions::FileId,
        pattern::{Component, Pattern},
        programs::{Change, Looked, Programs, State},
        set::{WatchId, WatchSet},
    },
};

/// What a look at the file system gave.
#[derive(Default)]
pub struct Found {
    pub matching: Matching,
    pub known: Known,
    /// Directories on the way to watched paths: a change in one is a reason to look again.
    pub directories: BTreeSet<PathBuf>,
    pub warnings: Vec<String>,
    pub excluded: Excluded,
    /// What is watched by what it is, and where that stands.
    pub places: HashMap<Key, Place>,
}

/// What the look found of excluded programs.
#[derive(Default)]
pub struct Excluded {
    /// Each once, in the order of the configuration.
    pub states: Vec<(PathBuf, State)>,
    pub changes: Vec<Change>,
    /// Their files, and the directories that have them by name.
    pub files: BTreeSet<PathBuf>,
    pub directories: BTreeSet<PathBuf>,
}

impl Excluded {
    /// When to look again, at programs that were changed just now.
    pub fn again(&self) -> Option<Duration> {
        let young = self.states.iter().filter_map(|(_, state)| match state {
            State::Young(rest) => Some(*rest),
            _ => None,
        });
        young.max()
    }
}

/// Finds everything anew; the set learns what links lead to, and which programs are excluded. What is
/// done in `canary` is let through.
pub fn find(
    set: &mut WatchSet,
    mounts: &Mounts,
    programs: &mut Programs,
    canary: Option<&Path>,
) -> Found {
    let disk = Remembered::new(Host::identifying(identifying(mounts)));
    let anchors = Anchors::find(set, Path::new("/"), &disk, Limits::default());
    let mut found = Found {
        excluded: excluded(set, mounts, programs),
        ..Found::default()
    };
    for (id, tree) in &anchors.trees {
        for name in tree.missing.keys() {
            found.add_name(*id, name, bit::TREE);
        }
        if tree.interest == Interest::default() {
            continue;
        }
        found.place((object_id(*id), Sort::Tree), &tree.path, &[]);
        // Another directory in its place is not missed.
        if let (Some(parent), Some(name)) = (tree.path.parent(), tree.path.file_name())
            && let Ok(parent) = disk.look(parent)
        {
            found.add_name(parent.id, name.as_bytes(), bit::TREE);
        }
        found.ways_to(&tree.path);
    }
    for (parent, name) in anchors.names.keys() {
        found.add_name(*parent, name, bit::OBJECT);
    }
    for (id, object) in anchors.objects.iter().chain(&anchors.linked) {
        let key = (object_id(*id), Sort::Object);
        found.place(key, &object.path, &object.watches);
        found.ways_to(object.path.parent().unwrap_or(Path::new("/")));
    }
    for (id, way) in &anchors.aliases {
        set.add_way(*id, way);
        found.asked(&literal(way.components()).0);
    }
    found.as_written(set);
    if let Some(canary) = canary {
        found.let_through(canary, &disk);
    }
    let times = Operation::Times;
    found.matching.times = set
        .iter()
        .any(|(_, watch)| watch.operations.contains(&times));
    for directory in &found.directories {
        if let Ok(seen) = disk.look(directory) {
            let (dev, ino) = object_id(seen.id);
            let key = ObjectKey { ino, dev, zero: 0 };
            *found.matching.objects.entry(key).or_default() |= bit::WAY;
        }
    }
    found.warnings = anchors.warnings;
    for (path, state) in &found.excluded.states {
        if let State::Unfit(why) = state {
            let warning = format!("the excluded program {path:?} {why}: it excludes nothing");
            found.warnings.push(warning);
        }
    }
    if anchors.warnings_more > 0 {
        let more = anchors.warnings_more;
        found.warnings.push(format!("and {more} more like these"));
    }
    found
}

/// The kernel's identity of an open file.
fn identifying(mounts: &Mounts) -> Box<Identify> {
    let devices: HashMap<u32, u32> = mounts.devices().collect();
    Box::new(move |file| {
        let (dev, ino) = identify(file, |mount| devices.get(&mount).copied())?;
        Ok(FileId {
            dev: dev.into(),
            ino,
        })
    })
}

/// Finds out which programs are excluded, each once.
fn excluded(set: &mut WatchSet, mounts: &Mounts, programs: &mut Programs) -> Excluded {
    let identify = identifying(mounts);
    let (mut excluded, mut seen) = (Excluded::default(), HashMap::new());
    set.identify(|path| {
        if let Some(versions) = seen.get(path) {
            return Vec::clone(versions);
        }
        let looked = programs.look(path, &*identify, boot_ns);
        let Looked {
            versions,
            state,
            change,
        } = looked;
        excluded.follow(path);
        excluded.states.push((path.to_owned(), state));
        excluded.changes.extend(change);
        seen.insert(path.to_owned(), versions.clone());
        versions
    });
    excluded
}

impl Excluded {
    /// A change of the file, or of what its names lead to, is a reason to look again.
    fn follow(&mut self, path: &Path) {
        let real = path.canonicalize().ok();
        self.files.extend(real.clone());
        let names = [Some(path.to_owned()), real].into_iter().flatten();
        let directories = names.filter_map(|name| Some(name.parent()?.to_owned()));
        self.directories.extend(directories);
    }
}

/// A path as far as it has no wildcard, and whether that is all of it.
fn literal(components: &[Component]) -> (Vec<u8>, bool) {
    let mut begin = Vec::new();
    for component in components {
        let Component::Name(name) = component else {
            return (begin, false);
        };
        begin.push(b'/');
        begin.extend_from_slice(name);
    }
    (begin, true)
}

fn object_id(id: FileId) -> ObjectId {
    // Made by `identify`, from 32 bits.
    (id.dev as u32, id.ino)
}

impl Found {
    fn place(&mut self, key: Key, path: &Path, watches: &[WatchId]) {
        let place = Place {
            path: path.to_owned(),
            watches: watches.to_vec(),
        };
        self.put(key, &place);
        match self.places.entry(key) {
            // Watched by its path, and as another name of what is below a tree.
            Entry::Occupied(mut known) => known.get_mut().watches.extend(place.watches),
            Entry::Vacant(entry) => {
                entry.insert(place);
            }
        }
    }

    /// Lets the kernel match it, and the decider know it.
    pub fn put(&mut self, ((dev, ino), sort): Key, place: &Place) {
        let key = ObjectKey { ino, dev, zero: 0 };
        let bits = self.matching.objects.entry(key).or_default();
        match sort {
            Sort::Tree => {
                *bits |= bit::TREE;
                let path = place.path.as_os_str().as_bytes().to_vec();
                self.known.trees.insert((dev, ino), path);
            }
            Sort::Object => {
                *bits |= bit::OBJECT;
                let known = self.known.objects.entry((dev, ino)).or_default();
                known.extend(place.watches.iter().copied());
            }
        }
    }

    fn add(&mut self, id: FileId, bits: u32) {
        let (dev, ino) = object_id(id);
        let key = ObjectKey { ino, dev, zero: 0 };
        *self.matching.objects.entry(key).or_default() |= bits;
    }

    fn add_name(&mut self, parent: FileId, name: &[u8], bits: u32) {
        self.add(parent, bit::NAMES);
        let (dev, ino) = object_id(parent);
        let mut key = NameKey {
            ino,
            dev,
            length: name.len() as u32,
            name: [0; NAME_KEY_BYTES],
        };
        let compared = name.len().min(NAME_COMPARED_BYTES);
        key.name[..compared].copy_from_slice(&name[..compared]);
        *self.matching.names.entry(key).or_default() |= bits;
    }

    /// All in this directory, and in one that is put in its place; also what is not there.
    fn let_through(&mut self, canary: &Path, disk: &impl Disk) {
        if let Ok(seen) = disk.look(canary) {
            self.add(seen.id, bit::TREE);
        }
        if let (Some(parent), Some(name)) = (canary.parent(), canary.file_name()) {
            if let Ok(seen) = disk.look(parent) {
                self.add_name(seen.id, name.as_bytes(), bit::TREE);
            }
            self.directories.insert(parent.to_owned());
        }
        self.asked(canary.as_os_str().as_bytes());
    }

    fn asked(&mut self, begin: &[u8]) {
        let begin = &begin[..begin.len().min(ASKED_BYTES)];
        self.matching.asked.insert(begin.to_vec());
    }

    fn ways_to(&mut self, directory: &Path) {
        for above in directory.ancestors() {
            if !self.directories.insert(above.to_owned()) {
                break;
            }
        }
    }

    /// What the patterns themselves say, whatever is there now.
    fn as_written(&mut self, set: &WatchSet) {
        for text in set.iter().flat_map(|(_, watch)| &watch.paths) {
            let Ok(pattern) = Pattern::parse(text.as_bytes()) else {
                continue;
            };
            for alternative in pattern.alternatives() {
                let (begin, whole) = literal(alternative.components());
                self.asked(&begin);
                let begin = PathBuf::from(std::ffi::OsString::from_vec(begin));
                let above = begin.parent().filter(|_| whole);
                self.ways_to(above.unwrap_or(&begin));
            }
        }
    }
}
