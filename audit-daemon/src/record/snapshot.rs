//! `process.snapshot`: a process that ran before the daemon did.
//!
//! OWNS: its view. All of it was read from /proc, and the record says so.
//! MUST NOT: raise the severity: nothing happened.

use super::Lines;
use super::head::{Head, Kind};
use super::line::key;
use super::notes::At;
use super::object::Parts;
use super::view::{ActorView, Meta, ProcessView, Source};

#[derive(Debug, Clone, Copy)]
pub struct SnapshotView<'a> {
    pub meta: Meta<'a>,
    /// The daemon itself.
    pub daemon: &'a ProcessView<'a>,
    /// With its parent.
    pub process: ProcessView<'a>,
}

impl Lines {
    /// Appends one line, without LF.
    pub fn snapshot(&mut self, out: &mut Vec<u8>, view: &SnapshotView) {
        let parts = Parts::INTRODUCED.and(Parts::PARENT);
        let actor = ActorView {
            process: Some(view.daemon),
            ..ActorView::default()
        };
        self.write(out, |line| {
            let occurring = parts.occurring(&view.process);
            let head = Head {
                severity: 1,
                occurring,
                ..Head::default()
            };
            line.head(&KIND, &view.meta, &head);
            line.actor(&actor, Parts::ID);
            let at = At::root("process");
            line.process(key!("process"), &at, &view.process, parts);
            line.notes.source(&at, Source::Proc);
            line.end(None, |_| {});
        });
    }
}

const KIND: Kind = Kind {
    ids: concat!(
        r#""class_uid":1007,"category_uid":1,"activity_id":99,"#,
        r#""activity_name":"Snapshot","type_uid":100799,"#
    ),
    code: r#""event_code":"process.snapshot""#,
    host_profile: false,
    full_device: false,
};
