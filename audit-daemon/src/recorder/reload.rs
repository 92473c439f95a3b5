//! The configuration is changed while the daemon runs: what of it the recorder takes over, and the
//! record that says so; also that of a program that it names.
//!
//! Owns these records' views. Must not decide what is in force, or since when.

use std::os::unix::ffi::OsStrExt as _;

use super::{Recorder, RecorderSettings, daemon::process_view, identity};
use crate::{
    enrich::{running::Running, users::Name},
    mask::Masker,
    record::{
        ActorDetail, ConfigChange, ConfigDifference, ConfigFile, ConfigView,
        view::{ActorView, ProcessId, ProcessView, UNSET},
    },
    watch::programs::Change,
};

/// What a change of configuration changes here.
pub struct RecorderChange {
    pub settings: RecorderSettings,
    pub masker: Masker,
}

/// A configuration by its name and hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigId {
    pub name: Vec<u8>,
    pub sha256: [u8; 32],
}

impl ConfigId {
    fn view(&self) -> ConfigFile<'_> {
        ConfigFile {
            name: &self.name,
            sha256: self.sha256,
        }
    }
}

/// Who asked for it.
#[derive(Clone)]
pub struct Asker {
    pub pid: u32,
    /// `None`: it had gone when it was looked at.
    pub running: Option<Running>,
}

/// A change of configuration, or a refused one, to be said in the log.
pub struct ConfigSaid {
    pub asker: Option<Asker>,
    pub old: ConfigId,
    /// `None`: nothing of it could be read.
    pub new: Option<ConfigId>,
    pub outcome: ConfigOutcome,
    pub message: String,
}

pub enum ConfigOutcome {
    Changed(ConfigDifference),
    /// The first line of the error.
    Refused(String),
}

impl Recorder {
    /// A program that watches exclude is not what it was; the record's time is that from which it is
    /// excluded as it is now.
    pub fn program_changed(&mut self, change: &Change) {
        let name = change.path.as_os_str().as_bytes();
        let [before, now] = [change.before, change.now].map(|sha256| ConfigFile { name, sha256 });
        let what = match change.before == change.now {
            true => "an excluded program is another file with the same contents",
            false => "an excluded program was changed, and is excluded as it is now",
        };
        let message = format!("{what}: {}", change.path.display());
        let utc_ns = self.utc(change.since_ns);
        self.write(utc_ns, |lines, out, meta| {
            let view = ConfigView {
                meta,
                actor: ActorView::default(),
                change: ConfigChange::Program { before, now },
                message: &message,
            };
            lines.daemon_config(out, &view);
        });
    }

    pub fn change(&mut self, change: RecorderChange) {
        let RecorderChange { settings, masker } = change;
        self.lines.set_actor_detail(match settings.full_actor {
            true => ActorDetail::Full,
            false => ActorDetail::Reference,
        });
        self.settings = settings;
        self.masker = masker;
    }

    /// Writes the record; its time is that of the change. Returns its sequence.
    pub fn config_said(&mut self, said: &ConfigSaid, time_ns: u64) -> u64 {
        let running = said.asker.as_ref().and_then(|one| one.running.as_ref());
        let login = match running.map(|one| one.login_uid) {
            None | Some(UNSET) => Name::Absent,
            Some(uid) => self.names.lookup_user(uid),
        };
        let process = said.asker.as_ref().map(|asker| match &asker.running {
            Some(running) => process_view(running, None),
            None => ProcessView {
                id: ProcessId {
                    pid: asker.pid,
                    start_ns: None,
                },
                ..ProcessView::default()
            },
        });
        let actor = ActorView {
            process: process.as_ref(),
            login_uid: running.map_or(UNSET, |one| one.login_uid),
            login_name: identity::fact(&login),
            session: running.map_or(UNSET, |one| one.session),
            session_ip: None,
        };
        let old = said.old.view();
        let new = said.new.as_ref().map(ConfigId::view);
        let change = match &said.outcome {
            ConfigOutcome::Changed(difference) => ConfigChange::Changed {
                old,
                new: new.unwrap_or(old),
                difference,
            },
            ConfigOutcome::Refused(reason) => ConfigChange::Refused {
                kept: old,
                refused: new,
                reason,
            },
        };
        let sequence = self.next_sequence;
        let utc_ns = self.utc(time_ns);
        self.write(utc_ns, |lines, out, meta| {
            let message = &said.message;
            lines.daemon_config(
                out,
                &ConfigView {
                    meta,
                    actor,
                    change,
                    message,
                },
            );
        });
        sequence
    }
}
