//! Splitting a script into shell words.
//!
//! Owns: where words, quotes and commands begin and end inside one argument (`sh -c '…'`).
//! Must not: expand, unquote into new memory, or know what a secret is. A word is a range of the
//! bytes that were given, so that whatever is found in it can be replaced in place.
//! Invariant: ranges are in order, never overlap, and lie inside the range that was split. The
//! work is linear in its length.

use super::MASKED;

/// So far is the end of a quoted text with commands in it looked for. A longer one ends at its
/// first quote, which bounds the work on texts where nothing is closed.
const SUBSTITUTION_BYTES_MAX: usize = 4096;
/// Quotes and commands open at the same time: eight commands deep, each in quotes, and brackets.
const SUBSTITUTIONS_MAX: usize = 24;

/// Escapes before a quote: four scripts within each other take 15.
const ESCAPES_MAX: usize = 31;

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
    let (Some(&first), Some(b'"' | b'\'')) = (text.first(), text.last()) else {
        return (start, end);
    };
    let open = match first {
        b'"' | b'\'' => 1,
        b'$' if matches!(text.get(1), Some(b'"' | b'\'')) => 2,
        b'\\' => escaped_quote(text).unwrap_or(0),
        _ => 0,
    };
    // Only the `$` of `$'…'` is not repeated at the end.
    let close = &text[usize::from(first == b'$')..open.max(1)];
    let inner = text.len().saturating_sub(close.len());
    let escaped_more = first == b'\\' && inner > 0 && text[inner - 1] == b'\\';
    if open > 0 && inner >= open && text.ends_with(close) && !escaped_more {
        return (start + open, start + inner);
    }
    (start, end)
}

/// The length of `\"`, `\\\"` and so on at the head of a text.
fn escaped_quote(text: &[u8]) -> Option<usize> {
    let escapes = escape_count(text);
    (escapes > 0 && matches!(text.get(escapes), Some(b'"' | b'\''))).then_some(escapes + 1)
}

fn escape_count(text: &[u8]) -> usize {
    text.iter()
        .take(ESCAPES_MAX)
        .take_while(|byte| **byte == b'\\')
        .count()
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
        // A command in back quotes inside one.
        b'\\' if text.get(escape_count(text)) == Some(&b'`') => {
            (Some(Join::Next), escape_count(text) + 1)
        }
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
        } else if rest[0] == b'\\' && nested && escaped_quote(rest).is_some() {
            at += escaped_quote(rest).map_or(2, |quote| escaped_quote_length(rest, quote));
        } else if rest[0] == b'\\' && rest.get(escape_count(rest)) == Some(&b'`') {
            break;
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

/// `"…"`: to its end, past the quotes of commands inside it (`"$(id "$USER")"`).
fn double_quoted_length(text: &[u8]) -> usize {
    let near = &text[..text.len().min(SUBSTITUTION_BYTES_MAX)];
    if let Some(open) = memchr::memmem::find(near, b"$(")
        && memchr::memchr(b'"', &text[1..open]).is_none()
        && let Some(length) = substituted_length(near)
    {
        return length;
    }
    plain_quoted_length(text)
}

/// The length of a quoted text in which commands, quotes and commands again are nested, if each
/// is closed.
fn substituted_length(text: &[u8]) -> Option<usize> {
    // The quotes that are open, outermost first: `true` is `"`, `false` a `$(`.
    let mut open = [false; SUBSTITUTIONS_MAX];
    let mut depth = 1;
    open[0] = true;
    let mut at = 1;
    while at < text.len() {
        let quoted = open[depth - 1];
        let push = match text[at] {
            b'\\' => {
                at += 1;
                None
            }
            b'$' if text.get(at + 1) == Some(&b'(') => {
                at += 1;
                Some(false)
            }
            b'(' if !quoted => Some(false),
            b'"' if !quoted => Some(true),
            b'\'' if !quoted => {
                at += 1 + memchr::memchr(b'\'', &text[at + 1..])?;
                None
            }
            b'"' | b')' if quoted == (text[at] == b'"') => {
                depth -= 1;
                None
            }
            _ => None,
        };
        at += 1;
        if depth == 0 {
            return Some(at);
        }
        if let Some(quote) = push {
            *open.get_mut(depth)? = quote;
            depth += 1;
        }
    }
    None
}

fn plain_quoted_length(text: &[u8]) -> usize {
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

/// `\"…\"`, both quotes escaped alike, as in a script inside a quoted script.
fn escaped_quote_length(text: &[u8], quote: usize) -> usize {
    let close = memchr::memmem::find_iter(&text[quote..], &text[..quote])
        .find(|at| text[quote + at - 1] != b'\\' || *at == 0);
    match close {
        Some(close) => close + 2 * quote,
        None => quote,
    }
}
