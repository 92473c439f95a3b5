//! A disk in memory that fails on request.
//!
//! Each file has the bytes that processes see and those that are on the platter; an fsync copies
//! the dirty ones over. A failed fsync marks them clean all the same, as Linux does. Names are
//! a journal that `sync_dir` empties. Losing power keeps the platter, any part of what was dirty
//! by sectors, any length in between, and any beginning of the journal.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use nix::errno::Errno;

use super::super::disk::{Disk, DiskFile, OpenMode};

/// Written whole or not at all.
const SECTOR_BYTES: usize = 128;
/// Written together when any byte of it is dirty.
const BLOCK_BYTES: usize = 4_096;

#[derive(Default)]
struct Node {
    seen: Vec<u8>,
    dirty: Vec<bool>,
    platter: Vec<u8>,
}

#[derive(Clone)]
enum NameChange {
    Link(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
}

impl NameChange {
    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Link(path, _) | Self::Rename(path, _) | Self::Unlink(path) => path.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Link(path, node) => drop(names.insert(path.clone(), *node)),
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
            Self::Unlink(path) => drop(names.remove(path)),
        }
    }
}

/// What goes wrong, until changed.
#[derive(Default)]
pub(in super::super) struct Faults {
    /// A write takes at most so many bytes.
    pub(in super::super) write_bytes_max: Option<usize>,
    /// Room for so many further bytes.
    pub(in super::super) space: Option<usize>,
    /// So many of the next fsyncs of files fail.
    pub(in super::super) failing_syncs: usize,
    /// A failing fsync also spoils the blocks that it was to write.
    pub(in super::super) spoiling_syncs: bool,
    /// Fsyncs of files say that all is well and write nothing.
    pub(in super::super) lying_syncs: bool,
    /// Cutting fails.
    pub(in super::super) failing_cuts: bool,
    /// So many more changing operations succeed, then all fail.
    pub(in super::super) operations_left: Option<usize>,
}

#[derive(Default)]
struct World {
    nodes: Vec<Node>,
    names: BTreeMap<PathBuf, usize>,
    durable_names: BTreeMap<PathBuf, usize>,
    journal: Vec<NameChange>,
    faults: Faults,
}

#[derive(Clone, Default)]
pub(in super::super) struct Sim(Arc<Mutex<World>>);

pub(in super::super) struct SimFile {
    world: Arc<Mutex<World>>,
    node: usize,
}

/// A small generator: the test's input decides everything.
pub(in super::super) struct Dice(pub(in super::super) u64);

impl Dice {
    pub(in super::super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

impl World {
    fn operate(&mut self) -> io::Result<()> {
        match &mut self.faults.operations_left {
            None => Ok(()),
            Some(0) => Err(Errno::EIO.into()),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn change_name(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.journal.push(change);
    }
}

impl Sim {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    pub(in super::super) fn fault(&self, set: impl FnOnce(&mut Faults)) {
        set(&mut self.world().faults);
    }

    /// The bytes of a file, as a process would read them.
    pub(in super::super) fn read(&self, path: &Path) -> Option<Vec<u8>> {
        let world = self.world();
        Some(world.nodes[*world.names.get(path)?].seen.clone())
    }

    /// All names with their contents.
    pub(in super::super) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let world = self.world();
        world
            .names
            .iter()
            .map(|(path, &node)| (path.clone(), world.nodes[node].seen.clone()))
            .collect()
    }

    /// A copy that goes its own way.
    pub(in super::super) fn fork(&self) -> Self {
        let world = self.world();
        let nodes = world.nodes.iter().map(|node| Node {
            seen: node.seen.clone(),
            dirty: node.dirty.clone(),
            platter: node.platter.clone(),
        });
        Self(Arc::new(Mutex::new(World {
            nodes: nodes.collect(),
            names: world.names.clone(),
            durable_names: world.durable_names.clone(),
            journal: world.journal.clone(),
            faults: Faults::default(),
        })))
    }

    /// Faults end; what processes saw stays.
    pub(in super::super) fn kill(&self) {
        self.world().faults = Faults::default();
    }

    /// What was not durable survives in part.
    pub(in super::super) fn lose_power(&self, dice: &mut Dice) {
        let mut world = self.world();
        world.faults = Faults::default();
        let kept = dice.below(world.journal.len() + 1);
        let mut names = std::mem::take(&mut world.durable_names);
        world
            .journal
            .iter()
            .take(kept)
            .for_each(|change| change.apply(&mut names));
        world.journal.clear();
        world.names = names.clone();
        world.durable_names = names;
        for node in &mut world.nodes {
            let (a, b) = (node.platter.len(), node.seen.len());
            let length = match dice.below(4) {
                0 => a,
                1 => b,
                _ => a.min(b) + dice.below(a.abs_diff(b) + 1),
            };
            let mut left = std::mem::take(&mut node.platter);
            left.resize(length, 0);
            for (sector, bytes) in left.chunks_mut(SECTOR_BYTES).enumerate() {
                if dice.below(2) == 0 {
                    continue;
                }
                for (at, byte) in bytes.iter_mut().enumerate() {
                    let at = sector * SECTOR_BYTES + at;
                    if node.dirty.get(at) == Some(&true) {
                        *byte = node.seen[at];
                    }
                }
            }
            *node = Node {
                dirty: vec![false; length],
                seen: left.clone(),
                platter: left,
            };
        }
    }
}

impl Disk for Sim {
    type File = SimFile;

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        self.world().operate()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(OsString, u64)>> {
        let world = self.world();
        let within = world
            .names
            .iter()
            .filter(|(path, _)| path.parent() == Some(dir));
        Ok(within
            .map(|(path, &node)| {
                (
                    path.file_name().unwrap().to_owned(),
                    world.nodes[node].seen.len() as u64,
                )
            })
            .collect())
    }

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<SimFile> {
        let mut world = self.world();
        let node = match world.names.get(path) {
            Some(&node) => node,
            None if mode == OpenMode::Create => {
                world.operate()?;
                if world.faults.space == Some(0) {
                    return Err(Errno::ENOSPC.into());
                }
                world.nodes.push(Node::default());
                let node = world.nodes.len() - 1;
                world.change_name(NameChange::Link(path.to_path_buf(), node));
                node
            }
            None => return Err(Errno::ENOENT.into()),
        };
        Ok(SimFile {
            world: Arc::clone(&self.0),
            node,
        })
    }

    fn len_if_same(&self, path: &Path, file: &SimFile) -> io::Result<Option<u64>> {
        let world = self.world();
        let same = world.names.get(path).filter(|&&node| node == file.node);
        Ok(same.map(|&node| world.nodes[node].seen.len() as u64))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.operate()?;
        world.change_name(NameChange::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.operate()?;
        if !world.names.contains_key(path) {
            return Err(Errno::ENOENT.into());
        }
        world.change_name(NameChange::Unlink(path.to_path_buf()));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.world();
        world.operate()?;
        let World {
            journal,
            durable_names,
            ..
        } = &mut *world;
        journal.retain(|change| {
            let here = change.dir() == Some(dir);
            if here {
                change.apply(durable_names);
            }
            !here
        });
        Ok(())
    }
}

impl DiskFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.world.lock().unwrap().nodes[self.node].seen.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let world = self.world.lock().unwrap();
        let rest = world.nodes[self.node]
            .seen
            .get(offset as usize..)
            .unwrap_or_default();
        let read = rest.len().min(bytes.len());
        bytes[..read].copy_from_slice(&rest[..read]);
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut world = self.world.lock().unwrap();
        world.operate()?;
        let offset = offset as usize;
        let length = world.nodes[self.node].seen.len();
        let mut take = bytes
            .len()
            .min(world.faults.write_bytes_max.unwrap_or(usize::MAX));
        if let Some(space) = world.faults.space {
            take = take.min(length.saturating_sub(offset) + space);
            if take == 0 {
                return Err(Errno::ENOSPC.into());
            }
            world.faults.space = Some(space - (offset + take).saturating_sub(length).min(space));
        }
        let node = &mut world.nodes[self.node];
        if length < offset + take {
            node.seen.resize(offset + take, 0);
            node.dirty.resize(offset + take, true);
        }
        node.seen[offset..offset + take].copy_from_slice(&bytes[..take]);
        node.dirty[offset..offset + take].fill(true);
        Ok(take)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut world = self.world.lock().unwrap();
        world.operate()?;
        if world.faults.failing_cuts {
            return Err(Errno::EIO.into());
        }
        let node = &mut world.nodes[self.node];
        node.seen.resize(len as usize, 0);
        node.dirty.resize(len as usize, true);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world.lock().unwrap();
        world.operate()?;
        let failing = world.faults.failing_syncs > 0;
        world.faults.failing_syncs = world.faults.failing_syncs.saturating_sub(1);
        let (lying, spoiling) = (world.faults.lying_syncs, world.faults.spoiling_syncs);
        let node = &mut world.nodes[self.node];
        if !failing && !lying {
            node.platter.resize(node.seen.len(), 0);
            for (at, _) in node.dirty.iter().enumerate().filter(|(_, dirty)| **dirty) {
                node.platter[at] = node.seen[at];
            }
        }
        if failing && spoiling {
            for (block, bytes) in node.platter.chunks_mut(BLOCK_BYTES).enumerate() {
                let here = node
                    .dirty
                    .iter()
                    .skip(block * BLOCK_BYTES)
                    .take(BLOCK_BYTES);
                if here.into_iter().any(|&dirty| dirty) {
                    bytes.fill(b'?');
                }
            }
        }
        // The trap: after a failed fsync the pages count as clean.
        node.dirty.fill(false);
        if failing {
            Err(Errno::EIO.into())
        } else {
            Ok(())
        }
    }

    fn forget_cache(&self) -> io::Result<()> {
        let mut world = self.world.lock().unwrap();
        let node = &mut world.nodes[self.node];
        for at in 0..node.seen.len() {
            if !node.dirty[at] {
                node.seen[at] = node.platter.get(at).copied().unwrap_or(0);
            }
        }
        Ok(())
    }
}
