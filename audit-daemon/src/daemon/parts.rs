//! From configuration and host to the parts of a pipeline.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use audit_common::{
    Lane,
    counters::{CpuCounters, LaneSums},
};

use super::{RunError, resume::Doubles};
use crate::{
    canary,
    config::{ActorDetail, Config, Diagnostics, Loaded, Mechanism, Pin, Required, Watch},
    enrich::{
        boot_ns,
        cgroups::{
            Cgroups, ENTRIES_MAX_DEFAULT,
            namespaces::NamespacePair,
            trees::{Trees, V1Hierarchy},
        },
        clock::WallClock,
        host::{Host, Machine},
        process::ProcessTable,
        users::{Names, NamesSettings},
    },
    folding::Folding,
    hooks::{self, Outcome, OutcomeState},
    kernel::{
        Attached, Functions, Lookout, MappedArray, Pinning, Request, SocketFilter, VolumeLimits,
    },
    log::Log,
    mask::{CustomRule, MaskSettings, Masker},
    network::{fold, ignored},
    pipeline::{Shared, Wanted, WorkerParts},
    record::{self, Lines, view::Origin},
    recorder::{Recorder, RecorderSettings},
    source::Acknowledgement,
    watch::{self, builtin::Own, interpreters, set::WatchSet},
    watching::{Current, Keeper},
};

/// The masking stage; a rule that cannot be is an error of the configuration.
pub fn masker(loaded: &Loaded) -> Result<Masker, RunError> {
    let mask = &loaded.config.mask;
    let rules = mask
        .rule
        .iter()
        .map(|rule| CustomRule {
            name: rule.name.clone(),
            options: rule.options.clone(),
            programs: rule.programs.clone(),
            variables: rule.variables.clone(),
            pattern: rule.pattern.clone(),
        })
        .collect();
    let disabled_rules = mask.disabled_rules.clone();
    let settings = MaskSettings {
        enabled: mask.enabled,
        rules,
        disabled_rules,
    };
    Masker::new(&settings)
        .map_err(|error| RunError::Config(loaded.refuse("mask.rule", &error.to_string(), "")))
}

/// What is asked of the kernel.
pub fn requests(config: &Config, host: &Host, v1: Option<&V1Hierarchy>) -> Request {
    let (root_dev, root_ino) = host_root();
    let ring = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
    let argv_max = u64::from(audit_common::limits::ARGV_BYTES_MAX);
    Request {
        pinning: match config.kernel.pin {
            Pin::Auto => Pinning::Auto,
            Pin::Never => Pinning::Never,
            Pin::Required => Pinning::Required,
        },
        pin_dir: config.kernel.pin_dir.clone(),
        ring_bytes: [
            ring(config.kernel.ring_critical),
            ring(config.kernel.ring_bulk),
        ],
        argv_bytes: config.records.command_line_max.min(argv_max) as u32,
        environment: config.records.environment.clone(),
        compat: config.kernel.compat,
        off: hooks::ONLY_RECORDED
            .into_iter()
            .filter(|group| config.events.get(group).is_some_and(|event| !event.record))
            .collect(),
        privilege: config.privileges(),
        protected: config.privilege.protect.clone(),
        preempted: match config.kernel.mechanism {
            Mechanism::Auto | Mechanism::Trampoline => {
                kernel_version(&host.kernel_release) >= hooks::PREEMPTED_SINCE
            }
            Mechanism::RawTracepoint => false,
            Mechanism::Tracepoint => true,
        },
        version: kernel_version(&host.kernel_release),
        functions: match config.kernel.mechanism {
            Mechanism::Auto => Functions::Preferred,
            Mechanism::Trampoline => Functions::Only,
            Mechanism::RawTracepoint | Mechanism::Tracepoint => Functions::Never,
        },
        diagnostics: match config.kernel.diagnostics {
            Diagnostics::Off => 0,
            Diagnostics::Error => 1,
            Diagnostics::Warn => 2,
            Diagnostics::Info => 3,
            Diagnostics::Debug => 4,
        },
        cpus: host.cpu_numbers_end,
        root_dev,
        root_ino,
        mnt_ns: host.namespaces.mnt,
        pid_ns: host.namespaces.pid,
        user_ns: host.namespaces.user,
        v1_enumerator: v1.map(V1Hierarchy::btf_enumerator),
        sockets: sockets(config),
    }
}

/// Which sockets the kernel tells.
fn sockets(config: &Config) -> SocketFilter {
    let network = &config.network;
    SocketFilter {
        loopback: network.loopback,
        unix: network.unix,
        close: network.close,
        pending_ms: network.pending_after.as_millis() as u32,
        // The configuration was read with the same rules: there are none that cannot be.
        ignored: ignored::prefixes(&network.ignore).unwrap_or_default(),
    }
}

/// Major and minor of a release such as `6.12.48+deb13-amd64`.
fn kernel_version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || numbers.next().and_then(|number| number.parse().ok());
    (next().unwrap_or(0), next().unwrap_or(0))
}

/// Device and inode of the host's root directory as the kernel has them: the device from mountinfo,
/// for `stat` shows another one on btrfs.
fn host_root() -> (u32, u64) {
    use std::os::unix::fs::MetadataExt;
    let root = std::fs::metadata("/proc/1/root/.").or_else(|_| std::fs::metadata("/"));
    let Ok(root) = root else { return (0, 0) };
    let dev = |major: u32, minor: u32| major << 20 | minor;
    let by_stat = dev(libc::major(root.dev()), libc::minor(root.dev()));
    let mounts = std::fs::read_to_string("/proc/1/mountinfo").unwrap_or_default();
    // The last mount on `/` is the one that is seen.
    let by_mount = mounts.lines().rev().find_map(|line| {
        let mut fields = line.split(' ');
        let (major, minor) = fields.nth(2)?.split_once(':')?;
        let mount_point = fields.nth(1)?;
        (mount_point == "/").then(|| Some(dev(major.parse().ok()?, minor.parse().ok()?)))?
    });
    (by_mount.unwrap_or(by_stat), root.ino())
}

/// An event that must be had and cannot be.
pub fn required_but_missing(config: &Config, outcomes: &[Outcome]) -> Result<(), RunError> {
    for outcome in outcomes {
        let always = config
            .events
            .get(outcome.group)
            .is_some_and(|event| event.required == Required::Always);
        if let (OutcomeState::Missing { reason }, true, false) =
            (&outcome.state, always, outcome.auxiliary)
        {
            return Err(RunError::Required {
                group: outcome.group,
                reason: reason.clone(),
            });
        }
    }
    Ok(())
}

pub fn wanted(config: &Config) -> Wanted {
    let record = |name: &str| config.events.get(name).is_some_and(|event| event.record);
    Wanted {
        exec: record("exec"),
        exec_failed: record("exec_failed"),
        fork: record("fork"),
        exit: record("exit"),
        file: record("file"),
        network: record("network"),
        privilege: record("privilege"),
    }
}

/// What of this machine is the daemon's own.
pub fn own(loaded: &Loaded, log_dir: &Path) -> Own {
    let files = loaded.sources.iter().filter(|one| !one.embedded);
    // They may be named from where the daemon was started; a watch's paths may not.
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let of_files = files.map(|one| absolute(&one.path));
    Own {
        log: absolute(log_dir),
        config: of_files
            .chain([PathBuf::from("/etc/audit-daemon")])
            .collect(),
        executable: std::env::current_exe().ok(),
    }
}

/// What is to be said of a configuration that is in order, before anything is looked up: also of the
/// exceptions that somebody wrote. Those of the built-in watches are not his.
pub fn warnings(loaded: &Loaded) -> Vec<String> {
    let mut warnings = loaded.warnings.clone();
    if let Ok(set) = WatchSet::new(loaded.config.watch.clone()) {
        warnings.extend(interpreters::warnings(&set, Path::new("/")));
    }
    warnings
}

/// The watches that a configuration means: the built-in ones if it has none.
pub fn watches(loaded: &Loaded, log_dir: &Path) -> Vec<Watch> {
    let own = own(loaded, log_dir);
    watch::effective(&loaded.config.watch, &own, Path::exists)
}

/// The keeper of the watches, if the kernel can tell of them.
pub fn keeper(
    config: &Config,
    watches: Vec<Watch>,
    attached: &mut Attached,
    shared: &Arc<Shared>,
) -> Result<(Option<Keeper>, Current), RunError> {
    let current = Current::default();
    let (true, Some(maps)) = (wanted(config).file, attached.take_watch_maps()) else {
        return Ok((None, current));
    };
    let set = WatchSet::new(watches)?;
    let labels = config.records.labels.clone();
    let volume = attached.volume.clone();
    let shared = shared.clone();
    let tell = Box::new(move |change| shared.programs.add(change));
    let canary = canary_directory(config)?;
    let keeper = Keeper::start(set, maps, labels, current.clone(), volume, canary, tell)?;
    Ok((Some(keeper), current))
}

/// Where the canary acts, made and empty; `None`: there is no canary.
pub fn canary_directory(config: &Config) -> Result<Option<PathBuf>, RunError> {
    if config.selftest.interval.is_zero() {
        return Ok(None);
    }
    let dir = canary::directory(&config.status.socket);
    canary::make(&dir)?;
    // As the kernel will name it.
    Ok(Some(dir.canonicalize()?))
}

/// Has the worker know canaries by their events, those of the daemon before as well.
pub fn expect_canaries(
    config: &Config,
    attached: &Attached,
    shared: &Shared,
) -> Result<(), RunError> {
    if let Some(dir) = canary_directory(config)? {
        canary::expect(attached, &shared.canary.witness, dir)?;
    }
    Ok(())
}

/// A worker on this load. What only the start knows is filled in there.
pub fn worker(
    config: &Config,
    attached: &Attached,
    recorder: Recorder,
    resumed: Acknowledgement,
) -> WorkerParts {
    let counters = attached.counters.clone();
    let mut lookout = Lookout::new(attached.misses.clone());
    WorkerParts {
        recorder,
        resumed,
        watching: Current::default(),
        doubles: Doubles::new(),
        wanted: wanted(config),
        folding: Folding::new(
            config.network.fold.after,
            config.network.fold.window.as_nanos() as u64,
            fold::KINDS_MAX,
        ),
        cpus: attached.cpus,
        counts_interval_ns: config.counts.interval.as_nanos() as u64,
        counters: Box::new(move |cpu| read_counters(&counters, cpu)),
        skipped: Box::new(move || lookout.look()),
        volume: Some(attached.volume.clone()),
        diagnostics: None,
    }
}

/// One CPU's counters. Losses are read before numbers: an event is never taken for lost that got
/// its number in between.
fn read_counters(counters: &MappedArray<CpuCounters>, cpu: u32) -> CpuCounters {
    let before = counters.get(cpu as usize);
    let mut now = counters.get(cpu as usize);
    for lane in Lane::ALL.map(|lane| lane as usize) {
        now.lanes[lane] = LaneSums {
            lost: before.lanes[lane].lost,
            ..now.lanes[lane]
        };
    }
    now
}

/// How much the kernel may send.
pub fn volume_limits(config: &Config) -> VolumeLimits {
    let volume = &config.volume;
    VolumeLimits {
        fold_ns: volume.fold_window.as_nanos() as u64,
        fold_writes: volume.fold_writes,
        fold_failures: volume.fold_failures,
        rate: volume.process_rate.into(),
    }
}

pub fn recorder_settings(config: &Config) -> RecorderSettings {
    RecorderSettings {
        labels: config.records.labels.clone(),
        full_actor: config.records.actor_detail == ActorDetail::Full,
    }
}

pub fn recorder(
    config: &Config,
    host: &Host,
    masker: Masker,
    log: &Log,
    v1: Option<&V1Hierarchy>,
) -> Result<Recorder, RunError> {
    let names = Names::start(&NamesSettings {
        entries_max: config.users.cache_max as usize,
        ..NamesSettings::default()
    })?;
    let on_host = NamespacePair {
        mnt: host.namespaces.mnt,
        pid: host.namespaces.pid,
    };
    let mut cgroups = Cgroups::new(ENTRIES_MAX_DEFAULT, v1.map(|v1| v1.hierarchy), on_host);
    match Trees::discover() {
        Ok(trees) => {
            for problem in trees.problems_of(v1.map(|v1| v1.hierarchy)) {
                tracing::warn!("{problem}");
            }
            cgroups.snapshot(&trees, boot_ns());
        }
        Err(error) => tracing::warn!("containers that run already stay unknown: {error}"),
    }
    let settings = recorder_settings(config);
    let origin = Origin {
        version: env!("CARGO_PKG_VERSION"),
        log_id: log.identity().log_id.as_str(),
        hostname: &host.hostname,
        machine_id: &host.machine_id,
        is_vm: host.machine == Machine::Virtual,
        boot_id: &host.boot_id,
        os_version: &host.os_pretty_name,
        kernel_release: &host.kernel_release,
    };
    let of_lines = record::Settings {
        command_bytes_max: config.records.command_line_max as usize,
        actor_detail: match settings.full_actor {
            true => record::ActorDetail::Full,
            false => record::ActorDetail::Reference,
        },
    };
    let entries_max = std::num::NonZeroUsize::new(config.process_table.entries_max as usize)
        .unwrap_or(std::num::NonZeroUsize::MIN);
    Ok(Recorder::new(
        ProcessTable::new(entries_max),
        names,
        cgroups,
        WallClock::new(),
        host.clone(),
        Lines::new(&origin, of_lines),
        masker,
        settings,
        log.next_sequence(),
    ))
}

/// Starting takes tens of MiB for a moment (BTF, the objects, /proc); the allocator would keep them.
pub fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: a plain call that only releases memory which is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
