//! Patterns against paths, and against a matcher too simple to be wrong.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn pattern(text: impl AsRef<[u8]>) -> Pattern {
    let text = text.as_ref();
    Pattern::parse(text).unwrap_or_else(|error| panic!("{}: {error}", text.escape_ascii()))
}

/// Asserts which paths a pattern matches and which it does not.
fn check(text: &str, matching: &[&str], other: &[&str]) {
    let pattern = pattern(text);
    for path in matching {
        assert!(pattern.matches(path.as_bytes()), "{text} and {path}");
    }
    for path in other {
        assert!(!pattern.matches(path.as_bytes()), "{text} but not {path}");
    }
}

#[test]
fn a_plain_path_names_exactly_one_object() {
    check(
        "/etc/passwd",
        &["/etc/passwd", "//etc//passwd", "/etc/passwd/"],
        &[
            "/etc",
            "/etc/passwd-",
            "/etc/passwd/x",
            "etc/passwd",
            "",
            "/",
        ],
    );
    check("/", &["/", "//"], &["/a", ""]);
    check("/srv//x", &["/srv/x"], &["/srv", "/srv/x/y"]);
}

#[test]
fn wildcards_stay_within_a_component() {
    check(
        "/home/*/.ssh/id_*",
        &["/home/a/.ssh/id_rsa", "/home/.b/.ssh/id_"],
        &[
            "/home/.ssh/id_rsa",
            "/home/a/b/.ssh/id_rsa",
            "/home/a/.ssh/id",
            "/home/a/.ssh/id_x/y",
        ],
    );
    check(
        "/a?c",
        &["/abc", "/aäc", "/a日c", "/a.c"],
        &["/ac", "/a/c", "/abbc"],
    );
    check(
        "/[a-cx]",
        &["/a", "/b", "/c", "/x"],
        &["/d", "/-", "/", "/ab"],
    );
    check("/[!a-c]", &["/d", "/ä"], &["/a", "/b", "/c", "/dd"]);
    check("/[^a]", &["/b", "/^"], &["/a"]);
    check("/[]a]", &["/]", "/a"], &["/b"]);
    check("/[!]a]", &["/b"], &["/]", "/a"]);
    check("/[a-]", &["/a", "/-"], &["/b"]);
    check("/[\\]\\-x]", &["/]", "/-", "/x"], &["/\\"]);
    check("/[ä-ö]", &["/ä", "/ö", "/é"], &["/a", "/ü", "/\u{c3}"]);
    check("/[{,}]", &["/{", "/,", "/}"], &["/a"]);
    check("/*a*b*", &["/ab", "/xaxbx", "/aab"], &["/ba", "/a", "/b"]);
    check("/*.conf", &["/.conf", "/a.conf"], &["/conf", "/a.conf.bak"]);
}

#[test]
fn two_stars_stand_for_whole_directories() {
    check(
        "/srv/**",
        &["/srv/a", "/srv/a/b/c", "/srv/.a"],
        &["/srv", "/srv/", "/srvx/a"],
    );
    check("/**", &["/a", "/a/b"], &["/"]);
    check(
        "/a/**/b",
        &["/a/b", "/a/x/b", "/a/x/y/b", "/a/b/b"],
        &["/a", "/b", "/a/xb", "/a/b/x"],
    );
    check(
        "/**/a/**/b/*",
        &["/a/b/c", "/x/a/y/b/z", "/a/a/b/b"],
        &["/a/b", "/b/a/c"],
    );
    check("/a/**/**/b", &["/a/b", "/a/x/b"], &["/a"]);
    check("/**/*.key", &["/a.key", "/x/y/z.key"], &["/a.key/x"]);
}

#[test]
fn braces_stand_for_each_of_their_alternatives() {
    check("/{a,b}/c", &["/a/c", "/b/c"], &["/c", "/a,b/c", "/{a,b}/c"]);
    check(
        "{/root,/home/*}/x{,/**}",
        &["/root/x", "/home/a/x", "/root/x/y/z"],
        &["/root", "/x"],
    );
    check(
        "/{a,{b,c}d,}e",
        &["/ae", "/bde", "/cde", "/e"],
        &["/be", "/de"],
    );
    check("/{a}", &["/a"], &["/{a}"]);
    check("/a,b", &["/a,b"], &["/a"]);
    check("/{a\\,b,c\\}}", &["/a,b", "/c}"], &["/a", "/c"]);
    let many = pattern("/{0,1,2,3}{0,1,2,3}{0,1,2,3}{0,1,2,3}{0,1,2,3}");
    assert_eq!(many.alternatives().len(), ALTERNATIVES_MAX);
}

#[test]
fn bytes_and_escapes_are_themselves() {
    check("/a\\*b\\?\\[\\{\\\\", &["/a*b?[{\\"], &["/axb?[{\\"]);
    let odd = pattern("/\\xff\\x2e\\xC3\\xa4?*");
    assert!(odd.matches(b"/\xff.\xc3\xa4\xfe"));
    assert!(!odd.matches(b"/\xff.\xc3\xa4"));
    assert!(pattern(b"/\xff*").matches(b"/\xff\xfe\x01"));
    assert!(!pattern("/[!a]").matches(b"/\xc3\xa4\xa4"));
    assert!(pattern("/[!a][!b]").matches(b"/\xc3\xa4\xa4"));
    for path in [&b"/a*b[c]{d,e}?\\\xff\xc3\xa4 !"[..], b"/", b"/x/y"] {
        let text = escape(path);
        assert!(pattern(&text).matches(path), "{text}");
        assert_eq!(pattern(&text).alternatives().len(), 1);
    }
}

#[test]
fn what_is_no_pattern_says_why() {
    let deep = "/a".repeat(LEVELS_MAX);
    let long = format!("/{}", "a".repeat(PATTERN_BYTES_MAX - 1));
    assert!(Pattern::parse(deep.as_bytes()).is_ok());
    assert!(Pattern::parse(long.as_bytes()).is_ok());
    let cases: &[(&str, PatternError)] = &[
        ("", PatternError::Relative),
        ("a/b", PatternError::Relative),
        ("~/x", PatternError::Relative),
        ("{/a,b}", PatternError::Relative),
        ("/a/", PatternError::TrailingSlash),
        ("//", PatternError::TrailingSlash),
        ("/a/**/", PatternError::TrailingSlash),
        ("/a/./b", PatternError::Dots),
        ("/a/..", PatternError::Dots),
        ("/a/\\x2e.", PatternError::Dots),
        ("/a/{b,..}", PatternError::Dots),
        ("/a**", PatternError::PartialTree),
        ("/***", PatternError::PartialTree),
        ("/[a", PatternError::OpenClass),
        ("/[]", PatternError::OpenClass),
        ("/[a/b]", PatternError::OpenClass),
        ("/[z-a]", PatternError::BackwardRange),
        ("/{a", PatternError::OpenBrace),
        ("/{a,{b}", PatternError::OpenBrace),
        ("/a}", PatternError::StrayBrace),
        ("/a\\", PatternError::Escape),
        ("/a\\/b", PatternError::Escape),
        ("/a\\n", PatternError::Escape),
        ("/\\xg0", PatternError::Escape),
        ("/\\x2f", PatternError::Escape),
        ("/\\x00", PatternError::Nul),
        ("/a\0", PatternError::Nul),
        (
            "/{0,1,2,3}{0,1,2,3}{0,1,2,3}{0,1,2,3}{0,1,2,3,4}",
            PatternError::TooManyAlternatives,
        ),
        (
            &format!("/{}", "{".repeat(4_000)),
            PatternError::TooManyAlternatives,
        ),
        (&format!("{deep}/a"), PatternError::TooDeep),
        (&format!("{long}a"), PatternError::TooLong),
    ];
    for (text, expect) in cases {
        assert_eq!(Pattern::parse(text.as_bytes()), Err(*expect), "{text}");
    }
}

#[test]
fn hostile_patterns_and_paths_end_soon() {
    let stars = format!("/{}b", "*a".repeat(2_000));
    let trees = format!("{}/x", "/**/a".repeat(LEVELS_MAX / 2 - 1));
    let both = format!("{}/x", "/**/*a*a".repeat(LEVELS_MAX / 2 - 1));
    let long = format!("/{}", "a".repeat(PATTERN_BYTES_MAX - 1));
    let deep = "/aaa".repeat(PATTERN_BYTES_MAX / 4);
    for text in [stars, trees, both] {
        let pattern = pattern(&text);
        for path in [&long, &deep] {
            let start = Instant::now();
            assert!(!pattern.matches(path.as_bytes()));
            // Exponential work would outlast the machine.
            assert!(
                start.elapsed() < Duration::from_secs(1),
                "{:?}",
                start.elapsed()
            );
        }
    }
    let braces = "{a,b}".repeat(800);
    assert_eq!(
        Pattern::parse(braces.as_bytes()),
        Err(PatternError::TooManyAlternatives)
    );
}

/// Does `pattern`, which is valid and ASCII, match? Tries everything.
fn naive(pattern: &[u8], path: &[u8]) -> bool {
    if let Some(open) = pattern.iter().position(|byte| *byte == b'{') {
        let (mut depth, mut from) = (0, open + 1);
        let mut choices = Vec::new();
        for at in open..pattern.len() {
            match pattern[at] {
                b'{' => depth += 1,
                b',' if depth == 1 => {
                    choices.push(&pattern[from..at]);
                    from = at + 1;
                }
                b'}' if depth == 1 => {
                    choices.push(&pattern[from..at]);
                    return choices.iter().any(|choice| {
                        naive(
                            &[&pattern[..open], *choice, &pattern[at + 1..]].concat(),
                            path,
                        )
                    });
                }
                b'}' => depth -= 1,
                _ => {}
            }
        }
    }
    let split = |text: &[u8]| -> Vec<Vec<u8>> {
        let parts = text
            .split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty());
        parts.map(<[u8]>::to_vec).collect()
    };
    naive_path(&split(pattern), &split(path))
}

fn naive_path(pattern: &[Vec<u8>], path: &[Vec<u8>]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [tree] if tree == b"**" => !path.is_empty(),
        [tree, rest @ ..] if tree == b"**" => {
            (0..=path.len()).any(|taken| naive_path(rest, &path[taken..]))
        }
        [first, rest @ ..] => match path {
            [name, below @ ..] => naive_name(first, name) && naive_path(rest, below),
            [] => false,
        },
    }
}

fn naive_name(pattern: &[u8], name: &[u8]) -> bool {
    match (pattern, name) {
        ([], _) => name.is_empty(),
        ([b'*', rest @ ..], _) => (0..=name.len()).any(|taken| naive_name(rest, &name[taken..])),
        ([b'?', rest @ ..], [_, name @ ..]) => naive_name(rest, name),
        ([b'[', b'!', not, b']', rest @ ..], [first, name @ ..]) => {
            first != not && naive_name(rest, name)
        }
        ([b'[', low, b'-', high, b']', rest @ ..], [first, name @ ..]) => {
            (low..=high).contains(&first) && naive_name(rest, name)
        }
        ([own, rest @ ..], [first, name @ ..]) => own == first && naive_name(rest, name),
        _ => false,
    }
}

/// Text of a valid pattern over a small alphabet, so that matches are frequent.
pub(crate) fn some_pattern() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "a",
        "b",
        "b",
        "*",
        "?",
        "[a-b]",
        "[!a]",
        "{a,b}",
        "{,ab}",
        "{a,{b,*}}",
        "{a/b,b}",
    ]);
    let name = prop::collection::vec(piece, 1..4).prop_map(|pieces| pieces.concat());
    let component = prop_oneof![3 => name, 1 => Just("**".to_owned())];
    prop::collection::vec(component, 1..5)
        .prop_map(|parts| format!("/{}", parts.join("/")))
        .prop_filter("no pattern", |text| Pattern::parse(text.as_bytes()).is_ok())
}

/// A path that such a pattern may well match.
pub(crate) fn some_path() -> impl Strategy<Value = String> {
    prop::collection::vec("[ab]{1,3}", 0..6).prop_map(|parts| format!("/{}", parts.join("/")))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4_000) })]

    #[test]
    fn matches_are_those_of_the_naive_matcher(text in some_pattern(), path in some_path()) {
        let expect = naive(text.as_bytes(), path.as_bytes());
        prop_assert_eq!(pattern(&text).matches(path.as_bytes()), expect, "{} {}", text, path);
    }

    #[test]
    fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..60), path in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Ok(pattern) = Pattern::parse(&[b"/", text.as_slice()].concat()) {
            pattern.matches(&[b"/", path.as_slice()].concat());
        }
    }

    #[test]
    fn an_escaped_path_matches_itself(parts in prop::collection::vec("[^/\0]{1,6}", 0..5), byte in 1_u8..=255) {
        prop_assume!(parts.iter().all(|part| part != "." && part != ".."));
        let mut path = format!("/{}", parts.join("/")).into_bytes();
        if byte != b'/' && byte != b'.' && path.len() > 1 {
            path.push(byte);
        }
        prop_assert!(pattern(escape(&path)).matches(&path));
    }
}
