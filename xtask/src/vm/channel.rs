//! The runner's end of the ring through which the guest speaks.
//!
//! Owns: the file that QEMU shows to the guest as memory, its preparation, and the tail
//! position. The layout is `audit_guest::ring`'s.
//!
//! A guest whose kernel is in lockdown sends the same bytes over a serial port, to a file that only
//! grows: that one is read from its start.
//!
//! Must not: trust the guest: a head that cannot be is an error, not a read out of bounds.
//!
//! The file is read with pread: a shared mapping and the page cache are one on Linux.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use audit_guest::ring::{self, HEAD_OFFSET, MAGIC, REGION_BYTES, TAIL_OFFSET};

/// The most that one look takes.
const READ_BYTES_MAX: u64 = 1 << 20;

const SERIAL_BYTES_MAX: usize = 1 << 16;

/// Where QEMU puts what the guest sends over the serial port of the ring in this file.
pub fn serial_of(ring: &Path) -> PathBuf {
    ring.with_extension("serial")
}

pub struct Channel {
    file: File,
    serial: File,
    serial_read: u64,
    tail: u64,
    capacity: u64,
}

impl Channel {
    /// Makes an empty ring in a new file.
    pub fn create(path: &Path) -> io::Result<Self> {
        Self::with_bytes(path, REGION_BYTES)
    }

    fn with_bytes(path: &Path, region_bytes: u64) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600);
        let file = options.open(path)?;
        file.set_len(region_bytes)?;
        file.write_all_at(&MAGIC, 0)?;
        Ok(Self {
            file,
            serial: options.open(serial_of(path))?,
            serial_read: 0,
            tail: 0,
            capacity: ring::capacity(region_bytes),
        })
    }

    /// What the guest has written since the last look; empty if nothing.
    pub fn read(&mut self) -> io::Result<Vec<u8>> {
        let bytes = self.read_serial()?;
        if !bytes.is_empty() {
            return Ok(bytes);
        }
        let head = self.head()?;
        let waiting = head.wrapping_sub(self.tail);
        if waiting > self.capacity {
            let text = format!(
                "the guest is at byte {head} of the ring, the runner at {}",
                self.tail
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        let length = waiting.min(READ_BYTES_MAX);
        let mut bytes = vec![0u8; length as usize];
        let mut filled = 0;
        for piece in ring::pieces(self.tail, length, self.capacity) {
            let end = filled + piece.length as usize;
            self.file
                .read_exact_at(&mut bytes[filled..end], piece.offset)?;
            filled = end;
        }
        self.tail += length;
        self.file
            .write_all_at(&self.tail.to_le_bytes(), TAIL_OFFSET)?;
        Ok(bytes)
    }

    fn read_serial(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; SERIAL_BYTES_MAX];
        let length = self.serial.read_at(&mut bytes, self.serial_read)?;
        bytes.truncate(length);
        self.serial_read += length as u64;
        Ok(bytes)
    }

    /// The head, read until two looks agree: a read of 8 bytes need not be one piece.
    fn head(&self) -> io::Result<u64> {
        let look = || -> io::Result<u64> {
            let mut bytes = [0u8; 8];
            self.file.read_exact_at(&mut bytes, HEAD_OFFSET)?;
            Ok(u64::from_le_bytes(bytes))
        };
        let mut last = look()?;
        loop {
            let next = look()?;
            if next == last {
                return Ok(next);
            }
            last = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::scratch::Scratch;

    const SMALL: u64 = ring::DATA_OFFSET + 10;

    /// Writes as the guest does.
    fn guest_write(file: &File, head: &mut u64, bytes: &[u8]) {
        let mut rest = bytes;
        for piece in ring::pieces(*head, bytes.len() as u64, 10) {
            let (now, later) = rest.split_at(piece.length as usize);
            file.write_all_at(now, piece.offset).unwrap();
            rest = later;
        }
        *head += bytes.len() as u64;
        file.write_all_at(&head.to_le_bytes(), HEAD_OFFSET).unwrap();
    }

    #[test]
    fn bytes_come_in_order_across_the_end_of_the_ring() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().join("ring");
        let mut channel = Channel::with_bytes(&path, SMALL).unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        let mut head = 0;
        assert_eq!(channel.read().unwrap(), b"");
        for text in ["hello", "wonderful", "0123456789", "", "x"] {
            guest_write(&file, &mut head, text.as_bytes());
            assert_eq!(channel.read().unwrap(), text.as_bytes());
        }
        assert_eq!(channel.tail, 25);
        let mut bytes = [0u8; 8];
        channel.file.read_exact_at(&mut bytes, TAIL_OFFSET).unwrap();
        assert_eq!(u64::from_le_bytes(bytes), 25);
    }

    #[test]
    fn bytes_of_the_serial_port_come_first_and_once() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().join("ring");
        let mut channel = Channel::with_bytes(&path, SMALL).unwrap();
        let mut serial = OpenOptions::new()
            .append(true)
            .open(serial_of(&path))
            .unwrap();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        guest_write(&file, &mut 0, b"ring");
        for text in [b"first", b"other"] {
            io::Write::write_all(&mut serial, text).unwrap();
            assert_eq!(channel.read().unwrap(), text);
        }
        assert_eq!(channel.read().unwrap(), b"ring");
        assert_eq!(channel.read().unwrap(), b"");
    }

    #[test]
    fn an_impossible_position_is_an_error() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().join("ring");
        let mut channel = Channel::with_bytes(&path, SMALL).unwrap();
        channel
            .file
            .write_all_at(&11u64.to_le_bytes(), HEAD_OFFSET)
            .unwrap();
        assert_eq!(
            channel.read().unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }

    #[test]
    fn a_new_ring_bears_its_mark_and_nothing_else() {
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().join("ring");
        Channel::create(&path).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len() as u64, REGION_BYTES);
        assert_eq!(bytes[..8], MAGIC);
        assert!(bytes[8..].iter().all(|&byte| byte == 0));
    }
}
