//! Listing directories: what wildcards match now.
//!
//! OWNS: the limits of that. MUST NOT: follow links; [`super::search`] does where a path says so.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::paths::{is_missing, joined};
use super::search::{Place, Watching};
use super::{Limits, Object};
use crate::watch::disk::{Ground, Kind, Seen};
use crate::watch::pattern::Component;

impl Watching<'_, '_> {
    /// Finds what matches the wildcard that `rest` begins with.
    pub(super) fn scan(&mut self, mut place: Place, mut rest: VecDeque<Component>) {
        if !place.covered {
            self.tree(&place.path, place.id, None);
        }
        (place.covered, place.aliased) = (true, false);
        if let Some(Component::Glob(glob)) = rest.front() {
            let glob = glob.clone();
            rest.pop_front();
            for name in self.list(&place) {
                if glob.matches(&name) {
                    let mut rest = rest.clone();
                    rest.push_front(Component::Name(name));
                    self.follow(place.clone(), rest);
                }
            }
        } else {
            self.scan_tree(place, &rest);
        }
    }

    /// Finds the files with several names below `place`, where `rest` begins with `**`.
    fn scan_tree(&mut self, place: Place, rest: &VecDeque<Component>) {
        let pattern = joined(&place.path, rest);
        let mut todo = vec![place];
        while let Some(directory) = todo.pop() {
            for name in self.list(&directory) {
                let path = directory.path.join(OsStr::from_bytes(&name));
                // It may be gone since it was listed.
                let Ok(seen) = self.look(&path) else { continue };
                let matches = || pattern.matches(path.as_os_str().as_bytes());
                match seen.kind {
                    Kind::File if seen.links > 1 && matches() => {
                        let linked = &mut self.all.found.linked;
                        let object = linked.entry(seen.id).or_insert_with(|| Object::at(&path));
                        object.add(self.id, self.interest);
                    }
                    Kind::Directory if self.may_enter(&directory, &path, &seen) => {
                        todo.push(Place {
                            path,
                            id: seen.id,
                            ..directory
                        });
                    }
                    _ => {}
                }
            }
        }
    }

    /// Is `path` on the file system of its parent, or on another that can be listed?
    fn may_enter(&mut self, parent: &Place, path: &Path, seen: &Seen) -> bool {
        if parent.id.dev == seen.id.dev {
            return true;
        }
        let ground = self.all.disk.ground(&self.all.on_disk(path));
        if ground == Ground::Remote {
            let what = "is served by another machine or program and is not searched for hard \
                        links; what is used there is recorded all the same";
            self.warn(path, format_args!("{what}"));
        }
        ground == Ground::Local
    }

    /// Names in a directory, as many as the limits leave.
    fn list(&mut self, place: &Place) -> Vec<Box<[u8]>> {
        if self.stopped {
            return Vec::new();
        }
        let Limits { per_watch, in_all } = self.all.limits;
        let left = (per_watch - self.listed).min(in_all - self.all.listed);
        // One more than may be, to see whether there are more.
        let path = self.all.on_disk(&place.path);
        let mut names = match self.all.disk.list(&path, left.saturating_add(1)) {
            Ok(names) => names,
            Err(error) if is_missing(&error) => return Vec::new(),
            Err(error) => {
                self.unreadable(place, &error);
                return Vec::new();
            }
        };
        if names.len() > left {
            names.truncate(left);
            self.stopped = true;
            let (bound, whose) = match per_watch - self.listed <= left {
                true => (per_watch, ""),
                false => (in_all, " together with other watches"),
            };
            self.warn(
                &place.path,
                format_args!(
                    "brings it to more than {bound} files{whose}: the rest is not searched for \
                     hard links and symbolic links; what is used below is recorded all the same"
                ),
            );
        }
        self.listed += names.len();
        self.all.listed += names.len();
        names
            .into_iter()
            .map(|name| name.as_bytes().into())
            .collect()
    }
}
