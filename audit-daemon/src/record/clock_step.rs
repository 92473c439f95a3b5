//! `daemon.clock_step`: the wall clock moved against the boot clock.
//!
//! OWNS: its view and message. The step is the difference of the two times, cut to milliseconds.
//! MUST NOT: name who did it; a `priv.clock_set` does.

use super::Lines;
use super::head::{Head, Kind};
use super::line::key;
use super::view::Meta;

#[derive(Debug, Clone, Copy)]
pub struct ClockStepView<'a> {
    pub meta: Meta<'a>,
    /// What the wall clock would have shown without the step.
    pub from_utc_ns: i64,
    /// What it showed.
    pub to_utc_ns: i64,
}

impl Lines {
    /// Appends one line, without LF.
    pub fn daemon_clock_step(&mut self, out: &mut Vec<u8>, view: &ClockStepView) {
        let step_ms = view.to_utc_ns.saturating_sub(view.from_utc_ns) / MILLISECOND_NS;
        let message = format!("wall clock moved by {step_ms} ms against the boot clock");
        self.write(out, |line| {
            let message = Some(message.as_str());
            line.head(
                &KIND,
                &view.meta,
                &Head {
                    severity: 2,
                    message,
                    ..Head::default()
                },
            );
            line.end(None, |line| {
                line.raw("\"clock\":{");
                line.instant(key!("from"), view.from_utc_ns);
                line.instant(key!("to"), view.to_utc_ns);
                line.signed(key!("step_ms"), step_ms);
                line.close();
            });
        });
    }
}

const MILLISECOND_NS: i64 = 1_000_000;

const KIND: Kind = Kind {
    ids: r#""class_uid":5019,"category_uid":5,"activity_id":1,"type_uid":501901,"#,
    code: r#""event_code":"daemon.clock_step""#,
    host_profile: false,
    full_device: false,
};
