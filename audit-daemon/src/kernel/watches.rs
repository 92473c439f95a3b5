//! What the kernel programs match opens against: fills the watch maps.
//!
//! Owns those maps. A change never makes the kernel match too little: what is new is there before
//! what is old goes, and each step gives another generation, so that no verdict outlives it.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::offset_of,
};

use audit_common::watch::{
    ASKED_BYTES, FILTER_BITS, FILTER_WORDS, NameKey, ObjectKey, WatchState, active, filter_bit,
};
use aya::{
    Pod,
    maps::{HashMap, LpmTrie, Map, MapData, MapError, lpm_trie::Key},
};

use super::{KernelError, MappedArray, calm::undisturbed};

/// Names of the maps, in the order of [`WatchMaps::of`].
pub const WATCH_MAPS: [&str; 6] = [
    "WATCHED",
    "WATCHED_NAMES",
    "WATCH_ASKED",
    "WATCH_FILTER",
    "WATCH_STATE",
    "WATCH_LINKED",
];

/// Words of [`WatchState`].
const GENERATION: usize = offset_of!(WatchState, generation) / 8;
const MOVING: usize = offset_of!(WatchState, moving) / 8;
const SELF_TGID: usize = offset_of!(WatchState, self_tgid) / 8;
const LINKED_SINCE: usize = offset_of!(WatchState, linked_since_ns) / 8;
const ACTIVE: usize = offset_of!(WatchState, active) / 8;

/// A link may be this long under way before it is there, so that a look has passed by what was noted of it.
const LINKING_MAX_NS: u64 = 60_000_000_000;

/// Entries that each map can hold, in 9 MiB of kernel memory: more than the 10,000 paths that may be
/// watched, with the directories on their ways and the hard links among them.
pub const OBJECTS_MAX: u32 = 1 << 16;
pub const NAMES_MAX: u32 = 1 << 15;
/// Memory of these is taken as they come.
pub const ASKED_MAX: u32 = 1 << 17;

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Plain<T>(T);
// SAFETY: integers and byte arrays without padding.
unsafe impl Pod for Plain<ObjectKey> {}
// SAFETY: as above.
unsafe impl Pod for Plain<NameKey> {}

/// What the kernel shall let through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// Objects with their bits.
    pub objects: BTreeMap<ObjectKey, u32>,
    /// Names with theirs.
    pub names: BTreeMap<NameKey, u32>,
    /// Beginnings of names as a program may give them.
    pub asked: BTreeSet<Vec<u8>>,
    /// Calls that set times are looked at.
    pub times: bool,
}

/// The maps of one load.
pub struct WatchMaps {
    objects: HashMap<MapData, Plain<ObjectKey>, u32>,
    names: HashMap<MapData, Plain<NameKey>, u32>,
    asked: LpmTrie<MapData, [u8; ASKED_BYTES], u32>,
    filter: MappedArray<u64>,
    state: MappedArray<WatchState>,
    /// What got another name, and when: only the kernel writes to it.
    linked: HashMap<MapData, Plain<ObjectKey>, u64>,
    /// What is in them.
    present: Matching,
}

fn refused(error: MapError) -> KernelError {
    KernelError::Object {
        reason: format!("the watch maps: {error}"),
    }
}

impl WatchMaps {
    /// The maps in the order of [`WATCH_MAPS`]; those of an adopted load are not empty.
    pub fn of(maps: [MapData; 6]) -> Result<WatchMaps, KernelError> {
        let [objects, names, asked, filter, state, linked] = maps;
        let objects = HashMap::try_from(Map::HashMap(objects)).map_err(refused)?;
        let names = HashMap::try_from(Map::HashMap(names)).map_err(refused)?;
        let asked = LpmTrie::try_from(Map::LpmTrie(asked)).map_err(refused)?;
        let mut maps = WatchMaps {
            objects,
            names,
            asked,
            filter: MappedArray::map(filter.fd(), FILTER_WORDS as usize)?,
            state: MappedArray::map(state.fd(), 1)?,
            linked: HashMap::try_from(Map::LruHashMap(linked)).map_err(refused)?,
            present: Matching::default(),
        };
        // In a load that was adopted another daemon stands there, and we look at watched files at once.
        maps.be_oneself();
        maps.present = maps.read();
        Ok(maps)
    }

    fn read(&self) -> Matching {
        let asked = self.asked.keys().filter_map(Result::ok).map(|key| {
            let bytes = key.data();
            bytes[..key.prefix_len() as usize / 8].to_vec()
        });
        Matching {
            objects: self
                .objects
                .iter()
                .filter_map(Result::ok)
                .map(|(key, bits)| (key.0, bits))
                .collect(),
            names: self
                .names
                .iter()
                .filter_map(Result::ok)
                .map(|(key, bits)| (key.0, bits))
                .collect(),
            asked: asked.collect(),
            times: self.state.get(0).active & active::TIMES != 0,
        }
    }

    /// Makes the kernel match this, and nothing else in the end.
    pub fn apply(&mut self, wanted: Matching) -> Result<(), KernelError> {
        self.widen(&wanted)?;
        self.narrow(wanted)
    }

    /// Makes the kernel match this beside what it matches already. After an error `present` still
    /// says what is in the maps.
    pub fn widen(&mut self, wanted: &Matching) -> Result<(), KernelError> {
        let present = &mut self.present;
        for (key, bits) in &wanted.objects {
            let had = present.objects.get(key).copied().unwrap_or(0);
            let both = had | bits;
            // Nothing is written twice: no other programs run on this CPU meanwhile.
            if both != had {
                undisturbed(|| self.objects.insert(Plain(*key), both, 0)).map_err(refused)?;
                present.objects.insert(*key, both);
            }
        }
        for (key, bits) in &wanted.names {
            let had = present.names.get(key).copied().unwrap_or(0);
            let both = had | bits;
            if both != had {
                undisturbed(|| self.names.insert(Plain(*key), both, 0)).map_err(refused)?;
                present.names.insert(*key, both);
            }
        }
        for begin in &wanted.asked {
            if !present.asked.contains(begin) {
                let key = asked_key(begin);
                undisturbed(|| self.asked.insert(&key, 1, 0)).map_err(refused)?;
                present.asked.insert(begin.clone());
            }
        }
        present.times |= wanted.times;
        self.set_filter(self.present.objects.keys());
        self.turn(true);
        Ok(())
    }

    /// Takes out what is not in `wanted`, which was put in before.
    fn narrow(&mut self, wanted: Matching) -> Result<(), KernelError> {
        let old = std::mem::take(&mut self.present);
        let done = self.take_out(&old, &wanted);
        self.set_filter(wanted.objects.keys());
        self.present.times = wanted.times;
        self.turn(wanted != Matching::default());
        self.present = match done {
            Ok(()) => wanted,
            // What is not known to be there is put in again.
            Err(_) => self.read(),
        };
        done
    }

    fn take_out(&mut self, old: &Matching, wanted: &Matching) -> Result<(), KernelError> {
        for (key, bits) in &old.objects {
            match wanted.objects.get(key) {
                None => undisturbed(|| self.objects.remove(&Plain(*key))).map_err(refused)?,
                Some(now) if now | bits != *now => {
                    undisturbed(|| self.objects.insert(Plain(*key), *now, 0)).map_err(refused)?;
                }
                Some(_) => {}
            }
        }
        for (key, bits) in &old.names {
            match wanted.names.get(key) {
                None => undisturbed(|| self.names.remove(&Plain(*key))).map_err(refused)?,
                Some(now) if now | bits != *now => {
                    undisturbed(|| self.names.insert(Plain(*key), *now, 0)).map_err(refused)?;
                }
                Some(_) => {}
            }
        }
        for begin in old.asked.difference(&wanted.asked) {
            undisturbed(|| self.asked.remove(&asked_key(begin))).map_err(refused)?;
        }
        Ok(())
    }

    /// Somebody else may have written to the maps: what is in them is read anew.
    pub fn doubt(&mut self) {
        self.present = self.read();
    }

    /// Lets through to the maps what is in them. The kernel adds to both in the same moment: what it puts into
    /// its own map before its bit is taken for an old one is seen there afterwards.
    fn set_filter<'a>(&self, keys: impl Iterator<Item = &'a ObjectKey>) {
        let mut words = vec![0u64; FILTER_WORDS as usize];
        for key in keys {
            let (word, bit) = filter_place(key);
            words[word] |= bit;
        }
        for (word, bit) in self.linked_places() {
            words[word] |= bit;
        }
        for (at, word) in words.iter().enumerate() {
            self.filter.change_bits(at, *word);
        }
        for (word, bit) in self.linked_places() {
            self.filter.set_bits(word, bit);
        }
    }

    /// Where the filter has what got another name lately.
    fn linked_places(&self) -> impl Iterator<Item = (usize, u64)> {
        let since = self.state.word(0, LINKED_SINCE);
        let linked: Vec<_> = undisturbed(|| self.linked.iter().filter_map(Result::ok).collect());
        linked
            .into_iter()
            .filter(move |(_, at)| *at >= since)
            .map(|(key, _)| filter_place(&key.0))
    }

    /// All links that were there at this time are known by what was put into the maps.
    pub fn looked_at_links(&self, at_ns: u64) {
        let since = at_ns.saturating_sub(LINKING_MAX_NS);
        self.state.set_word(0, LINKED_SINCE, since);
    }

    /// What this process does is nobody's business.
    fn be_oneself(&self) {
        self.state.set_word(0, SELF_TGID, std::process::id().into());
    }

    /// No verdict that was found before counts any more.
    pub fn turn(&self, active: bool) {
        self.be_oneself();
        self.state.add(0, GENERATION, 1);
        let any = u64::from(active) * active::ANY;
        let times = u64::from(active && self.present.times) * active::TIMES;
        self.state.set_word(0, ACTIVE, any | times);
    }

    /// Renames and mounts that are under way.
    pub fn moving(&self) -> u64 {
        self.state.get(0).moving
    }

    /// Takes back what was counted and never ended: on kernels that preempt programs one may be
    /// skipped.
    pub fn forget_moving(&self, count: u64) {
        self.state.add(0, MOVING, count.wrapping_neg());
        self.state.add(0, GENERATION, 1);
    }

    /// What it is made of, for tests and `status`.
    pub fn present(&self) -> &Matching {
        &self.present
    }
}

/// A word of the filter, and the object's bit there.
fn filter_place(key: &ObjectKey) -> (usize, u64) {
    let bit = filter_bit(key.ino, key.dev) % FILTER_BITS;
    (bit as usize / 64, 1 << (bit % 64))
}

fn asked_key(begin: &[u8]) -> Key<[u8; ASKED_BYTES]> {
    let length = begin.len().min(ASKED_BYTES);
    let mut bytes = [0; ASKED_BYTES];
    bytes[..length].copy_from_slice(&begin[..length]);
    Key::new(8 * length as u32, bytes)
}
