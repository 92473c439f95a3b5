//! Names inside a cgroup path: ids, systemd units and their escapes, pod uids.
//!
//! Owns what counts as a valid id of each sort, and how a name becomes printable. Must not know
//! which runtime uses which: that is `forms`.

use std::borrow::Cow;
use std::fmt::Write;

use super::ID_BYTES_MAX;

/// Docker, containerd, CRI-O and Podman name a container by a SHA-256-like random number.
const FULL_ID_BYTES: usize = 64;

/// Unit types that have, or are, a cgroup name.
const UNIT_SUFFIXES: [&[u8]; 11] = [
    b".service",
    b".scope",
    b".slice",
    b".mount",
    b".automount",
    b".socket",
    b".swap",
    b".target",
    b".timer",
    b".path",
    b".device",
];

pub(super) fn is_unit(component: &[u8]) -> bool {
    UNIT_SUFFIXES
        .iter()
        .any(|suffix| component.ends_with(suffix))
}

/// Lower case only: no runtime writes upper-case digits.
pub(super) fn is_hex(text: &[u8]) -> bool {
    !text.is_empty()
        && text
            .iter()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

pub(super) fn is_full_id(text: &[u8]) -> bool {
    text.len() == FULL_ID_BYTES && is_hex(text)
}

pub(super) fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// What runc, crun and containerd accept as an id.
pub(super) fn is_oci_id(text: &[u8]) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len())
        && !matches!(text, b"." | b"..")
        && text
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+-.".contains(byte))
}

/// ASCII text as `str`; the callers have checked it, so anything else is no match.
pub(super) fn ascii(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text)
        .ok()
        .filter(|text| text.is_ascii())
}

/// A name that a person gave: kept whatever its bytes are, for a container with an odd name is
/// still a container. What is not printable ASCII becomes `\xHH`.
pub(super) fn printable(name: &[u8]) -> Option<Cow<'_, str>> {
    if name.is_empty() {
        return None;
    }
    // A slash can only come out of an escape: no directory has it in its name.
    let is_plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'/';
    if name.len() <= ID_BYTES_MAX && name.iter().all(is_plain) {
        return ascii(name).map(Cow::Borrowed);
    }
    let mut text = String::with_capacity(ID_BYTES_MAX);
    for byte in name {
        let width = if is_plain(byte) { 1 } else { "\\x00".len() };
        if text.len() + width > ID_BYTES_MAX {
            break;
        }
        if is_plain(byte) {
            text.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    Some(Cow::Owned(text))
}

/// Undoes systemd's `\xHH`. (`-` for `/` is undone by nobody here: machine names hold no slash.)
/// A backslash that begins no escape stands for itself.
pub(super) fn systemd_unescape(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'\\') {
        return Cow::Borrowed(name);
    }
    let mut plain = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, tail)) = rest.split_first() {
        match escaped_byte(rest) {
            Some(byte) => {
                plain.push(byte);
                rest = &rest["\\x00".len()..];
            }
            None => {
                plain.push(first);
                rest = tail;
            }
        }
    }
    Cow::Owned(plain)
}

fn escaped_byte(text: &[u8]) -> Option<u8> {
    let [b'\\', b'x', high, low, ..] = text else {
        return None;
    };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// A pod's uid in the API server's writing: a UUID (cgroupfs driver with `-`, systemd driver with
/// `_`), or 32 hex digits for a static pod.
pub(super) fn pod_uid(text: &[u8]) -> Option<String> {
    const DASHES: [usize; 4] = [8, 13, 18, 23];
    let text: Vec<u8> = text
        .iter()
        .map(|&byte| if byte == b'_' { b'-' } else { byte })
        .collect();
    let valid = match text.len() {
        32 => is_hex(&text),
        36 => text.iter().enumerate().all(|(at, byte)| {
            if DASHES.contains(&at) {
                *byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        }),
        _ => false,
    };
    if !valid {
        return None;
    }
    String::from_utf8(text).ok()
}
