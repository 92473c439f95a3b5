//! Lines from the end of the log backwards.
//!
//! **Owns** reading back over segment borders in bounded memory: one chunk and one line.
//! **Must not** judge what it reads: it yields whole lines as they are. Lines over the limit
//! and bytes without LF at the end of a segment are passed over.

use std::io;
use std::path::PathBuf;

use super::LINE_BYTES_MAX;
use super::disk::{Disk, DiskFile, OpenMode};
use super::error::LogError;
use super::line::CHUNK_BYTES;

/// Iterator over lines (without LF), newest first. Ends after an error.
pub struct TailLines<'a, D: Disk> {
    disk: &'a D,
    /// Segments not begun yet, oldest first: path and length.
    segments: Vec<(PathBuf, u64)>,
    current: Option<Current<D::File>>,
    left_bytes: u64,
}

struct Current<F> {
    file: F,
    path: PathBuf,
    /// Bytes of the file from `offset` on that were not yielded yet.
    bytes: Vec<u8>,
    offset: u64,
    /// What is at the end of `bytes` has no end of its own: pass over it.
    skipping: bool,
}

impl<'a, D: Disk> TailLines<'a, D> {
    pub(super) fn new(disk: &'a D, segments: Vec<(PathBuf, u64)>, bytes_max: u64) -> Self {
        Self {
            disk,
            segments,
            current: None,
            left_bytes: bytes_max,
        }
    }

    fn advance(&mut self) -> Result<Option<Vec<u8>>, LogError> {
        loop {
            if let Some(current) = &mut self.current {
                let line = current
                    .line_before()
                    .map_err(|error| LogError::io("read", &current.path, error))?;
                if line.is_some() {
                    return Ok(line);
                }
            }
            let Some((path, bytes)) = self.segments.pop() else {
                return Ok(None);
            };
            let file = self
                .disk
                .open(&path, OpenMode::Read)
                .map_err(|error| LogError::io("read", &path, error))?;
            self.current = Some(Current {
                file,
                path,
                bytes: Vec::new(),
                offset: bytes,
                skipping: true,
            });
        }
    }
}

impl<D: Disk> Iterator for TailLines<'_, D> {
    type Item = Result<Vec<u8>, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left_bytes == 0 {
            return None;
        }
        let line = self.advance();
        match &line {
            Ok(Some(line)) => {
                self.left_bytes = self.left_bytes.saturating_sub(line.len() as u64 + 1);
            }
            Ok(None) | Err(_) => self.left_bytes = 0,
        }
        line.transpose()
    }
}

impl<F: DiskFile> Current<F> {
    /// The line that ends where `bytes` ends; `None` at the beginning of the file.
    fn line_before(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if self.skipping {
                match memchr::memrchr(b'\n', &self.bytes) {
                    Some(at) => {
                        self.bytes.truncate(at + 1);
                        self.skipping = false;
                    }
                    None => self.bytes.clear(),
                }
            }
            if !self.skipping
                && let Some((_, content)) = self.bytes.split_last()
            {
                let begin = match memchr::memrchr(b'\n', content) {
                    Some(at) => Some(at + 1),
                    None if self.offset == 0 => Some(0),
                    None => None,
                };
                if let Some(begin) = begin {
                    let line = content.get(begin..).unwrap_or_default().to_vec();
                    self.bytes.truncate(begin);
                    if line.len() <= LINE_BYTES_MAX {
                        return Ok(Some(line));
                    }
                    continue;
                }
                self.skipping = content.len() > LINE_BYTES_MAX;
                if self.skipping {
                    self.bytes.clear();
                }
            }
            if self.offset == 0 {
                return Ok(None);
            }
            self.read_before()?;
        }
    }

    /// Puts the chunk before `bytes` in front of it.
    fn read_before(&mut self) -> io::Result<()> {
        let want = usize::try_from(self.offset)
            .unwrap_or(CHUNK_BYTES)
            .min(CHUNK_BYTES);
        let mut chunk = vec![0; want];
        let offset = self.offset - want as u64;
        let read = self.file.read_full_at(&mut chunk, offset)?;
        if read < want {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        chunk.append(&mut self.bytes);
        self.bytes = chunk;
        self.offset = offset;
        Ok(())
    }
}
