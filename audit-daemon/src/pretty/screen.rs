//! Text that is safe to print, and lines that know their width.
//!
//! OWNS: escaping of text from outside, display width, cutting with `…`, SGR colours.
//! MUST NOT: know records, or decide what is shown.
//!
//! Escapes are those of the record format: short ones (`\n`), `\u00XX` for other control
//! characters, `\uXXXX` for what reorders or hides text. Beyond the format's list every other
//! invisible character is escaped too: a name must not look like another one. A byte that is not
//! UTF-8 becomes `\xHH`. Printable text, backslashes included, stays as it is.
//!
//! Invariant: what `push_outside` appends holds no character below U+0020, no U+007F–U+009F, and
//! none that moves the cursor, so that its width is the sum of its characters' widths.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// Marks what was cut.
pub const CUT: char = '…';
/// More accents than this on one letter are a trick to paint over other lines.
const COMBINING_IN_A_ROW_MAX: usize = 3;
/// Bytes of something unreadable that are worth a look.
const UNREADABLE_BYTES_MAX: usize = 512;

/// What colour adds. `Plain` text is never wrapped in SGR sequences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Dim,
    Good,
    Warn,
    Bad,
}

impl Style {
    fn sgr(self) -> Option<&'static str> {
        match self {
            Style::Plain => None,
            Style::Dim => Some("\x1b[2m"),
            Style::Good => Some("\x1b[32m"),
            Style::Warn => Some("\x1b[33m"),
            Style::Bad => Some("\x1b[1;31m"),
        }
    }
}

const SGR_RESET: &str = "\x1b[0m";

/// Appends text from outside so that it cannot act on a terminal.
pub fn push_outside(out: &mut String, text: &str) {
    let mut combining = 0;
    for char in text.chars() {
        match char {
            ' '..='~' => {
                combining = 0;
                out.push(char);
            }
            _ if is_hidden(char) => push_escape(out, char),
            _ => match char.width() {
                Some(0) if combining < COMBINING_IN_A_ROW_MAX => {
                    combining += 1;
                    out.push(char);
                }
                Some(0) | None => push_escape(out, char),
                Some(_) => {
                    combining = 0;
                    out.push(char);
                }
            },
        }
    }
}

/// Like [`push_outside`] for bytes that may not be UTF-8, up to a bound.
pub fn push_outside_bytes(out: &mut String, bytes: &[u8]) {
    let shown = &bytes[..bytes.len().min(UNREADABLE_BYTES_MAX)];
    for chunk in shown.utf8_chunks() {
        push_outside(out, chunk.valid());
        for byte in chunk.invalid() {
            push_formatted(out, format_args!("\\x{byte:02x}"));
        }
    }
    if shown.len() < bytes.len() {
        out.push(CUT);
    }
}

/// Appends formatted text; writing to a `String` cannot fail.
pub fn push_formatted(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(arguments);
}

/// Columns that escaped text takes.
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

fn char_columns(char: char) -> usize {
    char.width().unwrap_or(0)
}

/// Control, bidirectional and invisible characters, whatever width a table gives them.
fn is_hidden(char: char) -> bool {
    matches!(char,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}')
        // Spaces that are not the space: they would fake the end of a cell.
        || matches!(char, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}'
            | '\u{205f}' | '\u{3000}')
}

fn push_escape(out: &mut String, char: char) {
    match char {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\u{8}' => out.push_str("\\b"),
        '\u{c}' => out.push_str("\\f"),
        _ => {
            // Beyond U+FFFF as JSON writes it: two units.
            for unit in char.encode_utf16(&mut [0; 2]) {
                push_formatted(out, format_args!("\\u{unit:04x}"));
            }
        }
    }
}

/// One line: safe text in styled pieces, with the columns used so far.
#[derive(Default)]
pub struct Line {
    text: String,
    /// End of each piece in `text`, and its style.
    pieces: Vec<(usize, Style)>,
    columns: usize,
    scratch: String,
}

impl Line {
    pub fn clear(&mut self) {
        self.text.clear();
        self.pieces.clear();
        self.columns = 0;
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Appends text that is already safe.
    pub fn push(&mut self, safe: &str, style: Style) {
        self.text.push_str(safe);
        self.columns += columns(safe);
        self.pieces.push((self.text.len(), style));
    }

    /// Appends safe text, cut with `…` to at most `columns_max` columns.
    pub fn push_bounded(&mut self, safe: &str, columns_max: usize, style: Style) {
        match cut_at(safe, columns_max) {
            None => self.push(safe, style),
            Some(end) => {
                self.push(&safe[..end], style);
                self.push("…", style);
            }
        }
    }

    /// An empty buffer to compose a piece in, without allocating; see [`Line::take_scratch`].
    pub fn scratch(&mut self) -> &mut String {
        self.scratch.clear();
        &mut self.scratch
    }

    /// Appends what was composed in the scratch buffer.
    pub fn take_scratch(&mut self, style: Style) {
        let composed = std::mem::take(&mut self.scratch);
        self.push(&composed, style);
        self.scratch = composed;
    }

    /// Fills with spaces up to a column.
    pub fn pad_to(&mut self, column: usize) {
        while self.columns < column {
            self.text.push(' ');
            self.columns += 1;
        }
        self.pieces.push((self.text.len(), Style::Plain));
    }

    /// Writes the line without LF, cut to `width` columns.
    pub fn render(&self, width: usize, colour: bool, out: &mut String) {
        let text = self.text.trim_end_matches(' ');
        let cut = cut_at(text, width);
        let end = cut.unwrap_or(text.len());
        let mut start = 0;
        let mut style_last = Style::Plain;
        for &(piece_end, style) in &self.pieces {
            let piece = &text[start..piece_end.min(end).max(start)];
            start += piece.len();
            style_last = style;
            paint(piece, if colour { style } else { Style::Plain }, out);
            if start >= end {
                break;
            }
        }
        if cut.is_some() && width > 0 {
            paint("…", if colour { style_last } else { Style::Plain }, out);
        }
    }
}

fn paint(text: &str, style: Style, out: &mut String) {
    match style.sgr() {
        Some(sgr) if !text.is_empty() => {
            out.push_str(sgr);
            out.push_str(text);
            out.push_str(SGR_RESET);
        }
        _ => out.push_str(text),
    }
}

/// Where to cut so that text and `…` fit; `None` when the whole text fits.
fn cut_at(text: &str, columns_max: usize) -> Option<usize> {
    let mut used = 0;
    let mut end_of_fit = 0;
    for (at, char) in text.char_indices() {
        used += char_columns(char);
        if used > columns_max {
            return Some(end_of_fit);
        }
        // One column is kept for the mark; a wide character may leave a second one empty.
        if used < columns_max {
            end_of_fit = at + char.len_utf8();
        }
    }
    None
}
