//! `audit-daemon check`: validates the configuration, and tells what this kernel can see. Loads each
//! program to know, attaches none, starts nothing.

mod events;
mod restrictions;
mod watches;

use std::{fmt::Write, path::PathBuf, process::ExitCode};

use serde::Serialize;

use super::fail;
use crate::{
    config::{self, Loaded},
    daemon::{self, RunError},
    differences::{self, Difference},
    enrich::{cgroups::trees, host::Host},
    hooks::{self, BlindSpot, Mechanism, Outcome, OutcomeState},
    kernel::{self, Probed, Restrictions, Verified},
};

use events::{Coverage, Spot};
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
    /// What this kernel was told to forbid or to hide.
    restrictions: Restrictions,
    events: Vec<Coverage>,
    /// Of any event, in the order of their numbers.
    blind_spots: Vec<Spot>,
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
        mut outcomes,
        load,
        verified,
        restrictions,
    } = kernel::probe(&request, figures)?;
    let verdict = daemon::required_but_missing(&loaded.config, &outcomes);
    let (warnings, excluded) = watches::survey(loaded);
    let (watches, excluded) = match loaded.config.events.get("file") {
        Some(event) if !event.record => (Vec::new(), Vec::new()),
        _ => (watches::watches(loaded), excluded),
    };
    if watches.iter().any(WatchLine::is_tree) {
        note_trees(&mut outcomes);
    }
    let coverage = |outcome| events::coverage(&loaded.config, outcome);
    let events: Vec<Coverage> = outcomes.iter().map(coverage).collect();
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
        restrictions,
        blind_spots: events::spots(&events),
        events,
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

/// Files below a tree have names that nobody has looked for yet.
fn note_trees(outcomes: &mut [Outcome]) {
    if hooks::knows_new_links(outcomes) {
        return;
    }
    for outcome in outcomes.iter_mut().filter(|one| one.group == "file") {
        if let (OutcomeState::Chosen { blind, .. }, false) = (&mut outcome.state, outcome.auxiliary)
        {
            blind.push(BlindSpot::NewHardLinks);
            blind.sort_unstable();
        }
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
    let _ = writeln!(out, "programs {:<52} ok", checked.flavour);
    restrictions::put(&mut out, &checked.restrictions);
    out.push('\n');
    events::put_events(&mut out, &checked.events, &checked.blind_spots);
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
    events::put_spots(&mut out, &checked.blind_spots);
    out
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
