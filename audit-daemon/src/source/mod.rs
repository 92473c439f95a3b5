//! Drains the two rings into batches, in the order that the contract asks for.
//!
//! Owns the rings as their only reader, and the acknowledgement: ring space is given back, and the
//! ledger moved on, only after what was read is durable. Must not look into an event.
//!
//! One drain reads bulk's producer position, then drains critical to its end, then bulk up to that
//! position: whatever a bulk event leans on in the critical lane was read before it.

mod acknowledge;
mod backlog;
mod pace;
mod ring;

use std::time::Instant;

use audit_common::Lane;
use crossbeam_channel::{Receiver, Sender, TryRecvError};

pub use acknowledge::{Acknowledgement, Acknowledger, resume};
pub use backlog::Backlog;
pub use ring::Ring;

use crate::{enrich::boot_ns, kernel::Attached};
use pace::{LOOK, Pace};

/// Bytes of one batch: bounds memory where the daemon fell behind, and is many commits' worth.
const BATCH_BYTES_MAX: usize = 2 << 20;
/// From an event's time stamp to its place in a ring; one that takes longer comes late, and is counted.
const RESERVED_WITHIN_NS: u64 = LOOK.as_nanos() as u64;

/// One entry of a ring, in a batch's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub lane: Lane,
    pub at: u32,
    pub length: u32,
    /// Ring position behind it.
    pub end: u64,
}

/// What one drain read.
#[derive(Default)]
pub struct Batch {
    pub bytes: Vec<u8>,
    pub items: Vec<Item>,
    /// Boot time: what happened until then is in this batch or an earlier one. 0: nothing is known of that.
    pub settled_ns: u64,
    /// Both rings were read as far as the drain should; otherwise another drain follows at once.
    pub complete: bool,
}

impl Batch {
    pub fn entry(&self, item: &Item) -> &[u8] {
        &self.bytes[item.at as usize..(item.at + item.length) as usize]
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.items.clear();
    }
}

/// What the source can be told.
pub enum Command {
    /// Drain what has been seen until now, then end.
    Stop,
}

/// The ring of a lane, to be read from `position` on (its published consumer position if `None`).
fn ring_of(attached: &Attached, lane: Lane, position: Option<u64>) -> std::io::Result<Ring> {
    let bytes = attached.ring_bytes[lane as usize];
    Ring::map(attached.ring(lane), bytes, position)
}

/// Both rings, to be drained by one thread.
pub struct Source {
    rings: [Ring; Lane::COUNT],
}

impl Source {
    /// Maps the rings, to be read from the acknowledged positions on.
    pub fn open(attached: &Attached, positions: [u64; Lane::COUNT]) -> std::io::Result<Source> {
        let map = |lane: Lane| ring_of(attached, lane, Some(positions[lane as usize]));
        Ok(Source {
            rings: [map(Lane::Critical)?, map(Lane::Bulk)?],
        })
    }

    /// One drain.
    pub fn drain(&mut self, batch: &mut Batch) {
        batch.clear();
        let began_ns = boot_ns();
        let [critical, bulk] = &mut self.rings;
        let until = bulk.produced();
        batch.complete = read(critical, Lane::Critical, u64::MAX, batch);
        // With critical entries still unread nothing of bulk may be passed on.
        batch.complete &= batch.complete && read(bulk, Lane::Bulk, until, batch);
        batch.settled_ns = match batch.complete {
            true => began_ns.saturating_sub(RESERVED_WITHIN_NS),
            false => 0,
        };
    }

    /// Positions of both rings together: how far the kernel has reserved, and how far was read.
    fn positions(&self) -> (u64, u64) {
        let sum = |of: fn(&Ring) -> u64| self.rings.iter().map(of).fold(0, u64::wrapping_add);
        (sum(Ring::produced), sum(Ring::position))
    }

    /// Bytes read or waiting that are not acknowledged, by lane.
    pub fn waiting(&self) -> [u64; Lane::COUNT] {
        self.rings
            .each_ref()
            .map(|ring| ring.produced().saturating_sub(ring.position()))
    }

    /// Drains until told to stop (this thread is to be unparked then), then once more to where the rings
    /// stood. Batches come back by `used` to be filled again; a full channel makes the rings fill up, which
    /// the kernel counts.
    pub fn run(
        mut self,
        filled: &Sender<Batch>,
        used: &Receiver<Batch>,
        commands: &Receiver<Command>,
    ) {
        let smallest = self.rings.iter().map(Ring::size).min().unwrap_or(0);
        let mut pace = Pace::new(smallest, Instant::now());
        while let Err(TryRecvError::Empty) = commands.try_recv() {
            let (produced, read) = self.positions();
            if pace.is_due(produced, read, Instant::now()) {
                let mut batch = used.try_recv().unwrap_or_default();
                self.drain(&mut batch);
                let bytes = self.positions().1.saturating_sub(read);
                pace.drained(batch.items.len() as u64, bytes, Instant::now());
                let complete = batch.complete;
                if filled.send(batch).is_err() {
                    return;
                }
                if !complete {
                    continue;
                }
            }
            std::thread::park_timeout(LOOK);
        }
        self.finish(filled);
    }

    /// The last drains: up to where both rings stood when this began.
    fn finish(&mut self, filled: &Sender<Batch>) {
        let until = self.rings.each_ref().map(Ring::produced);
        loop {
            let mut batch = Batch::default();
            self.drain(&mut batch);
            let done = batch.complete
                && self
                    .rings
                    .iter()
                    .zip(until)
                    .all(|(ring, until)| ring.position() >= until);
            if filled.send(batch).is_err() || done {
                break;
            }
        }
        // Nothing is held back for its order any more. If the worker has gone, so has the need.
        let _ = filled.send(Batch {
            settled_ns: u64::MAX,
            complete: true,
            ..Batch::default()
        });
    }
}

/// Reads a lane; false if the batch is full.
fn read(ring: &mut Ring, lane: Lane, until: u64, batch: &mut Batch) -> bool {
    loop {
        // "To its end" is wherever the producer is by now.
        let produced = ring.produced().min(until);
        let mut any = false;
        while batch.bytes.len() < BATCH_BYTES_MAX {
            let Some(entry) = ring.next(produced) else {
                break;
            };
            any = true;
            let at = batch.bytes.len() as u32;
            batch.bytes.extend_from_slice(entry.bytes);
            batch.bytes.extend_from_slice(entry.wrapped);
            let length = (entry.bytes.len() + entry.wrapped.len()) as u32;
            batch.items.push(Item {
                lane,
                at,
                length,
                end: entry.end,
            });
        }
        if batch.bytes.len() >= BATCH_BYTES_MAX {
            return false;
        }
        if !any || lane == Lane::Bulk {
            return true;
        }
    }
}
