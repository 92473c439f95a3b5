//! Keeping secrets out of records.
//!
//! Owns: finding passwords, tokens and keys in command lines, environment values and single texts,
//! and replacing each by `<masked>`. It runs before a record is made: what is hashed into the log
//! can never be taken back.
//! Must not: read configuration files, build records, keep anything of one event for the next, or
//! fail at run time. It sees bytes, not strings: what a process passes may be anything.
//!
//! Way of an argument vector: `anchors` looks for any hook of the rule table in one pass (none:
//! done, nothing was copied). Then `commands` walks the command: `programs` applies the rows of the
//! programs in it, `kinds` tells what each argument is, `words` splits scripts (`sh -c '…'`),
//! `feeds` follows pipes, `custom` applies the operator's rules. Every argument goes through `text`
//! (assignments), `phrases` (headers, SQL) and `syntax` (URLs, tokens, key blocks); `names` and
//! `value` judge, `scan` replaces. `rules` is the table they all read.
//!
//! Invariants: the number of arguments never changes; masking twice is masking once; time is
//! linear in the input; bytes outside the marks are untouched.

mod anchors;
mod blocks;
mod calls;
mod commands;
mod custom;
mod feeds;
mod kinds;
mod logins;
mod names;
mod parts;
mod phrases;
mod programs;
mod quotes;
mod rules;
mod scan;
mod sql;
mod subcommands;
mod syntax;
mod text;
mod value;
mod words;

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use thiserror::Error;

use anchors::Anchors;
pub use custom::CustomRule;
use custom::{Compiled, is_builtin};
use programs::Directory;
use scan::{RuleRef, Scan, Span};
use words::Word;

/// What a record shows in place of a secret.
pub const MASKED: &[u8] = b"<masked>";

/// Rounds until masking its own result finds nothing more. Two are usual.
const ROUNDS_MAX: usize = 8;

/// The `[masking]` part of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MaskSettings {
    pub enabled: bool,
    /// Rules beside the built-in ones.
    pub rules: Vec<CustomRule>,
    /// Built-in rules to leave out, by the name that the mark shows.
    pub disabled_rules: Vec<String>,
}

impl Default for MaskSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            rules: Vec::new(),
            disabled_rules: Vec::new(),
        }
    }
}

/// Why the settings cannot be used.
#[derive(Debug, Error)]
pub enum MaskError {
    #[error(
        "masking rule {number}: the name {rule:?} must be 1 to 64 of the characters a-z, 0-9 and -"
    )]
    BadName { number: usize, rule: String },
    #[error("masking rule {rule}: this name is a built-in rule's; choose another")]
    BuiltinName { rule: String },
    #[error("masking rule {rule}: defined twice; give each rule a name of its own")]
    DuplicateName { rule: String },
    #[error("masking rule {rule}: matches nothing; give it options, variables or a pattern")]
    RuleIsEmpty { rule: String },
    #[error(
        "masking rule {rule}: option {option:?} must begin with -, / or +, name something, and \
         stand without its = and value"
    )]
    BadOption { rule: String, option: String },
    #[error(
        "masking rule {rule}: variable {variable:?} must hold at least two characters beside * in \
         a row, of letters, digits, _, - and ."
    )]
    BadVariable { rule: String, variable: String },
    #[error("masking rule {rule}: the pattern is no regular expression: {source}")]
    BadPattern {
        rule: String,
        source: Box<regex::Error>,
    },
    #[error(
        "masking rule {rule}: the pattern has {groups} capture groups; put exactly one pair of \
         parentheses, around the secret, and use (?:…) elsewhere"
    )]
    CaptureGroups { rule: String, groups: usize },
    #[error("masking: disabled_rules names {rule:?}, which is no built-in rule")]
    UnknownRule { rule: String },
    #[error("masking: the rules are too many or too long for one search: {source}")]
    TooLarge {
        source: Box<aho_corasick::BuildError>,
    },
}

/// Finds and replaces secrets. Built once, shared by all.
#[derive(Debug)]
pub struct Masker {
    enabled: bool,
    anchors: Anchors,
    directory: Directory,
    custom: Vec<Compiled>,
    /// A custom regular expression has no anchor: every text must be looked at.
    has_patterns: bool,
    disabled_rules: Vec<String>,
}

/// Memory that one thread keeps from masking to masking.
#[derive(Debug, Default)]
pub struct Scratch {
    spans: Vec<Span>,
    found: Vec<Span>,
    words: Vec<Word>,
    out: Vec<u8>,
}

/// A text in which at least one secret was replaced.
#[derive(Debug, Clone, Copy)]
pub struct Masked<'s> {
    bytes: &'s [u8],
    spans: &'s [Span],
    masker: &'s Masker,
}

/// One replaced secret, as `unmapped.masked` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark<'s> {
    pub rule: &'s str,
    /// Bytes of the secret.
    pub length: u32,
}

impl<'s> Masked<'s> {
    /// The text with `<masked>` in the place of each secret.
    pub fn bytes(&self) -> &'s [u8] {
        self.bytes
    }

    /// The marks in order of occurrence; never empty.
    pub fn marks(&self) -> impl ExactSizeIterator<Item = Mark<'s>> + use<'s> {
        let masker = self.masker;
        self.spans.iter().map(move |span| Mark {
            rule: masker.rule_name(span.rule),
            length: u32::try_from(span.end - span.start).unwrap_or(u32::MAX),
        })
    }
}

impl Masker {
    /// Checks the settings and compiles the table.
    pub fn new(settings: &MaskSettings) -> Result<Self, MaskError> {
        if let Some(rule) = settings
            .disabled_rules
            .iter()
            .find(|rule| !is_builtin(rule))
        {
            return Err(MaskError::UnknownRule { rule: rule.clone() });
        }
        let (custom, literals) = custom::compile(&settings.rules)?;
        let anchors = Anchors::new(&literals).map_err(|source| MaskError::TooLarge {
            source: Box::new(source),
        })?;
        Ok(Self {
            enabled: settings.enabled,
            anchors,
            directory: Directory::new(),
            has_patterns: custom.iter().any(|rule| rule.pattern.is_some()),
            custom,
            disabled_rules: settings.disabled_rules.clone(),
        })
    }

    /// Masks arguments separated by NUL. `None`: there is nothing to mask.
    pub fn mask_argv<'s>(&'s self, argv: &[u8], scratch: &'s mut Scratch) -> Option<Masked<'s>> {
        if !self.worth_a_look(argv) {
            return None;
        }
        self.run(argv, scratch, |scan| scan.argv())
    }

    /// Masks the value of one environment variable. `None`: there is nothing to mask.
    pub fn mask_env<'s>(
        &'s self,
        name: &[u8],
        value: &[u8],
        scratch: &'s mut Scratch,
    ) -> Option<Masked<'s>> {
        // The hooks of `DB_PW` and `GH_PAT` need what follows the name in a command line.
        let short =
            |tail: &[u8]| name.len() >= 2 && name[name.len() - 2..].eq_ignore_ascii_case(tail);
        let named = || self.anchors.any(name) || short(b"pw") || short(b"at");
        if !self.enabled || value.is_empty() || !(self.worth_a_look(value) || named()) {
            return None;
        }
        self.run(value, scratch, |scan| scan.environment(name))
    }

    /// Masks a text that stands alone: a path, a process title, a URL. `None`: nothing to mask.
    pub fn mask_text<'s>(&'s self, text: &[u8], scratch: &'s mut Scratch) -> Option<Masked<'s>> {
        if !self.worth_a_look(text) {
            return None;
        }
        self.run(text, scratch, |scan| scan.lone_text())
    }

    fn worth_a_look(&self, text: &[u8]) -> bool {
        self.enabled && (self.has_patterns || self.anchors.any(text))
    }

    fn run<'s>(
        &'s self,
        buf: &[u8],
        scratch: &'s mut Scratch,
        find: impl Fn(&mut Scan<'_>),
    ) -> Option<Masked<'s>> {
        let Scratch {
            spans,
            found,
            words,
            out,
        } = scratch;
        spans.clear();
        words.clear();
        find(&mut Scan {
            masker: self,
            buf,
            spans,
            words,
        });
        scan::settle(buf, spans);
        // What is gone may change how the rest reads; go on until masking again finds nothing.
        for _ in 0..ROUNDS_MAX {
            if spans.is_empty() {
                return None;
            }
            scan::write(buf, spans, out);
            found.clear();
            words.clear();
            find(&mut Scan {
                masker: self,
                buf: out,
                spans: found,
                words,
            });
            scan::settle(out, found);
            if found.is_empty() {
                break;
            }
            scan::map_back(spans, found);
            spans.append(found);
            scan::settle(buf, spans);
        }
        scan::write(buf, spans, out);
        Some(Masked {
            bytes: out,
            spans,
            masker: self,
        })
    }

    fn rule_name(&self, rule: RuleRef) -> &str {
        match rule {
            RuleRef::Builtin(name) => name,
            RuleRef::Custom(at) => &self.custom[at].name,
        }
    }

    fn is_switched_off(&self, rule: &str) -> bool {
        self.disabled_rules.iter().any(|name| name == rule)
    }
}
