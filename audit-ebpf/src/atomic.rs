//! Atomic adds on shared map memory.
//!
//! Owns the instructions that the target's `core` does not offer. The fetching form needs a 5.12
//! kernel, which is why the `legacy` build does not contain it, not even as dead code.

use core::arch::asm;

/// Adds, with no result. Any kernel.
///
/// # Safety
/// `at` points to eight aligned bytes of a map value.
#[inline(always)]
pub unsafe fn add(at: *mut u64, n: u64) {
    // SAFETY: the caller's; the instruction is atomic among CPUs and contexts.
    unsafe { asm!("lock *(u64 *)({0} + 0) += {1}", in(reg) at, in(reg) n) }
}

/// Adds and gives what was there before.
///
/// # Safety
/// As for [`add`].
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub unsafe fn fetch_add(at: *mut u64, n: u64) -> u64 {
    let mut value = n;
    // SAFETY: the caller's.
    unsafe { asm!("{0} = atomic_fetch_add((u64 *)({1} + 0), {0})", inout(reg) value, in(reg) at) };
    value
}

/// Sets bits.
///
/// # Safety
/// As for [`add`].
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub unsafe fn or(word: *mut u64, bits: u64) {
    // SAFETY: the caller's.
    unsafe {
        core::arch::asm!("lock *(u64 *)({0} + 0) |= {1}", in(reg) word, in(reg) bits);
    }
}
