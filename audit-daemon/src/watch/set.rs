//! All watches, ready to decide about an access.
//!
//! OWNS: the exact decision which watches record an access. MUST NOT: look at the file system;
//! what the kernel is asked to look for is [`super::anchors`].
//!
//! The kernel reports too much rather than too little; here it is decided by path (what the
//! patterns say), by identity (what [`super::anchors`] found, such as a hard link with another
//! name) and by the exceptions of each watch.
//!
//! Invariants: a decision takes time in the length of the path and in what matches it, not in the
//! number of watches; it allocates nothing once its [`Scratch`] has grown.

use std::path::Path;

use super::exceptions::{Condition, Except, Executable, Identified, Version};
use super::operations::Operations;
use super::pattern::{Alternative, Pattern, PatternError};
use super::trie::{Scratch, Trie};
use crate::config::{Operation, Scope, Watch};

/// The place of a watch in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(pub u32);

/// A path that is none. The configuration refuses such before they come here.
#[derive(Debug, thiserror::Error)]
#[error("\"{path}\" in watch \"{watch}\" is no path: {source}; correct it in the configuration")]
pub struct WatchError {
    /// The name of the watch.
    pub watch: String,
    /// The path.
    pub path: String,
    /// What is wrong.
    pub source: PatternError,
}

/// An access, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The object's path from the host's root, without links and dots.
    pub path: &'a [u8],
    /// The same from the root of its container, if it is in one: what `scope = "all"` is about.
    pub inside: Option<&'a [u8]>,
    /// What is below it goes with it: watches of that are concerned, too.
    pub with_below: bool,
    /// Watches of the object by its identity, whatever its path.
    pub known: &'a [WatchId],
    /// The program, as it was when it was executed.
    pub executable: Option<Version>,
    /// When it happened, by CLOCK_BOOTTIME.
    pub time_ns: u64,
    /// The user.
    pub uid: u32,
    /// The user's name.
    pub user: Option<&'a str>,
    /// The container's name or id.
    pub container: Option<&'a str>,
}

/// What becomes of an access.
#[derive(Debug)]
pub enum Judgement<'a> {
    /// No watch is for it.
    Unwatched,
    /// Each watch that is for it has an exception for it; one of the reasons.
    Excepted(Condition),
    /// These watches record it, in the order of the configuration, each once.
    Watched(Watching<'a>),
}

/// Watches, in the order of the configuration.
#[derive(Debug, Clone)]
pub struct Watching<'a> {
    set: &'a WatchSet,
    ids: std::slice::Iter<'a, u32>,
}

impl<'a> Iterator for Watching<'a> {
    type Item = (WatchId, &'a Watch);

    fn next(&mut self) -> Option<Self::Item> {
        let id = *self.ids.next()?;
        Some((WatchId(id), &self.set.watches[id as usize].watch))
    }
}

/// All watches.
#[derive(Debug, Clone)]
pub struct WatchSet {
    watches: Vec<Compiled>,
    trie: Trie,
}

#[derive(Debug, Clone)]
struct Compiled {
    watch: Watch,
    operations: Operations,
    patterns: Vec<Pattern>,
    excepts: Vec<Except>,
}

impl WatchSet {
    /// Of these watches. Excluded programs count once [`WatchSet::identify`] has found them.
    pub fn new(watches: Vec<Watch>) -> Result<Self, WatchError> {
        let mut set = Self {
            watches: Vec::with_capacity(watches.len()),
            trie: Trie::new(),
        };
        for watch in watches {
            let refused = |(path, source)| WatchError {
                watch: watch.name.clone(),
                path,
                source,
            };
            let parse = |text: &String| {
                Pattern::parse(text.as_bytes()).map_err(|error| refused((text.clone(), error)))
            };
            let patterns: Vec<Pattern> = watch.paths.iter().map(parse).collect::<Result<_, _>>()?;
            let excepts = watch.exclude.iter().map(Except::new);
            let excepts: Vec<_> = excepts.collect::<Result<_, _>>().map_err(refused)?;
            // A configuration holds far fewer than the type could count.
            let number = set.watches.len() as u32;
            for alternative in patterns.iter().flat_map(Pattern::alternatives) {
                set.trie.insert(alternative, number);
            }
            set.watches.push(Compiled {
                operations: Operations::of(&watch.operations),
                watch,
                patterns,
                excepts,
            });
        }
        Ok(set)
    }

    /// How many watches there are.
    pub fn len(&self) -> usize {
        self.watches.len()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.watches.is_empty()
    }

    /// The watch of a number that this set gave out.
    pub fn get(&self, id: WatchId) -> Option<&Watch> {
        self.watches.get(id.0 as usize).map(|one| &one.watch)
    }

    /// All watches.
    pub fn iter(&self) -> impl Iterator<Item = (WatchId, &Watch)> {
        let numbered = self.watches.iter().enumerate();
        numbered.map(|(number, one)| (WatchId(number as u32), &one.watch))
    }

    /// What a watch's paths stand for, links not followed.
    pub(super) fn alternatives(&self, id: WatchId) -> impl Iterator<Item = &Alternative> {
        let watch = self.watches.get(id.0 as usize);
        let patterns = watch.map(|one| one.patterns.as_slice()).unwrap_or_default();
        patterns.iter().flat_map(Pattern::alternatives)
    }

    /// A watch also means this path: what one of its own leads to through links.
    pub fn add_way(&mut self, id: WatchId, way: &Alternative) {
        if self.watches.len() > id.0 as usize {
            self.trie.insert(way, id.0);
        }
    }

    /// Finds out anew which versions of files the excluded programs are. To be called at the start
    /// and whenever one of them may have been changed.
    pub fn identify(&mut self, mut find: impl FnMut(&Path) -> Vec<Identified>) {
        let excepts = self.watches.iter_mut().flat_map(|one| &mut one.excepts);
        for executable in excepts.flat_map(|except| &mut except.executables) {
            executable.versions = find(&executable.path);
        }
    }

    /// The excluded programs of each watch.
    pub fn executables(&self) -> impl Iterator<Item = (&Watch, &Executable)> {
        self.watches.iter().flat_map(|one| {
            let executables = one.excepts.iter().flat_map(|except| &except.executables);
            executables.map(|executable| (&one.watch, executable))
        })
    }

    /// The watches for `operation` on a path of the host, exceptions not looked at.
    pub fn matches<'a>(
        &'a self,
        path: &[u8],
        operation: Operation,
        scratch: &'a mut Scratch,
    ) -> Watching<'a> {
        scratch.found.clear();
        self.find(path, operation, |_| true, scratch);
        scratch.tidy();
        Watching {
            set: self,
            ids: scratch.found.iter(),
        }
    }

    /// Decides about an access.
    pub fn judge<'a>(
        &'a self,
        subject: &Subject<'_>,
        operation: Operation,
        scratch: &'a mut Scratch,
    ) -> Judgement<'a> {
        scratch.found.clear();
        self.find(subject.path, operation, |_| true, scratch);
        if subject.with_below {
            self.trie.walk_above(subject.path, scratch, |found, id| {
                if self.watches[id as usize].operations.contains(operation) {
                    found.push(id);
                }
            });
        }
        if let Some(path) = subject.inside {
            let everywhere = |one: &Compiled| one.watch.scope == Scope::All;
            self.find(path, operation, everywhere, scratch);
        }
        for WatchId(id) in subject.known {
            let watch = self.watches.get(*id as usize);
            let wanted = watch.is_some_and(|one| one.operations.contains(operation));
            if wanted {
                scratch.found.push(*id);
            }
        }
        scratch.tidy();
        if scratch.found.is_empty() {
            return Judgement::Unwatched;
        }
        let mut reason = None;
        scratch.found.retain(|id| {
            let excepts = &self.watches[*id as usize].excepts;
            let condition = excepts.iter().find_map(|except| except.holds(subject));
            reason = reason.or(condition);
            condition.is_none()
        });
        match reason {
            Some(condition) if scratch.found.is_empty() => Judgement::Excepted(condition),
            _ => Judgement::Watched(Watching {
                set: self,
                ids: scratch.found.iter(),
            }),
        }
    }

    /// Is the subject excluded by every watch for this operation, whatever the path? `None` is
    /// whatever it does.
    pub fn excludes(&self, subject: &Subject<'_>, operation: Option<Operation>) -> bool {
        let mut concerned = self
            .watches
            .iter()
            .filter(|one| operation.is_none_or(|operation| one.operations.contains(operation)));
        concerned.all(|one| {
            let mut excepts = one.excepts.iter();
            excepts.any(|except| except.is_of_subject() && except.holds(subject).is_some())
        })
    }

    fn find(
        &self,
        path: &[u8],
        operation: Operation,
        wanted: impl Fn(&Compiled) -> bool,
        scratch: &mut Scratch,
    ) {
        self.trie.walk(path, scratch, |found, id| {
            let watch = &self.watches[id as usize];
            if watch.operations.contains(operation) && wanted(watch) {
                found.push(id);
            }
        });
    }
}

#[cfg(test)]
mod tests;
