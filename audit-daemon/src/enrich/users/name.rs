//! A name as it came from a file or from NSS: bytes of any sort and length.
//!
//! Owns how such bytes become text: what is valid UTF-8 stays, every other byte becomes `\xHH`
//! with the original beside it, and what is too long is cut at a whole character.

use std::fmt::Write;
use std::ops::Deref;

/// LOGIN_NAME_MAX is 256 with its NUL; records cut captured strings there too.
pub(super) const NAME_BYTES_MAX: usize = 255;

/// A name that is known to be somebody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownName {
    text: Box<str>,
    raw: Option<Box<[u8]>>,
    original_bytes: usize,
}

impl KnownName {
    /// Nothing for an empty name: it names nobody.
    pub fn from_bytes(bytes: &[u8]) -> Option<KnownName> {
        if bytes.is_empty() {
            return None;
        }
        let kept = &bytes[..cut(bytes)];
        let original_bytes = bytes.len();
        Some(match std::str::from_utf8(kept) {
            Ok(text) => KnownName {
                text: text.into(),
                raw: None,
                original_bytes,
            },
            Err(_) => {
                let (text, raw) = (escape(kept).into(), Some(kept.into()));
                KnownName {
                    text,
                    raw,
                    original_bytes,
                }
            }
        })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The bytes that the text stands for, if it does not spell them itself.
    pub fn raw(&self) -> Option<&[u8]> {
        self.raw.as_deref()
    }

    /// The length before it was cut, if it was.
    pub fn truncated_from(&self) -> Option<usize> {
        let kept = self.raw.as_ref().map_or(self.text.len(), |raw| raw.len());
        (self.original_bytes > kept).then_some(self.original_bytes)
    }
}

impl Deref for KnownName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// At most [`NAME_BYTES_MAX`], and not within a character.
fn cut(bytes: &[u8]) -> usize {
    if bytes.len() <= NAME_BYTES_MAX {
        return bytes.len();
    }
    let is_continuation = |at: &usize| bytes[*at] & 0b1100_0000 == 0b1000_0000;
    // A character has at most four bytes; a longer run of continuations is no UTF-8 anyway.
    let character = (NAME_BYTES_MAX - 3..=NAME_BYTES_MAX)
        .rev()
        .find(|at| !is_continuation(at));
    character.unwrap_or(NAME_BYTES_MAX)
}

fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_raw_and_length() {
        let name = |bytes: &[u8]| KnownName::from_bytes(bytes).unwrap();
        assert_eq!(KnownName::from_bytes(b""), None);
        assert_eq!((&*name(b"root"), name(b"root").raw()), ("root", None));
        assert_eq!(&*name("j\u{fc}rgen".as_bytes()), "j\u{fc}rgen");
        let odd = name(b"a\xff\xc3b\\x");
        assert_eq!(
            (&*odd, odd.raw()),
            ("a\\xff\\xc3b\\x", Some(&b"a\xff\xc3b\\x"[..]))
        );
        assert_eq!(odd.truncated_from(), None);
    }

    #[test]
    fn long_names_are_cut_at_a_character() {
        let long = "\u{fc}".repeat(200);
        let name = KnownName::from_bytes(long.as_bytes()).unwrap();
        assert_eq!((name.len(), name.truncated_from()), (254, Some(400)));
        let name = KnownName::from_bytes(&[0xff; 300]).unwrap();
        assert_eq!(
            (name.raw().unwrap().len(), name.truncated_from()),
            (255, Some(300))
        );
        let name = KnownName::from_bytes(&[0x80; 300]).unwrap();
        assert_eq!((name.raw().unwrap().len(), name.len()), (255, 255 * 4));
        let name = KnownName::from_bytes(&[b'x'; 255]).unwrap();
        assert_eq!((name.len(), name.truncated_from()), (255, None));
    }
}
