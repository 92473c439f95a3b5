//! What becomes of acts on sockets.
//!
//! Owns what is folded, and which record an outcome answers.

use audit_common::{
    Lane,
    net::{Net, flag},
};

use super::Worker;
use crate::{
    accounts::Fate,
    decode::{self, Event, Tails},
    folding::{Folded, Folding, Verdict},
    network::{
        fold::{self, Like},
        pending::Pending,
    },
    recorder::SocketTold,
};

pub struct Sockets {
    folding: Folding<Like>,
    pending: Pending,
}

impl Sockets {
    pub fn new(folding: Folding<Like>) -> Sockets {
        Sockets {
            folding,
            pending: Pending::default(),
        }
    }
}

impl Worker {
    /// Something was done to a socket.
    pub(super) fn socket(&mut self, event: &Net, tails: &Tails<'_>, entry: &[u8]) -> Fate {
        let wanted = self.parts.wanted.network;
        let write = wanted && !self.is_double(&event.header);
        let answered = match event.flags & flag::ANSWERS != 0 {
            true => self.sockets.pending.answered(event),
            false => None,
        };
        if wanted && self.sockets.folding.is_on() && fold::folds(event) {
            let now_ns = event.header.time_ns;
            let like = self.recorder.socket_like(event, tails);
            if let Some(folded) = self.sockets.folding.over(&like, now_ns) {
                self.folded(&folded);
            }
            let sequence = write.then_some(self.recorder.next_sequence());
            let folding = &mut self.sockets.folding;
            if folding.came(like, now_ns, entry, sequence) == Verdict::Folded {
                return Fate::Folded;
            }
        }
        if write && event.flags & flag::PENDING != 0 {
            let sequence = self.recorder.next_sequence();
            self.sockets.pending.told(event, sequence);
        }
        if write {
            let told = match answered {
                Some(sequence) => SocketTold::Answers(sequence),
                None => SocketTold::Once,
            };
            self.recorder.socket(event, tails, told);
        }
        self.recorded(wanted, write, &event.header)
    }

    /// One record for all that one window has folded.
    fn folded(&mut self, folded: &Folded) {
        let Ok(Event::Net(event, tails)) = decode::decode(&folded.entry) else {
            return;
        };
        self.recorder
            .socket(&event, &tails, SocketTold::Folded(folded));
        self.times.push((Lane::Bulk, folded.last_ns));
    }

    /// Tells what was folded in windows that are over by then.
    pub(super) fn tell_folded(&mut self, now_ns: u64) {
        let over = self.sockets.folding.take(now_ns);
        over.iter().for_each(|folded| self.folded(folded));
    }
}
