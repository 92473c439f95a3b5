//! The page as a whole, made of small results. Must not: know how it is written.

use std::time::Duration;

use super::*;
use crate::test::guests::Guest;
use crate::test::libtest::Tally;
use crate::test::plan::{self, Scope};
use crate::test::programs::{Answer, Program};

const DIFFERENCES: &str = r#"
    [[difference]]
    name = "later"
    since = "7.0"
    act = "this"
    differs = "fails"
    why = "it is new"
    [[difference]]
    name = "unseen"
    before = "6.0"
    mechanism = "tracepoint"
    act = "that"
    differs = "is not seen"
    why = "it is old"
"#;

const SKIPS: &str = r#"
    [[skip]]
    tier = "kernel"
    test = "exec::two"
    difference = "unseen"
    [[skip]]
    tier = "kernel"
    test = "exec::three"
    reason = "no such program"
"#;

fn tally(passed: &[&str], skipped: &[&str], failed: &[&str]) -> Tally {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Tally {
        passed_names: owned(passed),
        failed_names: owned(failed),
        skipped: skipped
            .iter()
            .map(|name| ((*name).to_owned(), "said so".to_owned()))
            .collect(),
        ..Tally::default()
    }
}

fn loaded(mechanism: &str, load_ms: u64, instructions: Option<u64>) -> Loaded {
    let programs = vec![Program {
        name: "exec".to_owned(),
        instructions,
    }];
    let answer = Answer {
        flavour: "modern".to_owned(),
        load_ms,
        programs,
    };
    Loaded {
        mechanism: mechanism.to_owned(),
        answer: Ok(answer),
    }
}

fn guest(release: &str, tallies: [Tally; 2], loaded: Vec<Loaded>) -> Kept {
    let parts = plan::parts("x", &["kernel"], Scope::All);
    let parts = parts.into_iter().zip(tallies).map(|(part, tally)| PartRun {
        part,
        tally,
        problems: Vec::new(),
        took: Duration::ZERO,
    });
    Kept {
        commit: format!("of {release}"),
        guest: Guest {
            release: release.to_owned(),
            parts: parts.collect(),
            loaded,
        },
    }
}

fn made(guests: &[(String, Kept)]) -> String {
    let differences = Differences::parse(DIFFERENCES).unwrap();
    document(&Results {
        guests,
        missing: &["7.9"],
        skips: &Skips::parse(SKIPS, &differences).unwrap(),
        differences: &differences,
        here: (
            "6.18.5".to_owned(),
            vec![loaded("tracepoint", 250, Some(91))],
        ),
    })
}

fn three() -> Vec<(String, Kept)> {
    let all = ["exec::one", "exec::two", "fork::one"];
    let mut newest = tally(&all, &[], &["exec::three"]);
    let names = BTreeSet::from(["later".to_owned()]);
    newest.differs.insert("fork::one".to_owned(), names);
    let old = tally(
        &["exec::one", "fork::one"],
        &["exec::two", "exec::three"],
        &[],
    );
    let plain = || tally(&all, &[], &[]);
    let of = |ms| {
        vec![
            loaded("tracepoint", ms, Some(91)),
            loaded("trampoline", ms / 2, None),
        ]
    };
    let refused = Loaded {
        mechanism: "trampoline".to_owned(),
        answer: Err("exit 3: error: no".to_owned()),
    };
    vec![
        (
            "5.10".to_owned(),
            guest(
                "5.10.1",
                [old, plain()],
                vec![loaded("tracepoint", 9, None), refused],
            ),
        ),
        (
            "6.18".to_owned(),
            guest("6.18.2", [plain(), plain()], of(2_512)),
        ),
        (
            "7.3".to_owned(),
            guest("7.3.4", [newest, plain()], of(3_000)),
        ),
    ]
}

#[test]
fn each_test_has_its_place_and_each_cell_its_reason() {
    let text = made(&three());
    for lines in [
        "\n## With tracepoints\n\n| subject | 5.10 | 6.18 | 7.3 |\n|---|---|---|---|\n\
         | exec | 1, 1 b, 1 not run (1) | 2 | 2, **1 failed** |\n| fork | 1 | 1 | 1 a |\n",
        "\n## With trampolines\n\n| subject | 5.10 | 6.18 | 7.3 |\n|---|---|---|---|\n\
         | exec | 2 | 2 | 2 |\n",
        "\n## Failed\n\n- 7.3 tracepoint: kernel: exec::three\n",
        "| a | this | fails | from 7.0 on | it is new | in 1 of the runs above |\n",
        "| b | that | is not seen | before 6.0, with tracepoints | it is old | in 1 of the runs above |\n",
        "\n## Not run\n\n1. no such program\n",
    ] {
        assert!(text.contains(lines), "{lines}\nis not in\n{text}");
    }
}

#[test]
fn programs_have_their_instructions_and_their_time() {
    let text = made(&three());
    for lines in [
        "\n### With tracepoints\n\n| program | 5.10 | 6.18 | 7.3 |\n|---|---|---|---|\n\
         | (object) | modern | modern | modern |\n| `exec` | accepted | 91 | 91 |\n",
        "| (object) | **refused** | modern | modern |\n",
        "\n5.10 refused: exit 3: error: no\n",
        "|  | 5.10 | 6.18 | 7.3 | 6.18, not emulated |\n",
        "| tracepoint | 9 | 2500 | 3000 | 250 |\n| trampoline | refused | 1300 | 1500 |  |\n",
        "takes 10 times as long (6.18 with tracepoints, emulated and not): so 7.3 takes about 0.30 s with \
         tracepoints, 0.15 s with trampolines.\n",
    ] {
        assert!(text.contains(lines), "{lines}\nis not in\n{text}");
    }
}

#[test]
fn the_same_results_make_the_same_text() {
    assert_eq!(made(&three()), made(&three()));
}

#[test]
fn each_kernel_says_of_which_code_it_is() {
    let text = made(&three());
    let lines = "| series | kernel | the code of |\n|---|---|---|\n| 5.10 | 5.10.1 | of 5.10.1 |\n\
                 | 6.18 | 6.18.2 | of 6.18.2 |\n| 7.3 | 7.3.4 | of 7.3.4 |\n\
                 | 7.9 | **not run yet** | |\n";
    assert!(text.contains(lines), "{text}");
}
