//! The daemon: what events mean, and where they go. `docs/ARCHITECTURE.md` follows one event
//! through these files.
//!
//! Owns the module list. One direction, no back edges:
//! `source → decode → order → enrich → policy → mask → record → log`.

pub mod accounts;
pub mod canary;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod decode;
pub mod differences;
pub mod enrich;
pub mod folding;
pub mod hooks;
pub mod kernel;
pub mod log;
pub mod losses;
pub mod mask;
pub mod network;
pub mod notify;
pub mod order;
pub mod pipeline;
pub mod policy;
pub mod pretty;
pub mod record;
pub mod recorder;
pub mod shutdown;
pub mod source;
pub mod status;
pub mod watch;
pub mod watching;
