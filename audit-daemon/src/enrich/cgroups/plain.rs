//! Containers that no path marks: plain runc and crun below a name of the operator's choice.
//!
//! Owns the claim that a process in a pid and a mount namespace of its own makes on its cgroup's
//! path ([`container::plain_oci`]). The claim is kept beside the entry and not as its container:
//! host processes in the same cgroup stay the host's. It lives and ends with the cgroup, so that
//! namespaces registered under it end with it too.
//!
//! Must not be asked for a process that shares one of these namespaces with the host.

use std::sync::Arc;

use super::{CgroupKey, Cgroups, ContainerRef, NamespacePair, UNIFIED};
use crate::enrich::container::{self, Found, Runtime};

impl Cgroups {
    /// The container of a process in namespaces of its own, by the first of its cgroups whose path
    /// can be a container's. `v1` is the id in the chosen v1 hierarchy; an id of 0 is none.
    pub fn plain(&mut self, unified: u64, v1: u64) -> Option<Arc<ContainerRef>> {
        let hierarchies = [Some(UNIFIED), self.v1_hierarchy];
        let keys = hierarchies
            .into_iter()
            .zip([unified, v1])
            .filter_map(|(hierarchy, id)| {
                Some(CgroupKey {
                    hierarchy: hierarchy?,
                    id,
                })
            });
        for key in keys {
            if let Some(container) = self.claim(key) {
                return Some(container);
            }
        }
        None
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
