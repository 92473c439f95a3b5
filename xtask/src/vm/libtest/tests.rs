//! Owns: transcripts of test programs, tidy and disturbed, and what must be read from them.
//! Must not: run test programs.

use super::TestResult::{Failed, Ignored, Passed, Unfinished};
use super::*;

fn results(output: &str) -> Vec<(String, TestResult)> {
    let transcript = Transcript::parse(output.as_bytes());
    transcript
        .tests
        .into_iter()
        .map(|test| (test.name, test.result))
        .collect()
}

fn named(expected: &[(&str, TestResult)]) -> Vec<(String, TestResult)> {
    expected
        .iter()
        .map(|&(name, result)| (name.into(), result))
        .collect()
}

#[test]
fn a_whole_run_is_read() {
    let output = "\nrunning 4 tests\n\
        test exec::one ... ok\n\
        test exec::two ... FAILED\n\
        test exec::three ... ignored, not today\n\
        test exec::four - should panic ... ok\n\
        \nfailures:\n\n---- exec::two stdout ----\ntest exec::five ... is no line of libtest? \n\
        \ntest result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 7 filtered out; finished in 1.25s\n\n";
    let transcript = Transcript::parse(output.as_bytes());
    let summary = transcript.summary.unwrap();
    assert_eq!((summary.passed, summary.failed, summary.ignored), (2, 1, 1));
    assert_eq!(summary.filtered_out, 7);
    assert_eq!(summary.took, Duration::from_millis(1250));
}

#[test]
fn every_test_has_its_result() {
    let output = "test a::b ... ok\ntest c ... FAILED\ntest d ... ignored\n\
        test e ... ok <0.012s>\ntest f ... ignored, needs <things>\n\
        test result: FAILED. 2 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    let expected = [
        ("a::b", Passed),
        ("c", Failed),
        ("d", Ignored),
        ("e", Passed),
        ("f", Ignored),
    ];
    assert_eq!(results(output), named(&expected));
    assert!(Transcript::parse(output.as_bytes()).is_consistent());
}

#[test]
fn a_test_that_hangs_or_kills_its_program_is_known_by_name() {
    let output = "running 2 tests\ntest a ... ok\ntest hangs ... ";
    assert_eq!(
        results(output),
        named(&[("a", Passed), ("hangs", Unfinished)])
    );
    let transcript = Transcript::parse(output.as_bytes());
    assert_eq!(transcript.summary, None);
    assert!(!transcript.is_consistent());
}

#[test]
fn what_children_print_does_not_hide_the_result() {
    let output = "test a ... hello from a child\nok\ntest b ... one\nlook\nFAILED\n\
        test c ... no newline at the endok\ntest d ... ok\nlater: FAILED\n";
    let expected = [("a", Passed), ("b", Failed), ("c", Passed), ("d", Passed)];
    assert_eq!(results(output), named(&expected));
}

#[test]
fn the_list_of_failures_is_believed_more_than_what_was_printed() {
    let output = "test a ... this is not ok\ntest b ... odd\nok\ntest c ... never said\n\
        \nfailures:\n\n---- b stdout ----\n    b says no\n\nfailures:\n    b\n\n\
        test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    assert_eq!(
        results(output),
        named(&[("a", Passed), ("b", Failed), ("c", Passed)])
    );
    assert!(Transcript::parse(output.as_bytes()).is_consistent());
}

#[test]
fn a_count_that_does_not_fit_is_noticed() {
    let output = "test a ... ok\n\
        test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n";
    assert!(!Transcript::parse(output.as_bytes()).is_consistent());
}

#[test]
fn what_passed_tests_print_is_not_read_as_results() {
    let output = "running 1 test\ntest a ... ok\n\nsuccesses:\n\n---- a stdout ----\n\
                  test b ... FAILED\ntest result: FAILED. 0 passed; 1 failed\n\n\n\
                  successes:\n    a\n\n\
                  test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n";
    assert_eq!(results(output), named(&[("a", Passed)]));
    assert!(Transcript::parse(output.as_bytes()).is_consistent());
}

#[test]
fn nothing_makes_it_panic() {
    for output in [
        &b"test  ... ok\n"[..],
        b"test result: \n",
        b"test result: ok. x passed\n",
        b"test result: ok. 1 passed; finished in -1s\n",
        b"\xff\xfe test \xff ... ok",
        b"test a b ... ok",
    ] {
        let transcript = Transcript::parse(output);
        assert_eq!(
            (transcript.tests.len(), transcript.summary),
            (0, None),
            "{output:?}"
        );
    }
}
