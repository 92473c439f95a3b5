//! What the kernel programs and the daemon agree on. `docs/CONTRACT.md` is the prose of it.
//!
//! Owns the wire format, the table of kinds, the shared limits, the layout of the shared maps and
//! the list of kernel structure offsets. Compiled into both sides, so that nothing is declared
//! twice.
//!
//! Must not allocate, do I/O, or know anything of OCSF or configuration.
#![no_std]

pub mod counters;
pub mod events;
pub mod header;
pub mod kind;
pub mod limits;
pub mod offsets;
pub mod settings;
pub mod twins;
pub mod volume;
pub mod watch;

pub use events::{cgroup, exec, exec_failed, exit, file_act, file_open, fork, net, privilege};
pub use header::{Header, Lane};
pub use kind::{KINDS, Kind, KindRow};
