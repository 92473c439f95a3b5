//! Kernel tests: real acts under the real programs, with exact counts and contents.
//!
//! One file per event; `argv`, `environment`, `loss` and `sums` are about what all of them share.
//! Each test starts a daemon with a home of its own and counts only what bears its marker.

mod argv;
mod by_32_bit;
mod cgroup;
mod environment;
mod evasion;
mod excluded;
mod exec;
mod exec_failed;
mod exit;
mod expect;
mod file_act;
mod file_open;
mod fork;
mod loss;
mod net;
mod privilege;
mod stories;
mod sums;
mod volume;
mod watched;
mod zz_ocsf;
