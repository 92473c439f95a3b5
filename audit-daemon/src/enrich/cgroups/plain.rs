//! Containers that no path marks: plain runc and crun below a name of the operator's choice.
//!
//! Owns the claim that a process in a pid and a mount namespace of its own makes on its cgroup's
//! path ([`container::plain_oci`]). No claim can be made on a cgroup in which processes of the host
//! lived when the daemon started: whatever names such a path, it is no container's. The claim is kept beside the entry and not as its container:
//! host processes in the same cgroup stay the host's. It lives and ends with the cgroup, so that
//! namespaces registered under it end with it too.
//!
//! Must not be asked for a process that shares one of these namespaces with the host.

use std::{collections::HashSet, sync::Arc};

use super::{CgroupKey, Cgroups, ContainerRef, NamespacePair, UNIFIED};
use crate::enrich::container::{self, Found, Runtime};

impl Cgroups {
    /// The container of a process in namespaces of its own, by the first of its cgroups whose path
    /// can be a container's; none if a path of them names one in a runtime's own way. `v1` is the id in the chosen v1 hierarchy; an id of 0 is none.
    pub fn plain(&mut self, unified: u64, v1: u64) -> Option<Arc<ContainerRef>> {
        let v1_key = self
            .v1_hierarchy
            .map(|hierarchy| CgroupKey { hierarchy, id: v1 });
        let unified_key = CgroupKey {
            hierarchy: UNIFIED,
            id: unified,
        };
        let keys = [Some(unified_key), v1_key];
        let is_marked = |key: &CgroupKey| {
            self.entries
                .get(key)
                .is_some_and(|entry| entry.container.is_some())
        };
        if keys.iter().flatten().any(is_marked) {
            return None;
        }
        keys.into_iter().flatten().find_map(|key| self.claim(key))
    }

    /// Processes of the host live in these cgroups: (hierarchy, path).
    pub fn hosts_live_in(&mut self, paths: &HashSet<(u32, Vec<u8>)>) {
        for (key, entry) in &mut self.entries {
            entry.is_hosts |= paths.contains(&(key.hierarchy, entry.path.to_vec()));
        }
    }

    /// The same for a process that ran before the hooks, of which only the paths are known; its
    /// namespaces are registered. One search for each container: then its namespaces answer.
    pub fn plain_by_path(
        &mut self,
        cgroups: &[(u32, Vec<u8>)],
        namespaces: NamespacePair,
        is_init: bool,
    ) -> Option<Arc<ContainerRef>> {
        for (hierarchy, path) in cgroups {
            if !self.keeps(*hierarchy) {
                continue;
            }
            let found = self.entries.iter().find(|(key, entry)| {
                let is_living = entry.removed_at_ns.is_none();
                key.hierarchy == *hierarchy && is_living && *entry.path == path[..]
            });
            let Some(key) = found.map(|(key, _)| *key) else {
                continue;
            };
            if let Some(container) = self.claim(key) {
                self.register_namespaces(namespaces, &container, is_init);
                return Some(container);
            }
        }
        None
    }

    /// What a path names, as the one [`ContainerRef`] that all its cgroups share.
    pub fn named(&self, path: &[u8]) -> Option<Arc<ContainerRef>> {
        container::recognise(path).map(|found| self.share(&found))
    }

    fn claim(&mut self, key: CgroupKey) -> Option<Arc<ContainerRef>> {
        let entry = self.entries.get(&key)?;
        if entry.is_hosts {
            return None;
        }
        if let Some(claimed) = &entry.plain {
            return Some(claimed.clone());
        }
        let path = entry.path.clone();
        let found = Found {
            id: container::plain_oci(&path)?.into(),
            runtime: Runtime::Unstated,
            pod_uid: None,
            orchestrator: None,
            delegated_uid: None,
        };
        let claimed = self.share(&found);
        let entry = self.entries.get_mut(&key)?;
        let members = self.containers.entry(claimed.clone()).or_default();
        match entry.removed_at_ns {
            None => members.living += 1,
            Some(_) => members.removed += 1,
        }
        entry.plain = Some(claimed.clone());
        Some(claimed)
    }
}
