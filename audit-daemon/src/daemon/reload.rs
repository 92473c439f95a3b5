//! Another configuration for the daemon that runs: read, checked, swapped in; or refused.
//!
//! Owns the order of a reload, and that there is one at a time. All that can be refused is refused
//! before anything changes. Must not know how a part takes over what is new.

mod difference;
mod handing_over;

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tracing::{debug, error, info, warn};

use super::{RunError, parts};
use crate::{
    config::{self, Config, Loaded, Source, Watch},
    enrich::running,
    kernel::Attached,
    notify::Notifier,
    pipeline::{Control, Limits, Shared},
    recorder::{Asker, ConfigOutcome, ConfigSaid, RecorderChange},
    status::ReloadState,
    watch::set::WatchSet,
    watching::Keeper,
};

/// How the last one went, for `status` and for whoever asked.
pub type Reloads = Arc<Mutex<ReloadState>>;

/// Of a daemon that was not asked yet.
pub fn none_yet() -> Reloads {
    Reloads::new(Mutex::new(ReloadState {
        can: true,
        ..ReloadState::default()
    }))
}

pub fn state(reloads: &Reloads) -> MutexGuard<'_, ReloadState> {
    // Figures are still figures after a panic.
    reloads.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The thread that reloads, until it is dropped.
pub struct Reloader {
    asks: Option<Sender<Option<u32>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reloader {
    pub fn start(reloading: Reloading) -> std::io::Result<Reloader> {
        let (asks, asked) = bounded(1);
        let thread = std::thread::Builder::new()
            .name("reload".into())
            .spawn(move || reloading.run(&asked))?;
        Ok(Reloader {
            asks: Some(asks),
            thread: Some(thread),
        })
    }

    /// Asks for a reload that begins after this call. Never waits.
    pub fn ask(&self, sender_pid: Option<u32>) {
        let Some(asks) = &self.asks else { return };
        if let Err(TrySendError::Full(_)) = asks.try_send(sender_pid) {
            debug!("a reload that has not begun yet serves this request too");
        }
    }
}

impl Drop for Reloader {
    fn drop(&mut self) {
        self.asks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a reload works on.
pub struct Reloading {
    pub config_file: Option<PathBuf>,
    pub log_dir: PathBuf,
    pub attached: Arc<Attached>,
    pub keeper: Option<Arc<Keeper>>,
    pub shared: Arc<Shared>,
    pub controls: Sender<Control>,
    pub notifier: Arc<Notifier>,
    pub reloads: Reloads,
    /// What cannot change while the daemon runs is as it is here.
    pub at_start: Config,
    pub in_force: InForce,
}

/// The configuration that events are judged by.
pub struct InForce {
    config: Config,
    sources: Vec<Source>,
    /// Those that are in force: the built-in ones if the configuration has none.
    watches: Vec<Watch>,
}

impl InForce {
    pub fn new(loaded: &Loaded, watches: Vec<Watch>) -> InForce {
        InForce {
            config: loaded.config.clone(),
            sources: loaded.sources.clone(),
            watches,
        }
    }
}

/// A configuration that was found to be good, and what takes its parts over.
struct Checked {
    next: InForce,
    set: WatchSet,
    recorder: RecorderChange,
    limits: Limits,
    warnings: Vec<String>,
}

/// Why the old one stays, and what was to take its place as far as it could be read.
struct Refusal {
    error: RunError,
    sources: Vec<Source>,
}

impl Reloading {
    fn run(mut self, asked: &Receiver<Option<u32>>) {
        while let Ok(sender_pid) = asked.recv() {
            state(&self.reloads).begun += 1;
            self.notifier.reloading("reading the configuration");
            let asker = sender_pid.map(|pid| Asker {
                pid,
                running: running::one(pid),
            });
            let (exit_code, text) = match self.check() {
                Ok(checked) => self.take_over(checked, asker),
                Err(refusal) => self.refuse(refusal, asker),
            };
            let mut status = format!("recording to {}", self.log_dir.display());
            if exit_code != 0 {
                status.push_str("; the new configuration was refused, the old one stays");
            }
            let mut reloads = state(&self.reloads);
            reloads.done = reloads.begun;
            (reloads.exit_code, reloads.text) = (exit_code.into(), text);
            drop(reloads);
            self.notifier.ready(&status);
        }
    }

    /// Reads and checks all of it. Nothing is changed.
    fn check(&self) -> Result<Checked, Refusal> {
        let loaded = config::try_load(self.config_file.as_deref()).map_err(|refused| Refusal {
            error: refused.errors.into(),
            sources: refused.sources,
        })?;
        self.check_loaded(&loaded).map_err(|error| Refusal {
            error,
            sources: loaded.sources,
        })
    }

    fn check_loaded(&self, loaded: &Loaded) -> Result<Checked, RunError> {
        let config = &loaded.config;
        let masker = parts::masker(loaded)?;
        parts::required_but_missing(config, &self.attached.outcomes)?;
        let watches = parts::watches(loaded, &self.log_dir);
        let set = WatchSet::new(watches.clone())?;
        Ok(Checked {
            set,
            recorder: RecorderChange {
                settings: parts::recorder_settings(config),
                masker,
            },
            limits: super::limits(config, &self.log_dir)?,
            next: InForce::new(loaded, watches),
            warnings: parts::warnings(loaded),
        })
    }

    /// Exit code and text of a reload that was found to be good.
    fn take_over(&mut self, checked: Checked, asker: Option<Asker>) -> (u8, String) {
        let difference = difference::between(
            &self.at_start,
            (&self.in_force.config, &self.in_force.watches),
            (&checked.next.config, &checked.next.watches),
        );
        let (summary, warnings) = (difference::summary(&difference), checked.warnings.clone());
        let said = ConfigSaid {
            asker: asker.clone(),
            old: difference::identity(&self.in_force.sources),
            new: Some(difference::identity(&checked.next.sources)),
            message: summary.clone(),
            outcome: ConfigOutcome::Changed(difference.clone()),
        };
        let sources = checked.next.sources.clone();
        match self.hand_over(checked, said) {
            Ok(next) => {
                let limits = parts::volume_limits(&next.config);
                self.attached.volume.limit(limits);
                self.in_force = next;
            }
            Err(error) => return self.refuse(Refusal { error, sources }, asker),
        }
        warnings.iter().for_each(|warning| warn!("{warning}"));
        info!("{summary}");
        if !difference.restart.is_empty() {
            warn!("needs a restart: {}", difference.restart.join(", "));
        }
        (0, difference::text(&difference, &warnings))
    }

    /// Exit code and text of a reload after which the old configuration stays.
    fn refuse(&self, refusal: Refusal, asker: Option<Asker>) -> (u8, String) {
        let Refusal { error, sources } = refusal;
        let (reason, text) = difference::refused(&error);
        let said = ConfigSaid {
            asker,
            old: difference::identity(&self.in_force.sources),
            new: (!sources.is_empty()).then(|| difference::identity(&sources)),
            outcome: ConfigOutcome::Refused(reason),
            message: "configuration refused; the old one stays".to_owned(),
        };
        self.say(said);
        error!("configuration refused; the old one stays\n{text}");
        (error.exit_code(), text)
    }
}
