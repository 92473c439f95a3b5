//! The stages as threads, and the bounded channels between them.
//!
//! Owns how work is handed on: `source` fills batches, `worker` makes records of them, `writer` makes
//! them durable and acknowledges, `screen` prints. One direction. Every channel is bounded: a full
//! one stops the stage before it, up to the rings, where the kernel counts what finds no room. Only
//! the screen is never waited for.

mod programs;
mod screen;
mod stats;
mod worker;
mod writer;

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, bounded};

pub use screen::{Screen, Style};
pub use stats::{Shared, WorkerStats, WriterStats};
pub use worker::{Change, Claim, Control, Limits, Wanted, Worker, WorkerParts};
pub use writer::{Writer, WriterParts};

use crate::{
    log::{Planned, Sealed},
    recorder::Written,
    source::{Acknowledgement, Batch, Command, Source},
};

/// Batches between source and worker: each is a drain, so this is a fifth of a second at least.
const BATCHES_MAX: usize = 48;
/// Blocks between worker and writer.
const BLOCKS_MAX: usize = 16;

/// Changes of configuration under way: they are made one after the other.
const CONTROLS_MAX: usize = 1;

/// Lines to be made durable, and what may be acknowledged then.
pub struct Block {
    pub written: Written,
    pub acknowledgement: Option<Acknowledgement>,
    /// Lane and kernel time of the events in it, for the delays.
    pub times: Vec<(audit_common::Lane, u64)>,
}

/// What the writer is told.
pub enum ToWriter {
    Block(Block),
    /// Begin a new file; answer with the old one and what must go to stay under the cap.
    Rotate(Sender<Option<Rotated>>),
    /// These were said in the log: remove them.
    Delete(Vec<Planned>),
    /// What the log may take from now on.
    Limits(Limits),
}

pub struct Rotated {
    pub sealed: Sealed,
    pub planned: Vec<Planned>,
}

/// A running pipeline.
pub struct Pipeline {
    commands: Sender<Command>,
    controls: Sender<Control>,
    source: JoinHandle<()>,
    worker: JoinHandle<Worker>,
    writer: JoinHandle<Writer>,
    to_writer: Sender<ToWriter>,
    used: Receiver<Block>,
}

impl Pipeline {
    pub fn start(
        source: Source,
        worker: WorkerParts,
        writer: WriterParts,
        shared: &Arc<Shared>,
    ) -> std::io::Result<Pipeline> {
        let (filled_in, filled) = bounded(BATCHES_MAX);
        let (empty_in, empty) = bounded::<Batch>(BATCHES_MAX);
        let (commands, command) = bounded(1);
        let (to_writer, blocks) = bounded(BLOCKS_MAX);
        let (used_in, used) = bounded(BLOCKS_MAX);
        shared.watch_queues(filled.clone(), blocks.clone());
        let (controls, control) = bounded(CONTROLS_MAX);
        let mut worker = Worker::new(worker, to_writer.clone(), used.clone(), shared.clone());
        worker.listen_to(control);
        let writer = Writer::new(writer, shared.clone());
        let named = |name: &str| thread::Builder::new().name(name.into());
        Ok(Pipeline {
            writer: named("writer").spawn(move || writer.run(&blocks, &used_in))?,
            worker: named("worker").spawn(move || worker.run(&filled, &empty_in))?,
            source: named("source").spawn(move || source.run(&filled_in, &empty, &command))?,
            commands,
            controls,
            to_writer,
            used,
        })
    }

    /// The way to the worker, for whoever changes the configuration.
    pub fn controls(&self) -> Sender<Control> {
        self.controls.clone()
    }

    /// Has a stage ended on its own?
    pub fn has_failed(&self) -> bool {
        self.source.is_finished() || self.worker.is_finished() || self.writer.is_finished()
    }

    /// Drains what was seen, and settles all of it. The writer goes on, for the last records.
    pub fn drain(self) -> Option<(Worker, LastBlocks)> {
        // A source that has gone already needs no command.
        let _ = self.commands.send(Command::Stop);
        self.source.thread().unpark();
        self.source.join().ok()?;
        let worker = self.worker.join().ok()?;
        drop(self.used);
        Some((
            worker,
            LastBlocks {
                to_writer: self.to_writer,
                writer: self.writer,
            },
        ))
    }
}

/// The writer, after everything before it has ended.
pub struct LastBlocks {
    to_writer: Sender<ToWriter>,
    writer: JoinHandle<Writer>,
}

impl LastBlocks {
    /// Ends the writer once all is durable.
    pub fn finish(self, worker: Worker) -> Option<Writer> {
        drop(worker);
        drop(self.to_writer);
        self.writer.join().ok()
    }
}
