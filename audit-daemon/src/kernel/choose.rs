//! Which candidate of each row of the hook table this kernel takes, found out by loading it.
//!
//! Owns the order of trial and the reasons why a candidate was passed over. Attaches nothing.

use aya::programs::ProgramError;

use super::{
    Request,
    attach::{LoadFailure, load_one},
    filesystems,
    load::{MODERN, Opened, Prepared},
};
use crate::hooks::{
    self, Candidate, HOOKS, HookRow, LOOPS_SINCE, Mechanism, Outcome, OutcomeState,
};

/// Is there anything to hook for this row here?
pub fn wants(request: &Request, prepared: &Prepared, flavour: &str, row: &HookRow) -> bool {
    let possible = |candidate: &Candidate| {
        let on_function = candidate.mechanism == Mechanism::Trampoline;
        // That functions cannot be hooked is said where others are in their place.
        let works = prepared.hookable.works()
            && (flavour == MODERN || candidate.since < LOOPS_SINCE)
            && prepared.hookable.name(candidate.points).is_some();
        request.tries(row, candidate) && (!on_function || !row.auxiliary || works)
    };
    // A kernel without modules loads none.
    let pointless = row.name == hooks::MODULE_NAME && !filesystems::has_modules();
    !request.off.contains(&row.group) && !pointless && row.candidates.iter().any(possible)
}

/// Does what another row has chosen run for this one as well?
pub fn runs_for(other: &Outcome, row: &HookRow) -> bool {
    chosen(other).is_some_and(|(chosen, _, candidate)| {
        // Functions are passed whatever the entry.
        let passed_too = candidate.mechanism == Mechanism::Trampoline;
        let program = candidate.program;
        row.candidates.iter().any(|c| c.program == program)
            || passed_too && row.beside() == Some(chosen.name)
    })
}

/// Loads the first working candidate of each row.
pub fn choose(request: &Request, prepared: &Prepared, opened: &mut Opened) -> Vec<Outcome> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    for row in HOOKS
        .iter()
        .filter(|row| wants(request, prepared, opened.flavour, row))
    {
        // What an earlier row runs already is not attached twice.
        if !outcomes.iter().any(|other| runs_for(other, row)) {
            outcomes.push(choose_one(request, prepared, opened, row));
        }
    }
    hooks::reconcile(&mut outcomes, &prepared.facts);
    outcomes
}

fn load_candidate(
    request: &Request,
    btf: &aya::Btf,
    opened: &mut Opened,
    candidate: &Candidate,
    point: &str,
) -> Result<(), ProgramError> {
    for program in opened.programs(request, candidate) {
        load_one(&mut opened.ebpf, btf, candidate, point, program)?;
    }
    Ok(())
}

fn choose_one(
    request: &Request,
    prepared: &Prepared,
    opened: &mut Opened,
    row: &'static HookRow,
) -> Outcome {
    let mut passed_over = Vec::new();
    if let (true, Some(member)) = (row.is_of_rings(), opened.rings_lack) {
        let reason = format!("this kernel's requests of io_uring have no {member}");
        return outcome(row, OutcomeState::Missing { reason }, passed_over);
    }
    if let (true, Some(member)) = (row.is_of_sockets(), opened.sockets_lack) {
        let reason = format!("this kernel's sockets have no {member}");
        return outcome(row, OutcomeState::Missing { reason }, passed_over);
    }
    for candidate in row.candidates {
        if !request.tries(row, candidate) {
            continue;
        }
        let refused = points_of(candidate, prepared).and_then(|points| {
            load_candidate(request, &prepared.btf, opened, candidate, &points[0])
                .map_err(|error| LoadFailure(error).reason())?;
            Ok(points)
        });
        match refused {
            Ok(points) => {
                return outcome(row, state(candidate, points), passed_over);
            }
            Err(reason) => {
                let name = format!("{} {}", candidate.mechanism.name(), candidate.points[0]);
                passed_over.push((name, reason));
            }
        }
    }
    let reason = passed_over
        .iter()
        .map(|(name, reason)| format!("{name}: {reason}"))
        .collect::<Vec<_>>()
        .join("; ");
    outcome(row, OutcomeState::Missing { reason }, passed_over)
}

/// With all that it may be blind for, until that is reconciled with this kernel.
pub fn state(candidate: &Candidate, at: Vec<String>) -> OutcomeState {
    OutcomeState::Chosen {
        mechanism: candidate.mechanism,
        at,
        precision: candidate.precision,
        blind: candidate.blind.to_vec(),
    }
}

pub fn outcome(
    row: &'static HookRow,
    state: OutcomeState,
    passed_over: Vec<(String, String)>,
) -> Outcome {
    Outcome {
        hook: row.name,
        group: row.group,
        auxiliary: row.auxiliary,
        state,
        passed_over,
    }
}

/// Where it is to be attached here; never nowhere.
fn points_of(candidate: &Candidate, prepared: &Prepared) -> Result<Vec<String>, String> {
    let hookable = &prepared.hookable;
    if let (Mechanism::Tracepoint, Err(reason)) = (candidate.mechanism, &prepared.tracefs) {
        return Err(reason.clone());
    }
    let there = |point: &&&str| match candidate.mechanism {
        Mechanism::RawTracepoint => true,
        Mechanism::Tracepoint => filesystems::has_tracepoint(point),
        Mechanism::Trampoline => hookable.name(candidate.points) == Some(**point),
    };
    let points: Vec<String> = candidate
        .points
        .iter()
        .filter(there)
        .map(|point| (*point).to_owned())
        .collect();
    let on_function = candidate.mechanism == Mechanism::Trampoline;
    match (on_function, hookable.refused(), points.is_empty()) {
        (true, Some(reason), _) => Err(reason.to_owned()),
        (true, None, true) => Err("this kernel has no such function".to_owned()),
        (false, _, true) => Err("this kernel has no such tracepoint".to_owned()),
        _ => Ok(points),
    }
}

/// The candidate that an outcome stands for, with its place in the row.
pub fn chosen(outcome: &Outcome) -> Option<(&'static HookRow, usize, &'static Candidate)> {
    let OutcomeState::Chosen { at, .. } = &outcome.state else {
        return None;
    };
    let row = hooks::row(outcome.hook)?;
    let taken = |candidate: &Candidate| candidate.points.contains(&&*at[0]);
    let place = row.candidates.iter().position(taken)?;
    Some((row, place, &row.candidates[place]))
}
