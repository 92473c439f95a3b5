//! `daemon.selftest`: acts done on purpose, to see that each hook still sees them.
//!
//! OWNS: its view; a test with failures is one of severity 4.
//! MUST NOT: know how a kind is tested.

use super::Lines;
use super::head::{Head, Kind, Outcome};
use super::line::key;
use super::view::Meta;

#[derive(Debug, Clone, Copy)]
pub struct SelftestView<'a> {
    pub meta: Meta<'a>,
    pub duration_ms: u64,
    pub checked: u64,
    /// Kinds whose act was not seen.
    pub failed: &'a [&'a str],
}

impl Lines {
    /// Appends one line, without LF.
    pub fn daemon_selftest(&mut self, out: &mut Vec<u8>, view: &SelftestView) {
        let (severity, outcome) = if view.failed.is_empty() {
            (1, Outcome::Success)
        } else {
            (4, Outcome::Failure(None))
        };
        self.write(out, |line| {
            let duration_ms = Some(view.duration_ms);
            let head = Head {
                severity,
                outcome,
                duration_ms,
                ..Head::default()
            };
            line.head(&KIND, &view.meta, &head);
            line.raw("\"log_name\":\"audit\",");
            line.end(None, |line| {
                let passed = view.checked.saturating_sub(view.failed.len() as u64);
                line.raw("\"selftest\":{");
                line.integer(key!("checked"), view.checked);
                line.integer(key!("passed"), passed);
                line.kinds(key!("failed"), view.failed);
                line.close();
            });
        });
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
