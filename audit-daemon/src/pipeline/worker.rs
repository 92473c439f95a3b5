//! From batches to blocks of records: decode, order, fold, record, account.
//!
//! Owns the daemon's tables (through its recorder), the order of events and the accounts. One thread,
//! no waiting but for the writer: an event meets its fate here.

mod canaries;
mod change;
mod judge;
mod rotation;
mod sockets;
mod volume;

pub use change::{Change, Claim, Control, Limits};

use std::{collections::HashSet, sync::Arc};

use audit_common::{KINDS, Lane, counters::CpuCounters, kind::KIND_SLOTS};
use crossbeam_channel::{Receiver, Sender, never, select};
use tracing::warn;

use super::{Block, Shared, ToWriter, WorkerStats};
use crate::{
    accounts::{Accounts, Fate, Ticket},
    decode,
    enrich::boot_ns,
    folding::Folding,
    kernel::{Diagnostics, VolumeMaps},
    losses::Losses,
    network::fold::Like,
    order::Order,
    policy::PathSearches,
    recorder::{Recorder, Written},
    source::{Acknowledgement, Batch},
    watching::Current,
};

/// Blocks are handed over before they grow beyond this.
const BLOCK_BYTES: usize = 512 << 10;
/// Clock, losses and tables are looked after this often.
const TICK_NS: u64 = 250_000_000;
/// Without a batch for so long the worker looks after its tables anyway.
const IDLE: std::time::Duration = std::time::Duration::from_millis(250);

/// Which kinds become records.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub exec: bool,
    pub exec_failed: bool,
    pub fork: bool,
    pub exit: bool,
    pub file: bool,
    pub network: bool,
    pub privilege: bool,
}

/// What a worker is made of.
pub struct WorkerParts {
    pub recorder: Recorder,
    pub resumed: Acknowledgement,
    /// Who decides about file events.
    pub watching: Current,
    /// Events of this load that the log holds already: (lane, cpu, strand, number).
    pub doubles: HashSet<(u8, u16, u8, u64)>,
    pub wanted: Wanted,
    /// Which acts on sockets are told as one.
    pub folding: Folding<Like>,
    pub cpus: u32,
    pub counts_interval_ns: u64,
    /// Reads one CPU's counters, losses before numbers.
    pub counters: Box<dyn Fn(u32) -> CpuCounters + Send>,
    /// Events by lane that the kernel skipped since the last call, at most.
    pub skipped: Box<dyn FnMut() -> [u64; Lane::COUNT] + Send>,
    pub diagnostics: Option<Diagnostics>,
    /// Where the kernel counts what it does not send; `None` without a kernel.
    pub volume: Option<Arc<VolumeMaps>>,
}

pub struct Worker {
    recorder: Recorder,
    order: Order<Held>,
    searches: PathSearches,
    volume: volume::Volume,
    canaries: canaries::Canaries,
    sockets: sockets::Sockets,
    accounts: Accounts,
    losses: Losses,
    doubles: HashSet<(u8, u16, u8, u64)>,
    parts: Fixed,
    to_writer: Sender<ToWriter>,
    used: Receiver<Block>,
    shared: Arc<Shared>,
    controls: Receiver<Control>,
    changes: change::Changes,
    times: Vec<(Lane, u64)>,
    stats: WorkerStats,
    ticked_ns: u64,
    /// Not before then is the log to go on in another file: it could not a moment ago.
    rotate_from_ns: u64,
    counted: super::stats::Counted,
    /// The last drain read both rings to their end.
    drained: bool,
}

struct Fixed {
    wanted: Wanted,
    watching: Current,
    cpus: u32,
    counts_interval_ns: u64,
    counters: Box<dyn Fn(u32) -> CpuCounters + Send>,
    skipped: Box<dyn FnMut() -> [u64; Lane::COUNT] + Send>,
    diagnostics: Option<Diagnostics>,
}

/// An event that waits for its turn.
struct Held {
    batch: Arc<Batch>,
    item: usize,
    ticket: Ticket,
}

impl Worker {
    pub fn new(
        parts: WorkerParts,
        to_writer: Sender<ToWriter>,
        used: Receiver<Block>,
        shared: Arc<Shared>,
    ) -> Worker {
        let now_ns = boot_ns();
        let losses = Losses::resume(&parts.resumed, parts.cpus);
        let fixed = Fixed {
            wanted: parts.wanted,
            watching: parts.watching,
            cpus: parts.cpus,
            counts_interval_ns: parts.counts_interval_ns,
            counters: parts.counters,
            skipped: parts.skipped,
            diagnostics: parts.diagnostics,
        };
        Worker {
            counted: super::stats::Counted::new(
                &fixed.counters,
                fixed.cpus,
                &parts.resumed,
                now_ns,
            ),
            recorder: parts.recorder,
            order: Order::default(),
            searches: PathSearches::default(),
            volume: volume::Volume::new(parts.volume),
            canaries: canaries::Canaries::default(),
            sockets: sockets::Sockets::new(parts.folding),
            accounts: Accounts::resume(parts.resumed),
            losses,
            doubles: parts.doubles,
            parts: fixed,
            to_writer,
            used,
            shared,
            controls: never(),
            changes: change::Changes::default(),
            times: Vec::new(),
            stats: WorkerStats::default(),
            ticked_ns: now_ns,
            rotate_from_ns: 0,
            drained: true,
        }
    }

    pub fn recorder(&mut self) -> &mut Recorder {
        &mut self.recorder
    }
    /// Whoever changes the configuration while events come.
    pub fn listen_to(&mut self, controls: Receiver<Control>) {
        self.controls = controls;
    }

    pub fn run(mut self, filled: &Receiver<Batch>, empty: &Sender<Batch>) -> Worker {
        loop {
            select! {
                recv(filled) -> batch => match batch {
                    Ok(batch) => self.batch(batch, empty),
                    Err(_) => break,
                },
                recv(self.controls) -> control => match control {
                    Ok(control) => self.told(control),
                    // Whoever told us has gone; events still come.
                    Err(_) => self.controls = never(),
                },
                default(IDLE) => {}
            }
            self.tick();
            self.rotate_if_due();
            if !self.hand_over() {
                return self;
            }
        }
        self.end();
        self
    }

    /// The last of everything: searches, losses, sums.
    fn end(&mut self) {
        self.expire_searches(u64::MAX);
        self.recorder.privilege_repeats(u64::MAX);
        self.tell_mounts(u64::MAX);
        self.tell_what_was_not_sent(true);
        self.tell_folded(u64::MAX);
        self.say_alarms();
        let now_ns = boot_ns();
        self.declare_losses(now_ns.saturating_add(u64::MAX / 4));
        self.count(now_ns);
        self.publish();
        self.hand_over();
    }

    fn batch(&mut self, batch: Batch, empty: &Sender<Batch>) {
        let now_ns = boot_ns();
        let batch = Arc::new(batch);
        for (index, item) in batch.items.iter().enumerate() {
            match decode::header(batch.entry(item)) {
                Ok((header, _)) => {
                    let ticket = self.accounts.read(item.lane, item.end, &header);
                    self.losses.came(item.lane, &header, now_ns);
                    self.stats.received(item.lane, &header);
                    let held = Held {
                        batch: batch.clone(),
                        item: index,
                        ticket,
                    };
                    self.order.hold(header.time_ns, item.lane, held);
                }
                Err(malformed) => self.malformed(item.lane, item.end, &malformed),
            }
        }
        let mut order = std::mem::take(&mut self.order);
        order.release(batch.settled_ns, |held| {
            self.event(&held);
            recycle(held.batch, empty);
        });
        // Nothing that happened before that comes any more.
        let let_go_ns = order.let_go_ns();
        self.adopt(let_go_ns);
        self.shared.canary.witness.judged(let_go_ns);
        self.order = order;
        self.drained = batch.complete;
        recycle(batch, empty);
        self.expire_searches(let_go_ns);
    }

    fn malformed(&mut self, lane: Lane, end: u64, malformed: &decode::Malformed) {
        warn!(
            "an entry of the {} ring is not an event: {malformed}",
            lane.name()
        );
        self.accounts.malformed(lane, end);
        self.stats.malformed += 1;
    }

    fn event(&mut self, held: &Held) {
        let item = &held.batch.items[held.item];
        let entry = held.batch.entry(item);
        let event = match decode::decode(entry) {
            Ok(event) => event,
            Err(malformed) => {
                warn!("an event cannot be decoded: {malformed}");
                self.stats.malformed += 1;
                return self.accounts.settle(held.ticket, Fate::LeftOut);
            }
        };
        if !self.changes.is_empty()
            && let Ok((header, _)) = decode::header(entry)
        {
            self.adopt(header.time_ns);
        }
        let canary = self.canary(&event);
        let fate = canary.or_else(|| self.judge(&event, entry, held.ticket));
        if let Some(fate) = fate {
            self.settle(held.ticket, fate, event.header().kind);
        }
        if self.recorder.waiting_bytes() >= BLOCK_BYTES {
            self.hand_over();
        }
    }

    fn settle(&mut self, ticket: Ticket, fate: Fate, kind: u16) {
        self.stats.settled(kind, fate);
        self.accounts.settle(ticket, fate);
    }

    /// What is done by time.
    fn tick(&mut self) {
        let now_ns = boot_ns();
        if now_ns.saturating_sub(self.ticked_ns) < TICK_NS {
            return;
        }
        self.ticked_ns = now_ns;
        if let Some(step) = self.recorder.clock.tick() {
            self.recorder.clock_step(&step);
        }
        if let Some(diagnostics) = &mut self.parts.diagnostics {
            diagnostics.flush();
        }
        self.recorder.names.tick(std::time::Instant::now());
        self.recorder.expire(now_ns);
        self.tell_mounts(now_ns);
        self.tell_what_was_not_sent(false);
        self.tell_folded(now_ns);
        if self.drained {
            self.declare_losses(now_ns);
        }
        if now_ns.saturating_sub(self.counted.since_ns) >= self.parts.counts_interval_ns {
            self.count(now_ns);
        }
        self.say_alarms();
        self.publish();
    }

    fn declare_losses(&mut self, now_ns: u64) {
        for loss in self.losses.declare(now_ns, &self.parts.counters) {
            warn!("lost {} {} events", loss.count(), loss.lane.name());
            self.recorder.loss(&loss);
            self.accounts.lost(&loss);
        }
        let skipped = (self.parts.skipped)();
        for (lane, count) in Lane::ALL.into_iter().zip(skipped) {
            if count > 0 {
                self.recorder.skipped(lane, count, self.counted.since_ns);
            }
        }
    }

    fn say_alarms(&mut self) {
        for (log_dir, alarm) in self.shared.take_alarms() {
            self.recorder.log_alarm(&log_dir, &alarm);
        }
        for change in self.shared.programs.take() {
            self.recorder.program_changed(&change);
        }
        let said = self.shared.canary.board.take();
        self.recorder.canary_said(said);
    }

    /// Writes the sums since the last time.
    fn count(&mut self, now_ns: u64) {
        let done = self.accounts.acknowledgement().clone();
        let (since_ns, mut totals) =
            self.counted
                .next(&self.parts.counters, &done, &self.losses, now_ns);
        self.canaries.tell(&mut totals);
        let bulk = &mut totals[Lane::Bulk as usize];
        self.volume.tell(bulk, &mut self.recorder);
        self.recorder.counts(since_ns, now_ns, &totals);
    }

    /// Hands what was written and what is settled to the writer; false if it is gone.
    pub fn hand_over(&mut self) -> bool {
        let settled = self.accounts.settled().positions;
        let done = self.accounts.acknowledgement();
        if self.recorder.waiting_bytes() == 0 && done.positions == settled {
            return true;
        }
        let acknowledgement = Some(done.clone());
        let mut block = self.used.try_recv().unwrap_or_else(|_| Block {
            written: Written::default(),
            acknowledgement: None,
            times: Vec::new(),
        });
        block.written = self.recorder.take(std::mem::take(&mut block.written));
        block.acknowledgement = acknowledgement;
        std::mem::swap(&mut block.times, &mut self.times);
        self.to_writer.send(ToWriter::Block(block)).is_ok()
    }

    fn publish(&mut self) {
        self.stats.in_flight = Lane::ALL.map(|lane| self.accounts.in_flight(lane));
        self.stats.settled.clone_from(&self.accounts.settled().sums);
        self.stats.late = self.order.late();
        self.stats.held = self.order.len() + self.searches.len();
        self.stats.tables(&self.recorder);
        self.shared.publish(&self.stats);
    }
}

/// Gives a batch's memory back to the source, if this was its last user.
fn recycle(batch: Arc<Batch>, empty: &Sender<Batch>) {
    if let Some(batch) = Arc::into_inner(batch) {
        // A full channel has batches enough.
        let _ = empty.try_send(batch);
    }
}

const _: () = assert!(KINDS.len() < KIND_SLOTS);
