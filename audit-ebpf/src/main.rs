//! The kernel programs: observe, copy, emit; never decide meaning.
//!
//! Owns nothing but the module list. Invariants: only `emit` reserves or submits ring space; no
//! program truncates silently or drops without counting; nothing assumes a kernel's layout.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(
    clippy::precedence,
    reason = "flags are products joined by `|`; parentheses around each hide the list"
)]
#![expect(
    clippy::needless_borrows_for_generic_args,
    reason = "keys and values stand on the stack and are lent to the helper, not copied again"
)]

mod arch;
mod arguments;
mod atomic;
mod done;
mod emit;
mod entry;
mod environment;
#[cfg(not(feature = "legacy"))]
mod kept;
mod path;
mod programs;
mod read;
mod scratch;
mod settings;
mod tails;
mod task;
mod volume;
mod watch;

/// The kernel lets only GPL-compatible programs use the tracing helpers.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
pub static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: no code path panics (every index is masked or checked); the verifier would refuse a
    // program in which this could be reached as an endless loop.
    unsafe { core::hint::unreachable_unchecked() }
}
