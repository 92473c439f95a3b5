//! `daemon.config`: what the daemon was told to do.
//!
//! OWNS: its view, and which of two states is `entity` and which `entity_result`.
//! MUST NOT: contain configuration; a hash says which one it was.

use super::Lines;
use super::head::{Head, Kind, Outcome};
use super::line::{Line, key};
use super::notes::At;
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
    },
    /// The old one stays, for this reason.
    Refused {
        kept: ConfigFile<'a>,
        refused: ConfigFile<'a>,
        reason: &'a str,
    },
}

#[derive(Debug, Clone, Copy)]
pub struct ConfigFile<'a> {
    /// A path, or what the daemon calls its built-in configuration.
    pub name: &'a [u8],
    pub sha256: [u8; 32],
}

impl Lines {
    /// Appends one line, without LF.
    pub fn daemon_config(&mut self, out: &mut Vec<u8>, view: &ConfigView) {
        let (kind, outcome, detail) = match view.change {
            ConfigChange::Loaded(_) => (&LOADED, Outcome::Success, None),
            ConfigChange::Changed { .. } => (&CHANGED, Outcome::Success, None),
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
                ConfigChange::Loaded(file) => line.entity(key!("entity"), "entity", &file),
                ConfigChange::Changed { old, new }
                | ConfigChange::Refused {
                    kept: old,
                    refused: new,
                    ..
                } => {
                    line.entity(key!("entity"), "entity", &old);
                    line.entity(key!("entity_result"), "entity_result", &new);
                }
            }
            line.end(view.actor.session_ip, |_| {});
        });
    }
}

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
    fn entity(&mut self, key: &'static str, name: &'static str, file: &ConfigFile) {
        let at = At::root(name);
        self.raw(key);
        self.raw("{");
        self.path(key!("name"), &at.field("name"), &Text::whole(file.name));
        self.raw("\"uid\":\"sha256:");
        self.push_hex(&file.sha256);
        self.raw("\",\"type_id\":99,\"type\":\"Configuration\"},");
    }
}
