//! The snapshot: one consistent look at a running daemon.
//!
//! OWNS: its form. MUST NOT: read a counter or format for people.
//!
//! The form is versioned. Adding a field keeps [`SNAPSHOT_VERSION`] (readers ignore what they do
//! not know and take defaults for what is missing); changing a meaning raises it. Units are last in
//! each name; no number is a float. Everything is since the programs were loaded (`load_id`), unless
//! the name says otherwise, because the numbers of the kernel's counters begin there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::histogram::DelaySummary;

/// Form of the snapshot that this program writes and reads.
pub const SNAPSHOT_VERSION: u32 = 1;

/// Who can take a snapshot: the daemon, which holds every stage's counters.
///
/// Called from a blocking thread, at most a few times a second. It may read maps and `/proc/self`,
/// but may not wait for a stage of the pipeline.
pub trait SnapshotSource: Send + Sync {
    fn snapshot(&self) -> StatusSnapshot;
}

impl<F: Fn() -> StatusSnapshot + Send + Sync> SnapshotSource for F {
    fn snapshot(&self) -> StatusSnapshot {
        self()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatusSnapshot {
    /// Always the first field, so that any reader can tell what it holds.
    pub version: u32,
    /// When it was taken, milliseconds since 1970.
    pub taken_at_ms: u64,
    /// Nothing moves: everything seen has been settled (at stop, and in tests). Only then must
    /// the sums agree to the last event; see [`super::identity`].
    pub settled: bool,
    pub daemon: DaemonState,
    pub reload: ReloadState,
    pub log: LogState,
    pub hooks: Vec<HookState>,
    pub selftest: SelftestState,
    pub lanes: Vec<LaneState>,
    /// Per kind of event; the lanes' sums again, cut the other way.
    pub events: Vec<EventState>,
    pub queues: Vec<QueueState>,
    pub processes: TableState,
    pub users: TableState,
    pub cgroups: TableState,
    pub memory: MemoryState,
    /// Processor time of the daemon since its start, in millionths of one core.
    pub cpu_ppm: u64,
    /// What is wrong, worst first; empty when all is well.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DaemonState {
    /// Of the program, as in `metadata.product.version`.
    pub version: String,
    pub pid: u32,
    pub uptime_s: u64,
    /// Names one load of the kernel programs; survives restarts that adopt it.
    pub load_id: String,
    /// Restarts of the daemon since its programs were loaded.
    pub adopted_restarts: u64,
}

/// How the configuration was last read again, since this daemon's start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReloadState {
    /// Whether the daemon reads it again when it is asked to: one that does not would end instead.
    pub can: bool,
    /// How many times its files were begun to be read.
    pub begun: u64,
    /// How many of these are done; the rest is about the last of them.
    pub done: u64,
    /// What `audit-daemon reload` exits with: not 0 if the old configuration stays.
    pub exit_code: u32,
    /// What came of it, for people, in lines.
    pub text: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LogState {
    pub dir: String,
    pub bytes: u64,
    /// The cap; beyond it the oldest whole files go.
    pub bytes_max: u64,
    /// At the present rate.
    pub bytes_per_day: u64,
    pub segments: u64,
    /// The `metadata.sequence` that the next record gets.
    pub sequence_next: u64,
    /// Last durable group commit, milliseconds since 1970; none before the first.
    pub last_commit_ms: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HookState {
    /// What it is for: `exec`, `exec failed`.
    pub event: String,
    pub mechanism: String,
    pub at: String,
    /// `all`, or what it cannot see.
    pub sees: String,
    pub required: bool,
    pub state: HookStatus,
    /// Runs that the kernel skipped (loss stage `hook`); none where it cannot count them.
    pub missed: Option<u64>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SelftestState {
    /// When the canary last acted through all hooks, milliseconds since 1970; none before, or without.
    pub checked_at_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HookStatus {
    #[default]
    Attached,
    /// Attached by a later candidate that sees less.
    Fallback,
    Missing,
    /// It was attached, and does not see any more.
    Silent,
}

impl HookStatus {
    /// Does it see what it can?
    pub fn sees(self) -> bool {
        matches!(self, HookStatus::Attached | HookStatus::Fallback)
    }

    /// The word in JSON, tables and metrics.
    pub fn word(self) -> &'static str {
        match self {
            HookStatus::Attached => "attached",
            HookStatus::Fallback => "fallback",
            HookStatus::Missing => "missing",
            HookStatus::Silent => "silent",
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LaneState {
    /// `critical` or `bulk`.
    pub lane: String,
    pub cpus: Vec<CpuState>,
    /// Kernel time of the event to durable record.
    pub delay: DelaySummary,
}

impl LaneState {
    /// The sums of all processors.
    pub fn total(&self) -> Sums {
        self.cpus.iter().fold(Sums::default(), |mut total, cpu| {
            total.add(&cpu.sums);
            total
        })
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CpuState {
    pub cpu: u32,
    #[serde(flatten)]
    pub sums: Sums,
}

/// Both sides of the contract's identity.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sums {
    pub kernel: KernelSums,
    pub user: UserSums,
}

/// seen = filtered + submitted + lost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KernelSums {
    pub seen: u64,
    /// Reason → events: `self`, `no-watch`, `policy:<rule>`.
    pub filtered: BTreeMap<String, u64>,
    pub submitted: u64,
    /// Found no room in the ring.
    pub lost: u64,
}

/// received = recorded + folded + left out + lost + in flight.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserSums {
    pub received: u64,
    pub recorded: u64,
    /// Told by the count of another record, or part of one (a fork, a PATH search).
    pub folded: u64,
    /// Reason → events.
    pub left_out: BTreeMap<String, u64>,
    pub lost: u64,
    /// Received and not yet settled.
    pub in_flight: u64,
}

impl Sums {
    /// Adds another's sums; reasons are united. Saturating: a snapshot read from a socket may hold
    /// any number, and nonsense must show as nonsense and not as a panic.
    pub fn add(&mut self, other: &Sums) {
        let KernelSums {
            seen,
            filtered,
            submitted,
            lost,
        } = &mut self.kernel;
        *seen = seen.saturating_add(other.kernel.seen);
        *submitted = submitted.saturating_add(other.kernel.submitted);
        *lost = lost.saturating_add(other.kernel.lost);
        add_reasons(filtered, &other.kernel.filtered);
        let UserSums {
            received,
            recorded,
            folded,
            left_out,
            lost,
            in_flight,
        } = &mut self.user;
        *received = received.saturating_add(other.user.received);
        *recorded = recorded.saturating_add(other.user.recorded);
        *folded = folded.saturating_add(other.user.folded);
        *lost = lost.saturating_add(other.user.lost);
        *in_flight = in_flight.saturating_add(other.user.in_flight);
        add_reasons(left_out, &other.user.left_out);
    }

    /// Lost anywhere between hook and log.
    pub fn lost(&self) -> u64 {
        self.kernel.lost.saturating_add(self.user.lost)
    }

    /// Not recorded on purpose, on either side.
    pub fn filtered(&self) -> u64 {
        sum(&self.kernel.filtered).saturating_add(sum(&self.user.left_out))
    }
}

/// Total over all reasons.
pub fn sum(reasons: &BTreeMap<String, u64>) -> u64 {
    reasons.values().copied().fold(0, u64::saturating_add)
}

fn add_reasons(into: &mut BTreeMap<String, u64>, from: &BTreeMap<String, u64>) {
    for (reason, events) in from {
        match into.get_mut(reason) {
            Some(total) => *total = total.saturating_add(*events),
            None => {
                into.insert(reason.clone(), *events);
            }
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventState {
    /// The event's kind, as in `metadata.event_code` where it becomes a record.
    pub kind: String,
    pub lane: String,
    /// None where the kernel side counts by processor and lane only.
    pub kernel: Option<KernelSums>,
    pub user: UserSums,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct QueueState {
    pub name: String,
    pub depth: u64,
    pub capacity: u64,
}

/// A bounded table or cache.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableState {
    pub entries: u64,
    pub entries_max: u64,
    /// Entries dropped because the table was full, not because they were done with.
    pub evicted: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryState {
    pub rss_bytes: u64,
    /// In the kernel, without the rings.
    pub maps_bytes: u64,
    pub rings_bytes: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// One sentence without its full stop.
    pub what: String,
    /// The next command, or the setting to change.
    pub do_next: String,
}
