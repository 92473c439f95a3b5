//! What the first bytes of a name tell: where it starts from, and whether it goes anywhere from there.
//!
//! Owns the look at a name that a program gave. Without a branch for each byte: the verifier would
//! follow all of them.

use audit_common::watch::ASKED_BYTES;

use super::shape;
use crate::read::{self, Memory};

/// What the first bytes of a name tell.
pub struct Begin {
    /// [`shape::ABSOLUTE`] and [`shape::PLAIN`].
    pub shape: u64,
    pub empty: bool,
    /// The descriptor that it is the entry of, in /proc/self/fd or /dev/fd; or -1.
    pub fd: i32,
}

const WORDS: usize = ASKED_BYTES / 8;

#[inline(always)]
pub fn begin(name: u64, memory: Memory) -> Begin {
    const EACH: u64 = 0x0101_0101_0101_0101;
    const DOTS: u64 = u16::from_le_bytes(*b"..") as u64;
    let mut words = [0u64; WORDS];
    // SAFETY: the length is the array's.
    let got = unsafe { read::string(words.as_mut_ptr().cast(), ASKED_BYTES as u32, name, memory) };
    // A byte of `word` that is a slash leaves its highest bit: no branch for each of them.
    let mut slashes = 0;
    for word in words {
        let slash = word ^ (EACH * b'/' as u64);
        slashes |= slash.wrapping_sub(EACH) & !slash & (EACH << 7);
    }
    let absolute = words[0] & 0xff == u64::from(b'/');
    let whole = got > 0 && got < ASKED_BYTES as i64;
    let plain = whole && slashes == 0 && words[0] & 0xffff != DOTS;
    Begin {
        shape: u64::from(absolute) * shape::ABSOLUTE | u64::from(plain) * shape::PLAIN,
        empty: words[0] & 0xff == 0,
        fd: entry_of(&words),
    }
}

/// The number in `/proc/self/fd/N`, `/proc/thread-self/fd/N` or `/dev/fd/N`; else -1.
#[inline(always)]
fn entry_of(words: &[u64; WORDS]) -> i32 {
    const SELF: [u64; 2] = [
        u64::from_le_bytes(*b"/proc/se"),
        u64::from_le_bytes(*b"lf/fd/\0\0"),
    ];
    const THREAD_SELF: [u64; 3] = [
        u64::from_le_bytes(*b"/proc/th"),
        u64::from_le_bytes(*b"read-sel"),
        u64::from_le_bytes(*b"f/fd/\0\0\0"),
    ];
    const DEV: u64 = u64::from_le_bytes(*b"/dev/fd/");
    const SIX: u64 = 0xffff_ffff_ffff;
    const FIVE: u64 = 0xff_ffff_ffff;
    if words[0] == SELF[0] && words[1] & SIX == SELF[1] {
        number(words[1] >> 48 | words[2] << 16)
    } else if words[0] == THREAD_SELF[0]
        && words[1] == THREAD_SELF[1]
        && words[2] & FIVE == THREAD_SELF[2]
    {
        number(words[2] >> 40 | words[3] << 24)
    } else if words[0] == DEV {
        number(words[1])
    } else {
        -1
    }
}

/// A number of up to seven digits that a NUL ends.
#[inline(always)]
fn number(mut digits: u64) -> i32 {
    let mut number: i32 = -1;
    for _ in 0..8 {
        let digit = (digits & 0xff) as i32 - i32::from(b'0');
        if digits & 0xff == 0 {
            return number;
        }
        if !(0..=9).contains(&digit) {
            return -1;
        }
        number = if number < 0 {
            digit
        } else {
            number * 10 + digit
        };
        digits >>= 8;
    }
    -1
}
