//! E2e tests: the daemon as a user runs it, judged by what a user sees.
//!
//! One file per subject; `load`, `mount` and `runtimes` are what they share. To be run one after the
//! other: each has the machine to itself.

mod accepted;
mod canary;
mod clock;
mod commands;
mod containers;
mod kill;
mod load;
mod log;
mod mount;
mod notified;
mod ready;
mod reload;
mod restricted;
mod runtimes;
mod start;
mod status;
mod stdout;
mod users;
mod zz_ocsf;
