//! What the daemon tells the kernel programs of watches: keys, bits and the shared state.
//!
//! Owns the layouts of the watch maps. The kernel may match too much, never too little: what it lets
//! through is decided again by the daemon.

/// A directory or file, as the kernel knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct ObjectKey {
    pub ino: u64,
    /// major << 20 | minor
    pub dev: u32,
    pub zero: u32,
}

/// Values of the map of objects, any of them together.
pub mod bit {
    /// The object itself is watched.
    pub const OBJECT: u32 = 1 << 0;
    /// Everything below this directory may be.
    pub const TREE: u32 = 1 << 1;
    /// This directory has watched names.
    pub const NAMES: u32 = 1 << 2;
    /// This directory is on the way to something watched: a name that is not there may have been.
    pub const WAY: u32 = 1 << 3;
}

/// Room for a name.
pub const NAME_KEY_BYTES: usize = 64;
/// Bytes of a name that are compared; a longer one counts as equal if these and the length are.
pub const NAME_COMPARED_BYTES: usize = 63;

/// A watched name in a directory, there or not. Its value: [`bit::OBJECT`] for what has this name,
/// [`bit::TREE`] for all below it as well, so that a directory put in the place of another is not
/// missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(C)]
pub struct NameKey {
    pub ino: u64,
    pub dev: u32,
    pub length: u32,
    pub name: [u8; NAME_KEY_BYTES],
}

/// Objects that got another name a moment ago, at most.
pub const LINKED_MAX: u32 = 4096;

/// Bits of the filter before the map of objects.
pub const FILTER_BITS: u32 = 1 << 20;
pub const FILTER_WORDS: u32 = FILTER_BITS / 64;

/// The filter's bit for an object.
#[inline(always)]
pub const fn filter_bit(ino: u64, dev: u32) -> u32 {
    let mixed = (ino ^ (dev as u64) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 44) as u32
}

const _: () = assert!(1u64 << (64 - 44) == FILTER_BITS as u64);

/// The beginning of a name that was asked for, compared by prefix.
pub const ASKED_BYTES: usize = 56;

/// One slot of the verdict cache; `generation` is 0 while it is being written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Verdict {
    pub generation: u64,
    pub dentry: u64,
    pub mnt: u64,
    pub ino: u64,
    pub dev: u32,
    pub bits: u32,
    /// The directory whose TREE bit it is, and how many names the slot's directory is below it. 0: it is
    /// watched by a name only.
    pub tree_ino: u64,
    pub tree_dev: u32,
    pub tree_levels: u32,
}

/// Slots of the cache, per CPU.
pub const VERDICTS: u32 = 1024;

/// `WatchState::active`
pub mod active {
    /// Something is watched.
    pub const ANY: u64 = 1 << 0;
    /// A watch wants to know when times are set.
    pub const TIMES: u64 = 1 << 1;
}

/// Shared state, one value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct WatchState {
    /// Any change of what is where, or of what is watched, gives another one; never 0.
    pub generation: u64,
    /// Renames and mounts under way: verdicts are neither used nor kept meanwhile.
    pub moving: u64,
    /// The daemon itself: its own opens are not its business.
    pub self_tgid: u64,
    /// Of the bits in [`active`]; 0: nothing is watched at all.
    pub active: u64,
    /// Not 0 while a canary acts: then times are looked at, whatever `active` says, and nothing limits how
    /// much that canary may send.
    pub probed: u64,
    /// From when on links count: the daemon has looked since at what was linked before.
    pub linked_since_ns: u64,
    /// The last daemon that had a canary, and its last canary: what they did may be read only by the
    /// next daemon.
    pub daemon: ProcessWords,
    pub canary: ProcessWords,
}

/// A process by its pid and the clock tick in which it started; the kernel programs read the pid alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct ProcessWords {
    pub pid: u64,
    pub tick: u64,
}
