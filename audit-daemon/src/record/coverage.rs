//! `daemon.coverage`: a hook is not attached, or is again.
//!
//! OWNS: its view and message.
//! MUST NOT: know the hook table.

use super::Lines;
use super::head::{Head, Kind, Outcome};
use super::line::{Line, key};
use super::notes::At;
use super::view::Meta;

#[derive(Debug, Clone, Copy)]
pub struct CoverageView<'a> {
    pub meta: Meta<'a>,
    pub hook: &'a str,
    pub state: CoverageState<'a>,
    /// What is not, or less well, seen.
    pub kinds: &'a [&'a str],
    /// Attach points, where it is not all of them.
    pub points: &'a [String],
    /// While it was so.
    pub span: Option<(i64, i64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CoverageState<'a> {
    Missing {
        errno: i32,
    },
    /// Something else does its work, less well.
    Fallback {
        errno: i32,
        to: &'a str,
    },
    Restored,
    /// It saw all the time, and stays attached after the daemon again.
    PinnedAgain,
}

impl Lines {
    /// Appends one line, without LF.
    pub fn daemon_coverage(&mut self, out: &mut Vec<u8>, view: &CoverageView) {
        let message = message(view);
        let (severity, outcome) = match view.state {
            CoverageState::Missing { errno } | CoverageState::Fallback { errno, .. } => {
                (3, Outcome::Errno(errno))
            }
            CoverageState::Restored | CoverageState::PinnedAgain => (1, Outcome::Success),
        };
        self.write(out, |line| {
            let message = Some(message.as_str());
            line.head(
                &KIND,
                &view.meta,
                &Head {
                    severity,
                    outcome,
                    message,
                    span: view.span,
                    ..Head::default()
                },
            );
            line.end(None, |line| line.coverage(view));
        });
    }
}

const KIND: Kind = Kind {
    ids: r#""class_uid":6008,"category_uid":6,"activity_id":1,"type_uid":600801,"#,
    code: r#""event_code":"daemon.coverage""#,
    host_profile: true,
    full_device: false,
};

fn message(view: &CoverageView) -> String {
    let (hook, kinds, several) = (view.hook, view.kinds.join(", "), view.kinds.len() != 1);
    match view.state {
        CoverageState::Restored => format!("hook {hook} is available again"),
        CoverageState::PinnedAgain => format!("hook {hook} is pinned again; it has not been blind"),
        _ if view.kinds.is_empty() => format!("hook {hook} is not available"),
        CoverageState::Missing { .. } => {
            let verb = if several { "are" } else { "is" };
            format!("hook {hook} is not available; {kinds} {verb} not fully seen")
        }
        CoverageState::Fallback { .. } => {
            let verb = if several { "use their" } else { "uses its" };
            format!("hook {hook} is not available; {kinds} {verb} fallback")
        }
    }
}

impl Line<'_> {
    fn coverage(&mut self, view: &CoverageView) {
        let unmapped = At::root("unmapped");
        let at = unmapped.field("coverage");
        self.raw("\"coverage\":{");
        self.string(key!("hook"), &at.field("hook"), view.hook.as_bytes());
        match view.state {
            CoverageState::Missing { .. } => self.word(key!("state"), "missing"),
            CoverageState::Restored | CoverageState::PinnedAgain => {
                self.word(key!("state"), "restored");
            }
            CoverageState::Fallback { to, .. } => {
                self.word(key!("state"), "fallback");
                self.string(key!("fallback"), &at.field("fallback"), to.as_bytes());
            }
        }
        self.points(view.points);
        self.kinds(key!("kinds"), view.kinds);
        self.close();
    }
}
