//! Names whose value is no plain `name=value`: HTTP headers, `Bearer x`, SQL's `PASSWORD 'x'`,
//! `.netrc`, `user:password` pairs, the replies of `expect` scripts.
//!
//! Owns: what such a phrase looks like and which part of it is the secret.
//! Must not: read ordinary assignments; `text` does, and asks here where they are none.
//! Invariant: looks at most `LOOK_BACK_BYTES` away from the name, or up to the end of the value.

use super::calls::takes_password;
use super::names::blank_count;
use super::rules::{AUTH_SCHEMES, Part};
use super::scan::{RuleRef, Scan};
use super::text::{Assignment, Kind, Separator, is_head};
use super::value::{Strength, is_random, is_secret, is_unusual};
use super::words::unquoted;

/// How far back the words of a `.netrc` line or an SQL statement are looked for.
const LOOK_BACK_BYTES: usize = 256;

/// Names that SQL and `.netrc` put before a password without a sign between.
const BARE_NAMES: &[&[u8]] = &[b"password", b"passwd", b"pass", b"secret"];

impl Scan<'_> {
    /// `X-Api-Key: …` at the head of the text or of a quoted text: all that follows is the value.
    pub(super) fn is_header(&self, found: &Assignment, text: (usize, usize)) -> bool {
        let before = if found.name.0 > text.0 {
            self.buf[found.name.0 - 1]
        } else {
            0
        };
        let name = &self.buf[found.name.0..found.name.1];
        let shaped = (name.contains(&b'-') && (name[0] != b'-' || name.starts_with(b"-H")))
            || (name.eq_ignore_ascii_case(b"apikey") || name.eq_ignore_ascii_case(b"token"));
        found.separator == Separator::Colon
            && !found.quoted_name
            && shaped
            && matches!(before, 0 | b'"' | b'\'' | b'H' | b'=')
    }

    /// `Authorization: Bearer SECRET`
    pub(super) fn authorization(&mut self, found: &Assignment, text: (usize, usize)) -> usize {
        let (start, end) = self.header_value(found, text);
        let value = &self.buf[start..end];
        let scheme = value
            .iter()
            .position(|byte| b" \\\t".contains(byte))
            .unwrap_or(value.len());
        let known = AUTH_SCHEMES
            .iter()
            .any(|name| value[..scheme].eq_ignore_ascii_case(name.as_bytes()));
        let blanks = value[scheme..]
            .iter()
            .take_while(|byte| b" \\\t".contains(byte))
            .count();
        let from = if known {
            start + scheme + blanks
        } else {
            start
        };
        let strength = if known {
            Strength::Any
        } else {
            Strength::Unusual
        };
        let (from, to) = unquoted(self.buf, from, end);
        if is_secret(&self.buf[from..to], strength) {
            self.mark(from, to, RuleRef::Builtin("authorization"));
        }
        end
    }

    /// `Cookie: SECRET`
    pub(super) fn cookie(&mut self, found: &Assignment, text: (usize, usize)) -> usize {
        let (start, end) = self.header_value(found, text);
        let value = &self.buf[start..end];
        if value.contains(&b'=') && is_secret(value, Strength::Any) {
            self.mark(start, end, RuleRef::Builtin("session"));
        }
        end
    }

    /// A header's value: to the quote around it, or to the end of the line.
    pub(super) fn header_value(&self, found: &Assignment, text: (usize, usize)) -> (usize, usize) {
        let buf = &self.buf[..text.1];
        let mut start = found.value;
        let escapes = buf[start..]
            .iter()
            .take(4)
            .take_while(|byte| **byte == b'\\')
            .count();
        let before = if found.name.0 > text.0 {
            self.buf[found.name.0 - 1]
        } else {
            0
        };
        let mut quote = matches!(before, b'"' | b'\'').then_some(before);
        if let Some(&open @ (b'"' | b'\'')) = buf.get(start + escapes) {
            start += escapes + 1;
            quote = Some(open);
        }
        let rest = &buf[start..];
        let ends = |byte: &u8| Some(*byte) == quote || matches!(*byte, b'\n' | b'\r');
        let mut end = start + rest.iter().position(ends).unwrap_or(rest.len());
        while end > start && end < text.1 && buf[end - 1] == b'\\' {
            end -= 1;
        }
        (start, end)
    }

    /// `auth=user:SECRET`
    pub(super) fn mark_user_password(&mut self, start: usize, end: usize) -> bool {
        let value = &self.buf[start..end];
        let Some(colon) = memchr::memchr(b':', value) else {
            return false;
        };
        let user = &value[..colon];
        let shaped = colon > 0
            && !value[colon + 1..].starts_with(b"/")
            && !value.contains(&b' ')
            && user
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.@-".contains(byte));
        if shaped {
            self.mark_part("credentials", Part::After(":"), start, end);
        }
        shaped
    }

    /// `expect "password:"; send "SECRET\r"`
    pub(super) fn sent_reply(&mut self, start: usize, end: usize) {
        let window = &self.buf[start..end.min(start + LOOK_BACK_BYTES)];
        let Some(send) = memchr::memmem::find(window, b"send ") else {
            return;
        };
        let rest = &window[send + 5..];
        let stop = |byte: &u8| b"\"'\\".contains(byte);
        let Some(open) = rest.iter().position(|byte| b"\"'".contains(byte)) else {
            return;
        };
        let length = rest[open + 1..]
            .iter()
            .position(stop)
            .unwrap_or(rest.len() - open - 1);
        let from = start + send + 5 + open + 1;
        if is_secret(&self.buf[from..from + length], Strength::Any) {
            self.mark(from, from + length, RuleRef::Builtin("password"));
        }
    }

    /// `auth=("user", "SECRET")`
    pub(super) fn mark_pair(&mut self, start: usize, end: usize) -> usize {
        let pair = &self.buf[start..end.min(start + LOOK_BACK_BYTES)];
        let mut quotes = memchr::memchr2_iter(b'"', b'\'', pair).skip(2);
        if let (Some(open), Some(close)) = (quotes.next(), quotes.next())
            && is_secret(&pair[open + 1..close], Strength::Any)
        {
            self.mark(
                start + open + 1,
                start + close,
                RuleRef::Builtin("credentials"),
            );
        }
        start
    }

    /// Whether nothing stands before in this text or line but an opening quote.
    fn is_line_head(&self, at: usize, text: (usize, usize)) -> bool {
        let before = &self.buf[text.0..at];
        matches!(before, [] | [.., b'\n' | b'"' | b'\''] | [.., b'\\', b'n'])
    }

    /// `AUTH [user] SECRET` of Redis, `AUTH PLAIN SECRET` of mail: the last word of the line.
    fn auth_command(&mut self, at: usize, text: (usize, usize)) -> usize {
        let line = &self.buf[at..text.1.min(at + LOOK_BACK_BYTES)];
        let stop = |byte: &u8| b"\n\r\"'".contains(byte);
        let line = &line[..line.iter().position(stop).unwrap_or(line.len())];
        let line = &line[..escape_at(line)];
        let mut words = line
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty());
        if let (Some(first), second, None) = (words.next(), words.next(), words.next())
            && line.starts_with(b" ")
        {
            let secret = second.unwrap_or(first);
            let mechanism = [&b"LOGIN"[..], b"PLAIN", b"CRAM-MD5"].contains(&secret);
            if !mechanism && is_secret(secret, Strength::Any) {
                let end = at + line.trim_ascii_end().len();
                self.mark(end - secret.len(), end, RuleRef::Builtin("password"));
            }
        }
        at
    }

    /// What stands directly behind a name: a bracket of a call, a comma of a list of columns.
    fn bare_phrase(
        &mut self,
        name: (usize, usize),
        text: (usize, usize),
        kind: Kind,
    ) -> Option<usize> {
        let buf = self.buf;
        let word = &buf[name.0..name.1];
        if is_head(word, b"securestring") {
            let blanks = blank_count(&buf[name.1..text.1]);
            if matches!(buf.get(name.1 + blanks), Some(b'"' | b'\'')) {
                self.sql_literal(name.1, text.1);
            }
            return Some(name.1);
        }
        match buf[name.1..text.1].first() {
            Some(b',' | b')' | b'"' | b'`' | b'\\') if kind == Kind::Text => {
                self.inserted(name, text);
                return Some(name.1);
            }
            Some(b'(') if takes_password(word) => {
                self.call(name, text);
                return Some(name.1);
            }
            _ => {}
        }
        if word == b"AUTH" && self.is_line_head(name.0, text) {
            return Some(self.auth_command(name.1, text));
        }
        None
    }

    /// A name without a separator: `Bearer x`, SQL's `PASSWORD 'x'`, `.netrc`'s `password x`.
    pub(super) fn bare_name(
        &mut self,
        name: (usize, usize),
        text: (usize, usize),
        kind: Kind,
    ) -> usize {
        if !matches!(kind, Kind::Text | Kind::Plain) {
            return name.1;
        }
        let buf = self.buf;
        let word = &buf[name.0..name.1];
        if let Some(done) = self.bare_phrase(name, text, kind) {
            return done;
        }
        if !(word.len() == 6 || word.len() == 8 || word.len() == 4) {
            return name.1;
        }
        let blanks = blank_count(&buf[name.1..text.1]);
        let at = name.1 + blanks;
        let rest = &buf[at..text.1];
        let stop = |byte: &u8| byte.is_ascii_whitespace() || b"\"',;".contains(byte);
        let next = &rest[..rest.iter().position(stop).unwrap_or(rest.len())];
        let next = &next[..escape_at(next)];
        if blanks > 0 && word.eq_ignore_ascii_case(b"bearer") {
            if next.len() >= 8
                && (is_random(next) || is_unusual(next))
                && is_secret(next, Strength::Any)
            {
                self.mark(at, at + next.len(), RuleRef::Builtin("authorization"));
            }
            return at;
        }
        if !BARE_NAMES
            .iter()
            .any(|bare| word.eq_ignore_ascii_case(bare))
        {
            return name.1;
        }
        let back = &buf[name.0.saturating_sub(LOOK_BACK_BYTES).max(text.0)..name.0];
        let has = |word: &[u8]| {
            back.windows(word.len())
                .any(|found| found.eq_ignore_ascii_case(word))
        };
        let sql =
            || has(b"user ") || has(b"role ") || has(b"set ") || has(b"login ") || has(b"secret ");
        match rest.first() {
            Some(b'(') if sql() => self.sql_literal(at + 1, text.1),
            Some(b'\'' | b'"' | b'\\') if blanks > 0 && sql() => self.sql_literal(at, text.1),
            _ if word.eq_ignore_ascii_case(b"secret") => return name.1,
            Some(_) if blanks > 0 && is_head(&buf[at..text.1][..rest.len().min(3)], b"for") => {
                let equals = memchr::memchr(b'=', &rest[..rest.len().min(LOOK_BACK_BYTES)]);
                if let Some(equals) = equals {
                    self.sql_literal(at + equals + 1, text.1);
                }
            }
            Some(_) if blanks > 0 && (has(b"login ") || has(b"machine ")) => {
                if is_secret(next, Strength::Any) {
                    self.mark(at, at + next.len(), RuleRef::Builtin("password"));
                }
            }
            _ => return name.1,
        }
        at
    }
}

/// Where `\n` or `\r`, written out, ends the text.
fn escape_at(text: &[u8]) -> usize {
    text.windows(2)
        .position(|pair| matches!(pair, b"\\n" | b"\\r"))
        .unwrap_or(text.len())
}
