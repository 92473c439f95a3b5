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

/// What is run of a suite on a kernel with a mechanism where not all is wanted: what depends on them and
/// what no other run shows. This machine's own runs of both suites show the daemon, and the mechanism without
/// functions; docs/KERNELS.md is of everything.
struct Usual {
    suite: &'static str,
    kernel: &'static str,
    mechanism: &'static str,
    tests: &'static [&'static str],
}

const fn usual(
    suite: &'static str,
    kernel: &'static str,
    mechanism: &'static str,
    tests: &'static [&'static str],
) -> Usual {
    Usual {
        suite,
        kernel,
        mechanism,
        tests,
    }
}

/// 5.10 has a flavour of the programs of its own, and cannot keep them: they are verified anew for each
/// daemon that looks at files, 20 to 50 s of an emulated CPU. By 32-bit calls each daemon is of its own, too.
const USUAL: &[Usual] = &[
    usual(
        "kernel",
        "5.10",
        "tracepoint",
        &[
            "exec::",
            "exec_failed::",
            "exit::each",
            "file_act::every_deletion",
            "file_act::every_move",
            "file_act::everything",
            "file_open::every",
            "fork::",
            "net::attempts",
            "net::beside",
            "net::datagrams",
            "privilege::credentials",
            "privilege::kernel",
            "privilege::memory",
            "privilege::namespaces",
            "privilege::narrow",
        ],
    ),
    usual("e2e", "5.10", "tracepoint", &["accepted::", "start::"]),
    usual(
        "kernel",
        "5.10",
        "trampoline",
        &[
            "file_act::every_move",
            "file_open::every",
            "privilege::narrow",
        ],
    ),
    usual(
        "kernel",
        "7.3",
        "tracepoint",
        &[
            "exec::ways",
            "exec_failed::",
            "file_act::every",
            "file_open::every",
            "net::attempts",
            "privilege::credentials",
        ],
    ),
    usual(
        "e2e",
        "7.3",
        "tracepoint",
        &["accepted::", "canary::a_link", "canary::links", "start::"],
    ),
    usual(
        "kernel",
        "7.3",
        "trampoline",
        &[
            "evasion::links",
            "evasion::misses",
            "evasion::mounts",
            "evasion::ring",
            "file_act::another",
            "file_act::every",
            "file_act::odd",
            "file_act::permissions",
            "file_act::times",
            "file_open::every",
            "file_open::odd",
            "file_open::other",
            "net::beside",
            "privilege::memory",
            "privilege::narrow",
        ],
    ),
];

/// The parts in the order of their running: a mechanism at a time.
pub fn parts(kernel: &str, suites: &[&'static str], scope: Scope<'_>) -> Vec<Part> {
    let of = |mechanism: &'static str, suite: &'static str| {
        let owned = |tests: &[&str]| tests.iter().map(|tests| (*tests).to_owned()).collect();
        let only = match scope {
            Scope::Named(name) => vec![name.to_owned()],
            Scope::All if mechanism == MECHANISMS[0] => Vec::new(),
            Scope::All if suite != "kernel" => return None,
            Scope::All => owned(OF_EACH_MECHANISM),
            Scope::Usual => {
                let here = |row: &&Usual| {
                    (row.suite, row.kernel, row.mechanism) == (suite, kernel, mechanism)
                };
                owned(USUAL.iter().find(here)?.tests)
            }
        };
        Some(Part {
            suite: suite.to_owned(),
            mechanism: mechanism.to_owned(),
            only,
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
            Some(part) if part.only.is_empty() => {}
            Some(part) => {
                sentences.push(format!("{suite}: all but {}", part.only.join(", ")));
            }
        }
    }
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::TIER_SERIES;

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
        for kernel in TIER_SERIES {
            let usual = parts(kernel, &SUITES, Scope::Usual);
            assert_eq!(names(&usual), names(&parts(kernel, &SUITES, Scope::All)));
            for mechanism in MECHANISMS {
                let said = left_out(&SUITES, mechanism, &usual);
                assert!(said[0].starts_with("kernel: all but "), "{said:?}");
                assert!(said[0].contains("file_open::"), "{said:?}");
                assert!(said[1].starts_with("e2e: all "), "{said:?}");
            }
        }
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
        assert!(parts.iter().all(|part| part.only == ["evasion"]));
    }
}
