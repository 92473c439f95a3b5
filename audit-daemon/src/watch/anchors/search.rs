//! The search for anchors.
//!
//! OWNS: following one path after the other through directories and links. MUST NOT: keep anything
//! open, or recurse deeper than a pattern has wildcards.
//!
//! Every directory on the way is real: links are replaced by what they lead to before the next
//! step, relative to the root that is given, so that nothing outside of it is looked at.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component as PathComponent, Path, PathBuf};

use super::paths::{UP, before_wildcard, is_missing, joined};
use super::{Anchors, Interest, LINKS_MAX, Limits, Object, Tree};
use crate::config::{Scope, Watch};
use crate::watch::disk::{Disk, Kind, Seen};
use crate::watch::exceptions::FileId;
use crate::watch::operations::Operations;
use crate::watch::pattern::{Alternative, Component};
use crate::watch::set::{WatchId, WatchSet};

/// Where a search is.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Real path of a directory.
    pub path: PathBuf,
    pub id: FileId,
    /// Below a tree of this watch: only what lies elsewhere needs an anchor.
    pub covered: bool,
    /// Reached through a link since the last alias.
    pub aliased: bool,
    /// Links followed so far.
    pub links: u32,
}

pub(super) struct Search<'s> {
    pub disk: &'s dyn Disk,
    root: &'s Path,
    pub limits: Limits,
    pub found: Anchors,
    /// Entries listed for all watches.
    pub listed: usize,
}

/// The search for one watch.
pub(super) struct Watching<'a, 's> {
    pub all: &'a mut Search<'s>,
    pub id: WatchId,
    watch: &'a Watch,
    pub interest: Interest,
    pub listed: usize,
    /// Nothing more is listed: a limit was reached.
    pub stopped: bool,
}

pub(super) fn all(set: &WatchSet, root: &Path, disk: &dyn Disk, limits: Limits) -> Anchors {
    let mut search = Search {
        disk,
        root,
        limits,
        found: Anchors::default(),
        listed: 0,
    };
    for (id, watch) in set.iter() {
        let interest = Interest {
            operations: Operations::of(&watch.operations),
            everywhere: watch.scope == Scope::All,
        };
        let mut watching = Watching {
            all: &mut search,
            id,
            watch,
            interest,
            listed: 0,
            stopped: false,
        };
        // Directories below which another path of the same watch says what it means.
        let below: HashSet<&[Component]> = set
            .alternatives(id)
            .filter_map(|path| {
                let above = path.components().split_last().map(|(_, above)| above);
                before_wildcard(path).or(above)
            })
            .collect();
        for alternative in set.alternatives(id) {
            watching.begin(alternative, &below);
        }
    }
    search.found
}

impl Watching<'_, '_> {
    fn begin(&mut self, path: &Alternative, below: &HashSet<&[Component]>) {
        let top = Path::new("/");
        let id = match self.look(top) {
            Ok(seen) => seen.id,
            Err(error) => return self.warn(top, format_args!("cannot be looked at: {error}")),
        };
        let place = Place {
            path: top.to_owned(),
            id,
            covered: false,
            aliased: false,
            links: 0,
        };
        let plain = before_wildcard(path).is_none();
        let end = self.follow(place, path.components().iter().cloned().collect());
        if let Some(directory) = end
            && plain
            && !below.contains(path.components())
        {
            let what = "is a directory, of which only the entry itself is watched: add /** to the \
                        path for what is below";
            self.warn(&directory, format_args!("{what}"));
        }
    }

    /// Follows `rest` from `place`; returns the directory that a path without wildcards is.
    pub(super) fn follow(
        &mut self,
        mut place: Place,
        mut rest: VecDeque<Component>,
    ) -> Option<PathBuf> {
        loop {
            let name = match rest.front() {
                None => {
                    self.alias(&place, &rest);
                    self.object(&place.path, place.id);
                    return Some(place.path);
                }
                Some(Component::Name(name)) if **name == *UP => {
                    rest.pop_front();
                    place.path.pop();
                    match self.look(&place.path) {
                        Ok(seen) => place.id = seen.id,
                        Err(error) => return self.unreadable(&place, &error),
                    }
                    continue;
                }
                Some(Component::Name(name)) => name.clone(),
                Some(Component::Glob(_) | Component::Tree) => {
                    self.alias(&place, &rest);
                    self.scan(place, rest);
                    return None;
                }
            };
            let last = rest.len() == 1;
            if !place.covered {
                self.name(&place, &name, last);
            }
            let path = place.path.join(OsStr::from_bytes(&name));
            let seen = match self.look(&path) {
                Ok(seen) => seen,
                Err(error) if is_missing(&error) => {
                    self.missing(&place, &rest);
                    return None;
                }
                Err(error) => return self.unreadable(&place, &error),
            };
            match seen.kind {
                Kind::Link => {
                    self.object(&path, seen.id);
                    rest.pop_front();
                    self.enter_link(&mut place, &path, &mut rest)?;
                }
                Kind::Directory => {
                    rest.pop_front();
                    (place.path, place.id) = (path, seen.id);
                }
                Kind::Null if place.links > 0 => return None,
                // What is no directory leads nowhere yet. At the end of a link it hardly ever
                // will, and much may stand beside it: /usr/bin, for a link to a program.
                _ if !last && place.links > 0 => {
                    self.alias(&place, &rest);
                    return None;
                }
                _ if !last => {
                    self.missing(&place, &rest);
                    return None;
                }
                Kind::Null | Kind::File | Kind::Other => {
                    self.alias(&place, &rest);
                    self.object(&path, seen.id);
                    return None;
                }
            }
        }
    }

    /// Goes on where the link at `path` leads; None if it leads nowhere.
    fn enter_link(
        &mut self,
        place: &mut Place,
        path: &Path,
        rest: &mut VecDeque<Component>,
    ) -> Option<()> {
        place.links += 1;
        if place.links > LINKS_MAX {
            let what = "leads round in a loop of symbolic links: only the links are watched";
            self.warn(path, format_args!("{what}"));
            return None;
        }
        let target = match self.all.disk.target(&self.all.on_disk(path)) {
            Ok(target) => target,
            Err(error) => {
                self.unreadable(place, &error);
                return None;
            }
        };
        for part in target.components().rev() {
            match part {
                PathComponent::Normal(name) => {
                    rest.push_front(Component::Name(name.as_bytes().into()));
                }
                PathComponent::ParentDir => rest.push_front(Component::Name(UP.into())),
                PathComponent::RootDir => {
                    place.path = PathBuf::from("/");
                    match self.look(&place.path) {
                        Ok(seen) => place.id = seen.id,
                        Err(error) => {
                            self.unreadable(place, &error);
                            return None;
                        }
                    }
                }
                PathComponent::CurDir | PathComponent::Prefix(_) => {}
            }
        }
        (place.aliased, place.covered) = (true, false);
        Some(())
    }

    /// A path does not exist from here on.
    fn missing(&mut self, place: &Place, rest: &VecDeque<Component>) {
        self.alias(place, rest);
        if rest.len() == 1 || place.covered {
            return;
        }
        let Some(Component::Name(name)) = rest.front() else {
            return;
        };
        self.tree(&place.path, place.id, Some(name));
        if place.path == Path::new("/") {
            let path = place.path.join(OsStr::from_bytes(name));
            let what = "does not exist yet: until then everything on this machine may be looked at";
            self.warn(&path, format_args!("{what}"));
        }
    }

    /// Something at or in `place` cannot be looked at.
    pub(super) fn unreadable(&mut self, place: &Place, error: &io::Error) -> Option<PathBuf> {
        let mut readable = place.path.clone();
        while self.all.disk.list(&self.all.on_disk(&readable), 1).is_err() && readable.pop() {}
        let instead = format!("everything below {readable:?} is looked at instead");
        self.warn(
            &place.path,
            format_args!("cannot be searched: {error}; {instead}"),
        );
        if let Ok(seen) = self.look(&readable) {
            self.tree(&readable, seen.id, None);
        }
        None
    }

    /// Everything below `path` counts, or everything below a name that is missing there.
    pub(super) fn tree(&mut self, path: &Path, id: FileId, missing: Option<&[u8]>) {
        let tree = self.all.found.trees.entry(id).or_insert_with(|| Tree {
            path: path.to_owned(),
            interest: Interest::default(),
            missing: BTreeMap::new(),
        });
        let interest = match missing {
            Some(name) => tree.missing.entry(name.into()).or_default(),
            None => &mut tree.interest,
        };
        *interest = interest.with(self.interest);
    }

    /// A component of a path: its last, or one on the way.
    fn name(&mut self, place: &Place, name: &[u8], last: bool) {
        let key = (place.id, name.into());
        if last {
            let interest = self.all.found.names.entry(key).or_default();
            *interest = interest.with(self.interest);
        } else {
            self.all.found.ways.insert(key);
        }
    }

    fn object(&mut self, path: &Path, id: FileId) {
        let objects = &mut self.all.found.objects;
        let object = objects.entry(id).or_insert_with(|| Object::at(path));
        object.add(self.id, self.interest);
    }

    /// The way from here on, if links led here.
    pub(super) fn alias(&mut self, place: &Place, rest: &VecDeque<Component>) {
        if place.aliased {
            let way = joined(&place.path, rest);
            self.all.found.aliases.insert((self.id, way));
        }
    }

    pub(super) fn look(&self, path: &Path) -> io::Result<Seen> {
        self.all.disk.look(&self.all.on_disk(path))
    }

    pub(super) fn warn(&mut self, path: &Path, what: std::fmt::Arguments<'_>) {
        let name = &self.watch.name;
        self.all
            .found
            .warn(format!("watch \"{name}\": {path:?} {what}"));
    }
}

impl Search<'_> {
    /// Where a path of the watched root really is.
    pub(super) fn on_disk(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

impl Object {
    pub(super) fn at(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            interest: Interest::default(),
            watches: Vec::new(),
        }
    }

    /// Watches come in ascending order.
    pub(super) fn add(&mut self, watch: WatchId, interest: Interest) {
        self.interest = self.interest.with(interest);
        if self.watches.last() != Some(&watch) {
            self.watches.push(watch);
        }
    }
}
