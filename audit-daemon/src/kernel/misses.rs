//! Events that the kernel itself skipped: `recursion_misses` in each program's fdinfo.
//!
//! Owns the programs' descriptors for that purpose. A program that is running on a CPU is not run
//! again there (a task that was preempted inside it, an interrupt): the kernel counts that, and we
//! report it as loss at stage `hook`.

use std::{
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::Path,
};

use aya::{Ebpf, programs::ProgramInfo};

/// The programs of one load.
pub struct Misses {
    programs: Vec<(String, OwnedFd)>,
}

impl Misses {
    pub fn of_object(ebpf: &Ebpf) -> Misses {
        let programs = ebpf
            .programs()
            .filter_map(|(name, program)| {
                let fd = program.fd().ok()?.as_fd().try_clone_to_owned().ok()?;
                Some((name.to_owned(), fd))
            })
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
                let fd = ProgramInfo::from_pin(entry.path()).ok()?.fd().ok()?;
                Some((name, fd.as_fd().try_clone_to_owned().ok()?))
            })
            .collect();
        Misses { programs }
    }

    /// Sum since each program was loaded; `None` where this kernel does not count.
    pub fn total(&self) -> Option<u64> {
        self.programs.iter().map(|(_, fd)| of_program(fd)).sum()
    }

    /// Program names with their misses.
    pub fn by_program(&self) -> impl Iterator<Item = (&str, u64)> {
        self.programs
            .iter()
            .map(|(name, fd)| (&**name, of_program(fd).unwrap_or(0)))
    }
}

fn of_program(fd: &OwnedFd) -> Option<u64> {
    let fdinfo = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd())).ok()?;
    let line = fdinfo
        .lines()
        .find_map(|line| line.strip_prefix("recursion_misses:"))?;
    line.trim().parse().ok()
}
