//! The snapshot as a person reads it.
//!
//! OWNS: the words and tables of `status`, and which trouble is the worst.
//! MUST NOT: change figures, or rely on colour to tell good from bad.
//!
//! ```text
//! running 3 d 4 h (pid 701), load 5f21c09e, adopted 1 restart ago
//! log 1.3 GiB of 2.0 GiB, 412 MiB/day
//!
//!                 seen    filtered  folded  recorded  lost  delay p50/p99
//! critical     812,004      11,020   2,310   798,674     0    6 / 11 ms
//! ```
//!
//! The last line says "All is well." or names the worst thing and the next command. Lines fit the
//! width, except that this command is never cut.

use super::figures::{bytes, count, count_short, milliseconds, percent, plural, uptime};
use super::identity::identity_holds;
use super::page::{Page, Table};
use super::snapshot::{HookStatus, LaneState, Problem, StatusSnapshot, Sums};
use crate::pretty::screen::{Style, push_outside};

/// How much, how wide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    pub width: usize,
    pub colour: bool,
    /// Also hooks, kinds, processors, queues and tables.
    pub full: bool,
}

impl Default for TextOptions {
    fn default() -> Self {
        Self {
            width: crate::pretty::terminal::WIDTH_DEFAULT,
            colour: false,
            full: false,
        }
    }
}

/// The whole text, with its last LF.
pub fn render(snapshot: &StatusSnapshot, options: TextOptions) -> String {
    let mut page = Page {
        out: String::new(),
        options,
    };
    put_head(snapshot, &mut page);
    page.line("", Style::Plain);
    page.table(
        lane_table(snapshot, count),
        Some(lane_table(snapshot, count_short)),
    );
    page.line("", Style::Plain);
    put_cost(snapshot, &mut page);
    if options.full {
        put_details(snapshot, &mut page);
    }
    put_verdict(snapshot, &mut page);
    page.out
}

/// Everything that is wrong, worst first: what the counters show, and what the daemon found.
pub fn troubles(snapshot: &StatusSnapshot) -> Vec<Problem> {
    let trouble = |what: String, do_next: &str| Problem {
        what,
        do_next: do_next.to_owned(),
    };
    let mut troubles: Vec<Problem> = identity_holds(snapshot)
        .into_iter()
        .map(|sum| {
            trouble(
                format!("the sums disagree: {sum}"),
                "audit-daemon status --json",
            )
        })
        .collect();
    let lost = |lane: &LaneState| {
        let events = lane.total().lost();
        let what = || {
            format!(
                "{} lost since the load",
                plural(events, &format!("{} event", lane.lane))
            )
        };
        (events > 0).then(|| trouble(what(), "audit-daemon status --json"))
    };
    let (critical, others): (Vec<_>, Vec<_>) = snapshot
        .lanes
        .iter()
        .partition(|lane| lane.lane == "critical");
    troubles.extend(critical.into_iter().filter_map(lost));
    let missing = snapshot
        .hooks
        .iter()
        .filter(|hook| hook.state == HookStatus::Missing);
    for hook in missing.clone().filter(|hook| hook.required) {
        troubles.push(trouble(
            format!("{} is required and not seen", hook.event),
            CHECK,
        ));
    }
    troubles.extend(snapshot.problems.iter().cloned());
    troubles.extend(others.into_iter().filter_map(lost));
    for hook in &snapshot.hooks {
        if let Some(missed) = hook.missed.filter(|&missed| missed > 0) {
            let runs = plural(missed, "run");
            troubles.push(trouble(
                format!("the kernel skipped {runs} of {}", hook.event),
                CHECK,
            ));
        }
    }
    for hook in missing.filter(|hook| !hook.required) {
        troubles.push(trouble(
            format!("{} is not seen on this kernel", hook.event),
            CHECK,
        ));
    }
    troubles
}

const CHECK: &str = "audit-daemon check";

fn put_head(snapshot: &StatusSnapshot, page: &mut Page) {
    let daemon = &snapshot.daemon;
    let mut running = format!("running {} (pid {})", uptime(daemon.uptime_s), daemon.pid);
    running.push_str(", load ");
    push_outside(&mut running, &daemon.load_id);
    if daemon.adopted_restarts > 0 {
        let restarts = plural(daemon.adopted_restarts, "restart");
        running.push_str(&format!(", adopted {restarts} ago"));
    }
    let log = &snapshot.log;
    let (used, cap, rate) = (
        bytes(log.bytes),
        bytes(log.bytes_max),
        bytes(log.bytes_per_day),
    );
    let log_use = format!("log {used} of {cap}, {rate}/day");
    page.side_by_side(&running, &log_use);
}

fn put_cost(snapshot: &StatusSnapshot, page: &mut Page) {
    let memory = &snapshot.memory;
    let kernel = bytes(memory.maps_bytes.saturating_add(memory.rings_bytes));
    let memory = format!(
        "memory {} (+ {kernel} maps and rings)",
        bytes(memory.rss_bytes)
    );
    page.line(
        &format!(
            "{memory}     cpu {} % of one core",
            percent(snapshot.cpu_ppm)
        ),
        Style::Plain,
    );
    let attached = snapshot
        .hooks
        .iter()
        .filter(|hook| hook.state.sees())
        .count();
    let fallback = snapshot
        .hooks
        .iter()
        .filter(|hook| hook.state == HookStatus::Fallback)
        .count();
    let mut hooks = format!("hooks  {attached} of {} attached", snapshot.hooks.len());
    if fallback > 0 {
        hooks.push_str(&format!(", {fallback} by a fallback that sees less"));
    }
    if let Some(checked_at_ms) = snapshot.selftest.checked_at_ms {
        let ago_s = snapshot.taken_at_ms.saturating_sub(checked_at_ms) / 1000;
        hooks.push_str(&format!(", seen to see {} ago", uptime(ago_s)));
    }
    page.line(&hooks, Style::Plain);
}

fn put_details(snapshot: &StatusSnapshot, page: &mut Page) {
    page.section("hooks", hook_table(snapshot));
    page.section("events", event_table(snapshot));
    page.section("processors", cpu_table(snapshot));
    page.section("queues and tables", room_table(snapshot));
    page.section("not recorded on purpose", reason_table(snapshot));
    let log = &snapshot.log;
    let mut place = format!(
        "log    {}, next record #{}, in ",
        plural(log.segments, "file"),
        log.sequence_next
    );
    push_outside(&mut place, &log.dir);
    page.line("", Style::Plain);
    page.line(&place, Style::Plain);
}

/// The others first, so that the worst is the last line and stays on the screen.
fn put_verdict(snapshot: &StatusSnapshot, page: &mut Page) {
    let troubles = troubles(snapshot);
    if troubles.is_empty() {
        return page.line("All is well.", Style::Good);
    }
    for trouble in troubles.iter().skip(1).rev() {
        page.trouble("  ", trouble, Style::Warn);
    }
    page.trouble("! ", &troubles[0], Style::Bad);
}

fn lane_table(snapshot: &StatusSnapshot, figure: fn(u64) -> String) -> Table {
    let mut table = Table::new(&[
        "",
        "seen",
        "filtered",
        "folded",
        "recorded",
        "lost",
        "delay p50/p99",
    ]);
    for lane in &snapshot.lanes {
        let (p50, p99) = (
            milliseconds(lane.delay.p50_us),
            milliseconds(lane.delay.p99_us),
        );
        let delay = match lane.delay.count {
            0 => "-".to_owned(),
            _ => format!("{p50} / {p99} ms"),
        };
        table.row(
            &lane.lane,
            sum_cells(&lane.total(), figure).into_iter().chain([delay]),
        );
    }
    table
}

/// seen, filtered (with left out), folded, recorded, lost.
fn sum_cells(sums: &Sums, figure: fn(u64) -> String) -> [String; 5] {
    [
        sums.kernel.seen,
        sums.filtered(),
        sums.user.folded,
        sums.user.recorded,
        sums.lost(),
    ]
    .map(figure)
}

fn hook_table(snapshot: &StatusSnapshot) -> Table {
    let mut table = Table::new(&["event", "state", "mechanism", "missed", "at", "sees"]);
    table.left_all();
    for hook in &snapshot.hooks {
        let missed = hook.missed.map_or_else(|| "?".to_owned(), count);
        let state = match (hook.state, hook.required) {
            (HookStatus::Missing, true) => "MISSING",
            (HookStatus::Silent, _) => "SILENT",
            (state, _) => state.word(),
        };
        let cells = [
            state.to_owned(),
            hook.mechanism.clone(),
            missed,
            hook.at.clone(),
        ];
        table.row(&hook.event, cells.into_iter().chain([hook.sees.clone()]));
    }
    table
}

fn event_table(snapshot: &StatusSnapshot) -> Table {
    let mut table = Table::new(&["", "seen", "filtered", "folded", "recorded", "lost"]);
    for event in &snapshot.events {
        let sums = Sums {
            kernel: event.kernel.clone().unwrap_or_default(),
            user: event.user.clone(),
        };
        let mut cells = sum_cells(&sums, count_short);
        if event.kernel.is_none() {
            cells[0] = count_short(event.user.received);
        }
        table.row(&event.kind, cells);
    }
    table
}

fn cpu_table(snapshot: &StatusSnapshot) -> Table {
    let header = [
        "",
        "seen",
        "filtered",
        "folded",
        "recorded",
        "lost",
        "in flight",
    ];
    let mut table = Table::new(&header);
    for lane in &snapshot.lanes {
        for cpu in &lane.cpus {
            let in_flight = count_short(cpu.sums.user.in_flight);
            let cells = sum_cells(&cpu.sums, count_short);
            let name = format!("{} cpu {}", lane.lane, cpu.cpu);
            table.row(&name, cells.into_iter().chain([in_flight]));
        }
    }
    table
}

fn room_table(snapshot: &StatusSnapshot) -> Table {
    let mut table = Table::new(&["", "now", "room for", "evicted"]);
    for queue in &snapshot.queues {
        let cells = [count(queue.depth), count(queue.capacity), String::new()];
        table.row(&queue.name, cells);
    }
    let tables = [
        ("processes", &snapshot.processes),
        ("users", &snapshot.users),
        ("cgroups", &snapshot.cgroups),
    ];
    for (name, state) in tables {
        table.row(
            name,
            [state.entries, state.entries_max, state.evicted].map(count),
        );
    }
    table
}

fn reason_table(snapshot: &StatusSnapshot) -> Table {
    let mut table = Table::new(&["", "kernel", "daemon"]);
    for lane in &snapshot.lanes {
        let total = lane.total();
        let (filtered, left_out) = (&total.kernel.filtered, &total.user.left_out);
        let mut reasons: Vec<&String> = filtered.keys().chain(left_out.keys()).collect();
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            let of = |map: &std::collections::BTreeMap<String, u64>| {
                count(map.get(reason).copied().unwrap_or(0))
            };
            table.row(
                &format!("{} {reason}", lane.lane),
                [of(filtered), of(left_out)],
            );
        }
        if total.filtered() == 0 {
            table.row(&lane.lane, [count(0), count(0)]);
        }
    }
    table
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
