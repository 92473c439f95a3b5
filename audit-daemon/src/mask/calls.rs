//! Passwords among the arguments of a call in some program text: `login("bob", "SECRET")`.
//!
//! Owns: which calls take a password, and which of their literals it is.
//! Must not: parse a language; it looks at quotes and commas.
//! Invariant: looks at most `CALL_BYTES_MAX` behind the name of the call, and at the literal.

use super::names::announce;
use super::scan::{RuleRef, Scan};
use super::value::{Strength, is_secret};

/// So far behind its name are the literals of a call looked for.
const CALL_BYTES_MAX: usize = 256;

impl Scan<'_> {
    /// `auth("bob", "SECRET")`, `set_password('SECRET')`
    pub(super) fn call(&mut self, name: (usize, usize), text: (usize, usize)) {
        let open = name.1 + 1;
        let window = &self.buf[open..text.1.min(open + CALL_BYTES_MAX)];
        let quote_at = window.iter().take_while(|byte| **byte == b'\\').count();
        let Some(&quote @ (b'"' | b'\'')) = window.get(quote_at) else {
            return;
        };
        let first = &window[quote_at + 1..];
        let Some(close) = memchr::memchr(quote, first) else {
            return;
        };
        let behind = &first[close + 1..];
        let comma = behind
            .iter()
            .take_while(|byte| b" ,".contains(byte))
            .count();
        let second = quote_at + close + 2 + comma;
        if behind.starts_with(b",") {
            if matches!(window.get(second), Some(b'"' | b'\'' | b'\\')) {
                self.sql_literal(open + second, text.1);
            }
        } else if is_setter(&self.buf[name.0..name.1]) {
            self.sql_literal(open, text.1);
        }
    }

    /// `new PDO("mysql:…", "bob", "SECRET")`; `at` is behind the bracket. The third literal.
    pub(super) fn connect_call(&mut self, at: usize, end: usize) {
        let window = &self.buf[at..end.min(at + CALL_BYTES_MAX)];
        let mut from = 0;
        for number in 0..3 {
            let Some(open) = window[from..].iter().position(|byte| b"\"'".contains(byte)) else {
                return;
            };
            let start = from + open + 1;
            let comma = window[from..start].contains(&b',');
            let Some(length) = memchr::memchr(window[start - 1], &window[start..]) else {
                return;
            };
            // Anything but a comma between two literals is an expression.
            if (number > 0 && !comma) || window[from..start].contains(&b')') {
                return;
            }
            if number == 2 && is_secret(&window[start..start + length], Strength::Any) {
                let rule = RuleRef::Builtin("connect-password");
                self.mark(at + start, at + start + length, rule);
            }
            from = start + length + 1;
        }
    }
}

/// `set_password(`, `changeUserPassword(`, `login(`, `HTTPBasicAuth(`: such calls take a password.
pub(super) fn takes_password(name: &[u8]) -> bool {
    let call = last_part(name);
    announce(call).is_some_and(|found| matches!(found.rule, "password" | "credentials"))
}

/// `set_password(`: what stands there alone is the password.
fn is_setter(name: &[u8]) -> bool {
    const VERBS: [&[u8]; 5] = [b"set", b"change", b"update", b"make", b"generate"];
    let call = last_part(name);
    VERBS
        .iter()
        .any(|verb| call.len() > verb.len() && call[..verb.len()].eq_ignore_ascii_case(verb))
}

fn last_part(name: &[u8]) -> &[u8] {
    let dot = memchr::memrchr(b'.', name);
    &name[dot.map_or(0, |dot| dot + 1)..]
}
