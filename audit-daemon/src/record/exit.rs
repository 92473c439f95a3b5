//! `process.exit`: a process ended, by itself or by a signal.
//!
//! OWNS: its view, and how an ending becomes a status.
//! MUST NOT: call an exit code a failure; what it means only the program knows.

use super::Lines;
use super::head::{Head, Kind, Outcome};
use super::line::key;
use super::names;
use super::notes::At;
use super::object::Parts;
use super::view::{ActorView, Meta, ProcessView};

#[derive(Debug, Clone, Copy)]
pub struct ExitView<'a> {
    pub meta: Meta<'a>,
    /// Login user and session; the acting process is `process` itself.
    pub actor: ActorView<'a>,
    pub process: ProcessView<'a>,
    pub exited: Exited,
    /// From the start of the process; none if that is not known.
    pub lifetime_ns: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exited {
    Code(u8),
    Signal { number: u32, core_dumped: bool },
}

impl Exited {
    /// From the kernel's status of a task: code in the second byte, signal in the lower seven bits
    /// of the first, its highest bit for a core dump.
    pub fn from_wait_status(status: u32) -> Self {
        match status & 0x7f {
            0 => Exited::Code((status >> 8) as u8),
            number => Exited::Signal {
                number,
                core_dumped: status & 0x80 != 0,
            },
        }
    }
}

impl Lines {
    /// Appends one line, without LF.
    pub fn exit(&mut self, out: &mut Vec<u8>, view: &ExitView) {
        let (code, outcome, detail) = match view.exited {
            Exited::Code(code) => (u64::from(code), Outcome::Success, None),
            Exited::Signal {
                number,
                core_dumped,
            } => (
                SIGNAL_BASE + u64::from(number),
                Outcome::Failure(Some(names::signal(number))),
                core_dumped.then_some("core dumped"),
            ),
        };
        self.write(out, |line| {
            let duration_ms = view.lifetime_ns.map(|ns| ns / MILLISECOND_NS);
            if duration_ms.is_none() {
                line.notes.unknown(&At::root("duration"));
            }
            let head = Head {
                severity: 1,
                outcome,
                detail,
                duration_ms,
                ..Head::default()
            };
            line.head(&KIND, &view.meta, &head);
            line.reflexive_actor(&view.actor, view.process.id.pid);
            let parts = Parts::NAME.and(Parts::PATH);
            line.process(key!("process"), &At::root("process"), &view.process, parts);
            line.integer(key!("exit_code"), code);
            line.end(view.actor.session_ip, |_| {});
        });
    }
}

/// Shells add it to a signal's number.
const SIGNAL_BASE: u64 = 128;

const MILLISECOND_NS: u64 = 1_000_000;

const KIND: Kind = Kind {
    ids: r#""class_uid":1007,"category_uid":1,"activity_id":2,"type_uid":100702,"#,
    code: r#""event_code":"process.exit""#,
    host_profile: false,
    full_device: false,
};
