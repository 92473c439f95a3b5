//! Per-CPU working memory, one slot for each (cpu, program): programs nest, slots never meet.
//!
//! Owns the two maps. `Array` with one slot per CPU, because per-CPU values end at 32 KiB. A
//! program cannot meet itself on its own CPU: the kernel skips and counts that.

use audit_common::{
    limits::{SCRATCH_BYTES, SCRATCH_EVENT_BYTES, SCRATCH_SMALL_BYTES},
    volume::NAME_WORDS,
    watch::NameKey,
};
use aya_ebpf::{helpers::bpf_get_smp_processor_id, macros::map, maps::Array};

use crate::settings::setting;

/// Programs with long tails, in slot order.
#[derive(Clone, Copy)]
pub enum Large {
    Exec = 0,
    ExecFailed = 1,
    FileOpen = 2,
    FileAct = 3,
    #[cfg(not(feature = "legacy"))]
    RingSubmitted = 4,
    /// All ends of requests: none of them can interrupt another one on its CPU.
    #[cfg(not(feature = "legacy"))]
    RingEnded = 5,
    /// Twins, where programs can be preempted.
    #[cfg(not(feature = "legacy"))]
    ExecFailedAgain = 6,
    #[cfg(not(feature = "legacy"))]
    FileOpenAgain = 7,
    #[cfg(not(feature = "legacy"))]
    FileActAgain = 8,
    /// On functions of the kernel.
    FileOpenInside = 9,
    FileOpenByHandle = 10,
    FileOpenRefused = 11,
    #[cfg(not(feature = "legacy"))]
    FileOpenInsideAgain = 12,
    /// Of all that look at the objects of acts: each takes one of the two.
    #[cfg(not(feature = "legacy"))]
    Object = 13,
    #[cfg(not(feature = "legacy"))]
    ObjectAgain = 14,
    #[cfg(not(feature = "legacy"))]
    FileReceived = 15,
    /// By the 32-bit entry, on a function.
    #[cfg(not(bpf_target_arch = "aarch64"))]
    FileOpenTreeNarrow = 16,
    /// By the 32-bit entry: slots of another map.
    FileOpenCompat = 0x100,
    FileActCompat = 0x101,
    /// Of privileges: slots of a map of their own.
    Privilege = 0x200,
    #[cfg(not(feature = "legacy"))]
    PrivilegeAgain = 0x201,
    /// By the 32-bit entry.
    PrivilegeCompat = 0x202,
}
/// Programs without.
#[derive(Clone, Copy)]
pub enum Small {
    Fork = 0,
    Exit = 1,
    CgroupCreated = 2,
    CgroupRemoved = 3,
    /// State changes of sockets.
    NetState = 4,
    /// System calls on sockets, with what loops over datagrams know.
    NetCalled = 5,
    /// The twin, where programs can be preempted.
    #[cfg(not(feature = "legacy"))]
    NetCalledAgain = 6,
    PrivilegeEnters = 7,
    #[cfg(not(feature = "legacy"))]
    PrivilegeEntersAgain = 8,
    PrivilegeClone = 9,
    Signal = 10,
    PrivilegeEntersCompat = 11,
    /// Sockets, on functions.
    NetConnectedInside = 12,
    NetAcceptedInside = 13,
    NetBoundNarrow = 14,
    NetBoundByRing = 15,
    NetListensNarrow = 16,
    NetListensByRing = 17,
    NetSentInside = 18,
    NetSentInsideV6 = 19,
    NetMadeInside = 20,
}

/// Sizes are set by the daemon: possible CPUs times programs that are there.
#[map]
static SCRATCH: Array<[u8; SCRATCH_BYTES]> = Array::with_max_entries(2, 0);
/// Of programs at the 32-bit entry, which few hosts need.
#[map]
static SCRATCH_COMPAT: Array<[u8; SCRATCH_BYTES]> = Array::with_max_entries(1, 0);
/// Of what is told of privileges.
#[map]
static SCRATCH_PRIVILEGE: Array<[u8; SCRATCH_BYTES]> = Array::with_max_entries(1, 0);
#[map]
static SCRATCH_SMALL: Array<[u8; SCRATCH_SMALL_BYTES]> = Array::with_max_entries(4, 0);

#[inline(always)]
pub fn cpu() -> u32 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_get_smp_processor_id() }
}

/// A number of a loop's state. It lives in the slot and not on the stack, and is read afresh each
/// time: to the verifier it is any number, so one turn of a loop looks like the next and a loop is
/// verified once.
#[repr(transparent)]
pub struct Word(u64);

impl Word {
    #[inline(always)]
    pub fn get(&self) -> u64 {
        // SAFETY: a reference is readable.
        unsafe { core::ptr::read_volatile(&raw const self.0) }
    }

    #[inline(always)]
    pub fn set(&mut self, value: u64) {
        // SAFETY: a reference is writable.
        unsafe { core::ptr::write_volatile(&raw mut self.0, value) }
    }
}

/// What a loop's callback gets: pointers may stand on the stack only.
pub struct Frame {
    pub slot: *mut u8,
}

/// The state of loops in a large slot.
#[repr(C)]
pub struct State {
    /// Where the next tail begins.
    pub position: Word,
    pub walk: [Word; 8],
    /// What a verdict is asked for, until it is kept.
    pub verdict: [Word; 5],
    pub search: [Word; 4],
    pub copy: [Word; 8],
    /// A name that equal ones may be folded with.
    pub name: [Word; NAME_WORDS],
    /// A name in a directory that is looked up among the watched ones.
    pub name_key: [Word; size_of::<NameKey>() / 8],
    /// What is known of the call that is told.
    pub asked: [Word; 9],
    /// Which slot it is, for functions that the verifier looks at by themselves: they take numbers only.
    number: Word,
    /// Programs that want this slot, where several share it.
    users: Word,
}

const _: () = assert!(SCRATCH_EVENT_BYTES + size_of::<State>() <= SCRATCH_BYTES);

/// The state in this slot.
///
/// # Safety
/// `slot` is a large slot, and no other reference to its state lives.
#[inline(always)]
pub unsafe fn state<'a>(slot: *mut u8) -> &'a mut State {
    // SAFETY: the caller's; the slot is SCRATCH_BYTES long and aligned.
    unsafe { &mut *slot.add(SCRATCH_EVENT_BYTES).cast::<State>() }
}

/// The address as a number: the verifier lets nobody calculate with what it takes for a pointer.
/// `slot` is a large slot in which nothing is written yet.
#[inline(always)]
pub fn plain(slot: *mut u8, pointer: u64) -> u64 {
    // SAFETY: a large slot, of this CPU and program.
    let word = unsafe { &mut state(slot).position };
    word.set(pointer);
    word.get()
}

/// How many programs want this slot.
///
/// # Safety
/// `slot` is a large slot.
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub unsafe fn users(slot: *mut u8) -> *mut u64 {
    // SAFETY: the caller's; the slot is SCRATCH_BYTES long and aligned.
    unsafe { (&raw mut (*slot.add(SCRATCH_EVENT_BYTES).cast::<State>()).users).cast() }
}

/// [`SCRATCH_BYTES`] bytes.
#[inline(always)]
pub fn large(program: Large) -> Option<*mut u8> {
    let slot = match program {
        Large::FileOpenCompat => SCRATCH_COMPAT.get_ptr_mut(cpu()),
        Large::FileActCompat => SCRATCH_COMPAT.get_ptr_mut(setting!(cpus) + cpu()),
        Large::Privilege => SCRATCH_PRIVILEGE.get_ptr_mut(cpu()),
        #[cfg(not(feature = "legacy"))]
        Large::PrivilegeAgain => SCRATCH_PRIVILEGE.get_ptr_mut(setting!(cpus) + cpu()),
        Large::PrivilegeCompat => SCRATCH_PRIVILEGE.get_ptr_mut(2 * setting!(cpus) + cpu()),
        _ => SCRATCH.get_ptr_mut(program as u32 * setting!(cpus) + cpu()),
    };
    let slot: *mut u8 = slot?.cast();
    // SAFETY: a large slot, of this CPU and program.
    unsafe { state(slot) }.number.set(program as u64);
    Some(slot)
}

/// Which slot this is.
///
/// # Safety
/// `slot` is a large slot.
#[inline(always)]
pub unsafe fn number(slot: *mut u8) -> u32 {
    // SAFETY: the caller's.
    unsafe { state(slot) }.number.get() as u32
}

/// The slot of that number on this CPU.
#[inline(always)]
pub fn numbered(number: u32) -> Option<*mut u8> {
    let at = (number & 0xff) * setting!(cpus) + cpu();
    let slot = match number >> 8 {
        0 => SCRATCH.get_ptr_mut(at),
        1 => SCRATCH_COMPAT.get_ptr_mut(at),
        _ => SCRATCH_PRIVILEGE.get_ptr_mut(at),
    };
    slot.map(|slot| slot.cast())
}

/// [`SCRATCH_SMALL_BYTES`] bytes.
#[inline(always)]
pub fn small(program: Small) -> Option<*mut u8> {
    SCRATCH_SMALL
        .get_ptr_mut(program as u32 * setting!(cpus) + cpu())
        .map(|slot| slot.cast())
}
