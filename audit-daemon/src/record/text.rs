//! Bytes to JSON strings.
//!
//! OWNS: the escapes of RECORDS 1 (short ones, `\u00XX`, and `\uXXXX` for what a terminal could
//! act on), `\xHH` for bytes that are not UTF-8, cutting at whole characters, base64.
//! MUST NOT: know which attribute it writes.
//!
//! Nearly every string is printable ASCII, so that is asked first, eight bytes at a time, and then
//! the string is copied.

/// Appends `bytes` as the inside of a JSON string; true if they were UTF-8, so that the string
/// *is* the bytes.
pub fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) -> bool {
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
        return true;
    }
    let mut exact = true;
    for chunk in bytes.utf8_chunks() {
        push_str(out, chunk.valid());
        for &byte in chunk.invalid() {
            exact = false;
            let hex = [
                b'\\',
                b'\\',
                b'x',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ];
            out.extend_from_slice(&hex);
        }
    }
    exact
}

/// Appends `text` as the inside of a JSON string.
pub fn push_str(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let (mut done, mut at) = (0, 0);
    while at < bytes.len() {
        if PLAIN[usize::from(bytes[at])] {
            at += 1;
            continue;
        }
        let (width, escape) = escape_at(bytes, at);
        if let Some(escape) = escape {
            out.extend_from_slice(&bytes[done..at]);
            push_escape(out, escape);
            done = at + width;
        }
        at += width;
    }
    out.extend_from_slice(&bytes[done..]);
}

/// Are these all printable ASCII that JSON takes as it is?
pub fn is_plain(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut found = 0;
    for word in words {
        found |= not_plain(u64::from_le_bytes(*word));
    }
    match (rest, bytes.last_chunk::<8>()) {
        ([], _) => {}
        // The last word overlaps the one before: cheaper than byte by byte.
        (_, Some(word)) => found |= not_plain(u64::from_le_bytes(*word)),
        (few, None) => return found == 0 && few.iter().all(|&b| PLAIN_ASCII[usize::from(b)]),
    }
    found == 0
}

/// Not zero if one of eight bytes is a control, DEL, a quote, a backslash or beyond ASCII. A carry
/// may also blame the byte behind a bad one, which changes nothing.
fn not_plain(word: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let zero = |x: u64| x.wrapping_sub(EACH) & !x;
    let control = word.wrapping_sub(EACH * 0x20) & !word;
    let special =
        zero(word ^ (EACH * 0x22)) | zero(word ^ (EACH * 0x5c)) | zero(word ^ (EACH * 0x7f));
    (word | control | special) & (EACH * 0x80)
}

/// The longest beginning of `bytes` that is no longer than `limit` and ends at a whole character.
pub fn cut(bytes: &[u8], limit: usize) -> &[u8] {
    if bytes.len() <= limit {
        return bytes;
    }
    for back in 1..=3.min(limit) {
        let start = limit - back;
        let width = utf8_width(bytes[start]);
        if width > back && width <= bytes.len() - start {
            let straddles = std::str::from_utf8(&bytes[start..start + width]).is_ok();
            return if straddles {
                &bytes[..start]
            } else {
                &bytes[..limit]
            };
        }
    }
    &bytes[..limit]
}

/// `bytes` without a character that a cut left incomplete at their end.
pub fn without_torn_end(bytes: &[u8]) -> &[u8] {
    for back in 1..=3.min(bytes.len()) {
        let start = bytes.len() - back;
        if let Err(error) = std::str::from_utf8(&bytes[start..])
            && error.valid_up_to() == 0
            && error.error_len().is_none()
        {
            return &bytes[..start];
        }
    }
    bytes
}

/// Appends the standard base64 of `bytes`, with padding.
pub fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    for group in bytes.chunks(3) {
        let byte = |i: usize| u32::from(group.get(i).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= group.len() { digit } else { b'=' });
        }
    }
}

pub const HEX: &[u8; 16] = b"0123456789abcdef";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes that stand for themselves wherever they occur in valid UTF-8. The three lead bytes left
/// out begin, among others, the characters that a terminal could act on.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut b = 0;
    while b < 0x20 {
        plain[b] = false;
        b += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain[0x7f] = false;
    plain[0xc2] = false;
    plain[0xe2] = false;
    plain[0xef] = false;
    plain
};

/// Printable ASCII but quote and backslash.
const PLAIN_ASCII: [bool; 256] = {
    let mut plain = PLAIN;
    let mut b = 0x80;
    while b < plain.len() {
        plain[b] = false;
        b += 1;
    }
    plain
};

enum Escape {
    Short(u8),
    Long(u16),
}

/// The character at `at`, whose first byte is not plain: its width, and its escape if it needs one.
fn escape_at(bytes: &[u8], at: usize) -> (usize, Option<Escape>) {
    let next = |i: usize| bytes.get(at + i).copied().unwrap_or(0);
    let short = match bytes[at] {
        b'"' => b'"',
        b'\\' => b'\\',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        control @ (0..0x20 | 0x7f) => return (1, Some(Escape::Long(u16::from(control)))),
        lead => {
            let (width, code) = if lead == 0xc2 {
                (2, 0x80 | u16::from(next(1) & 0x3f))
            } else {
                let top = u16::from(lead & 15) << 12;
                (
                    3,
                    top | u16::from(next(1) & 0x3f) << 6 | u16::from(next(2) & 0x3f),
                )
            };
            return (width, acts_on_terminals(code).then_some(Escape::Long(code)));
        }
    };
    (1, Some(Escape::Short(short)))
}

/// C1 controls, direction marks, overrides and isolates, line separators, the byte order mark.
fn acts_on_terminals(code: u16) -> bool {
    matches!(code, 0x7f..=0x9f | 0x200e..=0x200f | 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff)
}

fn push_escape(out: &mut Vec<u8>, escape: Escape) {
    match escape {
        Escape::Short(letter) => out.extend_from_slice(&[b'\\', letter]),
        Escape::Long(code) => {
            let digit = |shift: u16| HEX[usize::from(code >> shift & 15)];
            out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
        }
    }
}

/// Bytes of the character that begins with `lead`; 0 if none does.
fn utf8_width(lead: u8) -> usize {
    match lead {
        0..0x80 => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: &[u8]) -> (String, bool) {
        let mut out = Vec::new();
        let exact = push_bytes(&mut out, bytes);
        (String::from_utf8(out).unwrap(), exact)
    }

    #[test]
    fn escapes_are_those_of_the_record_format() {
        for (bytes, want) in [
            (&b"plain /usr/bin"[..], "plain /usr/bin"),
            (b"\"\\\n\r\t\x08\x0c", r#"\"\\\n\r\t\b\f"#),
            (b"\0\x01\x1b\x1f\x7f", r"\u0000\u0001\u001b\u001f\u007f"),
            ("\u{80}\u{9f}\u{a0}é".as_bytes(), "\\u0080\\u009f\u{a0}é"),
            (
                "\u{200d}\u{200e}\u{200f}\u{2010}".as_bytes(),
                "\u{200d}\\u200e\\u200f\u{2010}",
            ),
            (
                "\u{2027}\u{2028}\u{202e}\u{202f}".as_bytes(),
                "\u{2027}\\u2028\\u202e\u{202f}",
            ),
            (
                "\u{2065}\u{2066}\u{2069}\u{206a}".as_bytes(),
                "\u{2065}\\u2066\\u2069\u{206a}",
            ),
            (
                "\u{fefe}\u{feff}\u{ff00}😀".as_bytes(),
                "\u{fefe}\\ufeff\u{ff00}😀",
            ),
        ] {
            assert_eq!(escaped(bytes), (want.to_owned(), true), "{bytes:?}");
        }
    }

    #[test]
    fn other_bytes_become_hex() {
        assert_eq!(escaped(b"caf\xe9.pdf"), (r"caf\\xe9.pdf".to_owned(), false));
        assert_eq!(
            escaped(b"\xed\xa0\x80"),
            (r"\\xed\\xa0\\x80".to_owned(), false),
            "surrogate"
        );
        assert_eq!(
            escaped(b"\xc0\xaf\xff"),
            (r"\\xc0\\xaf\\xff".to_owned(), false),
            "overlong"
        );
        assert_eq!(
            escaped(b"a\xe2\x82"),
            (r"a\\xe2\\x82".to_owned(), false),
            "torn"
        );
        assert_eq!(
            escaped(br"\xe9"),
            (r"\\xe9".to_owned(), true),
            "a literal one is exact"
        );
    }

    #[test]
    fn cuts_end_at_whole_characters() {
        assert_eq!(cut(b"abc", 3), b"abc");
        assert_eq!(cut(b"abcd", 3), b"abc");
        assert_eq!(cut("aé".as_bytes(), 2), b"a");
        assert_eq!(cut("a€b".as_bytes(), 2), b"a");
        assert_eq!(cut("a€b".as_bytes(), 3), b"a");
        assert_eq!(cut("a€b".as_bytes(), 4), "a€".as_bytes());
        assert_eq!(cut("😀😀".as_bytes(), 7), "😀".as_bytes());
        assert_eq!(
            cut(b"ab\x80\x80\x80\x80", 4),
            b"ab\x80\x80",
            "stray bytes are no character"
        );
        assert_eq!(cut(b"ab\xe9xyz", 3), b"ab\xe9", "nor is a lone lead byte");
        assert_eq!(cut(b"abc", 0), b"");
    }

    #[test]
    fn torn_ends_are_dropped_and_bad_ones_kept() {
        assert_eq!(without_torn_end(b"abc"), b"abc");
        assert_eq!(without_torn_end(b"a\xe2\x82"), b"a");
        assert_eq!(without_torn_end(b"a\xf0\x9f\x98"), b"a");
        assert_eq!(without_torn_end("a€".as_bytes()), "a€".as_bytes());
        assert_eq!(without_torn_end(b"a\xff"), b"a\xff");
        assert_eq!(without_torn_end(b"a\x80\x80"), b"a\x80\x80");
        assert_eq!(without_torn_end(b""), b"");
    }

    #[test]
    fn plain_is_the_same_at_any_place_and_length() {
        for length in 1..=25 {
            for place in 0..length {
                for byte in 0..=255_u8 {
                    for filler in [b' ', b'a', b'~', b'!'] {
                        let mut bytes = vec![filler; length];
                        bytes[place] = byte;
                        let plain = (b' '..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
                        assert_eq!(is_plain(&bytes), plain, "{bytes:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn base64_as_in_rfc_4648() {
        for (text, want) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            let mut out = Vec::new();
            push_base64(&mut out, text.as_bytes());
            assert_eq!(out, want.as_bytes());
        }
    }
}
