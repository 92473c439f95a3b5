//! Prints records on standard output, after they are durable, without ever being waited for.
//!
//! Owns its thread and a bounded channel. A reader that is too slow makes it leave lines out, and say
//! how many: every record is in the log.

use std::{
    io::{self, Write},
    thread::{self, JoinHandle},
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tracing::warn;

use crate::{pretty::Pretty, recorder::Written};

/// Blocks that may wait for the reader.
const BLOCKS_MAX: usize = 256;

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
}

impl Screen {
    pub fn start(style: Style) -> io::Result<Screen> {
        let (sender, lines) = bounded(BLOCKS_MAX);
        let thread = thread::Builder::new()
            .name("screen".into())
            .spawn(move || run(style, &lines))?;
        Ok(Screen {
            lines: sender,
            thread,
            left_out: 0,
        })
    }

    /// Shows these lines if the reader keeps up.
    pub fn show(&mut self, written: &Written) {
        if written.ends.is_empty() {
            return;
        }
        let lines = Lines {
            bytes: written.bytes.clone(),
            ends: written.ends.clone(),
        };
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

    /// Prints what waits, then ends.
    pub fn finish(self) {
        if self.left_out > 0 {
            warn!(
                "{} records were not printed: the reader was too slow",
                self.left_out
            );
        }
        drop(self.lines);
        // A panic there has been reported on standard error already.
        let _ = self.thread.join();
    }
}

fn run(mut style: Style, lines: &Receiver<Lines>) {
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
        if lines.is_empty() && out.flush().is_err() {
            return;
        }
    }
    // At the end nobody is left to tell.
    let _ = out.flush();
}
