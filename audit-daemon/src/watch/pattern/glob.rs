//! One component of a pattern: `*`, `?`, `[a-z]`, escapes.
//!
//! OWNS: reading and matching one component. MUST NOT: know braces or slashes.
//!
//! Both pattern and name are read as units: a character of UTF-8, or one byte that belongs to
//! none. So `?` matches a whole letter, and `*` never ends within one.
//!
//! Invariant: a match goes back to the last `*` only, so it takes at most (units of the name) ×
//! (tokens) steps.

use super::{Component, PatternError};

/// Numbers of bytes that are no characters begin here, behind the last character.
const LONE_BYTE_BASE: u32 = 0x11_0000;

/// A component with wildcards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Glob {
    tokens: Box<[Token]>,
    prefix: Box<[u8]>,
    suffix: Box<[u8]>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Token {
    /// This unit.
    One(u32),
    /// Any unit.
    Any,
    /// Any units, also none.
    Star,
    /// A unit within one of the ranges, or within none of them.
    Class {
        negated: bool,
        ranges: Box<[(u32, u32)]>,
    },
}

impl Glob {
    /// `*`
    pub(super) fn any() -> Self {
        Self::new(vec![Token::Star])
    }

    fn new(tokens: Vec<Token>) -> Self {
        let one = |token: &Token| match token {
            Token::One(unit) => Some(*unit),
            _ => None,
        };
        let prefix: Vec<u32> = tokens.iter().map_while(one).collect();
        let mut suffix: Vec<u32> = tokens.iter().rev().map_while(one).collect();
        suffix.reverse();
        Self {
            prefix: bytes_of(&prefix),
            suffix: bytes_of(&suffix),
            tokens: tokens.into(),
        }
    }

    /// What each matching name begins with.
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// What each matching name ends with.
    pub fn suffix(&self) -> &[u8] {
        &self.suffix
    }

    /// Does it match this name?
    pub fn matches(&self, name: &[u8]) -> bool {
        let (mut token, mut at) = (0, 0);
        // Behind the last star, and what it has not yet taken.
        let mut retry: Option<(usize, usize)> = None;
        loop {
            let next = self.tokens.get(token);
            if next == Some(&Token::Star) {
                token += 1;
                if token == self.tokens.len() {
                    return true;
                }
                retry = Some((token, at));
                continue;
            }
            if at == name.len() {
                // Taking more leaves even less.
                return next.is_none();
            }
            let (unit, length) = unit_at(name, at);
            if next.is_some_and(|next| next.takes(unit)) {
                (token, at) = (token + 1, at + length);
                continue;
            }
            let Some((behind, untaken)) = retry else {
                return false;
            };
            let taken = untaken + unit_at(name, untaken).1;
            retry = Some((behind, taken));
            (token, at) = (behind, taken);
        }
    }
}

impl Token {
    fn takes(&self, unit: u32) -> bool {
        match self {
            Self::One(own) => *own == unit,
            Self::Any | Self::Star => true,
            Self::Class { negated, ranges } => {
                let within = ranges
                    .iter()
                    .any(|(low, high)| (low..=high).contains(&&unit));
                within != *negated
            }
        }
    }
}

/// The bytes that were read as these units.
fn bytes_of(units: &[u32]) -> Box<[u8]> {
    let mut bytes = Vec::with_capacity(units.len());
    for unit in units {
        match char::from_u32(*unit) {
            Some(c) => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            // A lone byte: its number is at most 255 above the base.
            None => bytes.push(unit.wrapping_sub(LONE_BYTE_BASE) as u8),
        }
    }
    bytes.into()
}

/// The unit at `at`, which is within `name`, and its length.
fn unit_at(name: &[u8], at: usize) -> (u32, usize) {
    let first = name[at];
    let length = match first {
        0..0x80 => return (first.into(), 1),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    let text = name
        .get(at..at + length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    match text.and_then(|text| text.chars().next()) {
        Some(c) => (c.into(), length),
        None => (LONE_BYTE_BASE + u32::from(first), 1),
    }
}

/// A byte of a component with its escapes undone.
#[derive(Debug, Clone, Copy)]
struct Raw {
    byte: u8,
    escaped: bool,
}

/// Reads a component, which holds no slash and is not empty.
pub(super) fn component(text: &[u8]) -> Result<Component, PatternError> {
    if text == b"**" {
        return Ok(Component::Tree);
    }
    let raw = unescape(text)?;
    let bytes: Vec<u8> = raw.iter().map(|raw| raw.byte).collect();
    if bytes.contains(&0) {
        return Err(PatternError::Nul);
    }
    let tokens = tokens(&raw, &bytes)?;
    if tokens.iter().any(|token| !matches!(token, Token::One(_))) {
        return Ok(Component::Glob(Glob::new(tokens)));
    }
    if bytes == b"." || bytes == b".." {
        return Err(PatternError::Dots);
    }
    Ok(Component::Name(bytes.into()))
}

fn unescape(text: &[u8]) -> Result<Vec<Raw>, PatternError> {
    let mut raw = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'\\' {
            raw.push(Raw {
                byte: *first,
                escaped: false,
            });
            continue;
        }
        let byte = match rest {
            [b'x', high, low, ..] => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16);
                let (Some(high), Some(low)) = (digit(high), digit(low)) else {
                    return Err(PatternError::Escape);
                };
                rest = &rest[3..];
                // Two hexadecimal digits are a byte.
                let byte = (high << 4 | low) as u8;
                if byte == b'/' {
                    return Err(PatternError::Escape);
                }
                byte
            }
            [other, ..] if other.is_ascii_punctuation() || *other == b' ' => {
                rest = &rest[1..];
                *other
            }
            _ => return Err(PatternError::Escape),
        };
        raw.push(Raw {
            byte,
            escaped: true,
        });
    }
    Ok(raw)
}

fn tokens(raw: &[Raw], bytes: &[u8]) -> Result<Vec<Token>, PatternError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < raw.len() {
        let (unit, length) = unit_at(bytes, at);
        match (raw[at].byte, raw[at].escaped) {
            (b'*', false) if tokens.last() == Some(&Token::Star) => {
                return Err(PatternError::PartialTree);
            }
            (b'*', false) => tokens.push(Token::Star),
            (b'?', false) => tokens.push(Token::Any),
            (b'[', false) => {
                let (class, end) = class(raw, bytes, at + 1)?;
                tokens.push(class);
                at = end;
                continue;
            }
            _ => tokens.push(Token::One(unit)),
        }
        at += length;
    }
    Ok(tokens)
}

/// The class whose opening bracket stands before `at`, and where it ends.
fn class(raw: &[Raw], bytes: &[u8], mut at: usize) -> Result<(Token, usize), PatternError> {
    let is = |at: usize, byte: u8| {
        raw.get(at)
            .is_some_and(|raw| raw.byte == byte && !raw.escaped)
    };
    let negated = is(at, b'!') || is(at, b'^');
    at += usize::from(negated);
    let mut ranges = Vec::new();
    // As in a shell, a bracket that closes nothing yet is one of the characters.
    while !is(at, b']') || ranges.is_empty() {
        if at >= raw.len() {
            return Err(PatternError::OpenClass);
        }
        let (low, length) = unit_at(bytes, at);
        at += length;
        let mut high = low;
        if is(at, b'-') && at + 1 < raw.len() && !is(at + 1, b']') {
            let (end, length) = unit_at(bytes, at + 1);
            (high, at) = (end, at + 1 + length);
        }
        if high < low {
            return Err(PatternError::BackwardRange);
        }
        ranges.push((low, high));
    }
    let ranges = ranges.into();
    Ok((Token::Class { negated, ranges }, at + 1))
}
