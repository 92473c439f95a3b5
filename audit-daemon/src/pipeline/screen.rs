//! Prints records on standard output, after they are durable, without ever being waited for.
//!
//! Owns its thread and a bounded channel. A reader that is too slow makes it leave lines out, and say
//! how many: every record is in the log. A reader that does not read at all does not hold up the stop.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tracing::warn;

use crate::{pretty::Pretty, recorder::Written};

/// Blocks that may wait for the reader.
const BLOCKS_MAX: usize = 256;
/// And their bytes: a part of the daemon's memory that a stuck terminal may take.
const BYTES_MAX: usize = 4 << 20;
/// So long the last lines may take at the stop.
const FINISH_MAX: Duration = Duration::from_secs(2);
const FINISH_LOOK: Duration = Duration::from_millis(5);

/// How records are printed.
pub enum Style {
    Json,
    Pretty(Box<Pretty>),
}

/// Lines copied for printing.
struct Lines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

pub struct Screen {
    lines: Sender<Lines>,
    thread: JoinHandle<()>,
    left_out: u64,
    /// Bytes that wait for the reader.
    waiting: Arc<AtomicUsize>,
}

impl Screen {
    pub fn start(style: Style) -> io::Result<Screen> {
        let (sender, lines) = bounded(BLOCKS_MAX);
        let waiting = Arc::new(AtomicUsize::new(0));
        let printed = waiting.clone();
        let thread = thread::Builder::new()
            .name("screen".into())
            .spawn(move || run(style, &lines, &printed))?;
        Ok(Screen {
            lines: sender,
            thread,
            left_out: 0,
            waiting,
        })
    }

    /// Shows these lines if the reader keeps up.
    pub fn show(&mut self, written: &Written) {
        if written.ends.is_empty() {
            return;
        }
        let bytes = written.bytes.len();
        let waiting = self.waiting.load(Ordering::Relaxed);
        // Whatever its size, one block may always wait.
        if waiting > 0 && waiting + bytes > BYTES_MAX {
            self.left_out += written.ends.len() as u64;
            return;
        }
        let lines = Lines {
            bytes: written.bytes.clone(),
            ends: written.ends.clone(),
        };
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        match self.lines.try_send(lines) {
            Ok(()) if self.left_out > 0 => {
                warn!(
                    "{} records were not printed: the reader was too slow",
                    self.left_out
                );
                self.left_out = 0;
            }
            Ok(()) => {}
            Err(TrySendError::Full(_)) => self.left_out += written.ends.len() as u64,
            // The reader is gone; the log goes on.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }

    /// Prints what waits, then ends; a reader that does not read is left alone.
    pub fn finish(self) {
        if self.left_out > 0 {
            warn!(
                "{} records were not printed: the reader was too slow",
                self.left_out
            );
        }
        drop(self.lines);
        let deadline = Instant::now() + FINISH_MAX;
        while !self.thread.is_finished() {
            if Instant::now() >= deadline {
                warn!("the last records were not printed: nobody reads them");
                return;
            }
            thread::sleep(FINISH_LOOK);
        }
    }
}

fn run(mut style: Style, lines: &Receiver<Lines>, waiting: &AtomicUsize) {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout());
    let mut text = String::new();
    for block in lines {
        let mut from = 0;
        for end in block.ends {
            let line = &block.bytes[from..end];
            from = end;
            let printed = match &mut style {
                Style::Json => out.write_all(line).and_then(|()| out.write_all(b"\n")),
                Style::Pretty(pretty) => {
                    text.clear();
                    pretty.line(line, &mut text);
                    if !text.ends_with('\n') {
                        text.push('\n');
                    }
                    out.write_all(text.as_bytes())
                }
            };
            if printed.is_err() {
                return;
            }
        }
        waiting.fetch_sub(block.bytes.len(), Ordering::Relaxed);
        if lines.is_empty() && out.flush().is_err() {
            return;
        }
    }
    // At the end nobody is left to tell.
    let _ = out.flush();
}
