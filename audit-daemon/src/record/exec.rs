//! `process.exec`: a program was started.
//!
//! OWNS: its view, its severity, and the body it shares with a failed exec.
//! MUST NOT: judge what was started; only how (gain, fileless, preload) raises the severity.

use super::Lines;
use super::head::{Head, Kind};
use super::line::{Line, key};
use super::notes::At;
use super::object::Parts;
use super::view::{ActorView, Meta, ProcessView};

/// An exec that succeeded.
#[derive(Debug, Clone, Copy)]
pub struct ExecView<'a> {
    pub meta: Meta<'a>,
    /// The parent, with the login user and session of the process.
    pub actor: ActorView<'a>,
    /// The process as it is after the exec.
    pub process: ProcessView<'a>,
}

impl Lines {
    /// Appends one line, without LF.
    pub fn exec(&mut self, out: &mut Vec<u8>, view: &ExecView) {
        self.write(out, |line| {
            let head = Head {
                severity: severity(&view.process),
                ..Head::default()
            };
            line.launch(&view.meta, &view.actor, &view.process, head);
        });
    }
}

/// `launch_type_id`: the process itself changes into another program.
const LAUNCH_EXEC: u64 = 3;

const KIND: Kind = Kind {
    ids: r#""class_uid":1007,"category_uid":1,"activity_id":1,"type_uid":100701,"#,
    code: r#""event_code":"process.exec""#,
    host_profile: false,
    full_device: false,
};

impl Line<'_> {
    /// An exec, whatever came of it.
    pub(super) fn launch(
        &mut self,
        meta: &Meta,
        actor: &ActorView,
        process: &ProcessView,
        head: Head,
    ) {
        let occurring = Parts::INTRODUCED.occurring(process);
        self.head(&KIND, meta, &Head { occurring, ..head });
        self.actor(actor, Parts::PATH);
        self.process(
            key!("process"),
            &At::root("process"),
            process,
            Parts::INTRODUCED,
        );
        self.integer(key!("launch_type_id"), LAUNCH_EXEC);
        self.end(actor.session_ip, |_| {});
    }
}

/// 3 without a file on disk, 2 with more privileges or with the dynamic linker told what to load.
pub(super) fn severity(process: &ProcessView) -> u8 {
    if process.exec.fileless.is_some() {
        3
    } else if process.exec.gain.any()
        || process
            .environment
            .iter()
            .any(|variable| variable.name.starts_with(b"LD_"))
    {
        2
    } else {
        1
    }
}
