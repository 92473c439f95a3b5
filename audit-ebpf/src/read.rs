//! Checked reads of kernel and user memory.
//!
//! Owns every call of the probe_read helpers. A failed read gives zero bytes (the kernel clears the
//! destination), never stale ones; where "zero" and "unreadable" must differ the `try_` and string
//! forms tell.

use core::{ffi::c_void, mem::MaybeUninit};

use aya_ebpf::helpers::generated;

/// `value & BITS`, in a way that the verifier sees and the compiler cannot drop.
#[inline(always)]
pub fn masked<const BITS: u64>(mut value: u64) -> u64 {
    // SAFETY: arithmetic on one register.
    unsafe { core::arch::asm!("{0} &= {1}", inout(reg) value, const BITS) };
    value
}

/// All bits if `bit` is 1, none if it is 0: to choose without a branch, which a verifier that follows
/// loops turn by turn would follow both ways each time.
#[inline(always)]
pub fn all_if(mut bit: u64) -> u64 {
    // SAFETY: arithmetic on one register.
    unsafe { core::arch::asm!("{0} = -{0}", inout(reg) bit) };
    bit
}

/// [`masked`], with the value first.
macro_rules! mask {
    ($value:expr, $bits:literal) => {
        $crate::read::masked::<$bits>($value)
    };
}
pub(crate) use mask;

/// A value of kernel memory at `address`; zero if it cannot be read.
#[inline(always)]
pub fn kernel<T: Copy>(address: u64) -> T {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the destination is `size_of::<T>()` bytes of this stack frame; all-zero is a value of
    // the plain integers and integer arrays that callers ask for.
    unsafe {
        generated::bpf_probe_read_kernel(
            value.as_mut_ptr().cast::<c_void>(),
            size_of::<T>() as u32,
            address as *const c_void,
        );
        value.assume_init()
    }
}

/// A member of a structure that the verifier knows by its type: a plain load, free of charge.
///
/// # Safety
/// `base` is such a pointer, got from a helper or by this function.
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub unsafe fn typed<T: Copy>(base: *const u8, offset: u64) -> T {
    // SAFETY: the verifier checks that a `T` can be read there.
    unsafe { core::ptr::read_volatile(base.add(offset as usize).cast()) }
}

/// A value of user memory; `None` if it cannot be read.
#[inline(always)]
pub fn try_user<T: Copy>(address: u64) -> Option<T> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: as in `kernel`.
    unsafe {
        let failed = generated::bpf_probe_read_user(
            value.as_mut_ptr().cast::<c_void>(),
            size_of::<T>() as u32,
            address as *const c_void,
        );
        (failed == 0).then(|| value.assume_init())
    }
}

/// Copies `length` kernel bytes to `to`.
///
/// # Safety
/// `to` has room for `length` bytes, in a way that the verifier can see.
#[inline(always)]
pub unsafe fn kernel_bytes(to: *mut u8, length: u64, from: u64) -> bool {
    // SAFETY: the caller's.
    unsafe {
        generated::bpf_probe_read_kernel(to.cast(), length as u32, from as *const c_void) == 0
    }
}

/// Copies `length` user bytes to `to`.
///
/// # Safety
/// As for [`kernel_bytes`].
#[inline(always)]
pub unsafe fn user_bytes(to: *mut u8, length: u64, from: u64) -> bool {
    // SAFETY: the caller's.
    unsafe { generated::bpf_probe_read_user(to.cast(), length as u32, from as *const c_void) == 0 }
}

/// Copies a kernel string of at most `size` bytes with its NUL; the length with NUL, or negative.
///
/// # Safety
/// `to` has room for `size` bytes.
#[inline(always)]
pub unsafe fn kernel_string(to: *mut u8, size: u32, from: u64) -> i64 {
    // SAFETY: the caller's.
    unsafe { generated::bpf_probe_read_kernel_str(to.cast(), size, from as *const c_void) as i64 }
}

/// Where a name stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// The program may rewrite it.
    Program,
    Kernel,
}

/// A value of either; `None` if it cannot be read.
#[inline(always)]
pub fn try_from<T: Copy>(address: u64, memory: Memory) -> Option<T> {
    match memory {
        Memory::Program => try_user(address),
        Memory::Kernel => Some(kernel(address)),
    }
}

/// Copies a string of either with its NUL; the length with NUL, or negative.
///
/// # Safety
/// As for [`kernel_string`].
#[inline(always)]
pub unsafe fn string(to: *mut u8, size: u32, from: u64, memory: Memory) -> i64 {
    // SAFETY: the caller's.
    unsafe {
        match memory {
            Memory::Program => user_string(to, size, from),
            Memory::Kernel => kernel_string(to, size, from),
        }
    }
}

/// Copies a user string of at most `size` bytes with its NUL; the length with NUL, or negative.
///
/// # Safety
/// As for [`kernel_string`].
#[inline(always)]
pub unsafe fn user_string(to: *mut u8, size: u32, from: u64) -> i64 {
    // SAFETY: the caller's.
    let got = unsafe {
        generated::bpf_probe_read_user_str(to.cast(), size, from as *const c_void) as i64
    };
    // Before 6.13 an empty string gives 0, without its NUL; what fails is negative.
    if got == 0 { 1 } else { got }
}

/// Calls `turn` up to `turns` times, until it says 1. Verified once, whatever the number.
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub fn repeat<Frame>(turns: u32, turn: extern "C" fn(u64, *mut c_void) -> i64, frame: &mut Frame) {
    // SAFETY: the callback has the helper's signature, and the frame outlives the call.
    unsafe {
        generated::bpf_loop(
            turns,
            turn as *mut c_void,
            core::ptr::from_mut(frame).cast(),
            0,
        );
    }
}
