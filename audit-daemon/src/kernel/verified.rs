//! What the kernel's verifier went through before it accepted each program.
//!
//! Owns the figures: the kernel's own from 5.16 on, before that those of the verifier's log. Must not
//! be used by a daemon that runs: to ask an older kernel means to verify everything once more.

use std::{collections::BTreeMap, os::fd::AsRawFd};

use aya::programs::{ProgramError, ProgramFd};
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use serde::Serialize;
use tracing::warn;

use super::{
    KernelError, Request,
    attach::load_one,
    choose::chosen,
    load::{self, Opened, Prepared},
};
use crate::hooks::Outcome;

/// One program that this kernel accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    pub name: String,
    /// `None`: nothing tells.
    pub instructions: Option<u64>,
}

/// All programs of this object that are loaded, by name.
pub fn programs(
    request: &Request,
    prepared: &Prepared,
    opened: &Opened,
    outcomes: &[Outcome],
) -> Vec<Verified> {
    let loaded = opened.ebpf.programs();
    let mut programs: Vec<Verified> = loaded
        .filter_map(|(name, program)| {
            let fd = program.fd().ok()?;
            Some(Verified {
                name: name.to_owned(),
                instructions: told(fd),
            })
        })
        .collect();
    programs.sort_by(|one, other| one.name.cmp(&other.name));
    if programs
        .iter()
        .any(|program| program.instructions.is_none())
    {
        let logged = logged(request, prepared, opened, outcomes).unwrap_or_else(|error| {
            warn!("the verifier's figures cannot be had: {error}");
            BTreeMap::new()
        });
        for program in &mut programs {
            let count = program.instructions;
            program.instructions = count.or_else(|| logged.get(&program.name).copied());
        }
    }
    programs
}

/// By the kernel, from 5.16 on.
fn told(fd: &ProgramFd) -> Option<u64> {
    let number = std::os::fd::AsFd::as_fd(fd).as_raw_fd();
    let fdinfo = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
    let line = fdinfo
        .lines()
        .find_map(|line| line.strip_prefix("verified_insns:"))?;
    line.trim().parse().ok()
}

/// By the verifier's log, which the loader library hands out for a program that cannot be loaded only.
/// None can for want of a descriptor, which is the last thing that the kernel makes, behind the verifier.
fn logged(
    request: &Request,
    prepared: &Prepared,
    opened: &Opened,
    outcomes: &[Outcome],
) -> Result<BTreeMap<String, u64>, KernelError> {
    let mut again = load::open_for_figures(request, prepared, opened.flavour)?;
    let none = NoDescriptors::begin().map_err(|error| KernelError::Object {
        reason: format!("the limit of descriptors cannot be set: {error}"),
    })?;
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        let (Some((_, _, candidate)), Some(point)) = (chosen(outcome), outcome.at().first()) else {
            continue;
        };
        for name in opened.programs(request, candidate) {
            let refused = load_one(&mut again, &prepared.btf, candidate, point, name);
            if let Err(ProgramError::LoadError { verifier_log, .. }) = refused {
                let count = processed(&verifier_log.to_string());
                counts.extend(count.map(|count| (name.to_owned(), count)));
            }
        }
    }
    drop(none);
    Ok(counts)
}

/// `processed 91 insns (limit 1000000) max_states_per_insn 0 …`
fn processed(log: &str) -> Option<u64> {
    let line = log
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("processed "))?;
    line.split(' ').next()?.parse().ok()
}

/// As long as it lives this process gets no new descriptor.
struct NoDescriptors {
    before: (rlim_t, rlim_t),
}

impl NoDescriptors {
    fn begin() -> nix::Result<NoDescriptors> {
        let before = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, 0, before.1)?;
        Ok(NoDescriptors { before })
    }
}

impl Drop for NoDescriptors {
    fn drop(&mut self) {
        let (soft, hard) = self.before;
        if let Err(error) = setrlimit(Resource::RLIMIT_NOFILE, soft, hard) {
            warn!("the limit of descriptors cannot be set back: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figure_is_found_in_a_log_with_anything_before_it() {
        let log = "verification time 812 usec\nstack depth 88+0\n\
                   processed 4711 insns (limit 1000000) max_states_per_insn 2\n";
        assert_eq!(processed(log), Some(4711));
        assert_eq!(processed("processed no insns\n"), None);
        assert_eq!(processed("R1 invalid mem access\n"), None);
    }
}
