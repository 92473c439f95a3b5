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

use audit_common::{
    file_open::reason,
    watch::{
        ASKED_BYTES, FILTER_WORDS, NAME_COMPARED_BYTES, NAME_KEY_BYTES, NameKey, ObjectKey,
        VERDICTS, Verdict, WatchState, bit, filter_bit,
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
    read::{self, mask},
    scratch::{self, Frame, Word, cpu},
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

/// The shared state; `None` while nothing is watched.
#[inline(always)]
pub fn state() -> Option<&'static WatchState> {
    // SAFETY: a live map value; words are changed one by one by the daemon, and read volatile.
    let state = unsafe { &*WATCH_STATE.get_ptr(0)? };
    (volatile(&state.active) != 0).then_some(state)
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

#[inline(always)]
pub fn is_oneself(state: &WatchState, tgid: u32) -> bool {
    volatile(&state.self_tgid) == u64::from(tgid)
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
    unsafe { WATCHED.get(key) }.copied().unwrap_or(0)
}

/// What is known of an opened place.
pub struct Found {
    pub reasons: u32,
    pub parent_ino: u64,
}

/// Why this file may be watched; `reasons` 0: it is not. `slot` is a large slot.
#[inline(always)]
pub fn look(state: &WatchState, slot: *mut u8, place: Place, own: Identity) -> Found {
    let mut reasons = 0;
    let bits = bits_of(own);
    if bits & bit::OBJECT != 0 {
        reasons |= reason::OBJECT;
    }
    if bits & bit::TREE != 0 {
        reasons |= reason::TREE;
    }
    let above: u64 = read::kernel(place.dentry + offset!(dentry_parent));
    let parent = Place {
        mnt: place.mnt,
        dentry: above,
    };
    let inode: u64 = read::kernel(parent.dentry + offset!(dentry_inode));
    let inode = identity_beside(inode, own);
    let bits = verdict(state, slot, parent, inode);
    if bits & bit::TREE != 0 {
        reasons |= reason::TREE;
    }
    if bits & bit::NAMES != 0 && bits_of_name(inode, place.dentry) != 0 {
        reasons |= reason::NAME;
    }
    Found {
        reasons,
        parent_ino: inode.ino,
    }
}

/// The bits of an entry's name in this directory.
#[inline(always)]
fn bits_of_name(directory: Identity, dentry: u64) -> u32 {
    let length: u32 = read::kernel(dentry + offset!(dentry_len));
    let name: u64 = read::kernel(dentry + offset!(dentry_name));
    let mut key = NameKey {
        ino: directory.ino,
        dev: directory.dev,
        length,
        name: [0; NAME_KEY_BYTES],
    };
    let compared = if length as usize > NAME_COMPARED_BYTES {
        NAME_COMPARED_BYTES as u64
    } else {
        u64::from(length)
    };
    // SAFETY: at most the key's bytes, in a way that the verifier sees.
    unsafe {
        read::kernel_bytes(key.name.as_mut_ptr(), mask!(compared, 0x3f), name);
        WATCHED_NAMES.get(&key).copied().unwrap_or(0)
    }
}

/// The verdict on what is directly in this directory.
#[inline(always)]
pub fn directory(state: &WatchState, slot: *mut u8, at: Place) -> u32 {
    let inode: u64 = read::kernel(at.dentry + offset!(dentry_inode));
    verdict(state, slot, at, identity(inode))
}

#[inline(always)]
fn verdict(state: &WatchState, slot: *mut u8, at: Place, own: Identity) -> u32 {
    let generation = volatile(&state.generation);
    let usable = volatile(&state.moving) == 0;
    let place = (at.dentry >> 6 ^ own.ino) as u32 & (VERDICTS - 1);
    let Some(kept) = VERDICT_CACHE.get_ptr_mut(cpu() * VERDICTS + place) else {
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
            return (*kept).bits;
        }
        let bits = walk(slot, at, own);
        if usable && volatile(&state.moving) == 0 {
            core::ptr::write_volatile(&raw mut (*kept).generation, 0);
            core::ptr::write_volatile(&raw mut (*kept).dentry, at.dentry);
            core::ptr::write_volatile(&raw mut (*kept).mnt, at.mnt);
            core::ptr::write_volatile(&raw mut (*kept).ino, own.ino);
            core::ptr::write_volatile(&raw mut (*kept).dev, own.dev);
            core::ptr::write_volatile(&raw mut (*kept).bits, bits);
            core::ptr::write_volatile(&raw mut (*kept).generation, generation);
        }
        bits
    }
}

/// One walk under way, in the slot's state.
#[repr(C)]
struct Walk {
    mnt: Word,
    dentry: Word,
    dev: Word,
    found: Word,
    /// 1 when it has come to its end.
    over: Word,
    unused: [Word; 3],
}

/// # Safety
/// As for [`scratch::state`].
#[inline(always)]
unsafe fn under_way<'a>(slot: *mut u8) -> &'a mut Walk {
    const _: () = assert!(size_of::<Walk>() == 8 * size_of::<Word>());
    // SAFETY: the caller's; the state has eight words for it.
    unsafe { &mut *(&raw mut scratch::state(slot).walk).cast::<Walk>() }
}

/// # Safety
/// `slot` is a large slot.
#[inline(always)]
unsafe fn walk(slot: *mut u8, from: Place, own: Identity) -> u32 {
    // SAFETY: the caller's.
    let walk = unsafe { under_way(slot) };
    walk.mnt.set(from.mnt);
    walk.dentry.set(from.dentry);
    walk.dev.set(u64::from(own.dev));
    // Names are the directory's own matter, trees that of everything above as well.
    walk.found.set(u64::from(
        bits_of(own) & (bit::TREE | bit::NAMES | bit::WAY),
    ));
    walk.over.set(0);
    levels::follow(&mut Frame { slot });
    match walk.over.get() {
        1 => walk.found.get() as u32,
        _ => bit::TREE | bit::NAMES,
    }
}

/// One level up; true when the walk is over.
#[inline(always)]
fn step(slot: *mut u8) -> bool {
    // SAFETY: a large slot: `follow` is called by `walk` only.
    let walk = unsafe { under_way(slot) };
    let over = up(walk);
    walk.over.set(u64::from(over));
    over
}

#[inline(always)]
fn up(walk: &mut Walk) -> bool {
    let found = walk.found.get();
    if found & u64::from(bit::TREE) != 0 {
        return true;
    }
    let dentry = walk.dentry.get();
    let parent: u64 = read::kernel(dentry + offset!(dentry_parent));
    if parent != dentry {
        let inode: u64 = read::kernel(parent + offset!(dentry_inode));
        let above = Identity {
            ino: read::kernel(inode + offset!(inode_ino)),
            dev: walk.dev.get() as u32,
        };
        let mut bits = bits_of(above);
        if bits & bit::NAMES != 0 {
            bits |= bits_of_name(above, dentry);
        }
        walk.found.set(found | u64::from(bits & bit::TREE));
        walk.dentry.set(parent);
        return false;
    }
    let mnt = walk.mnt.get();
    let mount = mnt.wrapping_sub(offset!(mount_mnt));
    let above: u64 = read::kernel(mount + offset!(mount_parent));
    if above == mount || above == 0 {
        return true;
    }
    let dentry = read::kernel(mount + offset!(mount_mountpoint));
    let inode: u64 = read::kernel(dentry + offset!(dentry_inode));
    let at = identity(inode);
    walk.found.set(found | u64::from(bits_of(at) & bit::TREE));
    walk.dev.set(u64::from(at.dev));
    walk.dentry.set(dentry);
    walk.mnt.set(above + offset!(mount_mnt));
    false
}

/// May a name that begins so be a watched one? Told by its first bytes, as they were given.
#[inline(always)]
pub fn asked(name: u64) -> bool {
    let mut begins = [0u8; ASKED_BYTES];
    // SAFETY: the length is the array's.
    let got = unsafe { read::user_string(begins.as_mut_ptr(), ASKED_BYTES as u32, name) };
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

#[cfg(not(feature = "legacy"))]
mod levels {
    use core::ffi::c_void;

    use audit_common::limits::PATH_LEVELS_MAX;

    use super::{Frame, step};
    use crate::read;

    extern "C" fn level(_index: u64, frame: *mut c_void) -> i64 {
        // SAFETY: `follow` passes a frame on its own stack.
        i64::from(step(unsafe { (*frame.cast::<Frame>()).slot }))
    }

    #[inline(always)]
    pub fn follow(frame: &mut Frame) {
        read::repeat(PATH_LEVELS_MAX, level, frame);
    }
}

#[cfg(feature = "legacy")]
mod levels {
    use audit_common::limits::WATCH_LEVELS_MAX_LEGACY;

    use super::{Frame, step};

    #[inline(always)]
    pub fn follow(frame: &mut Frame) {
        for _ in 0..WATCH_LEVELS_MAX_LEGACY {
            if step(frame.slot) {
                return;
            }
        }
    }
}
