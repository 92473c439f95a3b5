//! Lines and tables of a page for a terminal.
//!
//! OWNS: alignment, width, colour of status pages. MUST NOT: know what the figures mean.
//!
//! Cells are escaped when they enter a table; lines that enter a page are safe already.

use super::snapshot::Problem;
use super::text::TextOptions;
use crate::pretty::screen::{Line, Style, columns, push_outside};

/// Rows of escaped cells: the first column left, the others right, unless all are left.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    left_all: bool,
}

impl Table {
    pub(super) fn new(header: &[&str]) -> Self {
        let header = header.iter().map(|&cell| cell.to_owned()).collect();
        Self {
            rows: vec![header],
            left_all: false,
        }
    }

    pub(super) fn left_all(&mut self) {
        self.left_all = true;
    }

    pub(super) fn row(&mut self, name: &str, cells: impl IntoIterator<Item = String>) {
        let escape = |cell: &str| {
            let mut safe = String::new();
            push_outside(&mut safe, cell);
            safe
        };
        let cells = cells.into_iter().map(|cell| escape(&cell));
        self.rows
            .push(std::iter::once(escape(name)).chain(cells).collect());
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let cells = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width_of = |nth: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(nth))
                .map(|cell| columns(cell))
                .max()
        };
        let widths: Vec<usize> = (0..cells).map(|nth| width_of(nth).unwrap_or(0)).collect();
        let line = |row: &Vec<String>| {
            let mut line = String::new();
            for (nth, cell) in row.iter().enumerate() {
                let padding = " ".repeat(widths[nth] - columns(cell));
                let left = nth == 0 || self.left_all;
                let gap = if nth == 0 { "" } else { "  " };
                let (before, after) = if left {
                    ("", &*padding)
                } else {
                    (&*padding, "")
                };
                line.extend([gap, before, cell, after]);
            }
            line.trim_end().to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}

pub(super) struct Page {
    pub(super) out: String,
    pub(super) options: TextOptions,
}

impl Page {
    pub(super) fn line(&mut self, safe: &str, style: Style) {
        let mut line = Line::default();
        line.push(safe, style);
        line.render(self.options.width, self.options.colour, &mut self.out);
        self.out.push('\n');
    }

    /// On one line where it fits, else below each other.
    pub(super) fn side_by_side(&mut self, left: &str, right: &str) {
        const GAP: &str = "     ";
        let together = columns(left) + GAP.len() + columns(right);
        if together <= self.options.width {
            return self.line(&format!("{left}{GAP}{right}"), Style::Plain);
        }
        self.line(left, Style::Plain);
        self.line(right, Style::Plain);
    }

    /// A table; the narrow form where the first is too wide.
    pub(super) fn table(&mut self, table: Table, narrow: Option<Table>) {
        let mut lines = table.lines();
        let widest = lines.iter().map(|line| columns(line)).max().unwrap_or(0);
        if let Some(narrow) = narrow.filter(|_| widest > self.options.width) {
            lines = narrow.lines();
        }
        for (nth, line) in lines.iter().enumerate() {
            self.line(line, if nth == 0 { Style::Dim } else { Style::Plain });
        }
    }

    pub(super) fn section(&mut self, title: &str, table: Table) {
        if table.rows.len() > 1 {
            self.line("", Style::Plain);
            self.line(title, Style::Plain);
            self.table(table, None);
        }
    }

    /// `what. Next: command`, where only the what is cut.
    pub(super) fn trouble(&mut self, mark: &str, trouble: &Problem, style: Style) {
        let (mut what, mut next) = (mark.to_owned(), String::from(" Next: "));
        push_outside(&mut what, &trouble.what);
        what.push('.');
        push_outside(&mut next, &trouble.do_next);
        const WHAT_COLUMNS_MIN: usize = 20;
        let room = self
            .options
            .width
            .saturating_sub(columns(&next))
            .max(WHAT_COLUMNS_MIN);
        let mut line = Line::default();
        line.push_bounded(&what, room, style);
        line.push(&next, Style::Plain);
        line.render(usize::MAX, self.options.colour, &mut self.out);
        self.out.push('\n');
    }
}
