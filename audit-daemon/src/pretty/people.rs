//! Who, and in whose name.
//!
//! OWNS: the who and the last column, and a bounded memory of names and sessions seen in records.
//! MUST NOT: ask the system for a name: the record may be of another host or another year.
//!
//! A record names the real user and the login user, but only numbers the effective one. Its name
//! is taken from earlier records of the same log, and only for processes whose own record has a
//! name too: a process in another user namespace gets none (its uids mean something else there).

use std::collections::HashMap;

use super::fields::{Container, Process, Record, Session};
use super::screen::{push_formatted, push_outside};

/// A host with more users keeps the first ones; others are shown by number.
const NAMES_MAX: usize = 4096;
/// Sessions open at once whose service is remembered; beyond it `session 42` is shown.
const SESSIONS_MAX: usize = 4096;
/// Digits of a container id that people and `docker ps` use.
const CONTAINER_ID_SHORT: usize = 12;
/// The daemon without a login user runs as root unless it says otherwise.
const UID_ROOT: u32 = 0;

#[derive(Default)]
pub(super) struct People {
    names: HashMap<u32, String>,
    /// Session uid → the service that opened it.
    services: HashMap<String, String>,
}

impl People {
    /// Remembers what this record introduces.
    pub(super) fn learn(&mut self, record: &Record<'_>) {
        let process_user = |process: Option<&Process<'_>>| {
            let user = process?.user.as_ref()?;
            self_named(user.uid.as_deref()?, user.name.as_deref()?)
        };
        let login = record.actor.user.as_ref();
        let named = [
            login.and_then(|user| self_named(user.uid.as_deref()?, user.name.as_deref()?)),
            process_user(record.actor.process.as_ref()),
            process_user(record.process.as_ref()),
        ];
        for (uid, name) in named.into_iter().flatten() {
            if self.names.get(&uid).is_some_and(|known| *known == name) {
                continue;
            }
            if self.names.len() < NAMES_MAX || self.names.contains_key(&uid) {
                self.names.insert(uid, name);
            }
        }
        self.learn_session(record);
    }

    fn learn_session(&mut self, record: &Record<'_>) {
        let Some(session) = &record.session else {
            return;
        };
        let Some(uid) = session.uid.as_deref() else {
            return;
        };
        if record.kind() == "login.close" {
            self.services.remove(uid);
        } else if let Some(issuer) = session.issuer.as_deref()
            && self.services.len() < SESSIONS_MAX
        {
            self.services.insert(uid.to_owned(), issuer.to_owned());
        }
    }

    /// `deploy→root`, `deploy`, `-→www-data`; `-` alone is a process of root that nobody's login
    /// stands behind.
    pub(super) fn push_who(&self, record: &Record<'_>, out: &mut String) {
        let login = record.login();
        match login {
            Some(user) => push_outside(out, user.shown()),
            None => out.push('-'),
        }
        let Some(process) = record.subject() else {
            return;
        };
        let real = process
            .user
            .as_ref()
            .and_then(|user| user.uid.as_deref()?.parse().ok());
        let Some(effective) = process.euid.or(real) else {
            return;
        };
        let login_uid = login.and_then(|user| user.uid.as_deref()?.parse::<u32>().ok());
        let same = match login {
            Some(_) => login_uid == Some(effective),
            None => effective == UID_ROOT,
        };
        if !same {
            out.push('→');
            self.push_name(process, effective, out);
        }
    }

    /// The name of a uid as this process sees it, or the number.
    pub(super) fn push_name(&self, process: &Process<'_>, uid: u32, out: &mut String) {
        let own = process.user.as_ref();
        let own_name = own.and_then(|user| user.name.as_deref());
        let own_uid = own.and_then(|user| user.uid.as_deref()?.parse::<u32>().ok());
        match own_name {
            Some(name) if own_uid == Some(uid) => push_outside(out, name),
            Some(_) if uid == UID_ROOT => out.push_str("root"),
            Some(_) => match self.names.get(&uid) {
                Some(name) => push_outside(out, name),
                None => push_formatted(out, format_args!("{uid}")),
            },
            None => push_formatted(out, format_args!("{uid}")),
        }
    }

    /// Container, watches, session; for a process with none of them the program that started it.
    pub(super) fn push_in_whose_name(&self, record: &Record<'_>, verbose: bool, out: &mut String) {
        let is_process = record.kind().starts_with("process.");
        let container = record
            .subject()
            .and_then(|process| process.container.as_ref());
        if let Some(container) = container {
            push_container(container, verbose, out);
        }
        for label in record
            .metadata
            .labels
            .iter()
            .filter(|label| label.starts_with("watch:"))
        {
            start_part(out);
            push_outside(out, label);
        }
        let session = record.actor.session.as_ref().or(record.session.as_ref());
        if let Some(session) = session {
            start_part(out);
            self.push_session(session, record.unmapped.session_ip.as_deref(), verbose, out);
        }
        if out.is_empty() && is_process {
            let own = record.process.as_ref();
            let parent_of_own = own.and_then(|process| process.parent_process.as_deref());
            let actor = record.actor.process.as_ref();
            let starter = if record.kind() == "process.snapshot" {
                None
            } else {
                actor
            };
            if let Some(program) = parent_of_own.or(starter).and_then(Process::program) {
                out.push('(');
                push_outside(out, program);
                out.push(')');
            }
        }
    }

    fn push_session(
        &self,
        session: &Session<'_>,
        address: Option<&str>,
        verbose: bool,
        out: &mut String,
    ) {
        let uid = session.uid.as_deref().unwrap_or("?");
        let known = session.issuer.as_deref();
        let service = known.or_else(|| self.services.get(uid).map(String::as_str));
        let number = uid.rsplit('-').next().unwrap_or(uid);
        match (service, address) {
            (Some(service), _) => push_outside(out, service_word(service)),
            (None, Some(_)) => out.push_str("from"),
            (None, None) => {
                out.push_str("session ");
                push_outside(out, number);
            }
        }
        if let Some(text) = address.or(session.terminal.as_deref()) {
            out.push(' ');
            push_outside(out, text);
        }
        if verbose && (service.is_some() || address.is_some()) {
            out.push_str(" session ");
            push_outside(out, number);
        }
    }
}

fn self_named(uid: &str, name: &str) -> Option<(u32, String)> {
    Some((uid.parse().ok()?, name.to_owned()))
}

/// `ssh` rather than `sshd`: the way in, not the program.
fn service_word(service: &str) -> &str {
    match service {
        "sshd" => "ssh",
        "crond" => "cron",
        other => other,
    }
}

/// `c3f8a1d07be9 api (pod api-7d9f5c-k2x8p)`.
fn push_container(container: &Container<'_>, verbose: bool, out: &mut String) {
    let id = container.uid.as_deref().unwrap_or("?");
    let id_end = id
        .char_indices()
        .nth(CONTAINER_ID_SHORT)
        .map_or(id.len(), |(at, _)| at);
    push_outside(out, if verbose { id } else { &id[..id_end] });
    if let Some(name) = container.name.as_deref() {
        out.push(' ');
        push_outside(out, name);
    }
    let pod = container.tags.iter().find(|tag| &*tag.name == "pod");
    if let Some(pod) = pod.and_then(|tag| tag.value.as_deref()) {
        out.push_str(" (pod ");
        push_outside(out, pod);
        out.push(')');
    }
}

fn start_part(out: &mut String) {
    if !out.is_empty() {
        out.push_str("  ");
    }
}
