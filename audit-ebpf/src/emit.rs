//! The single emit point: gives the number, submits, counts.
//!
//! Owns both rings and the kernel's counters: the only code that asks for ring space. Invariants:
//! every event that reaches `emit` takes a number before the ring is asked, so a loss is a hole in
//! the numbers *and* a count; numbers and counters change only by atomic add (or, in the `legacy`
//! build, per interrupt nesting depth). The ring never wakes anybody: the daemon drains by time.

use audit_common::{
    Header, Kind, Lane,
    counters::{CpuCounters, CpuLedger, Filtered, Load},
    header::WIRE_VERSION,
};
use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_RB_NO_WAKEUP},
    helpers::generated,
    macros::map,
    maps::{Array, RingBuf},
};

use crate::{atomic, scratch::cpu};

/// Sizes are set by the daemon.
#[map]
static CRITICAL: RingBuf = RingBuf::with_byte_size(1 << 20, 0);
#[map]
static BULK: RingBuf = RingBuf::with_byte_size(1 << 20, 0);
#[map]
static COUNTERS: Array<CpuCounters> = Array::with_max_entries(1, BPF_F_MMAPABLE);
/// Written by the daemon only; here so that it lives as long as the programs.
#[map]
static LEDGER: Array<CpuLedger> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static LOAD: Array<Load> = Array::with_max_entries(1, BPF_F_MMAPABLE);

/// Completes the header of the event in `slot` and submits its first `size` bytes.
///
/// # Safety
/// `slot` is a scratch slot whose first bytes are an event of this kind with its header filled in
/// but for size, kind, version, lane, number, cpu and strand; `size` is bounded by the slot's
/// length in a way that the verifier sees.
#[inline(always)]
pub unsafe fn emit(kind: Kind, lane: Lane, slot: *mut u8, size: u64) {
    let cpu = cpu();
    let Some(counters) = COUNTERS.get_ptr_mut(cpu) else {
        return;
    };
    // SAFETY: `counters` is a live map value; `slot` begins with a header (the caller's promise).
    unsafe {
        let header = &mut *slot.cast::<Header>();
        let sums = &raw mut (*counters).lanes[lane as usize];
        let (number, strand) = number::take(counters, &raw mut (*sums).numbered);
        header.size = size as u32;
        header.kind = kind as u16;
        header.version = WIRE_VERSION;
        header.lane = lane as u8;
        header.number = number;
        header.cpu = cpu as u16;
        header.strand = strand;
        header.reserved = 0;
        atomic::add(&raw mut (*counters).kinds[kind as usize], 1);
        let ring = match lane {
            Lane::Critical => &raw const CRITICAL,
            Lane::Bulk => &raw const BULK,
        };
        let refused = generated::bpf_ringbuf_output(
            ring.cast_mut().cast(),
            slot.cast(),
            size,
            u64::from(BPF_RB_NO_WAKEUP),
        );
        if refused != 0 {
            atomic::add(&raw mut (*sums).lost, 1);
        }
        number::release(counters);
    }
}

/// An event that was seen and is left out on purpose.
#[inline(always)]
pub fn filtered(lane: Lane, why: Filtered) {
    if let Some(counters) = COUNTERS.get_ptr_mut(cpu()) {
        // SAFETY: a live map value.
        unsafe {
            atomic::add(
                &raw mut (*counters).lanes[lane as usize].filtered[why as usize],
                1,
            );
        }
    }
}

/// An act that was seen and could not be told: it takes a number and is counted as lost.
#[inline(always)]
pub fn lost(kind: Kind, lane: Lane) {
    let Some(counters) = COUNTERS.get_ptr_mut(cpu()) else {
        return;
    };
    // SAFETY: a live map value.
    unsafe {
        let sums = &raw mut (*counters).lanes[lane as usize];
        number::take(counters, &raw mut (*sums).numbered);
        atomic::add(&raw mut (*counters).kinds[kind as usize], 1);
        atomic::add(&raw mut (*sums).lost, 1);
        number::release(counters);
    }
}

/// Numbers by fetching atomics: one strand.
#[cfg(not(feature = "legacy"))]
mod number {
    use audit_common::counters::{CpuCounters, STRANDS};

    use crate::atomic;

    /// # Safety
    /// `numbered` is in a live value of `COUNTERS`.
    pub unsafe fn take(_: *mut CpuCounters, numbered: *mut [u64; STRANDS]) -> (u64, u8) {
        // SAFETY: the first word of a live map value's array.
        (unsafe { atomic::fetch_add(numbered.cast(), 1) } + 1, 0)
    }

    /// # Safety
    /// None needed here; the other build's has one.
    pub unsafe fn release(_: *mut CpuCounters) {}
}

/// Numbers by interrupt nesting depth. Programs run with preemption off on these kernels, so only
/// interrupts nest, and an interrupt is over before what it interrupted goes on: within one depth
/// a plain increment is alone.
#[cfg(feature = "legacy")]
mod number {
    use audit_common::counters::{CpuCounters, STRANDS};

    /// # Safety
    /// `counters` is a live value of `COUNTERS`, and `numbered` in it.
    pub unsafe fn take(counters: *mut CpuCounters, numbered: *mut [u64; STRANDS]) -> (u64, u8) {
        // SAFETY: a live map value; volatile, because interrupts change it.
        unsafe {
            let depth = core::ptr::read_volatile(&raw const (*counters).depth);
            core::ptr::write_volatile(&raw mut (*counters).depth, depth + 1);
            let strand = depth & (STRANDS as u64 - 1);
            let at = numbered.cast::<u64>().add(strand as usize);
            let number = core::ptr::read_volatile(at) + 1;
            core::ptr::write_volatile(at, number);
            (number, strand as u8)
        }
    }

    /// # Safety
    /// As for [`take`], which was called before.
    pub unsafe fn release(counters: *mut CpuCounters) {
        // SAFETY: as above.
        unsafe {
            let depth = core::ptr::read_volatile(&raw const (*counters).depth);
            core::ptr::write_volatile(&raw mut (*counters).depth, depth - 1);
        }
    }
}
