//! What the daemon says of itself and its log, and the names of the golden files.

use super::super::view::*;
use super::super::*;
use super::examples::{Example, ROOT, deploy_session, line, text};
use super::{at, id, own};

pub fn all() -> Vec<Example> {
    vec![
        ("01-daemon-start", start()),
        ("02-daemon-config", config()),
        ("03-daemon-coverage", coverage()),
        ("04-daemon-selftest", selftest()),
        ("58-daemon-clock-step", clock_step()),
        ("70-daemon-loss", loss()),
        ("71-daemon-counts", counts()),
        ("73-log-rotate", rotate()),
        ("74-log-delete", delete()),
        ("90-daemon-stop", stop()),
        ("config-refused", config_refused()),
        ("config-program", config_program()),
        ("config-everything", config_of_everything()),
        ("selftest-failed", selftest_failed()),
        ("coverage-restored", coverage_restored()),
    ]
}

fn systemd() -> ProcessView<'static> {
    ProcessView {
        id: id(1, 1),
        name: Fact::Known(b"systemd"),
        path: Fact::Known(text(b"/usr/lib/systemd/systemd")),
        owner: Fact::Known(ROOT),
        ..ProcessView::default()
    }
}

fn daemon(id: ProcessId) -> ProcessView<'static> {
    ProcessView {
        id,
        name: Fact::Known(b"audit-daemon"),
        path: Fact::Known(text(b"/usr/sbin/audit-daemon")),
        command: Fact::Known(text(
            b"/usr/sbin/audit-daemon\0--config\0/etc/audit-daemon/config.toml\0",
        )),
        owner: Fact::Known(ROOT),
        ..ProcessView::default()
    }
}

fn start() -> String {
    let parent = systemd();
    let daemon = ProcessView {
        parent: Some(&parent),
        ..daemon(id(701, 912))
    };
    let meta = own(at(31, 233_924_352), 1_048_577);
    let view = StartView {
        meta,
        daemon: &daemon,
        hooks_attached: 41,
    };
    line(|lines, out| lines.daemon_start(out, &view))
}

fn stop() -> String {
    let sender = systemd();
    let actor = ActorView {
        process: Some(&sender),
        ..ActorView::default()
    };
    let meta = own(at(99, 694_997_492), 1_048_645);
    line(|lines, out| {
        lines.daemon_stop(
            out,
            &StopView {
                meta,
                actor,
                reason: "SIGTERM",
            },
        )
    })
}

fn sha256(hex: &str) -> [u8; 32] {
    let byte = |i: usize| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap();
    std::array::from_fn(byte)
}

fn configured(hex: &str) -> ConfigFile<'static> {
    ConfigFile {
        name: b"/etc/audit-daemon/config.toml",
        sha256: sha256(hex),
    }
}

const OLD: &str = "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4";
const NEW: &str = "11507a0e2f5e69d5dfa40a62a1bd7b6ee57e6bcd85c67c9b8431b36fff21c437";

fn config() -> String {
    let difference = ConfigDifference {
        added: vec!["payroll".to_owned()],
        ..ConfigDifference::default()
    };
    reloaded(&difference, "configuration reloaded: 1 watch added")
}

fn config_of_everything() -> String {
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    let difference = ConfigDifference {
        added: (0..66).map(|number| format!("watch-{number}")).collect(),
        removed: names(&["cron", "pam"]),
        changed: names(&["sudoers"]),
        settings: names(&["events.exit.record", "records.labels"]),
        restart: names(&["kernel.ring_bulk", "log.dir"]),
    };
    reloaded(
        &difference,
        "configuration reloaded: 66 watches added, 2 removed, 1 changed",
    )
}

fn reloaded(difference: &ConfigDifference, message: &str) -> String {
    let reload = daemon(id(4110, 83_244));
    let view = ConfigView {
        meta: own(at(32, 861_721_167), 1_048_578),
        actor: deploy_session(Some(&reload)),
        change: ConfigChange::Changed {
            old: configured(OLD),
            new: configured(NEW),
            difference,
        },
        message,
    };
    line(|lines, out| lines.daemon_config(out, &view))
}

fn config_refused() -> String {
    let view = ConfigView {
        meta: own(at(33, 0), 1_048_579),
        actor: ActorView::default(),
        change: ConfigChange::Refused {
            kept: configured(OLD),
            refused: Some(configured(NEW)),
            reason: "unknown key `opertaions` in line 4",
        },
        message: "configuration refused; the old one stays",
    };
    line(|lines, out| lines.daemon_config(out, &view))
}

fn config_program() -> String {
    let program = |hex| ConfigFile {
        name: b"/usr/sbin/backupd",
        sha256: sha256(hex),
    };
    let view = ConfigView {
        meta: own(at(33, 500_000_000), 1_048_579),
        actor: ActorView::default(),
        change: ConfigChange::Program {
            before: program(OLD),
            now: program(NEW),
        },
        message: "an excluded program was changed, and is excluded as it is now: /usr/sbin/backupd",
    };
    line(|lines, out| lines.daemon_config(out, &view))
}

fn coverage() -> String {
    let view = CoverageView {
        meta: own(at(33, 365_000_242), 1_048_579),
        hook: "lsm/path_rename",
        state: CoverageState::Fallback {
            errno: 2,
            to: "kprobe/vfs_rename",
        },
        kinds: &["file.rename"],
        points: &[],
        span: None,
    };
    line(|lines, out| lines.daemon_coverage(out, &view))
}

fn coverage_restored() -> String {
    let view = CoverageView {
        meta: own(at(34, 0), 1_048_580),
        hook: "lsm/path_rename",
        state: CoverageState::Restored,
        kinds: &["file.rename"],
        points: &["syscalls/sys_exit_rename".to_owned()],
        span: Some((at(4, 0), at(34, 0))),
    };
    line(|lines, out| lines.daemon_coverage(out, &view))
}

fn selftest() -> String {
    let meta = own(at(34, 637_870_617), 1_048_580);
    let view = SelftestView {
        meta,
        duration_ms: 184,
        checked: 38,
        passed: 38,
        failed: &[],
        hooks: &[],
        span: None,
    };
    line(|lines, out| lines.daemon_selftest(out, &view))
}

fn selftest_failed() -> String {
    let meta = own(at(34, 637_870_617), 1_048_580);
    let since_utc_ns = at(4, 637_870_617);
    let points =
        |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
    let deletes = points(&["syscalls/sys_exit_unlink", "syscalls/sys_exit_unlinkat"]);
    let exits = points(&["sched_process_exit"]);
    let failed_hook = |hook, state, points| FailedHook {
        hook,
        state,
        points,
        since_utc_ns,
    };
    let view = SelftestView {
        meta,
        duration_ms: 184,
        checked: 38,
        passed: 35,
        failed: &["file.delete", "process.exit"],
        hooks: &[
            failed_hook("file_act", "detached", &deletes),
            failed_hook("exit", "silent", &exits),
        ],
        span: Some((since_utc_ns, meta.utc_ns)),
    };
    line(|lines, out| lines.daemon_selftest(out, &view))
}

fn clock_step() -> String {
    let view = ClockStepView {
        meta: own(at(84, 700_856_867), 1_048_630),
        from_utc_ns: at(91, 204_412_000),
        to_utc_ns: at(91 - 3600, 204_001_000),
    };
    line(|lines, out| lines.daemon_clock_step(out, &view))
}

fn loss() -> String {
    let ranges = [
        LossRange {
            cpu: 1,
            strand: 0,
            first: 40_360,
            last: 40_362,
        },
        LossRange {
            cpu: 3,
            strand: 0,
            first: 884_201,
            last: 884_302,
        },
    ];
    let view = LossView {
        meta: own(at(91, 179_372_492), 1_048_637),
        lane: Lane::Bulk,
        stage: LossStage::Ring,
        lost: Lost::Ranges(&ranges),
        start_utc_ns: at(80, 0),
        end_utc_ns: at(90, 0),
    };
    line(|lines, out| assert!(lines.daemon_loss(out, &view).is_empty()))
}

fn counts() -> String {
    let critical = LaneCounts {
        seen: 412,
        filtered: &[("policy:skip-node-exporter", 60)],
        submitted: 352,
        recorded: 340,
        folded: 12,
        ..LaneCounts::default()
    };
    let bulk = LaneCounts {
        seen: 91_840,
        // Unsorted, and one of them in two parts.
        filtered: &[
            ("self", 480),
            ("no-watch", 80_000),
            ("policy:skip-build-cache", 1011),
            ("no-watch", 102),
        ],
        submitted: 10_142,
        lost: 105,
        recorded: 8000,
        folded: 1142,
        left_out: &[("no-watch", 1000)],
    };
    let view = CountsView {
        meta: own(at(92, 403_981_867), 1_048_638),
        start_utc_ns: at(81, 0),
        end_utc_ns: at(91, 0),
        critical,
        bulk,
    };
    line(|lines, out| lines.daemon_counts(out, &view))
}

fn rotate() -> String {
    let hex = "ea42cfa102bd7aac62b7cc8f323802129072eca6c96585421adc1c5ace46c1dd";
    let view = LogRotateView {
        meta: own(at(94, 845_388_117), 1_048_640),
        sealed: LogFile {
            path: b"/var/log/audit-daemon/1048577.jsonl",
            size_bytes: 67_109_120,
            sha256: Some(sha256(hex)),
        },
        records: Some(SequenceRange {
            first: 1_048_577,
            last: 1_048_639,
        }),
    };
    line(|lines, out| lines.log_rotate(out, &view))
}

fn delete() -> String {
    let hex = "7e48e53062afa4d55a181f275ce3d1493357acb8c32d510a3575fe8a62b7ab87";
    let view = LogDeleteView {
        meta: own(at(95, 874_684_992), 1_048_641),
        deleted: LogFile {
            path: b"/var/log/audit-daemon/1044480.parquet",
            size_bytes: 5_120_044,
            sha256: Some(sha256(hex)),
        },
        records: Some(SequenceRange {
            first: 1_044_480,
            last: 1_048_576,
        }),
        reason: "retention: older than 90 days",
    };
    line(|lines, out| lines.log_delete(out, &view))
}
