//! Files made to harm: nothing panics, hangs, or reaches the terminal.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::files::Reading;
use super::super::{escape, load_read};
use super::{Files, check_errors};

/// Is this fit for a terminal?
fn is_harmless(text: &str) -> bool {
    text.chars().all(|c| c == '\n' || !escape::is_active(c))
}

/// Whatever comes of it, it is printable; returns the number of errors.
fn load_hostile(content: impl AsRef<[u8]>) -> usize {
    let mut reading = Reading::default();
    reading.take(Path::new("/hostile.toml"), content.as_ref().to_vec());
    match load_read(reading).map_err(|refused| refused.errors) {
        Ok(_) => 0,
        Err(errors) => {
            let shown = errors.to_string();
            assert!(is_harmless(&shown), "{shown:?}");
            errors.reports.len() + errors.more
        }
    }
}

#[test]
fn escape_sequences_in_keys_and_values_are_shown_not_sent() {
    check_errors(
        "\"\\u001b]0;x\\u0007\" = 1\n[log]\n\"di\\nr\" = 1\ncap = \"\\u202egnp\"\n",
        "
error: unknown section `\\u001b]0;x\\u0007`
  --> /etc/audit-daemon/config.toml:1:1
   |
 1 | \"\\u001b]0;x\\u0007\" = 1
   | ^^^^^^^^^^^^^^^^^^
   = valid here: log, kernel, events, watch, network, records, process_table, users, mask, status, metrics, privilege, volume, counts, selftest

error: unknown key `di\\nr` in [log]
  --> /etc/audit-daemon/config.toml:3:1
   |
 3 | \"di\\nr\" = 1
   | ^^^^^^^ did you mean `dir`?

error: `cap` in [log] is not a size
  --> /etc/audit-daemon/config.toml:4:7
   |
 4 | cap = \"\\u202egnp\"
   |       ^^^^^^^^^^^ expected \"256 KiB\" to \"1024 TiB\", as a whole number

3 errors. Nothing was started; the running daemon keeps its old config.",
    );
    // Raw ones, which TOML allows in some places and not in others.
    assert_eq!(
        load_hostile("# \u{1b}[2J\u{9b}\nx = '\u{9b}31m\u{202e}'\n"),
        2
    );
    assert_eq!(
        load_hostile("[[mask.rule]]\nname = \"\u{202e}\u{85}\"\nzz = 1"),
        3
    );
}

#[test]
fn a_long_line_stays_one_line() {
    let content = format!("log.dir = \"{}\"", "/\u{300}".repeat(100_000));
    let shown = Files::main(content).errors();
    assert!(
        shown.lines().all(|line| line.chars().count() < 400),
        "{shown}"
    );
    assert_eq!(shown.lines().count(), 6);
}

#[test]
fn large_and_deep_files_end_soon() {
    // A quarter of what is read at most: enough to tell what grows with the square.
    let size = 256 << 10;
    let cases = [
        "a=[[[[".to_owned() + &"[".repeat(size - 6),
        "a=".to_owned() + &"{a=".repeat(size / 3 - 1),
        "a.".repeat(size / 2 - 2) + "a=1",
        format!("[{}a]", "a.".repeat(size / 2 - 2)),
        "=\n".repeat(size / 2),
        "a=1\n".repeat(size / 4),
        "[[mask.rule]]\n".repeat(size / 14),
        "[[watch]]\n".repeat(size / 10),
        (0..20_000).map(|n| format!("k{n}=1\n")).collect(),
        format!("records.labels = [{}]", "1,".repeat(size / 2 - 20)),
        format!("[log]\n{}=1", "k".repeat(size - 10)),
        format!("[log]\ncap = '{}'", "\u{300}".repeat(size / 2 - 10)),
    ];
    for content in cases {
        assert!(content.len() <= size);
        let start = Instant::now();
        assert!(load_hostile(&content) > 0);
        let begin: String = content.chars().take(20).collect();
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{begin:?}: {:?}",
            start.elapsed()
        );
    }
}

/// Text that is nearly a configuration.
fn almost() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "[log]\n",
            "[kernel]\n",
            "[events.exec]\n",
            "[[mask.rule]]\n",
            "[[watch]]\n",
            "dir",
            "cap",
            "rule",
            "mask.",
            "records.labels",
            "name",
            "=",
            " = ",
            "\n",
            "\r\n",
            "\"",
            "'",
            "'''",
            "[",
            "]",
            "{",
            "}",
            ",",
            ".",
            "#",
            "\"64 MiB\"",
            "\"auto\"",
            "true",
            "-1",
            "1e9",
            "1979-05-27",
            "\u{feff}",
            "\u{202e}",
            "\u{1b}",
            "ä",
            "\t",
            "\\u001b",
            "9999999999999999999999",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn arbitrary_bytes_never_panic(content in prop::collection::vec(any::<u8>(), 0..2_000)) {
        load_hostile(&content);
    }

    #[test]
    fn arbitrary_text_never_panics(content in any::<String>()) {
        load_hostile(&content);
    }

    #[test]
    fn what_is_nearly_a_configuration_never_panics(content in almost()) {
        load_hostile(&content);
    }
}
