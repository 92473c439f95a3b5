//! Which file events are recorded: watches, mounts and identities, together, as of now.
//!
//! Owns the decision about one event, and the labels that a record gets by it. The kernel has matched
//! too much on purpose; what is let through here is exactly what the configuration names. A decider
//! is never changed: the keeper of the watches makes another one and puts it in the place of this.

mod keeper;

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use audit_common::{Header, header::flag};

pub use keeper::{Keeper, KeeperError};

use crate::{
    config::Operation,
    enrich::mounts::Mounts,
    watch::{
        Scratch,
        exceptions::FileId,
        set::{Judgement, Subject, WatchId, WatchSet},
    },
};

/// An object as the kernel names it: device and inode.
pub type ObjectId = (u32, u64);

/// Everything that a decision needs.
pub struct Decider {
    set: WatchSet,
    mounts: Mounts,
    /// Watched by what they are, whatever they are called.
    known: HashMap<ObjectId, Vec<WatchId>>,
    /// By watch: those of every record, the watch's own and its name, sorted.
    labels: Vec<Vec<String>>,
}

/// What became of an object, seen from a process.
pub struct Access<'a> {
    pub operation: Operation,
    /// The object; `None` of a failure.
    pub object: Option<ObjectId>,
    /// From its file system's root; empty of a failure.
    pub on_disk: &'a [u8],
    /// As the process sees it, or asked for it.
    pub path: &'a [u8],
    pub executable: Option<ObjectId>,
    pub user: Option<&'a str>,
    pub container: Option<&'a str>,
}

impl Decider {
    pub fn new(
        set: WatchSet,
        mounts: Mounts,
        known: HashMap<ObjectId, Vec<WatchId>>,
        everywhere: &[String],
    ) -> Decider {
        let labels = set.iter().map(|(_, watch)| {
            let own = watch.labels.iter().cloned();
            let name = std::iter::once(format!("watch:{}", watch.name));
            merged(everywhere.iter().cloned().chain(own).chain(name))
        });
        Decider {
            labels: labels.collect(),
            set,
            mounts,
            known,
        }
    }

    /// The labels of its record; `None`: it is not recorded.
    pub fn decide(
        &self,
        access: &Access<'_>,
        header: &Header,
        scratch: &mut Scratch,
    ) -> Option<Vec<String>> {
        let at_home = header.flags & flag::HOST_ROOT != 0;
        let nothing: &[WatchId] = &[];
        let known = access.object.and_then(|object| self.known.get(&object));
        let subject = Subject {
            path: b"",
            inside: (!at_home).then_some(access.path),
            known: known.map_or(nothing, Vec::as_slice),
            executable_id: access.executable.map(|(dev, ino)| FileId {
                dev: dev.into(),
                ino,
            }),
            uid: header.uid,
            user: access.user,
            container: access.container,
        };
        let mut found: Vec<u32> = Vec::new();
        let mut judge = |path: &[u8]| {
            let subject = Subject { path, ..subject };
            if let Judgement::Watched(watching) =
                self.set.judge(&subject, access.operation, scratch)
            {
                found.extend(watching.map(|(id, _)| id.0));
            }
        };
        match access.object {
            Some((dev, _)) => {
                let mut mounted = false;
                for path in self.mounts.paths(dev, access.on_disk) {
                    mounted = true;
                    judge(&path);
                }
                // Only where the host has no path for it: exceptions by path would not hold.
                if !mounted {
                    judge(b"");
                }
            }
            None if at_home => {
                judge(&self.mounts.resolved(access.path, false));
                judge(&self.mounts.resolved(access.path, true));
            }
            None => judge(b""),
        }
        found.sort_unstable();
        found.dedup();
        match found[..] {
            [] => None,
            [id] => self.labels.get(id as usize).cloned(),
            _ => {
                let of_each = found.iter().filter_map(|id| self.labels.get(*id as usize));
                Some(merged(of_each.flatten().cloned()))
            }
        }
    }
}

fn merged(labels: impl Iterator<Item = String>) -> Vec<String> {
    let mut labels: Vec<String> = labels.collect();
    labels.sort_unstable();
    labels.dedup();
    labels
}

/// The decider of now, shared by its keeper and whoever decides.
#[derive(Clone, Default)]
pub struct Current(Arc<RwLock<Option<Arc<Decider>>>>);

impl Current {
    pub fn get(&self) -> Option<Arc<Decider>> {
        self.0.read().ok()?.clone()
    }

    fn set(&self, decider: Decider) {
        if let Ok(mut place) = self.0.write() {
            *place = Some(Arc::new(decider));
        }
    }
}
