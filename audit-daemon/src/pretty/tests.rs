//! One record is one line, at any width, whatever text is in it.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

use super::screen::columns;
use super::*;

/// The day of every record below.
pub(super) fn today() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

pub(super) fn pretty(width: usize) -> Pretty {
    let options = PrettyOptions {
        width,
        ..PrettyOptions::default()
    };
    Pretty::with_clock(options, Clock::fixed(TimeZone::UTC, today))
}

fn lines_of(pretty: &mut Pretty, json: &[&str]) -> Vec<String> {
    let mut out = String::new();
    json.iter()
        .for_each(|json| pretty.line(json.as_bytes(), &mut out));
    assert_eq!(
        out.matches('\n').count(),
        json.len(),
        "one record, one line: {out:?}"
    );
    out.lines().map(str::to_owned).collect()
}

pub(super) fn line_of(width: usize, json: &str) -> String {
    lines_of(&mut pretty(width), &[json]).remove(0)
}

/// A record of 10:02:13.482 with `kind`, and `rest` as its other attributes.
pub(super) fn record(kind: &str, status: &str, rest: &str) -> String {
    format!(
        r#"{{"time":1795168933482,"time_dt":"2026-11-20T10:02:13.482999999Z",{status},"metadata":{{"event_code":"{kind}","sequence":10417}}{rest}}}"#
    )
}

pub(super) const OK: &str = r#""status_id":1"#;
const DEPLOY: &str = r#""user":{"uid":"1000","name":"deploy"},"session":{"uid":"0d5be3a4-42"}"#;

pub(super) fn exec(command: &str, euid: u32) -> String {
    let rest = format!(
        r#","actor":{{"process":{{"pid":4087,"uid":"x","path":"/usr/bin/bash"}},{DEPLOY}}},"process":{{"pid":4102,"name":"x","file":{{"name":"x","path":"/usr/bin/x"}},"cmd_line":{command},"user":{{"uid":"1000","name":"deploy"}},"euid":{euid},"egid":1000}},"unmapped":{{"session_ip":"203.0.113.7"}}"#
    );
    record("process.exec", OK, &rest)
}

const LOGIN: &str = r#"{"time_dt":"2026-11-20T10:00:00Z","status_id":1,"metadata":{"event_code":"login.open"},"user":{"uid":"1000","name":"deploy"},"session":{"uid":"0d5be3a4-42","issuer":"sshd"}}"#;

#[test]
fn an_exec_at_each_width() {
    let json = exec(r#""sudo systemctl restart nginx""#, 0);
    let at = |width: usize| lines_of(&mut pretty(width), &[LOGIN, &json]).remove(1);
    assert_eq!(at(40), "10:02:13 deploy→root ok exec sudo syste…");
    assert_eq!(
        at(80),
        "10:02:13.482  deploy→root  ok     exec   sudo systemctl restart nginx  ssh 203.…"
    );
    assert_eq!(
        at(200),
        "10:02:13.482  deploy→root  ok     exec   sudo systemctl restart nginx                   \
         \u{20}       ssh 203.0.113.7"
    );
    assert_eq!(at(WIDTH_UNLIMITED), at(200));
}

#[test]
fn a_long_command_leaves_the_session_visible_on_a_wide_screen() {
    let json = exec(&format!("\"echo {}\"", "a".repeat(8000)), 1000);
    let line = line_of(120, &json);
    assert_eq!(columns(&line), 120);
    assert!(line.ends_with("aaa…  from 203.0.113.7"), "{line}");
    let whole = line_of(WIDTH_UNLIMITED, &json);
    assert!(whole.contains(&"a".repeat(8000)) && !whole.contains('…'));
}

#[test]
fn wide_characters_are_measured_in_columns() {
    let json = exec(
        r#""echo 漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字""#,
        1000,
    );
    for width in 1..=200 {
        let line = line_of(width, &json);
        assert!(columns(&line) <= width, "{width}: {line}");
        // A wide character that does not fit any more may leave one column empty.
        assert!(columns(&line) + 1 >= width.min(70), "{width}: {line}");
    }
    assert_eq!(
        line_of(48, &json),
        "10:02:13 deploy ok exec echo 漢字漢字漢字漢字漢…"
    );
}

#[test]
fn who_is_login_then_effective_user() {
    let who = |actor: &str, process: &str| {
        let rest = format!(r#","actor":{{{actor}}},"process":{{"cmd_line":"x",{process}}}"#);
        let line = line_of(80, &record("process.exec", OK, &rest));
        line.split_once("  ")
            .unwrap()
            .1
            .split_once(" ok")
            .unwrap()
            .0
            .trim_end()
            .to_owned()
    };
    let deploy = r#""user":{"uid":"1000","name":"deploy"}"#;
    let user = |uid: u32, name: &str, euid: u32| {
        format!(r#""user":{{"uid":"{uid}","name":"{name}"}},"euid":{euid}"#)
    };
    assert_eq!(who(deploy, &user(1000, "deploy", 1000)), "deploy");
    assert_eq!(who(deploy, &user(1000, "deploy", 0)), "deploy→root");
    assert_eq!(who(deploy, &user(33, "www-data", 33)), "deploy→www-data");
    assert_eq!(who("", &user(0, "root", 0)), "-");
    assert_eq!(who("", &user(33, "www-data", 33)), "-→www-data");
    assert_eq!(
        who(
            r#""user":{"uid":"1000"}"#,
            r#""user":{"uid":"1000"},"euid":1000"#
        ),
        "1000"
    );
    // Another user namespace: no names, not even root's.
    assert_eq!(
        who(deploy, r#""user":{"uid":"100000"},"euid":0"#),
        "deploy→0"
    );
    // An effective user whose name nobody told.
    assert_eq!(who(deploy, &user(1000, "deploy", 77)), "deploy→77");
}

#[test]
fn names_are_learnt_from_earlier_records() {
    let nobody = record(
        "process.exec",
        OK,
        r#","process":{"cmd_line":"x","user":{"uid":"77","name":"mail"},"euid":77}"#,
    );
    let lines = lines_of(&mut pretty(80), &[&nobody, &exec("\"x\"", 77)]);
    assert!(
        lines[1].starts_with("10:02:13.482  deploy→mail  ok"),
        "{}",
        lines[1]
    );
}

#[test]
fn failures_say_which() {
    let denied = |path: &str, command: &str| {
        let rest = format!(
            r#","actor":{{"process":{{"path":"/usr/bin/bash"}},{DEPLOY}}},"process":{{"file":{{"path":"{path}"}},"cmd_line":{command},"user":{{"uid":"1000","name":"deploy"}},"euid":1000}}"#
        );
        let status = r#""status_id":2,"status_code":"EACCES""#;
        line_of(WIDTH_UNLIMITED, &record("process.exec", status, &rest))
    };
    assert_eq!(
        denied("/srv/bin/migrate", r#""/srv/bin/migrate --all""#),
        "10:02:13.482  deploy       EACCES exec   /srv/bin/migrate --all                         \
         \u{20}       session 42"
    );
    // What was asked for is the path, whatever the program calls itself.
    assert!(denied("/srv/bin/x", r#""'a b'\"'\"'c' -v""#).contains("exec   /srv/bin/x -v  "));
    assert!(denied("/srv/it's x", r#""x""#).contains(r#"exec   '/srv/it'"'"'s x'  "#));
    let exit = |status: &str, rest: &str| {
        let process = format!(r#","process":{{"pid":4135,"path":"/usr/bin/curl"}}{rest}"#);
        line_of(80, &record("process.exit", status, &process))
    };
    assert_eq!(
        exit(
            r#""status_id":2,"status_code":"SIGSEGV""#,
            r#","exit_code":139,"duration":12"#
        ),
        "10:02:13.482  -            SIGSEGV exit  /usr/bin/curl after 12 ms"
    );
    assert_eq!(
        exit(OK, r#","exit_code":3,"duration":61000"#),
        "10:02:13.482  -            code 3 exit   /usr/bin/curl after 1 min 1 s"
    );
    assert_eq!(
        exit(OK, r#","exit_code":0"#),
        "10:02:13.482  -            ok     exit   /usr/bin/curl"
    );
}

#[test]
fn files_networks_and_containers() {
    let bash =
        r#""process":{"pid":4087,"name":"cat","user":{"uid":"1000","name":"deploy"},"euid":1000}"#;
    let act = |kind: &str, status: &str, rest: &str| {
        let json = record(
            kind,
            status,
            &format!(r#","actor":{{{bash},{DEPLOY}}}{rest}"#),
        );
        line_of(
            120,
            &json.replace("10417", r#"10417,"labels":["env:prod","watch:accounts"]"#),
        )
    };
    assert_eq!(
        act(
            "file.open_read",
            r#""status_id":2,"status_code":"EACCES""#,
            r#","file":{"path":"/etc/shadow"}"#
        ),
        "10:02:13.482  deploy       EACCES open   r /etc/shadow  (cat)                           \
         \u{20}     watch:accounts  session 42"
    );
    assert!(
        act(
            "file.rename",
            OK,
            r#","file":{"path":"/a"},"file_result":{"path":"/b"}"#
        )
        .contains(" rename /a → /b  (cat)  ")
    );
    let refused = r#""status_id":2,"status_code":"ECONNREFUSED""#;
    assert!(
        act(
            "net.connect",
            refused,
            r#","dst_endpoint":{"ip":"::1","port":5432},"connection_info":{"protocol_name":"tcp"}"#
        )
        .contains("deploy       refused connect tcp [::1]:5432  (cat)  ")
    );
    let rest = r#","actor":{"process":{"path":"/usr/bin/runc"}},"process":{"cmd_line":"sh","euid":0,"container":{"uid":"c3f8a1d07be94c52a6","name":"web","tags":[{"name":"pod","value":"billing"}]}}"#;
    assert!(
        line_of(120, &record("process.exec", OK, rest))
            .ends_with("   c3f8a1d07be9 web (pod billing)")
    );
    let rest = r#","actor":{"process":{"path":"/usr/lib/systemd/systemd"}},"process":{"cmd_line":"/usr/sbin/nginx -g 'daemon on;'","euid":0},"count":12"#;
    assert_eq!(
        line_of(100, &record("process.exec", OK, rest)),
        "10:02:13.482  -            ok     exec   /usr/sbin/nginx -g 'daemon on;'  ×12   (systemd)"
    );
}

#[test]
fn losses_and_messages_are_sentences() {
    let loss = r#","count":312,"start_time_dt":"2026-11-20T10:02:19.199Z","end_time_dt":"2026-11-20T10:02:19.400Z","severity_id":3,"unmapped":{"loss":{"lane":"bulk","stage":"ring","ranges":[{"cpu":3,"first":1,"last":200},{"cpu":3,"first":301,"last":412}]}}"#;
    let json = record(
        "daemon.loss",
        r#""status_id":2,"message":"312 events lost""#,
        loss,
    );
    assert_eq!(
        line_of(80, &json),
        "10:02:13.482  !  lost 312 bulk events on cpu 3, 10:02:19.1–10:02:19.4 (ring full)"
            .replace(" full)", " ful…")
    );
    assert_eq!(
        line_of(100, &json),
        "10:02:13.482  !  lost 312 bulk events on cpu 3, 10:02:19.1–10:02:19.4 (ring full)"
    );
    let cases = [
        (
            "daemon.start",
            r#""status_id":1,"message":"audit-daemon 0.1.0 started""#,
            "",
            "audit-daemon 0.1.0 started",
        ),
        (
            "daemon.stop",
            OK,
            r#","status_detail":"SIGTERM""#,
            "audit-daemon stopping: SIGTERM",
        ),
        (
            "log.rotate",
            OK,
            r#","file":{"path":"/l/0.jsonl"},"unmapped":{"segment":{"first":0,"last":62,"records":63}}"#,
            "/l/0.jsonl sealed, 63 records (#0–#62)",
        ),
        (
            "log.delete",
            OK,
            r#","file":{"path":"/l/0.jsonl"},"status_detail":"cap""#,
            "/l/0.jsonl deleted: cap",
        ),
        ("daemon.later", OK, "", "daemon.later"),
        (
            "log.verify",
            r#""status_id":2,"status_code":"MISSING""#,
            "",
            "the log is not what was written: MISSING",
        ),
    ];
    for (kind, status, rest, sentence) in cases {
        assert_eq!(
            line_of(100, &record(kind, status, rest)),
            format!("10:02:13.482  !  {sentence}"),
            "{kind}"
        );
    }
    let stage = json
        .replace("\"ring\"", "\"hook\"")
        .replace("\"count\":312", "\"count\":1");
    assert!(line_of(120, &stage).ends_with("(the kernel skipped the hook)"));
    assert!(line_of(120, &stage).contains("lost 1 bulk event on cpu 3,"));
}

#[test]
fn verbose_adds_pid_parent_sequence_and_labels() {
    let options = PrettyOptions {
        width: 140,
        verbose: true,
        ..PrettyOptions::default()
    };
    let mut pretty = Pretty::with_clock(options, Clock::fixed(TimeZone::UTC, today));
    let json = exec("\"ls\"", 1000).replace("10417", r#"10417,"labels":["env:prod"]"#);
    assert_eq!(
        lines_of(&mut pretty, &[&json]),
        [
            "10:02:13.482  deploy       ok     exec   ls  pid 4102 parent 4087 bash #10417 env:prod          \
          from 203.0.113.7 session 42"
        ]
    );
    let whole_id = record(
        "process.exec",
        OK,
        r#","process":{"container":{"uid":"c3f8a1d07be94c52a6"}}"#,
    );
    assert!(lines_of(&mut pretty, &[&whole_id])[0].ends_with("c3f8a1d07be94c52a6"));
}

#[test]
fn times_are_of_the_zone_and_other_days_have_their_date() {
    let at = |offset_h: i8, width: usize| {
        let zone = TimeZone::fixed(Offset::constant(offset_h));
        let options = PrettyOptions {
            width,
            ..PrettyOptions::default()
        };
        let mut pretty = Pretty::with_clock(options, Clock::fixed(zone, today));
        lines_of(&mut pretty, &[&exec("\"ls\"", 1000)]).remove(0)
    };
    assert!(at(1, 80).starts_with("11:02:13.482  deploy "));
    // 12:00 UTC is already the 21st at +14, where the record is of 00:02 the same day.
    assert!(at(14, 80).starts_with("00:02:13.482  deploy "));
    // At +13 the record is of the 20th, 23:02, and now is the 21st.
    assert!(at(13, 80).starts_with("2026-11-20 23:02:13.482  deploy "));
    assert!(at(13, 50).starts_with("11-20 23:02:13 deploy "));
    let spare = r#"{"time":1795168933482,"status_id":1,"metadata":{"event_code":"daemon.stop"}}"#;
    assert_eq!(line_of(80, spare), "10:02:13.482  !  audit-daemon stopping");
    let none = r#"{"status_id":1,"metadata":{"event_code":"daemon.stop"}}"#;
    assert_eq!(line_of(80, none), "--:--:--.---  !  audit-daemon stopping");
    let zone = Clock::fixed(TimeZone::fixed(Offset::constant(1)), today);
    assert_eq!(zone.zone_note(), "times are +01 (UTC+01:00)");
    assert_eq!(Clock::system(true).zone_note(), "times are UTC");
}

#[test]
fn colour_and_width_are_asked_for_in_the_right_order() {
    use super::terminal::{ColourChoice, wants_colour, width_of};
    let none = |_: &str| None;
    let no_color = |name: &str| (name == "NO_COLOR").then(|| "1".into());
    let empty = |name: &str| (name == "NO_COLOR").then(|| "".into());
    let dumb = |name: &str| (name == "TERM").then(|| "dumb".into());
    assert!(wants_colour(ColourChoice::Auto, true, none));
    assert!(!wants_colour(ColourChoice::Auto, false, none));
    assert!(!wants_colour(ColourChoice::Auto, true, no_color));
    assert!(wants_colour(ColourChoice::Auto, true, empty));
    assert!(!wants_colour(ColourChoice::Auto, true, dumb));
    assert!(wants_colour(ColourChoice::Always, false, no_color));
    assert!(!wants_colour(ColourChoice::Never, true, none));

    let pipe = std::fs::File::open("/dev/null").unwrap();
    let columns = |text: &'static str| move |name: &str| (name == "COLUMNS").then(|| text.into());
    assert_eq!(width_of(&pipe, none), WIDTH_UNLIMITED);
    assert_eq!(width_of(&pipe, columns("132")), 132);
    assert_eq!(width_of(&pipe, columns("99999999")), 4096);
    for nonsense in ["0", "-1", "wide", ""] {
        assert_eq!(
            width_of(&pipe, columns(nonsense)),
            WIDTH_UNLIMITED,
            "{nonsense}"
        );
    }
}
