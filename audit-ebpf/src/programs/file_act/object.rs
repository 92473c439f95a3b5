//! The objects of an act, by the kernel's own pointers in the moment before it is done: no name is
//! followed again, and no string or descriptor can be changed in between.
//!
//! Owns what is kept from there to the act's end. The functions are those that ask security modules;
//! each is reached when all names are found, so what fails before is told by its names alone. The end
//! is the exit of the system call; where there is none that is hooked (calls of 32 bits), it is
//! the function that does the act (`ends`). Must not tell what io_uring's own hooks tell.
//!
//! These programs can be preempted, so they share two slots of working memory that each take for
//! themselves; who finds both taken leaves the act to its names.

use audit_common::{
    events::tag,
    file_act::{FileAct, call, flag},
    file_open::reason,
    header,
    limits::ACTS_MAX,
    watch::WatchState,
};
use aya_ebpf::{macros::map, maps::HashMap};

use super::{begin::begin, calls, shape};
use crate::{
    arch, atomic,
    kept::{self, EVENT_BYTES, Kept},
    path::{self, Place},
    programs::{
        exec_failed::registers,
        way::{self, Way},
    },
    read::{self, Memory},
    scratch::{self, Large},
    settings::{offset, setting},
    tails::Tails,
    task,
    watch::{self, Found, Seen},
};

/// Acts under way, by task.
#[map]
static ACTS: HashMap<u64, Kept> = HashMap::with_max_entries(ACTS_MAX, 0);
/// Tasks whose act is nobody's business.
#[map]
static UNWATCHED: HashMap<u64, u64> = HashMap::with_max_entries(8192, 0);

/// What is kept beside the event.
#[repr(C)]
pub struct Notes {
    /// Bytes of the event.
    pub size: u64,
    pub dentry: u64,
    pub parent: u64,
    /// 1: no exit of a system call will take it.
    pub ends_inside: u64,
    /// The call that it was made in, and its first arguments.
    call: [u64; 4],
}

/// What tells one call of a task from another, as far as anything does.
#[inline(always)]
fn call_of(task: u64) -> [u64; 4] {
    let regs = registers(task);
    [
        arch::number(regs),
        arch::argument::<0>(regs),
        arch::argument::<1>(regs),
        arch::argument::<2>(regs),
    ]
}

/// Is what stands in the slot of this very call? Another task may have had this address, and a call whose end
/// was not seen leaves what it kept behind.
#[inline(always)]
fn is_of_now(task: u64, slot: *mut u8) -> bool {
    // SAFETY: `copy` has put both there.
    let (event, notes) = unsafe { (&*slot.cast::<FileAct>(), kept::notes::<Notes>(slot)) };
    let now = call_of(task);
    let differs = (notes.call[0] ^ now[0])
        | (notes.call[1] ^ now[1])
        | (notes.call[2] ^ now[2])
        | (notes.call[3] ^ now[3]);
    let tid: u32 = read::kernel(task + offset!(task_pid));
    let (_, start_ns) = task::identity(task);
    differs == 0 && event.header.tid == tid && event.header.start_ns == start_ns
}

// SAFETY: numbers, the size first.
unsafe impl kept::Notes for Notes {}

/// What an act is about.
#[derive(Clone, Copy)]
pub struct About {
    pub call: u32,
    pub first: Place,
    /// Of a rename or a link; dentry 0: there is none.
    pub second: Place,
    /// The text of a symbolic link, or the name of an attribute; 0: there is none.
    pub text: u64,
    pub values: [u64; 3],
}

pub const NOWHERE: Place = Place { mnt: 0, dentry: 0 };

/// Who is to tell what becomes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Teller {
    /// The exit of its system call.
    Call,
    /// The function that does it.
    Function,
    /// Nobody here: it is part of something else.
    Other,
}

#[inline(always)]
fn teller(task: u64, call: u32) -> Teller {
    let way = way::of(task);
    if way == Way::Other {
        return Teller::Other;
    }
    let opens_too = call == call::MKNOD || call == call::TRUNCATE;
    if way == Way::Ring {
        // An open by io_uring that truncates comes here as well, and nothing tells it from ftruncate.
        return match opens_too || setting!(rings_seen) != 0 {
            true => Teller::Other,
            false => Teller::Function,
        };
    }
    let number = arch::number(registers(task));
    if task::in_compat(task) {
        return match opens_too && !calls::makes_or_cuts_32(number) {
            true => Teller::Other,
            // The entry is hooked, at a price.
            false if setting!(raw_syscalls) != 0 => Teller::Call,
            false => Teller::Function,
        };
    }
    match calls::plan(number) {
        Some(plan) if plan.call() == call || call == call::RMDIR => Teller::Call,
        _ => Teller::Other,
    }
}

/// Takes a slot for itself.
#[inline(always)]
pub fn take_slot() -> Option<*mut u8> {
    let first = scratch::large(Large::Object)?;
    // SAFETY: a large slot; its last word is nobody's but this count's.
    unsafe {
        if atomic::fetch_add(scratch::users(first), 1) == 0 {
            return Some(first);
        }
        atomic::add(scratch::users(first), u64::MAX);
        let second = scratch::large(Large::ObjectAgain)?;
        if atomic::fetch_add(scratch::users(second), 1) == 0 {
            return Some(second);
        }
        atomic::add(scratch::users(second), u64::MAX);
    }
    None
}

#[inline(always)]
pub fn release(slot: *mut u8) {
    // SAFETY: as above; it was taken.
    unsafe { atomic::add(scratch::users(slot), u64::MAX) }
}

/// Looks at the objects of an act that is about to be done, and keeps what is watched.
#[inline(always)]
pub fn begins(call: u32, gather: impl FnOnce(*mut u8) -> About) {
    let Some(state) = watch::state() else {
        return;
    };
    if call == call::UTIMES && !watch::wants_times(state) {
        return;
    }
    let task = task::current();
    let teller = teller(task, call);
    if teller == Teller::Other {
        return;
    }
    let Some(slot) = take_slot() else {
        return;
    };
    let about = gather(slot);
    keep(state, task, slot, &about, teller);
    release(slot);
}

#[inline(always)]
fn keep(state: &WatchState, task: u64, slot: *mut u8, about: &About, teller: Teller) {
    let inode: u64 = read::kernel(about.first.dentry + offset!(dentry_inode));
    let parent: u64 = read::kernel(about.first.dentry + offset!(dentry_parent));
    let above: u64 = read::kernel(parent + offset!(dentry_inode));
    let mut own = watch::identity(inode);
    // What is not there yet will be on its directory's file system.
    own.dev = watch::identity(above).dev;
    let mut found = watch::look_at(state, slot, Seen::read(about.first, own));
    let mode = u32::from(read::kernel::<u16>(inode + offset!(inode_mode)));
    if about.second.dentry != 0 {
        found.reasons |= second(state, slot, about, own.dev);
    }
    if about.call == call::SYMLINK {
        // A name without a slash is in the link's own directory.
        let plain = begin(about.text, Memory::Kernel).shape & shape::PLAIN;
        found.reasons |= u32::from(plain == 0) * reason::ASKED;
    }
    if about.call == call::RENAME {
        found.reasons |= u32::from(watch::is_on_way(own)) * reason::ASKED;
    }
    // A file system that lies on another one sets attributes there once more: the first counts. Of any
    // other act what is kept still is of a call whose end was not seen.
    let attribute = about.call == call::SETXATTR || about.call == call::REMOVEXATTR;
    if attribute && waits(task) {
        return;
    }
    if found.reasons == 0 {
        let _ = ACTS.remove(&task);
        if teller == Teller::Call {
            let _ = UNWATCHED.insert(&task, &own_number(), 0);
        }
        return;
    }
    let _ = UNWATCHED.remove(&task);
    // SAFETY: the slot is larger than any event, and ours alone.
    let event = unsafe { &mut *slot.cast::<FileAct>() };
    (event.namespace_pid, _) = task::fill(&mut event.header, task);
    if watch::is_oneself(state, event.header.tgid) {
        return;
    }
    if about.call == call::LINK {
        watch::add_object(own);
    }
    event.ino = own.ino;
    event.dev = own.dev;
    event.mode = mode;
    event.links = read::kernel(inode + offset!(inode_nlink));
    tell(event, found, about);
    if teller == Teller::Function && way::of(task) == Way::Ring {
        event.namespace_pid = task::be_the_process(&mut event.header, task);
        event.flags |= flag::RING;
    }
    event.header.flags |= u32::from(task::in_compat(task)) * header::flag::COMPAT;
    let fs: u64 = read::kernel(task + offset!(task_fs));
    event.umask = read::kernel(fs + offset!(fs_umask));
    let size = push(slot, fs, about);
    // SAFETY: a large slot with an event of that size.
    let notes = unsafe { kept::notes::<Notes>(slot) };
    notes.size = size;
    notes.dentry = about.first.dentry;
    notes.parent = parent;
    notes.ends_inside = u64::from(teller == Teller::Function);
    notes.call = call_of(task);
    if size <= EVENT_BYTES as u64 {
        // SAFETY: a large slot.
        let _ = ACTS.insert(&task, unsafe { kept::in_slot(slot) }, 0);
    }
}

/// Why the second name may be a watched one.
#[inline(always)]
fn second(state: &WatchState, slot: *mut u8, about: &About, dev: u32) -> u32 {
    let inode: u64 = read::kernel(about.second.dentry + offset!(dentry_inode));
    let mut own = watch::identity(inode);
    own.dev = dev;
    let found = watch::look_at(state, slot, Seen::read(about.second, own));
    found.reasons | u32::from(watch::is_on_way(own)) * reason::ASKED
}

#[inline(always)]
fn tell(event: &mut FileAct, found: Found, about: &About) {
    event.values = about.values;
    event.call = about.call;
    event.at_flags = 0;
    event.errno = 0;
    event.reasons = found.reasons;
    event.tree_ino = found.tree.ino;
    event.tree_dev = found.tree.dev;
    event.tree_levels = found.tree.levels;
    event.flags = flag::BY_FD
        | flag::OBJECT
        | u32::from(about.second.dentry != 0 || about.call == call::SYMLINK) * flag::TWO_NAMES;
}

#[inline(always)]
fn push(slot: *mut u8, fs: u64, about: &About) -> u64 {
    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<FileAct>()) };
    let root = Place::read(fs + offset!(fs_root));
    if about.first.mnt != 0 {
        path::push(tails, tag::FILE, about.first, root);
    }
    path::push_on_disk(tails, tag::ON_DISK, about.first.dentry);
    if about.second.dentry != 0 {
        path::push(tails, tag::SECOND_FILE, about.second, root);
        path::push_on_disk(tails, tag::SECOND_ON_DISK, about.second.dentry);
    }
    if about.text != 0 {
        let tag = match about.call {
            call::SYMLINK => tag::SECOND_NAME,
            _ => tag::TEXT,
        };
        tails.kernel_string(tag, about.text);
    }
    tails.size()
}

/// Process and thread: the address of a task may be another one's by now.
#[inline(always)]
fn own_number() -> u64 {
    aya_ebpf::helpers::bpf_get_current_pid_tgid()
}

/// Is anything kept of the task?
#[inline(always)]
pub fn waits(task: u64) -> bool {
    ACTS.get_ptr(&task).is_some()
}

/// What was kept of the task's act.
pub enum Taken {
    /// Nothing: its names must do.
    Nothing,
    Unwatched,
    /// It stands in the slot, with its notes.
    Watched,
}

/// Takes what was kept for the exit of a system call.
#[inline(always)]
pub fn take(task: u64, slot: *mut u8, call: u32) -> Taken {
    // SAFETY: copied at once.
    let unwatched = unsafe { UNWATCHED.get(&task) }.copied();
    if unwatched.is_some() {
        let _ = UNWATCHED.remove(&task);
        if unwatched == Some(own_number()) {
            return Taken::Unwatched;
        }
    }
    let Some(kept) = ACTS.get_ptr(&task) else {
        return Taken::Nothing;
    };
    kept::copy::<Notes>(kept, slot);
    let _ = ACTS.remove(&task);
    // SAFETY: they were copied there.
    let (event, notes) = unsafe { (&*slot.cast::<FileAct>(), kept::notes::<Notes>(slot)) };
    let same = event.call == call || event.call == call::RMDIR && call == call::UNLINK;
    match same && notes.ends_inside == 0 && is_of_now(task, slot) {
        true => Taken::Watched,
        false => Taken::Nothing,
    }
}

/// Forgets what was kept of a call that will be made once more.
#[inline(always)]
pub fn forget(task: u64) {
    if setting!(acts_inside) != 0 {
        let _ = ACTS.remove(&task);
        let _ = UNWATCHED.remove(&task);
    }
}

/// Takes what was kept for the end of a function.
#[inline(always)]
pub fn take_inside(task: u64, slot: *mut u8) -> bool {
    let Some(kept) = ACTS.get_ptr(&task) else {
        return false;
    };
    // SAFETY: a live map value.
    let inside = unsafe { (*kept::notes_of::<Notes>(kept)).ends_inside };
    if inside == 0 {
        return false;
    }
    kept::copy::<Notes>(kept, slot);
    ACTS.remove(&task).is_ok() && is_of_now(task, slot)
}
