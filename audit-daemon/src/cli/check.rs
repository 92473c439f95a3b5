//! `audit-daemon check`: validates the configuration, and tells what this kernel can see. Loads each
//! program to know, attaches none, starts nothing.

mod watches;

use std::{fmt::Write, path::PathBuf, process::ExitCode};

use serde::Serialize;

use super::fail;
use crate::{
    config::{self, Loaded, Required},
    daemon::{self, RunError},
    differences::{self, Difference},
    enrich::{cgroups::trees, host::Host},
    hooks::{Mechanism, Outcome, OutcomeState},
    kernel::{self, Probed, Verified},
};

use watches::{ExcludedLine, WatchLine};

/// Columns of the narrowest terminal that we write for.
const WIDTH: usize = 80;

#[derive(clap::Args)]
pub struct Args {
    /// Instead of /etc/audit-daemon/config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    /// With --json: the verifier's figures for each program
    #[arg(long, hide = true, requires = "json")]
    verifier: bool,
}

/// Everything that `check` found.
#[derive(Serialize)]
struct Checked {
    version: &'static str,
    kernel_release: String,
    os: String,
    architecture: &'static str,
    config: Vec<ConfigFile>,
    warnings: Vec<String>,
    flavour: &'static str,
    /// Programs can be preempted, and are then skipped for others.
    preempted: bool,
    /// What 32-bit programs do is seen, too.
    compat: bool,
    events: Vec<Coverage>,
    /// In the order of the configuration; the built-in ones if it has none.
    watches: Vec<WatchLine>,
    /// Programs whose accesses watches leave out.
    excluded: Vec<ExcludedLine>,
    problems: Vec<String>,
    /// What is not here as it is on other kernels, or with other hooks.
    differences: Vec<Difference>,
    /// How long all programs took to load.
    load_ms: u128,
    #[serde(skip_serializing_if = "Option::is_none")]
    programs: Option<Vec<Verified>>,
}

#[derive(Serialize)]
struct ConfigFile {
    path: String,
    sha256: String,
    embedded: bool,
}

#[derive(Serialize)]
struct Coverage {
    event: String,
    group: &'static str,
    /// `None`: it cannot be had.
    mechanism: Option<&'static str>,
    at: Vec<String>,
    cannot_see: String,
    required: &'static str,
    /// Without it the event is still seen, with less to it.
    auxiliary: bool,
    reason: Option<String>,
}

impl Args {
    pub fn run(self) -> ExitCode {
        let loaded = match config::load(self.config.as_deref()) {
            Ok(loaded) => loaded,
            Err(errors) => return fail(&errors, 2),
        };
        match check(&loaded, self.verifier) {
            Err(error) => fail(&error, error.exit_code()),
            Ok((checked, verdict)) => {
                if self.json {
                    match serde_json::to_string_pretty(&checked) {
                        Ok(text) => println!("{text}"),
                        Err(error) => return fail(&error, 1),
                    }
                } else {
                    print!("{}", text(&checked));
                }
                match verdict {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(error) => fail(&error, error.exit_code()),
                }
            }
        }
    }
}

fn check(loaded: &Loaded, figures: bool) -> Result<(Checked, Result<(), RunError>), RunError> {
    daemon::masker(loaded)?;
    let host = Host::read()?;
    let v1 = trees::v1_choice();
    let request = daemon::requests(&loaded.config, &host, v1.as_ref());
    let Probed {
        flavour,
        outcomes,
        load,
        verified,
    } = kernel::probe(&request, figures)?;
    let verdict = daemon::required_but_missing(&loaded.config, &outcomes);
    let (warnings, excluded) = watches::survey(loaded);
    let (watches, excluded) = match loaded.config.events.get("file") {
        Some(event) if !event.record => (Vec::new(), Vec::new()),
        _ => (watches::watches(loaded), excluded),
    };
    let checked = Checked {
        version: env!("CARGO_PKG_VERSION"),
        kernel_release: host.kernel_release.clone(),
        os: host.os_pretty_name.clone(),
        architecture: std::env::consts::ARCH,
        config: loaded
            .sources
            .iter()
            .map(|source| ConfigFile {
                path: source.path.display().to_string(),
                sha256: source.sha256.clone(),
                embedded: source.embedded,
            })
            .collect(),
        warnings,
        flavour,
        preempted: request.preempted,
        compat: request.compat,
        events: outcomes
            .iter()
            .map(|outcome| coverage(loaded, outcome))
            .collect(),
        watches,
        excluded,
        problems: host.problems.iter().map(ToString::to_string).collect(),
        differences: differences::here(&host.kernel_release, mechanism(&outcomes)),
        load_ms: load.as_millis(),
        programs: verified,
    };
    Ok((checked, verdict))
}

/// By functions, or without any.
fn mechanism(outcomes: &[Outcome]) -> &'static str {
    let on_function = |outcome: &Outcome| matches!(&outcome.state, OutcomeState::Chosen { mechanism, .. } if *mechanism == Mechanism::Trampoline);
    match outcomes.iter().any(on_function) {
        true => Mechanism::Trampoline.name(),
        false => Mechanism::Tracepoint.name(),
    }
}

fn coverage(loaded: &Loaded, outcome: &Outcome) -> Coverage {
    let always = loaded
        .config
        .events
        .get(outcome.group)
        .is_some_and(|event| event.required == Required::Always);
    let required = if always && !outcome.auxiliary {
        "always"
    } else {
        "if-available"
    };
    let (mechanism, at, cannot_see, reason) = match &outcome.state {
        OutcomeState::Chosen {
            mechanism,
            at,
            cannot_see,
        } => (
            Some(mechanism.name()),
            at.clone(),
            (*cannot_see).to_owned(),
            None,
        ),
        OutcomeState::Missing { reason } => (
            None,
            Vec::new(),
            "anything".to_owned(),
            Some(reason.clone()),
        ),
    };
    Coverage {
        event: outcome.hook.replace('_', " "),
        group: outcome.group,
        mechanism,
        at,
        cannot_see,
        required,
        auxiliary: outcome.auxiliary,
        reason,
    }
}

fn text(checked: &Checked) -> String {
    let mut out = String::new();
    let Checked {
        version,
        kernel_release,
        architecture,
        os,
        ..
    } = checked;
    let program = format!("audit-daemon {version} on Linux {kernel_release} ({architecture})");
    let between = if program.len() + os.len() + 2 > WIDTH {
        ",\n"
    } else {
        ", "
    };
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{program}{between}{os}\n");
    for file in &checked.config {
        let name = if file.embedded {
            "built-in default"
        } else {
            &*file.path
        };
        let _ = writeln!(out, "config   {name:<52} ok");
    }
    for warning in &checked.warnings {
        put_wrapped(&mut out, &format!("! {warning}"));
    }
    let _ = writeln!(
        out,
        "programs {:<52} ok\n\n{:<15} {:<15} {:<21} {:<13} sees",
        checked.flavour, "event", "mechanism", "at", "required"
    );
    for event in &checked.events {
        put_event(&mut out, event);
    }
    watches::put_watches(&mut out, &checked.watches);
    watches::put_excluded(&mut out, &checked.excluded);
    for problem in &checked.problems {
        out.push('\n');
        put_wrapped(&mut out, &format!("! {problem}"));
    }
    if !checked.differences.is_empty() {
        out.push_str("\nother than elsewhere\n");
    }
    for row in &checked.differences {
        let Difference {
            act, differs, why, ..
        } = row;
        put_wrapped(&mut out, &format!("{act}: {differs} ({why})"));
    }
    put_notes(&mut out, checked);
    out
}

/// What an operator can do about what is not seen.
fn put_notes(out: &mut String, checked: &Checked) {
    let compat = |event: &Coverage| event.cannot_see.contains("32-bit");
    let mut notes = Vec::new();
    if !checked.compat && checked.events.iter().any(compat) {
        notes.push(
            "32-bit programs pass by system call tracepoints. If any run here, set \
             `kernel.compat = true` (costs about 180 ns on every system call): it shows their failed \
             execs and what they do to files.",
        );
    }
    let rings = |event: &Coverage| event.cannot_see.contains("io_uring");
    if checked.events.iter().any(rings) {
        notes.push(
            "What programs do to files by io_uring passes by system call tracepoints. Where \
             nothing needs it, set the sysctl kernel.io_uring_disabled = 2 (from Linux 6.6).",
        );
    }
    if (checked.events.iter()).any(|event| event.event == "file act" && event.reason.is_none()) {
        notes.push(
            "What is removed, renamed or changed by its name is told by that name: it is followed \
             when the call is over, and `unmapped.source` says \"userspace\". A process that \
             changes links in the same moment can make it lead elsewhere.",
        );
    }
    if checked.preempted {
        notes.push(
            "This kernel preempts programs on system call tracepoints: opens of watched files \
             may pass by, and in a flood of failing execs some of these; the log says how many \
             at most. `kernel.compat = true` sees each failed exec.",
        );
    }
    if checked.watches.iter().any(WatchLine::is_tree) {
        notes.push(
            "A file below `**` passes by under a hard link of another directory that was made \
             since the daemon looked last (at most a minute ago).",
        );
    }
    if notes.is_empty() {
        return;
    }
    let things = if notes.len() == 1 { "thing" } else { "things" };
    let _ = writeln!(out, "\n{} {things} to know", notes.len());
    for note in notes {
        put_wrapped(out, note);
    }
}

/// As many further attach points are counted, and not listed; JSON has all.
const LISTED_MAX: usize = 4;

/// One row of the table, and what is to be said of it.
fn put_event(out: &mut String, event: &Coverage) {
    let sees = match (&event.reason, &*event.cannot_see) {
        (Some(_), _) => "nothing",
        (None, "") => "all",
        (None, _) => "most",
    };
    let mechanism = event.mechanism.unwrap_or("missing");
    let mut at = event
        .at
        .iter()
        .map(|at| at.rsplit('/').next().unwrap_or(at));
    let first = at.next().unwrap_or("-");
    let _ = writeln!(
        out,
        "{:<15} {mechanism:<15} {first:<21} {:<13} {sees}",
        event.event, event.required
    );
    match at.len() {
        more @ LISTED_MAX.. => {
            let _ = writeln!(out, "{:<31} and {more} more", "");
        }
        _ => at.for_each(|more| {
            let _ = writeln!(out, "{:<31} {more}", "");
        }),
    }
    if let (None, what) = (&event.reason, &*event.cannot_see)
        && !what.is_empty()
    {
        put_wrapped(out, &format!("but not: {what}"));
    }
    if let Some(reason) = &event.reason {
        put_wrapped(out, reason);
    }
}

/// A remark below a row: indented, in lines of a terminal's width, broken between words only.
fn put_wrapped(out: &mut String, text: &str) {
    const INDENT: &str = "    ";
    let mut line = String::from(INDENT);
    for word in text.split_whitespace() {
        let is_first = line.len() == INDENT.len();
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            line.truncate(INDENT.len());
        }
        if line.len() > INDENT.len() {
            line.push(' ');
        }
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_break_between_words_and_lose_none() {
        let text = "a word ".repeat(40);
        let mut out = String::new();
        put_wrapped(&mut out, &text);
        assert!(
            out.lines()
                .all(|line| line.len() <= WIDTH && line.starts_with("    a")
                    || line.starts_with("    word")),
            "{out}"
        );
        let words = |text: &str| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(words(&out), words(&text));
    }
}
