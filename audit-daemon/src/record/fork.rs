//! `process.fork`: a process came to be as a copy of its parent.
//!
//! OWNS: its view.
//! MUST NOT: repeat what the child has from its parent.

use super::Lines;
use super::head::{Head, Kind};
use super::line::key;
use super::notes::At;
use super::object::Parts;
use super::view::{ActorView, Meta, ProcessView};

#[derive(Debug, Clone, Copy)]
pub struct ForkView<'a> {
    pub meta: Meta<'a>,
    /// The parent, with its login user and session.
    pub actor: ActorView<'a>,
    pub child: ProcessView<'a>,
}

impl Lines {
    /// Appends one line, without LF.
    pub fn fork(&mut self, out: &mut Vec<u8>, view: &ForkView) {
        self.write(out, |line| {
            line.head(
                &KIND,
                &view.meta,
                &Head {
                    severity: 1,
                    ..Head::default()
                },
            );
            line.actor(&view.actor, Parts::PATH);
            line.process(
                key!("process"),
                &At::root("process"),
                &view.child,
                Parts::NAME,
            );
            line.integer(key!("launch_type_id"), LAUNCH_FORK);
            line.end(view.actor.session_ip, |_| {});
        });
    }
}

const LAUNCH_FORK: u64 = 2;

const KIND: Kind = Kind {
    ids: r#""class_uid":1007,"category_uid":1,"activity_id":1,"type_uid":100701,"#,
    code: r#""event_code":"process.fork""#,
    host_profile: false,
    full_device: false,
};
