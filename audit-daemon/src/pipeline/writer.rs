//! Makes lines durable in groups, acknowledges, hands them to the screen.
//!
//! Owns the log while the daemon runs, and the order: lines durable, then the ledger, then the rings,
//! then the screen. A disk that refuses is tried again: nothing is dropped here; what piles up stops
//! the stages before it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tracing::error;

use super::{Block, Rotated, Screen, Shared, ToWriter};
use crate::{
    log::{AppendError, Log},
    source::{Acknowledgement, Acknowledger},
};

/// A commit is not put off for more bytes than this.
const GROUP_BYTES_MAX: usize = 1 << 20;
/// Between two tries on a disk that refuses.
const RETRY: Duration = Duration::from_millis(500);
/// At the end of the daemon a disk that refuses is tried for so long, all tries together.
const LAST_TRIES: Duration = Duration::from_secs(10);

pub struct WriterParts {
    pub log: Log,
    /// `None` where nothing is to be acknowledged (tests and benches).
    pub acknowledger: Option<Acknowledger>,
    pub screen: Option<Screen>,
    pub commit_interval: Duration,
    pub cap_bytes: u64,
}

pub struct Writer {
    parts: WriterParts,
    shared: Arc<Shared>,
    /// Appended, not yet durable.
    waiting: Vec<Block>,
    committed: Instant,
    ending: bool,
    /// When the last tries began, once the daemon is to end.
    last_tries: Option<Instant>,
    /// A line found no room and is gone: nothing after it may be made durable.
    broken: bool,
}

impl Writer {
    pub fn new(parts: WriterParts, shared: Arc<Shared>) -> Writer {
        Writer {
            parts,
            shared,
            waiting: Vec::new(),
            committed: Instant::now(),
            ending: false,
            last_tries: None,
            broken: false,
        }
    }

    /// The log, all of it durable.
    pub fn into_log(self) -> Log {
        self.parts.log
    }

    /// Everything that was handed over is durable.
    pub fn is_settled(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn run(mut self, blocks: &Receiver<ToWriter>, used: &Sender<Block>) -> Writer {
        loop {
            let message = match self.waiting.is_empty() {
                true => blocks.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => blocks.recv_timeout(self.until_commit()),
            };
            match message {
                Ok(ToWriter::Block(block)) => self.append(block),
                Ok(ToWriter::Rotate(answer)) => {
                    self.commit(used);
                    // The worker waits for the answer; if it is gone so is the need.
                    let _ = answer.send(self.rotate());
                }
                Ok(ToWriter::Delete(planned)) => {
                    self.commit(used);
                    for planned in &planned {
                        if let Err(refused) = self.parts.log.delete(planned) {
                            error!("{refused}");
                            self.shared.trouble(&refused.to_string());
                        }
                    }
                }
                Ok(ToWriter::Limits(limits)) => {
                    self.parts.commit_interval = limits.commit_interval;
                    self.parts.cap_bytes = limits.cap_bytes;
                    self.parts.log.set_segment_bytes(limits.segment_bytes);
                }
                Err(RecvTimeoutError::Timeout) => self.commit(used),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.parts.log.waiting_bytes() >= GROUP_BYTES_MAX {
                self.commit(used);
            }
        }
        self.ending = true;
        self.commit(used);
        if let Some(screen) = self.parts.screen.take() {
            screen.finish();
        }
        self
    }

    /// At once after a quiet interval, otherwise at the interval's end.
    fn until_commit(&self) -> Duration {
        self.parts
            .commit_interval
            .saturating_sub(self.committed.elapsed())
    }

    fn append(&mut self, block: Block) {
        for line in block.written.lines() {
            match self.parts.log.append(line) {
                Ok(_) => {}
                Err(AppendError::Full { .. }) => {
                    // Only while the disk refuses: nothing goes on until it takes what waits.
                    if !self.insist() {
                        self.broken = true;
                    }
                    if !self.broken
                        && let Err(refused) = self.parts.log.append(line)
                    {
                        self.shared.trouble(&refused.to_string());
                    }
                }
                Err(refused) => {
                    error!("a record was refused by the log: {refused}");
                    self.shared.trouble(&refused.to_string());
                }
            }
        }
        self.waiting.push(block);
    }

    /// Commits, however long the disk refuses; false only when the daemon ends without it.
    fn insist(&mut self) -> bool {
        let mut tries = 0;
        loop {
            match self.parts.log.commit() {
                Ok(_) => {
                    self.shared.no_trouble();
                    return true;
                }
                Err(refused) => {
                    if tries == 0 {
                        error!("{refused}");
                    }
                    tries += 1;
                    self.shared.trouble(&refused.to_string());
                }
            }
            if self.ending || self.shared.is_stopping() {
                let began = *self.last_tries.get_or_insert_with(Instant::now);
                if began.elapsed() >= LAST_TRIES {
                    return false;
                }
            }
            self.shared.wait(RETRY);
        }
    }

    fn commit(&mut self, used: &Sender<Block>) {
        if self.waiting.is_empty() || self.broken || !self.insist() {
            return;
        }
        self.committed = Instant::now();
        let alarms = self.parts.log.take_alarms();
        self.shared.raise(self.parts.log.dir(), alarms);
        let last: Option<&Acknowledgement> = self
            .waiting
            .iter()
            .rev()
            .find_map(|block| block.acknowledgement.as_ref());
        if let (Some(done), Some(acknowledger)) = (last, &mut self.parts.acknowledger) {
            acknowledger.acknowledge(done);
        }
        let now_ns = crate::enrich::boot_ns();
        let log = &self.parts.log;
        self.shared
            .committed(log.total_bytes(), log.next_sequence(), log.needs_rotation());
        for mut block in self.waiting.drain(..) {
            for (lane, time_ns) in block.times.drain(..) {
                self.shared.delay(lane, now_ns.saturating_sub(time_ns));
            }
            self.shared.settled(block.acknowledgement.take());
            if let Some(screen) = &mut self.parts.screen {
                screen.show(&block.written);
            }
            // Its memory is used again, or freed if nobody needs it.
            let _ = used.try_send(block);
        }
    }

    fn rotate(&mut self) -> Option<Rotated> {
        if self.broken {
            return None;
        }
        match self.parts.log.rotate() {
            Ok(sealed) => {
                let planned = self.parts.log.plan_cap(self.parts.cap_bytes);
                self.shared.rotated();
                Some(Rotated { sealed, planned })
            }
            Err(refused) => {
                error!("{refused}");
                self.shared.trouble(&refused.to_string());
                None
            }
        }
    }
}
