//! Secrets that are known by their syntax: URL credentials, tokens with a prefix.
//!
//! Owns: what counts at each such anchor, and where the secret ends.
//! Must not: look at names (`text` does) or at other arguments.
//! Invariant: each finder looks at no more than a bounded stretch around its anchor, or moves on
//! behind what it marked, so a text full of anchors is still read in linear time.

use super::rules::{Body, SHAPES};
use super::scan::{RuleRef, Scan};
use super::value::{Strength, is_random, is_reference, is_secret};

/// Longest `user:password@` that is looked for: Azure and JWT passwords reach 2 KiB.
const USERINFO_BYTES_MAX: usize = 4096;
/// So much of a token is looked at to tell whether it is one.
const TOKEN_HEAD_BYTES_MAX: usize = 2048;
/// A user name alone before `@` is a token from this length on.
const USER_TOKEN_BYTES_MIN: usize = 20;
/// The number of a Telegram bot, and its secret.
const TELEGRAM_DIGITS: std::ops::RangeInclusive<usize> = 8..=10;
const TELEGRAM_BYTES: usize = 35;

impl Scan<'_> {
    /// `scheme://user:SECRET@host`; `at` is behind the `://`. Gives where the search goes on.
    pub(super) fn url(&mut self, at: usize, end: usize) -> usize {
        let end = end.min(at + USERINFO_BYTES_MAX);
        let text = &self.buf[at..end];
        let stop = text
            .iter()
            .position(|byte| byte.is_ascii_whitespace() || b"\"'`|\\".contains(byte))
            .unwrap_or(text.len());
        let text = &text[..stop];
        let text = match memchr::memmem::find(text, b"://") {
            Some(next) => &text[..next],
            None => text,
        };
        let Some(host) = userinfo_end(text) else {
            return at;
        };
        let user = memchr::memchr(b':', &text[..host]);
        let from = user.map_or(0, |colon| colon + 1);
        let secret = &text[from..host];
        let is_token = || secret.len() >= USER_TOKEN_BYTES_MIN && is_random(secret);
        if (user.is_some() && is_secret(secret, Strength::Any) && !is_split_reference(secret))
            || (user.is_none() && is_token())
        {
            self.mark(at + from, at + host, RuleRef::Builtin("url-credentials"));
        }
        at
    }

    /// `jdbc:oracle:thin:user/SECRET@host`; `at` is behind `thin:`.
    pub(super) fn oracle_url(&mut self, at: usize, end: usize) {
        let text = &self.buf[at..end.min(at + USERINFO_BYTES_MAX)];
        let stop = memchr::memchr2(b'@', b' ', text);
        let slash = memchr::memchr(b'/', text);
        if let (Some(slash), Some(stop)) = (slash, stop)
            && slash > 0
            && slash < stop
            && !is_reference(&text[slash + 1..stop])
        {
            self.mark(
                at + slash + 1,
                at + stop,
                RuleRef::Builtin("url-credentials"),
            );
        }
    }

    /// A token whose prefix stands at `start..body`.
    /// Gives the end of what was marked, or 0.
    pub(super) fn shape(
        &mut self,
        row: usize,
        start: usize,
        body: usize,
        text: (usize, usize),
    ) -> usize {
        let shape = &SHAPES[row];
        if &self.buf[start..body] != shape.prefix.as_bytes() {
            return 0;
        }
        let within = shape.keeps_prefix || shape.prefix.starts_with('.');
        let glued = start > text.0
            && (self.buf[start - 1].is_ascii_alphanumeric() || self.buf[start - 1] == b'_');
        if glued && !within && !is_escape(&self.buf[text.0..start]) {
            return 0;
        }
        let run = |from: usize, to: usize| {
            self.buf[from..to]
                .iter()
                .take_while(|byte| fits(shape.body, byte))
                .count()
        };
        // Judged by its head; only what was found to be a token is read to its end.
        let length = run(body, text.1.min(body + TOKEN_HEAD_BYTES_MAX));
        let token = &self.buf[body..body + length];
        let end = body
            + token
                .iter()
                .rposition(|byte| *byte != b'.')
                .map_or(0, |last| last + 1);
        let token = &self.buf[body..end];
        if token.len() < shape.body_bytes_min
            || !token.iter().any(u8::is_ascii_alphanumeric)
            || (shape.prefix == "eyJ" && !is_json_web_token(token))
            || (shape.body == Body::Alnum && !token.iter().any(u8::is_ascii_digit))
        {
            return 0;
        }
        let end = if length == TOKEN_HEAD_BYTES_MAX {
            body + run(body, text.1)
        } else {
            end
        };
        let mut begin = if shape.keeps_prefix { body } else { start };
        if shape.prefix.starts_with('.') {
            let head = &self.buf[text.0..start];
            let letters = head
                .iter()
                .rev()
                .take_while(|byte| byte.is_ascii_alphanumeric());
            begin -= letters.take(super::names::NAME_BYTES_MAX).count();
        }
        self.mark(begin, end, RuleRef::Builtin(shape.rule));
        if shape.rule == "aws-access-key" {
            self.aws_secret_near(begin, end);
        }
        end
    }

    /// `123456789:AA…`; `colon..` is the anchor.
    pub(super) fn telegram(&mut self, colon: usize, text: (usize, usize)) {
        let digits = self.buf[text.0..colon]
            .iter()
            .rev()
            .take(TELEGRAM_DIGITS.end() + 1)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let secret = self.buf[colon + 1..text.1]
            .iter()
            .take_while(|byte| fits(Body::Url, byte));
        let length = secret.take(TELEGRAM_BYTES + 1).count();
        if TELEGRAM_DIGITS.contains(&digits) && length >= TELEGRAM_BYTES - 1 {
            let end = colon + 1 + length.min(TELEGRAM_BYTES);
            self.mark(colon - digits, end, RuleRef::Builtin("telegram-token"));
        }
    }
}

/// Where `user:password` ends (at its `@`), if the text behind `://` has such a part.
fn userinfo_end(text: &[u8]) -> Option<usize> {
    let path = text
        .iter()
        .position(|byte| b"/?#".contains(byte))
        .unwrap_or(text.len());
    let authority = &text[..path];
    // `jdbc:sqlserver://host:1433;password=…`: properties follow the host.
    let authority = match memchr::memchr2(b':', b';', authority) {
        Some(at) if authority[at] == b';' => &authority[..at],
        Some(at) => {
            let port = authority[at + 1..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            let behind = at + 1 + port;
            if authority.get(behind) == Some(&b';') {
                &authority[..behind]
            } else {
                authority
            }
        }
        None => authority,
    };
    if let Some(host) = memchr::memrchr(b'@', authority) {
        // `docker://name:tag@sha256:…` is a digest.
        return (!text[host + 1..].starts_with(b"sha256:")).then_some(host);
    }
    // A `/` in the password, not escaped: told from a port by not being a number.
    let colon = memchr::memchr(b':', authority)?;
    let port = &authority[colon + 1..];
    if text[0] == b'['
        || port.is_empty()
        || port
            .iter()
            .find(|byte| !byte.is_ascii_digit())
            .is_none_or(|byte| *byte == b',')
        || b"${<".contains(&port[0])
    {
        return None;
    }
    memchr::memchr(b'@', &text[path..]).map(|host| path + host)
}

/// `$PASS`, cut by a following text: `${USER}:${PASS}` has references only.
fn is_split_reference(secret: &[u8]) -> bool {
    secret.starts_with(b"$") && is_reference(secret)
}

/// Behind `\n` the token begins anew, whatever the letter.
fn is_escape(before: &[u8]) -> bool {
    matches!(before, [.., b'\\', b'n' | b't' | b'r'])
        || matches!(before, [.., b'%', digit, letter]
            if digit.is_ascii_hexdigit() && letter.is_ascii_hexdigit())
}

fn fits(body: Body, byte: &u8) -> bool {
    let more: &[u8] = match body {
        Body::Hex => return byte.is_ascii_hexdigit(),
        Body::Upper => return byte.is_ascii_uppercase() || byte.is_ascii_digit(),
        Body::Alnum => b"",
        Body::Word => b"_",
        Body::Url => b"_-",
        Body::Dotted => b"_-.",
        Body::Base64 => b"+/=_.~-",
        Body::Path => b"/_-",
        Body::Bot => b"_:-",
    };
    byte.is_ascii_alphanumeric() || more.contains(byte)
}

/// At least a header and a payload; the first also begins with an encoded `{"`.
fn is_json_web_token(body: &[u8]) -> bool {
    let mut parts = body.split(|byte| *byte == b'.');
    let header = parts.next().unwrap_or_default();
    let payload = parts.next().unwrap_or_default();
    header.len() >= 8 && payload.len() >= 4
}
