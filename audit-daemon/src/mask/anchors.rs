//! The prefilter: one pass that finds every place where a secret could be announced.
//!
//! Owns: the automaton over all hooks of the rule table, and which rule group each belongs to.
//! Must not: decide that something is a secret.
//! Invariant: no secret is found anywhere without an anchor in the same text, so "no anchor" means
//! "nothing to mask". The search is linear, case-insensitive, and allocates nothing.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};

use super::rules::{CONNECT_CALLS, LOGIN_OPTIONS, NAME_HOOKS, PROGRAMS, Place, SHAPES};

/// What an anchor may announce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// A part of a secret's name.
    Name,
    /// The prefix of a token, by its row in `SHAPES`.
    Shape(usize),
    /// `://`
    Url,
    /// `thin:`, before the user and password of Oracle's JDBC URL.
    OracleUrl,
    /// `PRIVATE KEY`
    PrivateKey,
    /// The head of a PuTTY key file.
    PuttyKey,
    /// SQL's `IDENTIFIED … BY`.
    Identified,
    /// `:AA`, between the number and the secret of a Telegram bot.
    Telegram,
    /// A call that connects to a database.
    Connect,
    /// A program that takes secrets, or a pipe into one: nothing at this very place.
    Program,
}

#[derive(Debug)]
pub(super) struct Anchors {
    automaton: AhoCorasick,
    anchors: Vec<Anchor>,
}

impl Anchors {
    /// Builds the automaton; `custom_names` and `custom_programs` are literals of custom rules.
    pub(super) fn new(custom: &[String]) -> Result<Self, BuildError> {
        let mut patterns: Vec<(Vec<u8>, Anchor)> = vec![
            (b"://".to_vec(), Anchor::Url),
            (b"thin:".to_vec(), Anchor::OracleUrl),
            (b"PRIVATE KEY".to_vec(), Anchor::PrivateKey),
            (b"PuTTY-User-Key-File".to_vec(), Anchor::PuttyKey),
            (b"identified".to_vec(), Anchor::Identified),
            (b":AA".to_vec(), Anchor::Telegram),
            (b"<<<".to_vec(), Anchor::Program),
        ];
        patterns.extend(
            NAME_HOOKS
                .iter()
                .map(|hook| (hook.as_bytes().to_vec(), Anchor::Name)),
        );
        for (row, shape) in SHAPES.iter().enumerate() {
            patterns.push((shape.prefix.as_bytes().to_vec(), Anchor::Shape(row)));
        }
        for call in CONNECT_CALLS {
            patterns.push((call.as_bytes().to_vec(), Anchor::Connect));
        }
        for option in LOGIN_OPTIONS {
            for tail in [" ", "\0", "="] {
                patterns.push((format!("{option}{tail}").into_bytes(), Anchor::Program));
            }
        }
        patterns.extend(program_patterns());
        // A literal of a custom rule may be the whole of a name, or of a program's option.
        patterns.extend(
            custom
                .iter()
                .map(|text| (text.as_bytes().to_vec(), Anchor::Name)),
        );
        patterns.sort_by(|a, b| a.0.cmp(&b.0));
        patterns.dedup();
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(patterns.iter().map(|(bytes, _)| bytes))?;
        let anchors = patterns.into_iter().map(|(_, anchor)| anchor).collect();
        Ok(Self { automaton, anchors })
    }

    /// Whether there is any anchor at all. This is the fast path.
    pub(super) fn any(&self, text: &[u8]) -> bool {
        self.automaton.is_match(text)
    }

    /// All anchors, by where they end: `(start, end, anchor)`.
    pub(super) fn all<'t>(
        &'t self,
        text: &'t [u8],
    ) -> impl Iterator<Item = (usize, usize, Anchor)> + 't {
        self.automaton.find_overlapping_iter(text).map(|found| {
            (
                found.start(),
                found.end(),
                self.anchors[found.pattern().as_usize()],
            )
        })
    }
}

/// Programs that need an anchor of their own: those whose secrets follow no telling name.
fn program_patterns() -> Vec<(Vec<u8>, Anchor)> {
    let mut patterns = Vec::new();
    for program in PROGRAMS {
        let told_by_name = |place: &Place| {
            use Place::{Doubtful, Flag, Harmless, Named};
            matches!(place, Named | Harmless(_) | Flag(_) | Doubtful(_))
        };
        let piped = |place: &Place| matches!(place, Place::Piped(..));
        if program.places.iter().all(told_by_name) {
            continue;
        }
        // A file that the row needs is rarer than `echo`.
        let file = program.sub.last().and_then(|sub| sub.strip_prefix("*."));
        if let Some(file) = file.filter(|file| *file != "*") {
            patterns.push((format!(".{file}").into_bytes(), Anchor::Program));
            continue;
        }
        let only_piped = program.places.iter().all(piped);
        for name in program.programs {
            let heads: &[&str] = if only_piped {
                &["|", "| ", "|\0"]
            } else {
                &[""]
            };
            let tails: &[&str] = if only_piped { &[""] } else { &[" ", "\0"] };
            for head in heads {
                for tail in tails {
                    let pattern = format!("{head}{name}{tail}").into_bytes();
                    patterns.push((pattern, Anchor::Program));
                }
            }
        }
        if only_piped {
            patterns.push((b"| /usr/".to_vec(), Anchor::Program));
        }
    }
    patterns
}
