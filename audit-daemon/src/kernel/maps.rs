//! Kernel arrays mapped into our memory: counters read, and the ledger written, without a call.
//!
//! Owns those mappings. Values are made of 64-bit words that the kernel changes by atomic add, so
//! they are read and written word by word with atomics; a value of several words may be of two
//! instants, which only a live snapshot can see.

use std::{
    io,
    marker::PhantomData,
    os::fd::AsFd,
    ptr::NonNull,
    sync::atomic::{AtomicU64, Ordering},
};

use audit_common::counters::{CpuCounters, CpuLedger, LedgerHead, Load};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

/// What may stand in a mapped array.
///
/// # Safety
/// `repr(C)`, made of `u64` (and arrays of them, and of bytes in multiples of eight) only: no
/// padding, and every bit pattern is a value.
pub unsafe trait Words: Copy {}
// SAFETY: u64 fields only.
unsafe impl Words for CpuCounters {}
// SAFETY: u64 fields only.
unsafe impl Words for CpuLedger {}
// SAFETY: u64 fields only.
unsafe impl Words for LedgerHead {}
// SAFETY: one word.
unsafe impl Words for u64 {}
// SAFETY: u64 fields only.
unsafe impl Words for audit_common::watch::WatchState {}
// SAFETY: u64 fields only.
unsafe impl Words for audit_common::volume::VolumeSettings {}
// SAFETY: u64 fields and arrays of them.
unsafe impl Words for audit_common::volume::Quiet {}
// SAFETY: u64 fields and arrays of them.
unsafe impl Words for audit_common::volume::Repeat {}
// SAFETY: u64 fields only.
unsafe impl Words for audit_common::volume::Rate {}
// SAFETY: u64 fields and one array of sixteen bytes.
unsafe impl Words for Load {}

/// A mapped array map.
pub struct MappedArray<T> {
    base: NonNull<AtomicU64>,
    bytes: usize,
    entries: usize,
    of: PhantomData<T>,
}

// SAFETY: the mapping is plain shared memory, accessed by atomics only.
unsafe impl<T: Words> Send for MappedArray<T> {}
// SAFETY: as above.
unsafe impl<T: Words> Sync for MappedArray<T> {}

impl<T: Words> MappedArray<T> {
    const WORDS: usize = size_of::<T>() / 8;

    /// Maps `entries` values of a `BPF_F_MMAPABLE` array.
    pub fn map(fd: impl AsFd, entries: usize) -> io::Result<MappedArray<T>> {
        let page = page_bytes();
        let bytes = (entries * size_of::<T>()).next_multiple_of(page);
        let length = std::num::NonZero::new(bytes).ok_or(io::ErrorKind::InvalidInput)?;
        let prot = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping; nothing else is at the address that the kernel chooses.
        let base = unsafe { mmap(None, length, prot, MapFlags::MAP_SHARED, fd, 0) }?;
        Ok(MappedArray {
            base: base.cast(),
            bytes,
            entries,
            of: PhantomData,
        })
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn words(&self, entry: usize, words: usize) -> &[AtomicU64] {
        assert!(
            entry < self.entries && words <= Self::WORDS,
            "entry {entry} of {}",
            self.entries
        );
        // SAFETY: inside the mapping by the assertion, which lives as long as `self`.
        unsafe {
            let at = self.base.as_ptr().add(entry * Self::WORDS);
            std::slice::from_raw_parts(at, words)
        }
    }

    pub fn get(&self, entry: usize) -> T {
        self.get_as(entry)
    }

    /// An entry whose words have another meaning, and no more of them.
    pub fn get_as<U: Words>(&self, entry: usize) -> U {
        let mut value = std::mem::MaybeUninit::<U>::uninit();
        for (i, word) in self.words(entry, size_of::<U>() / 8).iter().enumerate() {
            // SAFETY: `U` is that many words long.
            unsafe {
                value
                    .as_mut_ptr()
                    .cast::<u64>()
                    .add(i)
                    .write(word.load(Ordering::Acquire))
            };
        }
        // SAFETY: all words are written, and any words are a value of `U`.
        unsafe { value.assume_init() }
    }

    pub fn set(&self, entry: usize, value: &T) {
        self.set_as(entry, value);
    }

    pub fn set_as<U: Words>(&self, entry: usize, value: &U) {
        for (i, word) in self.words(entry, size_of::<U>() / 8).iter().enumerate() {
            // SAFETY: `U` is that many words long, and they are initialised.
            let value = unsafe { std::ptr::from_ref(value).cast::<u64>().add(i).read() };
            word.store(value, Ordering::Release);
        }
    }
}

impl<T: Words> MappedArray<T> {
    /// Adds to one word, which the kernel may change at the same time; wraps.
    pub fn add(&self, entry: usize, word: usize, change: u64) {
        self.words(entry, word + 1)[word].fetch_add(change, Ordering::AcqRel);
    }

    /// Makes the first word this one, by its bits, so that one that the kernel sets at the same time stays.
    pub fn change_bits(&self, entry: usize, to: u64) {
        let word = &self.words(entry, 1)[0];
        let had = word.load(Ordering::Acquire);
        if to & !had != 0 {
            word.fetch_or(to, Ordering::AcqRel);
        }
        if had & !to != 0 {
            word.fetch_and(!(had & !to), Ordering::AcqRel);
        }
    }

    /// Sets these bits of the first word.
    pub fn set_bits(&self, entry: usize, bits: u64) {
        self.words(entry, 1)[0].fetch_or(bits, Ordering::AcqRel);
    }

    /// One word and no other.
    pub fn word(&self, entry: usize, word: usize) -> u64 {
        self.words(entry, word + 1)[word].load(Ordering::Acquire)
    }

    /// Sets one word and no other.
    pub fn set_word(&self, entry: usize, word: usize, value: u64) {
        self.words(entry, word + 1)[word].store(value, Ordering::Release);
    }
}

impl<T> Drop for MappedArray<T> {
    fn drop(&mut self) {
        // SAFETY: our own mapping, to which no reference is left.
        let unmapped = unsafe { munmap(self.base.cast(), self.bytes) };
        debug_assert!(unmapped.is_ok());
    }
}

pub fn page_bytes() -> usize {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .and_then(|bytes| usize::try_from(bytes).ok())
        .unwrap_or(4096)
}
