//! The host's namespaces, and whether the daemon is in them.
//!
//! Owns the reading of `/proc/*/ns` and the kernel's fixed numbers of the initial namespaces.
//!
//! Why it matters: in another pid namespace every pid in /proc is another one than the kernel
//! programs report, in another user namespace every uid, in another time namespace the boot clock
//! is shifted. In another mount namespace only paths that the daemon itself looks up may differ.

use std::fs;
use std::io;
use std::path::Path;

use super::MachineIdSource;

/// include/uapi/linux/nsfs.h (before: linux/proc_ns.h): the same in every kernel.
const INITIAL_IPC: u32 = 0xEFFF_FFFF;
const INITIAL_UTS: u32 = 0xEFFF_FFFE;
const INITIAL_USER: u32 = 0xEFFF_FFFD;
const INITIAL_PID: u32 = 0xEFFF_FFFC;
const INITIAL_CGROUP: u32 = 0xEFFF_FFFB;
const INITIAL_TIME: u32 = 0xEFFF_FFFA;
/// Only since 6.18; before, the first namespaces of these sorts had the next free number.
const INITIAL_NET: u32 = 0xEFFF_FFF9;
const INITIAL_MNT: u32 = 0xEFFF_FFF8;

/// Which process the numbers were read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceSource {
    /// Pid 1.
    Init,
    /// The daemon itself: pid 1 could not be asked.
    Own,
}

/// Inode numbers of the host's namespaces; 0 is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamespaceIds {
    pub source: NamespaceSource,
    pub mnt: u32,
    pub pid: u32,
    pub user: u32,
    pub net: u32,
    pub uts: u32,
    pub ipc: u32,
    pub cgroup: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostProblem {
    #[error(
        "the daemon runs in a pid namespace of its own ({own}, the host's is {INITIAL_PID}): pids \
         would be wrong; start it on the host, or the container with --pid=host"
    )]
    OtherPidNamespace { own: u32 },
    #[error(
        "the daemon runs in a user namespace of its own ({own}, the host's is {INITIAL_USER}): \
         user ids would be wrong; start it as the host's root"
    )]
    OtherUserNamespace { own: u32 },
    #[error(
        "the daemon runs in a time namespace of its own ({own}, the host's is {INITIAL_TIME}): \
         times would be wrong; start it outside"
    )]
    OtherTimeNamespace { own: u32 },
    #[error(
        "the daemon runs in a mount namespace of its own ({own}, the host's is {host}): paths are \
         looked up as it sees them, and files that its service hides are not found"
    )]
    OtherMountNamespace { own: u32, host: u32 },
    #[error(
        "the daemon runs in a cgroup namespace of its own ({own}, the host's is \
         {INITIAL_CGROUP}): containers that ran before it started may stay unknown"
    )]
    OtherCgroupNamespace { own: u32 },
    #[error(
        "cannot read /proc/1/ns/mnt ({reason}): whether the daemon is in the host's mount \
         namespace is not known; its own is taken for it (CAP_SYS_PTRACE is needed)"
    )]
    HostMountNamespaceUnknown { reason: String },
    #[error("cannot read /proc/self/ns/{name} ({reason}); is /proc mounted?")]
    OwnNamespaceUnknown { name: &'static str, reason: String },
    #[error(
        "/etc/machine-id holds no id; {} stands in for it: run systemd-machine-id-setup",
        stand_in.describe()
    )]
    NoMachineId { stand_in: MachineIdSource },
}

impl HostProblem {
    /// Records would be wrong, not only fewer.
    pub fn is_fatal(&self) -> bool {
        match self {
            HostProblem::OtherPidNamespace { .. }
            | HostProblem::OtherUserNamespace { .. }
            | HostProblem::OtherTimeNamespace { .. }
            | HostProblem::OwnNamespaceUnknown { .. } => true,
            HostProblem::OtherMountNamespace { .. }
            | HostProblem::OtherCgroupNamespace { .. }
            | HostProblem::HostMountNamespaceUnknown { .. }
            | HostProblem::NoMachineId { .. } => false,
        }
    }
}

/// The host's namespaces as far as they can be told, and what is wrong with the daemon's own.
pub(super) fn judge(root: &Path) -> (NamespaceIds, Vec<HostProblem>) {
    let mut problems = Vec::new();
    let own = |name: &'static str| read(root, "self", name);
    let mut known = |name: &'static str| match own(name) {
        Ok(number) => number,
        Err(error) => {
            problems.push(HostProblem::OwnNamespaceUnknown {
                name,
                reason: error.to_string(),
            });
            0
        }
    };
    let (pid, user, mnt) = (known("pid"), known("user"), known("mnt"));
    // The others may be missing from a kernel's configuration; then there is only one of them.
    let (time, cgroup) = (own("time").unwrap_or(0), own("cgroup").unwrap_or(0));
    let is_other = |own: u32, initial: u32| own != 0 && own != initial;
    if is_other(pid, INITIAL_PID) {
        problems.push(HostProblem::OtherPidNamespace { own: pid });
    }
    if is_other(user, INITIAL_USER) {
        problems.push(HostProblem::OtherUserNamespace { own: user });
    }
    if is_other(time, INITIAL_TIME) {
        problems.push(HostProblem::OtherTimeNamespace { own: time });
    }
    if is_other(cgroup, INITIAL_CGROUP) {
        problems.push(HostProblem::OtherCgroupNamespace { own: cgroup });
    }

    let init_mnt = read(root, "1", "mnt");
    let source = if init_mnt.is_ok() {
        NamespaceSource::Init
    } else {
        NamespaceSource::Own
    };
    let host_mnt = match init_mnt {
        Ok(host) => host,
        // The fixed number proves it on new kernels.
        Err(_) if mnt == INITIAL_MNT => mnt,
        Err(error) => {
            problems.push(HostProblem::HostMountNamespaceUnknown {
                reason: error.to_string(),
            });
            mnt
        }
    };
    if mnt != 0 && mnt != host_mnt {
        problems.push(HostProblem::OtherMountNamespace {
            own: mnt,
            host: host_mnt,
        });
    }
    let net = read(root, "1", "net")
        .or_else(|_| own("net"))
        .unwrap_or(INITIAL_NET);
    let ids = NamespaceIds {
        source,
        mnt: host_mnt,
        pid: INITIAL_PID,
        user: INITIAL_USER,
        net,
        uts: INITIAL_UTS,
        ipc: INITIAL_IPC,
        cgroup: INITIAL_CGROUP,
    };
    (ids, problems)
}

/// The number in a link such as `mnt:[4026531832]`.
fn read(root: &Path, process: &str, name: &str) -> io::Result<u32> {
    let link = fs::read_link(root.join("proc").join(process).join("ns").join(name))?;
    let number = link
        .to_str()
        .and_then(|text| {
            text.strip_prefix(name)?
                .strip_prefix(":[")?
                .strip_suffix(']')
        })
        .and_then(|number| number.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("the link says {}", link.display())))
}
