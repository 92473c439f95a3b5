//! `log.rotate`, `log.delete` and `log.verify`: what became of the log's own files.
//!
//! OWNS: their views. A rotation is the first record of the new file and describes the host in
//! full, so that each file can be read alone; a deletion is the tombstone of a file; a verification
//! that failed says which file is not as it was written.
//! MUST NOT: open a file.

use super::Lines;
use super::head::{Head, Kind, Outcome};
use super::line::{Line, key};
use super::names::Code;
use super::notes::At;
use super::view::{Meta, Text};

#[derive(Debug, Clone, Copy)]
pub struct LogRotateView<'a> {
    pub meta: Meta<'a>,
    /// The file that was sealed.
    pub sealed: LogFile<'a>,
    /// None if it holds no record.
    pub records: Option<SequenceRange>,
}

#[derive(Debug, Clone, Copy)]
pub struct LogDeleteView<'a> {
    pub meta: Meta<'a>,
    pub deleted: LogFile<'a>,
    pub records: Option<SequenceRange>,
    /// Such as "retention: older than 90 days".
    pub reason: &'a str,
}

/// A part of the log that is not as it was written, found without being asked for.
#[derive(Debug, Clone, Copy)]
pub struct LogVerifyView<'a> {
    pub meta: Meta<'a>,
    /// Path and, where known, size. None if it is about the log as a whole.
    pub file: Option<(&'a [u8], Option<u64>)>,
    pub fault: LogFault,
    /// What exactly, in words.
    pub detail: &'a str,
}

/// What is wrong with a file of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFault {
    /// A crash cut the last write short; nothing acknowledged is in it.
    Torn,
    /// Records that were durable are gone.
    Missing,
    /// Bytes are there that we did not write.
    Altered,
}

#[derive(Debug, Clone, Copy)]
pub struct LogFile<'a> {
    pub path: &'a [u8],
    pub size_bytes: u64,
    /// Of its content, if it was computed.
    pub sha256: Option<[u8; 32]>,
}

/// Sequence numbers, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceRange {
    pub first: u64,
    pub last: u64,
}

impl Lines {
    /// Appends one `log.rotate`, without LF.
    pub fn log_rotate(&mut self, out: &mut Vec<u8>, view: &LogRotateView) {
        self.write(out, |line| {
            line.head(
                &ROTATE,
                &view.meta,
                &Head {
                    severity: 1,
                    ..Head::default()
                },
            );
            line.log_file(&view.sealed, view.records);
        });
    }

    /// Appends one `log.delete`, without LF.
    pub fn log_delete(&mut self, out: &mut Vec<u8>, view: &LogDeleteView) {
        self.write(out, |line| {
            let detail = Some(view.reason);
            line.head(
                &DELETE,
                &view.meta,
                &Head {
                    severity: 1,
                    detail,
                    ..Head::default()
                },
            );
            line.log_file(&view.deleted, view.records);
        });
    }

    /// Appends one `log.verify` that failed, without LF.
    pub fn log_verify(&mut self, out: &mut Vec<u8>, view: &LogVerifyView) {
        let (code, severity) = match view.fault {
            LogFault::Torn => ("TORN", 2),
            LogFault::Missing => ("MISSING", 5),
            LogFault::Altered => ("ALTERED", 5),
        };
        self.write(out, |line| {
            line.head(
                &VERIFY,
                &view.meta,
                &Head {
                    severity,
                    outcome: Outcome::Failure(Some(Code::Name(code))),
                    detail: Some(view.detail),
                    ..Head::default()
                },
            );
            line.raw("\"log_name\":\"audit\",");
            if let Some((path, size_bytes)) = view.file {
                line.log_path(path, size_bytes);
                line.close();
            }
            line.end(None, |_| {});
        });
    }
}

const VERIFY: Kind = Kind {
    ids: r#""class_uid":1008,"category_uid":1,"activity_id":99,"activity_name":"Verify","type_uid":100899,"#,
    code: r#""event_code":"log.verify""#,
    host_profile: false,
    full_device: false,
};

const ROTATE: Kind = Kind {
    ids: r#""class_uid":1008,"category_uid":1,"activity_id":5,"type_uid":100805,"#,
    code: r#""event_code":"log.rotate""#,
    host_profile: false,
    full_device: true,
};

const DELETE: Kind = Kind {
    ids: r#""class_uid":1008,"category_uid":1,"activity_id":2,"type_uid":100802,"#,
    code: r#""event_code":"log.delete""#,
    host_profile: false,
    full_device: false,
};

impl Line<'_> {
    fn log_file(&mut self, file: &LogFile, records: Option<SequenceRange>) {
        self.raw("\"log_name\":\"audit\",");
        self.log_path(file.path, Some(file.size_bytes));
        if let Some(sha256) = file.sha256 {
            self.raw("\"hashes\":[{\"algorithm_id\":3,\"value\":\"");
            self.push_hex(&sha256);
            self.raw("\"}],");
        }
        self.close();
        self.end(None, |line| {
            if let Some(range) = records {
                line.raw("\"segment\":{");
                line.integer(key!("first"), range.first);
                line.integer(key!("last"), range.last);
                let records = range.last.saturating_sub(range.first).saturating_add(1);
                line.integer(key!("records"), records);
                line.close();
            }
        });
    }

    /// `file` up to its size, left open.
    fn log_path(&mut self, path: &[u8], size_bytes: Option<u64>) {
        let at = At::root("file");
        let path = Text::whole(path);
        self.raw("\"file\":{");
        self.file_name(&at, &path);
        self.path(key!("path"), &at.field("path"), &path);
        self.raw("\"type_id\":1,");
        if let Some(size_bytes) = size_bytes {
            self.integer(key!("size"), size_bytes);
        }
    }
}
