//! Which container a mount or pid namespace belongs to.
//!
//! Owns [`Namespaces`]. nsenter leaves the cgroup as it was, so a process that entered a container
//! looks like the host's, but for its namespaces. They are registered from processes whose cgroup
//! is a container's.
//!
//! Must not hold what the host's processes live in: a container with `--pid=host` or one that
//! entered the host's mount namespace would make the host a container.
//!
//! Invariants:
//! - the kernel gives a freed namespace number out again at once, so an entry whose container has
//!   ended answers only for events from before that;
//! - a pid namespace that several containers share (a pod's) answers for none of them;
//! - the first living container to register a namespace keeps it, unless another one's init comes
//!   (then the first only visited, or its end was not seen);
//! - at most [`NAMESPACES_MAX`] of each sort; beyond that none is added, and it is counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::ContainerRef;

/// Containers rarely have more than one of each; browsers and build tools inside them may.
pub const NAMESPACES_MAX: usize = 8192;
/// So that one container which makes namespaces without end cannot take all places.
const PER_CONTAINER_MAX: usize = 64;

/// Inode numbers of a process's namespaces; 0 is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NamespacePair {
    pub mnt: u32,
    pub pid: u32,
}

/// The namespaces of the host.
pub type HostNamespaces = NamespacePair;

pub struct Namespaces {
    host: HostNamespaces,
    owners: [HashMap<u32, Owner>; 2],
    /// What each container registered, to find it again when it ends: (sort, number).
    by_container: HashMap<Arc<ContainerRef>, Vec<(Sort, u32)>>,
    refused: u64,
    /// Something has ended since the last sweep.
    has_ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Mnt = 0,
    Pid = 1,
}

struct Owner {
    container: Arc<ContainerRef>,
    ended_at_ns: Option<u64>,
    /// Another living container is in it too.
    is_shared: bool,
}

impl Namespaces {
    pub fn new(host: HostNamespaces) -> Namespaces {
        let owners = [HashMap::new(), HashMap::new()];
        Namespaces {
            host,
            owners,
            by_container: HashMap::new(),
            refused: 0,
            has_ended: false,
        }
    }

    /// The container that a process was in at `time_ns`, by its mount namespace, else by its pid
    /// namespace (`nsenter -p`).
    pub fn container(&self, pair: NamespacePair, time_ns: u64) -> Option<&Arc<ContainerRef>> {
        self.parts(pair)
            .into_iter()
            .flatten()
            .find_map(|(sort, number)| {
                let owner = self.owners[sort as usize].get(&number)?;
                let is_in_time = owner
                    .ended_at_ns
                    .is_none_or(|ended_at_ns| time_ns <= ended_at_ns);
                (is_in_time && !owner.is_shared).then_some(&owner.container)
            })
    }

    pub fn register(&mut self, pair: NamespacePair, container: &Arc<ContainerRef>, is_init: bool) {
        for (sort, number) in self.parts(pair).into_iter().flatten() {
            self.register_one(sort, number, container, is_init);
        }
    }

    /// The last cgroup of the container was removed at `time_ns`.
    pub fn container_ended(&mut self, container: &Arc<ContainerRef>, time_ns: u64) {
        let Some(numbers) = self.by_container.get(container) else {
            return;
        };
        for (sort, number) in numbers {
            if let Some(owner) = self.owners[*sort as usize].get_mut(number)
                && owner.container == *container
            {
                owner.ended_at_ns.get_or_insert(time_ns);
                self.has_ended = true;
            }
        }
    }

    /// Nothing will ask for the container any more.
    pub fn container_forgotten(&mut self, container: &Arc<ContainerRef>) {
        for (sort, number) in self.by_container.remove(container).unwrap_or_default() {
            if let Entry::Occupied(slot) = self.owners[sort as usize].entry(number)
                && slot.get().container == *container
            {
                slot.remove();
            }
        }
    }

    pub fn len(&self) -> usize {
        self.owners.iter().map(HashMap::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Namespaces that found no room.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// What of `pair` is known and not the host's.
    fn parts(&self, pair: NamespacePair) -> [Option<(Sort, u32)>; 2] {
        let part = |sort, number, host| (number != 0 && number != host).then_some((sort, number));
        [
            part(Sort::Mnt, pair.mnt, self.host.mnt),
            part(Sort::Pid, pair.pid, self.host.pid),
        ]
    }

    fn register_one(
        &mut self,
        sort: Sort,
        number: u32,
        container: &Arc<ContainerRef>,
        is_init: bool,
    ) {
        if let Some(owner) = self.owners[sort as usize].get_mut(&number) {
            let is_living = owner.ended_at_ns.is_none();
            if is_living && owner.container == *container {
                return;
            }
            if is_living && !is_init {
                // Containers of a pod share one pid namespace; a mount namespace that two
                // containers are in was entered by one of them.
                owner.is_shared |= sort == Sort::Pid;
                return;
            }
            self.owners[sort as usize].remove(&number);
        }
        if !self.has_room(sort, container) {
            self.sweep_ended();
            if !self.has_room(sort, container) {
                self.refused += 1;
                return;
            }
        }
        self.owners[sort as usize].insert(number, Owner::of(container));
        let numbers = self.by_container.entry(container.clone()).or_default();
        if !numbers.contains(&(sort, number)) {
            numbers.push((sort, number));
        }
    }

    fn has_room(&self, sort: Sort, container: &Arc<ContainerRef>) -> bool {
        self.owners[sort as usize].len() < NAMESPACES_MAX
            && self.by_container.get(container).map_or(0, Vec::len) < PER_CONTAINER_MAX
    }

    /// Gives up what has ended: a container that restarts under the same id is never forgotten.
    /// Costs nothing when nothing has ended since the last time.
    fn sweep_ended(&mut self) {
        if !std::mem::take(&mut self.has_ended) {
            return;
        }
        let owners = &mut self.owners;
        for owners in owners.iter_mut() {
            owners.retain(|_, owner| owner.ended_at_ns.is_none());
        }
        self.by_container.retain(|container, numbers| {
            numbers.retain(|(sort, number)| {
                let owner = owners[*sort as usize].get(number);
                owner.is_some_and(|owner| owner.container == *container)
            });
            !numbers.is_empty()
        });
    }
}

impl Owner {
    fn of(container: &Arc<ContainerRef>) -> Owner {
        Owner {
            container: container.clone(),
            ended_at_ns: None,
            is_shared: false,
        }
    }
}
