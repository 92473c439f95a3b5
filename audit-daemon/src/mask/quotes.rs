//! Quotes and brackets around a value: where it begins and where it ends.
//!
//! Owns: what closes what, in shells, JSON and program text alike.
//! Must not: judge the value, or know names.
//! Invariant: looks at a bounded stretch before the value, and at the value.

use super::names::NAME_BYTES_MAX;
use super::rules::WRAPPING_CALLS;

/// The end of a quoted value: the same quote with as many escapes before it.
pub(super) fn quoted_end(buf: &[u8], start: usize, quote: u8, escapes: usize) -> usize {
    let mut at = start;
    while at < buf.len() {
        let run = buf[at..].iter().take_while(|byte| **byte == b'\\').count();
        match buf.get(at + run) {
            // Fewer escapes close an outer quote: the text was cut, or badly quoted.
            Some(&byte) if byte == quote && run <= escapes => return at,
            Some(_) => at += run + 1,
            None => return buf.len(),
        }
    }
    buf.len()
}

/// Whether this quote was opened right before the name, or in the words before it on the line.
pub(super) fn is_open_quote(before: &[u8], quote: u8) -> bool {
    let near = &before[before.len().saturating_sub(NAME_BYTES_MAX)..];
    let line = memchr::memrchr(b'\n', near).map_or(near, |end| &near[end + 1..]);
    let prompt = memchr::memrchr(quote, line).is_some_and(|open| {
        let words = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b' ';
        line[open + 1..].iter().all(words)
    });
    prompt && memchr::memchr_iter(quote, line).count() % 2 == 1
}

/// `}` or `]` with nothing but more of them behind: what was opened before the name ends here.
pub(super) fn closes(rest: &[u8]) -> bool {
    let run = rest
        .iter()
        .take_while(|byte| b"]})\"'".contains(byte))
        .count();
    rest.get(run)
        .is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b',')
}

/// `bcrypt(` before a quote: the bytes up to that quote.
pub(super) fn wrapping_call_length(text: &[u8]) -> usize {
    let name = text
        .iter()
        .take(NAME_BYTES_MAX)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"_:.\\$".contains(byte))
        .count();
    let [b'(', b'"' | b'\'' | b'\\', ..] = text[name..] else {
        return 0;
    };
    let last = text[..name].iter().rposition(|byte| b":.\\".contains(byte));
    let call = &text[last.map_or(0, |at| at + 1)..name];
    let known = WRAPPING_CALLS
        .iter()
        .any(|word| call.eq_ignore_ascii_case(word.as_bytes()));
    if known { name + 1 } else { 0 }
}
