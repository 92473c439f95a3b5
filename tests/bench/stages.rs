//! The daemon's own stages, made as the daemon makes them, and fed with made-up events.
//!
//! Owns the feeding: batches as `source` would fill them, through channels of the same size. Must
//! not stand in for any stage.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use audit_common::{Lane, counters::CpuCounters};
use audit_daemon::{
    config::{self, Loaded},
    daemon,
    enrich::{boot_ns, cgroups::trees, host::Host},
    log::Log,
    pipeline::{Block, Shared, ToWriter, Worker, WorkerParts, Writer, WriterParts},
    recorder::Recorder,
    source::{Acknowledgement, Batch, Item},
};
use crossbeam_channel::{Receiver, Sender, bounded};
use zerocopy::FromZeros;

/// As in the daemon's pipeline.
const BATCHES_MAX: usize = 48;
const BLOCKS_MAX: usize = 16;
/// Events in a batch: what a drain every 4 ms finds at 300,000 events a second.
const BATCH_EVENTS: usize = 1200;
/// Room for all that one measurement writes.
const CAP_BYTES: u64 = 4 << 30;

/// A configuration with its defaults.
pub fn defaults(dir: &Path) -> Result<Loaded> {
    let file = dir.join("defaults.toml");
    std::fs::write(&file, "")?;
    Ok(config::load(Some(&file))?)
}

/// The recorder as the daemon makes it, numbering on from this log.
pub fn recorder(loaded: &Loaded, log: &Log) -> Result<Recorder> {
    let host = Host::read()?;
    let v1 = trees::v1_choice();
    let masker = daemon::masker(loaded)?;
    Ok(daemon::recorder(
        &loaded.config,
        &host,
        masker,
        log,
        v1.as_ref(),
    )?)
}

/// A new log, and its directory.
pub fn open_log(dir: &Path) -> Result<(Log, PathBuf)> {
    let dir = tempfile::Builder::new()
        .prefix("log")
        .tempdir_in(dir)?
        .keep();
    Ok((Log::open(&dir, u64::MAX)?.0, dir))
}

/// A batch being filled.
#[derive(Default)]
pub struct Filling {
    pub batch: Batch,
    position: u64,
}

impl Filling {
    /// Several entries: `make` says after each that it ends.
    pub fn entries(&mut self, make: impl FnOnce(&mut Vec<u8>, &mut dyn FnMut(&Vec<u8>))) {
        let mut bytes = std::mem::take(&mut self.batch.bytes);
        make(&mut bytes, &mut |bytes| self.entry_ends_at(bytes.len()));
        self.batch.bytes = bytes;
    }

    /// The bytes behind the last entry are one more.
    pub fn entry_ends(&mut self) {
        self.entry_ends_at(self.batch.bytes.len());
    }

    fn entry_ends_at(&mut self, end: usize) {
        let at = self
            .batch
            .items
            .last()
            .map_or(0, |item| item.at + item.length);
        let length = end as u32 - at;
        // As in the ring: eight bytes before each entry, eight bytes aligned.
        self.position += u64::from(length + 8).next_multiple_of(8);
        let (lane, end) = (Lane::Critical, self.position);
        self.batch.items.push(Item {
            lane,
            at,
            length,
            end,
        });
    }

    pub fn is_full(&self) -> bool {
        self.batch.items.len() >= BATCH_EVENTS
    }

    /// Gives the batch away and goes on in `next`.
    pub fn take(&mut self, mut next: Batch) -> Batch {
        next.bytes.clear();
        next.items.clear();
        std::mem::replace(&mut self.batch, next)
    }
}

/// A running worker and writer.
pub struct Stages {
    filled: Sender<Batch>,
    empty: Receiver<Batch>,
    worker: std::thread::JoinHandle<Worker>,
    writer: std::thread::JoinHandle<Writer>,
    to_writer: Sender<ToWriter>,
    log_dir: PathBuf,
}

/// What came out at the end.
pub struct Ended {
    pub records: u64,
    pub bytes: u64,
}

impl Stages {
    pub fn start(loaded: &Loaded, dir: &Path) -> Result<Stages> {
        let (log, log_dir) = open_log(dir)?;
        let recorder = recorder(loaded, &log)?;
        let sums = vec![Default::default()];
        let worker = WorkerParts {
            recorder,
            resumed: Acknowledgement {
                sums,
                ..Acknowledgement::default()
            },
            watching: Default::default(),
            doubles: Default::default(),
            wanted: daemon::wanted(&loaded.config),
            folding: audit_daemon::folding::Folding::new(0, 0, 0),
            cpus: 1,
            counts_interval_ns: u64::MAX,
            counters: Box::new(|_| CpuCounters {
                lanes: Default::default(),
                kinds: FromZeros::new_zeroed(),
                depth: 0,
            }),
            skipped: Box::new(|| [0; Lane::COUNT]),
            diagnostics: None,
            volume: None,
        };
        let commit_interval = loaded.config.log.commit_interval;
        let cap_bytes = CAP_BYTES;
        let writer = WriterParts {
            log,
            acknowledger: None,
            screen: None,
            commit_interval,
            cap_bytes,
        };
        let shared = Arc::new(Shared::default());
        let (filled, batches) = bounded(BATCHES_MAX);
        let (empty_in, empty) = bounded::<Batch>(BATCHES_MAX);
        let (to_writer, blocks) = bounded(BLOCKS_MAX);
        let (used_in, used) = bounded::<Block>(BLOCKS_MAX);
        let worker = Worker::new(worker, to_writer.clone(), used, shared.clone());
        let writer = Writer::new(writer, shared);
        let named = |name: &str| std::thread::Builder::new().name(name.into());
        Ok(Stages {
            writer: named("writer").spawn(move || writer.run(&blocks, &used_in))?,
            worker: named("worker").spawn(move || worker.run(&batches, &empty_in))?,
            filled,
            empty,
            to_writer,
            log_dir,
        })
    }

    /// Hands a full batch on, and gives an empty one back.
    pub fn pass_on(&self, filling: &mut Filling) -> Result<()> {
        let mut batch = filling.take(self.empty.try_recv().unwrap_or_default());
        batch.settled_ns = boot_ns();
        batch.complete = true;
        self.filled
            .send(batch)
            .ok()
            .context("the worker ended on its own")
    }

    /// Waits until nothing stands before the worker, so that what is measured is not the queue.
    pub fn wait_taken(&self) {
        while !self.filled.is_empty() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets everything through, and ends the stages.
    pub fn end(self, filling: &mut Filling) -> Result<Ended> {
        self.pass_on(filling)?;
        // As the source does at its end: nothing is held back for its order.
        let batch = Batch {
            settled_ns: u64::MAX,
            complete: true,
            ..Batch::default()
        };
        self.filled
            .send(batch)
            .ok()
            .context("the worker ended on its own")?;
        drop(self.filled);
        let worker = self.worker.join().ok().context("the worker panicked")?;
        drop((worker, self.to_writer));
        let writer = self.writer.join().ok().context("the writer panicked")?;
        ensure!(writer.is_settled(), "the log refused the last records");
        let log = writer.into_log();
        let ended = Ended {
            records: log.durable_sequence(),
            bytes: log.total_bytes(),
        };
        log.close()?;
        // A gigabyte that nobody reads any more.
        std::fs::remove_dir_all(&self.log_dir)?;
        Ok(ended)
    }
}

/// Binds this thread, and those that it starts from now on, to the last CPU that it may use.
pub fn bind_to_one_cpu() -> Result<Unbind> {
    use nix::{
        sched::{CpuSet, sched_getaffinity, sched_setaffinity},
        unistd::Pid,
    };
    let before = sched_getaffinity(Pid::from_raw(0))?;
    let last = (0..CpuSet::count())
        .rev()
        .find(|cpu| before.is_set(*cpu).unwrap_or(false));
    let mut one = CpuSet::new();
    one.set(last.context("no CPU is allowed")?)?;
    sched_setaffinity(Pid::from_raw(0), &one)?;
    Ok(Unbind(before))
}

/// Undoes the binding when dropped.
pub struct Unbind(nix::sched::CpuSet);

impl Drop for Unbind {
    fn drop(&mut self) {
        // It was allowed before.
        let _ = nix::sched::sched_setaffinity(nix::unistd::Pid::from_raw(0), &self.0);
    }
}

/// Processor time of this process so far, all threads.
pub fn cpu_time() -> Result<Duration> {
    use nix::sys::resource::{UsageWho, getrusage};
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let of = |time: nix::sys::time::TimeVal| {
        Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1000)
    };
    Ok(of(usage.user_time()) + of(usage.system_time()))
}
