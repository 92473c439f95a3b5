//! The log goes on in another file.
//!
//! Owns the order of that: what is waiting first, then the old file's end and the new one's beginning.

use crossbeam_channel::bounded;

use super::Worker;
use crate::pipeline::{Rotated, ToWriter};

impl Worker {
    pub(super) fn rotate(&mut self) {
        if !self.hand_over() {
            return;
        }
        let (answer, rotated) = bounded(1);
        if self.to_writer.send(ToWriter::Rotate(answer)).is_err() {
            return;
        }
        let Ok(Some(Rotated { sealed, planned })) = rotated.recv() else {
            return;
        };
        self.recorder.log_rotated(&sealed);
        for planned in &planned {
            self.recorder
                .log_deleted(&planned.segment, "cap: the log is larger than log.cap");
        }
        if self.hand_over() && !planned.is_empty() {
            // A writer that is gone deletes nothing.
            let _ = self.to_writer.send(ToWriter::Delete(planned));
        }
    }
}
