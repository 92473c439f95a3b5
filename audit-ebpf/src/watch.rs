//! Is this place watched? Asked of every open, so it must cost next to nothing where it is not.
//!
//! Owns the watch maps and the verdict cache. A place matches by its own inode, by its name in a
//! directory with watched names, or by a directory above it. The walk is physical: to its file
//! system's root whatever part of it is mounted, and then on from where that mount stands, so that a
//! bind mount of a part is no way round. It may match too much; the daemon decides exactly.
//!
//! A directory's verdict is kept per CPU with the generation that was read before the walk. Whatever
//! moves directories or mounts gives another generation before and after, and while something moves
//! nothing is kept or used. A slot that is being written has generation 0.

mod linked;
mod oneself;
mod walk;

use audit_common::{
    file_open::reason,
    watch::{
        ASKED_BYTES, FILTER_WORDS, NAME_COMPARED_BYTES, NameKey, ObjectKey, VERDICTS, Verdict,
        WatchState, active, bit, filter_bit,
    },
};
use aya_ebpf::{
    bindings::{BPF_F_MMAPABLE, BPF_F_NO_PREALLOC},
    macros::map,
    maps::{Array, HashMap, LpmTrie, lpm_trie::Key},
};

use crate::{
    atomic,
    path::Place,
    read::{self, Memory, mask},
    scratch::{self, cpu},
    settings::offset,
};

/// Sizes are set by the daemon. Kernels before 6.1 warn of hash maps that are not made in advance.
#[map]
static WATCHED: HashMap<ObjectKey, u32> = HashMap::with_max_entries(1, 0);
#[map]
static WATCHED_NAMES: HashMap<NameKey, u32> = HashMap::with_max_entries(1, 0);
#[map]
static WATCH_ASKED: LpmTrie<[u8; ASKED_BYTES], u32> =
    LpmTrie::with_max_entries(1, BPF_F_NO_PREALLOC);
#[map]
static WATCH_FILTER: Array<u64> = Array::with_max_entries(FILTER_WORDS, BPF_F_MMAPABLE);
#[map]
static WATCH_STATE: Array<WatchState> = Array::with_max_entries(1, BPF_F_MMAPABLE);
#[map]
static VERDICT_CACHE: Array<Verdict> = Array::with_max_entries(VERDICTS, 0);

#[cfg(not(feature = "legacy"))]
pub use linked::add_object;
pub use oneself::{is_oneself, is_the_canary, is_the_daemon, self_tgid};

/// The shared state; `None` while nothing is watched.
#[inline(always)]
pub fn state() -> Option<&'static WatchState> {
    // SAFETY: a live map value; words are changed one by one by the daemon, and read volatile.
    let state = unsafe { &*WATCH_STATE.get_ptr(0)? };
    (volatile(&state.active) != 0).then_some(state)
}

/// Is any watch for times, or does a canary set some?
#[inline(always)]
pub fn wants_times(state: &WatchState) -> bool {
    volatile(&state.active) & active::TIMES != 0 || volatile(&state.probed) != 0
}

/// Something begins to move: from before the new generation on no verdict is kept.
#[inline(always)]
pub fn begins_to_move() {
    if let Some(state) = WATCH_STATE.get_ptr_mut(0) {
        // SAFETY: a live map value.
        unsafe {
            atomic::add(&raw mut (*state).moving, 1);
            atomic::add(&raw mut (*state).generation, 1);
        }
    }
}

/// It stands: until after the new generation no verdict is used.
#[inline(always)]
pub fn has_moved() {
    if let Some(state) = WATCH_STATE.get_ptr_mut(0) {
        // SAFETY: as above; -1, in wrapping arithmetic.
        unsafe {
            atomic::add(&raw mut (*state).generation, 1);
            atomic::add(&raw mut (*state).moving, u64::MAX);
        }
    }
}

#[inline(always)]
fn volatile(word: &u64) -> u64 {
    // SAFETY: a reference is readable.
    unsafe { core::ptr::read_volatile(word) }
}

/// An inode's identity.
#[derive(Clone, Copy)]
pub struct Identity {
    pub ino: u64,
    pub dev: u32,
}

#[inline(always)]
pub fn identity(inode: u64) -> Identity {
    // Both stand close together: one read where they do.
    let (sb, ino): (u64, u64) = match offset!(inode_ino).wrapping_sub(offset!(inode_sb)) {
        24 => {
            let [sb, _, _, ino]: [u64; 4] = read::kernel(inode + offset!(inode_sb));
            (sb, ino)
        }
        _ => (
            read::kernel(inode + offset!(inode_sb)),
            read::kernel(inode + offset!(inode_ino)),
        ),
    };
    Identity {
        ino,
        dev: read::kernel(sb + offset!(sb_dev)),
    }
}

/// Of a directory on the same file system.
#[inline(always)]
fn identity_beside(inode: u64, beside: Identity) -> Identity {
    Identity {
        ino: read::kernel(inode + offset!(inode_ino)),
        dev: beside.dev,
    }
}

/// The bits of one object: a look at the filter, and rarely one into the map.
#[inline(always)]
fn bits_of(of: Identity) -> u32 {
    let at = filter_bit(of.ino, of.dev);
    let Some(word) = WATCH_FILTER.get(at >> 6) else {
        return 0;
    };
    if word >> (at & 63) & 1 == 0 {
        return 0;
    }
    let key = ObjectKey {
        ino: of.ino,
        dev: of.dev,
        zero: 0,
    };
    // SAFETY: copied at once.
    let bits = unsafe { WATCHED.get(key) }.copied().unwrap_or(0);
    bits | linked::bits(&key)
}

/// Does what is watched by its name go along with this directory?
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub fn is_on_way(of: Identity) -> bool {
    bits_of(of) != 0
}

/// What is known of a place.
#[derive(Clone, Copy)]
pub struct Found {
    pub reasons: u32,
    pub tree: Tree,
}

/// A directory that is watched with all below it; `ino` 0: none.
#[derive(Clone, Copy)]
pub struct Tree {
    pub ino: u64,
    pub dev: u32,
    /// Names between it and the place.
    pub levels: u32,
}

pub const NO_TREE: Tree = Tree {
    ino: 0,
    dev: 0,
    levels: 0,
};

/// A place with all that a look at it needs.
#[derive(Clone, Copy)]
pub struct Seen {
    pub place: Place,
    pub own: Identity,
    /// The directory that it is in.
    pub parent: u64,
    pub parent_own: Identity,
}

impl Seen {
    #[inline(always)]
    pub fn read(place: Place, own: Identity) -> Seen {
        let parent: u64 = read::kernel(place.dentry + offset!(dentry_parent));
        let inode: u64 = read::kernel(parent + offset!(dentry_inode));
        Seen {
            place,
            own,
            parent,
            parent_own: identity_beside(inode, own),
        }
    }
}

/// Why this file may be watched; `reasons` 0: it is not. `slot` is a large slot.
#[inline(always)]
pub fn look(state: &WatchState, slot: *mut u8, place: Place, own: Identity) -> Found {
    look_at(state, slot, Seen::read(place, own))
}

#[inline(always)]
pub fn look_at(state: &WatchState, slot: *mut u8, seen: Seen) -> Found {
    let Seen { place, own, .. } = seen;
    let mut reasons = 0;
    let bits = bits_of(own);
    if bits & bit::OBJECT != 0 {
        reasons |= reason::OBJECT;
    }
    if bits & bit::TREE != 0 {
        reasons |= reason::TREE;
    }
    let parent = Place {
        mnt: place.mnt,
        dentry: seen.parent,
    };
    let above = verdict(state, slot, parent, seen.parent_own);
    let mut tree = above.tree;
    tree.levels += 1;
    if above.bits & bit::TREE != 0 {
        reasons |= reason::TREE;
    } else if bits & bit::TREE != 0 {
        tree = Tree {
            ino: own.ino,
            dev: own.dev,
            levels: 0,
        };
    }
    if above.bits & bit::NAMES != 0 && bits_of_name(slot, seen.parent_own, place.dentry) != 0 {
        reasons |= reason::NAME;
    }
    Found { reasons, tree }
}

/// The bits of an entry's name in this directory. `slot` is a large slot: there is no room on the stack for a name.
#[inline(always)]
fn bits_of_name(slot: *mut u8, directory: Identity, dentry: u64) -> u32 {
    let length: u32 = read::kernel(dentry + offset!(dentry_len));
    let name: u64 = read::kernel(dentry + offset!(dentry_name));
    // SAFETY: a large slot, of this CPU and program.
    let key = unsafe { &mut scratch::state(slot).name_key };
    for word in key.iter_mut() {
        word.set(0);
    }
    let key = key.as_mut_ptr().cast::<NameKey>();
    let compared = if length as usize > NAME_COMPARED_BYTES {
        NAME_COMPARED_BYTES as u64
    } else {
        u64::from(length)
    };
    // SAFETY: the words are as many as the key has; at most the name's bytes, in a way that the verifier sees.
    unsafe {
        (&raw mut (*key).ino).write_volatile(directory.ino);
        (&raw mut (*key).dev).write_volatile(directory.dev);
        (&raw mut (*key).length).write_volatile(length);
        read::kernel_bytes((&raw mut (*key).name).cast(), mask!(compared, 0x3f), name);
        WATCHED_NAMES.get(&*key).copied().unwrap_or(0)
    }
}

/// The verdict on what is directly in this directory.
#[inline(always)]
pub fn directory(state: &WatchState, slot: *mut u8, at: Place) -> Above {
    let inode: u64 = read::kernel(at.dentry + offset!(dentry_inode));
    verdict(state, slot, at, identity(inode))
}

/// A verdict on a directory: what its entries may be watched by.
#[derive(Clone, Copy)]
pub struct Above {
    pub bits: u32,
    pub tree: Tree,
}

/// The verdict on a directory.
#[inline(always)]
fn verdict(state: &WatchState, slot: *mut u8, at: Place, own: Identity) -> Above {
    // SAFETY: a large slot.
    unsafe {
        let bits = kept_verdict(state, slot, at, own);
        let tree = walk::tree(slot);
        Above { bits, tree }
    }
}

/// The bits; the tree is left in the slot's walk.
///
/// # Safety
/// `slot` is a large slot.
#[inline(always)]
unsafe fn kept_verdict(state: &WatchState, slot: *mut u8, at: Place, own: Identity) -> u32 {
    let generation = volatile(&state.generation);
    let usable = volatile(&state.moving) == 0;
    let place = (at.dentry >> 6 ^ own.ino) as u32 & (VERDICTS - 1);
    let Some(kept) = VERDICT_CACHE.get_ptr_mut(cpu() * VERDICTS + place) else {
        // Not the tree of the event before.
        // SAFETY: the caller's.
        unsafe { walk::leave(slot, NO_TREE) };
        return bit::TREE;
    };
    // SAFETY: this CPU's slot of a live map value. A program that interrupts or preempts another may
    // write it in between: generation 0 goes first and the true one last, both volatile.
    unsafe {
        if usable
            && core::ptr::read_volatile(&raw const (*kept).generation) == generation
            && (*kept).dentry == at.dentry
            && (*kept).mnt == at.mnt
            && (*kept).ino == own.ino
            && (*kept).dev == own.dev
        {
            let tree = Tree {
                ino: (*kept).tree_ino,
                dev: (*kept).tree_dev,
                levels: (*kept).tree_levels,
            };
            walk::leave(slot, tree);
            return (*kept).bits;
        }
        // Not on the stack while it walks.
        let asked = &mut scratch::state(slot).verdict;
        let words = [
            if usable { generation } else { 0 },
            at.mnt,
            at.dentry,
            own.ino,
            own.dev.into(),
        ];
        for (word, value) in asked.iter_mut().zip(words) {
            word.set(value);
        }
        let bits = walk::walk(slot, at, own);
        let asked = &scratch::state(slot).verdict;
        let generation = asked[0].get();
        if generation != 0 && volatile(&state.moving) == 0 {
            let tree = walk::tree(slot);
            core::ptr::write_volatile(&raw mut (*kept).generation, 0);
            core::ptr::write_volatile(&raw mut (*kept).mnt, asked[1].get());
            core::ptr::write_volatile(&raw mut (*kept).dentry, asked[2].get());
            core::ptr::write_volatile(&raw mut (*kept).ino, asked[3].get());
            core::ptr::write_volatile(&raw mut (*kept).dev, asked[4].get() as u32);
            core::ptr::write_volatile(&raw mut (*kept).bits, bits);
            core::ptr::write_volatile(&raw mut (*kept).tree_ino, tree.ino);
            core::ptr::write_volatile(&raw mut (*kept).tree_dev, tree.dev);
            core::ptr::write_volatile(&raw mut (*kept).tree_levels, tree.levels);
            core::ptr::write_volatile(&raw mut (*kept).generation, generation);
        }
        bits
    }
}

/// May a name that begins so be a watched one? Told by its first bytes, as they were given.
#[inline(always)]
pub fn asked(name: u64, memory: Memory) -> bool {
    let mut begins = [0u8; ASKED_BYTES];
    // SAFETY: the length is the array's.
    let got = unsafe { read::string(begins.as_mut_ptr(), ASKED_BYTES as u32, name, memory) };
    if got <= 0 {
        return false;
    }
    if begins[0] == b'.' && begins[1] == b'.' {
        // It may lead anywhere.
        return true;
    }
    WATCH_ASKED
        .get(Key::new(8 * ASKED_BYTES as u32, begins))
        .is_some()
}
