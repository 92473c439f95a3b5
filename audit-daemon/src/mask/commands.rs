//! Reading a command: which programs run, what kind of text each argument is, which options
//! announce a secret in the argument after them.
//!
//! Owns: the walk from an argument vector down through scripts in arguments (`sh -c '…'`).
//! Must not: look inside single arguments for assignments or tokens; `text` does that.
//! Invariant: scripts within scripts are followed to `DEPTH_MAX`, each level reads its bytes once.

use super::custom::Compiled;
use super::feeds::printed_secret;
use super::kinds::{is_assignment, is_option, option_value};
use super::names::announce;
use super::programs::Entry;
use super::rules::{Part, Place};
use super::scan::{RuleRef, Scan};
use super::text::Kind;
use super::value::{Strength, is_secret};
use super::words::{Join, Word, split_script, unquoted};

/// `sh -c "ssh host \"sh -c '…'\""` are three; generated ones go deeper, `$(…)` in quotes too.
const DEPTH_MAX: usize = 10;
/// Programs in one simple command: text that is no command may name a few more.
const PROGRAMS_MAX: usize = 16;

/// How the words of a command are to be read.
#[derive(Debug, Clone, Copy)]
struct Reading {
    depth: usize,
    /// Words of running text, perhaps no command at all: only unusual values count.
    doubtful: bool,
    /// The words' text was already searched as part of a whole.
    text_done: bool,
}

/// The programs of one command, each with the word that calls it.
pub(super) struct Programs<'m> {
    found: [Option<(usize, &'m Entry)>; PROGRAMS_MAX],
    count: usize,
}

impl<'m> Programs<'m> {
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &'m Entry)> + '_ {
        self.found[..self.count].iter().flatten().copied()
    }

    fn places(&self) -> impl Iterator<Item = &'static Place> + '_ {
        self.iter()
            .flat_map(|(_, entry)| entry.rows.iter().flat_map(|row| row.places))
    }

    pub(super) fn any_before(&self, word: usize, role: fn(&Entry) -> bool) -> bool {
        self.iter().any(|(at, entry)| at < word && role(entry))
    }
}

impl<'a> Scan<'a> {
    /// A whole argument vector.
    pub(super) fn argv(&mut self) {
        let mut start = 0;
        let mut join = Join::Next;
        while start < self.buf.len() {
            let end = memchr::memchr(0, &self.buf[start..]).map_or(self.buf.len(), |at| start + at);
            // A shell line split into arguments keeps its operators as arguments.
            let operator = match &self.buf[start..end] {
                b"|" => Some(Join::Pipe),
                b"||" | b"&&" | b";" => Some(Join::Next),
                b"<<<" => Some(Join::HereString),
                _ => None,
            };
            // `-----BEGIN RSA PRIVATE KEY-----` without quotes is four arguments.
            if &self.buf[start..end] == b"KEY-----" && self.buf[..start].ends_with(b"PRIVATE\0") {
                self.split_key(end);
            }
            match operator {
                Some(next) => join = next,
                None => {
                    self.words.push(Word { start, end, join });
                    join = Join::Same;
                }
            }
            start = end + 1;
        }
        let all = self.words.len();
        self.commands(
            0,
            all,
            Reading {
                depth: 0,
                doubtful: false,
                text_done: false,
            },
        );
    }

    /// A text that stands alone.
    pub(super) fn lone_text(&mut self) {
        let end = self.buf.len();
        self.custom_patterns(0, 0, 0, end);
        let kind = if self.looks_like_command(0, end) {
            Kind::Script
        } else {
            Kind::Text
        };
        let reading = Reading {
            depth: 0,
            doubtful: false,
            text_done: false,
        };
        self.argument(0, end, kind, reading);
    }

    /// An environment variable's value.
    pub(super) fn environment(&mut self, name: &[u8]) {
        let end = self.buf.len();
        let custom = self.masker.custom.iter().position(|rule| rule.names(name));
        if let Some(at) = custom
            && Compiled::is_secret(self.buf)
        {
            self.mark(0, end, RuleRef::Custom(at));
            return;
        }
        if let Some(found) = announce(name)
            && is_secret(self.buf, found.strength)
        {
            self.mark(0, end, RuleRef::Builtin(found.rule));
            return;
        }
        self.lone_text();
    }

    /// The commands in the words `first..last`, and the pipes between them.
    fn commands(&mut self, first: usize, last: usize, reading: Reading) {
        let mut before: Option<(usize, usize)> = None;
        // Where a run of commands began that only print.
        let mut printed = first;
        let mut start = first;
        while start < last {
            let mut end = start + 1;
            while end < last && self.words[end].join == Join::Same {
                end += 1;
            }
            let join = self.words[start].join;
            if let (Some((from, to)), Join::HereString) = (before, join) {
                self.feed(start, start + 1, from, to, false);
                let kind = self.kind(start, start, &self.programs(start, start, false));
                if !reading.text_done {
                    let word = self.words[start];
                    self.argument(word.start, word.end, kind, reading);
                }
            } else {
                self.command(start, end, reading);
                if let (Some((_, to)), Join::Pipe) = (before, join) {
                    self.feed_group(printed, to, start, end);
                }
                if !self.is_printer(start) {
                    printed = end;
                }
                before = Some((start, end));
            }
            start = end;
        }
    }

    /// One simple command.
    fn command(&mut self, first: usize, last: usize, reading: Reading) {
        let programs = self.programs(first, last, reading.doubtful);
        for (at, entry) in programs.iter() {
            for row in &entry.rows {
                if row
                    .places
                    .iter()
                    .any(|place| !matches!(place, Place::Piped(..)))
                {
                    self.apply_row(row, at + 1, last);
                }
            }
        }
        if programs.count == 0 && !reading.doubtful {
            self.login(first, last);
        }
        self.options(first, last, &programs, reading);
        self.custom_options(first, last);
        for word in first..last {
            let kind = self.kind(word, first, &programs);
            let Word { start, end, .. } = self.words[word];
            if self.masker.has_patterns && reading.depth == 0 {
                self.custom_patterns(first, last, start, end);
            }
            if !reading.text_done {
                self.argument(start, end, kind, reading);
            }
        }
    }

    /// One argument or word, by its kind.
    fn argument(&mut self, start: usize, end: usize, kind: Kind, reading: Reading) {
        let (mut inner_start, mut inner_end) = unquoted(self.buf, start, end);
        let mut kind = kind;
        if reading.depth > 0 && kind != Kind::Pattern {
            let text = &self.buf[inner_start..inner_end];
            let equals = if is_assignment(text) {
                memchr::memchr(b'=', text)
            } else {
                None
            };
            // `x="$(command)"`: the command stands inside the quotes of the value.
            if memchr::memmem::find(text, b"$(").is_some() {
                let from = equals.map_or(inner_start, |equals| inner_start + equals + 1);
                (inner_start, inner_end) = unquoted(self.buf, from, inner_end);
                kind = Kind::Script;
            }
        }
        let script = kind == Kind::Script && reading.depth < DEPTH_MAX;
        let here_document = || memchr::memmem::find(&self.buf[start..end], b"<<").is_some();
        if !script || here_document() {
            let kind = if kind == Kind::Script {
                Kind::Text
            } else {
                kind
            };
            self.text(inner_start, inner_end, kind);
        } else {
            self.text(inner_start, inner_end, Kind::Blocks);
        }
        let text = script || (kind == Kind::Text && reading.depth < DEPTH_MAX);
        if !text || matches!(self.buf.get(inner_start), Some(b'{' | b'[')) && !script {
            return;
        }
        let first = self.words.len();
        let nested = reading.depth > 0;
        split_script(self.buf, inner_start, inner_end, nested, self.words);
        let last = self.words.len();
        let depth = reading.depth + 1;
        let doubtful = reading.doubtful || !script;
        self.commands(
            first,
            last,
            Reading {
                depth,
                doubtful,
                text_done: !script,
            },
        );
        self.words.truncate(first);
    }

    /// The programs that a command runs: the first word's, and behind wrappers any known one.
    pub(super) fn programs(&self, first: usize, last: usize, doubtful: bool) -> Programs<'a> {
        let directory = &self.masker.directory;
        let mut programs = Programs {
            found: [None; PROGRAMS_MAX],
            count: 0,
        };
        let mut word = first;
        while word < last && is_assignment(self.inner_text(word)) {
            word += 1;
        }
        let mut search = doubtful;
        let mut head = true;
        while word < last && programs.count < PROGRAMS_MAX && (head || search) {
            let text = self.inner_text(word);
            let text = if head { option_value(text) } else { text };
            if let Some(entry) = directory.find(text) {
                search |= entry.wrapper;
                programs.found[programs.count] = Some((word, entry));
                programs.count += 1;
            }
            head = false;
            word += 1;
        }
        programs
    }

    /// Options that by their name announce a secret in the next word.
    fn options(&mut self, first: usize, last: usize, programs: &Programs<'_>, reading: Reading) {
        for word in first..last.saturating_sub(1) {
            let text = self.inner_text(word);
            if !is_option(text) {
                continue;
            }
            let searching = || programs.any_before(word, |entry| entry.searcher);
            if matches!(text, b"-v" | b"--value" | b"-value") && !searching() {
                self.valued_name(word, first);
                continue;
            }
            // Weighing a name is dear; nearly all options fail here.
            if !(self.masker.anchors.any(text) || is_short_name(text)) {
                continue;
            }
            if self.is_read_by_row(word, programs) {
                continue;
            }
            let (start, end) = self.inner(word + 1);
            let Some(found) = announce(text) else {
                if let Some(from) = printed_secret(text, &self.buf[start..end]) {
                    self.mark_part("password", Part::Whole, start + from, end);
                }
                continue;
            };
            let mut strength = found.strength;
            if reading.doubtful || is_doubtful(text, programs) {
                strength = strength.min(Strength::Unusual);
            }
            let value = &self.buf[start..end];
            if is_option(value) || value == b"--" {
                continue;
            }
            if found.rule == "credentials" && !value.contains(&b'/') && value.contains(&b':') {
                self.mark_part(found.rule, Part::After(":"), start, end);
            } else if is_secret(value, strength) {
                self.mark(start, end, RuleRef::Builtin(found.rule));
            }
        }
    }

    /// Whether the programs' own rows say what the option in this word means: it is a mere flag,
    /// only a part of its value is secret, or its value is glued to it (`-prootpw`).
    fn is_read_by_row(&self, word: usize, programs: &Programs<'_>) -> bool {
        let option = self.inner_text(word);
        let glued = option.len() > 2 && option[1] != b'-' && !self.is_whole_name(word);
        programs.places().any(|place| match *place {
            Place::Harmless(name) | Place::Flag(name) => name.as_bytes() == option,
            Place::Long(name, part) => part != Part::Whole && name.as_bytes() == option,
            Place::Short(letter, _) | Place::Glued(letter, _) => glued && option[1] == letter,
            _ => false,
        })
    }
}

/// Whether any row of these programs says that this option often has a value against its manual.
fn is_doubtful(option: &[u8], programs: &Programs<'_>) -> bool {
    programs
        .places()
        .any(|place| matches!(place, Place::Doubtful(name) if name.as_bytes() == option))
}

/// Whether any row of these programs says that this option carries no secret.
pub(super) fn is_harmless(option: &[u8], programs: &Programs<'_>) -> bool {
    programs
        .places()
        .any(|place| matches!(place, Place::Harmless(name) if name.as_bytes() == option))
}

/// `--db-pw`, `--pat`: names whose hooks need what follows them.
fn is_short_name(option: &[u8]) -> bool {
    let tail = option.trim_ascii_end();
    tail.len() > 2 && (tail.ends_with(b"pw") || tail.ends_with(b"pat"))
}
