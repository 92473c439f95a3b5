//! The running daemon: settings → attach → record → drain.
//!
//! Owns the order of start. The log is opened before any hook is attached (nothing may be seen that
//! cannot be kept), hooks before the snapshots (nothing may fall in between), and `daemon.start` is
//! the first record.

mod error;
mod introduce;
mod parts;
mod reload;
mod report;
mod resume;
mod signals;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tracing::{error, info, warn};

pub use error::RunError;
pub use parts::{masker, own, recorder, requests, required_but_missing, wanted, warnings};
pub use signals::{Stop, block};

use reload::{InForce, Reloader, Reloading, Reloads};
use signals::Asked;

use crate::{
    canary::{self, Canary},
    config::{Cap, Config, Listen, Loaded},
    enrich::{boot_ns, host::Host, running},
    kernel::{self, Attached, Unrecorded},
    log::{Log, LogError, Opened, cap_bytes_default},
    notify::Notifier,
    pipeline::{Limits, Pipeline, Screen, Shared, Style, WorkerParts, WriterParts},
    pretty::{Pretty, PrettyOptions},
    shutdown::{self, Cause},
    source::{self, Acknowledger, Backlog, Source},
    status::{MetricsServer, SnapshotSource, StatusServer},
    watching::Keeper,
};

/// What the command line adds to the configuration.
#[derive(Default)]
pub struct Options {
    /// Read again at a reload; `None` for the usual file.
    pub config_file: Option<PathBuf>,
    pub log_dir: Option<PathBuf>,
    pub stdout: Option<Output>,
}

pub enum Output {
    Json,
    Pretty(PrettyOptions),
}

/// How often the main thread looks after what only it does.
const LOOK: Duration = Duration::from_millis(200);
/// As long is waited for room in the rings of an adopted load.
const BACKLOG_MAX: Duration = Duration::from_secs(5);
/// Files of the log are at most this part of its cap, so that deleting whole files can keep it.
const CAP_SEGMENTS_MIN: u64 = 4;

/// Runs until a signal; everything seen until then is durable when it returns.
pub fn run(loaded: Loaded, options: Options) -> Result<(), RunError> {
    let stop = signals::Stop::new()?;
    for warning in &parts::warnings(&loaded) {
        warn!("{warning}");
    }
    let notifier = Arc::new(Notifier::from_env().unwrap_or_else(|error| {
        warn!("{error}");
        Notifier::none()
    }));
    let config_file = options.config_file.clone();
    let mut started = start(&loaded, options)?;
    let edges = Edges::start(&loaded, started.report.clone())?;
    let pipeline = started.go()?;
    started.unrecorded.keep();
    let canary = started.canary(&loaded.config)?;
    let reloader = Reloader::start(Reloading {
        config_file,
        log_dir: started.log_dir.clone(),
        attached: started.attached.clone(),
        keeper: started.keeper.clone(),
        shared: started.shared.clone(),
        controls: pipeline.controls(),
        notifier: notifier.clone(),
        reloads: started.reloads.clone(),
        at_start: loaded.config.clone(),
        in_force: InForce::new(&loaded, parts::watches(&loaded, &started.log_dir)),
    })?;
    // Whoever waits for us to be ready counts on the next event.
    if !Backlog::of(&started.attached)?.wait(BACKLOG_MAX) {
        warn!("the rings are still full of what came before: more may be lost, and is counted");
    }
    notifier.ready(&format!("recording to {}", started.log_dir.display()));
    info!("recording to {}", started.log_dir.display());
    let ended = wait(&stop, &notifier, &pipeline, &started.shared, &reloader);
    notifier.stopping("draining what was seen");
    started.shared.stop();
    drop(reloader);
    drop(canary);
    let result = shutdown::shut_down(pipeline, &ended, &started.shared);
    drop(edges);
    // Last: closing tracepoints takes long, and nothing depends on it any more.
    if let Some(attached) = Arc::into_inner(started.attached) {
        attached.detach();
    }
    result
}

/// Everything that stands before the first event is drained.
struct Started {
    log_dir: PathBuf,
    shared: Arc<Shared>,
    attached: Arc<Attached>,
    unrecorded: Unrecorded,
    /// Held for as long as files are watched.
    keeper: Option<Arc<Keeper>>,
    reloads: Reloads,
    report: Arc<dyn SnapshotSource>,
    parts: Option<(Source, WorkerParts, WriterParts)>,
}

impl Started {
    fn go(&mut self) -> Result<Pipeline, RunError> {
        let (source, worker, writer) = self.parts.take().ok_or(RunError::Stage)?;
        Ok(Pipeline::start(source, worker, writer, &self.shared)?)
    }

    /// The canary, if the configuration has one.
    fn canary(&self, config: &Config) -> Result<Option<Canary>, RunError> {
        let dir = parts::canary_directory(config)?;
        let parts = |dir| canary::Parts {
            attached: &self.attached,
            shared: &self.shared,
            keeper: self.keeper.clone(),
            dir,
            interval: config.selftest.interval,
            told: canary::Told {
                groups: config.privileges(),
                ignored: config.network.ignore.clone(),
            },
        };
        Ok(dir.map(|dir| Canary::start(parts(dir))).transpose()?)
    }
}

fn screen(output: Output) -> std::io::Result<Screen> {
    Screen::start(match output {
        Output::Json => Style::Json,
        Output::Pretty(options) => Style::Pretty(Box::new(Pretty::new(options))),
    })
}

/// A log that is ours, and how large it may grow.
struct OpenLog {
    log: Log,
    opened: Opened,
    dir: PathBuf,
    limits: Limits,
}

fn open_log(config: &Config, dir: Option<PathBuf>) -> Result<OpenLog, RunError> {
    let dir = dir.unwrap_or_else(|| config.log.dir.clone());
    let (log, opened) = Log::open(&dir, segment_bytes(config))?;
    Ok(OpenLog {
        log,
        opened,
        limits: limits(config, &dir)?,
        dir,
    })
}

fn segment_bytes(config: &Config) -> u64 {
    let segment_max = match config.log.cap {
        Cap::Bytes(bytes) => bytes / CAP_SEGMENTS_MIN,
        Cap::Auto => u64::MAX,
    };
    config.log.segment_size.min(segment_max)
}

/// What the log in this directory may take.
fn limits(config: &Config, dir: &Path) -> Result<Limits, RunError> {
    let cap_bytes = match config.log.cap {
        Cap::Bytes(bytes) => bytes,
        Cap::Auto => cap_bytes_default(dir).map_err(LogError::from)?,
    };
    Ok(Limits {
        commit_interval: config.log.commit_interval,
        cap_bytes,
        segment_bytes: segment_bytes(config),
    })
}

/// The host, on which we may do what we are here for.
fn host() -> Result<Host, RunError> {
    let host = Host::read()?;
    host.problems.iter().for_each(|problem| warn!("{problem}"));
    // Before the log: without rights its directory could not be opened either, which says less.
    kernel::check_rights()?;
    Ok(host)
}

fn start(loaded: &Loaded, options: Options) -> Result<Started, RunError> {
    let config = &loaded.config;
    let masker = parts::masker(loaded)?;
    let host = host()?;
    let OpenLog {
        mut log,
        opened,
        dir: log_dir,
        limits,
    } = open_log(config, options.log_dir)?;

    let v1 = crate::enrich::cgroups::trees::v1_choice();
    let request = parts::requests(config, &host, v1.as_ref());
    let mut attached = kernel::start(&request)?;
    let unrecorded = Unrecorded::new(&attached, &request.pin_dir);
    parts::required_but_missing(config, &attached.outcomes)?;
    let diagnostics = attached.diagnostics(request.diagnostics);
    let watches = parts::watches(loaded, &log_dir);
    attached.volume.limit(parts::volume_limits(config));
    let shared = Arc::new(Shared::default());
    let (keeper, watching) = parts::keeper(config, watches, &mut attached, &shared)?;
    parts::expect_canaries(config, &attached, &shared)?;
    let resumed = source::resume(&attached);
    let doubles = resume::origin(&mut log, &attached, &host, &resumed)?;

    shared.starts_with(log.total_bytes(), resumed.clone());
    shared.set_cap(limits.cap_bytes);
    let mut recorder = parts::recorder(config, &host, masker, &log, v1.as_ref())?;
    let introduced = introduce::Introduced {
        log_dir: &log_dir,
        opened: &opened,
        adopted: attached.adopted,
        replaced: attached.replaced,
        outcomes: &attached.outcomes,
        sources: &loaded.sources,
        snapshot: config.records.snapshot,
    };
    introduce::introduce(&mut recorder, &introduced);

    let source = Source::open(&attached, resumed.positions)?;
    let worker = WorkerParts {
        diagnostics,
        doubles,
        watching,
        ..parts::worker(config, &attached, recorder, resumed)
    };
    let writer = writer(log, limits, &attached, options.stdout)?;
    parts::give_memory_back();
    let attached = Arc::new(attached);
    let reloads = reload::none_yet();
    let report = report::Report::new(
        config,
        &log_dir,
        reloads.clone(),
        &attached,
        &shared,
        opened.segments,
    );
    Ok(Started {
        log_dir,
        shared,
        attached,
        unrecorded,
        keeper: keeper.map(Arc::new),
        reloads,
        report: Arc::new(report),
        parts: Some((source, worker, writer)),
    })
}

fn writer(
    log: Log,
    limits: Limits,
    attached: &Attached,
    stdout: Option<Output>,
) -> Result<WriterParts, RunError> {
    Ok(WriterParts {
        log,
        acknowledger: Some(Acknowledger::new(attached)?),
        screen: stdout.map(screen).transpose()?,
        commit_interval: limits.commit_interval,
        cap_bytes: limits.cap_bytes,
    })
}

/// Waits for a signal, or for a stage that ended on its own.
fn wait(
    stop: &signals::Stop,
    notifier: &Notifier,
    pipeline: &Pipeline,
    shared: &Shared,
    reloader: &Reloader,
) -> Cause {
    let mut watched_ns = 0;
    loop {
        match stop.wait(LOOK) {
            Some(Asked::Stop(cause)) => return cause,
            Some(Asked::Reload(sender_pid)) => reloader.ask(sender_pid),
            None => {}
        }
        if pipeline.has_failed() {
            error!("a stage of the pipeline ended on its own: stopping");
            return Cause {
                reason: "internal failure",
                sender_pid: None,
            };
        }
        let due = notifier
            .watchdog_period()
            .map(|period| period.as_nanos() as u64);
        let now_ns = boot_ns();
        // Alive means that the writer's disk answers, too.
        if due.is_some_and(|due| now_ns.saturating_sub(watched_ns) >= due)
            && shared.writer().trouble.is_none()
        {
            notifier.watchdog();
            watched_ns = now_ns;
        }
    }
}

/// The servers of the status and the metrics, on a runtime of their own.
struct Edges {
    _runtime: tokio::runtime::Runtime,
}

impl Edges {
    fn start(loaded: &Loaded, report: Arc<dyn SnapshotSource>) -> Result<Edges, RunError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(2)
            .thread_name("edges")
            .enable_all()
            .build()?;
        let guard = runtime.enter();
        let status = StatusServer::bind(&loaded.config.status.socket)?;
        runtime.spawn(status.serve(report.clone()));
        let address = match &loaded.config.metrics.listen {
            Listen::Off => None,
            Listen::Unix(path) => Some(format!("unix:{}", path.display())),
            Listen::Tcp(address) => Some(address.to_string()),
        };
        if let Some(address) = address {
            let server = runtime.block_on(MetricsServer::bind(&address.parse()?))?;
            runtime.spawn(server.serve(report));
        }
        drop(guard);
        Ok(Edges { _runtime: runtime })
    }
}

/// The daemon itself, as the first record names it.
pub fn oneself() -> Option<running::Running> {
    running::one(std::process::id())
}
