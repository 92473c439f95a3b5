//! The process table: who every process is, whose child, running what.
//!
//! Owns the entries, keyed by (tgid, start in clock ticks): the boot is the daemon's own, and no pid
//! comes round within one tick, so this names a process as exactly as its start in nanoseconds, which
//! /proc does not tell for what ran before. Built from fork, exec and exit events; /proc only for
//! what ran before the hooks, marked so. An entry outlives its process for [`ENDED_KEPT_NS`], so that
//! late events still find it. Bounded: beyond that the entries not heard of for longest go, counted.
//! Must not read /proc, and must not make records.

use std::{num::NonZeroUsize, sync::Arc};

use audit_common::{Header, exec::Exec, exit::Exit, fork::Fork};
use lru::LruCache;

/// Nanoseconds of a clock tick as user space counts them (USER_HZ is 100 on every architecture).
pub const TICK_NS: u64 = 10_000_000;
/// An ended process is remembered for so long.
const ENDED_KEPT_NS: u64 = 30_000_000_000;
/// Paths shared between entries.
const PATHS_SHARED_MAX: usize = 4096;
/// Nearest ancestors that a record names.
pub const ANCESTORS_MAX: usize = 8;

/// Names a process for the length of a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub pid: u32,
    pub tick: u64,
}

impl Key {
    pub fn new(pid: u32, start_ns: u64) -> Key {
        Key {
            pid,
            tick: start_ns / TICK_NS,
        }
    }
}

/// What others need to name a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub key: Key,
    /// `comm`, NUL-padded.
    pub name: [u8; 16],
    /// `None`: not known; empty: a kernel thread, which runs no file.
    pub path: Option<Arc<[u8]>>,
}

/// The file that a process runs, as it was when it was executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executable {
    /// As the kernel has it.
    pub dev: u32,
    pub ino: u64,
    /// 0: not known.
    pub ctime_ns: i64,
    pub size: u64,
}

/// One process.
#[derive(Clone, Debug)]
pub struct Process {
    pub reference: Reference,
    /// As it was when this process was made, or found.
    pub parent: Option<Reference>,
    /// Masked; kept only if records repeat it.
    pub command: Option<Arc<[u8]>>,
    pub executable: Option<Executable>,
    pub login_uid: u32,
    pub session: u32,
    /// Found in /proc, not seen from its start.
    pub from_proc: bool,
    pub ended_ns: Option<u64>,
}

/// Sums of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableCounters {
    /// Living entries that had to make room.
    pub evicted: u64,
    /// Events of processes that the table did not hold.
    pub unknown: u64,
}

pub struct ProcessTable {
    entries: LruCache<Key, Process>,
    /// Ended ones, oldest first.
    ended: std::collections::VecDeque<(u64, Key)>,
    paths: SharedPaths,
    pub counters: TableCounters,
}

impl ProcessTable {
    pub fn new(entries_max: NonZeroUsize) -> ProcessTable {
        ProcessTable {
            // Not made full size at once: most hosts have few processes.
            entries: LruCache::unbounded(),
            ended: Default::default(),
            paths: SharedPaths::default(),
            counters: TableCounters::default(),
        }
        .bounded(entries_max)
    }

    fn bounded(mut self, entries_max: NonZeroUsize) -> ProcessTable {
        self.entries.resize(entries_max);
        self
    }

    pub fn get(&mut self, key: Key) -> Option<&Process> {
        self.entries.get(&key)
    }

    /// A process was made. It is what its maker is until it executes something.
    pub fn forked(&mut self, event: &Fork) {
        let maker = Key::new(event.maker_tgid, event.maker_start_ns);
        let parent = Key::new(event.parent_tgid, event.parent_start_ns);
        let key = key_of(&event.header);
        let (path, command, executable) = match self.entries.get(&maker) {
            Some(maker) => (
                maker.reference.path.clone(),
                maker.command.clone(),
                maker.executable,
            ),
            None => {
                self.counters.unknown += 1;
                (None, None, None)
            }
        };
        let parent = self.reference(parent).or_else(|| {
            let name = if parent == maker {
                event.header.comm
            } else {
                [0; 16]
            };
            Some(Reference {
                key: parent,
                name,
                path: path.clone().filter(|_| parent == maker),
            })
        });
        self.insert(Process {
            reference: Reference {
                key,
                name: event.header.comm,
                path,
            },
            parent,
            command,
            executable,
            login_uid: event.header.login_uid,
            session: event.header.session,
            from_proc: false,
            ended_ns: None,
        });
    }

    /// A process runs another program now.
    pub fn executed(&mut self, event: &Exec, path: &[u8], command: Option<&[u8]>) {
        let key = key_of(&event.header);
        let path = Some(self.paths.share(path));
        let parent = Key::new(event.parent_tgid, event.parent_start_ns);
        let reference = Reference {
            key,
            name: event.header.comm,
            path,
        };
        let command = command.map(Arc::from);
        let executable = Some(Executable {
            dev: event.file_dev,
            ino: event.file_ino,
            ctime_ns: event.file_ctime_ns,
            size: event.file_size,
        });
        if let Some(process) = self.entries.get_mut(&key) {
            process.reference = reference;
            process.command = command;
            process.executable = executable;
            process.login_uid = event.header.login_uid;
            process.session = event.header.session;
            return;
        }
        self.counters.unknown += 1;
        let parent = self.reference(parent);
        self.insert(Process {
            reference,
            parent,
            command,
            executable,
            login_uid: event.header.login_uid,
            session: event.header.session,
            from_proc: false,
            ended_ns: None,
        });
    }

    /// A process ended; false if that was already known (see `exit::flag::CERTAIN`).
    pub fn exited(&mut self, event: &Exit) -> bool {
        let key = key_of(&event.header);
        let Some(process) = self.entries.get_mut(&key) else {
            self.counters.unknown += 1;
            return true;
        };
        if process.ended_ns.is_some() {
            return false;
        }
        process.ended_ns = Some(event.header.time_ns);
        self.ended.push_back((event.header.time_ns, key));
        true
    }

    /// A process that ran before. What an event has told already is kept.
    pub fn found(&mut self, process: Process) {
        if !self.entries.contains(&process.reference.key) {
            self.insert(process);
        }
    }

    pub fn share(&mut self, path: &[u8]) -> Arc<[u8]> {
        self.paths.share(path)
    }

    /// The parent of a process: as the table has it now, else as it was when the process was made,
    /// else what the event itself says.
    pub fn parent_of(&mut self, key: Key, said: Key) -> Reference {
        let made = self
            .entries
            .get(&key)
            .and_then(|process| process.parent.clone());
        let known = made.as_ref().map_or(said, |parent| parent.key);
        self.reference(known).or(made).unwrap_or(Reference {
            key: said,
            name: [0; 16],
            path: None,
        })
    }

    /// Parent first; ends where the table does.
    pub fn ancestors(&mut self, key: Key) -> Vec<Reference> {
        let mut ancestors: Vec<Reference> = Vec::new();
        let mut at = key;
        while ancestors.len() < ANCESTORS_MAX {
            let Some(parent) = self
                .entries
                .get(&at)
                .and_then(|process| process.parent.clone())
            else {
                break;
            };
            at = parent.key;
            let current = self.reference(at).unwrap_or(parent);
            // A parent is older than its child; anything else would be a circle.
            if ancestors
                .last()
                .is_some_and(|last| last.key.tick < current.key.tick)
            {
                break;
            }
            ancestors.push(current);
        }
        ancestors
    }

    fn reference(&mut self, key: Key) -> Option<Reference> {
        self.entries
            .get(&key)
            .map(|process| process.reference.clone())
    }

    fn insert(&mut self, process: Process) {
        let key = process.reference.key;
        if let Some((evicted, gone)) = self.entries.push(key, process)
            && evicted != key
            && gone.ended_ns.is_none()
        {
            self.counters.evicted += 1;
        }
    }

    /// Forgets what ended long ago.
    pub fn expire(&mut self, now_ns: u64) {
        while let Some((ended_ns, key)) = self.ended.front().copied() {
            if now_ns.saturating_sub(ended_ns) < ENDED_KEPT_NS {
                break;
            }
            self.ended.pop_front();
            let same = self
                .entries
                .peek(&key)
                .is_some_and(|p| p.ended_ns == Some(ended_ns));
            if same {
                self.entries.pop(&key);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn entries_max(&self) -> usize {
        self.entries.cap().get()
    }
}

pub fn key_of(header: &Header) -> Key {
    Key::new(header.tgid, header.start_ns)
}

/// Recently seen paths, so that a thousand processes of one program share one.
struct SharedPaths {
    slots: Vec<Option<Arc<[u8]>>>,
}

impl Default for SharedPaths {
    fn default() -> Self {
        SharedPaths {
            slots: vec![None; PATHS_SHARED_MAX],
        }
    }
}

impl SharedPaths {
    fn share(&mut self, path: &[u8]) -> Arc<[u8]> {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(path);
        let slot = &mut self.slots[hash as usize % PATHS_SHARED_MAX];
        match slot {
            Some(shared) if **shared == *path => shared.clone(),
            _ => slot.insert(Arc::from(path)).clone(),
        }
    }
}

#[cfg(test)]
mod tests;
