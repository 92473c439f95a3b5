//! Watched files that got another name a moment ago, by what they are.
//!
//! Owns the memory of links between one look at the file system and the next: the keeper of the watches
//! finds them when it looks again. Bounded; the oldest goes. Must not decide whether anything is watched.

use std::collections::{HashMap, VecDeque};

use crate::watching::ObjectId;

/// Links that are made within a minute or so; beyond it the oldest are forgotten.
const KEPT: usize = 4096;

#[derive(Default)]
pub struct Linked {
    /// Where the object stood on the host.
    places: HashMap<ObjectId, Vec<Vec<u8>>>,
    order: VecDeque<ObjectId>,
}

impl Linked {
    /// This object stands here, and has another name now.
    pub fn add(&mut self, object: ObjectId, hosts: &[Vec<u8>]) {
        let known = self.places.entry(object).or_default();
        if known.is_empty() {
            self.order.push_back(object);
        }
        for host in hosts {
            if !known.contains(host) {
                known.push(host.clone());
            }
        }
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.places.remove(&oldest);
        }
    }

    pub fn of(&self, object: ObjectId) -> &[Vec<u8>] {
        self.places.get(&object).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_kept_once_and_the_oldest_objects_are_forgotten() {
        let mut linked = Linked::default();
        let place = |name: &str| vec![name.as_bytes().to_vec()];
        linked.add((1, 1), &place("/a"));
        linked.add((1, 1), &place("/a"));
        linked.add((1, 1), &place("/b"));
        assert_eq!(linked.of((1, 1)), [b"/a".to_vec(), b"/b".to_vec()]);
        for ino in 2..=KEPT as u64 {
            linked.add((1, ino), &place("/c"));
        }
        assert_eq!(linked.of((1, 1)).len(), 2);
        linked.add((1, 0), &place("/c"));
        assert_eq!(linked.of((1, 1)).len(), 0);
        assert_eq!(linked.places.len(), KEPT);
    }
}
