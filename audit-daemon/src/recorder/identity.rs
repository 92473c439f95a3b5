//! Users, groups and containers of an event, as views.
//!
//! Owns the rule when a name may be given: only where the process shares the host's user namespace
//! and root, for elsewhere the same number is somebody else.

use std::sync::Arc;

use audit_common::{Header, header::flag};

use crate::{
    enrich::{
        cgroups::{Cgroups, ContainerRef, Placement, namespaces::NamespacePair},
        container::Orchestrator,
        running::Running,
        users::{Name, Names},
    },
    record::view::{ActorView, Caps, ContainerView, Fact, Owner, Pod, ProcessView, UNSET},
};

/// Names of one process's users; holds them while views borrow.
pub struct NamesOf {
    pub user: Name,
    pub group: Name,
    pub login: Name,
}

pub fn names_of(names: &mut Names, header: &Header) -> NamesOf {
    let on_host = flag::HOST_ROOT | flag::HOST_USER_NS;
    let shares_host = header.flags & on_host == on_host;
    let own = |of_host: Name| if shares_host { of_host } else { Name::Absent };
    NamesOf {
        user: own(names.lookup_user(header.uid)),
        // The group is written only if it is another one than the effective one.
        group: match header.gid == header.egid {
            true => Name::Absent,
            false => own(names.lookup_group(header.gid)),
        },
        // Login users are the host's, wherever their processes are.
        login: match header.login_uid {
            UNSET => Name::Absent,
            uid => names.lookup_user(uid),
        },
    }
}

pub fn fact(name: &Name) -> Fact<&str> {
    match name {
        Name::Known(name) => Fact::Known(name.as_str()),
        Name::Absent => Fact::Absent,
        Name::Pending => Fact::Pending,
        Name::Unknown => Fact::Unknown,
    }
}

pub fn owner<'a>(header: &Header, names: &'a NamesOf, cap_full: u64) -> Owner<'a> {
    Owner {
        uid: header.uid,
        gid: header.gid,
        euid: header.euid,
        egid: header.egid,
        fsuid: Some(header.fsuid),
        user_name: fact(&names.user),
        group_name: fact(&names.group),
        caps: Some(Caps {
            effective: header.cap_effective,
            full: cap_full,
        }),
    }
}

/// The acting process with its login user and session.
pub fn actor<'a>(
    process: Option<&'a ProcessView<'a>>,
    header: &Header,
    names: &'a NamesOf,
) -> ActorView<'a> {
    ActorView {
        process,
        login_uid: header.login_uid,
        login_name: fact(&names.login),
        session: header.session,
        session_ip: None,
    }
}

/// Where a process is.
pub enum Where {
    Host,
    In(Arc<ContainerRef>),
    /// In a cgroup that the table does not hold.
    Unknown,
}

/// Finds the container of the process that made this event.
pub fn container_of(cgroups: &mut Cgroups, header: &Header, namespace_pid: u32) -> Where {
    let namespaces = NamespacePair {
        mnt: header.mnt_ns,
        pid: header.pid_ns,
    };
    // A path that nothing marks is a container's for whom both namespaces are its own.
    let own = header.flags & (flag::HOST_PID_NS | flag::HOST_MNT_NS) == 0;
    // The first process of a pid namespace has entered nobody's: for it the cgroup counts more than
    // numbers of namespaces, which come round. For all others it is the other way.
    let is_init = namespace_pid == 1;
    let plain = |cgroups: &mut Cgroups| cgroups.plain(header.cgroup, header.cgroup_v1);
    let first = (own && is_init).then(|| plain(cgroups)).flatten();
    let found = match first {
        Some(container) => container,
        None => {
            let (unified, v1) = (header.cgroup, header.cgroup_v1);
            match cgroups.place(unified, v1, namespaces, header.time_ns) {
                Placement::Container(container) => container.clone(),
                Placement::Unknown => return Where::Unknown,
                Placement::Unmarked => match own.then(|| plain(cgroups)).flatten() {
                    Some(container) => container,
                    None => return Where::Host,
                },
            }
        }
    };
    cgroups.register_namespaces(namespaces, &found, is_init);
    Where::In(found)
}

/// The same for a process that ran before the hooks: by the paths of its cgroups, else by its
/// namespaces.
pub fn container_of_running(
    cgroups: &mut Cgroups,
    running: &Running,
    own: bool,
    now_ns: u64,
) -> Where {
    let namespaces = NamespacePair {
        mnt: running.mnt_ns,
        pid: running.pid_ns,
    };
    let is_init = running.namespace_pid == 1;
    let named = running
        .cgroups
        .iter()
        .find_map(|(_, path)| cgroups.named(path));
    if let Some(container) = named {
        cgroups.register_namespaces(namespaces, &container, is_init);
        return Where::In(container);
    }
    let entered = cgroups.namespaces().container(namespaces, now_ns).cloned();
    let plain = || cgroups.plain_by_path(&running.cgroups, namespaces, is_init);
    match entered.or_else(|| own.then(plain).flatten()) {
        Some(container) => Where::In(container),
        None => Where::Host,
    }
}

/// Names, images and pods are not known from the kernel: pending.
pub fn container_view(place: &Where) -> Fact<ContainerView<'_>> {
    let container = match place {
        Where::Host => return Fact::Absent,
        Where::Unknown => return Fact::Unknown,
        Where::In(container) => container,
    };
    let kubernetes = container.orchestrator == Some(Orchestrator::Kubernetes);
    let pod: Fact<Pod<'_>> = if kubernetes {
        Fact::Pending
    } else {
        Fact::Absent
    };
    Fact::Known(ContainerView {
        uid: &container.id,
        name: Fact::Pending,
        image: Fact::Pending,
        runtime: container.runtime.name().map_or(Fact::Pending, Fact::Known),
        pod_uid: container.pod_uid.as_deref(),
        pod,
    })
}

/// The pid inside, where it is not the host's.
pub fn namespace_pid(header: &Header, pid: u32) -> Option<u32> {
    (header.flags & flag::HOST_PID_NS == 0 && pid != 0).then_some(pid)
}
