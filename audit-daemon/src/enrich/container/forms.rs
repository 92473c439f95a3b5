//! The path forms of each runtime, one component at a time, from the root down.
//!
//! Owns the table of name prefixes and the meaning of parent directories. Must not validate text
//! by itself: that is `names`.
//!
//! Forms (`ID` = 64 hex digits, `id` = an OCI id, `name` = any):
//!
//! | runtime | cgroupfs driver | systemd driver |
//! |---|---|---|
//! | Docker | `/docker/ID` | `docker-ID.scope` |
//! | containerd | `/default/id`, `/k8s.io/id` | `cri-containerd-ID.scope`, `nerdctl-ID.scope` |
//! | CRI-O | `crio-ID` | `crio-ID.scope` |
//! | Podman | `/libpod_parent/libpod-ID` | `libpod-ID.scope`, `libpod-payload-ID` (split) |
//! | runc, crun, youki | any (`plain_oci`) | `runc-id.scope`, `crun-id.scope`, `youki-id.scope` |
//! | LXC | `/lxc/name`, `lxc.payload.name`, `lxc.payload/name` | same |
//! | libvirt LXC | `name.libvirt-lxc` | `machine-lxc\x2dN\x2dname.scope` |
//! | systemd-nspawn | | `machine-name.scope`, `systemd-nspawn@name.service` |
//! | BuildKit, Garden | `/docker/buildkit/id`, `/buildkit/id`, `/garden/id` | |
//! | Kubernetes | `/kubepods/[qos/]podUID/ID` | `kubepods[-qos]-podU_I_D.slice/…` |
//! | ECS | `/ecs/task/ID`, `/ecs/task/task-N` | `ecstasks-task.slice/docker-ID.scope` |
//! | systemd names under the cgroupfs driver | `parent.slice:prefix:ID` | |

use std::borrow::Cow;

use super::names::{
    ascii, is_digits, is_full_id, is_hex, is_oci_id, is_unit, pod_uid, printable, systemd_unescape,
};
use super::{Found, Orchestrator, Runtime};

/// `PREFIX-ID`, with or without `.scope`, and `…:PREFIX:ID`.
const FULL_ID_PREFIXES: [(&[u8], Runtime); 8] = [
    (b"docker", Runtime::Docker),
    (b"cri-containerd", Runtime::Containerd),
    (b"containerd", Runtime::Containerd),
    (b"nerdctl", Runtime::Containerd),
    (b"crio", Runtime::Crio),
    (b"libpod", Runtime::Podman),
    (b"libpod-payload", Runtime::Podman),
    (b"buildkit", Runtime::Buildkit),
];

/// `PREFIX-id.scope` and `…:PREFIX:id`: the id is whatever the caller of the runtime chose.
const FREE_ID_PREFIXES: [(&[u8], Runtime); 4] = [
    (b"runc", Runtime::Runc),
    (b"crun", Runtime::Crun),
    (b"youki", Runtime::Youki),
    (b"buildkit", Runtime::Buildkit),
];

/// What has been learnt from the components so far.
#[derive(Default)]
pub(super) struct Scan<'a> {
    found: Option<Match<'a>>,
    /// What `found` was before an nspawn match: its `supervisor` is the nspawn process itself.
    outside_nspawn: Option<Match<'a>>,
    /// The last component was an nspawn machine.
    after_nspawn: bool,
    /// The last component was a container.
    after_container: bool,
    parent: Option<&'a [u8]>,
    /// The one before the parent was the root or a container.
    parent_is_top: bool,
    pod_uid: Option<String>,
    kubernetes: bool,
    ecs: bool,
    delegated_uid: Option<u32>,
}

#[derive(Clone)]
struct Match<'a> {
    runtime: Runtime,
    id: Cow<'a, str>,
}

impl<'a> Scan<'a> {
    pub(super) fn step(&mut self, component: &'a [u8]) {
        if self.after_nspawn && component == b"supervisor" {
            self.found = self.outside_nspawn.take();
        }
        self.note_surroundings(component);
        let found = self.match_component(component);
        let is_top = self.parent.is_none() || self.after_container;
        self.after_nspawn = matches!(&found, Some(found) if found.runtime == Runtime::Nspawn);
        self.after_container = found.is_some();
        if found.is_some() {
            self.outside_nspawn = std::mem::replace(&mut self.found, found);
        }
        self.parent = Some(component);
        self.parent_is_top = is_top;
    }

    pub(super) fn finish(self) -> Option<Found<'a>> {
        let Match { runtime, id } = self.found?;
        let orchestrator = if self.kubernetes || self.pod_uid.is_some() {
            Some(Orchestrator::Kubernetes)
        } else if self.ecs {
            Some(Orchestrator::Ecs)
        } else {
            None
        };
        let pod_uid = self.pod_uid;
        Some(Found {
            runtime,
            id,
            pod_uid,
            orchestrator,
            delegated_uid: self.delegated_uid,
        })
    }

    /// Pods, orchestrators and delegated users, which stand above the container.
    fn note_surroundings(&mut self, component: &[u8]) {
        let unit = component
            .split(|&byte| byte == b':')
            .next()
            .unwrap_or(component);
        if let Some(stem) = unit.strip_suffix(b".slice") {
            self.note_slice(stem);
        } else if component == b"kubepods" {
            self.kubernetes = true;
        } else if component == b"ecs" && self.parent.is_none() {
            self.ecs = true;
        } else if let Some(uid) = component.strip_prefix(b"pod").and_then(pod_uid) {
            self.pod_uid = Some(uid);
        } else if let Some(uid) = user_manager(component) {
            self.delegated_uid = Some(uid);
        }
    }

    fn note_slice(&mut self, stem: &[u8]) {
        if stem == b"ecstasks" || stem.starts_with(b"ecstasks-") {
            self.ecs = true;
        }
        let mut parts = stem.split(|&byte| byte == b'-').rev();
        let last = parts.next().unwrap_or_default();
        if last == b"kubepods" || parts.any(|part| part == b"kubepods") {
            self.kubernetes = true;
            if let Some(uid) = last.strip_prefix(b"pod").and_then(pod_uid) {
                self.pod_uid = Some(uid);
            }
        }
    }

    fn match_component(&self, component: &'a [u8]) -> Option<Match<'a>> {
        if let Some(stem) = component.strip_suffix(b".scope") {
            return machine(stem)
                .or_else(|| prefixed(stem))
                .or_else(|| free_prefixed(stem));
        }
        if let Some(stem) = component.strip_suffix(b".service") {
            let name = stem.strip_prefix(b"systemd-nspawn@")?;
            return Some(Match {
                runtime: Runtime::Nspawn,
                id: machine_name(name)?,
            });
        }
        if let Some(found) = colons(component) {
            return Some(found);
        }
        if is_unit(component) {
            return None;
        }
        self.child_of_runtime(component)
            .or_else(|| prefixed(component))
            .or_else(|| lxc(component))
            .or_else(|| self.full_id(component))
    }

    /// A directory named by a runtime's own parent directory.
    fn child_of_runtime(&self, component: &'a [u8]) -> Option<Match<'a>> {
        let runtime = match self.parent? {
            b"lxc" | b"lxc.payload" => {
                return Some(Match {
                    runtime: Runtime::Lxc,
                    id: printable(component)?,
                });
            }
            // containerd's cgroup path is /NAMESPACE/ID. These namespaces are well known; a
            // free one looks like any other directory and is left to `plain_oci`. `default` is
            // too common a word to count anywhere but at the top.
            b"k8s.io" => Runtime::Containerd,
            b"default" if self.parent_is_top => Runtime::Containerd,
            b"buildkit" => Runtime::Buildkit,
            b"garden" => Runtime::Garden,
            b"docker" | b"moby" if is_full_id(component) => Runtime::Docker,
            task if self.ecs && is_fargate(task, component) => Runtime::Unstated,
            _ => return None,
        };
        if !is_oci_id(component) {
            return None;
        }
        Some(Match {
            runtime,
            id: Cow::Borrowed(ascii(component)?),
        })
    }

    /// A bare full id, below a cgroup parent that says nothing of the runtime.
    fn full_id(&self, component: &'a [u8]) -> Option<Match<'a>> {
        // Podman keeps its pods there, by their id; the containers are below.
        let is_podman_pod = self.parent == Some(b"libpod_parent");
        if !is_full_id(component) || is_podman_pod {
            return None;
        }
        Some(Match {
            runtime: Runtime::Unstated,
            id: Cow::Borrowed(ascii(component)?),
        })
    }
}

/// `docker-ID`; with an unknown prefix the runtime is unstated.
fn prefixed(stem: &[u8]) -> Option<Match<'_>> {
    let dash = stem.iter().rposition(|&byte| byte == b'-')?;
    let (prefix, id) = (&stem[..dash], &stem[dash + 1..]);
    if !is_full_id(id) {
        return None;
    }
    Some(Match {
        runtime: full_id_runtime(prefix)?,
        id: Cow::Borrowed(ascii(id)?),
    })
}

fn full_id_runtime(prefix: &[u8]) -> Option<Runtime> {
    if let Some((_, runtime)) = FULL_ID_PREFIXES.iter().find(|(known, _)| *known == prefix) {
        return Some(*runtime);
    }
    if let Some((_, runtime)) = FREE_ID_PREFIXES.iter().find(|(known, _)| *known == prefix) {
        return Some(*runtime);
    }
    // conmon watches the container from outside, in a cgroup that carries the container's id;
    // `podman-pause` holds a rootless user's namespaces open.
    let is_helper = |part: &[u8]| matches!(part, b"conmon" | b"pause" | b"");
    let is_outside = prefix.split(|&byte| byte == b'-').any(is_helper);
    (!is_outside).then_some(Runtime::Unstated)
}

/// `runc-id`
fn free_prefixed(stem: &[u8]) -> Option<Match<'_>> {
    FREE_ID_PREFIXES.iter().find_map(|(prefix, runtime)| {
        let id = stem.strip_prefix(*prefix)?.strip_prefix(b"-")?;
        let id = if is_oci_id(id) {
            ascii(id)?
        } else {
            return None;
        };
        Some(Match {
            runtime: *runtime,
            id: Cow::Borrowed(id),
        })
    })
}

/// `parent.slice:prefix:id`: a path for the systemd driver, taken literally by the other one.
fn colons(component: &[u8]) -> Option<Match<'_>> {
    let mut parts = component.rsplitn(3, |&byte| byte == b':');
    let (id, prefix, _slice) = (parts.next()?, parts.next()?, parts.next()?);
    let runtime = if is_full_id(id) {
        full_id_runtime(prefix)?
    } else if is_oci_id(id) {
        FREE_ID_PREFIXES
            .iter()
            .find(|(known, _)| *known == prefix)?
            .1
    } else {
        return None;
    };
    Some(Match {
        runtime,
        id: Cow::Borrowed(ascii(id)?),
    })
}

/// `lxc.payload.name`, and libvirt's `lxc-N-name.libvirt-lxc`
fn lxc(component: &[u8]) -> Option<Match<'_>> {
    let name = if let Some(name) = component.strip_prefix(b"lxc.payload.") {
        name
    } else {
        let name = component.strip_suffix(b".libvirt-lxc")?;
        libvirt_name(name, b"lxc-").unwrap_or(name)
    };
    Some(Match {
        runtime: Runtime::Lxc,
        id: printable(name)?,
    })
}

/// `machine-NAME` as registered with systemd-machined, by nspawn or libvirt.
fn machine(stem: &[u8]) -> Option<Match<'_>> {
    let escaped = stem.strip_prefix(b"machine-")?;
    let name = systemd_unescape(escaped);
    if libvirt_name(&name, b"qemu-").is_some() {
        return None;
    }
    if let Some(name) = libvirt_name(&name, b"lxc-") {
        let id = Cow::Owned(printable(name)?.into_owned());
        return Some(Match {
            runtime: Runtime::Lxc,
            id,
        });
    }
    Some(Match {
        runtime: Runtime::Nspawn,
        id: machine_name(escaped)?,
    })
}

fn machine_name(escaped: &[u8]) -> Option<Cow<'_, str>> {
    match systemd_unescape(escaped) {
        Cow::Borrowed(name) => printable(name),
        Cow::Owned(name) => Some(Cow::Owned(printable(&name)?.into_owned())),
    }
}

/// The guest's name in libvirt's `DRIVER-N-NAME`.
fn libvirt_name<'a>(name: &'a [u8], driver: &[u8]) -> Option<&'a [u8]> {
    let rest = name.strip_prefix(driver)?;
    let dash = rest.iter().position(|&byte| byte == b'-')?;
    is_digits(&rest[..dash]).then_some(&rest[dash + 1..])
}

/// `TASK/TASK-NUMBER`
fn is_fargate(task: &[u8], component: &[u8]) -> bool {
    let number = component
        .strip_prefix(task)
        .and_then(|rest| rest.strip_prefix(b"-"));
    is_hex(task) && number.is_some_and(is_digits)
}

/// The user of `user@UID.service`. Root's own manager delegates nothing to anybody else.
fn user_manager(component: &[u8]) -> Option<u32> {
    let uid = component
        .strip_prefix(b"user@")?
        .strip_suffix(b".service")?;
    ascii(uid)?.parse().ok().filter(|uid| *uid != 0)
}
