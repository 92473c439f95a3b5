//! Secrets in SQL: `IDENTIFIED BY 'x'`, `PASSWORD 'x'`, a password column of an `INSERT`.
//!
//! Owns: where the literal of such a statement begins and ends.
//! Must not: judge names; `names` does.
//! Invariant: looks at a bounded stretch around its anchor, and at the literal.

use super::names::announce;
use super::scan::{RuleRef, Scan};
use super::value::{Strength, is_secret};

/// From `IDENTIFIED` to its `BY`: the name of a plug-in stands between.
const IDENTIFIED_BYTES_MAX: usize = 64;
/// From a column's name back to `INSERT INTO`, and on to the values.
const INSERT_BYTES_MAX: usize = 512;

impl Scan<'_> {
    /// SQL's `IDENTIFIED [WITH plugin] BY 'SECRET'`; `at` is behind the word.
    pub(super) fn identified(&mut self, at: usize, end: usize) {
        let window = &self.buf[at..end.min(at + IDENTIFIED_BYTES_MAX)];
        let find = |word: &[u8]| {
            window
                .windows(word.len())
                .position(|found| found.eq_ignore_ascii_case(word))
        };
        let Some(by) = find(b" by ")
            .map(|found| found + 4)
            .or(find(b" as ").map(|f| f + 4))
        else {
            return;
        };
        self.sql_literal(at + by, end);
    }

    /// The SQL literal or word at `at`, blanks before it allowed.
    pub(super) fn sql_literal(&mut self, at: usize, end: usize) {
        let blank = self.buf[at..end]
            .iter()
            .take_while(|byte| **byte == b' ')
            .count();
        let mut start = at + blank;
        let word = |word: &[u8]| {
            self.buf[start..end].len() > word.len()
                && self.buf[start..start + word.len()].eq_ignore_ascii_case(word)
        };
        if word(b"password ") || word(b"password(") {
            start += 9;
        }
        let escaped = usize::from(self.buf[start..end].starts_with(b"\\"));
        let Some(&quote) = self.buf[start..end].get(escaped) else {
            return;
        };
        let (from, to) = if quote == b'\'' || quote == b'"' {
            let from = start + escaped + 1;
            let close = memchr::memchr(quote, &self.buf[from..end]).map_or(end, |at| from + at);
            (
                from,
                close - usize::from(escaped == 1 && close > from && close < end),
            )
        } else {
            let rest = &self.buf[start..end];
            let stop = |byte: &u8| byte.is_ascii_whitespace() || b";\"'".contains(byte);
            (
                start,
                start + rest.iter().position(stop).unwrap_or(rest.len()),
            )
        };
        if is_secret(&self.buf[from..to], Strength::Any) {
            self.mark(from, to, RuleRef::Builtin("sql-password"));
        }
    }

    /// `INSERT INTO t (user, password) VALUES ('bob', 'SECRET')`: the value in the column's place.
    pub(super) fn inserted(&mut self, name: (usize, usize), text: (usize, usize)) {
        let before = &self.buf[name.0.saturating_sub(INSERT_BYTES_MAX).max(text.0)..name.0];
        let Some(open) = memchr::memrchr(b'(', before) else {
            return;
        };
        let into = |window: &[u8]| window.eq_ignore_ascii_case(b"into ");
        if !before[..open].windows(5).any(into) || announce(&self.buf[name.0..name.1]).is_none() {
            return;
        }
        let commas = |text: &[u8]| memchr::memchr_iter(b',', text).count();
        let column = commas(&before[open + 1..]);
        let limit = text.1.min(name.1 + INSERT_BYTES_MAX);
        let behind = &self.buf[name.1..limit];
        let values = |window: &[u8]| window.eq_ignore_ascii_case(b"values");
        let Some(values) = behind.windows(6).position(values) else {
            return;
        };
        let Some(list) = memchr::memchr(b'(', &behind[values..]) else {
            return;
        };
        let mut at = name.1 + values + list + 1;
        let mut number = 0;
        while at < limit && number < column {
            match self.buf[at] {
                quote @ (b'\'' | b'"') => {
                    let rest = &self.buf[at + 1..limit];
                    at += 1 + memchr::memchr(quote, rest).unwrap_or(rest.len());
                }
                b',' => number += 1,
                b')' => return,
                _ => {}
            }
            at += 1;
        }
        // A quote that nothing closes ends behind the limit.
        if at >= limit {
            return;
        }
        let blanks = self.buf[at..limit]
            .iter()
            .take_while(|byte| **byte == b' ')
            .count();
        if matches!(self.buf.get(at + blanks), Some(b'\'' | b'"' | b'\\')) && at + blanks < limit {
            self.sql_literal(at, text.1);
        }
    }
}
