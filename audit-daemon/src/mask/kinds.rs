//! What kind of text an argument is: a value, a script, text for people, a search pattern.
//!
//! Owns: that one decision, from the programs before the argument and from its own look.
//! Must not: mark anything.
//! Invariant: an argument of a shell's `-c` is always a script, one of a searcher always a pattern.

use super::commands::{Programs, is_harmless};
use super::names::announce;
use super::rules::{COMMON_COMMANDS, MESSAGE_OPTIONS};
use super::scan::Scan;
use super::text::Kind;

impl Scan<'_> {
    /// What kind of text an argument is, by the programs before it and its own look.
    pub(super) fn kind(&self, word: usize, first: usize, programs: &Programs<'_>) -> Kind {
        let (start, end) = self.inner(word);
        let text = &self.buf[start..end];
        if programs.any_before(word, |entry| entry.searcher) {
            return Kind::Pattern;
        }
        if programs.any_before(word, |entry| entry.writer) || self.is_message(word, first, programs)
        {
            return Kind::Prose;
        }
        if programs.any_before(word, |entry| entry.editor) {
            return Kind::Edit;
        }
        if let Some(equals) = memchr::memchr(b'=', text)
            && is_harmless(&text[..equals], programs)
        {
            return Kind::Blocks;
        }
        let blank = text
            .iter()
            .any(|byte| byte.is_ascii_whitespace() || b";|".contains(byte));
        if programs.any_before(word, |entry| entry.shell) {
            let option = if word > first {
                self.inner_text(word - 1)
            } else {
                b""
            };
            let script = option.starts_with(b"-") && option.ends_with(b"c");
            if script || (blank && !option.starts_with(b"-")) {
                return Kind::Script;
            }
        }
        if !blank {
            return Kind::Plain;
        }
        if self.looks_like_command(start, end) {
            Kind::Script
        } else {
            Kind::Text
        }
    }

    fn is_message(&self, word: usize, first: usize, programs: &Programs<'_>) -> bool {
        if word == first || !programs.any_before(word, |entry| entry.messenger) {
            return false;
        }
        let option = self.inner_text(word - 1);
        let text = self.inner_text(word);
        MESSAGE_OPTIONS.iter().any(|message| {
            option == message.as_bytes()
                || (text.starts_with(message.as_bytes()) && text.get(message.len()) == Some(&b'='))
        })
    }

    /// Whether a text begins like a command: assignments, then a program or a path.
    pub(super) fn looks_like_command(&self, start: usize, end: usize) -> bool {
        let text = option_value(&self.buf[start..end]);
        let joint = |window: &[u8]| matches!(window, b"&& " | b" | " | b"|| ");
        if text.windows(3).any(joint) && !text.contains(&b'=') {
            return true;
        }
        let mut words = text
            .split(|byte| byte.is_ascii_whitespace())
            .filter(|word| !word.is_empty())
            .skip_while(|word| is_assignment(word));
        let Some(word) = words.next() else {
            return false;
        };
        let more = words.next().is_some();
        // `SESSION_SECRET=keyboard cat` is one value with a blank, whatever `cat` is; with
        // `PGPASSWORD=x psql -h db` there is a program that takes secrets.
        let name = memchr::memchr(b'=', text).map_or(&b""[..], |equals| &text[..equals]);
        if announce(name).is_some() {
            let known = self.masker.directory.find(word);
            return more && known.is_some_and(|entry| entry.wrapper || !entry.rows.is_empty());
        }
        if !more && word.len() == text.len() {
            return false;
        }
        (word.starts_with(b"/") && !word.starts_with(b"//") && !word.contains(&b'='))
            || word.starts_with(b"./")
            || (is_option(word) && word.len() > 1)
            || self.masker.directory.find(word).is_some()
            || COMMON_COMMANDS
                .iter()
                .any(|common| common.as_bytes() == word)
    }
}

/// `-x…` or `--x…`: a value that begins so is another option.
pub(super) fn is_option(text: &[u8]) -> bool {
    let name = text
        .strip_prefix(b"--")
        .or_else(|| text.strip_prefix(b"-"))
        .unwrap_or_default();
    name.first().is_some_and(u8::is_ascii_alphabetic)
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

/// `NAME=…`
pub(super) fn is_assignment(word: &[u8]) -> bool {
    match memchr::memchr(b'=', word) {
        Some(at) => {
            at > 0
                && word[..at]
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        }
        None => false,
    }
}

/// `--rsh=ssh -l bob`: the command is the value of the option. One that prints is read as text.
pub(super) fn option_value(text: &[u8]) -> &[u8] {
    if !text.starts_with(b"--") {
        return text;
    }
    match memchr::memchr2(b'=', b' ', text) {
        Some(at) if text[at] == b'=' && !text[at + 1..].starts_with(b"echo ") => &text[at + 1..],
        _ => text,
    }
}
