//! One record, one terminal line: what `run --stdout pretty` and `tail` show.
//!
//! OWNS: how a record (its JSON line as the log holds it) looks to a person.
//! MUST NOT: read files, look up names, write to a descriptor, or change what is recorded.
//!
//! ```text
//! 10:02:13.482  deploy→root  ok     exec   sudo systemctl restart nginx     ssh 203.0.113.7
//! 10:02:14.020  deploy       EACCES open   r /etc/shadow  (cat)             watch:accounts
//! 10:02:20.000  !  lost 312 bulk events on cpu 3, 10:02:19.1–10:02:19.4 (ring full)
//! ```
//!
//! Columns: time, who (login user → effective user), result, act, what, in whose name.
//!
//! Invariants:
//! - `line` appends exactly one line and one LF, whatever the input bytes are.
//! - The line is never wider than `PrettyOptions::width`; what was cut ends in `…`.
//! - Nothing from outside reaches the output unescaped (`screen::push_outside`).
//! - Colour adds to the text and never replaces it: without SGR sequences the bytes are the same.

mod act;
mod command;
mod fields;
mod notice;
mod people;
pub mod screen;
pub mod terminal;
mod unmapped;
mod what;
mod when;

#[cfg(test)]
mod hostile_tests;
#[cfg(test)]
mod privilege_tests;
#[cfg(test)]
mod tests;

use fields::{Envelope, Record};
use people::People;
use screen::{Line, Style};
use when::Clock;

/// No limit: for pipes and files, where the reader decides what to cut.
pub const WIDTH_UNLIMITED: usize = usize::MAX;

/// Below this the columns are not aligned, only separated: alignment would eat the content.
const COMPACT_BELOW_COLUMNS: usize = 60;
/// From here on a long command may not push the last column off the screen.
const RESERVE_FROM_COLUMNS: usize = 100;
/// Where the columns start, after the time and two spaces.
const WHO_COLUMNS: usize = 13;
const RESULT_COLUMNS: usize = 7;
const ACT_COLUMNS: usize = 7;
/// Longest who cell; names longer than this are cut, so that the act stays on the screen.
const WHO_COLUMNS_MAX: usize = 28;
/// Share of the screen for the last column, and its bounds: an address fits the least.
const TAIL_SHARE: usize = 5;
const TAIL_COLUMNS_MIN: usize = 16;
const TAIL_COLUMNS_MAX: usize = 40;
/// In very wide terminals the last column stays within the eye's reach of the others.
const TAIL_START_MAX: usize = 96;
/// A cell cut shorter than this tells nothing any more.
const CELL_COLUMNS_MIN: usize = 8;

/// How lines are made. `terminal` finds out width and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrettyOptions {
    /// Columns of the screen, or [`WIDTH_UNLIMITED`].
    pub width: usize,
    /// Add SGR colours.
    pub colour: bool,
    /// Times in UTC instead of the local zone.
    pub utc: bool,
    /// Also pid, parent, sequence, every label and the whole container id.
    pub verbose: bool,
}

impl Default for PrettyOptions {
    fn default() -> Self {
        Self {
            width: terminal::WIDTH_DEFAULT,
            colour: false,
            utc: false,
            verbose: false,
        }
    }
}

/// Makes lines, and remembers (bounded) the names and sessions that earlier records introduced.
pub struct Pretty {
    options: PrettyOptions,
    clock: Clock,
    people: People,
    line: Line,
    cells: Cells,
}

/// Working memory of one line, kept so that a line allocates nothing once it is warm.
#[derive(Default)]
struct Cells {
    who: String,
    result: String,
    what: String,
    suffix: String,
    details: String,
    tail: String,
}

impl Pretty {
    pub fn new(options: PrettyOptions) -> Self {
        Self::with_clock(options, Clock::system(options.utc))
    }

    fn with_clock(options: PrettyOptions, clock: Clock) -> Self {
        Self {
            options,
            clock,
            people: People::default(),
            line: Line::default(),
            cells: Cells::default(),
        }
    }

    /// The zone of all times shown, for a heading: `times are CET (UTC+01:00)`.
    pub fn zone_note(&self) -> String {
        self.clock.zone_note()
    }

    /// Appends the line of one record and an LF to `out`. `json` is the record as the log holds it,
    /// with or without its LF; anything else becomes a line that says so.
    pub fn line(&mut self, json: &[u8], out: &mut String) {
        let json = json.trim_ascii();
        self.line.clear();
        match serde_json::from_slice::<Record<'_>>(json) {
            Ok(record) => {
                self.people.learn(&record);
                self.put_time(&record);
                if notice::is_notice(record.kind()) {
                    self.put_notice(&record);
                } else {
                    self.put_act(&record);
                }
            }
            Err(_) => self.put_unreadable(json),
        }
        self.line
            .render(self.options.width, self.options.colour, out);
        out.push('\n');
    }

    fn compact(&self) -> bool {
        self.options.width < COMPACT_BELOW_COLUMNS
    }

    fn put_time(&mut self, record: &Record<'_>) {
        let compact = self.compact();
        let when = self.clock.instant(record.time_dt.as_deref(), record.time);
        self.clock.push_time(when, compact, &mut self.line);
    }

    /// `!` and a sentence: the daemon or its log speaks.
    fn put_notice(&mut self, record: &Record<'_>) {
        let style = if record.severity_id >= 3 {
            Style::Bad
        } else {
            Style::Warn
        };
        let gap = if self.compact() { " " } else { "  " };
        self.line.push(gap, Style::Plain);
        self.line.push("!", style);
        self.line.push(gap, Style::Plain);
        let Cells { what, .. } = &mut self.cells;
        what.clear();
        notice::sentence(record, &self.clock, what);
        self.line.push(what, style);
        if self.options.verbose {
            self.line
                .push(&format!("  #{}", record.metadata.sequence), Style::Dim);
        }
    }

    fn put_act(&mut self, record: &Record<'_>) {
        self.fill_cells(record);
        let aligned = !self.compact();
        let start = self.line.columns();
        let column = |line: &mut Line, offset: usize, gap: usize| {
            let at = if aligned { start + offset } else { 0 };
            line.pad_to(at.max(line.columns() + gap));
        };
        column(&mut self.line, 2, if aligned { 2 } else { 1 });
        self.line
            .push_bounded(&self.cells.who, WHO_COLUMNS_MAX, Style::Plain);
        column(&mut self.line, 2 + WHO_COLUMNS, 1);
        let failed = if record.failed() {
            Style::Bad
        } else {
            Style::Plain
        };
        self.line.push(&self.cells.result, failed);
        column(&mut self.line, 2 + WHO_COLUMNS + RESULT_COLUMNS, 1);
        screen::push_outside(self.line.scratch(), act::name(record.kind()));
        self.line.take_scratch(Style::Plain);
        column(
            &mut self.line,
            2 + WHO_COLUMNS + RESULT_COLUMNS + ACT_COLUMNS,
            1,
        );
        self.put_what();
        self.put_tail(aligned);
    }

    fn fill_cells(&mut self, record: &Record<'_>) {
        let Cells {
            who,
            result,
            what,
            suffix,
            details,
            tail,
        } = &mut self.cells;
        for cell in [
            &mut *who,
            &mut *result,
            &mut *what,
            &mut *suffix,
            &mut *details,
            &mut *tail,
        ] {
            cell.clear();
        }
        self.people.push_who(record, who);
        act::push_result(record, result);
        what::push_what(record, &self.people, what);
        what::push_suffix(record, suffix);
        if self.options.verbose {
            what::push_details(record, details);
        }
        self.people
            .push_in_whose_name(record, self.options.verbose, tail);
    }

    /// The what cell, cut so that its suffix and what a wide screen promises beside it stay.
    fn put_what(&mut self) {
        let width = self.options.width;
        let room = width.saturating_sub(self.line.columns());
        let beside = |text: &str| {
            if text.is_empty() {
                0
            } else {
                screen::columns(text) + 2
            }
        };
        let suffix = screen::columns(&self.cells.suffix);
        let mut bound = room.saturating_sub(suffix);
        if self.options.verbose && width < WIDTH_UNLIMITED {
            bound = bound.min((room / 2).max(CELL_COLUMNS_MIN));
        } else if width >= RESERVE_FROM_COLUMNS {
            bound = bound.saturating_sub(beside(&self.cells.tail).min(tail_columns(width)));
        }
        if bound < CELL_COLUMNS_MIN {
            // No room for both: the object matters more than what stands behind it.
            bound = WIDTH_UNLIMITED;
        }
        self.line
            .push_bounded(&self.cells.what, bound, Style::Plain);
        self.line.push(&self.cells.suffix, Style::Plain);
        if !self.cells.details.is_empty() {
            self.line.push("  ", Style::Plain);
            self.line.push(&self.cells.details, Style::Dim);
        }
    }

    fn put_tail(&mut self, aligned: bool) {
        if self.cells.tail.is_empty() {
            return;
        }
        let gap = self.line.columns() + if aligned { 2 } else { 1 };
        let width = self.options.width;
        // A long tail starts further left, if that shows it whole.
        let reserved = tail_columns(width).max(screen::columns(&self.cells.tail));
        let tail_start = width.saturating_sub(reserved).min(TAIL_START_MAX);
        self.line
            .pad_to(if aligned { gap.max(tail_start) } else { gap });
        self.line.push(&self.cells.tail, Style::Dim);
    }

    /// Not a record as this program knows them: the kind if it can be read, else the bytes.
    fn put_unreadable(&mut self, json: &[u8]) {
        let envelope = serde_json::from_slice::<Envelope<'_>>(json).ok();
        if let Some(envelope) = &envelope {
            let compact = self.compact();
            let when = self
                .clock
                .instant(envelope.time_dt.as_deref(), envelope.time);
            self.clock.push_time(when, compact, &mut self.line);
            self.line.push("  ", Style::Plain);
        }
        self.line.push("?  ", Style::Warn);
        let text = self.line.scratch();
        match envelope
            .as_ref()
            .and_then(|known| known.metadata.event_code.as_deref())
        {
            Some(kind) => {
                screen::push_outside(text, kind);
                text.push_str(" in a form unknown to this version: ");
            }
            None => text.push_str("not a record: "),
        }
        screen::push_outside_bytes(text, json);
        self.line.take_scratch(Style::Plain);
    }
}

fn tail_columns(width: usize) -> usize {
    (width / TAIL_SHARE).clamp(TAIL_COLUMNS_MIN, TAIL_COLUMNS_MAX)
}
