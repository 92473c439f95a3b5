//! The ids asked for lately and what is known of each.
//!
//! Owns the life of an entry: asked, answered, renewed, given up. Must not send anything itself:
//! the caller passes the way to ask.
//!
//! An entry that was never answered is in flight until it is: each question sent gets exactly one
//! answer, however late, so asking again would only fill the queue of a resolver that hangs.
//! Places are given up by the clock algorithm: one that was asked for since the hand came by
//! stays for another round.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::{
    ABSENT_TTL, Answer, FAILED_TTL, KNOWN_TTL, KnownName, LOOKUP_WAIT_MAX, Name, STALE_MAX,
};

/// Whether the question could be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Sent,
    Refused,
}

pub(super) struct Table {
    index: HashMap<u32, usize>,
    slots: Vec<Slot>,
    entries_max: usize,
    hand: usize,
    evicted: u64,
    timeouts: u64,
}

struct Slot {
    id: u32,
    state: State,
    /// When the state was learnt.
    since: Instant,
    /// When a renewal last failed, if it did since.
    renewal_failed_at: Option<Instant>,
    asked_at: Option<Instant>,
    /// The question in flight has waited too long, and was counted.
    is_late: bool,
    was_used: bool,
}

enum State {
    New,
    Known(Arc<KnownName>),
    Absent,
    Failed,
}

impl Table {
    pub(super) fn new(entries_max: usize) -> Table {
        Table {
            index: HashMap::new(),
            slots: Vec::new(),
            entries_max: entries_max.max(1),
            hand: 0,
            evicted: 0,
            timeouts: 0,
        }
    }

    pub(super) fn lookup(&mut self, id: u32, now: Instant, ask: impl FnOnce() -> Asked) -> Name {
        if let Some(slot) = self.index.get(&id).and_then(|at| self.slots.get_mut(*at)) {
            slot.was_used = true;
            if slot.asked_at.is_none() && slot.is_due(now) && ask() == Asked::Sent {
                slot.asked_at = Some(now);
            }
            self.timeouts += u64::from(slot.becomes_late(now));
            return slot.name(now);
        }
        if ask() == Asked::Refused {
            return Name::Unknown;
        }
        self.insert(Slot {
            id,
            state: State::New,
            since: now,
            renewal_failed_at: None,
            asked_at: Some(now),
            is_late: false,
            was_used: true,
        });
        Name::Pending
    }

    /// The answer of one question. The entry may be gone by now; then nobody wants it.
    pub(super) fn answered(&mut self, id: u32, answer: Answer, now: Instant) {
        let Some(slot) = self.index.get(&id).and_then(|at| self.slots.get_mut(*at)) else {
            return;
        };
        slot.asked_at = None;
        slot.is_late = false;
        let state = match answer {
            Answer::Known(name) => State::Known(name),
            Answer::Absent => State::Absent,
            // What was known stays until it is too old; it is asked again soon.
            Answer::Failed if slot.has_answer() && !slot.is_too_old(now) => {
                slot.renewal_failed_at = Some(now);
                return;
            }
            Answer::Failed => State::Failed,
        };
        slot.state = state;
        slot.since = now;
        slot.renewal_failed_at = None;
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn timeouts(&self) -> u64 {
        self.timeouts
    }

    fn insert(&mut self, slot: Slot) {
        if self.slots.len() < self.entries_max {
            self.index.insert(slot.id, self.slots.len());
            self.slots.push(slot);
            return;
        }
        // Ends within one round: the marks are taken off on the way.
        while std::mem::take(&mut self.slots[self.hand].was_used) {
            self.hand = (self.hand + 1) % self.slots.len();
        }
        self.index.remove(&self.slots[self.hand].id);
        self.index.insert(slot.id, self.hand);
        self.slots[self.hand] = slot;
        self.hand = (self.hand + 1) % self.slots.len();
        self.evicted += 1;
    }
}

impl Slot {
    /// Time to ask again.
    fn is_due(&self, now: Instant) -> bool {
        if let Some(failed_at) = self.renewal_failed_at {
            return now.saturating_duration_since(failed_at) >= FAILED_TTL;
        }
        let ttl = match self.state {
            // In flight from the beginning.
            State::New => return false,
            State::Known(_) => KNOWN_TTL,
            State::Absent => ABSENT_TTL,
            State::Failed => FAILED_TTL,
        };
        now.saturating_duration_since(self.since) >= ttl
    }

    /// True once for each question.
    fn becomes_late(&mut self, now: Instant) -> bool {
        let is_late = self
            .asked_at
            .is_some_and(|asked_at| now.saturating_duration_since(asked_at) >= LOOKUP_WAIT_MAX);
        is_late && !std::mem::replace(&mut self.is_late, is_late)
    }

    fn has_answer(&self) -> bool {
        matches!(self.state, State::Known(_) | State::Absent)
    }

    fn is_too_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= STALE_MAX
    }

    fn name(&self, now: Instant) -> Name {
        match &self.state {
            State::New if !self.is_late => Name::Pending,
            State::Known(name) if !self.is_too_old(now) => Name::Known(name.clone()),
            State::Absent if !self.is_too_old(now) => Name::Absent,
            State::New | State::Known(_) | State::Absent | State::Failed => Name::Unknown,
        }
    }
}
