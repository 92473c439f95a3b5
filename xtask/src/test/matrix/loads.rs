//! Owns: the tables of what the kernels' verifiers made of the programs, and how long it took.
//! Must not: measure anything.

use std::collections::BTreeSet;

use super::{Results, put, row, rule};
use crate::test::plan::MECHANISMS;
use crate::test::programs::{Answer, Loaded};
use crate::test::skips::series;

/// Two digits are meant; what more there is changes from run to run.
fn rounded(ms: u64) -> u64 {
    let mut unit = 1;
    while ms / unit >= 100 {
        unit *= 10;
    }
    (ms + unit / 2) / unit * unit
}

fn answer<'a>(loaded: &'a [Loaded], mechanism: &str) -> Option<&'a Result<Answer, String>> {
    let of = loaded.iter().find(|loaded| loaded.mechanism == mechanism);
    of.map(|loaded| &loaded.answer)
}

pub fn tables(results: &Results<'_>) -> String {
    let mut text = String::from(
        "\n## Programs\n\nInstructions that the verifier of each kernel went through until it accepted a \
         program; none: the program is not used there.\n",
    );
    for mechanism in MECHANISMS {
        text.push_str(&instructions(results, mechanism));
    }
    text.push_str(&times(results));
    text
}

fn instructions(results: &Results<'_>, mechanism: &str) -> String {
    let answers = || {
        let guests = results.guests.iter();
        guests.map(|(_, kept)| answer(&kept.guest.loaded, mechanism))
    };
    let names: BTreeSet<&str> = answers()
        .flatten()
        .flatten()
        .flat_map(|answer| answer.programs.iter().map(|program| &*program.name))
        .collect();
    let mut text = format!("\n### With {mechanism}s\n\n");
    let series = results.guests.iter().map(|(series, _)| series);
    text.push_str(&row("program", series));
    text.push_str(&rule(results.guests.len()));
    let flavours = answers().map(|answer| match answer {
        Some(Ok(answer)) => answer.flavour.clone(),
        Some(Err(_)) => "**refused**".to_owned(),
        None => String::new(),
    });
    text.push_str(&row("(object)", flavours));
    for name in names {
        let counts = answers().map(|answer| {
            let programs = answer.and_then(|answer| answer.as_ref().ok());
            let mut programs = programs.into_iter().flat_map(|answer| &answer.programs);
            match programs.find(|program| program.name == name) {
                Some(program) => program
                    .instructions
                    .map_or("accepted".to_owned(), |count| count.to_string()),
                None => String::new(),
            }
        });
        text.push_str(&row(&format!("`{name}`"), counts));
    }
    for (series, kept) in results.guests {
        if let Some(Err(said)) = answer(&kept.guest.loaded, mechanism) {
            put(&mut text, format_args!("\n{series} refused: {said}\n"));
        }
    }
    text
}

/// Milliseconds to load all, and what that is without emulation.
fn times(results: &Results<'_>) -> String {
    let (release, here) = &results.here;
    let mut text = String::from("\n### Time to load them all, in ms\n\n");
    let columns = results.guests.iter().map(|(series, _)| series.clone());
    let native = format!("{}, not emulated", series(release));
    text.push_str(&row("", columns.chain([native])));
    text.push_str(&rule(results.guests.len() + 1));
    let ms = |answer: Option<&Result<Answer, String>>| match answer {
        Some(Ok(answer)) => rounded(answer.load_ms).to_string(),
        Some(Err(_)) => "refused".to_owned(),
        None => String::new(),
    };
    for mechanism in MECHANISMS {
        let guests = results.guests.iter();
        let cells = guests.map(|(_, kept)| ms(answer(&kept.guest.loaded, mechanism)));
        text.push_str(&row(mechanism, cells.chain([ms(answer(here, mechanism))])));
    }
    if let Some(sentence) = estimate(results) {
        text.push_str(&sentence);
    }
    text
}

/// What the newest kernel would take without emulation, by what the same kernel takes in both ways.
fn estimate(results: &Results<'_>) -> Option<String> {
    let (release, here) = &results.here;
    let load = |loaded: &[Loaded], mechanism| {
        let answer = answer(loaded, mechanism)?.as_ref().ok()?;
        Some(answer.load_ms as f64)
    };
    let same = results
        .guests
        .iter()
        .find(|(name, _)| *name == series(release))?;
    let (newest, kept) = results.guests.last()?;
    let mechanism = MECHANISMS[0];
    let factor = load(&same.1.guest.loaded, mechanism)? / load(here, mechanism)?;
    let mut text = format!(
        "\nAn emulated CPU takes {factor:.0} times as long ({} with {mechanism}s, emulated and not): so \
         {newest} takes about",
        same.0
    );
    for (at, mechanism) in MECHANISMS.into_iter().enumerate() {
        let Some(emulated) = load(&kept.guest.loaded, mechanism) else {
            continue;
        };
        let and = if at > 0 { "," } else { "" };
        let seconds = emulated / factor / 1000.0;
        put(
            &mut text,
            format_args!("{and} {seconds:.2} s with {mechanism}s"),
        );
    }
    Some(text + ".\n")
}
