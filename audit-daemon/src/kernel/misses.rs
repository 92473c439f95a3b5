//! Events that the kernel itself skipped: `recursion_misses` in each program's fdinfo.
//!
//! Owns the programs' descriptors for that purpose. A program that is running on a CPU is not run
//! again there (a task that was preempted inside it, an interrupt): the kernel counts that, and we
//! report it as loss at stage `hook`.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::Path,
    sync::Arc,
};

use audit_common::Lane;
use aya::Ebpf;
use tracing::warn;

use super::bpf;
use crate::hooks;

/// The programs of one load.
#[derive(Default)]
pub struct Misses {
    programs: Vec<Program>,
}

struct Program {
    name: String,
    fd: OwnedFd,
    id: u32,
}

impl Program {
    fn new(name: String, fd: BorrowedFd<'_>) -> Option<Program> {
        let id = bpf::identity(fd).ok()?.id;
        let fd = fd.try_clone_to_owned().ok()?;
        Some(Program { name, fd, id })
    }
}

impl Misses {
    pub fn of_object(ebpf: &Ebpf) -> Misses {
        let programs = ebpf
            .programs()
            .filter_map(|(name, program)| Program::new(name.to_owned(), program.fd().ok()?.as_fd()))
            .collect();
        Misses { programs }
    }

    pub fn of_pins(dir: &Path) -> Misses {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let programs = entries
            .filter_map(|entry| {
                let name = entry
                    .file_name()
                    .to_str()?
                    .strip_prefix("prog_")?
                    .to_owned();
                Program::new(name, bpf::pinned(&entry.path()).ok()?.as_fd())
            })
            .collect();
        Misses { programs }
    }

    /// Does this kernel count them?
    pub fn are_counted(&self) -> bool {
        self.programs
            .first()
            .is_some_and(|program| of_program(&program.fd).is_some())
    }

    /// Program names with their misses.
    pub fn by_program(&self) -> impl Iterator<Item = (&str, u64)> {
        self.programs
            .iter()
            .map(|program| (&*program.name, of_program(&program.fd).unwrap_or(0)))
    }

    /// The kernel's number of a program; 0: it is not loaded.
    pub fn id(&self, name: &str) -> u32 {
        let mut programs = self.programs.iter();
        programs
            .find(|one| one.name == name)
            .map_or(0, |one| one.id)
    }

    /// Something to attach the program by; not what has the number of its descriptor by now.
    pub fn descriptor(&self, name: &str) -> io::Result<BorrowedFd<'_>> {
        let mut programs = self.descriptors();
        let found = programs.find(|(one, _)| *one == name);
        found
            .map(|(_, fd)| fd)
            .ok_or_else(|| io::Error::other(format!("the program {name} is gone")))
    }

    /// Those that are still there.
    pub fn descriptors(&self) -> impl Iterator<Item = (&str, BorrowedFd<'_>)> {
        let there = |one: &&Program| bpf::identity(one.fd.as_fd()).is_ok_and(|is| is.id == one.id);
        let programs = self.programs.iter().filter(there);
        programs.map(|one| (&*one.name, one.fd.as_fd()))
    }
}

/// What may have been lost from one look to the next.
pub struct Lookout {
    misses: Arc<Misses>,
    before: BTreeMap<String, u64>,
}

impl Lookout {
    /// The first look is now: what was missed before is not ours to tell.
    pub fn new(misses: Arc<Misses>) -> Lookout {
        let before = counts(&misses);
        Lookout { misses, before }
    }

    /// At most so many events by lane since the last look. A skipped auxiliary program is no event:
    /// what it would have added says that itself.
    pub fn look(&mut self) -> [u64; Lane::COUNT] {
        let now = counts(&self.misses);
        let sums = lost_between(&self.before, &now);
        self.before = now;
        sums
    }
}

fn counts(misses: &Misses) -> BTreeMap<String, u64> {
    let owned = |(name, count): (&str, u64)| (name.to_owned(), count);
    misses.by_program().map(owned).collect()
}

/// Programs that are not loaded notice nothing; those that are let an event pass only if they were
/// skipped in the same time.
fn lost_between(before: &BTreeMap<String, u64>, now: &BTreeMap<String, u64>) -> [u64; Lane::COUNT] {
    let since = |name: &str| {
        let before = before.get(name).copied().unwrap_or(0);
        Some(now.get(name)?.saturating_sub(before))
    };
    let mut sums = [0; Lane::COUNT];
    for name in now.keys() {
        let Some((kind, noticed_by)) = hooks::lost_with(name) else {
            continue;
        };
        let others = noticed_by.iter().filter_map(|other| since(other));
        let least = others.chain(since(name)).min().unwrap_or(0);
        if least > 0 {
            warn!(
                "{name} was skipped by the kernel, and so was all that would notice: {least} times at most"
            );
        }
        sums[kind.row().lane as usize] += least;
    }
    sums
}

fn of_program(fd: &OwnedFd) -> Option<u64> {
    let fdinfo = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    let line = fdinfo
        .lines()
        .find_map(|line| line.strip_prefix("recursion_misses:"))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_lost_only_if_all_that_would_notice_were_skipped() {
        let counts = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
            let owned = |&(name, count): &(&str, u64)| (name.to_owned(), count);
            counts.iter().map(owned).collect()
        };
        let all = |first, again, enter, fork| {
            counts(&[
                ("exec_failed", first),
                ("exec_failed_again", again),
                ("exec_before_enter", enter),
                ("fork", fork),
            ])
        };
        let critical_and_bulk = |now| lost_between(&all(5, 2, 1, 7), &now);
        assert_eq!(critical_and_bulk(all(9, 2, 3, 7)), [0, 0]);
        assert_eq!(critical_and_bulk(all(9, 4, 4, 10)), [3, 2]);
        let alone = |first| counts(&[("exec_failed", first)]);
        assert_eq!(lost_between(&alone(5), &alone(9)), [0, 4]);
    }
}
