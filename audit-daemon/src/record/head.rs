//! The members that every record begins with, up to `device`, and its end.
//!
//! OWNS: time, class, severity, status, `metadata`, `device`, and the place of `unmapped`.
//! MUST NOT: know what a kind writes between `device` and `unmapped`.

use super::decimal;
use super::limits;
use super::line::{Fit, Line, key};
use super::names::{self, Code};
use super::notes::At;
use super::time;
use super::view::{Folded, Lane, Meta, Text, Via};

/// What is constant in a kind.
#[derive(Debug)]
pub struct Kind {
    /// `"class_uid":…,` up to and with `"type_uid":…,`
    pub ids: &'static str,
    /// `"event_code":"…"`
    pub code: &'static str,
    /// The profile `host` gives this class its `device` or `actor`.
    pub host_profile: bool,
    /// Written with the full device and the product's version.
    pub full_device: bool,
}

/// Profiles that depend on what occurs in the record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Occurring {
    pub container: bool,
    pub users: bool,
}

/// How it ended.
#[derive(Debug, Clone, Copy, Default)]
pub enum Outcome<'a> {
    #[default]
    Success,
    /// Nothing told it.
    Unknown,
    /// Not over; another record will tell it.
    Pending(i32),
    /// Failed with an errno.
    Errno(i32),
    /// Failed, or counted as a failure, with another code or none.
    Failure(Option<Code<'a>>),
}

/// What stands before `metadata`. Absent members are `None`.
#[derive(Debug, Default)]
pub struct Head<'a> {
    pub severity: u8,
    pub outcome: Outcome<'a>,
    pub detail: Option<&'a str>,
    pub message: Option<&'a str>,
    pub count: Option<u64>,
    pub duration_ms: Option<u64>,
    /// `start_time` and `end_time`.
    pub span: Option<(i64, i64)>,
    pub occurring: Occurring,
}

impl Outcome<'_> {
    /// Of a call: 0 is success.
    pub fn of(errno: i32, via: Via) -> Self {
        match (via, errno) {
            (Via::RingWithoutResult, _) => Outcome::Unknown,
            (_, 0) => Outcome::Success,
            (_, errno) => Outcome::Errno(errno),
        }
    }
}

impl Head<'_> {
    pub fn folded(mut self, folded: Option<Folded>) -> Self {
        if let Some(folded) = folded {
            self.count = Some(folded.count);
            self.span = Some((folded.first_utc_ns, folded.last_utc_ns));
        }
        self
    }
}

/// A refused act is never less than this.
const REFUSED_SEVERITY_MIN: u8 = 2;

impl Line<'_> {
    /// Begins the record.
    pub fn head(&mut self, kind: &Kind, meta: &Meta, head: &Head) {
        self.raw("{\"time\":");
        self.push_signed(time::milliseconds(meta.utc_ns));
        self.raw(",\"time_dt\":\"");
        self.clock.push(self.out, meta.utc_ns);
        self.raw("\",");
        self.raw(kind.ids);
        let (status, code) = match head.outcome {
            Outcome::Success => ("\"status_id\":1,", None),
            Outcome::Unknown => ("\"status_id\":0,", None),
            Outcome::Pending(number) => (
                "\"status_id\":99,\"status\":\"Pending\",",
                Some(names::errno(number)),
            ),
            Outcome::Errno(number) => ("\"status_id\":2,", Some(names::errno(number))),
            Outcome::Failure(code) => ("\"status_id\":2,", code),
        };
        let severity = match head.outcome {
            Outcome::Errno(number) if names::is_refusal(number) => {
                head.severity.max(REFUSED_SEVERITY_MIN)
            }
            _ => head.severity,
        };
        self.integer(key!("severity_id"), u64::from(severity));
        self.raw(status);
        if let Outcome::Unknown = head.outcome {
            self.notes.unknown(&At::root("status_id"));
        }
        if let Some(code) = code {
            self.code(key!("status_code"), code);
        }
        self.said(key!("status_detail"), "status_detail", head.detail);
        self.said(key!("message"), "message", head.message);
        if let Some(count) = head.count {
            self.integer(key!("count"), count);
        }
        if let Some(duration) = head.duration_ms {
            self.integer(key!("duration"), duration);
        }
        if let Some((start, end)) = head.span {
            self.signed(key!("start_time"), time::milliseconds(start));
            self.instant(key!("start_time_dt"), start);
            self.signed(key!("end_time"), time::milliseconds(end));
            self.instant(key!("end_time_dt"), end);
        }
        self.metadata(kind, meta, head.occurring);
        let fixed = self.fixed;
        self.raw(if kind.full_device {
            &fixed.device_full
        } else {
            &fixed.device
        });
    }

    /// Ends the record: `unmapped`, if there is anything to say in it. `extra` writes the keys
    /// that stand behind `masked`.
    pub fn end(&mut self, session_ip: Option<&str>, extra: impl FnOnce(&mut Self)) {
        let start = self.out.len();
        self.raw("\"unmapped\":{");
        let empty = self.out.len();
        if let Some(address) = session_ip {
            let at = At::root("unmapped");
            self.string(
                key!("session_ip"),
                &at.field("session_ip"),
                address.as_bytes(),
            );
        }
        self.notes.write(self.out);
        extra(self);
        if self.out.len() == empty {
            self.out.truncate(start);
        } else {
            self.close();
        }
        self.close();
        self.out.pop();
        if self.notes.any_truncated() {
            let place = self.truncated_at..self.truncated_at;
            self.out.splice(place, *b",\"is_truncated\":true");
        }
    }

    /// Says which way was taken, if it was no system call.
    pub fn via(&mut self, via: Via) {
        match via {
            Via::Call => {}
            Via::Ring | Via::RingWithoutResult => self.word(key!("via"), "io_uring"),
            Via::Received => self.word(key!("via"), "descriptor_received"),
        }
    }

    /// What the daemon itself says; an empty text is no text.
    fn said(&mut self, key: &'static str, name: &'static str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let text = Text::whole(text.as_bytes());
            self.text(key, &At::root(name), &text, limits::SAID_BYTES_MAX);
        }
    }

    fn metadata(&mut self, kind: &Kind, meta: &Meta, occurring: Occurring) {
        let fixed = self.fixed;
        self.raw(if kind.full_device {
            &fixed.metadata_full
        } else {
            &fixed.metadata
        });
        self.raw(match (occurring.container, kind.host_profile) {
            (false, false) => "\"datetime\"",
            (false, true) => "\"datetime\",\"host\"",
            (true, false) => "\"container\",\"datetime\"",
            (true, true) => "\"container\",\"datetime\",\"host\"",
        });
        self.raw(if occurring.users {
            ",\"linux/linux_users\"],"
        } else {
            "],"
        });
        self.raw(kind.code);
        self.raw(",\"uid\":\"");
        self.raw(&fixed.log_id);
        self.raw(".");
        let sequence = meta.sequence.min(limits::INTEGER_MAX);
        let digits = self.out.len();
        decimal::push_integer(self.out, sequence);
        let digits = digits..self.out.len();
        self.raw("\",\"sequence\":");
        self.out.extend_from_within(digits);
        self.raw(",");
        if let Some(event) = meta.event {
            self.raw("\"original_event_uid\":\"");
            self.raw(if event.lane == Lane::Critical {
                "c"
            } else {
                "b"
            });
            decimal::push_integer(self.out, u64::from(event.cpu));
            if event.strand > 0 {
                self.raw(".");
                decimal::push_integer(self.out, u64::from(event.strand));
            }
            self.raw(":");
            decimal::push_integer(self.out, event.number);
            self.raw("\",");
        }
        let at = At::root("metadata");
        if let Some(uid) = meta.correlation {
            self.string(
                key!("correlation_uid"),
                &at.field("correlation_uid"),
                uid.as_bytes(),
            );
        }
        // Before the comma, which may yet become a brace.
        self.truncated_at = self.out.len() - 1;
        self.labels(&at, meta.labels);
        self.close();
    }

    fn labels(&mut self, metadata: &At, labels: &[String]) {
        if labels.is_empty() {
            return;
        }
        self.raw("\"labels\":[");
        let start = self.out.len();
        for (index, label) in labels.iter().enumerate() {
            // Escaping turns one byte into at most six. The first label always has room.
            let size_max = 6 * label.len().min(limits::STRING_BYTES_MAX) + 3;
            let full = self.out.len() - start + size_max > limits::SHORT_LABELS_BYTES;
            if full && self.fit == Fit::ShortPaths {
                let all = labels.iter().map(|label| label.len() as u64).sum();
                self.notes.truncated(&metadata.field("labels"), all);
                break;
            }
            self.string("", &metadata.item("labels", index), label.as_bytes());
        }
        self.close_list();
    }
}
