//! The status as people read it, at any width.

use super::super::samples::{full_snapshot, well_snapshot};
use super::super::snapshot::HookState;
use super::*;
use crate::pretty::screen::columns;

fn text(snapshot: &StatusSnapshot, width: usize, full: bool) -> String {
    render(
        snapshot,
        TextOptions {
            width,
            colour: false,
            full,
        },
    )
}

#[test]
fn a_well_daemon_in_eighty_columns() {
    let expected = "\
running 3 d 4 h (pid 701), load 5f21c09e, adopted 1 restart ago
log 1.3 GiB of 2.0 GiB, 412 MiB/day

                seen    filtered  folded  recorded  lost  delay p50/p99
critical     812,004      11,020   2,310   798,674     0      6 / 11 ms
bulk      41,209,118  40,871,004  61,201   276,913     0      7 / 14 ms

memory 41 MiB (+ 24 MiB maps and rings)     cpu 0.4 % of one core
hooks  1 of 1 attached, seen to see 12 s ago
All is well.
";
    assert_eq!(text(&well_snapshot(), 80, false), expected);
}

#[test]
fn a_wide_terminal_has_the_head_on_one_line() {
    let first = text(&well_snapshot(), 120, false);
    assert_eq!(
        first.lines().next().unwrap(),
        "running 3 d 4 h (pid 701), load 5f21c09e, adopted 1 restart ago     \
         log 1.3 GiB of 2.0 GiB, 412 MiB/day"
    );
}

#[test]
fn everything_is_shown_in_full() {
    let shown = text(&full_snapshot(), 80, true);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/src/status/full_status.txt");
        std::fs::write(golden, &shown).unwrap();
        return;
    }
    assert_eq!(shown, include_str!("full_status.txt"));
}

#[test]
fn no_line_is_wider_than_the_terminal_but_for_the_command() {
    let mut snapshot = full_snapshot();
    snapshot.lanes[1].cpus[0].sums.kernel.seen = u64::MAX;
    snapshot.lanes[1].lane = "bulk漢字\u{1b}[2J".to_owned();
    for width in [40, 80, 200] {
        let shown = text(&snapshot, width, true);
        for line in shown.lines() {
            let is_command = line.contains(" Next: ");
            assert!(is_command || columns(line) <= width, "{width}: {line}");
            assert!(!line.contains('\u{1b}'), "{line}");
        }
    }
}

#[test]
fn the_last_line_names_the_worst_thing_and_the_next_command() {
    let last = |snapshot: &StatusSnapshot, width: usize| {
        text(snapshot, width, false)
            .lines()
            .last()
            .unwrap()
            .to_owned()
    };
    let mut snapshot = well_snapshot();
    let bulk = &mut snapshot.lanes[1].cpus[0].sums.kernel;
    bulk.lost = 312;
    bulk.seen += 312;
    assert_eq!(
        last(&snapshot, 80),
        "! 312 bulk events lost since the load. Next: audit-daemon status --json"
    );
    assert_eq!(
        last(&snapshot, 60),
        "! 312 bulk events lost sin… Next: audit-daemon status --json"
    );
    snapshot.problems.push(Problem {
        what: "no commit for 40 s".to_owned(),
        do_next: "dmesg | tail".to_owned(),
    });
    assert_eq!(
        last(&snapshot, 80),
        "! no commit for 40 s. Next: dmesg | tail"
    );
    snapshot.hooks.push(HookState {
        event: "exec failed".to_owned(),
        required: true,
        state: HookStatus::Missing,
        ..HookState::default()
    });
    assert_eq!(
        last(&snapshot, 80),
        "! exec failed is required and not seen. Next: audit-daemon check"
    );
    let critical = &mut snapshot.lanes[0].cpus[0].sums.user;
    critical.lost = 1;
    critical.recorded -= 1;
    assert_eq!(
        last(&snapshot, 80),
        "! 1 critical event lost since the load. Next: audit-daemon status --json"
    );
    snapshot.lanes[0].cpus[0].sums.kernel.seen += 5_000;
    assert_eq!(troubles(&snapshot).len(), 5);
    assert!(last(&snapshot, 200).starts_with(
        "! the sums disagree: critical lane, cpu 0: seen 817004 is not filtered 11020"
    ));
}

#[test]
fn a_silent_hook_is_not_attached_and_is_the_worst_of_all() {
    let mut snapshot = well_snapshot();
    snapshot.hooks[0].state = HookStatus::Silent;
    snapshot.problems.push(Problem {
        what: "hook exec is silent".to_owned(),
        do_next: "audit-daemon status --verbose".to_owned(),
    });
    let shown = text(&snapshot, 80, true);
    assert!(
        shown.contains("\nhooks  0 of 1 attached, seen to see 12 s ago\n"),
        "{shown}"
    );
    assert!(shown.contains("SILENT"), "{shown}");
    let last = shown.lines().last();
    assert_eq!(
        last,
        Some("! hook exec is silent. Next: audit-daemon status --verbose")
    );
}

#[test]
fn colour_only_adds() {
    let strip = |text: &str| {
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('\u{1b}') {
            plain.push_str(&rest[..at]);
            let end = rest[at..].find('m').unwrap();
            rest = &rest[at + end + 1..];
        }
        plain + rest
    };
    for snapshot in [well_snapshot(), full_snapshot()] {
        let options = TextOptions {
            width: 80,
            colour: true,
            full: true,
        };
        let coloured = render(&snapshot, options);
        assert!(coloured.contains('\u{1b}'));
        assert_eq!(
            strip(&coloured),
            render(
                &snapshot,
                TextOptions {
                    colour: false,
                    ..options
                }
            )
        );
    }
}
