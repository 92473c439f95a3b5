//! Acknowledgement: tells ledger and rings what is durable.
//!
//! Owns the ledger's two copies and the published consumer positions. Invariants: the ledger is
//! moved on before the rings; the copy that counts is switched by one store, so a daemon killed at
//! any instant leaves a ledger that is wholly of before or of after; positions never go back.

use std::{io, sync::Arc};

use audit_common::{
    Lane,
    counters::{CpuLedger, LedgerHead},
};

use super::ring;
use crate::kernel::{Attached, MappedArray};

/// Everything up to these positions has met its fate, and these are the sums of that.
#[derive(Clone, Debug, Default)]
pub struct Acknowledgement {
    pub positions: [u64; Lane::COUNT],
    /// One per possible CPU.
    pub sums: Vec<CpuLedger>,
}

/// Where an earlier daemon of this load stopped; zeros for a fresh one.
pub fn resume(attached: &Attached) -> Acknowledgement {
    let ledger = &attached.ledger;
    let cpus = attached.cpus as usize;
    let head: LedgerHead = ledger.get_as(0);
    let copy = (head.copy & 1) as usize;
    let sums = (0..cpus)
        .map(|cpu| ledger.get(1 + copy * cpus + cpu))
        .collect();
    Acknowledgement {
        positions: head.positions[copy],
        sums,
    }
}

/// Writes acknowledgements; lives with the log's writer.
pub struct Acknowledger {
    ledger: Arc<MappedArray<CpuLedger>>,
    head: LedgerHead,
    rings: [ring::Acknowledger; Lane::COUNT],
}

impl Acknowledger {
    /// Takes the ledger over. Rings are published up to where the ledger stands: an earlier daemon
    /// may have been killed between the two.
    pub fn new(attached: &Attached) -> io::Result<Acknowledger> {
        let ledger = attached.ledger.clone();
        let ring =
            |lane: Lane| super::ring_of(attached, lane, None)?.acknowledger(attached.ring(lane));
        let head: LedgerHead = ledger.get_as(0);
        let rings = [ring(Lane::Critical)?, ring(Lane::Bulk)?];
        let positions = head.positions[(head.copy & 1) as usize];
        for (ring, position) in rings.iter().zip(positions) {
            ring.acknowledge(position);
        }
        Ok(Acknowledger {
            ledger,
            head,
            rings,
        })
    }

    pub fn acknowledge(&mut self, done: &Acknowledgement) {
        let copy = (self.head.copy & 1) ^ 1;
        let first = 1 + copy as usize * done.sums.len();
        for (cpu, sums) in done.sums.iter().enumerate() {
            self.ledger.set(first + cpu, sums);
        }
        // The positions of the copy that does not count yet, then the switch: in a head's words the
        // copy's number is the first, so it is written alone and last.
        self.head.positions[copy as usize] = done.positions;
        self.ledger.set_as(0, &self.head);
        self.head.copy = copy;
        self.ledger.set_as(0, &self.head);
        for (ring, position) in self.rings.iter().zip(done.positions) {
            ring.acknowledge(position);
        }
    }
}
