//! Which host this is, and whether the daemon sees it from where it must.
//!
//! Owns [`Host`], read once at start from /proc, /sys and /etc, and the judgement of the daemon's
//! own namespaces ([`HostProblem`]).
//!
//! Must not change anything, run anything, or be read again for each event. What a file does not
//! say is marked as not known, or as a stand-in ([`MachineIdSource`]), never made up silently.
//!
//! All reads go through a root directory, so that tests bring their own.

mod files;
mod namespaces;

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

use files::Files;
pub use files::MachineIdSource;
pub use namespaces::{HostProblem, NamespaceIds, NamespaceSource};

#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("cannot read {path}: {source}; is /proc mounted, and is this Linux?")]
    Read { path: String, source: io::Error },
    #[error("{path} says {text:?}, which is no {expected}")]
    Text {
        path: String,
        text: String,
        expected: &'static str,
    },
}

/// Whether the kernel runs on a machine of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    Virtual,
    /// Nothing says that it is virtual; a hypervisor that hides itself cannot be told.
    NotVirtual,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub hostname: String,
    /// 32 hex digits.
    pub machine_id: String,
    pub machine_id_source: MachineIdSource,
    pub machine: Machine,
    /// 36 characters, as in /proc/sys/kernel/random/boot_id.
    pub boot_id: String,
    /// `PRETTY_NAME` of os-release.
    pub os_pretty_name: String,
    pub kernel_release: String,
    /// Every capability that this kernel knows.
    pub cap_full: u64,
    pub namespaces: NamespaceIds,
    pub page_bytes: u64,
    /// How many CPUs there can ever be: values in a per-CPU map.
    pub cpus_possible: u32,
    /// One more than the highest CPU number, which may be larger where numbers have gaps.
    pub cpu_numbers_end: u32,
    /// What keeps the daemon from seeing the whole host rightly; none is fine.
    pub problems: Vec<HostProblem>,
}

impl Host {
    pub fn read() -> Result<Host, HostError> {
        Host::read_from(Path::new("/"))
    }

    /// As [`Host::read`] below another root directory.
    pub fn read_from(root: &Path) -> Result<Host, HostError> {
        let files = Files::new(root);
        let (namespaces, mut problems) = namespaces::judge(root);
        let hostname = files.hostname()?;
        let (machine_id, machine_id_source) = files.machine_id(&hostname);
        if machine_id_source != MachineIdSource::MachineId {
            problems.push(HostProblem::NoMachineId {
                stand_in: machine_id_source,
            });
        }
        let (cpus_possible, cpu_numbers_end) = files.cpus_possible()?;
        Ok(Host {
            machine_id,
            machine_id_source,
            machine: if files.is_vm() {
                Machine::Virtual
            } else {
                Machine::NotVirtual
            },
            boot_id: files.boot_id()?,
            os_pretty_name: files.os_pretty_name(),
            kernel_release: files.kernel_release()?,
            cap_full: files.cap_full()?,
            namespaces,
            page_bytes: page_bytes(),
            cpus_possible,
            cpu_numbers_end,
            problems,
            hostname,
        })
    }

    /// As in `device.type_id`: 6 is a virtual machine, 0 unknown.
    pub fn device_type_id(&self) -> u8 {
        match self.machine {
            Machine::Virtual => 6,
            Machine::NotVirtual => 0,
        }
    }

    /// Problems that make records wrong: the daemon must not start with one.
    pub fn fatal_problems(&self) -> impl Iterator<Item = &HostProblem> {
        self.problems.iter().filter(|problem| problem.is_fatal())
    }
}

/// The name as it is now: it may be changed at any time.
pub fn hostname_now() -> Result<String, HostError> {
    Files::new(Path::new("/")).hostname()
}

fn page_bytes() -> u64 {
    /// What x86-64 has always; only asked for where sysconf fails, which it does not on Linux.
    const PAGE_BYTES_USUAL: u64 = 4096;
    let answer = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten();
    answer
        .and_then(|bytes| u64::try_from(bytes).ok())
        .unwrap_or(PAGE_BYTES_USUAL)
}
