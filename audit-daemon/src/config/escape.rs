//! Text from configuration files, made safe to print.
//!
//! OWNS: the escaping of keys, values, source lines and paths in error messages.
//! MUST NOT: be used for records, whose strings the JSON writer escapes.
//!
//! Invariant: what leaves this module holds no control character and none that
//! changes the direction or the breaking of text, so it cannot act on a terminal.
//! The set is that of the records ("Bytes and keys"), so both look alike.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

/// Longest piece of foreign text inside a message, in characters: two such pieces
/// still leave the sentence around them readable in an 80-column terminal.
const INLINE_CHARS_MAX: usize = 64;

/// Is printing this character more than showing it?
pub(super) fn is_active(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{feff}'
        )
        || matches!(c, '\u{2066}'..='\u{2069}')
}

/// Appends `c`, escaped if it is active.
pub(super) fn push(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_active(c) => {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// `text` escaped, and cut with `…` when it is too long for a message.
pub(super) fn inline(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == INLINE_CHARS_MAX {
            out.push('…');
            break;
        }
        push(&mut out, c);
    }
    out
}

/// Bytes that may not be UTF-8: every other byte becomes `\xHH`. Never cut.
pub(super) fn bytes(raw: &[u8]) -> String {
    let mut out = String::new();
    for chunk in raw.utf8_chunks() {
        chunk.valid().chars().for_each(|c| push(&mut out, c));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// A file name. Never cut: a path is only of use when it is whole.
pub(super) fn path(path: &OsStr) -> String {
    bytes(path.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_escaped_and_the_rest_is_kept() {
        assert_eq!(
            inline("\u{1b}[31m\u{7f}\u{9b}x"),
            "\\u001b[31m\\u007f\\u009bx"
        );
        assert_eq!(
            inline("a\u{202e}b\u{2066}c\u{feff}d"),
            "a\\u202eb\\u2066c\\ufeffd"
        );
        assert_eq!(inline("a\tb\nc\rd"), "a\\tb\\nc\\rd");
        assert_eq!(inline("Grüße \\ 日本"), "Grüße \\ 日本");
        assert_eq!(bytes(b"/etc/\xff\x1b/x"), "/etc/\\xff\\u001b/x");
    }

    #[test]
    fn long_text_is_cut_at_a_whole_character() {
        let shown = inline(&"ä".repeat(1_000));
        assert_eq!(shown, format!("{}…", "ä".repeat(INLINE_CHARS_MAX)));
        assert_eq!(
            inline(&"ä".repeat(INLINE_CHARS_MAX)),
            "ä".repeat(INLINE_CHARS_MAX)
        );
    }
}
