//! Equal acts on sockets that are told as one: beyond the first few of a window.
//!
//! Owns the table of what was told lately. What is equal: program, user, container, what was done, to
//! whom, and the result. So failures never fold with successes. Bounded: where there is no room an act is
//! told by itself. Must not fold what is pending or answers it.

use std::{collections::HashMap, sync::Arc};

use audit_common::net::{Address, Net, call, flag};

/// Kinds of acts that are counted at one time.
const ENTRIES_MAX: usize = 8_192;

/// What equal acts have in common.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Like {
    pub program: Arc<[u8]>,
    users: (u32, u32),
    cgroup: u64,
    net_ns: u32,
    call: u32,
    /// Family, type, protocol.
    socket: (u16, u16, u32),
    address: Address,
    port: u32,
    name: Box<[u8]>,
    errno: u32,
}

impl Like {
    pub fn of(event: &Net, program: Arc<[u8]>, name: &[u8]) -> Like {
        // Whoever connects to us comes from any port.
        let (address, port) = match event.call {
            call::BIND | call::LISTEN => (event.local, event.local_port),
            call::ACCEPT => (event.remote, event.local_port),
            call::CLOSE if event.flags & flag::INBOUND != 0 => (event.remote, event.local_port),
            _ => (event.remote, event.remote_port),
        };
        Like {
            program,
            users: (event.header.uid, event.header.euid),
            cgroup: event.header.cgroup,
            net_ns: event.net_ns,
            call: event.call,
            socket: (event.family, event.socket_type, event.protocol),
            address,
            port,
            name: name.into(),
            errno: event.errno,
        }
    }
}

/// Acts that were not told one by one.
pub struct Folded {
    pub count: u64,
    pub first_ns: u64,
    pub last_ns: u64,
    /// The first of them, whole.
    pub entry: Vec<u8>,
    /// Of the last record that tells one.
    pub sequence: Option<u64>,
}

struct Window {
    began_ns: u64,
    /// Told one by one.
    told: u32,
    sequence: Option<u64>,
    folded: Option<Folded>,
}

pub struct Folding {
    after: u32,
    window_ns: u64,
    windows: HashMap<Like, Window>,
}

/// What becomes of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Told,
    Folded,
}

impl Folding {
    /// `after` of 0: nothing is folded.
    pub fn new(after: u32, window_ns: u64) -> Folding {
        Folding {
            after,
            window_ns,
            windows: HashMap::new(),
        }
    }

    /// Can acts of this kind be folded at all?
    pub fn folds(&self, event: &Net) -> bool {
        let of_an_attempt = flag::PENDING | flag::ANSWERS;
        self.after > 0 && self.window_ns > 0 && event.flags & of_an_attempt == 0
    }

    /// What was folded in a window that is over by the time of one more act; to be told before that.
    pub fn over(&mut self, like: &Like, event: &Net) -> Option<Folded> {
        let window = self.windows.get_mut(like)?;
        if event.header.time_ns.saturating_sub(window.began_ns) < self.window_ns {
            return None;
        }
        (window.began_ns, window.told) = (event.header.time_ns, 0);
        window.folded.take()
    }

    /// One more; `sequence` is that of its record, if it will have one.
    pub fn came(
        &mut self,
        like: Like,
        event: &Net,
        entry: &[u8],
        sequence: Option<u64>,
    ) -> Verdict {
        let now_ns = event.header.time_ns;
        if !self.windows.contains_key(&like) && self.windows.len() >= ENTRIES_MAX {
            return Verdict::Told;
        }
        let window = self.windows.entry(like).or_insert(Window {
            began_ns: now_ns,
            told: 0,
            sequence: None,
            folded: None,
        });
        if window.told < self.after {
            window.told += 1;
            window.sequence = sequence;
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

    /// Takes what has been folded in windows that are over, or in all.
    pub fn take(&mut self, now_ns: u64, all: bool, mut over: impl FnMut(Folded)) {
        let window_ns = self.window_ns;
        self.windows.retain(|_, window| {
            let is_over = all || now_ns.saturating_sub(window.began_ns) >= window_ns;
            if is_over {
                window.folded.take().into_iter().for_each(&mut over);
            }
            !is_over
        });
    }
}

#[cfg(test)]
mod tests {
    use zerocopy::FromZeros;

    use super::*;

    fn event(time_ns: u64, errno: u32) -> Net {
        let mut event = Net::new_zeroed();
        event.header.time_ns = time_ns;
        (event.call, event.errno) = (call::CONNECT, errno);
        event
    }

    fn like(event: &Net) -> Like {
        Like::of(event, b"/bin/x"[..].into(), b"")
    }

    /// Verdicts of acts at these times, and what came of the windows.
    fn feed(folding: &mut Folding, acts: &[(u64, u32)]) -> (Vec<Verdict>, Vec<(u64, u64, u64)>) {
        let mut over = Vec::new();
        let verdicts: Vec<Verdict> = acts
            .iter()
            .map(|(time_ns, errno)| {
                let event = event(*time_ns, *errno);
                let folded = folding.over(&like(&event), &event);
                over.extend(folded.map(|of| (of.count, of.first_ns, of.last_ns)));
                folding.came(like(&event), &event, b"", None)
            })
            .collect();
        (verdicts, over)
    }

    #[test]
    fn only_what_is_beyond_the_first_few_of_a_window_is_folded() {
        use Verdict::{Folded, Told};
        let mut folding = Folding::new(2, 100);
        let (verdicts, over) = feed(&mut folding, &[(0, 0), (1, 0), (2, 0), (99, 0), (100, 0)]);
        assert_eq!(verdicts, [Told, Told, Folded, Folded, Told]);
        assert_eq!(over, [(2, 2, 99)]);
    }

    #[test]
    fn failures_do_not_fold_with_successes() {
        let mut folding = Folding::new(1, 100);
        let (verdicts, _) = feed(&mut folding, &[(0, 0), (1, 111), (2, 0), (3, 111)]);
        use Verdict::{Folded, Told};
        assert_eq!(verdicts, [Told, Told, Folded, Folded]);
        let mut counts = Vec::new();
        folding.take(50, false, |folded| counts.push(folded.count));
        assert!(counts.is_empty());
        folding.take(101, false, |folded| counts.push(folded.count));
        assert_eq!(counts, [1, 1]);
    }

    #[test]
    fn what_is_pending_is_never_folded() {
        let folding = Folding::new(1, 100);
        let mut pending = event(0, 115);
        assert!(folding.folds(&pending));
        pending.flags = flag::PENDING;
        assert!(!folding.folds(&pending));
        assert!(!Folding::new(0, 100).folds(&event(0, 0)));
    }
}
