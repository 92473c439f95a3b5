//! `daemon.config`: what the daemon was told to do.
//!
//! OWNS: its view, which of two states is `entity` and which `entity_result`, and the list of what
//! differs (`unmapped.config`). Also of what it was told to leave out, where that changed by itself.
//! MUST NOT: contain values of settings; a hash says which configuration it was.

use super::Lines;
use super::head::{Head, Kind, Outcome};
use super::limits;
use super::line::{Line, key};
use super::notes::At;
use super::text;
use super::view::{ActorView, Meta, Text};

#[derive(Debug, Clone, Copy)]
pub struct ConfigView<'a> {
    pub meta: Meta<'a>,
    /// Who ran `reload`, or sent the signal, if anybody did.
    pub actor: ActorView<'a>,
    pub change: ConfigChange<'a>,
    /// One sentence for people.
    pub message: &'a str,
}

#[derive(Debug, Clone, Copy)]
pub enum ConfigChange<'a> {
    /// At start.
    Loaded(ConfigFile<'a>),
    /// Another one took its place.
    Changed {
        old: ConfigFile<'a>,
        new: ConfigFile<'a>,
        difference: &'a ConfigDifference,
    },
    /// A program that watches exclude is not what it was.
    Program {
        before: ConfigFile<'a>,
        now: ConfigFile<'a>,
    },
    /// The old one stays, for this reason.
    Refused {
        kept: ConfigFile<'a>,
        /// `None`: nothing of it could be read.
        refused: Option<ConfigFile<'a>>,
        reason: &'a str,
    },
}

#[derive(Debug, Clone, Copy)]
pub struct ConfigFile<'a> {
    /// A path, or what the daemon calls its built-in configuration.
    pub name: &'a [u8],
    pub sha256: [u8; 32],
}

/// Names of what differs between two configurations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigDifference {
    /// Watches, by their names.
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
    /// Other settings that took effect, by their keys.
    pub settings: Vec<String>,
    /// Settings that wait for a restart of the daemon.
    pub restart: Vec<String>,
}

impl ConfigDifference {
    pub fn is_empty(&self) -> bool {
        *self == ConfigDifference::default()
    }
}

impl Lines {
    /// Appends one line, without LF.
    pub fn daemon_config(&mut self, out: &mut Vec<u8>, view: &ConfigView) {
        let (kind, outcome, detail) = match view.change {
            ConfigChange::Loaded(_) => (&LOADED, Outcome::Success, None),
            ConfigChange::Changed { .. } | ConfigChange::Program { .. } => {
                (&CHANGED, Outcome::Success, None)
            }
            ConfigChange::Refused { reason, .. } => {
                (&CHANGED, Outcome::Failure(None), Some(reason))
            }
        };
        self.write(out, |line| {
            let parts = line.actor_parts();
            let occurring = view.actor.process.map(|process| parts.occurring(process));
            let head = Head {
                severity: 1,
                outcome,
                detail,
                message: Some(view.message),
                occurring: occurring.unwrap_or_default(),
                ..Head::default()
            };
            line.head(kind, &view.meta, &head);
            line.actor(&view.actor, parts);
            match view.change {
                ConfigChange::Loaded(file) => {
                    line.entity(key!("entity"), "entity", &file, CONFIGURATION);
                }
                ConfigChange::Changed { old, new, .. } => {
                    line.entity(key!("entity"), "entity", &old, CONFIGURATION);
                    line.entity(key!("entity_result"), "entity_result", &new, CONFIGURATION);
                }
                ConfigChange::Program { before, now } => {
                    line.entity(key!("entity"), "entity", &before, PROGRAM);
                    line.entity(key!("entity_result"), "entity_result", &now, PROGRAM);
                }
                ConfigChange::Refused { kept, refused, .. } => {
                    line.entity(key!("entity"), "entity", &kept, CONFIGURATION);
                    if let Some(file) = &refused {
                        line.entity(key!("entity_result"), "entity_result", file, CONFIGURATION);
                    }
                }
            }
            line.end(view.actor.session_ip, |line| {
                if let ConfigChange::Changed { difference, .. } = view.change {
                    line.config_difference(difference);
                }
            });
        });
    }
}

/// What an entity is.
const CONFIGURATION: &str = "\",\"type_id\":99,\"type\":\"Configuration\"},";
const PROGRAM: &str = "\",\"type_id\":99,\"type\":\"Excluded program\"},";

const LOADED: Kind = Kind {
    ids: r#""class_uid":3004,"category_uid":3,"activity_id":10,"type_uid":300410,"#,
    code: r#""event_code":"daemon.config""#,
    host_profile: true,
    full_device: false,
};

const CHANGED: Kind = Kind {
    ids: r#""class_uid":3004,"category_uid":3,"activity_id":3,"type_uid":300403,"#,
    ..LOADED
};

impl Line<'_> {
    fn entity(
        &mut self,
        key: &'static str,
        name: &'static str,
        file: &ConfigFile,
        kind: &'static str,
    ) {
        let at = At::root(name);
        self.raw(key);
        self.raw("{");
        self.path(key!("name"), &at.field("name"), &Text::whole(file.name));
        self.raw("\"uid\":\"sha256:");
        self.push_hex(&file.sha256);
        self.raw(kind);
    }

    fn config_difference(&mut self, difference: &ConfigDifference) {
        if difference.is_empty() {
            return;
        }
        let ConfigDifference {
            added,
            removed,
            changed,
            settings,
            restart,
        } = difference;
        self.raw("\"config\":{");
        if !(added.is_empty() && removed.is_empty() && changed.is_empty()) {
            self.raw("\"watches\":{");
            self.names(key!("added"), added);
            self.names(key!("removed"), removed);
            self.names(key!("changed"), changed);
            self.close();
        }
        self.names(key!("settings"), settings);
        self.names(key!("restart"), restart);
        let left_out = [added, removed, changed, settings, restart]
            .map(|names| names.len().saturating_sub(limits::CONFIG_NAMES_MAX));
        let more: usize = left_out.iter().sum();
        if more > 0 {
            self.integer(key!("more"), more as u64);
        }
        self.close();
    }

    /// A list of names, unless it is empty.
    fn names(&mut self, key: &'static str, names: &[String]) {
        if names.is_empty() {
            return;
        }
        self.raw(key);
        self.raw("[");
        for name in names.iter().take(limits::CONFIG_NAMES_MAX) {
            let name = text::cut(name.as_bytes(), limits::RULE_NAME_BYTES_MAX);
            self.raw("\"");
            text::push_bytes(self.out, name);
            self.raw("\",");
        }
        self.close_list();
    }
}
