//! Lines of a segment, read back.
//!
//! **Owns** what the log reads out of a line (sequence, log id, time) and the cutting of a file
//! into lines in bounded memory. **Must not** look at anything else in a record.

use std::io;

use serde::Deserialize;

use super::LINE_BYTES_MAX;
use super::disk::DiskFile;

/// Bytes read at once: room for any line and some more.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

const _: () = assert!(CHUNK_BYTES > LINE_BYTES_MAX + 1, "a line must fit a chunk");

/// What the log knows of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    pub(super) sequence: u64,
    /// `metadata.uid` up to its dot.
    pub(super) log_id: Option<String>,
    /// `time_dt`.
    pub(super) time: Option<String>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    time_dt: Option<String>,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(default)]
    uid: Option<String>,
    sequence: u64,
}

/// Reads a line without its LF; `None` if it is not a record. The last number is none: nothing
/// could follow it.
pub(super) fn facts(line: &[u8]) -> Option<Facts> {
    // A record begins so; serde would also take an array for a struct, or spaces around it.
    if line.first() != Some(&b'{') || line.last() != Some(&b'}') || line.len() > LINE_BYTES_MAX {
        return None;
    }
    let record: Record = serde_json::from_slice(line).ok()?;
    let uid = record.metadata.uid;
    Some(Facts {
        sequence: Some(record.metadata.sequence).filter(|&sequence| sequence < u64::MAX)?,
        log_id: uid.and_then(|uid| Some(uid.split_once('.')?.0.to_owned())),
        time: record.time_dt,
    })
}

/// A piece of a file, from `offset` to `end`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) offset: u64,
    pub(super) end: u64,
    pub(super) content: Content<'a>,
}

/// What a piece is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// A line, without its LF.
    Line(&'a [u8]),
    /// A line over the limit; ends with LF.
    Overlong,
    /// The end of the file, without LF.
    Unfinished,
}

/// Cuts the bytes of a file into pieces, front to back.
pub(super) struct Pieces<'a, F> {
    file: &'a F,
    chunk: Vec<u8>,
    /// Offset in the file of the first byte in `chunk`.
    offset: u64,
    /// Bytes of `chunk` already handed out.
    used: usize,
    /// Where reading stops.
    end: u64,
}

impl<'a, F: DiskFile> Pieces<'a, F> {
    /// Begins at `start`, which should be the beginning of a line, and stops at `end`.
    pub(super) fn new(file: &'a F, start: u64, end: u64) -> Self {
        Self {
            file,
            chunk: Vec::with_capacity(CHUNK_BYTES),
            offset: start,
            used: 0,
            end,
        }
    }

    /// The next piece; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Piece<'_>>> {
        let offset = self.offset + self.used as u64;
        let mut overlong = false;
        loop {
            let rest = self.chunk.get(self.used..).unwrap_or_default();
            if let Some(length) = memchr::memchr(b'\n', rest) {
                let begin = self.used;
                self.used += length + 1;
                let end = self.offset + self.used as u64;
                let line = self.chunk.get(begin..begin + length).unwrap_or_default();
                let content = if overlong || length > LINE_BYTES_MAX {
                    Content::Overlong
                } else {
                    Content::Line(line)
                };
                return Ok(Some(Piece {
                    offset,
                    end,
                    content,
                }));
            }
            if rest.len() > LINE_BYTES_MAX {
                // Its content will not be needed: only its end is still looked for.
                overlong = true;
                self.used = self.chunk.len();
            }
            if !self.refill()? {
                let end = self.offset + self.chunk.len() as u64;
                self.used = self.chunk.len();
                let content = Content::Unfinished;
                return Ok((end > offset).then_some(Piece {
                    offset,
                    end,
                    content,
                }));
            }
        }
    }

    /// Reads on, keeping what is not used yet; `false` at the end.
    fn refill(&mut self) -> io::Result<bool> {
        self.chunk.drain(..self.used);
        self.offset += self.used as u64;
        self.used = 0;
        let kept = self.chunk.len();
        let from = self.offset + kept as u64;
        let room = CHUNK_BYTES.saturating_sub(kept) as u64;
        let want = usize::try_from(self.end.saturating_sub(from).min(room)).unwrap_or(0);
        self.chunk.resize(kept + want, 0);
        let read = match self.chunk.get_mut(kept..) {
            Some(rest) => self.file.read_full_at(rest, from)?,
            None => 0,
        };
        self.chunk.truncate(kept + read);
        Ok(read > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::{Disk, OpenMode};
    use super::super::tests::sim::Sim;
    use super::*;
    use std::path::Path;

    #[test]
    fn facts_are_read_from_a_record_only() {
        let line = br#"{"time":1,"time_dt":"2026-11-20T10:16:34.845388117Z","metadata":{"version":"1.8.0","uid":"9f1c2b7a40d3.42","sequence":42},"unmapped":{"xattributes":{"sequence":7}}}"#;
        assert_eq!(
            facts(line),
            Some(Facts {
                sequence: 42,
                log_id: Some("9f1c2b7a40d3".into()),
                time: Some("2026-11-20T10:16:34.845388117Z".into()),
            })
        );
        for bad in [
            &b""[..],
            b"{}",
            b"[null,[null,1]]",
            br#"{"metadata":{"sequence":-1}}"#,
            br#"{"metadata":{"sequence":1.5}}"#,
            br#"{"metadata":{"sequence":18446744073709551615}}"#,
            br#"{"metadata":{"sequence":18446744073709551616}}"#,
            br#"{"metadata":{"sequence":1}} "#,
            br#" {"metadata":{"sequence":1}}"#,
            br#"{"metadata":{"sequence":1}}{"metadata":{"sequence":2}}"#,
            b"{\"metadata\":{\"sequence\":1}\0}",
            b"{\"metadata\":{\"uid\":\"\xff\",\"sequence\":1}}",
        ] {
            assert_eq!(facts(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn pieces_cover_every_byte_once() {
        let long = vec![b'x'; LINE_BYTES_MAX];
        let longer = vec![b'y'; LINE_BYTES_MAX + 1];
        let huge = vec![b'z'; 3 * CHUNK_BYTES];
        let content = [
            &b"a\n\n"[..],
            &long,
            b"\n",
            &longer,
            b"\n",
            &huge,
            b"\nb\n",
            b"tail",
        ]
        .concat();
        let sim = Sim::default();
        let file = sim.open(Path::new("/f"), OpenMode::Create).unwrap();
        file.write_all_at(&content, 0).unwrap();
        let mut pieces = Pieces::new(&file, 0, content.len() as u64);
        let mut seen = Vec::new();
        let mut at = 0;
        while let Some(piece) = pieces.next().unwrap() {
            assert_eq!(piece.offset, at);
            at = piece.end;
            seen.push(match piece.content {
                Content::Line(line) => line.len() as i64,
                Content::Overlong => -1,
                Content::Unfinished => -2,
            });
        }
        assert_eq!(at, content.len() as u64);
        assert_eq!(seen, [1, 0, LINE_BYTES_MAX as i64, -1, -1, 1, -2]);
    }
}
