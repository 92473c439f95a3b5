//! What the daemon says about itself while it runs.
//!
//! OWNS: the status snapshot (its form, its text, its metrics), the check of the sums in it, and
//! the two ways to ask for one: the root-only status socket and the optional metrics listener.
//! MUST NOT: count anything itself (each stage owns its counters and the daemon gathers them behind
//! [`SnapshotSource`]), and never make the pipeline wait: a snapshot is taken on a blocking thread
//! of the runtime, for a bounded number of clients with time limits.
//!
//! The status protocol: a client connects, writes nothing, and reads one JSON object and an LF;
//! then the daemon closes. `StatusSnapshot::version` tells whether a reader can read it.

pub mod client;
mod figures;
pub mod histogram;
pub mod http;
pub mod identity;
pub mod metrics;
mod page;
pub mod server;
pub mod snapshot;
pub mod socket;
pub mod text;

#[cfg(test)]
mod samples;

pub use client::{StatusError, fetch};
pub use figures::plural;
pub use histogram::DelayHistogram;
pub use http::{MetricsAddress, MetricsServer};
pub use identity::identity_holds;
pub use server::StatusServer;
pub use snapshot::{ReloadState, SnapshotSource, StatusSnapshot};
pub use text::{TextOptions, render};
