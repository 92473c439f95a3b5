//! Odd records, odd bytes, and colour: what must never reach a terminal.

use jiff::tz::TimeZone;

use super::screen::columns;
use super::tests::{OK, exec, line_of, pretty, record, today};
use super::*;

#[test]
fn unknown_kinds_and_shapes_still_make_a_line() {
    assert_eq!(
        line_of(
            80,
            &record("gpu.reset", OK, r#","file":{"path":"/dev/gpu"}"#)
        ),
        "10:02:13.482  -            ok     gpu.reset /dev/gpu"
    );
    assert_eq!(
        line_of(
            80,
            &record(
                "file.newer",
                OK,
                r#","file":{"path":"/x"},"later":{"a":[1]}"#
            )
        ),
        "10:02:13.482  -            ok     newer  /x"
    );
    let odd = record("file.open_read", OK, r#","file":"not an object""#);
    assert!(line_of(WIDTH_UNLIMITED, &odd).starts_with(
        "10:02:13.482  ?  file.open_read in a form unknown to this version: {\"time\""
    ));
    for (bytes, shown) in [
        (&b""[..], "?  not a record:"),
        (b"\n", "?  not a record:"),
        (b"{\"a\"", "?  not a record: {\"a\""),
        (b"\x1b[2J\xff\0", "?  not a record: \\u001b[2J\\xff\\u0000"),
        (b"[[[[", "?  not a record: [[[["),
        (b"null", "?  not a record: null"),
    ] {
        let mut out = String::new();
        pretty(80).line(bytes, &mut out);
        assert_eq!(out, format!("{shown}\n"));
    }
    let mut deep = String::new();
    pretty(80).line("[".repeat(100_000).as_bytes(), &mut deep);
    assert_eq!(columns(deep.trim_end()), 80);
}

#[test]
fn text_from_outside_cannot_act_on_the_terminal() {
    let attacks = [
        r"\u001b]0;owned\u0007",
        r"\u001b[2J",
        r"a\nb",
        r"a\r\tb",
        r"\u202egnp.exe",
        r"\u2066x\u2069",
        r"\u009b2J",
        r"\u007f",
        r"\u200b\u200d",
        r"\ufeff",
        r"\u061c",
        r"\u2028",
        r"\u0000",
        r"\udb40\udc41",
        r"\u00ad",
        r"e\u0301\u0301\u0301\u0301\u0301\u0301",
        r"\u00a0\u3000",
    ];
    for attack in attacks {
        let command = format!("\"x {attack} y\"");
        let name = exec(&command, 1000).replace("deploy", attack);
        let message = record(
            "daemon.start",
            &format!(r#""status_id":1,"message":"{attack}""#),
            "",
        );
        let kind = record(
            attack,
            &format!(r#""status_id":2,"status_code":"{attack}""#),
            "",
        );
        for json in [name, message, kind] {
            let line = line_of(WIDTH_UNLIMITED, &json);
            let hostile = |char: char| {
                char.is_control()
                    || matches!(char as u32, 0xa0 | 0xad | 0x61c | 0x200b..=0x200f | 0x2028..=0x202e
                        | 0x2060..=0x206f | 0x3000 | 0xfeff | 0xe0000..=0xe0fff)
            };
            assert!(!line.contains(hostile), "{attack}: {line:?}");
            assert!(!line.contains("\u{301}\u{301}\u{301}\u{301}"), "{line:?}");
        }
    }
    assert!(
        line_of(200, &exec(r#""a\nb\u001b\u202e \\x41 é""#, 1000))
            .contains(r"a\nb\u001b\u202e \x41 é")
    );
}

#[test]
fn colour_only_adds() {
    let json = [
        exec("\"sudo x\"", 0),
        record(
            "file.open_read",
            r#""status_id":2,"status_code":"EACCES""#,
            r#","file":{"path":"/etc/shadow"}"#,
        ),
        record(
            "daemon.loss",
            OK,
            r#","severity_id":4,"count":3,"unmapped":{"loss":{"lane":"critical","stage":"log"}}"#,
        ),
    ];
    for width in [20, 40, 80, 200] {
        for json in &json {
            let options = PrettyOptions {
                width,
                colour: true,
                ..PrettyOptions::default()
            };
            let mut coloured = Pretty::with_clock(options, Clock::fixed(TimeZone::UTC, today));
            let mut out = String::new();
            coloured.line(json.as_bytes(), &mut out);
            assert!(out.contains("\x1b["));
            for sgr in ["\x1b[0m", "\x1b[2m", "\x1b[33m", "\x1b[1;31m"] {
                out = out.replace(sgr, "");
            }
            assert_eq!(out.trim_end_matches('\n'), line_of(width, json));
        }
    }
}
