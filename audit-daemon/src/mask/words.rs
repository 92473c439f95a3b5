//! Splitting a script into shell words.
//!
//! Owns: where words, quotes and commands begin and end inside one argument (`sh -c '…'`).
//! Must not: expand, unquote into new memory, or know what a secret is. A word is a range of the
//! bytes that were given, so that whatever is found in it can be replaced in place.
//! Invariant: ranges are in order, never overlap, and lie inside the range that was split. The
//! work is linear in its length.

use super::MASKED;

/// How a word is joined to the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// The next argument of the same command.
    Same,
    /// The first word of a command that reads the output of the one before (`|`).
    Pipe,
    /// The first word of an unrelated command (`;`, `&&`, a new line, `$(` …).
    Next,
    /// The text of a here-string (`<<<`).
    HereString,
}

/// A word as it stands in the text, quotes included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub start: usize,
    pub end: usize,
    pub join: Join,
}

/// Appends the words of `buf[start..end]` to `words`.
///
/// `nested` says that the text itself stood in quotes inside a script: there `\"` is a quote.
pub(super) fn split_script(
    buf: &[u8],
    start: usize,
    end: usize,
    nested: bool,
    words: &mut Vec<Word>,
) {
    let mut join = Join::Next;
    let mut at = start;
    while at < end {
        if let Some((next, length)) = separator(&buf[at..end]) {
            // `a &&` + new line + `| b`: the last separator decides, but a blank one keeps it.
            join = next.unwrap_or(join);
            at += length;
            continue;
        }
        if buf[at] == b'#' && (at == start || buf[at - 1].is_ascii_whitespace()) {
            at += line_length(&buf[at..end]);
            continue;
        }
        let stop = word_end(buf, at, end, nested);
        words.push(Word {
            start: at,
            end: stop,
            join,
        });
        join = Join::Same;
        at = stop;
    }
}

/// The range without one pair of enclosing quotes, plain or escaped.
pub(super) fn unquoted(buf: &[u8], start: usize, end: usize) -> (usize, usize) {
    let text = &buf[start..end];
    for quote in [&b"\""[..], b"'", b"\\\"", b"\\'", b"$'", b"$\""] {
        let close = if quote[0] == b'$' { &quote[1..] } else { quote };
        if text.len() >= quote.len() + close.len()
            && text.starts_with(quote)
            && text.ends_with(close)
        {
            return (start + quote.len(), end - close.len());
        }
    }
    (start, end)
}

/// A separator at the head of `text`: what it starts (`None`: it only ends the word), its length.
fn separator(text: &[u8]) -> Option<(Option<Join>, usize)> {
    if is_plain(text[0]) || text.starts_with(MASKED) {
        return None;
    }
    let two = text.get(1).copied();
    Some(match text[0] {
        b'\n' | b';' => (Some(Join::Next), 1),
        byte if byte.is_ascii_whitespace() => (None, 1),
        b'\\' if two == Some(b'\n') => (None, 2),
        b'|' if two == Some(b'|') => (Some(Join::Next), 2),
        b'|' if two == Some(b'&') => (Some(Join::Pipe), 2),
        b'|' => (Some(Join::Pipe), 1),
        b'&' if two == Some(b'>') => (None, 2),
        b'&' => (Some(Join::Next), 1 + usize::from(two == Some(b'&'))),
        b'(' | b')' | b'`' => (Some(Join::Next), 1),
        b'$' if two == Some(b'(') => (Some(Join::Next), 2),
        b'<' if text.starts_with(b"<<<") => (Some(Join::HereString), 3),
        b'<' | b'>' => (None, 1),
        _ => return None,
    })
}

/// Means nothing to a shell, wherever it stands.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/' | b'.' | b'_' | b'=' | b':')
}

fn line_length(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).unwrap_or(text.len())
}

fn word_end(buf: &[u8], start: usize, end: usize, nested: bool) -> usize {
    let mut at = start;
    while at < end {
        if is_plain(buf[at]) {
            at += 1;
            continue;
        }
        let rest = &buf[at..end];
        if rest.starts_with(MASKED) {
            at += MASKED.len();
        } else if rest.starts_with(b"${") {
            at += memchr::memchr(b'}', rest).map_or(rest.len(), |close| close + 1);
        } else if rest[0] == b'\\' && nested && matches!(rest.get(1), Some(b'"' | b'\'')) {
            at += escaped_quote_length(rest);
        } else if rest[0] == b'\\' && rest.get(1) != Some(&b'\n') {
            at += 2;
        } else if rest[0] == b'\'' {
            at += memchr::memchr(b'\'', &rest[1..]).map_or(rest.len(), |close| close + 2);
        } else if rest[0] == b'"' {
            at += double_quoted_length(rest);
        } else if rest.starts_with(b"$(") && at > start {
            // `--opt=$(command)`: the word ends here, the command inside is read on its own.
            break;
        } else if separator(rest).is_some() {
            break;
        } else {
            at += 1;
        }
    }
    at.min(end).max(start + 1)
}

fn double_quoted_length(text: &[u8]) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// `\"…\"`, both quotes escaped, as in a script inside a quoted script.
fn escaped_quote_length(text: &[u8]) -> usize {
    match memchr::memmem::find(&text[2..], &text[..2]) {
        Some(close) => close + 4,
        None => 2,
    }
}
