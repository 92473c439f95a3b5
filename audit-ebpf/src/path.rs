//! The one path walk: from a (mount, dentry) up to the process's root, names leaf first.
//!
//! Owns the walk. It crosses mounts as the process sees them; where it meets a file system's
//! topmost root without having met the process's root (a lazily unmounted or outside directory) the
//! path is marked DETACHED. Beyond `PATH_LEVELS_MAX` levels or `PATH_BYTES_MAX` bytes the root end
//! is lost and the tail is marked TRUNCATED, counted on as far as the levels go.

use audit_common::{
    events::tail_flag,
    limits::{NAME_BYTES_MAX, PATH_BYTES_MAX},
};

use crate::{
    read::{self, mask},
    scratch::{self, Frame, Word},
    settings::offset,
    tails::Tails,
};

/// A place in the tree, as `struct path` has it.
#[derive(Clone, Copy)]
pub struct Place {
    pub mnt: u64,
    pub dentry: u64,
}

impl Place {
    /// Reads a `struct path` of kernel memory.
    #[inline(always)]
    pub fn read(path: u64) -> Place {
        if offset!(path_mnt) == 0 && offset!(path_dentry) == 8 {
            let [mnt, dentry] = read::kernel(path);
            return Place { mnt, dentry };
        }
        Place {
            mnt: read::kernel(path + offset!(path_mnt)),
            dentry: read::kernel(path + offset!(path_dentry)),
        }
    }
}

/// One walk under way, in the slot's state.
#[repr(C)]
struct Walk {
    mnt: Word,
    dentry: Word,
    root_mnt: Word,
    root_dentry: Word,
    /// Offset in the slot where the names go.
    to: Word,
    /// Bytes stored so far.
    stored: Word,
    /// Bytes that there were, in stored form.
    original: Word,
    /// One of the constants below.
    end: Word,
}

const UNDER_WAY: u64 = 0;
const MET_ROOT: u64 = 1;
const DETACHED: u64 = 2;

/// # Safety
/// As for [`scratch::state`].
#[inline(always)]
unsafe fn walk<'a>(slot: *mut u8) -> &'a mut Walk {
    const _: () = assert!(size_of::<Walk>() == 8 * size_of::<Word>());
    // SAFETY: the caller's; the state has eight words for it.
    unsafe { &mut *(&raw mut scratch::state(slot).walk).cast::<Walk>() }
}

/// Appends the path of `place` as seen from `root` as a tail.
#[inline(always)]
pub fn push(tails: Tails, tag: u16, place: Place, root: Place) {
    // SAFETY: a large slot, by construction of `Tails`.
    let walk = unsafe { walk(tails.slot) };
    walk.mnt.set(place.mnt);
    walk.dentry.set(place.dentry);
    walk.root_mnt.set(root.mnt);
    walk.root_dentry.set(root.dentry);
    walk.to.set(tails.content_at());
    walk.stored.set(0);
    walk.original.set(0);
    walk.end.set(UNDER_WAY);
    // SAFETY: as above.
    path_walk(unsafe { scratch::number(tails.slot) });
    let (stored, original, end) = (walk.stored.get(), walk.original.get(), walk.end.get());
    let mut flags = 0;
    if end == DETACHED {
        flags |= tail_flag::DETACHED;
    }
    if end == UNDER_WAY {
        flags |= tail_flag::TRUNCATED | tail_flag::UNCOUNTED;
    } else if original != stored {
        flags |= tail_flag::TRUNCATED;
    }
    tails.push(tag, flags, mask!(stored, 0x1fff), original);
}

/// The walk that was begun in this slot. A function that the verifier looks at once for itself, whatever its callers
/// know.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn path_walk(slot: u32) -> u64 {
    if let Some(slot) = scratch::numbered(slot) {
        levels::follow(&mut Frame { slot });
    }
    0
}

/// Appends the path of a dentry up to its file system's root, whatever is mounted where.
#[inline(always)]
pub fn push_on_disk(tails: Tails, tag: u16, dentry: u64) {
    // A mount that no walk meets: it ends, without a name of its own, at the topmost dentry.
    push(
        tails,
        tag,
        Place { mnt: 0, dentry },
        Place { mnt: 0, dentry: 0 },
    );
}

/// One level up; true when the walk is over.
#[inline(always)]
fn step(slot: *mut u8) -> bool {
    // SAFETY: a large slot: `follow` is called by `push` only.
    let walk = unsafe { walk(slot) };
    let (mnt, dentry) = (walk.mnt.get(), walk.dentry.get());
    if dentry == walk.root_dentry.get() && mnt == walk.root_mnt.get() {
        walk.end.set(MET_ROOT);
        return true;
    }
    let mount_root: u64 = read::kernel(mnt + offset!(vfsmount_root));
    let parent: u64 = read::kernel(dentry + offset!(dentry_parent));
    if mnt == 0 && dentry == parent {
        walk.end.set(MET_ROOT);
        return true;
    }
    if dentry == mount_root || dentry == parent {
        let mount = mnt.wrapping_sub(offset!(mount_mnt));
        let above: u64 = read::kernel(mount + offset!(mount_parent));
        if above == mount || above == 0 || dentry != mount_root {
            walk.end.set(DETACHED);
            // What has no place in any tree (memfd and the like) still has a name.
            if dentry == parent && walk.original.get() == 0 {
                name(walk, slot, dentry);
            }
            return true;
        }
        walk.dentry
            .set(read::kernel(mount + offset!(mount_mountpoint)));
        walk.mnt.set(above + offset!(mount_mnt));
        return false;
    }
    name(walk, slot, dentry);
    walk.dentry.set(parent);
    false
}

#[inline(always)]
fn name(walk: &mut Walk, slot: *mut u8, dentry: u64) {
    let length: u32 = read::kernel(dentry + offset!(dentry_len));
    let from: u64 = read::kernel(dentry + offset!(dentry_name));
    let length = mask!(u64::from(length), 0xff);
    let original = walk.original.get() + length + 1;
    walk.original.set(original);
    if original > (PATH_BYTES_MAX + NAME_BYTES_MAX) as u64 {
        return;
    }
    let stored = walk.stored.get();
    let at = mask!(walk.to.get() + stored, 0xffff);
    // SAFETY: masked to EVENT_BYTES_MAX; a slot is longer than that by more than a name.
    unsafe {
        *slot.add(at as usize) = length as u8;
        read::kernel_bytes(slot.add(at as usize + 1), length, from);
    }
    walk.stored.set(stored + 1 + length);
}

/// The loop by helper: verified once, whatever the number of levels.
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

/// The loop that the verifier follows level by level.
#[cfg(feature = "legacy")]
mod levels {
    use audit_common::limits::PATH_LEVELS_MAX_LEGACY;

    use super::{Frame, step};

    #[inline(always)]
    pub fn follow(frame: &mut Frame) {
        for _ in 0..PATH_LEVELS_MAX_LEGACY {
            if step(frame.slot) {
                return;
            }
        }
    }
}
