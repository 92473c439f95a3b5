//! Records of what is wrong with the log itself.
//!
//! Owns the choice of words and of the fault for each finding of `log`. Must not repair anything.

use std::{os::unix::ffi::OsStrExt, path::Path};

use super::Recorder;
use crate::{
    log::{Alarm, Torn},
    record::{LogFault, LogVerifyView},
};

impl Recorder {
    /// A crash cut the last write short; after an orderly end it was no crash.
    pub fn log_torn(&mut self, torn: &Torn, orderly: bool) {
        let Torn {
            path,
            segment,
            offset,
            bytes,
        } = torn;
        let (fault, when) = match orderly {
            true => (LogFault::Altered, "though the daemon had ended in order"),
            false => (LogFault::Torn, "after a crash"),
        };
        let detail = format!(
            "{bytes} bytes at offset {offset} of {segment} were no whole records {when}; set aside"
        );
        self.log_fault(Some((path, Some(*bytes))), fault, &detail);
    }

    /// Somebody else was at the log.
    pub fn log_alarm(&mut self, log_dir: &Path, alarm: &Alarm) {
        let (name, fault) = match alarm {
            Alarm::SegmentMissing { name, .. }
            | Alarm::Gap { name, .. }
            | Alarm::Shortened { name, .. }
            | Alarm::Replaced { name, .. } => (Some(name.as_str()), LogFault::Missing),
            Alarm::Repeated { name, .. }
            | Alarm::BadLine { name, .. }
            | Alarm::Foreign { name, .. }
            | Alarm::SealedChanged { name, .. }
            | Alarm::Unreadable { name, .. }
            | Alarm::IdentityMismatch { name, .. } => (Some(name.as_str()), LogFault::Altered),
            Alarm::IdentityLost { .. } => (Some("identity.json"), LogFault::Altered),
            Alarm::More { .. } => (None, LogFault::Altered),
        };
        let path = name.map(|name| log_dir.join(name));
        let file = path.as_deref().map(|path| (path, None));
        self.log_fault(file, fault, &alarm.to_string());
    }

    fn log_fault(&mut self, file: Option<(&Path, Option<u64>)>, fault: LogFault, detail: &str) {
        let utc_ns = self.utc_now();
        let file = file.map(|(path, size)| (path.as_os_str().as_bytes(), size));
        self.write(utc_ns, |lines, out, meta| {
            lines.log_verify(
                out,
                &LogVerifyView {
                    meta,
                    file,
                    fault,
                    detail,
                },
            );
        });
    }
}
