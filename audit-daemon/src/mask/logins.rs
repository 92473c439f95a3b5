//! Passwords that only their neighbours announce: `-u bob -p SECRET`, `--name db-password --value
//! SECRET`. For programs that the table does not know.
//!
//! Owns: reading two options together.
//! Must not: judge a program that has rows of its own; those know better.
//! Invariant: one pass over the words of a command.

use super::kinds::is_option;
use super::names::announce;
use super::programs::base_name;
use super::rules::{LOGIN_OPTIONS, NO_LOGINS};
use super::scan::{RuleRef, Scan};
use super::value::{Strength, is_secret};

impl Scan<'_> {
    /// `-u bob -p SECRET`, `--user=bob -p SECRET`, `-u bob:SECRET` of a program without rows.
    pub(super) fn login(&mut self, first: usize, last: usize) {
        if NO_LOGINS.contains(&base_name(self.inner_text(first))) {
            return;
        }
        let mut user = false;
        let mut password = None;
        for word in first + 1..last {
            let text = self.inner_text(word);
            if text.first() != Some(&b'-') {
                continue;
            }
            let next = (word + 1 < last).then(|| self.inner_text(word + 1));
            if let Some(length) = login_option(text) {
                let value = match text.get(length) {
                    Some(_) => &text[length + 1..],
                    None => next.unwrap_or_default(),
                };
                user |= is_user(value);
                if text.len() == length && next.is_some_and(is_user_password) {
                    let (start, end) = self.inner(word + 1);
                    let colon = memchr::memchr(b':', value).unwrap_or(0);
                    self.mark(start + colon + 1, end, RuleRef::Builtin("login-password"));
                }
            } else if matches!(text, b"-p" | b"-P") && password.is_none() && next.is_some() {
                password = Some(word);
            }
        }
        let (true, Some(option)) = (user, password) else {
            return;
        };
        let (start, end) = self.inner(option + 1);
        let value = &self.buf[start..end];
        let strength = match self.inner_text(option) {
            b"-p" => Strength::Any,
            _ => Strength::Unusual,
        };
        if !value.starts_with(b"-") && !is_port(value) && is_secret(value, strength) {
            self.mark(start, end, RuleRef::Builtin("login-password"));
        }
    }

    /// `-n node.session.auth.password -v SECRET`: the value of the name in the option before.
    pub(super) fn valued_name(&mut self, option: usize, first: usize) {
        if option < first + 2 || !is_option(self.inner_text(option - 2)) {
            return;
        }
        let name = self.inner_text(option - 1);
        let shaped = name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-./:".contains(byte));
        let Some(found) = announce(name).filter(|_| shaped) else {
            return;
        };
        let (start, end) = self.inner(option + 1);
        let value = &self.buf[start..end];
        if !is_option(value) && is_secret(value, found.strength) {
            self.mark(start, end, RuleRef::Builtin(found.rule));
        }
    }
}

/// The length of an option that names a user, at the head of a word: `-u`, `--user=…`.
fn login_option(word: &[u8]) -> Option<usize> {
    LOGIN_OPTIONS
        .iter()
        .find(|option| {
            word.starts_with(option.as_bytes())
                && matches!(word.get(option.len()), None | Some(b'='))
        })
        .map(|option| option.len())
}

/// A name, no number: `-u 1000` is a user id, `-u 1` an interval.
fn is_user(value: &[u8]) -> bool {
    !value.starts_with(b"-") && value.iter().any(u8::is_ascii_alphabetic)
}

/// `bob:S3cret`; `www-data:www-data` is a user and a group.
fn is_user_password(value: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', value) else {
        return false;
    };
    let user = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.@-".contains(byte);
    let password = &value[colon + 1..];
    colon > 0
        && memchr::memmem::find(password, b"//").is_none()
        && value[..colon].iter().all(user)
        && !password.starts_with(b"/")
        && is_secret(password, Strength::Unusual)
}

/// `5432`, `8080:80`, `80-90,443`
fn is_port(value: &[u8]) -> bool {
    value
        .iter()
        .all(|byte| byte.is_ascii_digit() || b":,-/.".contains(byte))
}
