//! `daemon.loss`: events that were seen and are in no record.
//!
//! OWNS: its view, the sum of its ranges, its message.
//! MUST NOT: leave out a range silently; what does not fit is handed back.

use super::Lines;
use super::head::{Head, Kind, Outcome};
use super::limits;
use super::line::{Line, key};
use super::notes::At;
use super::view::{Lane, Meta};

#[derive(Debug, Clone, Copy)]
pub struct LossView<'a> {
    pub meta: Meta<'a>,
    pub lane: Lane,
    pub stage: LossStage,
    pub lost: Lost<'a>,
    /// Between these it happened.
    pub start_utc_ns: i64,
    pub end_utc_ns: i64,
}

/// Where events were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossStage {
    /// The kernel skipped the program.
    Hook,
    /// The ring was full.
    Ring,
    /// The merge of the lanes had no room.
    Order,
    /// The log could not take them.
    Log,
    /// Repeats of an act that is not known.
    Repeat,
}

/// How many, and which if they had numbers.
#[derive(Debug, Clone, Copy)]
pub enum Lost<'a> {
    Count(u64),
    /// Whatever happened in that time; nobody was there to count.
    Unknown,
    /// The same, of what this hook would have seen.
    Blind(&'a str),
    Ranges(&'a [LossRange]),
}

/// Numbers of one CPU, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossRange {
    pub cpu: u32,
    /// Nesting depth, where each counts for itself; shown if not 0.
    pub strand: u8,
    pub first: u64,
    pub last: u64,
}

impl LossRange {
    fn count(&self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

impl Lines {
    /// Appends one line, without LF, and returns the ranges that found no room in it: they belong
    /// into a record of their own.
    pub fn daemon_loss<'a>(&mut self, out: &mut Vec<u8>, view: &LossView<'a>) -> &'a [LossRange] {
        let (told, rest): (&[LossRange], &[LossRange]) = match view.lost {
            Lost::Count(_) | Lost::Unknown | Lost::Blind(_) => (&[], &[]),
            Lost::Ranges(all) => all.split_at(all.len().min(limits::LOSS_RANGES_MAX)),
        };
        let count = match view.lost {
            Lost::Count(count) => Some(count),
            Lost::Unknown | Lost::Blind(_) => None,
            Lost::Ranges(_) => Some(told.iter().fold(0, |sum, r| r.count().saturating_add(sum))),
        };
        let lane = view.lane.name();
        let message = match count {
            None if let Lost::Blind(hook) = view.lost => {
                format!("{lane} events may not have been seen: hook {hook} was not in order")
            }
            None => format!("{lane} events were not seen: the daemon was not there"),
            // A run is skipped without a look at what it would have found.
            Some(count) if view.stage == LossStage::Hook => {
                format!("up to {count} events lost: {lane} hook skipped by the kernel")
            }
            Some(1) => format!("1 event lost: {lane} {}", cause(view.stage)),
            Some(count) => format!("{count} events lost: {lane} {}", cause(view.stage)),
        };
        self.write(out, |line| {
            let head = Head {
                severity: if view.lane == Lane::Critical { 4 } else { 3 },
                outcome: Outcome::Failure(None),
                message: Some(&message),
                count,
                span: Some((view.start_utc_ns, view.end_utc_ns)),
                ..Head::default()
            };
            line.head(&KIND, &view.meta, &head);
            if count.is_none() {
                line.notes.unknown(&At::root("count"));
            }
            line.end(None, |line| line.loss(view.lane, view.stage, told));
        });
        rest
    }
}

const KIND: Kind = Kind {
    ids: r#""class_uid":6008,"category_uid":6,"activity_id":1,"type_uid":600801,"#,
    code: r#""event_code":"daemon.loss""#,
    host_profile: true,
    full_device: false,
};

fn cause(stage: LossStage) -> &'static str {
    match stage {
        LossStage::Hook => "hook skipped by the kernel",
        LossStage::Ring => "ring full",
        LossStage::Order => "order queue full",
        LossStage::Log => "log not writable",
        LossStage::Repeat => "repeats of what is not known",
    }
}

impl Line<'_> {
    fn loss(&mut self, lane: Lane, stage: LossStage, ranges: &[LossRange]) {
        self.raw("\"loss\":{");
        self.word(key!("lane"), lane.name());
        let stage = match stage {
            LossStage::Hook => "hook",
            LossStage::Ring => "ring",
            LossStage::Order => "order",
            LossStage::Log => "log",
            LossStage::Repeat => "repeat",
        };
        self.word(key!("stage"), stage);
        if !ranges.is_empty() {
            self.raw("\"ranges\":[");
            for range in ranges {
                self.raw("{");
                self.integer(key!("cpu"), u64::from(range.cpu));
                if range.strand > 0 {
                    self.integer(key!("strand"), u64::from(range.strand));
                }
                self.integer(key!("first"), range.first);
                self.integer(key!("last"), range.last);
                self.close();
            }
            self.close_list();
        }
        self.close();
    }
}
