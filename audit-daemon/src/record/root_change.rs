//! `priv.chroot` and `priv.pivot_root`: a process changed its root directory, or was to.
//!
//! OWNS: its view.
//! MUST NOT: be confused with what is done to a file: it is the process that is another one afterwards.

use super::Lines;
use super::head::{Head, Kind, Occurring, Outcome};
use super::line::key;
use super::notes::At;
use super::view::{ActorView, Folded, Meta, Text};

#[derive(Debug, Clone, Copy)]
pub struct RootChangeView<'a> {
    pub meta: Meta<'a>,
    pub actor: ActorView<'a>,
    pub system_call: &'static str,
    pub folded: Option<Folded>,
    /// The new root.
    pub path: Text<'a>,
    /// 0 is success.
    pub errno: i32,
}

/// OCSF's number of a system call.
const TYPE_SYSTEM_CALL: u64 = 2;

impl Lines {
    /// Appends one line, without LF.
    pub fn root_change(&mut self, out: &mut Vec<u8>, view: &RootChangeView) {
        self.write(out, |line| {
            let outcome = match view.errno {
                0 => Outcome::Success,
                errno => Outcome::Errno(errno),
            };
            let parts = line.actor_parts();
            let process = view.actor.process;
            let head = Head {
                severity: 2,
                outcome,
                occurring: process.map_or_else(Occurring::default, |p| parts.occurring(p)),
                ..Head::default()
            };
            let kind = match view.system_call {
                "chroot" => &CHROOT,
                _ => &PIVOT_ROOT,
            };
            line.head(kind, &view.meta, &head.folded(view.folded));
            line.actor(&view.actor, parts);
            let at = At::root("kernel");
            line.raw("\"kernel\":{");
            line.string(key!("name"), &at.field("name"), view.system_call.as_bytes());
            line.integer(key!("type_id"), TYPE_SYSTEM_CALL);
            line.path(key!("path"), &at.field("path"), &view.path);
            line.string(
                key!("system_call"),
                &at.field("system_call"),
                view.system_call.as_bytes(),
            );
            line.close();
            line.end(view.actor.session_ip, |_| {});
        });
    }
}

macro_rules! kind {
    ($code:literal) => {
        Kind {
            ids: "\"class_uid\":1003,\"category_uid\":1,\"activity_id\":4,\"type_uid\":100304,",
            code: concat!("\"event_code\":\"", $code, "\""),
            host_profile: false,
            full_device: false,
        }
    };
}

const CHROOT: Kind = kind!("priv.chroot");
const PIVOT_ROOT: Kind = kind!("priv.pivot_root");
