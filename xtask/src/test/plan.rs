//! Owns: what a guest runs, with which hooks, and what of it a run that is not `--all` leaves out.
//! Must not: run anything, or leave anything out without a sentence about it.

use serde::{Deserialize, Serialize};

use super::differences::version;

/// Without the kernel's functions, and with nothing else where there are such hooks; the first is what CI runs all of.
pub const MECHANISMS: [&str; 2] = ["tracepoint", "trampoline"];

/// From this kernel on raw tracepoints have a price, and trace events are used instead.
const TRACE_EVENTS_SINCE: (u32, u32) = (7, 0);

/// What the daemon is told for a mechanism: without functions it uses on each kernel what it would choose
/// there by itself.
pub fn setting<'a>(kernel: &str, mechanism: &'a str) -> &'a str {
    match version(kernel) {
        Some(version) if mechanism == "tracepoint" && version < TRACE_EVENTS_SINCE => {
            "raw-tracepoint"
        }
        _ => mechanism,
    }
}

/// How much of it all is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// Everything with the first mechanism, and with the other one whatever it hooks in another way.
    All,
    /// What fits into a run of all tiers.
    Usual,
    /// Tests whose names contain this, wherever they would run by `All`.
    Named(&'a str),
}

/// One suite with one mechanism.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    pub suite: String,
    pub mechanism: String,
    /// Only tests whose names contain one of these; none: all.
    pub only: Vec<String>,
    /// No tests whose names contain one of these.
    pub without: Vec<String>,
}

/// With the other mechanism only what is hooked in another way by it is run.
const OF_EACH_MECHANISM: &[&str] = &[
    "file_open::",
    "file_act::",
    "evasion::",
    "net::beside",
    "privilege::memory",
    "privilege::narrow",
];

/// What CI leaves out on a kernel, and with which mechanism if not with both. 5.10 cannot keep programs:
/// they are verified anew for each daemon that looks at files, 20 to 30 s of an emulated CPU. What
/// `volume` and `excluded` test is the daemon's part, or folded in the other flavour only. What the daemon
/// does with what it has, on any kernel, this machine's own runs of `kernel` and `e2e` show.
const LEFT_OUT: &[LeftOut] = &[
    left(
        "kernel",
        "5.10",
        None,
        &[
            "evasion::",
            "excluded::",
            "volume::",
            "argv::",
            "environment::",
        ],
    ),
    left("kernel", "5.10", Some("trampoline"), &["file_act::"]),
    left(
        "kernel",
        "7.3",
        Some("tracepoint"),
        &["excluded::", "volume::", "argv::", "environment::"],
    ),
    left("e2e", "5.10", None, OF_ANY_KERNEL),
    left("e2e", "7.3", None, OF_ANY_KERNEL),
];
const OF_ANY_KERNEL: &[&str] = &[
    "log::",
    "status::",
    "stdout::",
    "commands::",
    "users::",
    "reload::",
];

struct LeftOut {
    suite: &'static str,
    kernel: &'static str,
    /// With this one only.
    mechanism: Option<&'static str>,
    tests: &'static [&'static str],
}

const fn left(
    suite: &'static str,
    kernel: &'static str,
    mechanism: Option<&'static str>,
    tests: &'static [&'static str],
) -> LeftOut {
    LeftOut {
        suite,
        kernel,
        mechanism,
        tests,
    }
}

/// The parts in the order of their running: a mechanism at a time.
pub fn parts(kernel: &str, suites: &[&'static str], scope: Scope<'_>) -> Vec<Part> {
    let of = |mechanism: &'static str, suite: &'static str| {
        let (mut only, mut without) = (Vec::new(), Vec::new());
        match scope {
            Scope::Named(name) => only.push(name.to_owned()),
            Scope::All | Scope::Usual => {
                let here = LEFT_OUT.iter().filter(|left| {
                    let with = left.mechanism.is_none_or(|with| with == mechanism);
                    with && (left.suite, left.kernel) == (suite, kernel)
                });
                let here = here.filter(|_| scope == Scope::Usual);
                let tests = here.flat_map(|left| left.tests);
                without.extend(tests.map(|tests| (*tests).to_owned()));
                if mechanism != MECHANISMS[0] {
                    if suite != "kernel" {
                        return None;
                    }
                    only.extend(OF_EACH_MECHANISM.iter().map(|tests| (*tests).to_owned()));
                }
            }
        }
        Some(Part {
            suite: suite.to_owned(),
            mechanism: mechanism.to_owned(),
            only,
            without,
        })
    };
    MECHANISMS
        .iter()
        .flat_map(|mechanism| suites.iter().filter_map(|suite| of(mechanism, suite)))
        .collect()
}

/// What a scope leaves out of a mechanism, for the end of the report.
pub fn left_out(suites: &[&'static str], mechanism: &str, parts: &[Part]) -> Vec<String> {
    let mut sentences = Vec::new();
    for suite in suites {
        let part = parts
            .iter()
            .find(|part| part.suite == *suite && part.mechanism == mechanism);
        match part {
            None => sentences.push(format!("{suite}: all of it")),
            Some(part) => {
                if !part.only.is_empty() {
                    let only = part.only.join(", ");
                    sentences.push(format!("{suite}: all but {only}"));
                }
                if !part.without.is_empty() {
                    let without = part.without.join(", ");
                    sentences.push(format!("{suite}: {without}"));
                }
            }
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITES: [&str; 2] = ["kernel", "e2e"];

    fn names(parts: &[Part]) -> Vec<(&str, &str)> {
        parts
            .iter()
            .map(|part| (&*part.mechanism, &*part.suite))
            .collect()
    }

    #[test]
    fn all_leaves_out_only_what_does_not_depend_on_the_mechanism() {
        let parts = parts("5.10", &SUITES, Scope::All);
        let expected = [
            ("tracepoint", "kernel"),
            ("tracepoint", "e2e"),
            ("trampoline", "kernel"),
        ];
        assert_eq!(names(&parts), expected);
        assert_eq!(left_out(&SUITES, "tracepoint", &parts), [""; 0]);
        assert_eq!(
            left_out(&SUITES, "trampoline", &parts),
            [
                "kernel: all but file_open::, file_act::, evasion::, net::beside, privilege::memory, privilege::narrow",
                "e2e: all of it"
            ]
        );
    }

    #[test]
    fn what_is_left_out_is_said() {
        let usual = parts("5.10", &SUITES, Scope::Usual);
        assert_eq!(
            left_out(&SUITES, "tracepoint", &usual),
            [
                "kernel: evasion::, excluded::, volume::, argv::, environment::",
                "e2e: log::, status::, stdout::, commands::, users::, reload::"
            ]
        );
        assert_eq!(
            left_out(&SUITES, "trampoline", &usual),
            [
                "kernel: all but file_open::, file_act::, evasion::, net::beside, privilege::memory, privilege::narrow",
                "kernel: evasion::, excluded::, volume::, argv::, environment::, file_act::",
                "e2e: all of it"
            ]
        );
        let newest = parts("7.3", &SUITES, Scope::Usual);
        assert_eq!(
            left_out(&SUITES, "tracepoint", &newest),
            [
                "kernel: excluded::, volume::, argv::, environment::",
                "e2e: log::, status::, stdout::, commands::, users::, reload::"
            ]
        );
    }

    #[test]
    fn without_functions_each_kernel_gets_its_own_hooks() {
        assert_eq!(setting("6.18", "tracepoint"), "raw-tracepoint");
        assert_eq!(setting("7.2", "tracepoint"), "tracepoint");
        assert_eq!(setting("5.10", "trampoline"), "trampoline");
    }

    #[test]
    fn named_tests_are_run_everywhere() {
        let parts = parts("5.10", &["kernel"], Scope::Named("evasion"));
        assert_eq!(names(&parts).len(), MECHANISMS.len());
        assert!(
            parts
                .iter()
                .all(|part| part.without.is_empty() && part.only == ["evasion"])
        );
    }
}
