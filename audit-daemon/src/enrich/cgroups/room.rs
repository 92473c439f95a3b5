//! Who stays when the table of cgroups is full, and what goes with an entry.
//!
//! Owns the order of giving up: removed cgroups first, oldest first; then, for a container that
//! root named, the newest living cgroup that is none. Whatever an unprivileged user can make in
//! any number only pushes out its like. Must not decide what a cgroup is.

use std::collections::HashSet;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::{CgroupKey, Cgroups, ContainerRef, REMOVED_KEPT_NS, container};

impl Cgroups {
    /// The one [`ContainerRef`] for what was found, made if this is its first cgroup.
    pub(super) fn share(&self, found: &container::Found<'_>) -> Arc<ContainerRef> {
        let container = ContainerRef {
            id: Arc::from(&*found.id),
            runtime: found.runtime,
            pod_uid: found.pod_uid.as_deref().map(Arc::from),
            orchestrator: found.orchestrator,
            delegated_uid: found.delegated_uid,
        };
        match self.containers.get_key_value(&container) {
            Some((known, _)) => known.clone(),
            None => Arc::new(container),
        }
    }

    /// Frees one place: a removed cgroup if there is one, else, for a proven container, the
    /// newest living entry that is none.
    pub(super) fn make_room(&mut self, is_proven: bool, time_ns: u64) -> bool {
        while let Some((removed_at_ns, key)) = self.removed.pop_front() {
            if self.is_removed(key, removed_at_ns) {
                if time_ns.saturating_sub(removed_at_ns) < REMOVED_KEPT_NS {
                    self.counters.evicted_removed += 1;
                }
                self.forget(key, time_ns);
                return true;
            }
        }
        while is_proven && let Some(key) = self.expendable.pop() {
            if self.is_expendable(key) {
                self.counters.evicted_living += 1;
                self.forget(key, time_ns);
                return true;
            }
        }
        false
    }

    pub(super) fn note_expendable(&mut self, key: CgroupKey) {
        // Stale items are swept when they could be as many as all others.
        if self.expendable.len() >= 2 * self.entries_max {
            let mut kept = std::mem::take(&mut self.expendable);
            let mut seen = HashSet::with_capacity(self.entries.len());
            kept.retain(|key| self.is_expendable(*key) && seen.insert(*key));
            self.expendable = kept;
        }
        self.expendable.push(key);
    }

    pub(super) fn is_expendable(&self, key: CgroupKey) -> bool {
        self.entries.get(&key).is_some_and(|entry| {
            let is_proven = entry
                .container
                .as_ref()
                .is_some_and(|c| c.delegated_uid.is_none());
            entry.removed_at_ns.is_none() && !is_proven
        })
    }

    pub(super) fn is_removed(&self, key: CgroupKey, removed_at_ns: u64) -> bool {
        self.entries
            .get(&key)
            .is_some_and(|entry| entry.removed_at_ns == Some(removed_at_ns))
    }

    /// Takes an entry out, and its container with the last one.
    pub(super) fn forget(&mut self, key: CgroupKey, time_ns: u64) {
        let Some(entry) = self.entries.remove(&key) else {
            return;
        };
        let Some(container) = entry.container.or(entry.plain) else {
            return;
        };
        let Entry::Occupied(mut slot) = self.containers.entry(container) else {
            return;
        };
        let members = slot.get_mut();
        match entry.removed_at_ns {
            Some(_) => members.removed -= 1,
            None => members.living -= 1,
        }
        if members.living == 0 {
            self.namespaces.container_ended(slot.key(), time_ns);
        }
        if slot.get().living + slot.get().removed == 0 {
            let (container, _) = slot.remove_entry();
            self.namespaces.container_forgotten(&container);
        }
    }
}
