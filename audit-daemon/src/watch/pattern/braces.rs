//! `{a,b}`: from one pattern to the patterns it stands for.
//!
//! OWNS: braces, their nesting and the bound of what they stand for. MUST NOT: know any other
//! wildcard, except that braces inside `[ ]` and behind a backslash are none.
//!
//! Invariant: the work is bounded by [`ALTERNATIVES_MAX`] × the longest pattern, however deep the
//! braces are nested.

use super::{ALTERNATIVES_MAX, PATTERN_BYTES_MAX, PatternError};

/// Braces within braces. Nobody reads more, and each is a frame of the stack.
const DEPTH_MAX: usize = 16;

/// All patterns that `text` stands for, in the order in which they are written.
pub(super) fn expand(text: &[u8]) -> Result<Vec<Vec<u8>>, PatternError> {
    let mut rest = text;
    let all = sequence(&mut rest, 0)?;
    match rest {
        [] => Ok(all),
        _ => Err(PatternError::StrayBrace),
    }
}

/// What the text up to the end of an alternative stands for; at depth 0 up to the end.
fn sequence(rest: &mut &[u8], depth: usize) -> Result<Vec<Vec<u8>>, PatternError> {
    let mut all: Vec<Vec<u8>> = vec![Vec::new()];
    while let Some(first) = rest.first() {
        match first {
            b'{' => {
                *rest = &rest[1..];
                all = product(&all, &group(rest, depth + 1)?)?;
            }
            b'}' => break,
            b',' if depth > 0 => break,
            _ => {
                let (plain, behind) = rest.split_at(plain_len(rest, depth > 0));
                all.iter_mut().for_each(|one| one.extend_from_slice(plain));
                *rest = behind;
            }
        }
    }
    Ok(all)
}

/// What stands between braces; the opening one is already read.
fn group(rest: &mut &[u8], depth: usize) -> Result<Vec<Vec<u8>>, PatternError> {
    if depth > DEPTH_MAX {
        return Err(PatternError::TooManyAlternatives);
    }
    let mut all = Vec::new();
    loop {
        all.append(&mut sequence(rest, depth)?);
        if all.len() > ALTERNATIVES_MAX {
            return Err(PatternError::TooManyAlternatives);
        }
        let Some((end, behind)) = rest.split_first() else {
            return Err(PatternError::OpenBrace);
        };
        *rest = behind;
        if *end == b'}' {
            return Ok(all);
        }
    }
}

/// Each beginning with each end.
fn product(heads: &[Vec<u8>], tails: &[Vec<u8>]) -> Result<Vec<Vec<u8>>, PatternError> {
    if heads.len().saturating_mul(tails.len()) > ALTERNATIVES_MAX {
        return Err(PatternError::TooManyAlternatives);
    }
    let mut all = Vec::with_capacity(heads.len() * tails.len());
    for head in heads {
        for tail in tails {
            let whole = [head.as_slice(), tail].concat();
            if whole.len() > PATTERN_BYTES_MAX {
                return Err(PatternError::TooLong);
            }
            all.push(whole);
        }
    }
    Ok(all)
}

/// Bytes up to the next brace, or comma inside braces, that means something.
fn plain_len(text: &[u8], inside: bool) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' | b'}' => break,
            b',' if inside => break,
            b'\\' => at = (at + 2).min(text.len()),
            b'[' => at += class_len(&text[at..]),
            _ => at += 1,
        }
    }
    at
}

/// Length of the class that `text` begins with; 1 if it is none, which is refused later.
fn class_len(text: &[u8]) -> usize {
    let mut at = 1;
    if matches!(text.get(at), Some(b'!' | b'^')) {
        at += 1;
    }
    let first = at;
    while let Some(byte) = text.get(at) {
        match byte {
            b']' if at > first => return at + 1,
            b'/' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    1
}
