//! Looking inside one argument: assignments, headers, query parameters, JSON; and handing each
//! other anchor to its finder in `syntax`.
//!
//! Owns: where a name ends, what separates it from its value, and where the value ends.
//! Must not: judge names or values (`names` and `value` do), or look at other arguments.
//! Invariant: moves forward only. An anchor inside a name or a value that was already read is
//! skipped, so the work is linear but for bounded looks around an anchor.

use super::anchors::Anchor;
use super::feeds::printed_secret;
use super::names::{
    Announced, NAME_BYTES_MAX, announce, assignment_follows, blank_count, is_longer_name,
};
use super::quotes::{closes, is_open_quote, quoted_end, wrapping_call_length};
use super::rules::Part;
use super::scan::{RuleRef, Scan};
use super::value::{Strength, is_secret};
use super::words::unquoted;

/// How the text of an argument is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// One value: what follows `NAME=` belongs to it, blanks included.
    Plain,
    /// A script: it is split into words, which are then looked at.
    Script,
    /// A script as a whole: only what may span words.
    Blocks,
    /// Several things in one text: a connection string, JSON, SQL, code.
    Text,
    /// Written for people: only what is clearly a secret.
    Prose,
    /// A search pattern: names in it are what is searched for.
    Pattern,
    /// A `sed` script: patterns and replacements between delimiters.
    Edit,
}

/// What stands between a name and its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Separator {
    Equals,
    Colon,
}

/// One name with its value, as found.
pub(super) struct Assignment {
    pub name: (usize, usize),
    pub separator: Separator,
    /// `"name": …`
    pub quoted_name: bool,
    /// Where the value begins, its quote included.
    pub value: usize,
}

impl Scan<'_> {
    /// Looks through `buf[start..end]`.
    pub(super) fn text(&mut self, start: usize, end: usize, kind: Kind) {
        let masker = self.masker;
        let buf = self.buf;
        let named = !matches!(kind, Kind::Pattern | Kind::Blocks | Kind::Script);
        let mut done = start;
        let mut shapes_done = start;
        let mut urls_done = start;
        let mut blocks_done = start;
        for (from, to, anchor) in masker.anchors.all(&buf[start..end]) {
            let (from, to) = (start + from, start + to);
            match anchor {
                Anchor::Shape(row) if from >= shapes_done => {
                    shapes_done = shapes_done.max(self.shape(row, from, to, (start, end)));
                }
                Anchor::Telegram => self.telegram(from, (start, end)),
                Anchor::Url if to > urls_done => urls_done = self.url(to, end),
                Anchor::OracleUrl => self.oracle_url(to, end),
                Anchor::PrivateKey if from >= blocks_done => {
                    blocks_done = self.private_key(from, (start, end));
                    done = done.max(blocks_done);
                }
                Anchor::PuttyKey if from >= blocks_done => {
                    blocks_done = self.putty_key(from, (start, end));
                    done = done.max(blocks_done);
                }
                Anchor::Identified if kind == Kind::Text => self.identified(to, end),
                Anchor::Connect if matches!(kind, Kind::Text | Kind::Plain) => {
                    self.connect_call(to, end)
                }
                Anchor::Name if from >= done && named => {
                    done = self.name(from, to, (start, end), kind);
                }
                _ => {}
            }
        }
    }

    /// A part of a name at `from..to`. Gives where the search for names goes on.
    fn name(&mut self, from: usize, to: usize, text: (usize, usize), kind: Kind) -> usize {
        let buf = self.buf;
        let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
        // A hook such as `pw=` reaches over the end of the name.
        let hook = buf[from..to].iter().take_while(is_name).count();
        let left = buf[text.0..from]
            .iter()
            .rev()
            .take(NAME_BYTES_MAX)
            .take_while(is_name)
            .count();
        let right = buf[from + hook..text.1].iter().take_while(is_name).count();
        let (start, end) = (from - left, from + hook + right);
        let before = if start > text.0 { buf[start - 1] } else { 0 };
        // `$PASSWORD = …`: a variable is read here, not set. `$env:TOKEN = …` sets one.
        if (before == b'$' && kind != Kind::Text)
            || (before == b'{' && start > text.0 + 1 && buf[start - 2] == b'$')
        {
            return end;
        }
        let assignment = self.assignment((start, end), text, kind);
        // `//x-access-token:…@host`: the user of a URL.
        let user = buf[text.0..start].ends_with(b"//")
            && assignment
                .as_ref()
                .is_some_and(|found| found.separator == Separator::Colon);
        let Some(assignment) = assignment.filter(|_| !user) else {
            return self.bare_name((start, end), text, kind);
        };
        if is_head(&buf[start..end], b"authorization") {
            return self.authorization(&assignment, text);
        }
        if is_head(&buf[start..end], b"cookie")
            && assignment.separator == Separator::Colon
            && !assignment.quoted_name
        {
            return self.cookie(&assignment, text);
        }
        self.assigned(&assignment, text, kind)
    }

    /// Reads what follows a name: closing quotes or brackets, a separator, blanks.
    fn assignment(
        &self,
        name: (usize, usize),
        text: (usize, usize),
        kind: Kind,
    ) -> Option<Assignment> {
        let buf = &self.buf[..text.1];
        let mut at = name.1;
        let closers = buf[at..]
            .iter()
            .take(6)
            .take_while(|byte| b"\"'\\])".contains(byte))
            .count();
        let quoted_name = buf[at..at + closers]
            .iter()
            .any(|byte| b"\"'".contains(byte));
        at += closers;
        if buf[at..].starts_with(b">") && name.0 > text.0 && buf[name.0 - 1] == b'<' {
            return Some(Assignment {
                name,
                separator: Separator::Equals,
                quoted_name: false,
                value: at + 1,
            });
        }
        let spaced = quoted_name || matches!(kind, Kind::Text | Kind::Prose | Kind::Edit);
        let blanks = if spaced { blank_count(&buf[at..]) } else { 0 };
        at += blanks;
        let (separator, length) = match &buf[at..] {
            [b'=', b'=', ..] | [b':', b':', ..] => return None,
            [b'=', b'~', ..] if blanks > 0 => return None,
            [b'=', b'>', ..] | [b':', b'=', ..] => (Separator::Equals, 2),
            [b'=', ..] => (Separator::Equals, 1),
            // `["db"]["password"] "x"`
            [b'"' | b'\'', ..] if blanks > 0 && buf[at - blanks - 1] == b']' => {
                (Separator::Equals, 0)
            }
            // `PASSWORD :'name'` is psql's way to insert a variable.
            [b':', b'\'' | b'"', ..] if blanks > 0 && !quoted_name => return None,
            [b':', ..] => (Separator::Colon, 1),
            [b'%', b'3', b'D' | b'd', ..] => (Separator::Equals, 3),
            _ => return None,
        };
        at += length;
        // `TOKEN= command`: empty. `token = x`, `token: x`: the blank belongs to the separator.
        if blanks > 0 || separator == Separator::Colon || quoted_name || length == 2 {
            at += blank_count(&buf[at..]);
        }
        (at < text.1).then_some(Assignment {
            name,
            separator,
            quoted_name,
            value: at,
        })
    }

    /// Judges the value of an ordinary name.
    fn assigned(&mut self, found: &Assignment, text: (usize, usize), kind: Kind) -> usize {
        let name = &self.buf[found.name.0..found.name.1];
        let bare = &name[name.iter().take_while(|byte| b"-.".contains(byte)).count()..];
        let custom = self.masker.custom.iter().position(|rule| rule.names(bare));
        let announced = match custom {
            Some(_) => Some(Announced {
                rule: "",
                strength: Strength::Any,
            }),
            None => announce_option(name, bare),
        };
        let Some(announced) = announced else {
            let (start, end, _) = self.value(found, text, kind);
            if let Some(from) = printed_secret(bare, &self.buf[start..end]) {
                self.mark_part("password", Part::Whole, start + from, end);
            }
            return found.name.1;
        };
        let (start, end, quoted) = self.value(found, text, kind);
        let mut strength = announced.strength;
        let header = self.is_header(found, text);
        // `/password:x`, as Windows programs have it.
        let slash = found.name.0 == text.0 + 1 && self.buf[text.0] == b'/';
        let colon = found.separator == Separator::Colon && !found.quoted_name && !quoted;
        let loose = colon && !header && !slash;
        // `--Jwt:Key=x`: the name goes on behind the colon.
        if loose && is_longer_name(&self.buf[start..end]) {
            return found.name.1;
        }
        if loose || kind == Kind::Prose {
            strength = strength.min(Strength::Unusual);
        }
        let value = &self.buf[start..end];
        if announced.rule == "credentials" && value.starts_with(b"(") {
            return self.mark_pair(start, text.1);
        }
        if announced.rule == "credentials" && !header && self.mark_user_password(start, end) {
            return end;
        }
        let code = kind == Kind::Text && !quoted && value.contains(&b'(');
        if code || !is_secret(value, strength) {
            // `expect "password:"`: the quote ends the prompt, there is no value.
            let prompt = found.separator == Separator::Colon && start == end;
            if (loose || prompt) && announced.rule == "password" {
                self.sent_reply(start, text.1);
            }
            return start.max(found.name.1);
        }
        let rule = custom.map_or(RuleRef::Builtin(announced.rule), RuleRef::Custom);
        self.mark(start, end, rule);
        end
    }

    /// The value's range without quotes, and whether it had any.
    fn value(&self, found: &Assignment, text: (usize, usize), kind: Kind) -> (usize, usize, bool) {
        let buf = &self.buf[..text.1];
        // T-SQL's `N'…'`, PostgreSQL's `E'…'`, Python's `b'…'`.
        let typed = matches!(
            buf[found.value..],
            [b'N' | b'E' | b'b' | b'u' | b'r', b'\'', ..]
        );
        let call = wrapping_call_length(&buf[found.value..]);
        let at = found.value + usize::from(typed) + call;
        let escapes = buf[at..]
            .iter()
            .take(4)
            .take_while(|byte| **byte == b'\\')
            .count();
        if let Some(&quote @ (b'"' | b'\'')) = buf.get(at + escapes) {
            // `'New password:'`: the quote closes the one before the name, there is no value.
            if escapes == 0
                && !found.quoted_name
                && is_open_quote(&self.buf[text.0..found.name.0], quote)
            {
                return (at, at, true);
            }
            let start = at + escapes + 1;
            let end = quoted_end(buf, start, quote, escapes);
            let behind = (end + escapes + 1).min(buf.len());
            let closed = buf.get(behind).is_none_or(|byte| {
                byte.is_ascii_whitespace() || b",;&)}]|>:\"'\\/<".contains(byte)
            });
            if closed {
                return (start, end, true);
            }
        }
        let end = self.bare_value_end(found, text, kind);
        let (start, end) = unquoted(self.buf, at, end);
        (start, end, false)
    }

    /// Where a value without quotes ends: see the comment at each case.
    fn bare_value_end(&self, found: &Assignment, text: (usize, usize), kind: Kind) -> usize {
        let buf = &self.buf[..text.1];
        let before = if found.name.0 > text.0 {
            self.buf[found.name.0 - 1]
        } else {
            0
        };
        // The quote that was opened right before the name closes the value too.
        let enclosing = (!found.quoted_name && matches!(before, b'"' | b'\'')).then_some(before);
        let at_head = before == 0 || enclosing.is_some();
        let xml = before == b'<' && buf[found.value - 1] == b'>';
        let header = found.separator == Separator::Colon && self.is_header(found, text);
        let delimiter = match before {
            b'?' | b'&' => b'&',
            b';' | b',' | b'|' => before,
            _ => 0,
        };
        // `NAME=…` alone in its argument: quotes and line ends are part of the value.
        let whole = matches!(kind, Kind::Plain | Kind::Text) && at_head;
        let blank_ends = match kind {
            Kind::Plain | Kind::Text => {
                !header && delimiter != b';' && (!at_head || found.separator == Separator::Colon)
            }
            _ => true,
        };
        for at in found.value..text.1 {
            let byte = buf[at];
            if buf[at..].starts_with(super::MASKED) {
                continue;
            }
            let ends = match byte {
                b'<' if xml => true,
                _ if Some(byte) == enclosing => true,
                b'\n' | b'\r' => !whole,
                _ if header => false,
                b' ' | b'\t' => {
                    blank_ends
                        || assignment_follows(&buf[at + 1..])
                        || matches!(buf[at + 1..], [b'-', b'-', letter, ..] if letter.is_ascii_alphabetic())
                }
                b'#' => delimiter == b'&',
                b'"' | b'\'' | b'`' => !whole,
                b',' if found.quoted_name => true,
                b',' if !whole && buf.get(at + 1) == Some(&b' ') => true,
                b'&' | b';' | b',' => {
                    byte == delimiter
                        || assignment_follows(&buf[at + 1..])
                        || (kind == Kind::Edit && byte == b',')
                }
                b'/' | b'|' => kind == Kind::Edit,
                b'}' | b']' => {
                    found.quoted_name
                        || (kind == Kind::Text && !at_head)
                        || (matches!(before, b',' | b'[' | b'{') && closes(&buf[at..]))
                }
                b')' => kind == Kind::Text && !at_head,
                b'\\' => matches!(buf.get(at + 1), Some(b'n' | b'"' | b'r')) && kind != Kind::Plain,
                _ => false,
            };
            if ends {
                return at;
            }
        }
        text.1
    }
}

/// `-DAPI_KEY=x`, `-PapiKey=x`: the first letter is the option, the name begins behind it.
fn announce_option(name: &[u8], bare: &[u8]) -> Option<Announced> {
    let found = announce(bare);
    let glued = name.starts_with(b"-") && bare.len() + 1 == name.len() && bare.len() > 1;
    match found {
        Some(found) if found.strength == Strength::Any => Some(found),
        _ if glued => announce(&bare[1..]).or(found),
        _ => found,
    }
}

/// The last bytes of a name, in any case.
pub(super) fn is_head(name: &[u8], tail: &[u8]) -> bool {
    name.len() >= tail.len() && name[name.len() - tail.len()..].eq_ignore_ascii_case(tail)
}
