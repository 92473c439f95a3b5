//! Which part of an argument is the secret: `user:SECRET`, `user/SECRET@host`, `name=SECRET`.
//!
//! Owns: cutting one argument as a row of the table says, and judging what was cut out.
//! Must not: look at other arguments, or know any program.
//! Invariant: what is marked lies inside the range that was given.

use super::names::is_plain_name;
use super::rules::Part;
use super::scan::{RuleRef, Scan};
use super::value::{Strength, is_reference, is_secret};
use super::words::unquoted;

impl Scan<'_> {
    /// Marks the part of `start..end` that is the secret, if it is one.
    pub(super) fn mark_part(&mut self, rule: &'static str, part: Part, start: usize, end: usize) {
        let text = &self.buf[start..end];
        let behind = |mark: &str| {
            memchr::memmem::find(text, mark.as_bytes()).map(|found| start + found + mark.len())
        };
        let range = match part {
            Part::Whole => Some((start, end)),
            Part::After(mark) => behind(mark).map(|begin| (begin, end)),
            Part::AfterOrWhole(mark) => Some((behind(mark).unwrap_or(start), end)),
            Part::WholeIf(sign) => {
                memchr::memmem::find(text, sign.as_bytes()).map(|_| (start, end))
            }
            Part::WholeUnless(sign) => memchr::memmem::find(text, sign.as_bytes())
                .is_none()
                .then_some((start, end)),
            Part::Between(open, close) => {
                between(text, open, close).map(|(from, to)| (start + from, start + to))
            }
            Part::Assigned => behind("=")
                .filter(|value| !is_plain_name(&self.buf[start..value - 1]))
                .map(|begin| (begin, end)),
            Part::AfterLast(mark) => memchr::memmem::rfind(text, mark.as_bytes())
                .map(|found| (start + found + mark.len(), end)),
            Part::Field(mark) => behind(mark).map(|begin| {
                let rest = &self.buf[begin..end];
                (
                    begin,
                    begin + memchr::memchr(b',', rest).unwrap_or(rest.len()),
                )
            }),
            Part::UserPassword => user_password(text).map(|from| (start + from, end)),
        };
        if let Some((from, to)) = range {
            let (from, to) = unquoted(self.buf, from, to);
            let value = &self.buf[from..to];
            if !value.is_empty() && !is_reference(value) && is_secret(value, Strength::Any) {
                self.mark(from, to, RuleRef::Builtin(rule));
            }
        }
    }
}

/// `user/SECRET@host`; a user there must be, and URLs are left to their own rule.
fn between(text: &[u8], open: &str, close: &str) -> Option<(usize, usize)> {
    if memchr::memmem::find(text, b"://").is_some() {
        return None;
    }
    let from = memchr::memmem::find(text, open.as_bytes()).filter(|at| *at > 0)? + open.len();
    let to = memchr::memmem::rfind(text, close.as_bytes()).filter(|at| *at > from);
    match (to, open) {
        (Some(to), _) => Some((from, to)),
        // SQL*Plus takes `user/SECRET` without a host; `:` alone is also a port or a path.
        (None, "/") => Some((from, text.len())),
        (None, _) => None,
    }
}

/// `user:SECRET`, told from `host:22/path`, `C:\\dir` and URLs. Gives where the secret begins.
fn user_password(text: &[u8]) -> Option<usize> {
    let colon = memchr::memchr(b':', text).filter(|at| *at > 1)?;
    let user = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.@-+".contains(byte);
    let secret = &text[colon + 1..];
    (text[..colon].iter().all(user) && !secret.is_empty() && !secret.starts_with(b"/"))
        .then_some(colon + 1)
}
