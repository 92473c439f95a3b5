//! What the stages tell of themselves, for `status`, metrics and `daemon.counts`.
//!
//! Owns the shared figures. The worker publishes a copy of its own a few times a second, the writer
//! after each commit: no lock is ever held over work, and a reader of the status waits for nobody.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use audit_common::{
    Header, Kind, Lane,
    counters::{CpuCounters, CpuLedger, FILTER_REASONS, LedgerLane},
    kind::KIND_SLOTS,
};
use crossbeam_channel::Receiver;

use super::{ToWriter, programs::ProgramChanges};
use crate::{
    accounts::Fate,
    canary::Desk,
    enrich::{cgroups::CgroupCounters, process::TableCounters, users::NamesCounters},
    log::{ALARMS_MAX, Alarm},
    losses::Losses,
    recorder::{LaneTotals, Recorder},
    source::{Acknowledgement, Batch},
    status::DelayHistogram,
};

/// Sums of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSums {
    pub received: u64,
    pub recorded: u64,
    pub folded: u64,
    pub left_out: u64,
}

/// The worker's figures.
#[derive(Clone, Debug)]
pub struct WorkerStats {
    pub kinds: Vec<KindSums>,
    /// Read from each ring by (lane, cpu), since this daemon's start.
    pub received: Vec<[u64; Lane::COUNT]>,
    /// Since the load, by CPU: fates of the events before which all have met theirs.
    pub settled: Vec<CpuLedger>,
    pub malformed: u64,
    pub in_flight: [u64; Lane::COUNT],
    pub late: u64,
    pub held: usize,
    pub processes: (usize, usize, TableCounters),
    pub names: NamesCounters,
    pub cgroups: (usize, CgroupCounters),
    pub next_sequence: u64,
}

impl Default for WorkerStats {
    fn default() -> Self {
        WorkerStats {
            kinds: vec![KindSums::default(); KIND_SLOTS],
            received: Vec::new(),
            settled: Vec::new(),
            malformed: 0,
            in_flight: [0; Lane::COUNT],
            late: 0,
            held: 0,
            processes: Default::default(),
            names: NamesCounters::default(),
            cgroups: Default::default(),
            next_sequence: 0,
        }
    }
}

impl WorkerStats {
    pub fn received(&mut self, lane: Lane, header: &Header) {
        let cpu = usize::from(header.cpu);
        if cpu >= self.received.len() {
            self.received.resize(cpu + 1, [0; Lane::COUNT]);
        }
        self.received[cpu][lane as usize] += 1;
        if let Some(kind) = Kind::from_number(header.kind) {
            self.kinds[kind as usize].received += 1;
        }
    }

    pub fn settled(&mut self, kind: u16, fate: Fate) {
        let Some(sums) = self.kinds.get_mut(usize::from(kind)) else {
            return;
        };
        match fate {
            Fate::Recorded => sums.recorded += 1,
            Fate::Folded => sums.folded += 1,
            Fate::LeftOut => sums.left_out += 1,
        }
    }

    pub fn tables(&mut self, recorder: &Recorder) {
        let table = &recorder.table;
        self.processes = (table.len(), table.entries_max(), table.counters);
        self.names = recorder.names.counters();
        self.cgroups = (recorder.cgroups.len(), recorder.cgroups.counters());
        self.next_sequence = recorder.next_sequence();
    }
}

/// The writer's figures.
#[derive(Clone, Debug, Default)]
pub struct WriterStats {
    pub log_bytes: u64,
    pub durable_sequence: u64,
    pub last_commit_ms: Option<u64>,
    /// Bytes made durable by this daemon.
    pub written_bytes: u64,
    pub segments_made: u64,
    /// Why the log cannot be written now.
    pub trouble: Option<String>,
    /// What somebody else last did to the log.
    pub alarm: Option<String>,
    /// As of the last acknowledgement.
    pub settled: Acknowledgement,
}

/// What all threads see.
#[derive(Default)]
pub struct Shared {
    worker: Mutex<WorkerStats>,
    writer: Mutex<WriterStats>,
    delays: [DelayHistogram; Lane::COUNT],
    rotation_due: AtomicBool,
    stopping: AtomicBool,
    /// Found by the writer, not yet in a record.
    alarms: Mutex<Vec<(PathBuf, Alarm)>>,
    /// Found by the keeper of the watches, not yet in a record.
    pub programs: ProgramChanges,
    /// What canary and worker tell each other.
    pub canary: Desk,
    first_log_bytes: AtomicU64,
    /// What the log may take.
    cap_bytes: AtomicU64,
    /// What earlier daemons of this load had settled.
    before: Mutex<Vec<CpuLedger>>,
    queues: Mutex<Option<(Receiver<Batch>, Receiver<ToWriter>)>>,
}

/// A panicking stage is noticed by its thread's end; its figures are still figures.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn publish(&self, stats: &WorkerStats) {
        lock(&self.worker).clone_from(stats);
    }

    pub fn worker(&self) -> WorkerStats {
        lock(&self.worker).clone()
    }

    pub fn writer(&self) -> WriterStats {
        lock(&self.writer).clone()
    }

    pub fn committed(&self, log_bytes: u64, durable_sequence: u64, rotation_due: bool) {
        let mut writer = lock(&self.writer);
        let before = std::mem::replace(&mut writer.log_bytes, log_bytes);
        writer.written_bytes += log_bytes.saturating_sub(before);
        writer.durable_sequence = durable_sequence;
        writer.last_commit_ms = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .ok()
            .and_then(|since| u64::try_from(since.as_millis()).ok());
        self.rotation_due.store(rotation_due, Ordering::Relaxed);
    }

    /// Where the log stood when the daemon took it over.
    pub fn starts_with(&self, log_bytes: u64, settled: Acknowledgement) {
        let mut writer = lock(&self.writer);
        writer.log_bytes = log_bytes;
        lock(&self.before).clone_from(&settled.sums);
        lock(&self.worker).settled.clone_from(&settled.sums);
        writer.settled = settled;
        self.first_log_bytes.store(log_bytes, Ordering::Relaxed);
    }

    /// What earlier daemons of this load had settled, by CPU.
    pub fn before(&self) -> Vec<CpuLedger> {
        lock(&self.before).clone()
    }

    pub fn rotated(&self) {
        lock(&self.writer).segments_made += 1;
        self.rotation_due.store(false, Ordering::Relaxed);
    }

    pub fn set_cap(&self, bytes: u64) {
        self.cap_bytes.store(bytes, Ordering::Relaxed);
    }

    /// What the log may take.
    pub fn cap_bytes(&self) -> u64 {
        self.cap_bytes.load(Ordering::Relaxed)
    }

    pub fn rotation_due(&self) -> bool {
        self.rotation_due.load(Ordering::Relaxed)
    }

    pub fn trouble(&self, what: &str) {
        lock(&self.writer).trouble = Some(what.to_owned());
    }

    pub fn no_trouble(&self) {
        lock(&self.writer).trouble = None;
    }

    /// Somebody else was at the log: the worker says it in a record.
    pub fn raise(&self, log_dir: &Path, alarms: Vec<Alarm>) {
        if let Some(last) = alarms.last() {
            lock(&self.writer).alarm = Some(last.to_string());
            let mut waiting = lock(&self.alarms);
            let room = ALARMS_MAX.saturating_sub(waiting.len());
            let of_dir = |alarm| (log_dir.to_owned(), alarm);
            waiting.extend(alarms.into_iter().take(room).map(of_dir));
        }
    }

    pub fn take_alarms(&self) -> Vec<(PathBuf, Alarm)> {
        std::mem::take(&mut *lock(&self.alarms))
    }

    pub fn settled(&self, done: Option<Acknowledgement>) {
        if let Some(done) = done {
            lock(&self.writer).settled = done;
        }
    }

    pub fn delay(&self, lane: Lane, delay_ns: u64) {
        self.delays[lane as usize].record(Duration::from_nanos(delay_ns));
    }

    pub fn delays(&self, lane: Lane) -> &DelayHistogram {
        &self.delays[lane as usize]
    }

    /// From now on a disk that refuses is not waited for without end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Between two tries.
    pub fn wait(&self, time: Duration) {
        std::thread::park_timeout(time);
    }

    pub fn watch_queues(&self, filled: Receiver<Batch>, blocks: Receiver<ToWriter>) {
        *lock(&self.queues) = Some((filled, blocks));
    }

    /// Name, depth and capacity of each channel.
    pub fn queues(&self) -> Vec<(&'static str, usize, usize)> {
        let Some((filled, blocks)) = &*lock(&self.queues) else {
            return Vec::new();
        };
        let of = |len: usize, capacity: Option<usize>| (len, capacity.unwrap_or(0));
        let (batches, batches_max) = of(filled.len(), filled.capacity());
        let (waiting, waiting_max) = of(blocks.len(), blocks.capacity());
        vec![
            ("batches", batches, batches_max),
            ("blocks", waiting, waiting_max),
        ]
    }

    /// Lets go of the channels, so that their ends are noticed.
    pub fn forget_queues(&self) {
        *lock(&self.queues) = None;
    }
}

/// The sums as of the last `daemon.counts`.
///
/// All of them are those of one moment, the last acknowledgement: what the kernel handed over until
/// then is told by the highest numbers that came, not by its counters, which run on.
pub struct Counted {
    filtered: Vec<[[u64; FILTER_REASONS.len()]; Lane::COUNT]>,
    user: Vec<CpuLedger>,
    /// Told as submitted so far. It never takes back: what is found to be lost after a kill, and was
    /// told as submitted before it, is made up for by what comes next.
    submitted: Vec<[u64; Lane::COUNT]>,
    pub since_ns: u64,
}

/// Why the daemon leaves out what the kernel let through, by lane: nobody watches the file. On the
/// other lane there is nothing to decide, only what cannot be read.
const LEFT_OUT: [&str; Lane::COUNT] = ["unreadable", "no-watch"];

impl Counted {
    pub fn new(
        counters: &dyn Fn(u32) -> CpuCounters,
        cpus: u32,
        settled: &Acknowledgement,
        now_ns: u64,
    ) -> Counted {
        // What an earlier daemon of this load wrote counts of is not written again; what it left in
        // the rings is: numbers go on where the ledger stands.
        // What was filtered by a load of our own since it was attached is told from its beginning.
        let is_new = settled
            .sums
            .iter()
            .all(|sums| *sums == CpuLedger::default());
        let filtered_before = |cpu| match is_new {
            true => Default::default(),
            false => filtered_of(&counters(cpu)),
        };
        let filtered = (0..cpus).map(filtered_before).collect();
        let of_cpu = |user: &CpuLedger| user.lanes.each_ref().map(|lane| submitted(lane, 0));
        Counted {
            filtered,
            user: settled.sums.clone(),
            submitted: settled.sums.iter().map(of_cpu).collect(),
            since_ns: now_ns,
        }
    }

    /// Sums since the last call, by lane.
    pub fn next(
        &mut self,
        counters: &dyn Fn(u32) -> CpuCounters,
        settled: &Acknowledgement,
        losses: &Losses,
        now_ns: u64,
    ) -> (u64, [LaneTotals; Lane::COUNT]) {
        let mut totals: [LaneTotals; Lane::COUNT] = Default::default();
        let told = self.user.iter_mut().zip(&mut self.submitted);
        for (cpu, (before, (user_before, told))) in self.filtered.iter_mut().zip(told).enumerate() {
            let now = filtered_of(&counters(cpu as u32));
            let user = settled.sums.get(cpu).copied().unwrap_or_default();
            for lane in Lane::ALL.map(|lane| lane as usize) {
                let total = &mut totals[lane];
                for (reason, name) in FILTER_REASONS.into_iter().enumerate() {
                    let count = now[lane][reason].saturating_sub(before[lane][reason]);
                    add(&mut total.filtered, name, count);
                }
                let (old, new) = (&user_before.lanes[lane], &user.lanes[lane]);
                let undeclared = losses.undeclared(cpu as u32, lane, &new.highest);
                let submitted = submitted(new, undeclared).max(told[lane]);
                total.lost += new.lost - old.lost;
                total.submitted += submitted - std::mem::replace(&mut told[lane], submitted);
                total.recorded += new.recorded - old.recorded;
                total.folded += new.folded - old.folded;
                let reason = LEFT_OUT[lane];
                add(&mut total.left_out, reason, new.left_out - old.left_out);
            }
            *before = now;
            *user_before = user;
        }
        (std::mem::replace(&mut self.since_ns, now_ns), totals)
    }
}

/// Each reason stands once, whatever processors it comes from.
fn add(reasons: &mut Vec<(Cow<'static, str>, u64)>, name: &'static str, count: u64) {
    match reasons.iter_mut().find(|(known, _)| *known == name) {
        Some((_, total)) => *total += count,
        None if count > 0 => reasons.push((name.into(), count)),
        None => {}
    }
}

/// Handed over by the kernel up to the highest number that came: all but what is lost, and what may
/// be.
fn submitted(lane: &LedgerLane, undeclared: u64) -> u64 {
    numbered(lane).saturating_sub(lane.lost + undeclared)
}

fn filtered_of(counters: &CpuCounters) -> [[u64; FILTER_REASONS.len()]; Lane::COUNT] {
    counters.lanes.map(|lane| lane.filtered)
}

fn numbered(ledger: &LedgerLane) -> u64 {
    ledger.highest.iter().sum()
}

#[cfg(test)]
mod tests;
