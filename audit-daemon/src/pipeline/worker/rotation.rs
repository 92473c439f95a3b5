//! The log goes on in another file.
//!
//! Owns the order of that: what is waiting first, then the old file's end and the new one's beginning.

use crossbeam_channel::bounded;

use super::{TICK_NS, Worker};
use crate::enrich::boot_ns;
use crate::pipeline::{Rotated, ToWriter};

impl Worker {
    /// As soon as a file is full: it grows on meanwhile.
    pub(super) fn rotate_if_due(&mut self) {
        if self.shared.rotation_due() && boot_ns() >= self.rotate_from_ns && !self.rotate() {
            self.rotate_from_ns = boot_ns() + TICK_NS;
        }
    }

    fn rotate(&mut self) -> bool {
        if !self.hand_over() {
            return false;
        }
        let (answer, rotated) = bounded(1);
        if self.to_writer.send(ToWriter::Rotate(answer)).is_err() {
            return false;
        }
        let Ok(Some(Rotated { sealed, planned })) = rotated.recv() else {
            return false;
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
        true
    }
}
