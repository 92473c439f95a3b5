//! One ring as its consumer: reads ahead, and gives space back only when told to.
//!
//! Owns the memory of a BPF ring buffer: a consumer page that we write, a producer page and the
//! data that we only read. The kernel offers the data twice in a row so that no entry is split; every
//! page of that would count as ours, so it is mapped once and an entry may come in two parts. The read
//! position is ours alone; the *published* consumer position moves in [`Acknowledger::acknowledge`], after
//! what was read is durable. So a killed daemon loses nothing that it had not acknowledged.
//!
//! What an entry's bytes claim is not checked here; that they are inside the ring is.

use std::{
    io,
    num::NonZero,
    os::fd::BorrowedFd,
    ptr::NonNull,
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use crate::kernel::page_bytes;

/// In an entry's length word: reserved but not submitted; discarded.
const BUSY: u32 = 1 << 31;
const DISCARDED: u32 = 1 << 30;
/// Before each entry.
const HEAD_BYTES: u64 = 8;

/// One entry, and the position behind it.
pub struct Entry<'a> {
    /// Its bytes, or those before the ring's end.
    pub bytes: &'a [u8],
    /// Those after it.
    pub wrapped: &'a [u8],
    pub end: u64,
}

/// The mapped ring.
pub struct Ring {
    consumer: Mapping,
    /// Producer page, then the data.
    rest: Mapping,
    page: usize,
    size: u64,
    /// Next byte to read.
    position: u64,
}

impl Ring {
    /// Maps the ring behind `fd`, of `size` bytes, to be read from `position` on (its published
    /// consumer position if `None`).
    pub fn map(fd: BorrowedFd<'_>, size: u32, position: Option<u64>) -> io::Result<Ring> {
        let page = page_bytes();
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        let consumer = Mapping::new(fd, page, both, 0)?;
        let length = page + size as usize;
        let rest = Mapping::new(fd, length, ProtFlags::PROT_READ, page as i64)?;
        let mut ring = Ring {
            consumer,
            rest,
            page,
            size: size.into(),
            position: 0,
        };
        let published = ring.published().load(Ordering::Acquire);
        ring.position = position.unwrap_or(published).max(published);
        Ok(ring)
    }

    fn published(&self) -> &AtomicU64 {
        // SAFETY: the page begins with the consumer position, aligned, alive as long as `self`.
        unsafe { self.consumer.base.cast::<AtomicU64>().as_ref() }
    }

    /// How far the kernel has reserved.
    pub fn produced(&self) -> u64 {
        // SAFETY: the second page begins with the producer position.
        unsafe { self.rest.base.cast::<AtomicU64>().as_ref() }.load(Ordering::Acquire)
    }

    /// Bytes that are not given back: unread, or not durable yet.
    pub fn occupied(&self) -> u64 {
        let published = self.published().load(Ordering::Acquire);
        self.produced().saturating_sub(published)
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next entry before `until`; `None` at the end or where one is not yet submitted.
    pub fn next(&mut self, until: u64) -> Option<Entry<'_>> {
        loop {
            if self.position >= until {
                return None;
            }
            let at = self.page + (self.position & (self.size - 1)) as usize;
            // SAFETY: inside the mapping: the offset is below `page + size`, and entries are aligned
            // to eight bytes, so that the length word is never split.
            let length = unsafe { self.rest.base.add(at).cast::<AtomicU32>().as_ref() }
                .load(Ordering::Acquire);
            if length & BUSY != 0 {
                return None;
            }
            let bytes = u64::from(length & !DISCARDED);
            // The kernel wrote this word; a ring that lies about it is not read past its end.
            if bytes > self.size - HEAD_BYTES {
                return None;
            }
            self.position += (bytes + HEAD_BYTES).next_multiple_of(8);
            if length & DISCARDED != 0 {
                continue;
            }
            let from = (at - self.page + HEAD_BYTES as usize) & (self.size as usize - 1);
            let first = (bytes as usize).min(self.size as usize - from);
            // SAFETY: `from + first` and the rest are within the data (just bounded), which the
            // kernel does not write to before we acknowledge.
            let (bytes, wrapped) = unsafe {
                let data = self.rest.base.as_ptr().add(self.page);
                (
                    std::slice::from_raw_parts(data.add(from), first),
                    std::slice::from_raw_parts(data, bytes as usize - first),
                )
            };
            return Some(Entry {
                bytes,
                wrapped,
                end: self.position,
            });
        }
    }

    /// A handle that can give space back from another thread.
    pub fn acknowledger(&self, fd: BorrowedFd<'_>) -> io::Result<Acknowledger> {
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        Ok(Acknowledger {
            consumer: Mapping::new(fd, self.page, both, 0)?,
        })
    }
}

/// Publishes the consumer position of one ring.
pub struct Acknowledger {
    consumer: Mapping,
}

impl Acknowledger {
    /// Everything before `position` may be overwritten. Never goes back.
    pub fn acknowledge(&self, position: u64) {
        // SAFETY: as in `Ring::published`.
        let published = unsafe { self.consumer.base.cast::<AtomicU64>().as_ref() };
        published.fetch_max(position, Ordering::Release);
    }
}

struct Mapping {
    base: NonNull<u8>,
    bytes: usize,
}

// SAFETY: shared memory, accessed through the types above only.
unsafe impl Send for Mapping {}

impl Mapping {
    fn new(fd: BorrowedFd<'_>, bytes: usize, prot: ProtFlags, offset: i64) -> io::Result<Mapping> {
        let length = NonZero::new(bytes).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping; nothing else is at the address that the kernel chooses.
        let base = unsafe { mmap(None, length, prot, MapFlags::MAP_SHARED, fd, offset) }?;
        Ok(Mapping {
            base: base.cast(),
            bytes,
        })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: our own mapping, to which no reference is left.
        let unmapped = unsafe { munmap(self.base.cast(), self.bytes) };
        debug_assert!(unmapped.is_ok());
    }
}
