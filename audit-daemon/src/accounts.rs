//! What became of each event, until everything before it has met its fate too.
//!
//! Owns the fates of events that were read and not yet acknowledged, and the sums of those that
//! were. Per lane, in ring order: an acknowledgement is the longest prefix in which every event is
//! settled, and the sums of exactly that prefix. So after a kill the events that are read again are
//! exactly those that the sums do not hold.

use std::collections::VecDeque;

use audit_common::{Header, Lane, counters::STRANDS};

use crate::{losses::Loss, source::Acknowledgement};

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// A record of its own.
    Recorded,
    /// Part of another event's record, or of the daemon's tables only.
    Folded,
    /// Left out on purpose.
    LeftOut,
}

/// An event that waits for its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    lane: Lane,
    index: u64,
}

#[derive(Clone, Copy)]
struct Slot {
    end: u64,
    cpu: u16,
    strand: u8,
    number: u64,
    fate: Option<Fate>,
}

#[derive(Default)]
struct LaneAccounts {
    slots: VecDeque<Slot>,
    /// Index of the front slot.
    first: u64,
}

/// The accounts of one load.
pub struct Accounts {
    lanes: [LaneAccounts; Lane::COUNT],
    settled: Acknowledgement,
}

impl Accounts {
    pub fn resume(from: Acknowledgement) -> Accounts {
        Accounts {
            lanes: Default::default(),
            settled: from,
        }
    }

    /// An event was read whose entry ends at this ring position.
    pub fn read(&mut self, lane: Lane, end: u64, header: &Header) -> Ticket {
        let (cpu, strand) = (header.cpu, header.strand);
        self.push(
            lane,
            Slot {
                end,
                cpu,
                strand,
                number: header.number,
                fate: None,
            },
        )
    }

    /// An entry that is no event: its place must be passed all the same. Counted as left out on
    /// CPU 0, for it does not tell where it comes from.
    pub fn malformed(&mut self, lane: Lane, end: u64) {
        let fate = Some(Fate::LeftOut);
        self.push(
            lane,
            Slot {
                end,
                cpu: 0,
                strand: 0,
                number: 0,
                fate,
            },
        );
    }

    fn push(&mut self, lane: Lane, slot: Slot) -> Ticket {
        let accounts = &mut self.lanes[lane as usize];
        let index = accounts.first + accounts.slots.len() as u64;
        accounts.slots.push_back(slot);
        Ticket { lane, index }
    }

    pub fn settle(&mut self, ticket: Ticket, fate: Fate) {
        let accounts = &mut self.lanes[ticket.lane as usize];
        let at = ticket
            .index
            .checked_sub(accounts.first)
            .map(|at| at as usize);
        if let Some(slot) = at.and_then(|at| accounts.slots.get_mut(at)) {
            debug_assert!(slot.fate.is_none(), "settled twice");
            slot.fate = Some(fate);
        }
    }

    /// These were declared lost in a record. Behind the last event that came they are known as well:
    /// a later daemon must not look for them again.
    pub fn lost(&mut self, loss: &Loss) {
        let lane = loss.lane as usize;
        for (cpu, count) in loss.by_cpu() {
            if let Some(sums) = self.settled.sums.get_mut(cpu as usize) {
                sums.lanes[lane].lost += count;
            }
        }
        for hole in &loss.holes {
            if let Some(sums) = self.settled.sums.get_mut(hole.cpu as usize) {
                let highest =
                    &mut sums.lanes[lane].highest[usize::from(hole.strand) & (STRANDS - 1)];
                *highest = (*highest).max(hole.last);
            }
        }
    }

    /// Read and not settled, or settled behind one that is not.
    pub fn in_flight(&self, lane: Lane) -> u64 {
        self.lanes[lane as usize].slots.len() as u64
    }

    /// Everything that can be acknowledged once the records made so far are durable.
    pub fn acknowledgement(&mut self) -> &Acknowledgement {
        for lane in Lane::ALL {
            let accounts = &mut self.lanes[lane as usize];
            while let Some(Slot {
                fate: Some(fate), ..
            }) = accounts.slots.front().copied()
            {
                let Some(slot) = accounts.slots.pop_front() else {
                    break;
                };
                accounts.first += 1;
                self.settled.positions[lane as usize] = slot.end;
                let Some(cpu) = self.settled.sums.get_mut(usize::from(slot.cpu)) else {
                    continue;
                };
                let sums = &mut cpu.lanes[lane as usize];
                let highest = &mut sums.highest[usize::from(slot.strand) & (STRANDS - 1)];
                *highest = (*highest).max(slot.number);
                match fate {
                    Fate::Recorded => sums.recorded += 1,
                    Fate::Folded => sums.folded += 1,
                    Fate::LeftOut => sums.left_out += 1,
                }
            }
        }
        &self.settled
    }

    /// The sums of what is settled, as of the last acknowledgement.
    pub fn settled(&self) -> &Acknowledgement {
        &self.settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_common::counters::CpuLedger;
    use zerocopy::FromZeros;

    fn accounts() -> Accounts {
        let sums = vec![CpuLedger::default(); 2];
        Accounts::resume(Acknowledgement {
            positions: [0; 2],
            sums,
        })
    }

    fn header(cpu: u16, number: u64) -> Header {
        Header {
            cpu,
            number,
            ..Header::new_zeroed()
        }
    }

    #[test]
    fn only_a_settled_prefix_is_acknowledged_and_counted() {
        let mut accounts = accounts();
        let first = accounts.read(Lane::Critical, 100, &header(0, 1));
        let second = accounts.read(Lane::Critical, 200, &header(1, 1));
        let third = accounts.read(Lane::Critical, 300, &header(0, 2));
        let other = accounts.read(Lane::Bulk, 50, &header(0, 1));
        accounts.settle(second, Fate::Recorded);
        accounts.settle(third, Fate::Folded);
        accounts.settle(other, Fate::LeftOut);
        let done = accounts.acknowledgement();
        assert_eq!(done.positions, [0, 50]);
        assert_eq!(done.sums[1].lanes[0], Default::default());
        assert_eq!(done.sums[0].lanes[1].left_out, 1);
        assert_eq!(accounts.in_flight(Lane::Critical), 3);
        accounts.settle(first, Fate::Recorded);
        let done = accounts.acknowledgement();
        assert_eq!(done.positions, [300, 50]);
        assert_eq!(
            (done.sums[0].lanes[0].recorded, done.sums[0].lanes[0].folded),
            (1, 1)
        );
        assert_eq!(done.sums[0].lanes[0].highest[0], 2);
        assert_eq!(done.sums[1].lanes[0].recorded, 1);
        assert_eq!(accounts.in_flight(Lane::Critical), 0);
    }

    #[test]
    fn numbers_lost_behind_the_last_event_are_known() {
        use crate::losses::{Hole, Stage};
        let mut accounts = accounts();
        let ticket = accounts.read(Lane::Bulk, 50, &header(1, 24));
        accounts.settle(ticket, Fate::Recorded);
        accounts.acknowledgement();
        let hole = Hole {
            cpu: 1,
            strand: 0,
            first: 25,
            last: 100,
            after_ns: 0,
            before_ns: 0,
        };
        let (lane, stage) = (Lane::Bulk, Stage::Ring);
        accounts.lost(&Loss {
            lane,
            stage,
            holes: vec![hole],
            unranged: vec![(0, 3)],
        });
        let sums = |cpu: usize| accounts.settled().sums[cpu].lanes[Lane::Bulk as usize];
        assert_eq!(
            (sums(1).highest[0], sums(1).recorded, sums(1).lost),
            (100, 1, 76)
        );
        assert_eq!((sums(0).highest[0], sums(0).lost), (0, 3));
    }

    #[test]
    fn what_is_malformed_is_passed_and_counted() {
        let mut accounts = accounts();
        accounts.malformed(Lane::Bulk, 8);
        assert_eq!(accounts.acknowledgement().positions[Lane::Bulk as usize], 8);
        assert_eq!(
            accounts.settled().sums[0].lanes[Lane::Bulk as usize].left_out,
            1
        );
    }
}
