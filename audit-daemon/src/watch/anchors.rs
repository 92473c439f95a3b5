//! Anchors: what the kernel is asked to look for, so that it misses nothing that a watch is for.
//!
//! OWNS: the way from patterns to directories, names and files that exist now, and the warnings
//! about what could not be looked at. MUST NOT: talk to the kernel, or decide about an access:
//! that is [`super::set`].
//!
//! The kernel may report too much, never too little:
//!
//! | a path                                       | becomes                                    |
//! |----------------------------------------------|--------------------------------------------|
//! | whose parent exists                          | a *name* in that parent, and if it exists  |
//! |                                              | itself an *object*                         |
//! | of which a directory on the way is missing   | that name as *missing* in a *tree*, the    |
//! |                                              | nearest directory that exists              |
//! | with a wildcard                              | the directory before it as a *tree*, and   |
//! |                                              | what `* ? [ ]` match now as *objects*      |
//! | through symbolic links                       | all this at the links, and at the place    |
//! |                                              | that they lead to, whose real path is an   |
//! |                                              | *alias* for the set to know                |
//!
//! *Linked* files are the regular ones below a `**` that have other names too: the walk to the
//! root from another name would not come past the tree. *Ways* are the names that a plain path
//! leads through: when one of them changes, anchors are to be found anew.
//!
//! Links that are met below a `**` are watched themselves and not followed, as `find` does not; a
//! link to /dev/null means nothing and is not followed either.
//!
//! Invariants: a search ends. It lists at most [`Limits`] entries, follows at most
//! [`LINKS_MAX`] links in one path, and does not go into file systems that are made up by the
//! kernel or served by somebody else, unless a path names them. Where it stops it says so, and the
//! tree is an anchor all the same.

mod paths;
mod scan;
mod search;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::exceptions::FileId;
use super::operations::Operations;
use super::pattern::Alternative;
use super::set::{WatchId, WatchSet};

/// Links followed in one path: as many as the kernel follows.
pub const LINKS_MAX: u32 = 40;

/// Warnings kept; more of them say nothing new.
const WARNINGS_MAX: usize = 1_000;

/// How many directory entries a search may list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For one watch.
    pub per_watch: usize,
    /// For all.
    pub in_all: usize,
}

impl Default for Limits {
    /// A second for a watch, ten for all, on a disk that has them in memory.
    fn default() -> Self {
        Self {
            per_watch: 100_000,
            in_all: 1_000_000,
        }
    }
}

/// What the kernel is to look for at an anchor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Interest {
    /// The operations of all watches that it belongs to.
    pub operations: Operations,
    /// Does one of these watches mean containers too (`scope = "all"`)?
    pub everywhere: bool,
}

/// A directory below which things count, of which some may not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    /// Its real path.
    pub path: PathBuf,
    /// What counts of everything below it; no operation if only missing names count.
    pub interest: Interest,
    /// Names in it that are no directories yet, and what counts of everything below them.
    pub missing: BTreeMap<Box<[u8]>, Interest>,
}

impl Tree {
    /// What must count of everything below it where missing names cannot be told.
    pub fn widest(&self) -> Interest {
        let missing = self.missing.values();
        missing.fold(self.interest, |all, one| all.with(*one))
    }
}

/// A thing that is watched by what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// One of its real paths.
    pub path: PathBuf,
    /// What counts.
    pub interest: Interest,
    /// Its watches, ascending: [`super::set::Subject::known`].
    pub watches: Vec<WatchId>,
}

/// A name in a directory.
pub type Name = (FileId, Box<[u8]>);

/// What the kernel must look for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Anchors {
    /// Directories below which everything counts, or everything below missing names.
    pub trees: BTreeMap<FileId, Tree>,
    /// Names that count, whether or not they exist.
    pub names: BTreeMap<Name, Interest>,
    /// Names that plain paths lead through.
    pub ways: BTreeSet<Name>,
    /// Existing things that plain paths and `* ? [ ]` match.
    pub objects: BTreeMap<FileId, Object>,
    /// Existing files below `**` with other names, which may be elsewhere.
    pub linked: BTreeMap<FileId, Object>,
    /// Real paths of watches that lead through links, for [`WatchSet::add_way`].
    pub aliases: BTreeSet<(WatchId, Alternative)>,
    /// What could not be looked at, and what is done instead. Safe to print.
    pub warnings: Vec<String>,
    /// How many more warnings there were.
    pub warnings_more: usize,
}

impl Anchors {
    /// Finds the anchors of all watches; `root` is what `/` means.
    pub fn find(set: &WatchSet, root: &Path, disk: &dyn Disk, limits: Limits) -> Self {
        search::all(set, root, disk, limits)
    }

    fn warn(&mut self, text: String) {
        if self.warnings.contains(&text) {
            return;
        }
        if self.warnings.len() == WARNINGS_MAX {
            self.warnings_more += 1;
        } else {
            self.warnings.push(text);
        }
    }
}

impl Interest {
    fn with(self, other: Self) -> Self {
        Self {
            operations: self.operations.with(other.operations),
            everywhere: self.everywhere || other.everywhere,
        }
    }
}

#[cfg(test)]
mod tests;
