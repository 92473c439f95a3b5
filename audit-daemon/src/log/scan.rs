//! The end of a segment: what in it is a torn tail, and what is corruption.
//!
//! **Owns** that judgement, made line by line in bounded memory. **Must not** change the file.
//!
//! What lies above the durable mark was never acknowledged: from the first thing there that does
//! not follow, all is torn. Below the mark each line is judged for itself, and only a bad end is
//! torn, for nothing can be appended to it.

use std::io;
use std::ops::ControlFlow;

use super::disk::DiskFile;
use super::error::Alarm;
use super::line::{Content, Facts, Piece, Pieces, facts};
use super::survey::Listed;
use super::{ALARMS_MAX, TAIL_WINDOW_BYTES, names};

/// What the end of a segment is.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// Where the part that stays ends.
    pub(super) end: u64,
    /// The last record in it; `None` if there is none at all.
    pub(super) last: Option<Facts>,
    pub(super) alarms: Vec<Alarm>,
}

/// Judges the end of a segment of `bytes` bytes, of which `durable` are known to be on disk.
pub(super) fn inspect<F: DiskFile>(
    file: &F,
    one: Listed,
    bytes: u64,
    durable: Option<u64>,
) -> io::Result<Tail> {
    let below = durable.unwrap_or(bytes).min(bytes);
    let mut window = TAIL_WINDOW_BYTES;
    loop {
        let from = below.saturating_sub(window);
        let mut scan = Scan {
            name: names::segment(one.first),
            below,
            known: durable.is_some(),
            expected: (from == 0).then_some(one.first),
            last: None,
            bad: Vec::new(),
            bad_from: None,
            alarms: Vec::new(),
        };
        if let Some(durable) = durable.filter(|&durable| durable > bytes) {
            let name = scan.name.clone();
            scan.raise(Alarm::Shortened {
                name,
                durable,
                found: bytes,
            });
        }
        let end = scan.run(file, from, bytes)?;
        // The window may have held nothing but damage: then look further back.
        if scan.last.is_some() || from == 0 {
            return Ok(Tail {
                end,
                last: scan.last,
                alarms: scan.alarms,
            });
        }
        window = window.saturating_mul(8);
    }
}

struct Scan {
    name: String,
    /// Everything before this offset was acknowledged (or, unless `known`, may have been).
    below: u64,
    known: bool,
    expected: Option<u64>,
    last: Option<Facts>,
    /// Pieces since the last record that are none: offset, end.
    bad: Vec<(u64, u64)>,
    bad_from: Option<u64>,
    alarms: Vec<Alarm>,
}

impl Scan {
    /// Goes over the pieces from `from` on; returns where the part that stays ends.
    fn run<F: DiskFile>(&mut self, file: &F, from: u64, bytes: u64) -> io::Result<u64> {
        let mut pieces = Pieces::new(file, from.saturating_sub(1), bytes);
        if from > 0 {
            // The rest of a line that began before the window.
            pieces.next()?;
        }
        while let Some(piece) = pieces.next()? {
            if self.step(&piece).is_break() {
                break;
            }
        }
        let end = self.bad_from.unwrap_or(bytes);
        if self.known && end < self.below {
            self.raise_bad();
        }
        Ok(end)
    }

    fn step(&mut self, piece: &Piece<'_>) -> ControlFlow<()> {
        let facts = match piece.content {
            Content::Line(line) => facts(line),
            Content::Overlong | Content::Unfinished => None,
        };
        let acknowledged = !self.known || piece.end <= self.below;
        let fits = |found: u64| self.expected.is_none_or(|expected| expected == found);
        match facts {
            Some(facts) if acknowledged || fits(facts.sequence) => {
                self.take(facts);
                ControlFlow::Continue(())
            }
            _ => {
                self.bad_from.get_or_insert(piece.offset);
                if self.bad.len() < ALARMS_MAX {
                    self.bad.push((piece.offset, piece.end));
                }
                self.expected = self.expected.map(|expected| expected.saturating_add(1));
                match acknowledged {
                    true => ControlFlow::Continue(()),
                    // Nothing behind it was acknowledged: all of it is the torn tail.
                    false => ControlFlow::Break(()),
                }
            }
        }
    }

    /// A record: what was bad before it lies in the middle.
    fn take(&mut self, facts: Facts) {
        self.raise_bad();
        self.bad.clear();
        self.bad_from = None;
        let (name, found) = (self.name.clone(), facts.sequence);
        match self.expected {
            Some(expected) if found > expected => {
                self.raise(Alarm::Gap {
                    name,
                    expected,
                    found,
                });
            }
            Some(expected) if found < expected => {
                self.raise(Alarm::Repeated {
                    name,
                    expected,
                    found,
                });
            }
            _ => {}
        }
        self.expected = Some(found + 1);
        self.last = Some(facts);
    }

    fn raise_bad(&mut self) {
        for (offset, end) in self.bad.clone() {
            // What is above the mark, or the stump of a file cut short, has its own words.
            if offset < self.below && (end < self.below || end <= self.below && !self.is_short()) {
                let name = self.name.clone();
                self.raise(Alarm::BadLine {
                    name,
                    offset,
                    bytes: end - offset,
                });
            }
        }
    }

    fn is_short(&self) -> bool {
        self.alarms
            .iter()
            .any(|alarm| matches!(alarm, Alarm::Shortened { .. }))
    }

    fn raise(&mut self, alarm: Alarm) {
        if self.alarms.len() < ALARMS_MAX {
            self.alarms.push(alarm);
        }
    }
}
