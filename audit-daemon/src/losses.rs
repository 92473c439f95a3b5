//! Finds what was lost between the kernel's hand and ours: holes in the numbers, confirmed by the
//! kernel's own count.
//!
//! Owns the numbers expected next, per lane, CPU and strand, and the holes. Numbers may arrive a
//! little out of order (programs nest), so a hole is declared only when the kernel's count of
//! refused events confirms it; a hole that nothing confirms is declared after [`UNCONFIRMED_NS`], as
//! lost in order. A loss at the very end makes no hole: it is found by the kernel's counters.
//! Must not make records.

use audit_common::{
    Header, Lane,
    counters::{CpuCounters, CpuLedger, LedgerLane, STRANDS},
};

use crate::source::Acknowledgement;

/// A hole is left alone for so long: its events may be on their way.
const SETTLE_NS: u64 = 50_000_000;
/// After this a hole that the kernel did not count is loss all the same.
const UNCONFIRMED_NS: u64 = 10_000_000_000;

/// Numbers that never came, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    pub cpu: u32,
    pub strand: u8,
    pub first: u64,
    pub last: u64,
    /// Times of the events around it, as far as known.
    pub after_ns: u64,
    pub before_ns: u64,
}

impl Hole {
    fn count(&self) -> u64 {
        self.last - self.first + 1
    }
}

/// Where in our hands it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The ring was full.
    Ring,
    /// Numbered, not refused by the ring, and never read.
    Order,
}

/// One declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub lane: Lane,
    pub stage: Stage,
    pub holes: Vec<Hole>,
    /// Lost on this CPU without a known range of numbers (only after a restart).
    pub unranged: Vec<(u32, u64)>,
}

impl Loss {
    pub fn count(&self) -> u64 {
        let ranged: u64 = self.holes.iter().map(Hole::count).sum();
        ranged + self.unranged.iter().map(|(_, count)| count).sum::<u64>()
    }

    /// By CPU, for the sums.
    pub fn by_cpu(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        let ranged = self.holes.iter().map(|hole| (hole.cpu, hole.count()));
        ranged.chain(self.unranged.iter().copied())
    }
}

#[derive(Clone, Copy, Default)]
struct Strand {
    highest: u64,
    /// Time of the event with that number.
    time_ns: u64,
}

struct OfCpu {
    strands: [Strand; STRANDS],
    /// Holes with their strand and when they were found.
    holes: Vec<(usize, u64, Hole)>,
    declared: u64,
}

/// Loss on one load.
pub struct Losses {
    /// By CPU and lane: looked up for every event.
    cpus: Vec<[OfCpu; Lane::COUNT]>,
    cpu_count: u32,
}

impl Losses {
    /// `from`: what an earlier daemon of the same load accounted for.
    pub fn resume(from: &Acknowledgement, cpu_count: u32) -> Losses {
        let of_lane = |sums: &LedgerLane| OfCpu {
            strands: sums.highest.map(|highest| Strand {
                highest,
                time_ns: 0,
            }),
            holes: Vec::new(),
            declared: sums.lost,
        };
        let of_cpu = |sums: &CpuLedger| sums.lanes.each_ref().map(of_lane);
        let cpus = from.sums.iter().map(of_cpu).collect();
        Losses { cpus, cpu_count }
    }

    /// An event has come.
    pub fn came(&mut self, lane: Lane, header: &Header, now_ns: u64) {
        let cpu = u32::from(header.cpu);
        let Some(lanes) = self.cpus.get_mut(cpu as usize) else {
            return;
        };
        let of_cpu = &mut lanes[lane as usize];
        let index = usize::from(header.strand) & (STRANDS - 1);
        let strand = &mut of_cpu.strands[index];
        let number = header.number;
        if number <= strand.highest {
            fill(&mut of_cpu.holes, index, number);
            return;
        }
        if number > strand.highest + 1 {
            let (first, last) = (strand.highest + 1, number - 1);
            let (after_ns, before_ns) = (strand.time_ns, header.time_ns);
            of_cpu.holes.push((
                index,
                now_ns,
                Hole {
                    cpu,
                    strand: index as u8,
                    first,
                    last,
                    after_ns,
                    before_ns,
                },
            ));
        }
        *strand = Strand {
            highest: number,
            time_ns: header.time_ns,
        };
    }

    /// Numbers up to these (by strand) that did not come and are not declared lost: nobody knows yet
    /// whether they were submitted.
    pub fn undeclared(&self, cpu: u32, lane: usize, highest: &[u64; STRANDS]) -> u64 {
        let of_cpu = self.cpus.get(cpu as usize).map(|lanes| &lanes[lane]);
        let holes = of_cpu.into_iter().flat_map(|of_cpu| &of_cpu.holes);
        let within = holes.filter(|(strand, _, hole)| hole.last <= highest[*strand]);
        within.map(|(.., hole)| hole.count()).sum()
    }

    /// Compares with the kernel's counters, as of a moment at which both rings had been read to
    /// their end. `counters` reads one CPU's slot, losses before numbers.
    pub fn declare(&mut self, now_ns: u64, counters: impl Fn(u32) -> CpuCounters) -> Vec<Loss> {
        let mut losses = Vec::new();
        for cpu in 0..self.cpu_count {
            let counters = counters(cpu);
            let Some(lanes) = self.cpus.get_mut(cpu as usize) else {
                continue;
            };
            for lane in Lane::ALL {
                let of_cpu = &mut lanes[lane as usize];
                let sums = &counters.lanes[lane as usize];
                let refused = sums.lost.saturating_sub(of_cpu.declared);
                of_cpu.declare(cpu, lane, now_ns, refused, &sums.numbered, &mut losses);
            }
        }
        losses
    }
}

impl OfCpu {
    fn declare(
        &mut self,
        cpu: u32,
        lane: Lane,
        now_ns: u64,
        mut refused: u64,
        numbered: &[u64; STRANDS],
        losses: &mut Vec<Loss>,
    ) {
        let tail: u64 = self
            .tails(numbered)
            .map(|(_, first, last)| last - first + 1)
            .sum();
        let holes: u64 = self.holes.iter().map(|(.., hole)| hole.count()).sum();
        // What the ring refused lies in holes or behind the last number that came; only when that
        // explains all of it is every number behind the last one lost, and none on its way.
        if tail > 0 && refused >= holes + tail {
            let tails: Vec<_> = self.tails(numbered).collect();
            for (strand, first, last) in tails {
                let after_ns = self.strands[strand].time_ns;
                let of = strand as u8;
                let hole = Hole {
                    cpu,
                    strand: of,
                    first,
                    last,
                    after_ns,
                    before_ns: now_ns,
                };
                self.holes
                    .push((strand, now_ns.saturating_sub(SETTLE_NS), hole));
                self.strands[strand] = Strand {
                    highest: last,
                    time_ns: now_ns,
                };
            }
        }
        let mut declared = 0;
        self.holes.retain(|(_, found_ns, hole)| {
            let age = now_ns.saturating_sub(*found_ns);
            let confirmed = age >= SETTLE_NS && refused >= hole.count();
            let stage = match confirmed {
                true => Stage::Ring,
                false if age >= UNCONFIRMED_NS => Stage::Order,
                false => return true,
            };
            if confirmed {
                refused -= hole.count();
            }
            declared += if confirmed { hole.count() } else { 0 };
            add(losses, lane, stage, *hole);
            false
        });
        self.declared += declared;
        // After a restart: refused, and the numbers around it were accounted for before.
        if refused > 0 && self.holes.is_empty() && self.tails(numbered).next().is_none() {
            add_unranged(losses, lane, cpu, refused);
            self.declared += refused;
        }
    }

    /// Numbers given and not yet come, by strand.
    fn tails(&self, numbered: &[u64; STRANDS]) -> impl Iterator<Item = (usize, u64, u64)> {
        let strands = self.strands;
        let numbered = *numbered;
        (0..STRANDS).filter_map(move |strand| {
            let highest = strands[strand].highest;
            (numbered[strand] > highest).then_some((strand, highest + 1, numbered[strand]))
        })
    }
}

fn place(losses: &mut Vec<Loss>, lane: Lane, stage: Stage) -> &mut Loss {
    let at = losses
        .iter()
        .position(|loss| loss.lane == lane && loss.stage == stage);
    let at = at.unwrap_or_else(|| {
        losses.push(Loss {
            lane,
            stage,
            holes: Vec::new(),
            unranged: Vec::new(),
        });
        losses.len() - 1
    });
    &mut losses[at]
}

fn add(losses: &mut Vec<Loss>, lane: Lane, stage: Stage, hole: Hole) {
    place(losses, lane, stage).holes.push(hole);
}

fn add_unranged(losses: &mut Vec<Loss>, lane: Lane, cpu: u32, count: u64) {
    place(losses, lane, Stage::Ring).unranged.push((cpu, count));
}

/// A number that came late: it leaves its hole.
fn fill(holes: &mut Vec<(usize, u64, Hole)>, strand: usize, number: u64) {
    let at = holes
        .iter()
        .position(|(of, _, hole)| *of == strand && (hole.first..=hole.last).contains(&number));
    let Some(at) = at else { return };
    let (_, found_ns, hole) = holes.swap_remove(at);
    if hole.first < number {
        holes.push((
            strand,
            found_ns,
            Hole {
                last: number - 1,
                ..hole
            },
        ));
    }
    if number < hole.last {
        holes.push((
            strand,
            found_ns,
            Hole {
                first: number + 1,
                ..hole
            },
        ));
    }
}

#[cfg(test)]
mod tests;
