//! The table of cgroups: which path and which container a kernel cgroup id stands for.
//!
//! Owns [`Cgroups`], kept from the kernel's creation and removal events and a walk of the trees
//! at start ([`trees`]), and the namespaces registered from containers ([`namespaces`]), for
//! processes that enter with nsenter and keep the host's cgroup.
//!
//! Only the unified hierarchy and one v1 hierarchy ([`trees::v1_choice`]) are kept: these are the
//! ids that events carry. The others fire the same kernel events and are passed over.
//!
//! Must not read anything while events flow: [`Cgroups::place`] is one or two hash lookups. Must
//! not guess: an id that is not in the table is [`Placement::Unknown`], never the host.
//!
//! Order at start: attach the cgroup hooks, walk the trees, then drain the events. What was made
//! or removed meanwhile comes again as an event, and both are idempotent.
//!
//! Invariants:
//! - at most `entries_max` cgroups; what had to go, or could not come in, is counted;
//! - a removed cgroup still resolves for [`REMOVED_KEPT_NS`], for events that come late;
//! - all cgroups of one container share one [`ContainerRef`], made when the cgroup was seen;
//! - an entry without container never pushes out one with a container that root named.

pub mod namespaces;
mod plain;
mod room;
pub mod trees;

#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::container::{self, Orchestrator, Runtime};
use namespaces::Namespaces;
pub use namespaces::{HostNamespaces, NamespacePair};
pub use trees::{Trees, V1Hierarchy, WalkSummary, v1_choice};

/// The unified hierarchy's number in the kernel; v1 hierarchies count from 1.
pub const UNIFIED: u32 = 0;
/// Some 250 bytes each with path and key: 8 MiB of the daemon's 64. A host with 1,000 containers
/// that run systemd has some 20,000.
pub const ENTRIES_MAX_DEFAULT: usize = 32 * 1024;
/// Events may wait in a ring while the daemon restarts or the disk stalls.
pub const REMOVED_KEPT_NS: u64 = 30_000_000_000;
/// PATH_MAX; the kernel hands out no longer path.
const PATH_BYTES_MAX: usize = 4096;

/// A container as the hot path sees it: made once, shared by every record about it.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct ContainerRef {
    /// The full id; see [`container::Found::id`].
    pub id: Arc<str>,
    pub runtime: Runtime,
    pub pod_uid: Option<Arc<str>>,
    pub orchestrator: Option<Orchestrator>,
    /// See [`container::Found::delegated_uid`].
    pub delegated_uid: Option<u32>,
}

/// Names a cgroup on this host for as long as it runs: kernfs ids carry a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CgroupKey {
    pub hierarchy: u32,
    pub id: u64,
}

#[derive(Clone, Debug)]
pub struct Cgroup {
    /// Relative to the root of its hierarchy; `/` is the root.
    pub path: Arc<[u8]>,
    pub container: Option<Arc<ContainerRef>>,
    /// Of processes in namespaces of their own, where the path marks no container; see [`plain`].
    plain: Option<Arc<ContainerRef>>,
    /// Processes of the host were in it when the daemon started.
    is_hosts: bool,
    /// Boot time.
    pub removed_at_ns: Option<u64>,
}

/// Where a process is, as far as its cgroups and namespaces tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement<'a> {
    Container(&'a Arc<ContainerRef>),
    /// Every cgroup of the process is known, and none names a container; neither do its
    /// namespaces.
    Unmarked,
    /// A cgroup id that the table does not hold.
    Unknown,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CgroupCounters {
    pub created: u64,
    pub removed: u64,
    /// Events of hierarchies that are not kept.
    pub passed_over: u64,
    /// Removal events of cgroups that the table did not hold.
    pub removed_unknown: u64,
    /// Removed cgroups that had to go before their grace time was over.
    pub evicted_removed: u64,
    /// Living cgroups without a proven container that had to make room for one with.
    pub evicted_living: u64,
    /// Cgroups that found no room.
    pub refused: u64,
    /// Lookups of ids that the table did not hold.
    pub unknown: u64,
}

pub struct Cgroups {
    entries: HashMap<CgroupKey, Cgroup>,
    entries_max: usize,
    v1_hierarchy: Option<u32>,
    /// Removed cgroups, oldest first. A key may have been made again since: then its entry is not
    /// removed at that time, and the item is stale.
    removed: VecDeque<(u64, CgroupKey)>,
    /// Living entries that may go when the table is full: the newest goes first, for in a flood
    /// the newest are the flood. Stale items are passed over.
    expendable: Vec<CgroupKey>,
    containers: HashMap<Arc<ContainerRef>, Members>,
    namespaces: Namespaces,
    counters: CgroupCounters,
    /// Apart from the other counters, so that a lookup needs no exclusive access.
    unknown: Cell<u64>,
}

/// How many cgroups of a container the table holds.
#[derive(Default)]
struct Members {
    living: u32,
    removed: u32,
}

impl Cgroups {
    /// `v1_hierarchy` is the one that the kernel programs take the second cgroup id from.
    pub fn new(entries_max: usize, v1_hierarchy: Option<u32>, host: HostNamespaces) -> Cgroups {
        Cgroups {
            entries: HashMap::new(),
            entries_max: entries_max.max(1),
            v1_hierarchy,
            removed: VecDeque::new(),
            expendable: Vec::new(),
            containers: HashMap::new(),
            namespaces: Namespaces::new(host),
            counters: CgroupCounters::default(),
            unknown: Cell::new(0),
        }
    }

    /// Takes in what exists now. `now_ns` is boot time.
    pub fn snapshot(&mut self, trees: &Trees, now_ns: u64) -> WalkSummary {
        let mut summary = WalkSummary::default();
        for tree in &trees.trees {
            if !self.keeps(tree.hierarchy) {
                continue;
            }
            summary += tree.walk(self.entries_max, |id, path| {
                self.created(tree.hierarchy, id, path, now_ns);
            });
        }
        summary
    }

    /// A cgroup exists: an event of the kernel, or the walk at start. Seen twice counts once.
    /// `time_ns` is boot time.
    pub fn created(&mut self, hierarchy: u32, id: u64, path: &[u8], time_ns: u64) {
        if !self.keeps(hierarchy) {
            self.counters.passed_over += 1;
            return;
        }
        let key = CgroupKey { hierarchy, id };
        let was_expendable = self.is_expendable(key);
        let path = &path[..path.len().min(PATH_BYTES_MAX)];
        if let Some(known) = self.entries.get(&key) {
            if *known.path == *path && known.removed_at_ns.is_none() {
                return;
            }
            self.forget(key, time_ns);
        }
        let container = container::recognise(path).map(|found| self.share(&found));
        let is_proven = container
            .as_ref()
            .is_some_and(|found| found.delegated_uid.is_none());
        if self.entries.len() >= self.entries_max && !self.make_room(is_proven, time_ns) {
            self.counters.refused += 1;
            return;
        }
        if let Some(container) = &container {
            self.containers.entry(container.clone()).or_default().living += 1;
        }
        if !is_proven && !was_expendable {
            self.note_expendable(key);
        }
        self.entries.insert(
            key,
            Cgroup {
                path: path.into(),
                container,
                plain: None,
                is_hosts: false,
                removed_at_ns: None,
            },
        );
        self.counters.created += 1;
    }

    /// A cgroup was removed; no process is in it any more. `time_ns` is boot time.
    pub fn removed(&mut self, hierarchy: u32, id: u64, time_ns: u64) {
        if !self.keeps(hierarchy) {
            self.counters.passed_over += 1;
            return;
        }
        let key = CgroupKey { hierarchy, id };
        let Some(entry) = self.entries.get_mut(&key) else {
            self.counters.removed_unknown += 1;
            return;
        };
        if entry.removed_at_ns.is_some() {
            return;
        }
        entry.removed_at_ns = Some(time_ns);
        self.counters.removed += 1;
        self.removed.push_back((time_ns, key));
        if let Some(container) = entry.container.as_ref().or(entry.plain.as_ref())
            && let Some(members) = self.containers.get_mut(container)
        {
            members.living -= 1;
            members.removed += 1;
            if members.living == 0 {
                self.namespaces.container_ended(container, time_ns);
            }
        }
    }

    /// A cgroup has another path (v1 only), and with it all below it.
    pub fn renamed(&mut self, hierarchy: u32, id: u64, path: &[u8], time_ns: u64) {
        let key = CgroupKey { hierarchy, id };
        let Some(entry) = self.entries.get(&key) else {
            return self.created(hierarchy, id, path, time_ns);
        };
        let old_path = entry.path.clone();
        let moved: Vec<(u64, Vec<u8>)> = self
            .entries
            .iter()
            .filter(|(other, entry)| other.hierarchy == hierarchy && entry.removed_at_ns.is_none())
            .filter_map(|(other, entry)| {
                let below = entry.path.strip_prefix(&*old_path)?;
                let is_inside = below.is_empty() || below.starts_with(b"/");
                is_inside.then(|| (other.id, [path, below].concat()))
            })
            .collect();
        for (id, path) in moved {
            self.created(hierarchy, id, &path, time_ns);
        }
    }

    /// Drops what was removed longer than the grace time ago. `now_ns` is boot time.
    pub fn expire(&mut self, now_ns: u64) {
        while let Some(&(removed_at_ns, key)) = self.removed.front() {
            if now_ns.saturating_sub(removed_at_ns) < REMOVED_KEPT_NS {
                break;
            }
            self.removed.pop_front();
            if self.is_removed(key, removed_at_ns) {
                self.forget(key, now_ns);
            }
        }
    }

    pub fn get(&self, hierarchy: u32, id: u64) -> Option<&Cgroup> {
        self.entries.get(&CgroupKey { hierarchy, id })
    }

    /// Where a process with these cgroup ids was at `time_ns` (boot time). `v1` is the id in the
    /// chosen v1 hierarchy; an id of 0 is none.
    pub fn place(
        &self,
        unified: u64,
        v1: u64,
        namespaces: NamespacePair,
        time_ns: u64,
    ) -> Placement<'_> {
        let v1_key = self
            .v1_hierarchy
            .map(|hierarchy| CgroupKey { hierarchy, id: v1 });
        let keys = [
            Some(CgroupKey {
                hierarchy: UNIFIED,
                id: unified,
            }),
            v1_key,
        ];
        let mut unknown = false;
        let mut found = None;
        for key in keys.into_iter().flatten().filter(|key| key.id != 0) {
            match self.entries.get(&key) {
                Some(Cgroup {
                    container: Some(container),
                    ..
                }) => {
                    found = Some(container);
                    break;
                }
                Some(_) => {}
                None => unknown = true,
            }
        }
        let found = found.or_else(|| self.namespaces.container(namespaces, time_ns));
        match (found, unknown) {
            (Some(container), _) => Placement::Container(container),
            (None, false) => Placement::Unmarked,
            (None, true) => {
                self.unknown.set(self.unknown.get() + 1);
                Placement::Unknown
            }
        }
    }

    /// Remembers the namespaces of a process whose cgroup is that of `container`. `is_init`: it
    /// has pid 1 in its pid namespace. Cheap when nothing is new; call it for each exec.
    pub fn register_namespaces(
        &mut self,
        namespaces: NamespacePair,
        container: &Arc<ContainerRef>,
        is_init: bool,
    ) {
        let is_living = self
            .containers
            .get(container)
            .is_some_and(|members| members.living > 0);
        if is_living {
            self.namespaces.register(namespaces, container, is_init);
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Containers with a cgroup that still exists.
    pub fn living_containers(&self) -> impl Iterator<Item = &Arc<ContainerRef>> {
        self.containers
            .iter()
            .filter(|(_, members)| members.living > 0)
            .map(|(found, _)| found)
    }

    pub fn counters(&self) -> CgroupCounters {
        CgroupCounters {
            unknown: self.unknown.get(),
            ..self.counters
        }
    }

    pub fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    fn keeps(&self, hierarchy: u32) -> bool {
        hierarchy == UNIFIED || self.v1_hierarchy == Some(hierarchy)
    }
}
