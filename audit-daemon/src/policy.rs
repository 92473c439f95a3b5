//! What is folded: the many ENOENTs of one PATH search are one intent.
//!
//! Owns the searches under way. `execvp` tries one directory after the other, so one command that a
//! user typed can fail a dozen times before it is found, or is not. Same task, same last name, same
//! arguments, ENOENT each time: the first is held, the others are folded into it. If the search ends
//! in success it is folded into that exec; if not, it becomes one record with a count. Another error
//! on the way (EACCES) is a record of its own: a denied program is an audit fact.
//!
//! Invariants: an event is held for [`HOLD_NS`] after its search's last try at most; at most
//! [`SEARCHES_MAX`] are held, then the oldest is let go.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
};

use audit_common::Header;

use crate::{accounts::Ticket, decode::Tails};

/// A search tries the next directory within microseconds; a loaded machine may need longer.
const HOLD_NS: u64 = 100_000_000;
/// Tasks that search at the same instant.
const SEARCHES_MAX: usize = 1024;

/// The task that searches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Task {
    tgid: u32,
    tid: u32,
    start_ns: u64,
}

impl Task {
    fn of(header: &Header) -> Task {
        Task {
            tgid: header.tgid,
            tid: header.tid,
            start_ns: header.start_ns,
        }
    }
}

/// A search that is over, or the part of it that was held.
pub struct Search {
    task: Task,
    /// Last part of the name that was asked for.
    name: Box<[u8]>,
    arguments: u64,
    /// The whole first event.
    pub first: Box<[u8]>,
    pub ticket: Ticket,
    pub count: u64,
    pub first_ns: u64,
    pub last_ns: u64,
}

/// What to do with an ENOENT.
pub enum Judgement {
    /// It is held as the first of a search.
    Held,
    /// It belongs to a search that is held already.
    Folded,
}

/// The searches under way, oldest first.
pub struct PathSearches {
    searches: VecDeque<Search>,
    hasher: RandomState,
}

impl Default for PathSearches {
    fn default() -> Self {
        PathSearches {
            searches: VecDeque::new(),
            hasher: RandomState::new(),
        }
    }
}

/// Last part of a path; all of it if it has no `/`.
fn last_part(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

impl PathSearches {
    /// An exec failed with ENOENT. Searches that this ends, or that had to make room, are `over`.
    pub fn missing(
        &mut self,
        header: &Header,
        tails: &Tails<'_>,
        entry: &[u8],
        ticket: Ticket,
        mut over: impl FnMut(Search),
    ) -> Judgement {
        let task = Task::of(header);
        let asked = tails.filename.map_or(&[][..], |part| part.bytes);
        let arguments = self
            .hasher
            .hash_one(tails.argv.map_or(&[][..], |part| part.bytes));
        if let Some(at) = self.searches.iter().position(|search| search.task == task) {
            let search = &mut self.searches[at];
            if *search.name == *last_part(asked) && search.arguments == arguments {
                search.count += 1;
                search.last_ns = header.time_ns;
                return Judgement::Folded;
            }
            self.searches.remove(at).into_iter().for_each(&mut over);
        }
        if self.searches.len() >= SEARCHES_MAX {
            self.searches.pop_front().into_iter().for_each(&mut over);
        }
        self.searches.push_back(Search {
            task,
            name: last_part(asked).into(),
            arguments,
            first: entry.into(),
            ticket,
            count: 1,
            first_ns: header.time_ns,
            last_ns: header.time_ns,
        });
        Judgement::Held
    }

    /// A task executed something: its search, and whether this is what it searched for.
    pub fn executed(
        &mut self,
        header: &Header,
        old_tid: u32,
        name: &[u8],
    ) -> Option<(Search, bool)> {
        if self.searches.is_empty() {
            return None;
        }
        // A thread that executes becomes the leader; it searched under its old id.
        let task = Task {
            tid: old_tid,
            ..Task::of(header)
        };
        let at = self
            .searches
            .iter()
            .position(|search| search.task == task)?;
        let search = self.searches.remove(at)?;
        let found = *search.name == *last_part(name);
        Some((search, found))
    }

    /// A process ended: its searches.
    pub fn ended(&mut self, header: &Header, mut over: impl FnMut(Search)) {
        let is = |task: &Task| task.tgid == header.tgid && task.start_ns == header.start_ns;
        while let Some(at) = self.searches.iter().position(|search| is(&search.task)) {
            self.searches.remove(at).into_iter().for_each(&mut over);
        }
    }

    /// Searches that were not gone on with.
    pub fn expired(&mut self, now_ns: u64, mut over: impl FnMut(Search)) {
        let late = |search: &Search| now_ns.saturating_sub(search.last_ns) >= HOLD_NS;
        while let Some(at) = self.searches.iter().position(late) {
            self.searches.remove(at).into_iter().for_each(&mut over);
        }
    }

    pub fn len(&self) -> usize {
        self.searches.len()
    }

    pub fn is_empty(&self) -> bool {
        self.searches.is_empty()
    }
}

#[cfg(test)]
mod tests;
