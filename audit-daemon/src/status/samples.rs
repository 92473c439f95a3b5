//! Snapshots for the tests of this directory: one settled with exact sums, one with every field set.

use super::histogram::DelaySummary;
use super::snapshot::*;

fn sums(scale: u64) -> Sums {
    Sums {
        kernel: KernelSums {
            seen: 100 * scale,
            filtered: [
                ("no-watch".to_owned(), 30 * scale),
                ("self".to_owned(), 10 * scale),
            ]
            .into(),
            submitted: 59 * scale,
            lost: scale,
        },
        user: UserSums {
            received: 59 * scale,
            recorded: 50 * scale,
            folded: 5 * scale,
            left_out: [("policy:quiet".to_owned(), 4 * scale)].into(),
            lost: 0,
            in_flight: 0,
        },
    }
}

fn event(kind: &str, lane: &str, sums: Sums) -> EventState {
    EventState {
        kind: kind.to_owned(),
        lane: lane.to_owned(),
        kernel: Some(sums.kernel),
        user: sums.user,
    }
}

/// Two lanes of two processors, settled, all sums exact.
pub(super) fn settled_snapshot() -> StatusSnapshot {
    let lane = |name: &str, scale: u64| LaneState {
        lane: name.to_owned(),
        cpus: vec![
            CpuState {
                cpu: 0,
                sums: sums(scale),
            },
            CpuState {
                cpu: 1,
                sums: sums(scale),
            },
        ],
        delay: DelaySummary {
            count: 100 * scale,
            sum_us: 700_000 * scale,
            p50_us: 6_000,
            p90_us: 9_000,
            p99_us: 11_000,
            max_us: 19_500,
        },
    };
    StatusSnapshot {
        version: SNAPSHOT_VERSION,
        settled: true,
        lanes: vec![lane("critical", 1), lane("bulk", 10)],
        events: vec![
            event("process.exec", "critical", sums(2)),
            event("process.fork", "bulk", sums(20)),
        ],
        ..StatusSnapshot::default()
    }
}

fn well_lanes() -> Vec<LaneState> {
    let cpu = |seen: u64, filtered: u64, folded: u64| CpuState {
        cpu: 0,
        sums: Sums {
            kernel: KernelSums {
                seen,
                filtered: [("no-watch".to_owned(), filtered)].into(),
                submitted: seen - filtered,
                lost: 0,
            },
            user: UserSums {
                received: seen - filtered,
                recorded: seen - filtered - folded,
                folded,
                ..UserSums::default()
            },
        },
    };
    let delay = |p50_us, p99_us| DelaySummary {
        count: 9,
        p50_us,
        p99_us,
        ..Default::default()
    };
    vec![
        LaneState {
            lane: "critical".to_owned(),
            cpus: vec![cpu(812_004, 11_020, 2_310)],
            delay: delay(6_000, 11_000),
        },
        LaneState {
            lane: "bulk".to_owned(),
            cpus: vec![cpu(41_209_118, 40_871_004, 61_201)],
            delay: delay(7_000, 14_000),
        },
    ]
}

/// The daemon of the documentation: three days old and well.
pub(super) fn well_snapshot() -> StatusSnapshot {
    StatusSnapshot {
        version: SNAPSHOT_VERSION,
        taken_at_ms: 1_795_169_731_233,
        daemon: DaemonState {
            version: "0.1.0".to_owned(),
            pid: 701,
            uptime_s: 273_600,
            load_id: "5f21c09e".to_owned(),
            adopted_restarts: 1,
        },
        log: LogState {
            dir: "/var/log/audit-daemon".to_owned(),
            bytes: 1_395_864_371,
            bytes_max: 2 << 30,
            bytes_per_day: 412 << 20,
            segments: 21,
            sequence_next: 1_048_577,
            last_commit_ms: Some(1_795_169_731_230),
        },
        hooks: vec![HookState {
            event: "exec".to_owned(),
            mechanism: "tracepoint".to_owned(),
            at: "sched_process_exec".to_owned(),
            sees: "all".to_owned(),
            required: true,
            state: HookStatus::Attached,
            missed: Some(0),
        }],
        selftest: SelftestState {
            checked_at_ms: Some(1_795_169_719_000),
        },
        lanes: well_lanes(),
        processes: TableState {
            entries: 412,
            entries_max: 65_536,
            evicted: 0,
        },
        users: TableState {
            entries: 24,
            entries_max: 4_096,
            evicted: 0,
        },
        cgroups: TableState {
            entries: 31,
            entries_max: 16_384,
            evicted: 0,
        },
        memory: MemoryState {
            rss_bytes: 41 << 20,
            maps_bytes: 8 << 20,
            rings_bytes: 16 << 20,
        },
        cpu_ppm: 4_000,
        ..StatusSnapshot::default()
    }
}

/// Every list has an entry, every option a value: each field of the form is present in its JSON.
pub(super) fn full_snapshot() -> StatusSnapshot {
    let mut snapshot = well_snapshot();
    snapshot.settled = true;
    snapshot.lanes = settled_snapshot().lanes;
    snapshot.events = settled_snapshot().events;
    snapshot.hooks.push(HookState {
        event: "exec failed".to_owned(),
        mechanism: "tracepoint".to_owned(),
        at: "sys_exit_execve, execveat".to_owned(),
        sees: "all but 32-bit programs".to_owned(),
        required: false,
        state: HookStatus::Missing,
        missed: None,
    });
    snapshot.queues = vec![QueueState {
        name: "decode".to_owned(),
        depth: 3,
        capacity: 1_024,
    }];
    snapshot.problems = vec![Problem {
        what: "the log directory is nearly full".to_owned(),
        do_next: "df /var/log/audit-daemon".to_owned(),
    }];
    snapshot
}
