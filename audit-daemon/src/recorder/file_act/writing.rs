//! The record of an act.
//!
//! Owns which view it is, and who it names. What the act was about was found out before.

use audit_common::file_act::FileAct;

use super::{
    Acting, Objects, Recorder, calls, details, file, learnt, made, options, result, times,
};
use crate::{
    decode::Tails,
    enrich::users::Name,
    record::{
        FileActView, RootChangeView,
        view::{FileDetails, FileView, Folded, Meta, Text},
    },
    recorder::meta as meta_of,
};

/// How often it was done beside those that have records of their own, and the first of these.
pub type Repeated<'a> = Option<(Folded, Option<&'a str>)>;

/// What a record is made of.
pub struct Writing<'a> {
    pub event: &'a FileAct,
    pub tails: &'a Tails<'a>,
    pub objects: &'a Objects,
    pub acting: &'a Acting,
    pub labels: &'a [String],
    pub folded: Repeated<'a>,
}

/// Of what was folded there is no number of its own, but that of the record that told it first.
fn answering<'a>(meta: Meta<'a>, folded: Repeated<'a>) -> Meta<'a> {
    Meta {
        event: meta.event.filter(|_| folded.is_none()),
        correlation: folded.and_then(|(_, first)| first),
        ..meta
    }
}

impl Recorder {
    pub(super) fn write_any(&mut self, writing: &Writing<'_>) {
        match calls::root_changing(writing.event) {
            Some(_) => self.write_root(writing),
            None => self.write_act(writing),
        }
        self.written();
    }

    fn write_act(&mut self, writing: &Writing<'_>) {
        let Writing {
            event,
            tails,
            objects,
            acting,
            labels,
            folded,
        } = *writing;
        let header = &event.header;
        let owner = calls::new_owner(event);
        let name = owner.and_then(|uid| match self.names.lookup_user(uid) {
            Name::Known(name) => Some(name),
            _ => None,
        });
        let options = options::mount_options(event);
        let made = made::mode(event, &objects.first);
        let changed = made::changed(event, &objects.first);
        let details = FileDetails {
            permissions_source: learnt(made),
            ..details(event, tails, options.as_deref())
        };
        let meta = meta_of(&self.clock, self.next_sequence, labels, header);
        let change = FileDetails {
            modified: times::modified(event, meta.utc_ns, &objects.first),
            permissions_source: learnt(changed),
            owner: owner.map(|uid| (uid, name.as_ref().map(|name| name.as_str()))),
            primary_group: calls::new_group(event),
            ..FileDetails::default()
        };
        let (parent, ancestry) = (acting.parent(), acting.ancestry());
        let process = acting.process(header, self.host.cap_full, parent.as_ref(), &ancestry);
        let file = FileView {
            permissions: made.map(|(mode, _)| mode),
            details: Some(&details),
            ..file(event, &objects.first, objects.source)
        };
        let view = FileActView {
            meta: answering(meta, folded),
            folded: folded.map(|(folded, _)| folded),
            actor: acting.actor(&process, header),
            act: calls::act(event, tails.text.map_or(b"", |text| text.bytes)),
            file,
            result: result(event, objects, &file, changed, &change),
            detail: calls::detail(event),
            errno: event.errno.cast_signed(),
            via: calls::via(event),
        };
        self.lines.file_act(&mut self.out, &view);
    }

    fn write_root(&mut self, writing: &Writing<'_>) {
        let Writing {
            event,
            objects,
            acting,
            labels,
            folded,
            ..
        } = *writing;
        let header = &event.header;
        let (parent, ancestry) = (acting.parent(), acting.ancestry());
        let process = acting.process(header, self.host.cap_full, parent.as_ref(), &ancestry);
        let meta = meta_of(&self.clock, self.next_sequence, labels, header);
        let view = RootChangeView {
            meta: answering(meta, folded),
            folded: folded.map(|(folded, _)| folded),
            actor: acting.actor(&process, header),
            system_call: calls::root_changing(event).unwrap_or("chroot"),
            path: Text {
                source: objects.source,
                ..Text::whole(&objects.first.path)
            },
            errno: event.errno.cast_signed(),
        };
        self.lines.root_change(&mut self.out, &view);
    }
}
