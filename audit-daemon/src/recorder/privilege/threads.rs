//! One change of ids that every thread of a process makes for itself is one act.
//!
//! Owns what was told last. The C library makes a change in all threads of a process (each has ids of its
//! own in the kernel): the first thread's is told, the same one by others of that process within a second
//! is part of it. What a thread does again itself is another act.

use std::num::NonZeroUsize;

use audit_common::privilege::{Privilege, call, group, group_of};
use lru::LruCache;

use crate::enrich::process::{Key, key_of};

/// Threads follow each other within this time.
const TOGETHER_NS: u64 = 1_000_000_000;
/// Changes remembered: as many processes as may do so within that time.
const CHANGES_MAX: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

#[derive(PartialEq, Eq, Hash)]
struct Change {
    process: Key,
    call: u32,
    errno: u32,
    before: [u32; 8],
    after: [u32; 8],
}

/// Who was the first, and when.
struct First {
    tid: u32,
    time_ns: u64,
}

pub struct Threads {
    told: LruCache<Change, First>,
}

impl Default for Threads {
    fn default() -> Self {
        Threads {
            told: LruCache::new(CHANGES_MAX),
        }
    }
}

impl Threads {
    /// Has another thread of the process been told doing this just now?
    pub fn is_told(&mut self, event: &Privilege) -> bool {
        if group_of(event.call) != group::CREDENTIALS
            || event.call == call::SETGROUPS && event.errno != 0
        {
            return false;
        }
        let header = &event.header;
        let change = Change {
            process: key_of(header),
            call: event.call,
            errno: event.errno,
            before: event.before_ids,
            after: [
                header.uid,
                header.gid,
                header.suid,
                header.sgid,
                header.euid,
                header.egid,
                header.fsuid,
                header.fsgid,
            ],
        };
        let (tid, time_ns) = (header.tid, header.time_ns);
        if let Some(first) = self.told.get(&change)
            && first.tid != tid
            && time_ns.saturating_sub(first.time_ns) < TOGETHER_NS
        {
            return true;
        }
        self.told.put(change, First { tid, time_ns });
        false
    }
}
