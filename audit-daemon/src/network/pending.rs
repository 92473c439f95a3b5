//! Which record said that an attempt is pending, so that its outcome can refer to it.
//!
//! Owns that table. Bounded: beyond [`ENTRIES_MAX`] the oldest goes, and its outcome refers to nothing.

use std::collections::{HashMap, VecDeque};

use audit_common::net::Net;

const ENTRIES_MAX: usize = 16_384;

/// An attempt: its socket, and when it began.
type Attempt = (u64, u64, u32);

#[derive(Default)]
pub struct Pending {
    sequences: HashMap<Attempt, u64>,
    /// Oldest first; some have been answered.
    order: VecDeque<Attempt>,
}

fn attempt(event: &Net) -> Attempt {
    (event.inode, event.started_ns, event.header.tgid)
}

impl Pending {
    pub fn told(&mut self, event: &Net, sequence: u64) {
        if self.order.len() >= ENTRIES_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.sequences.remove(&oldest);
        }
        self.sequences.insert(attempt(event), sequence);
        self.order.push_back(attempt(event));
    }

    /// The sequence of the record that is answered.
    pub fn answered(&mut self, event: &Net) -> Option<u64> {
        self.sequences.remove(&attempt(event))
    }
}
