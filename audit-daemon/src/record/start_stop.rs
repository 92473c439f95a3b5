//! `daemon.start` and `daemon.stop`: the ends between which this log speaks for the host.
//!
//! OWNS: their views and messages.
//! MUST NOT: name an actor for a start: what started the daemon is its parent.

use super::Lines;
use super::head::{Head, Kind};
use super::object::Parts;
use super::view::{ActorView, Meta, ProcessView};

#[derive(Debug, Clone, Copy)]
pub struct StartView<'a> {
    pub meta: Meta<'a>,
    /// The daemon itself, with its command line and parent.
    pub daemon: &'a ProcessView<'a>,
    pub hooks_attached: u64,
}

#[derive(Debug, Clone, Copy)]
pub struct StopView<'a> {
    pub meta: Meta<'a>,
    /// Who sent the signal, if that is known.
    pub actor: ActorView<'a>,
    /// The signal's name, or another cause.
    pub reason: &'a str,
}

impl Lines {
    /// Appends one `daemon.start`, without LF.
    pub fn daemon_start(&mut self, out: &mut Vec<u8>, view: &StartView) {
        let hooks = view.hooks_attached;
        let message = format!(
            "audit-daemon {} started; {hooks} hook{} attached",
            self.fixed.version,
            if hooks == 1 { "" } else { "s" }
        );
        let parts = Parts::REFERENCE.and(Parts::COMMAND).and(Parts::PARENT);
        let actor = ActorView {
            process: Some(view.daemon),
            ..ActorView::default()
        };
        self.write(out, |line| {
            let head = Head {
                severity: 1,
                message: Some(&message),
                occurring: parts.occurring(view.daemon),
                ..Head::default()
            };
            line.head(&START, &view.meta, &head);
            line.actor(&actor, parts);
            line.raw("\"log_name\":\"audit\",");
            line.end(None, |_| {});
        });
    }

    /// Appends one `daemon.stop`, without LF.
    pub fn daemon_stop(&mut self, out: &mut Vec<u8>, view: &StopView) {
        let message = format!("stopping on {}", view.reason);
        self.write(out, |line| {
            let parts = line.actor_parts();
            let occurring = view.actor.process.map(|process| parts.occurring(process));
            let head = Head {
                severity: 2,
                detail: Some(view.reason),
                message: Some(&message),
                occurring: occurring.unwrap_or_default(),
                ..Head::default()
            };
            line.head(&STOP, &view.meta, &head);
            line.actor(&view.actor, parts);
            line.raw("\"log_name\":\"audit\",");
            line.end(view.actor.session_ip, |_| {});
        });
    }
}

const START: Kind = Kind {
    ids: r#""class_uid":1008,"category_uid":1,"activity_id":6,"type_uid":100806,"#,
    code: r#""event_code":"daemon.start""#,
    host_profile: false,
    full_device: true,
};

const STOP: Kind = Kind {
    ids: r#""class_uid":1008,"category_uid":1,"activity_id":7,"type_uid":100807,"#,
    code: r#""event_code":"daemon.stop""#,
    host_profile: false,
    full_device: false,
};
