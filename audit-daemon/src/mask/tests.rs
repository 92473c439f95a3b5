//! Marks, custom rules, single texts, environment, the table, speed.

use super::rules::{NAME_HOOKS, NAME_WORDS, PROGRAMS, SHAPES};
use super::{CustomRule, MASKED, MaskError, MaskSettings, Masker, Scratch};

pub(super) fn builtin() -> Masker {
    Masker::new(&MaskSettings::default()).expect("default settings are valid")
}

fn with_rules(rules: &[CustomRule]) -> Result<Masker, MaskError> {
    Masker::new(&MaskSettings {
        rules: rules.to_vec(),
        ..MaskSettings::default()
    })
}

/// The masked command line, arguments joined by a blank, and its marks.
fn masked(masker: &Masker, args: &[&str]) -> Option<(String, Vec<(String, u32)>)> {
    let mut scratch = Scratch::default();
    let found = masker.mask_argv(args.join("\0").as_bytes(), &mut scratch)?;
    let text = String::from_utf8_lossy(found.bytes()).replace('\0', " ");
    Some((
        text,
        found
            .marks()
            .map(|mark| (mark.rule.to_owned(), mark.length))
            .collect(),
    ))
}

fn text_of(masker: &Masker, args: &[&str]) -> String {
    masked(masker, args).map_or_else(|| args.join(" "), |(text, _)| text)
}

pub(super) fn mask_once(masker: &Masker, argv: &[u8]) -> Vec<u8> {
    let mut scratch = Scratch::default();
    masker
        .mask_argv(argv, &mut scratch)
        .map_or_else(|| argv.to_vec(), |found| found.bytes().to_vec())
}

#[test]
fn marks_name_rule_and_length_in_order() {
    let args = [
        "mysql",
        "-phunter2",
        "--ssl-key-password=abc",
        "-e",
        "x",
        "postgres://u:pässword@h",
    ];
    let (text, marks) = masked(&builtin(), &args).expect("three secrets");
    assert_eq!(
        text,
        "mysql -p<masked> --ssl-key-password=<masked> -e x postgres://u:<masked>@h"
    );
    let expected = [
        ("mysql-password", 7),
        ("password", 3),
        ("url-credentials", 9),
    ];
    let expected: Vec<(String, u32)> = expected
        .iter()
        .map(|(rule, length)| ((*rule).to_owned(), *length))
        .collect();
    assert_eq!(marks, expected);
}

#[test]
fn scratch_is_reused_without_traces() {
    let masker = builtin();
    let mut scratch = Scratch::default();
    for _ in 0..3 {
        let found = masker
            .mask_argv(b"x\0--password\0abc", &mut scratch)
            .expect("a secret");
        assert_eq!(found.bytes(), b"x\0--password\0<masked>");
        assert_eq!(found.marks().len(), 1);
        assert!(masker.mask_argv(b"ls\0-la", &mut scratch).is_none());
    }
}

#[test]
fn an_argument_cut_by_the_limit_is_masked_to_its_end() {
    let masker = builtin();
    for (argv, expected) in [
        (&b"mysql\0-phun"[..], &b"mysql\0-p<masked>"[..]),
        (b"x\0--password=ab", b"x\0--password=<masked>"),
        (
            b"x\0-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAK",
            b"x\0<masked>",
        ),
        (
            b"curl\0-H\0Authorization: Bearer abc",
            b"curl\0-H\0Authorization: Bearer <masked>",
        ),
        (b"sh\0-c\0mysql -p'abc", b"sh\0-c\0mysql -p<masked>"),
    ] {
        assert_eq!(
            String::from_utf8_lossy(&mask_once(&masker, argv)),
            String::from_utf8_lossy(expected)
        );
    }
}

#[test]
fn options_at_the_very_end_are_no_panic() {
    let masker = builtin();
    for row in PROGRAMS {
        for program in row.programs {
            for option in [
                "-p",
                "-u",
                "-P",
                "-a",
                "--password",
                "--user",
                "-",
                "--",
                "-p=",
                "",
                "=",
            ] {
                mask_once(&masker, format!("{program}\0{option}").as_bytes());
                mask_once(
                    &masker,
                    format!("{program}\0{}\0{option}", row.sub.join("\0")).as_bytes(),
                );
            }
        }
    }
}

#[test]
fn environment_values_are_judged_by_name_and_by_look() {
    let masker = builtin();
    let mut scratch = Scratch::default();
    let mut value = |name: &str, value: &str| {
        let found = masker.mask_env(name.as_bytes(), value.as_bytes(), &mut scratch);
        found.map(|found| String::from_utf8_lossy(found.bytes()).into_owned())
    };
    assert_eq!(
        value("DB_PASSWORD", "two words").as_deref(),
        Some("<masked>")
    );
    assert_eq!(value("DB_PW", "abc").as_deref(), Some("<masked>"));
    assert_eq!(
        value("DATABASE_URL", "postgres://u:x@h/d").as_deref(),
        Some("postgres://u:<masked>@h/d")
    );
    assert_eq!(
        value("JAVA_OPTS", "-Xmx1g -Ddb.password=abc -Da=b").as_deref(),
        Some("-Xmx1g -Ddb.password=<masked> -Da=b")
    );
    assert_eq!(
        value("X", "ghp_0123456789abcdefghijABCDEFGHIJ012345").as_deref(),
        Some("<masked>")
    );
    for (name, harmless) in [
        ("PWD", "/home/bob"),
        ("SSH_AUTH_SOCK", "/run/ssh.sock"),
        ("PATH", "/usr/bin:/bin"),
        ("LD_PRELOAD", "/lib/libpass.so"),
        ("PASSWORD", ""),
        ("TOKEN", "$TOKEN"),
        ("LANG", "C"),
        ("XDG_SESSION_ID", "3"),
        ("DB_PASSWORD_FILE", "/run/secrets/db"),
    ] {
        assert_eq!(value(name, harmless), None, "{name}");
    }
}

#[test]
fn single_texts_are_masked() {
    let masker = builtin();
    let mut scratch = Scratch::default();
    let mut text = |text: &str| {
        let found = masker.mask_text(text.as_bytes(), &mut scratch);
        found.map(|found| String::from_utf8_lossy(found.bytes()).into_owned())
    };
    assert_eq!(
        text("https://u:p@h/x").as_deref(),
        Some("https://u:<masked>@h/x")
    );
    assert_eq!(
        text("/x?token=abc&a=1").as_deref(),
        Some("/x?token=<masked>&a=1")
    );
    assert_eq!(
        text("mysqld: mysql -pabc db").as_deref(),
        Some("mysqld: mysql -p<masked> db")
    );
    assert_eq!(text("/etc/passwd"), None);
    assert_eq!(text("/home/bob/.ssh/id_rsa"), None);
    assert_eq!(text("sshd: bob [priv]"), None);
}

/// A masker with one rule of each sort.
fn with_own_rules() -> Masker {
    let rules = [
        CustomRule {
            name: "tool-pin".into(),
            options: vec!["--api-pin".into(), "-Z".into()],
            programs: vec!["mytool".into()],
            ..CustomRule::default()
        },
        CustomRule {
            name: "pins".into(),
            variables: vec!["*_PIN".into(), "ACME_*_CODE".into()],
            ..CustomRule::default()
        },
        CustomRule {
            name: "badge".into(),
            pattern: Some(r"badge:(\d{4})\b".into()),
            ..CustomRule::default()
        },
    ];
    with_rules(&rules).expect("valid rules")
}

#[test]
fn custom_options_variables_and_patterns() {
    let masker = with_own_rules();
    let text = |args: &[&str]| text_of(&masker, args);
    assert_eq!(
        text(&["/opt/mytool", "--api-pin", "1234"]),
        "/opt/mytool --api-pin <masked>"
    );
    assert_eq!(
        text(&["mytool", "--api-pin=1234", "-Zab"]),
        "mytool --api-pin=<masked> -Z<masked>"
    );
    assert_eq!(
        text(&["sudo", "mytool", "--api-pin", "1"]),
        "sudo mytool --api-pin <masked>"
    );
    assert_eq!(
        text(&["sh", "-c", "mytool --api-pin '1 2'"]),
        "sh -c mytool --api-pin '<masked>'"
    );
    assert_eq!(
        text(&["other", "--api-pin", "1234"]),
        "other --api-pin 1234"
    );
    assert_eq!(
        text(&["env", "CARD_PIN=1234", "x"]),
        "env CARD_PIN=<masked> x"
    );
    assert_eq!(
        text(&["env", "ACME_DOOR_CODE=7", "x"]),
        "env ACME_DOOR_CODE=<masked> x"
    );
    assert_eq!(
        text(&["x", r#"{"card_pin": "99"}"#]),
        r#"x {"card_pin": "<masked>"}"#
    );
    assert_eq!(
        text(&["x", "a badge:1234 b badge:5678"]),
        "x a badge:<masked> b badge:<masked>"
    );
    let (_, marks) = masked(&masker, &["x", "badge:1234"]).expect("a secret");
    assert_eq!(marks, [("badge".to_owned(), 4)]);
    let mut scratch = Scratch::default();
    let found = masker
        .mask_text(b"/x/badge:1234", &mut scratch)
        .expect("a secret");
    assert_eq!(found.bytes(), b"/x/badge:<masked>");
    let found = masker
        .mask_env(b"CARD_PIN", b"1234", &mut scratch)
        .expect("a secret");
    assert_eq!(found.marks().next().map(|mark| mark.rule), Some("pins"));
    // What was built in still is.
    assert_eq!(
        text(&["mytool", "--password", "x"]),
        "mytool --password <masked>"
    );
}

#[test]
fn wrong_rules_say_what_is_wrong() {
    let rule = |name: &str| CustomRule {
        name: name.into(),
        ..CustomRule::default()
    };
    let message = |rules: &[CustomRule]| with_rules(rules).expect_err("a wrong rule").to_string();
    let option = |option: &str| CustomRule {
        options: vec![option.into()],
        ..rule("r")
    };
    let pattern = |text: &str| CustomRule {
        pattern: Some(text.into()),
        ..rule("r")
    };
    assert!(message(&[rule("Bad Name")]).contains("rule 1: the name \"Bad Name\""));
    assert!(message(&[rule("")]).contains("rule 1"));
    assert!(message(&[rule("r")]).contains("rule r: matches nothing"));
    assert!(message(&[rule("mysql-password")]).contains("built-in"));
    assert!(message(&[rule("url-credentials")]).contains("built-in"));
    assert!(message(&[option("-x"), option("-y")]).contains("defined twice"));
    assert!(message(&[option("pin")]).contains("option \"pin\""));
    assert!(message(&[option("--pin=")]).contains("option \"--pin=\""));
    assert!(
        message(&[CustomRule {
            variables: vec!["*".into()],
            ..rule("r")
        }])
        .contains("\"*\"")
    );
    assert!(message(&[pattern("a(b")]).contains("no regular expression"));
    assert!(message(&[pattern("ab")]).contains("0 capture groups"));
    assert!(message(&[pattern("(a)(b)")]).contains("2 capture groups"));
    let unknown = MaskSettings {
        disabled_rules: vec!["nope".into()],
        ..MaskSettings::default()
    };
    assert!(
        Masker::new(&unknown)
            .expect_err("unknown rule")
            .to_string()
            .contains("\"nope\"")
    );
}

#[test]
fn settings_read_from_toml_and_refuse_unknown_keys() {
    let text = "disabled_rules = ['session']\n[[rules]]\nname = 'a'\noptions = ['--pin']\n";
    let settings: MaskSettings = toml::from_str(text).expect("valid settings");
    assert!(settings.enabled && settings.rules.len() == 1);
    assert!(toml::from_str::<MaskSettings>("enable = true").is_err());
    assert!(toml::from_str::<MaskSettings>("[[rules]]\nname = 'a'\noption = ['-x']").is_err());
}

#[test]
fn rules_can_be_switched_off() {
    let off = MaskSettings {
        enabled: false,
        ..MaskSettings::default()
    };
    let masker = Masker::new(&off).expect("valid settings");
    assert!(masked(&masker, &["x", "--password", "abc"]).is_none());
    let one = MaskSettings {
        disabled_rules: vec!["password".into()],
        ..MaskSettings::default()
    };
    let masker = Masker::new(&one).expect("valid settings");
    assert_eq!(
        text_of(&masker, &["x", "--password", "a", "--token", "b"]),
        "x --password a --token <masked>"
    );
}

#[test]
fn the_table_is_sound() {
    let named = NAME_WORDS.iter().map(|row| row.rule);
    let rules = named
        .chain(PROGRAMS.iter().map(|row| row.rule))
        .chain(SHAPES.iter().map(|row| row.rule));
    for rule in rules {
        assert!(
            rule.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{rule}"
        );
    }
    for row in NAME_WORDS {
        let spelled = format!("_{}{}=", row.before.unwrap_or_default(), row.word);
        assert!(
            NAME_HOOKS.iter().any(|hook| spelled.contains(hook)),
            "no hook for {spelled}"
        );
    }
    for row in PROGRAMS {
        assert!(
            !row.programs.is_empty() && !row.places.is_empty(),
            "{}",
            row.rule
        );
        // The look-up of a program is in lower case.
        assert!(
            row.programs
                .iter()
                .all(|name| name.to_ascii_lowercase() == *name),
            "{}",
            row.rule
        );
    }
}

#[test]
fn a_mark_is_the_literal_of_the_record_format() {
    assert_eq!(MASKED, b"<masked>");
}
