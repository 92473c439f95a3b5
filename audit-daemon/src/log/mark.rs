//! How far the active segment is known to be on disk.
//!
//! **Owns** the file `durable`. It is what tells a torn tail (above the mark, normal) from
//! corruption (below it). **Must not** be fsynced per commit, that would double the price of a
//! commit: it is written after the bytes it speaks of are durable, so whatever version of it
//! survives is true, only perhaps old.

use std::io;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::disk::{Disk, DiskFile, OpenMode, read_file};
use super::names;

/// Length of the mark: less than a sector, so that it is written whole or not at all.
pub const MARK_BYTES: usize = 72;
/// The part that the check covers: three numbers of 20 digits and three spaces.
const BODY_BYTES: usize = 63;

/// A statement about the active segment at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// First sequence of the segment.
    pub(super) first: u64,
    /// Bytes of it that are on disk.
    pub(super) bytes: u64,
    /// The sequence that comes next.
    pub(super) next: u64,
}

impl Mark {
    fn encode(self) -> String {
        let body = format!("{:020} {:020} {:020} ", self.first, self.bytes, self.next);
        let check = check(body.as_bytes());
        format!("{body}{check:08x}\n")
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, rest) = bytes.split_at_checked(BODY_BYTES)?;
        let found = std::str::from_utf8(rest).ok()?.strip_suffix('\n')?;
        if bytes.len() != MARK_BYTES || format!("{:08x}", check(body)) != found {
            return None;
        }
        let mut numbers = std::str::from_utf8(body).ok()?.split(' ').map(str::parse);
        let mut number = || numbers.next()?.ok();
        Some(Self {
            first: number()?,
            bytes: number()?,
            next: number()?,
        })
    }
}

fn check(body: &[u8]) -> u32 {
    let digest = Sha256::digest(body);
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// The open mark file.
pub(super) struct MarkFile<F> {
    file: F,
    failing: bool,
}

impl<F: DiskFile> MarkFile<F> {
    /// The last mark; `None` if there is none or it is damaged.
    pub(super) fn load<D: Disk>(disk: &D, dir: &Path) -> io::Result<Option<Mark>> {
        // One byte more, so that a file that is too long shows.
        let bytes = read_file(disk, &dir.join(names::MARK), MARK_BYTES as u64 + 1)?;
        let mark = bytes.as_deref().and_then(Mark::decode);
        if mark.is_none() && bytes.is_some_and(|bytes| !bytes.is_empty()) {
            tracing::warn!("the durable mark of the log is damaged: it is made again");
        }
        Ok(mark)
    }

    /// Opens the file and writes a first mark, durably.
    pub(super) fn create<D: Disk<File = F>>(disk: &D, dir: &Path, mark: Mark) -> io::Result<Self> {
        let file = disk.open(&dir.join(names::MARK), OpenMode::Create)?;
        file.write_all_at(mark.encode().as_bytes(), 0)?;
        file.set_len(MARK_BYTES as u64)?;
        file.sync()?;
        disk.sync_dir(dir)?;
        Ok(Self {
            file,
            failing: false,
        })
    }

    /// Moves the mark. A failure costs precision after a crash, never truth: it is said once.
    pub(super) fn set(&mut self, mark: Mark) {
        match self.file.write_all_at(mark.encode().as_bytes(), 0) {
            Ok(()) => self.failing = false,
            Err(error) if self.failing => tracing::debug!("durable mark not written: {error}"),
            Err(error) => {
                self.failing = true;
                tracing::warn!("durable mark of the log not written: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        first: 71_032,
        bytes: 4_096,
        next: 71_040,
    };

    #[test]
    fn the_format_is_pinned() {
        let text = MARK.encode();
        assert_eq!(
            text,
            "00000000000000071032 00000000000000004096 00000000000000071040 7191cb79\n"
        );
        assert_eq!(text.len(), MARK_BYTES);
        assert_eq!(Mark::decode(text.as_bytes()), Some(MARK));
    }

    #[test]
    fn any_other_byte_is_noticed() {
        let good = MARK.encode().into_bytes();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(Mark::decode(&bad), None, "byte {at}");
            assert_eq!(Mark::decode(&good[..at]), None, "cut at {at}");
        }
        assert_eq!(Mark::decode(&[good.as_slice(), b"\n"].concat()), None);
    }
}
