//! Who, where, and in whose name: what the kernel's numbers mean on this host.
//!
//! Owns the tables of processes, names, cgroups and the clock. Must not make records, and must not
//! wait: what is not known yet is said to be pending.

pub mod cgroups;
pub mod clock;
pub mod container;
pub mod host;
pub mod mounts;
pub mod process;
pub mod running;
pub mod users;

use clock::ClockSource;

/// CLOCK_BOOTTIME now.
pub fn boot_ns() -> u64 {
    clock::KernelClocks.boot_ns()
}
