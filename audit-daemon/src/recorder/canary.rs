//! Records of what the canary found: hooks that do not see, and those that see again.
//!
//! Owns what is said of them: the kinds that are concerned, and the loss in between. Must not know how it
//! was found.

use std::collections::VecDeque;

use audit_common::Lane;

use super::Recorder;
use crate::{
    canary::{Cause, Failed, Said},
    hooks::{self, HookRow},
    record::{CoverageState, CoverageView, FailedHook, LossStage, Lost, SelftestView},
};

impl Recorder {
    pub fn canary_said(&mut self, said: VecDeque<Said>) {
        for one in said {
            match one {
                Said::Found {
                    at_ns,
                    duration_ms,
                    checked,
                    failed,
                } => self.hooks_failed(at_ns, duration_ms, checked, &failed),
                Said::Restored { at_ns, failed } => self.hook_restored(at_ns, &failed),
                Said::Missing {
                    at_ns,
                    failed,
                    errno,
                } => {
                    let state = CoverageState::Missing { errno };
                    self.hook_is(at_ns, &failed, state, None);
                }
            }
        }
    }

    fn hooks_failed(&mut self, at_ns: u64, duration_ms: u64, checked: u64, failed: &[Failed]) {
        let now = self.utc(at_ns);
        let mut kinds: Vec<&str> = Vec::new();
        let mut points = 0;
        for one in failed {
            let row = hooks::row(one.hook);
            points += row.map_or(0, |_| one.points.len() as u64);
            let concerned = row
                .filter(|_| one.cause.is_blind())
                .map_or(Vec::new(), kinds_of);
            kinds.extend(concerned);
        }
        kinds.sort_unstable();
        kinds.dedup();
        let hooks: Vec<FailedHook<'_>> = failed
            .iter()
            .map(|one| FailedHook {
                hook: one.hook,
                state: one.cause.word(),
                points: &one.points,
                since_utc_ns: self.utc(one.since_ns),
            })
            .collect();
        let since = hooks.iter().map(|hook| hook.since_utc_ns).min();
        self.write(now, |lines, out, meta| {
            let view = SelftestView {
                meta,
                duration_ms,
                checked,
                passed: checked.saturating_sub(points),
                failed: &kinds,
                hooks: &hooks,
                span: since.map(|since| (since, now)),
            };
            lines.daemon_selftest(out, &view);
        });
    }

    /// What it did not see in between is a loss that nobody can count.
    fn hook_restored(&mut self, at_ns: u64, failed: &Failed) {
        let span = Some((self.utc(failed.since_ns), self.utc(at_ns)));
        let state = match failed.cause {
            Cause::Unpinned => CoverageState::PinnedAgain,
            _ => CoverageState::Restored,
        };
        self.hook_is(at_ns, failed, state, span);
        let row = hooks::row(failed.hook).filter(|_| failed.cause.is_blind());
        if let Some(lane) = row.and_then(lane_of) {
            let lost = Lost::Blind(failed.hook);
            self.lost(lane, LossStage::Hook, lost, failed.since_ns, at_ns);
        }
    }

    fn hook_is(
        &mut self,
        at_ns: u64,
        failed: &Failed,
        state: CoverageState<'_>,
        span: Option<(i64, i64)>,
    ) {
        let now = self.utc(at_ns);
        let kinds = hooks::row(failed.hook).map_or(Vec::new(), kinds_of);
        self.write(now, |lines, out, meta| {
            let view = CoverageView {
                meta,
                hook: failed.hook,
                state,
                kinds: &kinds,
                points: &failed.points,
                span,
            };
            lines.daemon_coverage(out, &view);
        });
    }
}

fn kinds_of(row: &HookRow) -> Vec<&'static str> {
    let codes = row.kinds.iter().flat_map(|kind| kind.row().event_codes);
    codes.copied().collect()
}

/// Where the events travel that are not seen without it. What only adds to others loses none; but of
/// files it is by these that acts of io_uring are seen, and moves are noticed.
fn lane_of(row: &HookRow) -> Option<Lane> {
    let of_files = (row.group == "file").then_some(Lane::Bulk);
    row.kinds.first().map(|kind| kind.row().lane).or(of_files)
}
