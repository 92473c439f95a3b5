//! Reading a name: does `DB_PASSWORD`, `--api-key` or `clientSecret` announce a secret?
//!
//! Owns: cutting a name into words and weighing them by the table in `rules`.
//! Must not: look at values, or allocate.
//! Invariant: the answer depends on the name alone, and names longer than `NAME_BYTES_MAX` are
//! no names.

use super::rules::{
    HARMLESS_HEADS, HARMLESS_TAILS, NAME_WORDS, NEUTRAL_TAILS, NOT_PASSWORDS, NameWord,
};
use super::value::Strength;

/// Longest name that is read. The longest in use (Spring, Azure) stay under 100 bytes.
pub(super) const NAME_BYTES_MAX: usize = 128;
/// Most words in one name; the last ones decide.
const NAME_WORDS_MAX: usize = 16;

/// Blanks allowed between a name, its separator and its value.
const BLANKS_MAX: usize = 16;

/// What a name announces: the rule that says so, and how sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Announced {
    pub rule: &'static str,
    pub strength: Strength,
}

/// Weighs a name; leading dashes and quotes are not part of it, but may be there.
pub(super) fn announce(name: &[u8]) -> Option<Announced> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let mut words = [&b""[..]; NAME_WORDS_MAX];
    let count = split_name(name, &mut words);
    let words = &words[..count];
    let mut end = count;
    let mut doubtful = false;
    // From the last word backwards: neutral words are passed over, a harmless one ends it.
    while end > 0 {
        let word = trim_digits(words[end - 1]);
        if let Some(found) = match_words(&words[..end]) {
            if is_harmless_head(&words[..end], found) {
                return None;
            }
            let strength = if doubtful {
                found.strength.min(Strength::Unusual)
            } else {
                found.strength
            };
            return Some(Announced {
                rule: found.rule,
                strength,
            });
        }
        if contains(HARMLESS_TAILS, word) {
            return None;
        }
        if !word.is_empty() && !contains(NEUTRAL_TAILS, word) {
            doubtful = true;
        }
        end -= 1;
    }
    None
}

/// Blanks at the head of a text, as far as they may separate a name from its value.
pub(super) fn blank_count(text: &[u8]) -> usize {
    text.iter()
        .take(BLANKS_MAX)
        .take_while(|byte| matches!(**byte, b' ' | b'\t'))
        .count()
}

/// Whether a `name=` begins here: then the delimiter before it was one.
pub(super) fn assignment_follows(text: &[u8]) -> bool {
    let blanks = blank_count(text);
    let rest = &text[blanks..];
    let name = rest
        .iter()
        .take(NAME_BYTES_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
        .count();
    // Keys of connection strings have two words at most: `User Id=`.
    let second = rest[name..].strip_prefix(b" ").map_or(0, |second| {
        1 + second
            .iter()
            .take(NAME_BYTES_MAX)
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count()
    });
    let ends = |at: usize| rest.get(at) == Some(&b'=');
    (name > 0 && (ends(name) || (second > 1 && ends(name + second)))) || rest.is_empty()
}

/// `Key=x` behind `Jwt:`
pub(super) fn is_longer_name(value: &[u8]) -> bool {
    match memchr::memchr(b'=', value) {
        Some(at) => {
            at > 0
                && at + 1 < value.len()
                && value[at + 1] != b'='
                && value[..at]
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_:.".contains(byte))
        }
        None => false,
    }
}

/// Whether a name says that its value is no secret: `username`, `db-host`, `ttl`.
pub(super) fn is_plain_name(name: &[u8]) -> bool {
    let mut words = [&b""[..]; NAME_WORDS_MAX];
    let name = &name[..name.len().min(NAME_BYTES_MAX)];
    let count = split_name(name, &mut words);
    count > 0 && contains(HARMLESS_TAILS, words[count - 1])
}

/// Words run together with a capital at each: `clientToken`, `OAuthFlow`.
pub(super) fn is_camel_name(name: &[u8]) -> bool {
    let mut upper_run = 0;
    let mut lower_run = 0;
    let mut words = 0;
    for byte in name {
        if byte.is_ascii_uppercase() {
            // One letter between two capitals is no word: `aBcD` is not camel case.
            if lower_run == 1 {
                return false;
            }
            upper_run += 1;
            lower_run = 0;
        } else if byte.is_ascii_lowercase() {
            if lower_run == 0 {
                words += 1;
            }
            lower_run += 1;
            upper_run = 0;
        } else {
            return false;
        }
    }
    words >= 1 && lower_run != 1 && upper_run <= 4
}

fn contains(list: &[&str], word: &[u8]) -> bool {
    list.iter()
        .any(|entry| word.eq_ignore_ascii_case(entry.as_bytes()))
}

/// Cuts at `_`, `-`, `.`, other signs, and before a capital after a small letter.
fn split_name<'n>(name: &'n [u8], words: &mut [&'n [u8]; NAME_WORDS_MAX]) -> usize {
    let mut count = 0;
    let mut start = 0;
    for at in 0..=name.len() {
        let sign = at == name.len() || !name[at].is_ascii_alphanumeric();
        let hump = !sign
            && at > start
            && name[at].is_ascii_uppercase()
            && (name[at - 1].is_ascii_lowercase()
                || (name[at - 1].is_ascii_uppercase()
                    && name.get(at + 1).is_some_and(u8::is_ascii_lowercase)));
        if !(sign || hump) {
            continue;
        }
        if at > start {
            if count == NAME_WORDS_MAX {
                words.copy_within(1.., 0);
                count -= 1;
            }
            words[count] = &name[start..at];
            count += 1;
        }
        start = if sign { at + 1 } else { at };
    }
    count
}

fn trim_digits(word: &[u8]) -> &[u8] {
    let end = word
        .iter()
        .rposition(|byte| !byte.is_ascii_digit())
        .map_or(0, |last| last + 1);
    &word[..end]
}

/// The table entry that the last words spell, if any.
fn match_words(words: &[&[u8]]) -> Option<&'static NameWord> {
    let last = trim_digits(words[words.len() - 1]);
    if last.is_empty() {
        return None;
    }
    // The last letter alone rules out nearly all entries.
    let letter = last[last.len() - 1].to_ascii_lowercase();
    let likely = |entry: &&NameWord| entry.word.as_bytes().last() == Some(&letter);
    NAME_WORDS
        .iter()
        .filter(likely)
        .find(|entry| match entry.before {
            None => ends_like(last, entry),
            Some(before) => {
                let joined = last.len() == before.len() + entry.word.len()
                    && last[..before.len()].eq_ignore_ascii_case(before.as_bytes())
                    && last[before.len()..].eq_ignore_ascii_case(entry.word.as_bytes());
                let glued = entry.glued && ends_with_pair(last, before, entry.word);
                let apart = last.eq_ignore_ascii_case(entry.word.as_bytes())
                    && words.len() >= 2
                    && words[words.len() - 2].eq_ignore_ascii_case(before.as_bytes());
                joined || glued || apart
            }
        })
}

fn ends_with_pair(word: &[u8], before: &str, last: &str) -> bool {
    let length = before.len() + last.len();
    word.len() > length
        && word[word.len() - last.len()..].eq_ignore_ascii_case(last.as_bytes())
        && word[word.len() - length..][..before.len()].eq_ignore_ascii_case(before.as_bytes())
}

fn ends_like(word: &[u8], entry: &NameWord) -> bool {
    let tail = entry.word.as_bytes();
    if word.len() == tail.len() || !entry.glued {
        return word.eq_ignore_ascii_case(tail);
    }
    word.len() > tail.len()
        && word[word.len() - tail.len()..].eq_ignore_ascii_case(tail)
        && !contains(NOT_PASSWORDS, word)
}

/// `no-password`, `max-token`, `public-key`: the word before takes the meaning away.
fn is_harmless_head(words: &[&[u8]], found: &NameWord) -> bool {
    let length = if found
        .before
        .is_some_and(|_| words[words.len() - 1].len() == found.word.len())
    {
        2
    } else {
        1
    };
    words.len() > length && contains(HARMLESS_HEADS, words[words.len() - length - 1])
}
