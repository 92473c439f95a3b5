//! Equal acts that are told as one: beyond the first few of a window.
//!
//! Owns what was told lately, by what makes two acts equal; that is the caller's. Bounded: where there is no
//! room an act is told by itself. What a crash of the daemon takes is the record of what was folded in the
//! windows then open.

use std::{collections::HashMap, hash::Hash};

/// Acts that were not told one by one.
pub struct Folded {
    pub count: u64,
    pub first_ns: u64,
    pub last_ns: u64,
    /// The first of them, whole.
    pub entry: Vec<u8>,
    /// Of the first record of the window, if one was written.
    pub sequence: Option<u64>,
}

struct Window {
    began_ns: u64,
    /// One by one.
    told: u32,
    sequence: Option<u64>,
    folded: Option<Folded>,
}

pub struct Folding<K> {
    after: u32,
    window_ns: u64,
    kinds_max: usize,
    windows: HashMap<K, Window>,
    /// No window is over before that.
    due_ns: u64,
}

/// What becomes of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Told,
    Folded,
}

impl<K: Eq + Hash> Folding<K> {
    /// `after` of 0: nothing is folded.
    pub fn new(after: u32, window_ns: u64, kinds_max: usize) -> Folding<K> {
        Folding {
            after,
            window_ns,
            kinds_max,
            windows: HashMap::new(),
            due_ns: u64::MAX,
        }
    }

    pub fn is_on(&self) -> bool {
        self.after > 0 && self.window_ns > 0
    }

    /// What was folded in a window that is over by the time of one more act; to be told before that.
    pub fn over(&mut self, like: &K, now_ns: u64) -> Option<Folded> {
        let window = self.windows.get_mut(like)?;
        if now_ns.saturating_sub(window.began_ns) < self.window_ns {
            return None;
        }
        (window.began_ns, window.told, window.sequence) = (now_ns, 0, None);
        window.folded.take()
    }

    /// One more; `sequence` is that of its record, if it will have one.
    pub fn came(&mut self, like: K, now_ns: u64, entry: &[u8], sequence: Option<u64>) -> Verdict {
        if self.windows.len() >= self.kinds_max && !self.windows.contains_key(&like) {
            return Verdict::Told;
        }
        let window = self.windows.entry(like).or_insert(Window {
            began_ns: now_ns,
            told: 0,
            sequence: None,
            folded: None,
        });
        self.due_ns = self
            .due_ns
            .min(window.began_ns.saturating_add(self.window_ns));
        if window.told < self.after {
            window.told += 1;
            window.sequence = window.sequence.or(sequence);
            return Verdict::Told;
        }
        let sequence = window.sequence;
        let folded = window.folded.get_or_insert_with(|| Folded {
            count: 0,
            first_ns: now_ns,
            last_ns: now_ns,
            entry: entry.to_vec(),
            sequence,
        });
        folded.count += 1;
        folded.last_ns = folded.last_ns.max(now_ns);
        Verdict::Folded
    }

    /// Ends the windows that are over by then and tells what was folded in them, the oldest first.
    pub fn take(&mut self, now_ns: u64) -> Vec<Folded> {
        if now_ns < self.due_ns {
            return Vec::new();
        }
        let window_ns = self.window_ns;
        let ended = self
            .windows
            .extract_if(|_, window| now_ns.saturating_sub(window.began_ns) >= window_ns);
        let mut folded: Vec<Folded> = ended.filter_map(|(_, window)| window.folded).collect();
        folded.sort_by_key(|one| one.first_ns);
        let began = self.windows.values().map(|window| window.began_ns).min();
        self.due_ns = began.map_or(u64::MAX, |began| began.saturating_add(window_ns));
        folded
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict::*, *};

    fn folding(after: u32) -> Folding<u32> {
        Folding::new(after, 100, 2)
    }

    /// Verdicts of equal acts at these times, and what came of the windows.
    fn feed(folding: &mut Folding<u32>, times: &[u64]) -> (Vec<Verdict>, Vec<(u64, u64, u64)>) {
        let mut over = Vec::new();
        let verdicts = times.iter().map(|time| {
            let folded = folding.over(&0, *time);
            over.extend(folded.map(|of| (of.count, of.first_ns, of.last_ns)));
            folding.came(0, *time, b"", Some(*time))
        });
        (verdicts.collect(), over)
    }

    #[test]
    fn only_what_is_beyond_the_first_few_of_a_window_is_folded() {
        let (verdicts, over) = feed(&mut folding(2), &[0, 1, 2, 99, 100]);
        assert_eq!(verdicts, [Told, Told, Folded, Folded, Told]);
        assert_eq!(over, [(2, 2, 99)]);
    }

    #[test]
    fn what_was_folded_names_the_first_record_of_its_window() {
        let mut folding = folding(2);
        feed(&mut folding, &[5, 6, 7]);
        assert!(folding.take(104).is_empty());
        let over = folding.take(105);
        assert_eq!(over.len(), 1);
        assert_eq!((over[0].count, over[0].sequence), (1, Some(5)));
        assert!(folding.take(u64::MAX).is_empty());
        // The next window has a first one of its own.
        feed(&mut folding, &[200, 201, 202]);
        assert_eq!(folding.take(u64::MAX)[0].sequence, Some(200));
    }

    #[test]
    fn others_are_other_acts_and_while_there_are_too_many_all_are_told() {
        let mut folding = folding(1);
        let mut came = |like| folding.came(like, 0, b"", None);
        assert_eq!(
            [0, 1, 0, 1, 2, 2].map(&mut came),
            [Told, Told, Folded, Folded, Told, Told]
        );
        let counts: Vec<u64> = folding.take(100).iter().map(|of| of.count).collect();
        assert_eq!(counts, [1, 1]);
        assert_eq!(folding.came(2, 100, b"", None), Told);
        assert_eq!(folding.came(2, 101, b"", None), Folded);
    }

    #[test]
    fn it_can_be_off() {
        assert!(folding(1).is_on());
        assert!(!folding(0).is_on());
    }
}
