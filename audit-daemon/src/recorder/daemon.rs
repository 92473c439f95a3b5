//! Records of the daemon itself and of its log: start, stop, configuration, counts, loss, clock
//! steps, coverage, rotation, deletion.

use std::borrow::Cow;

use super::{Recorder, lane, snapshot::id_of};
use crate::{
    config::Source,
    enrich::{clock::Step, running::Running},
    hooks::{self, Outcome, OutcomeState},
    log::Sealed,
    losses::{Loss, Stage},
    record::{
        ClockStepView, ConfigChange, ConfigFile, ConfigView, CountsView, CoverageState,
        CoverageView, LaneCounts, LogDeleteView, LogFile, LogRotateView, LossRange, LossStage,
        LossView, Lost, SequenceRange, StartView, StopView, limits,
        view::{ActorView, Fact, Owner, ProcessView, Text},
    },
};

/// Sums of one lane between two `daemon.counts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneTotals {
    pub filtered: Vec<(Cow<'static, str>, u64)>,
    pub submitted: u64,
    pub lost: u64,
    pub recorded: u64,
    pub folded: u64,
    pub left_out: Vec<(Cow<'static, str>, u64)>,
}

impl LaneTotals {
    pub fn seen(&self) -> u64 {
        self.filtered.iter().map(|(_, count)| count).sum::<u64>() + self.submitted + self.lost
    }
}

fn borrowed<'a>(reasons: &'a [(Cow<'static, str>, u64)]) -> Vec<(&'a str, u64)> {
    let one = |(reason, count): &'a (Cow<'static, str>, u64)| (&**reason, *count);
    reasons.iter().map(one).collect()
}

pub(super) fn process_view<'a>(
    running: &'a Running,
    parent: Option<&'a ProcessView<'a>>,
) -> ProcessView<'a> {
    let ids = running.ids;
    ProcessView {
        id: id_of(running.key),
        name: Fact::Known(super::exec::trimmed(&running.name)),
        path: running
            .exe
            .as_ref()
            .map_or(Fact::Absent, |exe| Fact::Known(Text::whole(&exe.path))),
        command: running
            .command
            .as_deref()
            .map_or(Fact::Absent, |command| Fact::Known(Text::whole(command))),
        owner: Fact::Known(Owner {
            uid: ids.uid,
            gid: ids.gid,
            euid: ids.euid,
            egid: ids.egid,
            user_name: if ids.uid == 0 {
                Fact::Known("root")
            } else {
                Fact::Absent
            },
            ..Owner::default()
        }),
        parent,
        ..ProcessView::default()
    }
}

impl Recorder {
    pub fn daemon_start(&mut self, daemon: &Running, parent: Option<&Running>, hooks: usize) {
        let parent = parent.map(|parent| ProcessView {
            owner: Fact::Absent,
            command: Fact::Absent,
            ..process_view(parent, None)
        });
        let utc_ns = self.utc_now();
        let view = process_view(daemon, parent.as_ref());
        self.write(utc_ns, |lines, out, meta| {
            let hooks_attached = hooks as u64;
            lines.daemon_start(
                out,
                &StartView {
                    meta,
                    daemon: &view,
                    hooks_attached,
                },
            );
        });
    }

    /// `sender`: who sent the signal, if it is still there.
    pub fn daemon_stop(&mut self, reason: &str, sender: Option<&Running>) {
        let utc_ns = self.utc_now();
        let process = sender.map(|sender| process_view(sender, None));
        let actor = ActorView {
            process: process.as_ref(),
            ..ActorView::default()
        };
        self.write(utc_ns, |lines, out, meta| {
            lines.daemon_stop(
                out,
                &StopView {
                    meta,
                    actor,
                    reason,
                },
            );
        });
    }

    /// The configuration that was loaded, one record for each file.
    pub fn daemon_config(&mut self, sources: &[Source]) {
        for source in sources {
            let Some(sha256) = unhex(&source.sha256) else {
                continue;
            };
            let name = std::os::unix::ffi::OsStrExt::as_bytes(source.path.as_os_str());
            let utc_ns = self.utc_now();
            let message = match source.embedded {
                true => "configuration loaded: the built-in default",
                false => "configuration loaded",
            };
            let change = ConfigChange::Loaded(ConfigFile { name, sha256 });
            self.write(utc_ns, |lines, out, meta| {
                let actor = ActorView::default();
                lines.daemon_config(
                    out,
                    &ConfigView {
                        meta,
                        actor,
                        change,
                        message,
                    },
                );
            });
        }
    }

    /// One record for each hook that is missing, or sees less than it could.
    pub fn coverage(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let Some(row) = hooks::row(outcome.hook) else {
                continue;
            };
            if row.kinds.is_empty() {
                // What others would be less without; each of those says so itself.
                continue;
            }
            let kinds: Vec<&str> = row
                .kinds
                .iter()
                .flat_map(|kind| kind.row().event_codes)
                .copied()
                .collect();
            let hook = row
                .candidates
                .last()
                .map_or(row.name, |candidate| candidate.points[0]);
            let state = match &outcome.state {
                OutcomeState::Missing { .. } => CoverageState::Missing {
                    errno: nix::libc::ENOENT,
                },
                OutcomeState::Chosen { .. } => continue,
            };
            let utc_ns = self.utc_now();
            self.write(utc_ns, |lines, out, meta| {
                lines.daemon_coverage(
                    out,
                    &CoverageView {
                        meta,
                        hook,
                        state,
                        kinds: &kinds,
                        points: &[],
                        span: None,
                    },
                );
            });
        }
    }

    pub fn clock_step(&mut self, step: &Step) {
        let utc_ns = self.utc(step.at_boot_ns);
        let (from_utc_ns, to_utc_ns) =
            (step.from_utc_ns.cast_signed(), step.to_utc_ns.cast_signed());
        self.write(utc_ns, |lines, out, meta| {
            lines.daemon_clock_step(
                out,
                &ClockStepView {
                    meta,
                    from_utc_ns,
                    to_utc_ns,
                },
            );
        });
    }

    /// Loss between kernel and us. Ranges beyond what a record holds go on in the next.
    pub fn loss(&mut self, loss: &Loss) {
        let stage = match loss.stage {
            Stage::Ring => LossStage::Ring,
            Stage::Order => LossStage::Order,
        };
        let now_ns = self.clock.boot_ns_now();
        for holes in loss.holes.chunks(limits::LOSS_RANGES_MAX) {
            let ranges: Vec<LossRange> = holes
                .iter()
                .map(|hole| LossRange {
                    cpu: hole.cpu,
                    strand: hole.strand,
                    first: hole.first,
                    last: hole.last,
                })
                .collect();
            let start_ns = holes
                .iter()
                .map(|hole| hole.after_ns)
                .min()
                .unwrap_or(now_ns);
            let end_ns = holes
                .iter()
                .map(|hole| hole.before_ns)
                .max()
                .unwrap_or(now_ns);
            self.lost(loss.lane, stage, Lost::Ranges(&ranges), start_ns, end_ns);
        }
        let unranged: u64 = loss.unranged.iter().map(|(_, count)| count).sum();
        if unranged > 0 {
            self.lost(loss.lane, stage, Lost::Count(unranged), now_ns, now_ns);
        }
    }

    pub(super) fn lost(
        &mut self,
        of: audit_common::Lane,
        stage: LossStage,
        lost: Lost<'_>,
        start_ns: u64,
        end_ns: u64,
    ) {
        let utc_ns = self.utc_now();
        let (start_utc_ns, end_utc_ns) = (self.utc(start_ns), self.utc(end_ns));
        let lane = lane(of);
        self.write(utc_ns, |lines, out, meta| {
            let view = LossView {
                meta,
                lane,
                stage,
                lost,
                start_utc_ns,
                end_utc_ns,
            };
            lines.daemon_loss(out, &view);
        });
    }

    /// Runs of our programs that the kernel itself skipped.
    pub fn skipped(&mut self, of: audit_common::Lane, count: u64, since_ns: u64) {
        let now_ns = self.clock.boot_ns_now();
        let lost = Lost::Count(count);
        self.lost(of, LossStage::Hook, lost, since_ns, now_ns);
    }

    /// Repeats of opens that have no record here: they, or the daemon that knew them, are gone.
    pub fn repeats_of_nothing(&mut self, count: u64, since_ns: u64) {
        let now_ns = self.clock.boot_ns_now();
        let lost = Lost::Count(count);
        let of = audit_common::Lane::Bulk;
        self.lost(of, LossStage::Repeat, lost, since_ns, now_ns);
    }

    /// Nothing was seen since the last record: the daemon before us did not end in order, and its
    /// programs ended with it.
    pub fn unseen(&mut self, last_utc_ns: i64) {
        for of in audit_common::Lane::ALL {
            let utc_ns = self.utc_now();
            let lane = lane(of);
            self.write(utc_ns, |lines, out, meta| {
                let view = LossView {
                    meta,
                    lane,
                    stage: LossStage::Hook,
                    lost: Lost::Unknown,
                    start_utc_ns: last_utc_ns,
                    end_utc_ns: utc_ns,
                };
                lines.daemon_loss(out, &view);
            });
        }
    }

    pub fn counts(&mut self, since_ns: u64, now_ns: u64, totals: &[LaneTotals; 2]) {
        let (start_utc_ns, end_utc_ns) = (self.utc(since_ns), self.utc(now_ns));
        let reasons = totals
            .each_ref()
            .map(|totals| [borrowed(&totals.filtered), borrowed(&totals.left_out)]);
        let counts = |lane: usize| LaneCounts {
            seen: totals[lane].seen(),
            filtered: &reasons[lane][0],
            submitted: totals[lane].submitted,
            lost: totals[lane].lost,
            recorded: totals[lane].recorded,
            folded: totals[lane].folded,
            left_out: &reasons[lane][1],
        };
        let [critical, bulk] = [counts(0), counts(1)];
        self.write(end_utc_ns, |lines, out, meta| {
            let view = CountsView {
                meta,
                start_utc_ns,
                end_utc_ns,
                critical,
                bulk,
            };
            lines.daemon_counts(out, &view);
        });
    }

    /// The first record of a new file.
    pub fn log_rotated(&mut self, sealed: &Sealed) {
        let utc_ns = self.utc_now();
        self.write(utc_ns, |lines, out, meta| {
            let (sealed, records) = log_file(sealed);
            lines.log_rotate(
                out,
                &LogRotateView {
                    meta,
                    sealed,
                    records,
                },
            );
        });
    }

    pub fn log_deleted(&mut self, segment: &Sealed, reason: &str) {
        let utc_ns = self.utc_now();
        self.write(utc_ns, |lines, out, meta| {
            let (deleted, records) = log_file(segment);
            lines.log_delete(
                out,
                &LogDeleteView {
                    meta,
                    deleted,
                    records,
                    reason,
                },
            );
        });
    }
}

fn log_file(sealed: &Sealed) -> (LogFile<'_>, Option<SequenceRange>) {
    let file = LogFile {
        path: std::os::unix::ffi::OsStrExt::as_bytes(sealed.path.as_os_str()),
        size_bytes: sealed.size,
        sha256: sealed.sha256.as_deref().and_then(unhex),
    };
    (
        file,
        Some(SequenceRange {
            first: sealed.first,
            last: sealed.last,
        }),
    )
}

/// The bytes of a SHA-256 in hex digits.
pub fn unhex(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}
