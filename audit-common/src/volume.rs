//! What keeps one program from filling the bulk lane: three tables (quiet processes, repeats, rates) that
//! kernel programs and daemon share by mapped memory, and their settings.
//!
//! Owns their layouts, all of 64-bit words. No table is ever searched: a key has one slot, and where that
//! is taken by another key nothing is left out. In doubt an event is sent.

use crate::header::Header;

/// Settings, one value; written by the daemon only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct VolumeSettings {
    /// Equal acts within so long of the first are counted instead of sent; 0: never.
    pub fold_ns: u64,
    /// Whether opens for writing are folded, too.
    pub fold_writes: u64,
    /// Whether opens that failed are folded, too.
    pub fold_failures: u64,
    /// Events that a process may send in a second; 0: any number.
    pub rate: u64,
    /// Quiet processes of another policy than this are none.
    pub policy: u64,
}

/// Slots of the table of quiet processes.
pub const QUIETS: u32 = 1024;
const SUBJECT_WORDS: usize = 8;

/// Who acts, in all that an exception can be about, and in what could make it another one.
pub type SubjectKey = [u64; SUBJECT_WORDS];

/// Gives the words of the key of an event's process, one after the other: together they would be much of
/// a kernel program's stack. `exec_id` counts its execs.
#[inline(always)]
pub fn subject(header: &Header, exec_id: u32, mut each: impl FnMut(usize, u64)) {
    let pair = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
    each(0, pair(header.tgid, header.uid));
    each(1, header.start_ns);
    each(2, pair(exec_id, header.flags));
    each(3, header.cgroup);
    each(4, header.cgroup_v1);
    each(5, pair(header.mnt_ns, header.pid_ns));
    each(6, pair(header.user_ns, header.euid));
    each(7, header.cap_effective);
}

/// The slot of a process.
#[inline(always)]
pub const fn process_slot(tgid: u32, start_ns: u64, slots: u32) -> u32 {
    let mixed = (start_ns ^ (tgid as u64) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 40) as u32 & (slots - 1)
}

/// A process whose acts every watch excludes, as the daemon has found. Written by the daemon only, `until`
/// last; while that is 0 the rest says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Quiet {
    /// CLOCK_BOOTTIME.
    pub until_ns: u64,
    pub policy: u64,
    /// [`QUIET_READS`] or [`QUIET_ALL`]
    pub what: u64,
    pub subject: SubjectKey,
}

/// Successful opens for reading.
pub const QUIET_READS: u64 = 1;
/// Whatever it does to files.
pub const QUIET_ALL: u64 = 2;

/// Slots of the table of repeats, for each CPU.
pub const REPEATS: u32 = 256;
/// Words of an open's event behind the time: all that its record tells.
pub const OPEN_WORDS: usize = 23;
/// Bytes of an open's event before them.
pub const OPEN_BEGIN: usize = 24;
/// The word that holds CPU and strand beside the flags, which alone count.
pub const OPEN_CPU_WORD: usize = 4;
/// Its place: name, directory and mount.
pub const PLACE_WORDS: usize = 4;
/// Where a name that could not be opened starts from, beside the place: the directory's identity, and the
/// process's root.
pub const START_WORDS: usize = 4;
/// That name, with its NUL; longer ones are not folded.
pub const NAME_WORDS: usize = 16;
pub const NAME_BYTES: usize = 8 * NAME_WORDS;

/// An act that was sent and may come again. Written by the kernel, but for `reported`. Free for another
/// act when its time is over and all is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Repeat {
    /// Programs that are at it: only the first may be.
    pub busy: u64,
    /// `Header::time_ns` of the event that was sent.
    pub born_ns: u64,
    /// How many were counted since then.
    pub count: u64,
    /// How many of them the daemon has recorded.
    pub reported: u64,
    /// The first and the last of those that were counted.
    pub first_ns: u64,
    pub last_ns: u64,
    pub open: [u64; OPEN_WORDS],
    /// Of an open that failed, the directory that its name starts from.
    pub place: [u64; PLACE_WORDS],
    /// Of an open that failed; of others this and the name are not looked at.
    pub start: [u64; START_WORDS],
    pub name: [u64; NAME_WORDS],
}

/// Slots of the table of rates.
pub const RATES: u32 = 1024;

/// What a process has sent in a second, and what it was not allowed to. Written by the kernel, but for
/// `reported`. Free for another process when its second is over and all is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Rate {
    /// Process: tgid << 32 | lowest bits of its start, the lowest set; 0: nobody's.
    pub owner: u64,
    pub start_ns: u64,
    pub second: u64,
    pub used: u64,
    /// Events that were left out, and how many of them the daemon has told of.
    pub excess: u64,
    pub reported: u64,
}

/// `Rate::owner` of a process: one word, so that it is never half of two.
#[inline(always)]
pub const fn owner(tgid: u32, start_ns: u64) -> u64 {
    (tgid as u64) << 32 | start_ns & 0xffff_ffff | 1
}
