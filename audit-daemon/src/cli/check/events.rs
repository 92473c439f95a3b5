//! What `check` tells of each event: by what it is seen, how exactly, and where not.
//!
//! Owns the table of events and the notes below it. Must not know any blind spot by name: the hook
//! table has them, with their words.

use std::fmt::Write;

use serde::Serialize;

use super::put_wrapped;
use crate::{
    config::{Config, Required},
    hooks::{self, BlindSpot, Outcome, OutcomeState, SPOTS, Weight},
};

#[derive(Serialize)]
pub struct Coverage {
    event: String,
    group: &'static str,
    /// `None`: it cannot be had.
    mechanism: Option<&'static str>,
    at: Vec<String>,
    precision: Option<&'static str>,
    cannot_see: String,
    /// Ids, as in the list of all below.
    blind_spots: Vec<&'static str>,
    #[serde(skip)]
    blind: Vec<BlindSpot>,
    required: &'static str,
    /// Without it the event is still seen, with less to it.
    auxiliary: bool,
    reason: Option<String>,
    /// What would have been preferred.
    passed_over: Vec<PassedOver>,
}

#[derive(Serialize)]
struct PassedOver {
    hook: String,
    reason: String,
}

pub fn coverage(config: &Config, outcome: &Outcome) -> Coverage {
    let always = config
        .events
        .get(outcome.group)
        .is_some_and(|event| event.required == Required::Always);
    let missing = Coverage {
        event: outcome.hook.replace('_', " "),
        group: outcome.group,
        mechanism: None,
        at: Vec::new(),
        precision: None,
        cannot_see: "anything".to_owned(),
        blind_spots: Vec::new(),
        blind: Vec::new(),
        required: match always && !outcome.auxiliary {
            true => "always",
            false => "if-available",
        },
        auxiliary: outcome.auxiliary,
        reason: None,
        passed_over: Vec::new(),
    };
    let passed_over = outcome.passed_over.iter().cloned();
    let passed_over = passed_over.map(|(hook, reason)| PassedOver { hook, reason });
    match &outcome.state {
        OutcomeState::Missing { reason } => Coverage {
            reason: Some(reason.clone()),
            ..missing
        },
        OutcomeState::Chosen {
            mechanism,
            at,
            precision,
            blind,
        } => Coverage {
            mechanism: Some(mechanism.name()),
            at: at.clone(),
            precision: Some(precision.words()),
            cannot_see: hooks::unseen(blind),
            blind_spots: blind.iter().map(|spot| spot.id()).collect(),
            blind: blind.clone(),
            passed_over: passed_over.collect(),
            ..missing
        },
    }
}

/// A blind spot of some event.
#[derive(Serialize)]
pub struct Spot {
    id: &'static str,
    words: &'static str,
    advice: &'static str,
    events: Vec<String>,
}

/// Those of any event here; their order is their numbers.
pub fn spots(events: &[Coverage]) -> Vec<Spot> {
    let of = |spot: BlindSpot| {
        let blind = events.iter().filter(|event| event.blind.contains(&spot));
        Spot {
            id: spot.id(),
            words: spot.words(),
            advice: spot.advice(),
            events: blind.map(|event| event.event.clone()).collect(),
        }
    };
    let spots = SPOTS.iter().map(|row| of(row.spot));
    spots.filter(|spot| !spot.events.is_empty()).collect()
}

/// As many further attach points are counted, and not listed; JSON has all.
const LISTED_MAX: usize = 4;

pub fn put_events(out: &mut String, events: &[Coverage], spots: &[Spot]) {
    let _ = writeln!(
        out,
        "{:<19} {:<14} {:<21} {:<8} sees",
        "event", "mechanism", "at", "required"
    );
    for event in events {
        put_event(out, event, spots);
    }
}

/// One row of the table, and what is to be said of it.
fn put_event(out: &mut String, event: &Coverage, spots: &[Spot]) {
    let sees = match (event.precision, &*event.cannot_see) {
        (None, _) => "nothing".to_owned(),
        (Some(precision), "") => format!("all, {precision}"),
        (Some(precision), _) => format!("most, {precision}"),
    };
    let required = match event.required {
        "always" => "yes",
        _ => "no",
    };
    let mechanism = event.mechanism.unwrap_or("missing");
    let mut at = event
        .at
        .iter()
        .map(|at| at.rsplit('/').next().unwrap_or(at));
    let first = at.next().unwrap_or("-");
    let _ = writeln!(
        out,
        "{:<19} {mechanism:<14} {first:<21} {required:<8} {sees}",
        event.event
    );
    match at.len() {
        more @ LISTED_MAX.. => {
            let _ = writeln!(out, "{:<34} and {more} more", "");
        }
        _ => at.for_each(|more| {
            let _ = writeln!(out, "{:<34} {more}", "");
        }),
    }
    for (weight, begin) in [
        (Weight::Unseen, "but not"),
        (Weight::Missed, "may miss"),
        (Weight::Vague, "unsure of"),
    ] {
        let here = |spot: &&BlindSpot| spot.weight() == weight;
        let numbered = |spot: &BlindSpot| {
            let number = spots.iter().position(|one| one.id == spot.id());
            format!("{} [{}]", spot.words(), number.map_or(0, |place| place + 1))
        };
        let named: Vec<String> = event.blind.iter().filter(here).map(numbered).collect();
        if !named.is_empty() {
            put_wrapped(out, &format!("{begin}: {}", named.join(", ")));
        }
    }
    for PassedOver { hook, reason } in &event.passed_over {
        put_wrapped(out, &format!("in place of {hook}: {reason}"));
    }
    if let Some(reason) = &event.reason {
        put_wrapped(out, reason);
    }
}

/// What an operator can do about what is not seen.
pub fn put_spots(out: &mut String, spots: &[Spot]) {
    if spots.is_empty() {
        return;
    }
    out.push_str("\nWhat that means, and what can be done about it\n");
    for (spot, number) in spots.iter().zip(1..) {
        let _ = writeln!(out, "[{number}] {}", spot.words);
        put_wrapped(out, spot.advice);
    }
}
