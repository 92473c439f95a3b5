//! Finding the programs in a command and applying their rows of the table.
//!
//! Owns: the look-up by base name, and the walk over one program's arguments.
//! Must not: know any particular program; that is the table's business.
//! Invariant: a walk is linear in the number of words and finds only ranges inside words.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use super::names::announce;
use super::rules::{
    MESSENGERS, NAME_WORDS, PRINTERS, PROGRAMS, Part, Place, Program, SEARCHERS, SHELLS, WRAPPERS,
    WRITERS,
};
use super::scan::{RuleRef, Scan};
use super::value::is_secret;
use super::words::unquoted;

/// What is known of a program by its name.
#[derive(Debug, Default, Clone)]
pub(super) struct Entry {
    pub rows: Vec<&'static Program>,
    pub wrapper: bool,
    pub shell: bool,
    pub searcher: bool,
    pub writer: bool,
    pub messenger: bool,
    pub printer: bool,
    pub editor: bool,
}

/// Longest base name in the table, with room for `.exe`.
const PROGRAM_BYTES_MAX: usize = 40;

#[derive(Debug)]
pub(super) struct Directory {
    entries: Entries,
}

type Entries = HashMap<&'static [u8], Entry, BuildHasherDefault<ShortHasher>>;

/// FNV-1a: fast on short keys. The table's keys are fixed, so no one can make them collide.
#[derive(Debug, Clone, Copy)]
struct ShortHasher(u64);

impl Default for ShortHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for ShortHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

impl Directory {
    pub(super) fn new() -> Self {
        let mut entries = Entries::default();
        for row in PROGRAMS {
            for name in row.programs {
                entries.entry(name.as_bytes()).or_default().rows.push(row);
            }
        }
        let mut role = |names: &[&'static str], set: fn(&mut Entry)| {
            for name in names {
                set(entries.entry(name.as_bytes()).or_default());
            }
        };
        role(WRAPPERS, |entry| entry.wrapper = true);
        role(SHELLS, |entry| {
            entry.shell = true;
            entry.wrapper = true;
        });
        role(SEARCHERS, |entry| entry.searcher = true);
        role(WRITERS, |entry| entry.writer = true);
        role(MESSENGERS, |entry| entry.messenger = true);
        role(PRINTERS, |entry| entry.printer = true);
        role(&["sed", "gsed"], |entry| entry.editor = true);
        Self { entries }
    }

    /// The program that this word calls, by its base name.
    pub(super) fn find(&self, word: &[u8]) -> Option<&Entry> {
        let name = base_name(word);
        if name.is_empty() || name.len() > PROGRAM_BYTES_MAX {
            return None;
        }
        let mut lower = [0; PROGRAM_BYTES_MAX];
        let lower = &mut lower[..name.len()];
        lower.copy_from_slice(name);
        if let Some(entry) = self.entries.get(&*lower) {
            return Some(entry);
        }
        // Case folds only where a secret could be missed: `GetUserSPNs.py`, `7Z.EXE`. A look-up
        // costs more than the comparison that saves it.
        lower.make_ascii_lowercase();
        let plain = lower.strip_suffix(b".exe").unwrap_or(lower);
        if plain != name
            && let Some(entry) = self.entries.get(plain)
        {
            return Some(entry);
        }
        let last = plain
            .iter()
            .rposition(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
        let unversioned = plain[..=last].strip_suffix(b"-").unwrap_or(&plain[..=last]);
        if unversioned.len() == plain.len() {
            return None;
        }
        self.entries.get(unversioned)
    }
}

/// What follows the last `/`; a login shell's leading `-` is no part of the name.
pub(super) fn base_name(word: &[u8]) -> &[u8] {
    let start = memchr::memrchr2(b'/', b'\\', word).map_or(0, |slash| slash + 1);
    let name = &word[start..];
    name.strip_prefix(b"-").unwrap_or(name)
}

impl Scan<'_> {
    /// A word of the command without its quotes.
    pub(super) fn inner(&self, word: usize) -> (usize, usize) {
        let word = self.words[word];
        unquoted(self.buf, word.start, word.end)
    }

    pub(super) fn inner_text(&self, word: usize) -> &[u8] {
        let (start, end) = self.inner(word);
        &self.buf[start..end]
    }

    /// Applies one row to the words behind its program: `first..last`.
    pub(super) fn apply_row(&mut self, row: &'static Program, first: usize, last: usize) {
        let Some(begin) = self.after_sub_commands(row, first, last) else {
            return;
        };
        let mut operands = 0;
        let mut last_operand = None;
        let mut options_over = false;
        let mut at = if row.places.iter().any(is_counted) {
            begin
        } else {
            first
        };
        while at < last {
            let text = self.inner_text(at);
            let option = !options_over && text.len() > 1 && matches!(text[0], b'-');
            if option && text == b"--" {
                options_over = true;
                at += 1;
                continue;
            }
            if let Some(used) = self.apply_long(row, at, last) {
                at += used;
                continue;
            }
            if option {
                at += self.apply_short(row, at, last);
                continue;
            }
            if row.leading {
                return;
            }
            if !self.is_redirection(at) {
                last_operand = Some(at);
                if self.apply_operand(row, at, last, operands) {
                    at += 1;
                }
                operands += 1;
            }
            at += 1;
        }
        if let Some(at) = last_operand {
            self.apply_last(row, at);
        }
    }

    fn apply_last(&mut self, row: &'static Program, at: usize) {
        let (start, end) = self.inner(at);
        for place in row.places {
            if let Place::Last(part) = *place {
                self.mark_part(row.rule, part, start, end);
            }
        }
    }

    /// `> log`, `2>&1`: what a shell takes away from the operands.
    fn is_redirection(&self, at: usize) -> bool {
        let word = self.words[at];
        let before = self.buf[..word.start].iter().rev();
        let sign = before.take(4).find(|byte| **byte != b' ');
        let number = self.buf[word.start..word.end]
            .iter()
            .all(u8::is_ascii_digit);
        matches!(sign, Some(b'>' | b'<')) || (number && self.buf.get(word.end) == Some(&b'>'))
    }

    /// Long options, bare key words and prefixes. Gives the number of words used up.
    fn apply_long(&mut self, row: &'static Program, at: usize, last: usize) -> Option<usize> {
        let (start, end) = self.inner(at);
        for place in row.places {
            let text = &self.buf[start..end];
            match *place {
                Place::Long(name, part) if is_long(text, name) => {
                    if at + 1 < last {
                        let (start, end) = self.inner(at + 1);
                        self.mark_part(row.rule, part, start, end);
                    }
                    return Some(2);
                }
                Place::Long(name, part)
                    if name.starts_with(['-', '/'])
                        && text.starts_with(name.as_bytes())
                        && text.get(name.len()) == Some(&b'=') =>
                {
                    let (start, end) = unquoted(self.buf, start + name.len() + 1, end);
                    self.mark_part(row.rule, part, start, end);
                    return Some(1);
                }
                Place::Prefix(head, part)
                    if text.len() > head.len()
                        && text[..head.len()].eq_ignore_ascii_case(head.as_bytes()) =>
                {
                    let (start, end) = unquoted(self.buf, start + head.len(), end);
                    self.mark_part(row.rule, part, start, end);
                    return Some(1);
                }
                Place::Anywhere(part) => self.mark_part(row.rule, part, start, end),
                _ => {}
            }
        }
        None
    }

    /// A short option or a cluster of them. Gives the number of words used up.
    fn apply_short(&mut self, row: &'static Program, at: usize, last: usize) -> usize {
        let (start, end) = self.inner(at);
        if self.buf[start..end].starts_with(b"--") {
            return 1 + usize::from(
                row.valued
                    .iter()
                    .any(|o| &self.buf[start..end] == o.as_bytes()),
            );
        }
        if self.is_whole_name(at) {
            return 1;
        }
        for letter_at in start + 1..end {
            let letter = self.buf[letter_at];
            let found = row.places.iter().find_map(|place| match *place {
                Place::Short(wanted, part) if wanted == letter => Some((part, true)),
                Place::Glued(wanted, part) if wanted == letter => Some((part, false)),
                _ => None,
            });
            if let Some((part, next)) = found {
                if letter_at + 1 < end {
                    let skip = usize::from(self.buf[letter_at + 1] == b'=');
                    let (start, end) = unquoted(self.buf, letter_at + 1 + skip, end);
                    self.mark_part(row.rule, part, start, end);
                    return 1;
                }
                if next && at + 1 < last {
                    let (start, end) = self.inner(at + 1);
                    if !self.buf[start..end].starts_with(b"--") {
                        self.mark_part(row.rule, part, start, end);
                        return 2;
                    }
                }
                return 1;
            }
            if !row.flags.as_bytes().contains(&letter) {
                break;
            }
        }
        // `-C` with its value apart, also at the end of a cluster.
        let last_letter = self.buf[end - 1];
        let valued = row.valued.iter().any(|option| {
            &self.buf[start..end] == option.as_bytes()
                || (option.len() == 2 && option.as_bytes()[1] == last_letter)
        });
        1 + usize::from(valued)
    }

    /// `-password`, `-pass`: an option of the long kind with one dash, not `-p` and its value.
    pub(super) fn is_whole_name(&self, word: usize) -> bool {
        let text = self.inner_text(word);
        NAME_WORDS.iter().any(|row| {
            row.before.is_none()
                && row.word.len() + 1 == text.len()
                && text[1..].eq_ignore_ascii_case(row.word.as_bytes())
        })
    }

    /// Tells whether the next word was used up as well.
    fn apply_operand(
        &mut self,
        row: &'static Program,
        at: usize,
        last: usize,
        number: usize,
    ) -> bool {
        let (start, end) = self.inner(at);
        let mut used_next = false;
        for place in row.places {
            match *place {
                Place::Operand(wanted, part) if wanted == number => {
                    self.mark_part(row.rule, part, start, end);
                }
                Place::Assignments => self.mark_part(row.rule, Part::Assigned, start, end),
                Place::Named if at + 1 < last && !is_harmless(row, &self.buf[start..end]) => {
                    // The value of an option before it is no name: `--passphrase wifipass up`.
                    let before = self.inner_text(at - 1);
                    let is_value = before.starts_with(b"-") && announce(before).is_some();
                    let is_name = !is_value && !self.buf[start..end].contains(&b' ');
                    let Some(name) = announce(&self.buf[start..end]).filter(|_| is_name) else {
                        continue;
                    };
                    let (start, end) = self.inner(at + 1);
                    let value = &self.buf[start..end];
                    if !value.starts_with(b"-") && is_secret(value, name.strength) {
                        self.mark(start, end, RuleRef::Builtin(row.rule));
                        used_next = true;
                    }
                }
                _ => {}
            }
        }
        used_next
    }
}

/// Places that count operands begin behind the sub-commands, options may stand before them.
fn is_counted(place: &Place) -> bool {
    matches!(
        place,
        Place::Operand(..) | Place::Last(_) | Place::Named | Place::Assignments
    )
}

/// An option as it is written; a bare key word (`auth`, `AUTH`) in any case.
fn is_long(text: &[u8], name: &str) -> bool {
    text == name.as_bytes()
        || (!name.starts_with('-') && text.eq_ignore_ascii_case(name.as_bytes()))
}

fn is_harmless(row: &Program, operand: &[u8]) -> bool {
    row.places
        .iter()
        .any(|place| matches!(place, Place::Harmless(name) if name.as_bytes() == operand))
}
