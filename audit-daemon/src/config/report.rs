//! How a refused configuration is shown: message, place, source line, carets.
//!
//! OWNS: the layout of one error, of several, and of the closing line.
//! MUST NOT: know TOML or any key.
//!
//! Invariants: every string in a [`Report`] is already escaped; an error fills one
//! source line whatever its span; a line fits [`SOURCE_COLUMNS_MAX`].
//!
//! ```text
//! error: unknown key `segmnet_size` in [log]
//!   --> /etc/audit-daemon/config.toml:2:1
//!    |
//!  2 | segmnet_size = "64 MiB"
//!    | ^^^^^^^^^^^^ did you mean `segment_size`?
//! Nothing was started; the running daemon keeps its old config.
//! ```

use std::fmt;
use std::ops::Range;

use unicode_width::UnicodeWidthChar as _;

use super::escape;

/// How many errors are shown. Who has more fixes these first.
pub const ERRORS_SHOWN_MAX: usize = 20;

/// Columns of a shown source line: with the gutter it fits an 80-column terminal.
const SOURCE_COLUMNS_MAX: usize = 72;

/// Characters looked at to fill these columns: some have no width, and a line of
/// nothing else must end too.
const SOURCE_CHARS_MAX: usize = 4 * SOURCE_COLUMNS_MAX;

/// Columns kept before the marked text when a long line is cut at its beginning.
const LEAD_COLUMNS: usize = 24;

/// What a tab in a source line becomes.
const TAB: &str = "    ";

/// True whether or not a daemon runs: a start and a reload both end here.
const CLOSING: &str = "Nothing was started; the running daemon keeps its old config.";

/// Everything that is wrong with a configuration, in the order of the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    /// The first [`ERRORS_SHOWN_MAX`] errors, never empty.
    pub reports: Vec<Report>,
    /// How many there are beyond these.
    pub more: usize,
}

/// One error: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What is wrong, one line.
    pub message: String,
    /// The file, if one is to blame.
    pub file: Option<String>,
    /// The place in that file, if a place is to blame.
    pub snippet: Option<Snippet>,
    /// What is expected instead, shown beside the carets; may be empty.
    pub label: String,
    /// What else helps, shown below.
    pub help: Option<String>,
}

/// A source line with one part of it marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// Line number, from 1.
    pub line: usize,
    /// Column in characters of the original line, from 1.
    pub column: usize,
    /// The line as shown: escaped, and cut with `…` where it is too long.
    pub source: String,
    /// Columns of `source` before the marked part.
    pub lead: usize,
    /// Columns of the marked part, at least 1.
    pub marked: usize,
}

impl Snippet {
    /// Marks the bytes `span` of `text`, which is the whole line number `line`. A span
    /// that leaves the line, or splits a character, is shortened to what it covers.
    pub(super) fn new(line: usize, text: &str, span: Range<usize>) -> Self {
        let start = floor_boundary(text, span.start);
        let end = floor_boundary(text, span.end).max(start);
        let column = text[..start].chars().count() + 1;
        let first = first_shown(&text[..start]);
        let mut snippet = Self {
            line,
            column,
            source: String::new(),
            lead: 0,
            marked: 0,
        };
        let mut columns = 0;
        if first > 0 {
            snippet.source.push('…');
            columns = 1;
        }
        snippet.lead = columns;
        for (count, (offset, c)) in text[first..].char_indices().enumerate() {
            let at = first + offset;
            let (shown, width) = cell(c);
            if columns + width >= SOURCE_COLUMNS_MAX || count == SOURCE_CHARS_MAX {
                snippet.source.push('…');
                break;
            }
            snippet.source.push_str(&shown);
            columns += width;
            if at < start {
                snippet.lead = columns;
            } else if at < end {
                snippet.marked += width;
            }
        }
        snippet.marked = snippet.marked.max(1);
        snippet
    }
}

/// Byte offset of the first character shown, given the text before the marked part.
fn first_shown(before: &str) -> usize {
    let mut columns = 0;
    let mut cut = None;
    for (at, c) in before.char_indices().rev() {
        columns += cell(c).1;
        if columns <= LEAD_COLUMNS {
            cut = Some(at);
        } else if columns > SOURCE_COLUMNS_MAX / 2 {
            return cut.unwrap_or(before.len());
        }
    }
    0
}

/// One character as it is shown, and its columns.
fn cell(c: char) -> (String, usize) {
    if c == '\t' {
        return (TAB.to_owned(), TAB.len());
    }
    let mut shown = String::new();
    escape::push(&mut shown, c);
    let columns = shown.chars().filter_map(|c| c.width()).sum();
    (shown, columns)
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl Report {
    /// An error that no line of a file is to blame for.
    pub(super) fn of_file(message: String, file: Option<String>, help: String) -> Self {
        Self {
            message,
            file,
            snippet: None,
            label: String::new(),
            help: Some(help),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "error: {}", self.message)?;
        let digits = self
            .snippet
            .as_ref()
            .map_or(1, |s| s.line.to_string().len());
        if let Some(file) = &self.file {
            write!(f, "{:digits$} --> {file}", "")?;
            if let Some(Snippet { line, column, .. }) = self.snippet {
                write!(f, ":{line}:{column}")?;
            }
            writeln!(f)?;
        }
        if let Some(Snippet {
            line,
            source,
            lead,
            marked,
            ..
        }) = &self.snippet
        {
            writeln!(f, "{:digits$}  |", "")?;
            writeln!(f, " {line} | {}", source.trim_end())?;
            let carets = "^".repeat(*marked);
            let marks = format!("{:lead$}{carets} {}", "", self.label);
            writeln!(f, "{:digits$}  | {}", "", marks.trim_end())?;
        }
        match &self.help {
            Some(help) => writeln!(f, "{:digits$}  = {help}", ""),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ConfigErrors {}

/// All errors and the closing line, without a line break at the end.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reports, more } = self;
        for (index, report) in reports.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{report}")?;
        }
        match (reports.len(), *more) {
            (0 | 1, 0) => {}
            (shown, 0) => write!(f, "\n{shown} errors. ")?,
            (shown, more) => write!(f, "\n{} errors, the first {shown} shown. ", shown + more)?,
        }
        f.write_str(CLOSING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, span: Range<usize>, expect: (usize, &str, usize, usize)) {
        let snippet = Snippet::new(7, text, span);
        let Snippet {
            column,
            source,
            lead,
            marked,
            ..
        } = &snippet;
        assert_eq!((*column, source.as_str(), *lead, *marked), expect);
    }

    #[test]
    fn carets_stand_below_what_they_mark() {
        check("key = 1", 0..3, (1, "key = 1", 0, 3));
        check("\tkey = 1", 1..4, (2, "    key = 1", 4, 3));
        check("日本 = 1", 9..10, (6, "日本 = 1", 7, 1));
        check("a\u{1b}b = 1", 2..3, (3, "a\\u001bb = 1", 7, 1));
        check("", 0..0, (1, "", 0, 1));
        check("abc", 3..9, (4, "abc", 3, 1));
        check("ä = 1", 1..2, (1, "ä = 1", 0, 1));
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let long = format!("{}key = {}", "x".repeat(500), "y".repeat(500));
        let snippet = Snippet::new(1, &long, 500..503);
        assert_eq!(snippet.column, 501);
        assert_eq!(snippet.lead, 1 + LEAD_COLUMNS);
        assert_eq!(snippet.marked, 3);
        assert_eq!(snippet.source.chars().count(), SOURCE_COLUMNS_MAX);
        assert!(snippet.source.starts_with("…xxx") && snippet.source.ends_with("y…"));

        let whole = Snippet::new(1, &long, 0..long.len());
        assert_eq!((whole.lead, whole.marked), (0, SOURCE_COLUMNS_MAX - 1));
    }

    #[test]
    fn characters_without_width_do_not_make_a_line_endless() {
        let snippet = Snippet::new(1, &"\u{300}".repeat(10_000), 0..2);
        assert_eq!(snippet.source.chars().count(), SOURCE_CHARS_MAX + 1);
        assert_eq!((snippet.lead, snippet.marked), (0, 1));
    }

    #[test]
    fn the_gutter_grows_with_the_line_number() {
        let report = Report {
            message: "m".to_owned(),
            file: Some("f".to_owned()),
            snippet: Some(Snippet::new(1_234, "key = 1", 6..7)),
            label: "l".to_owned(),
            help: Some("h".to_owned()),
        };
        let expect =
            "error: m\n     --> f:1234:7\n      |\n 1234 | key = 1\n      |       ^ l\n      = h\n";
        assert_eq!(report.to_string(), expect);
    }
}
