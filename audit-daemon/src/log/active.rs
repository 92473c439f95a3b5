//! The active segment: lines waiting in memory, and the one place that writes lines to disk.
//!
//! **Owns** the buffer, the file, and the knowledge of how far the file is durable.
//! **Must not** know names, numbers or other segments.
//!
//! Invariants: the buffer belongs at offset `durable` and is emptied only after it is durable.
//! While `trust` is not `Sound` nothing but the next [`Active::write_out`] touches the file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile, OpenMode};
use super::error::{AppendError, LogError};
use super::line::CHUNK_BYTES;
use super::{BUFFER_BYTES_MAX, LINE_BYTES_MAX};

/// What a disk writes at once: the last block holds durable bytes too, so it is kept in memory
/// to be written again whole when an fsync failed.
pub(super) const BLOCK_BYTES: u64 = 4_096;

/// What is known of the file behind the durable length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// It ends there.
    Sound,
    /// A failed write left bytes that could not be cut off yet.
    Untrimmed,
    /// An fsync failed: pages may be marked clean and yet not be on disk.
    Unsynced,
}

pub(super) struct Active<D: Disk> {
    file: Arc<D::File>,
    path: PathBuf,
    durable: u64,
    buffer: Vec<u8>,
    /// Durable bytes since the last block boundary.
    block: Vec<u8>,
    trust: Trust,
}

impl<D: Disk> Active<D> {
    /// Takes a file that ends at `durable`.
    pub(super) fn new(file: D::File, path: PathBuf, durable: u64) -> Result<Self, LogError> {
        let block =
            read_block(&file, durable).map_err(|error| LogError::io("read", &path, error))?;
        Ok(Self {
            file: Arc::new(file),
            path,
            durable,
            buffer: Vec::with_capacity(BUFFER_BYTES_MAX),
            block,
            trust: Trust::Sound,
        })
    }

    /// Goes on in another file, with the lines that wait.
    pub(super) fn move_to(&mut self, next: Self) {
        let buffer = std::mem::take(&mut self.buffer);
        *self = Self { buffer, ..next };
    }

    #[inline]
    pub(super) fn push(&mut self, line: &[u8]) -> Result<(), AppendError> {
        if line.len() > LINE_BYTES_MAX {
            return Err(AppendError::TooLong { bytes: line.len() });
        }
        if line.is_empty() {
            return Err(AppendError::Empty);
        }
        if let Some(at) = memchr::memchr(b'\n', line) {
            return Err(AppendError::LineFeed { at });
        }
        if self.buffer.len() + line.len() + 1 > BUFFER_BYTES_MAX {
            return Err(AppendError::Full {
                waiting_bytes: self.buffer.len(),
            });
        }
        self.buffer.extend_from_slice(line);
        self.buffer.push(b'\n');
        Ok(())
    }

    pub(super) fn waiting_bytes(&self) -> usize {
        self.buffer.len()
    }

    pub(super) fn durable(&self) -> u64 {
        self.durable
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> &Arc<D::File> {
        &self.file
    }

    /// Whether there is anything to commit or to mend.
    pub(super) fn is_settled(&self) -> bool {
        self.buffer.is_empty() && self.trust == Trust::Sound
    }

    /// Cuts off what failed writes left, so that whatever is then beyond is somebody else's.
    pub(super) fn trim(&mut self, disk: &D) -> Result<(), LogError> {
        if self.trust == Trust::Sound {
            return Ok(());
        }
        if self.trust == Trust::Unsynced {
            let same = disk.len_if_same(&self.path, &self.file);
            if same
                .map_err(|error| LogError::io("look at", &self.path, error))?
                .is_none()
            {
                // Not ours any more: the caller goes on elsewhere.
                return Ok(());
            }
            let file = disk
                .open(&self.path, OpenMode::Write)
                .map_err(|error| LogError::io("reopen", &self.path, error))?;
            self.file = Arc::new(file);
        }
        let cut = self.file.size().and_then(|len| {
            if len > self.durable {
                self.file.set_len(self.durable)
            } else {
                Ok(())
            }
        });
        cut.map_err(|error| LogError::io("cut a failed write off", &self.path, error))?;
        if self.trust == Trust::Untrimmed {
            self.trust = Trust::Sound;
        }
        Ok(())
    }

    /// Takes over that the file now ends at `durable`, whoever did that.
    pub(super) fn accept(&mut self, durable: u64) -> Result<(), LogError> {
        self.block = read_block(self.file.as_ref(), durable)
            .map_err(|error| LogError::io("read", &self.path, error))?;
        self.durable = durable;
        Ok(())
    }

    /// Writes the waiting lines and makes them durable. The file must end at `durable`.
    pub(super) fn write_out(&mut self) -> Result<(), LogError> {
        let mending = self.trust == Trust::Unsynced;
        let start = self.durable - self.block.len() as u64;
        let mut written = Ok(());
        if mending {
            written = self.file.write_all_at(&self.block, start);
        }
        let written = written.and_then(|()| self.file.write_all_at(&self.buffer, self.durable));
        if let Err(error) = written {
            if self.file.set_len(self.durable).is_err() && !mending {
                self.trust = Trust::Untrimmed;
            }
            return Err(LogError::io("write", &self.path, error));
        }
        if let Err(error) = self.file.sync() {
            self.trust = Trust::Unsynced;
            return Err(LogError::io("make durable", &self.path, error));
        }
        if mending {
            self.read_back(start)?;
            self.trust = Trust::Sound;
        }
        self.settle();
        Ok(())
    }

    /// Compares the disk with what should be on it.
    fn read_back(&self, start: u64) -> Result<(), LogError> {
        let failed = |error| LogError::io("read back", &self.path, error);
        self.file.forget_cache().map_err(failed)?;
        let mut offset = start;
        let mut found = vec![0; CHUNK_BYTES];
        for written in [&self.block, &self.buffer] {
            for expected in written.chunks(CHUNK_BYTES) {
                let found = found.get_mut(..expected.len()).unwrap_or_default();
                let read = self.file.read_full_at(found, offset).map_err(failed)?;
                if read != expected.len() || found != expected {
                    return Err(LogError::ReadBack {
                        path: self.path.clone(),
                        offset,
                    });
                }
                offset += read as u64;
            }
        }
        Ok(())
    }

    /// The buffer is durable: it becomes part of the file.
    fn settle(&mut self) {
        self.durable += self.buffer.len() as u64;
        let keep = (self.durable % BLOCK_BYTES) as usize;
        if let Some(from) = self.buffer.len().checked_sub(keep) {
            self.block.clear();
            self.block
                .extend_from_slice(self.buffer.get(from..).unwrap_or_default());
        } else {
            // The buffer did not reach a new block: all of it joins the old one.
            self.block.extend_from_slice(&self.buffer);
        }
        self.buffer.clear();
    }
}

fn read_block<F: DiskFile>(file: &F, durable: u64) -> io::Result<Vec<u8>> {
    let length = durable % BLOCK_BYTES;
    let mut block = vec![0; length as usize];
    let read = file.read_full_at(&mut block, durable - length)?;
    if read != block.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(block)
}
