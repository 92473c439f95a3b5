//! `process.exec`, failed: a program was to be started and was not.
//!
//! OWNS: its view. The kind is that of a successful exec, with status 2 and the errno.
//! MUST NOT: claim a file exists: without an inode it is unknown, or never existed.

use super::Lines;
use super::exec::severity;
use super::head::{Head, Outcome};
use super::view::{ActorView, Folded, Meta, ProcessView};

/// An exec that failed, or several equal ones folded.
#[derive(Debug, Clone, Copy)]
pub struct ExecFailedView<'a> {
    pub meta: Meta<'a>,
    /// The parent of the caller, with the caller's login user and session.
    pub actor: ActorView<'a>,
    /// The caller: its ids and name, but `file` and `command` as asked.
    pub process: ProcessView<'a>,
    /// Positive, or negative as the kernel returns it.
    pub errno: i32,
    /// The first and last of several; `meta.utc_ns` is the first.
    pub folded: Option<Folded>,
}

impl Lines {
    /// Appends one line, without LF.
    pub fn exec_failed(&mut self, out: &mut Vec<u8>, view: &ExecFailedView) {
        self.write(out, |line| {
            let head = Head {
                severity: severity(&view.process),
                outcome: Outcome::Errno(view.errno),
                ..Head::default()
            };
            line.launch(
                &view.meta,
                &view.actor,
                &view.process,
                head.folded(view.folded),
            );
        });
    }
}
