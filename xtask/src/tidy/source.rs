//! Owns: a Rust file split into what the compiler reads and what people read.
//! Must not: know any rule.
//!
//! Invariant: `code` and `comments` have the line structure of `text` and its length in bytes;
//! each holds blanks where the other, or a literal's inside, has something. So a word in a string
//! is in neither, and an offset in one is an offset in all three.

use std::ops::Range;

pub struct Source {
    /// From the repository's top, with `/`.
    pub path: String,
    pub text: String,
    pub code: String,
    pub comments: String,
}

/// A function: its name, and the offsets from `fn` to the end of its body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub span: Range<usize>,
}

impl Source {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let kinds = classify(text.as_bytes());
        let only = |wanted: Class| {
            let keep = |(&byte, &class): (&u8, &Class)| {
                if class == wanted || byte == b'\n' {
                    byte
                } else {
                    b' '
                }
            };
            let bytes: Vec<u8> = text.as_bytes().iter().zip(&kinds).map(keep).collect();
            // Whole characters are of one class, so this replaces nothing.
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (code, comments) = (only(Class::Code), only(Class::Comment));
        Self {
            path: path.into(),
            text,
            code,
            comments,
        }
    }

    /// The line that an offset is on, from 1.
    pub fn line_of(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        before.filter(|&&byte| byte == b'\n').count() + 1
    }

    /// Every word of the code (identifiers, keywords, numbers) with its offset.
    pub fn words(&self) -> impl Iterator<Item = (usize, &str)> {
        words(&self.code)
    }

    /// The functions that have a body.
    pub fn functions(&self) -> Vec<Function> {
        let all: Vec<(usize, &str)> = self.words().collect();
        let mut found = Vec::new();
        for pair in all.windows(2) {
            let [(start, "fn"), (name_at, name)] = *pair else {
                continue;
            };
            if !self.code[start + 2..name_at].trim().is_empty() {
                continue; // `fn(u8)`, a type
            }
            if let Some(body) = self.body_after(name_at) {
                found.push(Function {
                    name: name.to_owned(),
                    span: start..body.end,
                });
            }
        }
        found
    }

    /// The next `{…}` that is not inside parentheses or brackets, unless a `;` or `}` is first.
    pub fn body_after(&self, offset: usize) -> Option<Range<usize>> {
        let mut nesting = 0usize;
        for (at, byte) in self.code.bytes().enumerate().skip(offset) {
            match byte {
                b'(' | b'[' => nesting += 1,
                b')' | b']' => nesting = nesting.saturating_sub(1),
                b'{' if nesting == 0 => return Some(at..self.closing_brace(at)?),
                b';' | b'}' if nesting == 0 => return None,
                _ => {}
            }
        }
        None
    }

    /// The offset behind the brace that closes the one at `open`.
    fn closing_brace(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for (at, byte) in self.code.bytes().enumerate().skip(open) {
            match byte {
                b'{' => depth += 1,
                b'}' if depth == 1 => return Some(at + 1),
                b'}' => depth -= 1,
                _ => {}
            }
        }
        None
    }
}

/// Every run of word characters in `text`, with its offset.
pub fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut rest = 0;
    std::iter::from_fn(move || {
        let start = rest + text[rest..].find(is_word)?;
        let length = text[start..]
            .find(|c| !is_word(c))
            .unwrap_or(text.len() - start);
        rest = start + length;
        Some((start, &text[start..rest]))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Code,
    Comment,
    Literal,
}

/// What each byte belongs to. A literal's quotes are code, its inside is not.
fn classify(text: &[u8]) -> Vec<Class> {
    let mut classes = vec![Class::Code; text.len()];
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let (end, class) = if rest.starts_with(b"//") {
            (
                at + rest
                    .iter()
                    .position(|&byte| byte == b'\n')
                    .unwrap_or(rest.len()),
                Class::Comment,
            )
        } else if rest.starts_with(b"/*") {
            (at + block_comment(rest), Class::Comment)
        } else if let Some(length) = literal(text, at) {
            (at + length, Class::Literal)
        } else {
            (at + 1, Class::Code)
        };
        let inside = if class == Class::Literal {
            at + 1..end - 1
        } else {
            at..end
        };
        classes[inside].fill(class);
        at = end;
    }
    classes
}

/// The length of the block comment that `rest` starts with; they nest.
fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at < rest.len() {
        match rest.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") if depth == 1 => return at + 2,
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of the string or character that starts at `at`, if one does.
fn literal(text: &[u8], at: usize) -> Option<usize> {
    let rest = &text[at..];
    match rest[0] {
        b'"' => Some(quoted(rest, b'"')),
        b'\'' => character(rest),
        b'r' => {
            // `r"`, `br"`, `cr"`; not the end of a name, nor the raw name `r#type`.
            let before = match at {
                0 => &[][..],
                _ if matches!(text[at - 1], b'b' | b'c') => &text[..at - 1],
                _ => &text[..at],
            };
            if before
                .last()
                .is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'_')
            {
                return None;
            }
            raw(rest)
        }
        _ => None,
    }
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    never_closed(rest)
}

/// As if the closing quote stood behind the end.
fn never_closed(rest: &[u8]) -> usize {
    rest.len() + 1
}

fn raw(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let mut closing = vec![b'"'];
    closing.resize(1 + hashes, b'#');
    let body = &rest[2 + hashes..];
    let end = body
        .windows(closing.len())
        .position(|window| window == closing);
    Some(end.map_or(never_closed(rest), |end| 2 + hashes + end + closing.len()))
}

/// `'x'` or `'\n'`; a lifetime is none.
fn character(rest: &[u8]) -> Option<usize> {
    match rest.get(1)? {
        b'\\' => Some(quoted(rest, b'\'')),
        byte => {
            let length = match byte {
                0..=0x7f => 1,
                0xf0.. => 4,
                0xe0.. => 3,
                _ => 2,
            };
            (rest.get(1 + length) == Some(&b'\'')).then_some(length + 2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        let source = Source::new("x.rs", text);
        assert_eq!(source.code.len(), text.len());
        assert_eq!(source.comments.len(), text.len());
        source.code.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn comments_and_insides_of_literals_are_no_code() {
        let cases = [
            ("a // b\nc", "a c"),
            ("a /* b /* c */ d */ e", "a e"),
            (r#"a("b // c") + d"#, r#"a(" ") + d"#),
            (r##"a(r#"b " c"#) + d"##, "a(r #) + d"),
            (r#"("\" b", 'c', '\'', 'ä') d"#, r#"(" ", ' ', ' ', ' ') d"#),
            ("fn a<'b>(c: &'b str) {}", "fn a<'b>(c: &'b str) {}"),
            ("r#type = bar\"x\"", "r#type = bar\" \""),
            ("\"never closed", "\""),
            ("\"", "\""),
            ("r#\"never closed\"", "r"),
            ("'\\", "'"),
            ("/* never closed", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn comments_keep_their_place() {
        let source = Source::new("x.rs", "a\nb // ä c\n");
        assert_eq!(source.comments.trim(), "// ä c");
        assert_eq!(source.line_of(source.comments.find("//").unwrap()), 2);
    }

    #[test]
    fn functions_are_found_with_their_whole_body() {
        let text = "fn a() -> [u8; { 3 }] where F: Fn() { if x { \"}\" } }\n\
                    trait T { fn b(); }\nlet c: fn(u8) = d;\nfn e() {\n fn f() {}\n}\n";
        let source = Source::new("x.rs", text);
        let found: Vec<(String, usize, usize)> = source
            .functions()
            .into_iter()
            .map(|f| {
                (
                    f.name,
                    source.line_of(f.span.start),
                    source.line_of(f.span.end),
                )
            })
            .collect();
        let expected = [("a", 1, 1), ("e", 4, 6), ("f", 5, 5)];
        assert_eq!(
            found,
            expected.map(|(name, from, to)| (name.to_owned(), from, to))
        );
    }

    #[test]
    fn words_have_their_offsets() {
        let found: Vec<_> = words("a_1 += b;").collect();
        assert_eq!(found, [(0, "a_1"), (7, "b")]);
    }
}
