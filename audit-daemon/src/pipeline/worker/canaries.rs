//! Events of canaries: into the tables like any other, into no record.
//!
//! Owns how many there were, for the sums. Whose events they are is the witness's to say.

use audit_common::Lane;

use super::Worker;
use crate::{accounts::Fate, decode::Event, recorder::LaneTotals};

/// Left out since the last record of counts, by lane.
#[derive(Default)]
pub struct Canaries {
    left_out: [u64; Lane::COUNT],
}

impl Canaries {
    /// Gives what was left out because of canaries its own name.
    pub fn tell(&mut self, totals: &mut [LaneTotals; Lane::COUNT]) {
        for (waiting, total) in self.left_out.iter_mut().zip(totals) {
            let Some((_, count)) = total.left_out.first_mut() else {
                continue;
            };
            // What the sums do not hold yet they hold the next time.
            let taken = (*waiting).min(*count);
            *count -= taken;
            *waiting -= taken;
            total.left_out.push(("canary".into(), taken));
            total.left_out.retain(|(_, count)| *count > 0);
        }
    }
}

impl Worker {
    /// What becomes of a canary's own event; `None`: it is nobody's canary.
    pub(super) fn canary(&mut self, event: &Event<'_>) -> Option<Fate> {
        if !self.shared.canary.witness.saw(event) {
            return None;
        }
        match event {
            Event::Exec(event, tails) => self.recorder.exec(event, tails, false),
            Event::Fork(event) => self.recorder.fork(event, false),
            Event::Exit(event) => {
                self.recorder.exit(event, false);
            }
            Event::CgroupCreated(..) | Event::CgroupRemoved(..) => {
                self.cgroup(event);
            }
            _ => {}
        }
        let lane = Lane::from_number(event.header().lane).unwrap_or(Lane::Bulk);
        self.canaries.left_out[lane as usize] += 1;
        Some(Fate::LeftOut)
    }
}
