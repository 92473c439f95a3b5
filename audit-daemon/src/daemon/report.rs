//! The status as it is now, from the shared figures and the kernel's counters.
//!
//! Owns nothing that the pipeline waits for: maps and mutexes that are held for a copy only.

mod hooks;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use audit_common::{
    KINDS, Lane,
    counters::{CpuLedger, FILTER_REASONS, LaneSums, LedgerLane},
};

use super::reload::{self, Reloads};
use crate::{
    config::{Config, Required},
    enrich::boot_ns,
    kernel::Attached,
    pipeline::{Shared, WorkerStats, WriterStats},
    status::{
        SnapshotSource, StatusSnapshot,
        snapshot::{
            CpuState, DaemonState, EventState, KernelSums, LaneState, LogState, MemoryState,
            Problem, QueueState, SelftestState, Sums, TableState, UserSums,
        },
    },
};

/// Stands for all kinds of what was settled before this daemon started.
const KIND_BEFORE: &str = "(before this start)";

pub struct Report {
    attached: Arc<Attached>,
    shared: Arc<Shared>,
    log_dir: PathBuf,
    reloads: Reloads,
    segments: usize,
    required: BTreeMap<&'static str, bool>,
    started: Instant,
    started_ns: u64,
}

impl Report {
    pub fn new(
        config: &Config,
        log_dir: &Path,
        reloads: Reloads,
        attached: &Arc<Attached>,
        shared: &Arc<Shared>,
        segments: usize,
    ) -> Report {
        let required = config
            .events
            .iter()
            .map(|event| (event.name, event.required == Required::Always))
            .collect();
        Report {
            attached: attached.clone(),
            shared: shared.clone(),
            log_dir: log_dir.to_owned(),
            reloads,
            segments,
            required,
            started: Instant::now(),
            started_ns: boot_ns(),
        }
    }

    fn daemon(&self) -> DaemonState {
        DaemonState {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            uptime_s: self.started.elapsed().as_secs(),
            load_id: format!("{:016x}", self.attached.load.load_id),
            adopted_restarts: self.attached.load.adopted,
        }
    }

    fn log(&self, writer: &WriterStats) -> LogState {
        let elapsed_ms = self.started.elapsed().as_millis().max(1);
        let per_day = u128::from(writer.written_bytes) * 86_400_000 / elapsed_ms;
        LogState {
            dir: self.log_dir.display().to_string(),
            bytes: writer.log_bytes,
            bytes_max: self.shared.cap_bytes(),
            bytes_per_day: u64::try_from(per_day).unwrap_or(u64::MAX),
            segments: self.segments as u64 + writer.segments_made,
            sequence_next: writer.durable_sequence,
            last_commit_ms: writer.last_commit_ms,
        }
    }

    /// Both sides of a lane's sums. The daemon's are those that its worker published last: the same
    /// moment as the sums by kind.
    fn lane(&self, lane: Lane, worker: &WorkerStats) -> LaneState {
        let before = self.shared.before();
        let cpus = (0..self.attached.cpus)
            .map(|cpu| {
                let at = cpu as usize;
                let of = |ledger: &[CpuLedger]| {
                    let ledger = ledger.get(at).copied().unwrap_or_default();
                    ledger.lanes[lane as usize]
                };
                let (settled, before) = (of(&worker.settled), of(&before));
                let read = worker
                    .received
                    .get(at)
                    .map_or(0, |lanes| lanes[lane as usize]);
                let done = fates(&settled);
                // Entries that cannot be read as events are settled without having been counted in.
                let received = (fates(&before) + read).max(done);
                let kernel = &self.attached.counters.get(at).lanes[lane as usize];
                let user = UserSums {
                    received,
                    recorded: settled.recorded,
                    folded: settled.folded,
                    left_out: reasons([("unreadable", settled.left_out)]),
                    lost: 0,
                    in_flight: received - done,
                };
                CpuState {
                    cpu,
                    sums: Sums {
                        kernel: kernel_sums(kernel),
                        user,
                    },
                }
            })
            .collect();
        let delay = self.shared.delays(lane).summary();
        LaneState {
            lane: lane.name().into(),
            cpus,
            delay,
        }
    }

    fn events(&self, worker: &WorkerStats) -> Vec<EventState> {
        let kinds = KINDS.iter().map(|row| {
            let sums = worker.kinds[row.kind as usize];
            let settled = sums.recorded + sums.folded + sums.left_out;
            EventState {
                kind: row.name.into(),
                lane: row.lane.name().into(),
                kernel: None,
                user: UserSums {
                    received: sums.received,
                    recorded: sums.recorded,
                    folded: sums.folded,
                    left_out: reasons([("unreadable", sums.left_out)]),
                    lost: 0,
                    in_flight: sums.received.saturating_sub(settled),
                },
            }
        });
        kinds.chain(self.before()).collect()
    }

    /// What earlier daemons of this load settled: of them the ledger keeps no kinds.
    fn before(&self) -> Vec<EventState> {
        let before = self.shared.before();
        let lanes = Lane::ALL.map(|lane| {
            let mut sums = UserSums::default();
            let mut left_out = 0;
            for ledger in before.iter().map(|cpu| &cpu.lanes[lane as usize]) {
                sums.recorded += ledger.recorded;
                sums.folded += ledger.folded;
                left_out += ledger.left_out;
            }
            sums.left_out = reasons([("unreadable", left_out)]);
            sums.received = sums.recorded + sums.folded + left_out;
            EventState {
                kind: KIND_BEFORE.into(),
                lane: lane.name().into(),
                kernel: None,
                user: sums,
            }
        });
        lanes
            .into_iter()
            .filter(|event| event.user.received > 0)
            .collect()
    }

    fn tables(&self) -> (TableState, TableState, TableState) {
        let worker = self.shared.worker();
        let (len, max, counters) = worker.processes;
        let processes = TableState {
            entries: len as u64,
            entries_max: max as u64,
            evicted: counters.evicted,
        };
        let users = TableState {
            evicted: worker.names.evicted,
            ..TableState::default()
        };
        let (len, counters) = worker.cgroups;
        let cgroups = TableState {
            entries: len as u64,
            entries_max: crate::enrich::cgroups::ENTRIES_MAX_DEFAULT as u64,
            evicted: counters.evicted_living + counters.evicted_removed,
        };
        (processes, users, cgroups)
    }

    fn memory(&self) -> MemoryState {
        let rings = self
            .attached
            .ring_bytes
            .iter()
            .map(|bytes| u64::from(*bytes))
            .sum();
        MemoryState {
            rss_bytes: rss_bytes(),
            maps_bytes: self.attached.map_bytes().saturating_sub(rings),
            rings_bytes: rings,
        }
    }

    fn cpu_ppm(&self) -> u64 {
        let used = nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID)
            .map_or(0, |time| {
                time.tv_sec() as u64 * 1_000_000 + time.tv_nsec() as u64 / 1000
            });
        let elapsed_us = boot_ns().saturating_sub(self.started_ns) / 1000;
        used.saturating_mul(1_000_000) / elapsed_us.max(1)
    }
}

/// Milliseconds since 1970 of an instant of the boot clock, by the clocks of now.
fn utc_ms(at_ns: u64) -> u64 {
    let ago = Duration::from_nanos(boot_ns().saturating_sub(at_ns));
    let at = std::time::SystemTime::now() - ago;
    at.duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

fn fates(ledger: &LedgerLane) -> u64 {
    ledger.recorded + ledger.folded + ledger.left_out
}

fn kernel_sums(sums: &LaneSums) -> KernelSums {
    KernelSums {
        seen: sums.seen(),
        filtered: reasons(std::array::from_fn::<_, { FILTER_REASONS.len() }, _>(|i| {
            (FILTER_REASONS[i], sums.filtered[i])
        })),
        submitted: sums.submitted(),
        lost: sums.lost,
    }
}

fn reasons<const N: usize>(counts: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| (reason.to_owned(), count))
        .collect()
}

fn rss_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse().ok())
        .unwrap_or_default();
    pages * crate::kernel::page_bytes() as u64
}

impl SnapshotSource for Report {
    fn snapshot(&self) -> StatusSnapshot {
        let (writer, worker) = (self.shared.writer(), self.shared.worker());
        let (processes, users, cgroups) = self.tables();
        let queues = self
            .shared
            .queues()
            .into_iter()
            .map(|(name, depth, capacity)| QueueState {
                name: name.into(),
                depth: depth as u64,
                capacity: capacity as u64,
            })
            .collect();
        let problem = |what: &String, command: &str| Problem {
            what: what.clone(),
            do_next: format!("{command} {}", self.log_dir.display()),
        };
        let trouble = writer.trouble.iter().map(|what| problem(what, "df"));
        let alarm = writer.alarm.iter().map(|what| problem(what, "ls -la"));
        let reload = reload::state(&self.reloads).clone();
        let refused = (reload.exit_code != 0).then(|| Problem {
            what: "the last reload was refused, the old configuration stays".into(),
            do_next: "audit-daemon check".into(),
        });
        let canary = self.shared.canary.board.state();
        let failed = canary.failed.iter().map(hooks::problem);
        let problems = failed.chain(trouble).chain(alarm).chain(refused).collect();
        let checked_at_ms = canary.checked_ns.map(utc_ms);
        let taken_at_ms = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64);
        StatusSnapshot {
            version: crate::status::snapshot::SNAPSHOT_VERSION,
            taken_at_ms,
            settled: false,
            daemon: self.daemon(),
            reload,
            log: self.log(&writer),
            hooks: self.hooks(),
            selftest: SelftestState { checked_at_ms },
            lanes: Lane::ALL.map(|lane| self.lane(lane, &worker)).into(),
            events: self.events(&worker),
            queues,
            processes,
            users,
            cgroups,
            memory: self.memory(),
            cpu_ppm: self.cpu_ppm(),
            problems,
        }
    }
}
