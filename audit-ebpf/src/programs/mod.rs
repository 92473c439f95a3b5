//! One file per event; each holds only what is peculiar to it: gather, fill, emit.
//!
//! Must not touch a ring, and must not decide what an event means.

mod cgroup;
mod exec;
mod exec_before;
mod exec_failed;
mod exit;
mod file_act;
mod file_open;
mod fork;
mod moving;
mod net;
mod privilege;
#[cfg(not(feature = "legacy"))]
mod uring;
mod way;
