//! Which container a cgroup path belongs to, told from the path alone.
//!
//! Owns the path forms of the container runtimes: [`recognise`] for those that name themselves,
//! [`plain_oci`] for a process that lives in namespaces of its own below an unmarked path.
//! Pure: no I/O, no clock, no state; same bytes, same answer.
//!
//! Must not look anything up, and must not decide that a process is on the host: no match only
//! says that the path names no container.
//!
//! What a path proves: that somebody with write access to that part of the tree chose the name.
//! Below `user@UID.service` that is the user UID (rootless Podman, or a liar), so
//! [`Found::delegated_uid`] says it. Everywhere else it was root.
//!
//! Invariants:
//! - the deepest match wins (Docker in Docker, kind);
//! - monitors of a container (conmon, `lxc.monitor`, nspawn's `supervisor`) are not inside it;
//! - virtual machines (libvirt's `machine-qemu…`) are not containers;
//! - an id is never empty, holds only printable ASCII, and at most [`ID_BYTES_MAX`] bytes.

mod forms;
mod names;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use forms::Scan;
use names::{is_oci_id, is_unit};

/// The longest id: a cgroup is a directory, and NAME_MAX bounds its name.
pub const ID_BYTES_MAX: usize = 255;

/// Who made the container, as far as the path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Runtime {
    Docker,
    Containerd,
    Crio,
    Podman,
    Lxc,
    Nspawn,
    Runc,
    Crun,
    Youki,
    Buildkit,
    Garden,
    /// A full container id below a path that several runtimes use (kubepods with the cgroupfs
    /// driver, a custom cgroup parent).
    Unstated,
}

impl Runtime {
    /// As in `container.runtime`; nothing where the path does not tell.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Runtime::Docker => "docker",
            Runtime::Containerd => "containerd",
            Runtime::Crio => "cri-o",
            Runtime::Podman => "podman",
            Runtime::Lxc => "lxc",
            Runtime::Nspawn => "systemd-nspawn",
            Runtime::Runc => "runc",
            Runtime::Crun => "crun",
            Runtime::Youki => "youki",
            Runtime::Buildkit => "buildkit",
            Runtime::Garden => "garden",
            Runtime::Unstated => return None,
        })
    }
}

/// Who told the runtime to start it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Orchestrator {
    Kubernetes,
    Ecs,
}

impl Orchestrator {
    /// As in `container.orchestrator`.
    pub const fn name(self) -> &'static str {
        match self {
            Orchestrator::Kubernetes => "kubernetes",
            Orchestrator::Ecs => "ecs",
        }
    }
}

/// A container that a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<'a> {
    pub runtime: Runtime,
    /// The full id (64 hex digits), or the name where the runtime knows only names (LXC,
    /// systemd-nspawn). Bytes of a name that are not printable ASCII stand as `\xHH`.
    pub id: Cow<'a, str>,
    /// With dashes, as the API server writes it (a static pod's is 32 hex digits).
    pub pod_uid: Option<String>,
    pub orchestrator: Option<Orchestrator>,
    /// The unprivileged user who may write this part of the tree, and so could have made it up.
    pub delegated_uid: Option<u32>,
}

/// The container that `path` (relative to the root of its hierarchy) is in.
pub fn recognise(path: &[u8]) -> Option<Found<'_>> {
    let mut scan = Scan::default();
    for component in components(path) {
        scan.step(component);
    }
    scan.finish()
}

/// The id of an OCI container whose path nothing marks, such as `/runc1` of plain runc, `/a/b` of
/// `cgroupsPath`, or `/runc1/system.slice/x.service` with systemd inside.
///
/// It is the end of the path's first run of components that are not systemd units. To be asked
/// only for a process in its own pid *and* mount namespace: host services have such paths too.
pub fn plain_oci(path: &[u8]) -> Option<&str> {
    let last = components(path)
        .skip_while(|component| is_unit(component))
        .take_while(|component| !is_unit(component))
        .last()?;
    if !is_oci_id(last) {
        return None;
    }
    std::str::from_utf8(last).ok()
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|component| !matches!(*component, b"" | b"." | b".."))
}
