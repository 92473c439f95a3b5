//! Secrets of many bytes, or beside what announces them: private key blocks, the secret that
//! belongs to an AWS key id.
//!
//! Owns: where such a block ends, also when a shell split it into many arguments.
//! Must not: look at names.
//! Invariant: looks at a bounded stretch around its anchor, or moves on behind what it marked.

use super::scan::{RuleRef, Scan};

/// From `-----BEGIN ` to the words `PRIVATE KEY`.
const KEY_HEAD_BYTES_MAX: usize = 40;
/// A private key block with less than this behind its first line has no key in it.
const KEY_BODY_BYTES_MIN: usize = 8;
/// Arguments that a key block was split into: a 16 kbit RSA key has 200 lines.
const KEY_ARGUMENTS_MAX: usize = 512;
/// The secret key of AWS, and how far from its id it is looked for, both ways.
const AWS_SECRET_BYTES: usize = 40;
const AWS_NEAR_BYTES: usize = 256;

impl Scan<'_> {
    /// A private key block; `at` is where `PRIVATE KEY` stands. Gives where the search goes on.
    pub(super) fn private_key(&mut self, at: usize, text: (usize, usize)) -> usize {
        let head_start = at.saturating_sub(KEY_HEAD_BYTES_MAX).max(text.0);
        let head = memchr::memmem::rfind(&self.buf[head_start..at], b"-----BEGIN");
        let Some(head) = head else { return at };
        let start = head_start + head;
        let behind = &self.buf[at..text.1];
        let Some(line) = memchr::memmem::find(&behind[..behind.len().min(64)], b"-----") else {
            return at;
        };
        let body = at + line + 5;
        if body == text.1 {
            self.split_key(body);
            return at;
        }
        let end = match memchr::memmem::find(&self.buf[body..text.1], b"-----END") {
            Some(tail) => {
                let tail = body + tail + 8;
                memchr::memmem::find(&self.buf[tail..text.1], b"-----")
                    .map_or(text.1, |close| tail + close + 5)
            }
            None => text.1,
        };
        let letters = |byte: &&u8| byte.is_ascii_alphanumeric();
        let key = self.buf[body..end]
            .iter()
            .filter(letters)
            .take(KEY_BODY_BYTES_MIN)
            .count();
        let masked = self.buf[body..end].starts_with(super::MASKED);
        if key < KEY_BODY_BYTES_MIN || masked {
            return at;
        }
        self.mark(start, end, RuleRef::Builtin("private-key"));
        end
    }

    /// A PuTTY key file: everything from its first line on.
    pub(super) fn putty_key(&mut self, start: usize, text: (usize, usize)) -> usize {
        if memchr::memmem::find(&self.buf[start..text.1], b"Private-Lines").is_none() {
            return start;
        }
        self.mark(start, text.1, RuleRef::Builtin("private-key"));
        text.1
    }

    /// The lines of a key whose first line ends with the argument: each argument from `at` on is
    /// one, up to `-----END`.
    pub(super) fn split_key(&mut self, at: usize) {
        let mut start = at + 1;
        for _ in 0..KEY_ARGUMENTS_MAX {
            if start >= self.buf.len() {
                return;
            }
            let rest = &self.buf[start..];
            let end = start + memchr::memchr(0, rest).unwrap_or(rest.len());
            let line = &self.buf[start..end];
            let coded = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\r\n ".contains(byte);
            let header = line.ends_with(b":") || line.contains(&b',');
            if line.starts_with(b"-----") || !(header || line.iter().all(coded)) {
                return;
            }
            if !header {
                self.mark(start, end, RuleRef::Builtin("private-key"));
            }
            start = end + 1;
        }
    }

    /// The 40 characters of a secret near its key id, in the same argument or the ones beside it.
    pub(super) fn aws_secret_near(&mut self, start: usize, end: usize) {
        let from = start.saturating_sub(AWS_NEAR_BYTES);
        let to = self.buf.len().min(end + AWS_NEAR_BYTES);
        let buf = self.buf;
        let coded = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
        let mut at = from;
        while at < to {
            let run = buf[at..]
                .iter()
                .take(2 * AWS_SECRET_BYTES)
                .take_while(|byte| coded(byte))
                .count();
            let secret = &buf[at..at + run];
            let any = |class: fn(&u8) -> bool| secret.iter().any(class);
            let whole = at == 0 || !coded(&buf[at - 1]);
            if run == AWS_SECRET_BYTES
                && whole
                && any(u8::is_ascii_uppercase)
                && any(u8::is_ascii_lowercase)
                && any(u8::is_ascii_digit)
            {
                self.mark(at, at + run, RuleRef::Builtin("aws-secret"));
            }
            at += run.max(1);
        }
    }
}
