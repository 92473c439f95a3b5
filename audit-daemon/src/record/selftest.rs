//! `daemon.selftest`: acts done on purpose, to see that each hook still sees them.
//!
//! OWNS: its view; a test with failures is one of severity 4.
//! MUST NOT: know how a kind is tested.

use super::Lines;
use super::head::{Head, Kind, Outcome};
use super::limits;
use super::line::{Line, key};
use super::notes::At;
use super::view::Meta;

#[derive(Debug, Clone, Copy)]
pub struct SelftestView<'a> {
    pub meta: Meta<'a>,
    pub duration_ms: u64,
    /// Attach points, and how many of them are in order.
    pub checked: u64,
    pub passed: u64,
    /// Kinds that may not be seen any more.
    pub failed: &'a [&'a str],
    pub hooks: &'a [FailedHook<'a>],
    /// From when the first of the failed was last known to be in order, to now.
    pub span: Option<(i64, i64)>,
}

/// Attach points of one hook that failed in the same way.
#[derive(Debug, Clone, Copy)]
pub struct FailedHook<'a> {
    pub hook: &'a str,
    /// `detached`, `silent`, `unpinned`, `unproven`.
    pub state: &'static str,
    pub points: &'a [String],
    pub since_utc_ns: i64,
}

impl Lines {
    /// Appends one line, without LF.
    pub fn daemon_selftest(&mut self, out: &mut Vec<u8>, view: &SelftestView) {
        let (severity, outcome) = match view.hooks.is_empty() && view.failed.is_empty() {
            true => (1, Outcome::Success),
            false => (4, Outcome::Failure(None)),
        };
        let message = message(view);
        self.write(out, |line| {
            let head = Head {
                severity,
                outcome,
                message: message.as_deref(),
                duration_ms: Some(view.duration_ms),
                span: view.span,
                ..Head::default()
            };
            line.head(&KIND, &view.meta, &head);
            line.raw("\"log_name\":\"audit\",");
            line.end(None, |line| {
                line.raw("\"selftest\":{");
                line.integer(key!("checked"), view.checked);
                line.integer(key!("passed"), view.passed);
                line.kinds(key!("failed"), view.failed);
                line.failed_hooks(view.hooks);
                line.close();
            });
        });
    }
}

fn message(view: &SelftestView) -> Option<String> {
    let (first, more) = (view.hooks.first()?, view.hooks.len() - 1);
    let at = match first.points {
        [] => String::new(),
        [point] => format!(" at {point}"),
        [point, rest @ ..] => format!(" at {point} and {} more", rest.len()),
    };
    let more = match more {
        0 => String::new(),
        1 => "; 1 hook more".to_owned(),
        _ => format!("; {more} hooks more"),
    };
    let (hook, state) = (first.hook, first.state);
    Some(format!("hook {hook} is {state}{at}{more}"))
}

impl Line<'_> {
    fn failed_hooks(&mut self, hooks: &[FailedHook]) {
        if hooks.is_empty() {
            return;
        }
        let unmapped = At::root("unmapped");
        let selftest = unmapped.field("selftest");
        self.raw("\"hooks\":[");
        for (index, failed) in hooks.iter().take(limits::HOOKS_MAX).enumerate() {
            let at = selftest.item("hooks", index);
            self.raw("{");
            self.string(key!("hook"), &at.field("hook"), failed.hook.as_bytes());
            self.word(key!("state"), failed.state);
            self.points(failed.points);
            self.instant(key!("since_dt"), failed.since_utc_ns);
            self.close();
        }
        self.close_list();
    }

    /// Names of attach points, which are ours.
    pub fn points(&mut self, points: &[String]) {
        let points: Vec<&str> = points.iter().map(String::as_str).collect();
        self.kinds(key!("points"), &points);
    }
}

const KIND: Kind = Kind {
    ids: concat!(
        r#""class_uid":1008,"category_uid":1,"activity_id":99,"#,
        r#""activity_name":"Self-test","type_uid":100899,"#
    ),
    code: r#""event_code":"daemon.selftest""#,
    host_profile: false,
    full_device: false,
};
