//! The harness: the real daemon, run as a user runs it, and what is needed to judge its log.
//!
//! Owns: starting and stopping daemons, reading their logs and status, odd programs to be run, and
//! what a failed test prints. Must not: know what a particular record should look like; that is in
//! the tests.
//!
//! A test makes a [`Setup`] (a home of its own: log, socket, pins), starts a [`Daemon`] in it, acts,
//! stops the daemon (it drains what was seen) and compares records. Other people's processes run
//! meanwhile: a test counts only records that bear its [`marker`](Setup::marker).

pub mod acts;
pub mod daemon;
pub mod differences;
pub mod elf;
pub mod home;
pub mod hooks;
pub mod lent;
pub mod ocsf;
mod pins;
pub mod records;
pub mod skip;
pub mod status;

pub use daemon::Daemon;
pub use home::Setup;
pub use lent::Lent;
pub use records::{Record, Records};
pub use status::{LaneCpu, Status};

/// Whether this is a guest of the vm tier.
pub fn in_guest() -> bool {
    std::env::var_os("AUDIT_VM").is_some()
}

/// The running kernel as (major, minor).
pub fn kernel_version() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("osrelease");
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || {
        numbers
            .next()
            .and_then(|n| n.parse().ok())
            .expect("two numbers")
    };
    (next(), next())
}

/// Whether programs stay in the kernel over a restart: links of perf tracepoints can be pinned from
/// 5.15 on.
pub fn pins_hold() -> bool {
    kernel_version() >= (5, 15)
}
