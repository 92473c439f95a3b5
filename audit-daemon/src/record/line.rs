//! The writer of one line: members in the order in which the calls come.
//!
//! OWNS: commas and braces, strings with their limits and notes, the fitting of a line into
//! [`limits::LINE_BYTES_MAX`].
//! MUST NOT: know kinds, or choose what is written.
//!
//! Every member is written with a comma behind it; closing an object or list turns the last comma
//! into the bracket. So no writer asks whether it is the first. Keys are constants that already
//! carry quotes and colon (the macro `key!`), nothing is formatted that could be copied.

use super::argv;
use super::decimal;
use super::limits;
use super::names::Code;
use super::notes::{At, Notes};
use super::text;
use super::time::TimeText;
use super::view::{Fact, Source, Text};
use super::{Fixed, Settings};

/// `"name":`, made by the compiler.
macro_rules! key {
    ($name:literal) => {
        concat!("\"", $name, "\":")
    };
}
pub(super) use key;

/// How much of a record is written. A line that is too long is written again with the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    Whole,
    /// Of the ancestry only the nearest remains, so that its mark has something to stand on.
    NoAncestry,
    /// Of environment variables only the names remain, for the same reason, and because *that*
    /// LD_PRELOAD was set matters most.
    NoEnvironment,
    ShortCommand,
    /// Beyond what RECORDS foresees: paths of control characters grow sixfold in JSON, and the
    /// limit of a line has no exception. Bounds labels and marks, too.
    ShortPaths,
}

impl Fit {
    pub const ALL: [Fit; 5] = [
        Fit::Whole,
        Fit::NoAncestry,
        Fit::NoEnvironment,
        Fit::ShortCommand,
        Fit::ShortPaths,
    ];
}

/// A line being written.
pub struct Line<'l> {
    pub(super) out: &'l mut Vec<u8>,
    pub(super) notes: &'l mut Notes,
    pub(super) clock: &'l mut TimeText,
    pub(super) fixed: &'l Fixed,
    pub(super) settings: Settings,
    pub(super) fit: Fit,
    /// Where `is_truncated` belongs, should it turn out to be true.
    pub(super) truncated_at: usize,
}

impl Line<'_> {
    /// Appends a constant. Inlined, as is whatever takes a key, so that its length is known to the
    /// compiler and the copy is a few moves instead of a call.
    #[inline(always)]
    pub fn raw(&mut self, constant: &str) {
        self.out.extend_from_slice(constant.as_bytes());
    }

    /// Turns the comma behind the last member into the end of an object.
    pub fn close(&mut self) {
        self.end_with(b'}');
    }

    /// The same for a list.
    pub fn close_list(&mut self) {
        self.end_with(b']');
    }

    fn end_with(&mut self, bracket: u8) {
        match self.out.last_mut() {
            Some(last) if *last == b',' => *last = bracket,
            _ => self.out.push(bracket),
        }
        self.out.push(b',');
    }

    #[inline(always)]
    pub fn integer(&mut self, key: &'static str, number: u64) {
        self.raw(key);
        self.push_member(number);
    }

    fn push_member(&mut self, number: u64) {
        decimal::push_integer(self.out, number.min(limits::INTEGER_MAX));
        self.out.push(b',');
    }

    pub fn signed(&mut self, key: &'static str, number: i64) {
        self.raw(key);
        self.push_signed(number);
        self.out.push(b',');
    }

    /// An integer that is written as a string, because it is an identity.
    #[inline(always)]
    pub fn identity(&mut self, key: &'static str, number: u64) {
        self.raw(key);
        self.out.push(b'"');
        decimal::push_integer(self.out, number);
        self.raw("\",");
    }

    /// A capability set.
    pub fn hex16(&mut self, key: &'static str, bits: u64) {
        self.raw(key);
        let mut digits = *b"\"0000000000000000\",";
        for (place, digit) in digits[1..17].iter_mut().enumerate() {
            *digit = text::HEX[(bits >> (60 - 4 * place) & 15) as usize];
        }
        self.out.extend_from_slice(&digits);
    }

    /// A constant of our own, which needs no escapes.
    pub fn word(&mut self, key: &'static str, word: &'static str) {
        self.raw(key);
        self.out.push(b'"');
        self.raw(word);
        self.raw("\",");
    }

    pub fn code(&mut self, key: &'static str, code: Code) {
        self.raw(key);
        self.out.push(b'"');
        match code {
            Code::Name(name) => text::push_str(self.out, name),
            Code::Numbered(prefix, number) => {
                self.raw(prefix);
                decimal::push_integer(self.out, u64::from(number));
            }
        }
        self.raw("\",");
    }

    /// An instant as a string.
    pub fn instant(&mut self, key: &'static str, utc_ns: i64) {
        self.raw(key);
        self.out.push(b'"');
        self.clock.push(self.out, utc_ns);
        self.raw("\",");
    }

    /// Captured bytes, with whatever there is to note about them.
    #[inline(always)]
    pub fn text(&mut self, key: &'static str, at: &At, value: &Text, bytes_max: usize) {
        self.raw(key);
        self.push_text(at, value, bytes_max);
    }

    fn push_text(&mut self, at: &At, value: &Text, bytes_max: usize) {
        self.out.push(b'"');
        let shown = shown(value, bytes_max);
        let exact = text::push_bytes(self.out, shown);
        self.raw("\",");
        self.note(at, value, shown, exact, shown.len() < value.bytes.len());
    }

    /// Notes about captured bytes that are written later, by [`Self::bare_text`].
    pub fn note_text(&mut self, at: &At, value: &Text) {
        let shown = shown(value, limits::STRING_BYTES_MAX);
        let exact = std::str::from_utf8(shown).is_ok();
        self.note(at, value, shown, exact, shown.len() < value.bytes.len());
    }

    /// Captured bytes whose notes are written already.
    pub fn bare_text(&mut self, key: &'static str, value: &Text) {
        self.raw(key);
        self.out.push(b'"');
        text::push_bytes(self.out, shown(value, limits::STRING_BYTES_MAX));
        self.raw("\",");
    }

    /// A name or other short string.
    #[inline(always)]
    pub fn string(&mut self, key: &'static str, at: &At, value: &[u8]) {
        self.raw(key);
        self.push_string(at, value);
    }

    fn push_string(&mut self, at: &At, value: &[u8]) {
        if value.len() > limits::STRING_BYTES_MAX {
            self.push_text(at, &Text::whole(value), limits::STRING_BYTES_MAX);
            return;
        }
        self.out.push(b'"');
        let exact = text::push_bytes(self.out, value);
        self.raw("\",");
        if !exact {
            self.notes.raw(at, value);
        }
    }

    #[inline(always)]
    pub fn path(&mut self, key: &'static str, at: &At, value: &Text) {
        self.text(key, at, value, self.path_bytes_max());
    }

    /// argv as a command line. Nothing is written for no arguments.
    pub fn command(&mut self, key: &'static str, at: &At, argv: &Text) {
        let bytes_max = match self.fit {
            Fit::ShortCommand | Fit::ShortPaths => limits::SHORT_COMMAND_BYTES,
            _ => self.settings.command_bytes_max,
        };
        let shown = shown(argv, bytes_max);
        if shown.is_empty() {
            return;
        }
        self.raw(key);
        self.out.push(b'"');
        let exact = argv::push_command(self.out, shown);
        self.raw("\",");
        // A last argument's NUL separates it from nothing.
        let joined = shown.strip_suffix(b"\0").unwrap_or(shown);
        self.note(at, argv, joined, exact, shown.len() < argv.bytes.len());
    }

    pub fn path_bytes_max(&self) -> usize {
        match self.fit {
            Fit::ShortPaths => limits::SHORT_PATH_BYTES,
            _ => limits::PATH_BYTES_MAX,
        }
    }

    /// The value if it is known; notes why, if it should be and is not.
    #[inline]
    pub fn known<'f, T>(&mut self, at: &At, fact: &'f Fact<T>) -> Option<&'f T> {
        match fact {
            Fact::Known(value) => return Some(value),
            Fact::Absent => {}
            Fact::Pending => self.notes.pending(at),
            Fact::Unknown => self.notes.unknown(at),
        }
        None
    }

    /// `known`, written as a short string.
    #[inline(always)]
    pub fn fact_str(&mut self, key: &'static str, at: &At, fact: &Fact<&str>) {
        if let Some(value) = self.known(at, fact) {
            self.string(key, at, value.as_bytes());
        }
    }

    #[inline]
    fn note(&mut self, at: &At, value: &Text, shown: &[u8], exact: bool, cut: bool) {
        let nothing = exact && !cut && value.cut_from.is_none() && value.marks.is_empty();
        if !nothing || value.source != Source::Kernel {
            self.note_at_length(at, value, shown, exact, cut);
        }
    }

    #[cold]
    fn note_at_length(&mut self, at: &At, value: &Text, shown: &[u8], exact: bool, cut: bool) {
        if !exact {
            self.notes.raw(at, shown);
        }
        if cut || value.cut_from.is_some() {
            self.notes.truncated(at, value.original_length());
        }
        if !value.marks.is_empty() {
            let marks_max = if self.fit == Fit::ShortPaths {
                limits::SHORT_MARKS
            } else {
                limits::MARKS_MAX
            };
            self.notes.masked(at, value.marks, marks_max);
        }
        self.notes.source(at, value.source);
    }

    /// A list of kinds, which are names of ours.
    pub fn kinds(&mut self, key: &'static str, kinds: &[&str]) {
        if kinds.is_empty() {
            return;
        }
        self.raw(key);
        self.raw("[");
        for kind in kinds.iter().take(limits::KINDS_MAX) {
            self.out.push(b'"');
            text::push_str(self.out, kind);
            self.raw("\",");
        }
        self.close_list();
    }

    /// Bytes as lower-case hex digits.
    pub fn push_hex(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let digits = [
                text::HEX[usize::from(byte >> 4)],
                text::HEX[usize::from(byte & 15)],
            ];
            self.out.extend_from_slice(&digits);
        }
    }

    pub fn push_signed(&mut self, number: i64) {
        if number < 0 {
            self.out.push(b'-');
        }
        decimal::push_integer(self.out, number.unsigned_abs().min(limits::INTEGER_MAX));
    }
}

/// The part of `value` that a limit leaves.
fn shown<'a>(value: &Text<'a>, bytes_max: usize) -> &'a [u8] {
    if value.bytes.len() > bytes_max {
        text::cut(value.bytes, bytes_max)
    } else if value.cut_from.is_some() {
        text::without_torn_end(value.bytes)
    } else {
        value.bytes
    }
}
