//! The physical walk up from a directory: what above it is watched with all below.
//!
//! Owns one walk. It goes to the file system's root whatever part of it is mounted, and then on from
//! where that mount stands.

use audit_common::watch::bit;

use super::{Identity, Tree, bits_of, bits_of_name};
use crate::{
    path::Place,
    read,
    scratch::{self, Frame, Word},
    settings::offset,
};

/// One walk under way, in the slot's state.
#[repr(C)]
struct Walk {
    mnt: Word,
    dentry: Word,
    dev: Word,
    found: Word,
    /// 1 when it has come to its end.
    over: Word,
    /// Names gone up so far.
    levels: Word,
    /// Where TREE was found, by what it is.
    tree_ino: Word,
    tree_dev: Word,
}

/// # Safety
/// As for [`scratch::state`].
#[inline(always)]
unsafe fn under_way<'a>(slot: *mut u8) -> &'a mut Walk {
    const _: () = assert!(size_of::<Walk>() == 8 * size_of::<Word>());
    // SAFETY: the caller's; the state has eight words for it.
    unsafe { &mut *(&raw mut scratch::state(slot).walk).cast::<Walk>() }
}

/// The bits that it found; the tree is left in the slot.
///
/// # Safety
/// `slot` is a large slot.
#[inline(always)]
pub unsafe fn walk(slot: *mut u8, from: Place, own: Identity) -> u32 {
    // SAFETY: the caller's.
    let walk = unsafe { under_way(slot) };
    walk.mnt.set(from.mnt);
    walk.dentry.set(from.dentry);
    walk.dev.set(u64::from(own.dev));
    // Names are the directory's own matter, trees that of everything above as well.
    walk.levels.set(0);
    walk.found.set(0);
    walk.tree_ino.set(0);
    walk.tree_dev.set(0);
    add(
        walk,
        bits_of(own) & (bit::TREE | bit::NAMES | bit::WAY),
        own,
    );
    walk.over.set(0);
    // SAFETY: the caller's.
    watch_walk(unsafe { scratch::number(slot) });
    match walk.over.get() {
        1 => walk.found.get() as u32,
        _ => bit::TREE | bit::NAMES,
    }
}

/// The walk that was begun in this slot. A function that the verifier looks at once for itself, whatever its callers
/// know: inlined it is most of what they cost to verify.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn watch_walk(slot: u32) -> u64 {
    if let Some(slot) = scratch::numbered(slot) {
        levels::follow(&mut Frame { slot });
    }
    0
}

/// Leaves a tree there as the last walk's.
///
/// # Safety
/// As for [`scratch::state`].
#[inline(always)]
pub unsafe fn leave(slot: *mut u8, tree: Tree) {
    // SAFETY: the caller's.
    let walk = unsafe { under_way(slot) };
    walk.tree_ino.set(tree.ino);
    walk.tree_dev.set(tree.dev.into());
    walk.levels.set(tree.levels.into());
}

/// The last walk's tree.
///
/// # Safety
/// As for [`scratch::state`].
#[inline(always)]
pub unsafe fn tree(slot: *mut u8) -> Tree {
    // SAFETY: the caller's.
    let walk = unsafe { under_way(slot) };
    Tree {
        ino: walk.tree_ino.get(),
        dev: walk.tree_dev.get() as u32,
        levels: walk.levels.get() as u32,
    }
}

/// Adds what is known of a directory by what it is.
#[inline(always)]
fn add(walk: &mut Walk, bits: u32, of: Identity) {
    const _: () = assert!(bit::TREE == 1 << 1);
    walk.found.set(walk.found.get() | u64::from(bits));
    let chosen = read::all_if(u64::from(bits >> 1 & 1));
    let ino = walk.tree_ino.get() & !chosen | of.ino & chosen;
    let dev = walk.tree_dev.get() & !chosen | u64::from(of.dev) & chosen;
    walk.tree_ino.set(ino);
    walk.tree_dev.set(dev);
}

/// One level up; true when the walk is over.
#[inline(always)]
fn step(slot: *mut u8) -> bool {
    // SAFETY: a large slot: `follow` is called by `walk` only.
    let walk = unsafe { under_way(slot) };
    let over = up(slot, walk);
    walk.over.set(u64::from(over));
    over
}

#[inline(always)]
fn up(slot: *mut u8, walk: &mut Walk) -> bool {
    let found = walk.found.get();
    if found & u64::from(bit::TREE) != 0 {
        return true;
    }
    let dentry = walk.dentry.get();
    let parent: u64 = read::kernel(dentry + offset!(dentry_parent));
    let within = parent != dentry;
    let to = match within {
        true => parent,
        false => match mount_point(walk) {
            0 => return true,
            mount_point => mount_point,
        },
    };
    let inode: u64 = read::kernel(to + offset!(dentry_inode));
    if !within {
        let sb: u64 = read::kernel(inode + offset!(inode_sb));
        walk.dev
            .set(u64::from(read::kernel::<u32>(sb + offset!(sb_dev))));
    }
    // Asked in one place, for there is room on the stack for one question.
    let at = Identity {
        ino: read::kernel(inode + offset!(inode_ino)),
        dev: walk.dev.get() as u32,
    };
    let bits = bits_of(at);
    walk.levels.set(walk.levels.get() + u64::from(within));
    add(walk, bits & bit::TREE, at);
    if within && bits & bit::NAMES != 0 {
        let of_name = u64::from(bits_of_name(slot, at, dentry) & bit::TREE);
        walk.found.set(walk.found.get() | of_name);
    }
    walk.dentry.set(to);
    false
}

/// Goes on from where this mount stands, by its dentry; 0: it stands nowhere.
#[inline(always)]
fn mount_point(walk: &mut Walk) -> u64 {
    let mount = walk.mnt.get().wrapping_sub(offset!(mount_mnt));
    let above: u64 = read::kernel(mount + offset!(mount_parent));
    if above == mount || above == 0 {
        return 0;
    }
    walk.mnt.set(above + offset!(mount_mnt));
    read::kernel(mount + offset!(mount_mountpoint))
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
