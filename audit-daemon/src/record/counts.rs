//! `daemon.counts`: what became of every event since the last one.
//!
//! OWNS: its view, and the sums as the log shows them. Intentional filtering is here and only here.
//! MUST NOT: correct a sum that does not come out; a reader must see it.

use super::Lines;
use super::head::{Head, Kind};
use super::limits;
use super::line::{Line, key};
use super::text;
use super::view::Meta;

#[derive(Debug, Clone, Copy)]
pub struct CountsView<'a> {
    pub meta: Meta<'a>,
    pub start_utc_ns: i64,
    pub end_utc_ns: i64,
    pub critical: LaneCounts<'a>,
    pub bulk: LaneCounts<'a>,
}

/// Kernel: seen = filtered + submitted + lost. Daemon: submitted = recorded + folded + left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct LaneCounts<'a> {
    pub seen: u64,
    /// By reason, in any order; equal reasons are added.
    pub filtered: &'a [(&'a str, u64)],
    pub submitted: u64,
    pub lost: u64,
    pub recorded: u64,
    pub folded: u64,
    pub left_out: &'a [(&'a str, u64)],
}

impl Lines {
    /// Appends one line, without LF.
    pub fn daemon_counts(&mut self, out: &mut Vec<u8>, view: &CountsView) {
        self.write(out, |line| {
            let span = Some((view.start_utc_ns, view.end_utc_ns));
            line.head(
                &KIND,
                &view.meta,
                &Head {
                    severity: 1,
                    span,
                    ..Head::default()
                },
            );
            line.raw("\"log_name\":\"audit\",");
            line.end(None, |line| {
                line.raw("\"counts\":{");
                line.lane_counts(key!("critical"), &view.critical);
                line.lane_counts(key!("bulk"), &view.bulk);
                line.close();
            });
        });
    }
}

const KIND: Kind = Kind {
    ids: concat!(
        r#""class_uid":1008,"category_uid":1,"activity_id":99,"#,
        r#""activity_name":"Count","type_uid":100899,"#
    ),
    code: r#""event_code":"daemon.counts""#,
    host_profile: false,
    full_device: false,
};

/// Takes up what has no room of its own, so that sums stay exact.
const OTHER: &str = "other";

impl Line<'_> {
    fn lane_counts(&mut self, key: &'static str, lane: &LaneCounts) {
        self.raw(key);
        self.raw("{");
        self.integer(key!("seen"), lane.seen);
        self.reasons(key!("filtered"), lane.filtered);
        self.integer(key!("submitted"), lane.submitted);
        self.integer(key!("lost"), lane.lost);
        self.integer(key!("recorded"), lane.recorded);
        self.integer(key!("folded"), lane.folded);
        self.reasons(key!("left_out"), lane.left_out);
        self.close();
    }

    fn reasons(&mut self, key: &'static str, counts: &[(&str, u64)]) {
        let counts = bounded(counts);
        if counts.is_empty() {
            return;
        }
        self.raw(key);
        self.raw("{");
        for (reason, count) in counts {
            self.out.push(b'"');
            text::push_str(self.out, reason);
            self.raw("\":");
            self.integer("", count);
        }
        self.close();
    }
}

/// Sorted by the bytes of the reasons, each once, within the bound of one map. Rare, so it may
/// allocate.
fn bounded<'a>(counts: &[(&'a str, u64)]) -> Vec<(&'a str, u64)> {
    let mut sums = std::collections::BTreeMap::<&str, u64>::new();
    let mut size = 0;
    for &(reason, count) in counts {
        // Escaping turns one byte into at most six; quotes, colon, digits and comma come to 24.
        let size_max = 6 * reason.len() + 24;
        let fits = sums.contains_key(reason) || size + size_max <= limits::REASONS_BYTES_MAX;
        let reason = if fits { reason } else { OTHER };
        if !sums.contains_key(reason) {
            size += size_max;
        }
        let sum = sums.entry(reason).or_default();
        *sum = sum.saturating_add(count);
    }
    sums.into_iter().collect()
}
