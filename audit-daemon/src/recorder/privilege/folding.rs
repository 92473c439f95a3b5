//! Acts that are repeated: the first ones are told one by one, the rest of a minute in one record.
//!
//! Owns what is the same act: by the same program, of the same user, with the same result and meaning.
//! A failure is never the same as a success. Bounded: while too many different ones repeat, all are told.
//! What a crash of the daemon takes is the record of what was folded in that minute.

use std::collections::HashMap;

use audit_common::privilege::{Privilege, call};

use crate::{decode::Tails, enrich::process::Executable};

/// Told one by one of each in a window.
const TOLD_EACH: u64 = 10;
const WINDOW_NS: u64 = 60_000_000_000;
const KEYS_MAX: usize = 1024;

/// What makes two acts the same.
#[derive(PartialEq, Eq, Hash)]
struct Same {
    /// Device and inode of the program; of an unknown one its process.
    program: (u32, u64),
    /// Real, effective and of its user namespace.
    user: [u32; 3],
    call: u32,
    errno: u32,
    flags: u32,
    /// The process that it is about.
    target: u32,
    values: [u64; 3],
    ids: [u32; 16],
    name: Box<[u8]>,
}

struct Window {
    began_ns: u64,
    sequence: u64,
    told: u64,
    folded: Option<Over>,
}

/// What was folded.
pub struct Over {
    /// The first one's bytes.
    pub entry: Vec<u8>,
    /// The record that told the same act first.
    pub sequence: u64,
    pub count: u64,
    pub first_ns: u64,
    pub last_ns: u64,
}

#[derive(Default)]
pub struct Repeats {
    windows: HashMap<Same, Window>,
    /// The first window ends not before that.
    due_ns: u64,
}

impl Repeats {
    /// Is this one to be told with others? If not, its record has this sequence.
    pub fn is_folded(
        &mut self,
        event: &Privilege,
        tails: &Tails<'_>,
        executable: Option<Executable>,
        entry: &[u8],
        sequence: u64,
    ) -> bool {
        let now_ns = event.header.time_ns;
        let same = same(event, tails, executable);
        let is_full = self.windows.len() >= KEYS_MAX;
        if let Some(window) = self.windows.get_mut(&same) {
            return window.add(now_ns, entry);
        }
        if !is_full {
            let window = Window {
                began_ns: now_ns,
                sequence,
                told: 1,
                folded: None,
            };
            self.windows.insert(same, window);
            self.due_ns = match self.windows.len() {
                1 => now_ns + WINDOW_NS,
                _ => self.due_ns.min(now_ns + WINDOW_NS),
            };
        }
        false
    }

    /// Ends the windows whose time is over.
    pub fn over(&mut self, now_ns: u64) -> Vec<Over> {
        if now_ns < self.due_ns || self.windows.is_empty() {
            return Vec::new();
        }
        let ended = self
            .windows
            .extract_if(|_, window| now_ns.saturating_sub(window.began_ns) >= WINDOW_NS);
        let mut over: Vec<Over> = ended.filter_map(|(_, window)| window.folded).collect();
        over.sort_by_key(|one| one.first_ns);
        let began = self.windows.values().map(|window| window.began_ns);
        self.due_ns = began.min().map_or(u64::MAX, |began| began + WINDOW_NS);
        over
    }
}

impl Window {
    fn add(&mut self, now_ns: u64, entry: &[u8]) -> bool {
        if self.told < TOLD_EACH {
            self.told += 1;
            return false;
        }
        let folded = self.folded.get_or_insert_with(|| Over {
            entry: entry.to_vec(),
            sequence: self.sequence,
            count: 0,
            first_ns: now_ns,
            last_ns: now_ns,
        });
        folded.count += 1;
        folded.last_ns = folded.last_ns.max(now_ns);
        true
    }
}

fn same(event: &Privilege, tails: &Tails<'_>, executable: Option<Executable>) -> Same {
    let header = &event.header;
    // What differs each time: numbers that the kernel gives, addresses, times.
    let values = match event.call {
        call::VM_READ | call::VM_WRITE | call::KEXEC_LOAD => [event.values[0], 0, 0],
        call::SETTIMEOFDAY | call::CLOCK_SETTIME => [event.values[0], 0, 0],
        call::ADJTIMEX | call::CLOCK_ADJTIME => [event.values[0], event.values[3], 0],
        call::BPF_LOAD | call::BPF_ATTACH => [event.values[0], event.values[1], 0],
        call::SETNS => [event.values[0], 0, 0],
        call::PTRACE | call::PIDFD_GETFD => [event.values[0], 0, 0],
        _ => [event.values[0], event.values[1], event.values[2]],
    };
    let [b0, b1, b2, b3, b4, b5, b6, b7] = event.before_ids;
    let name = [tails.text, tails.second_name, tails.file, tails.groups];
    let parts = name.into_iter().flatten().map(|part| part.bytes);
    Same {
        program: executable.map_or((0, header.tgid.into()), |file| (file.dev, file.ino)),
        user: [header.uid, header.euid, header.user_ns],
        call: event.call,
        errno: event.errno,
        flags: event.flags,
        target: match event.call {
            // A new one each time.
            call::CLONE => 0,
            _ => event.target.tgid,
        },
        values,
        ids: [
            b0,
            b1,
            b2,
            b3,
            b4,
            b5,
            b6,
            b7,
            header.uid,
            header.gid,
            header.suid,
            header.sgid,
            header.euid,
            header.egid,
            header.fsuid,
            header.fsgid,
        ],
        name: parts.collect::<Vec<_>>().join(&0).into_boxed_slice(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    fn event(call: u32, errno: u32, time_ns: u64) -> Privilege {
        let mut event = Privilege::new_zeroed();
        event.call = call;
        event.errno = errno;
        event.header.time_ns = time_ns;
        event
    }

    fn folded(repeats: &mut Repeats, event: &Privilege) -> bool {
        repeats.is_folded(event, &Tails::default(), None, b"bytes", 7)
    }

    #[test]
    fn after_ten_of_a_minute_the_rest_is_one_with_a_count() {
        let mut repeats = Repeats::default();
        let told = (0..25).filter(|at| !folded(&mut repeats, &event(call::UNSHARE, 0, 1 + at)));
        assert_eq!(told.count(), 10);
        assert!(repeats.over(WINDOW_NS).is_empty());
        let over = repeats.over(1 + WINDOW_NS);
        assert_eq!(over.len(), 1);
        assert_eq!(
            (over[0].count, over[0].first_ns, over[0].last_ns),
            (15, 11, 25)
        );
        assert_eq!(over[0].sequence, 7);
        assert!(repeats.over(u64::MAX).is_empty());
    }

    #[test]
    fn failures_are_not_successes_and_other_values_are_other_acts() {
        let mut repeats = Repeats::default();
        for at in 0..10 {
            assert!(!folded(&mut repeats, &event(call::UNSHARE, 0, at)));
        }
        assert!(!folded(&mut repeats, &event(call::UNSHARE, 1, 10)));
        let mut other = event(call::UNSHARE, 0, 11);
        other.values[0] = 1;
        assert!(!folded(&mut repeats, &other));
        assert!(folded(&mut repeats, &event(call::UNSHARE, 0, 12)));
    }

    #[test]
    fn while_there_are_too_many_all_are_told() {
        let mut repeats = Repeats::default();
        for number in 0..KEYS_MAX as u64 + 5 {
            let mut one = event(call::UNSHARE, 0, 1);
            one.values[0] = number;
            assert!(!folded(&mut repeats, &one));
        }
        assert_eq!(repeats.windows.len(), KEYS_MAX);
    }
}
