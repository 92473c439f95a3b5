//! The same where all ways to open a file by its name meet, in the kernel: `do_filp_open`, which 32-bit
//! calls and io_uring pass as well, and `do_file_open_root` for handles.
//!
//! The file is the function's own result, before it is anybody's descriptor, and the name the
//! kernel's copy: no other thread can change either. What fails before it gets there is told by
//! `do_sys_openat2`. Must not look at programs that are executed (`exec` tells them), nor at what
//! the kernel opens for itself.

use core::ffi::c_void;

use audit_common::{counters::Filtered, file_open::flag, watch::WatchState};
use aya_ebpf::{
    EbpfContext,
    macros::{fexit, map},
    maps::HashMap,
    programs::FExitContext,
};

use super::{Ask, Asked, begun, failed, passed_over, tell};
use crate::{
    arch,
    done::Turn,
    path::Place,
    programs::{
        privilege::memory,
        way::{self, Way},
    },
    read::{self, Memory},
    scratch::{self, Large, plain},
    settings::{offset, setting},
    task,
    watch::{self, Seen},
};

const AT_FDCWD: i32 = -100;
/// `open_flags.open_flag`: to be executed.
const FMODE_EXEC: u32 = 0x20;
const ERRNO_LAST: u64 = 4095;
const EAGAIN: u32 = 11;
const EFAULT: u32 = 14;
const EINVAL: u32 = 22;
const EMFILE: u32 = 24;
const ENAMETOOLONG: u32 = 36;
const ENOMEM: u32 = 12;

/// Tasks whose open failed here in a way that it could have failed before as well.
#[map]
static TOLD: HashMap<u64, u32> = HashMap::with_max_entries(4096, 0);

#[fexit(function = "do_filp_open")]
pub fn file_opened_inside(ctx: FExitContext) -> i32 {
    by_name::<First>(&ctx);
    0
}

/// Does what the first did not, because it was skipped.
#[cfg(not(feature = "legacy"))]
#[fexit(function = "do_filp_open")]
pub fn file_opened_inside_again(ctx: FExitContext) -> i32 {
    by_name::<Again>(&ctx);
    0
}

/// What tells those two apart.
trait Program {
    const SLOT: Large;
    const TURN: Turn;
}

struct First;
impl Program for First {
    const SLOT: Large = Large::FileOpenInside;
    const TURN: Turn = Turn::FirstInside;
}

#[cfg(not(feature = "legacy"))]
struct Again;
#[cfg(not(feature = "legacy"))]
impl Program for Again {
    const SLOT: Large = Large::FileOpenInsideAgain;
    const TURN: Turn = Turn::TwinInside;
}

#[inline(always)]
fn by_name<P: Program>(ctx: &FExitContext) {
    if let Some(slot) = scratch::large(P::SLOT) {
        let errno = plain(slot, ctx.arg(3)).wrapping_neg();
        if errno > ERRNO_LAST {
            succeeded::<P>(ctx.as_ptr());
        } else {
            refused::<P>(ctx.as_ptr(), errno as u32);
        }
    }
}

/// The arguments of `do_filp_open`.
struct Inside<'a>(&'a FExitContext);

impl Inside<'_> {
    #[inline(always)]
    fn with(&self, name: u64) -> Asked {
        let (directory, op): (i32, u64) = (self.0.arg(0), self.0.arg(2));
        Asked {
            directory,
            name,
            flags: read::kernel(op + offset!(open_flags_flag)),
            at: directory != AT_FDCWD,
            by_handle: false,
            is_clone: false,
            memory: Memory::Kernel,
        }
    }
}

impl Ask for Inside<'_> {
    #[inline(always)]
    fn asked(&self) -> Asked {
        let filename: u64 = self.0.arg(1);
        self.with(read::kernel(filename + offset!(filename_name)))
    }
}

/// Not inlined, like its brother: together they do not fit on the stack.
#[inline(never)]
fn succeeded<P: Program>(ctx: *mut c_void) {
    let ctx = FExitContext::new(ctx);
    let asked = Inside(&ctx).with(0);
    if asked.flags & FMODE_EXEC == 0
        && let (Some(state), Some(slot)) = (watch::state(), scratch::large(P::SLOT))
    {
        opened::<true>(state, ctx.arg(3), asked, slot, P::TURN);
    }
}

#[inline(never)]
fn refused<P: Program>(ctx: *mut c_void, errno: u32) {
    let ctx = FExitContext::new(ctx);
    let call = Inside(&ctx);
    if call.with(0).flags & FMODE_EXEC != 0 {
        return;
    }
    let Some(state) = watch::state() else {
        return;
    };
    let task = task::current();
    let way = way::of(task);
    // Of io_uring EAGAIN is no result: it tries again, and then it may wait.
    if way == Way::Other || way == Way::Ring && errno == EAGAIN {
        return;
    }
    if way == Way::Call && may_be_early(errno) && P::TURN.counts() && in_open(task) {
        let _ = TOLD.insert(&task, &errno, 0);
    }
    failed(state, task, errno, P::SLOT, P::TURN, &call, ring(way));
}

#[fexit(function = "do_file_open_root")]
pub fn file_opened_by_handle(ctx: FExitContext) -> i32 {
    // Before 5.14 the root is two arguments. A place in the context that depends on that must not be
    // loaded from directly.
    let arguments = u64::from(setting!(open_root_arguments));
    let result_at = ctx.as_ptr() as u64 + 8 * arguments;
    let [op, file]: [u64; 2] = read::kernel(result_at - 8);
    let slot = scratch::large(Large::FileOpenByHandle);
    if let (Some(state), Some(slot)) = (watch::state(), slot) {
        let asked = Asked {
            directory: AT_FDCWD,
            name: 0,
            flags: read::kernel(op + offset!(open_flags_flag)),
            at: false,
            by_handle: true,
            is_clone: false,
            memory: Memory::Kernel,
        };
        // Of what failed there is nothing to tell: no name.
        if plain(slot, file).wrapping_neg() > ERRNO_LAST {
            opened::<false>(state, file, asked, slot, Turn::Only);
        }
    }
    0
}

/// A descriptor that somebody else opened comes from another process: by a socket, or taken out of it.
#[cfg(not(feature = "legacy"))]
#[aya_ebpf::macros::fentry(function = "security_file_receive")]
pub fn file_received(ctx: aya_ebpf::programs::FEntryContext) -> i32 {
    if let (Some(state), Some(slot)) = (watch::state(), scratch::large(Large::FileReceived)) {
        let file: u64 = ctx.arg(0);
        let seen = seen(file, slot);
        let found = watch::look_at(state, slot, seen);
        let task = task::current();
        if let Some(event) = begun(state, task, slot, found, Turn::Only) {
            let asked = Asked {
                directory: AT_FDCWD,
                name: 0,
                flags: 0,
                at: false,
                by_handle: false,
                is_clone: false,
                memory: Memory::Kernel,
            };
            tell(event, task, slot, file, seen, found, &asked, flag::RECEIVED);
        }
    }
    0
}

/// What failed before there was anything to open.
#[fexit(function = "do_sys_openat2")]
pub fn file_open_refused(ctx: FExitContext) -> i32 {
    // An int since 6.16, a long before: the upper half may be anything.
    let result: i32 = ctx.arg(3);
    let errno = result.unsigned_abs();
    if result < 0 && may_be_early(errno) {
        let task = task::current();
        if TOLD.remove(&task).is_err()
            && let Some(state) = watch::state()
        {
            let (slot, turn) = (Large::FileOpenRefused, Turn::Only);
            failed(state, task, errno, slot, turn, &Early(&ctx), 0);
        }
    }
    0
}

/// The arguments of `do_sys_openat2`.
struct Early<'a>(&'a FExitContext);

impl Ask for Early<'_> {
    #[inline(always)]
    fn asked(&self) -> Asked {
        let (directory, how): (i32, u64) = (self.0.arg(0), self.0.arg(2));
        Asked {
            directory,
            name: self.0.arg(1),
            // The first member.
            flags: read::kernel::<u64>(how) as u32,
            at: directory != AT_FDCWD,
            by_handle: false,
            is_clone: false,
            memory: Memory::Program,
        }
    }
}

/// Will `do_sys_openat2` end behind this? The kernel opens files in other calls as well.
#[inline(always)]
fn in_open(task: u64) -> bool {
    let number = arch::number(arch::registers(task));
    match task::in_compat(task) {
        true => arch::open_by_32_bit(number).is_some(),
        false => {
            number == arch::OPENAT
                || number == arch::OPEN
                || number == arch::CREAT
                || number == arch::OPENAT2
        }
    }
}

/// Can an open fail with this before it is looked for?
#[inline(always)]
fn may_be_early(errno: u32) -> bool {
    errno == EFAULT
        || errno == EINVAL
        || errno == EMFILE
        || errno == ENAMETOOLONG
        || errno == ENOMEM
}

#[inline(always)]
fn opened<const TYPED: bool>(
    state: &WatchState,
    file: u64,
    asked: Asked,
    slot: *mut u8,
    turn: Turn,
) {
    let seen = match TYPED {
        true => seen(file, slot),
        false => by_address(file),
    };
    let task = task::current();
    let told = memory::opened(slot, seen.place, seen.own, file, || {
        let way = way::of(task);
        (way != Way::Other && turn.takes(task, seen.place.dentry)).then_some(way == Way::Ring)
    });
    let found = watch::look_at(state, slot, seen);
    if found.reasons == 0 {
        passed_over(turn, Filtered::NoWatch);
        return;
    }
    let way = way::of(task);
    if way == Way::Other {
        return;
    }
    let Some(event) = begun(state, task, slot, found, turn) else {
        return;
    };
    if !told.takes(turn, task, seen.place.dentry) {
        return;
    }
    if way == Way::Ring {
        event.namespace_pid = task::be_the_process(&mut event.header, task);
    }
    tell(event, task, slot, file, seen, found, &asked, ring(way));
}

#[inline(always)]
fn ring(way: Way) -> u32 {
    u32::from(way == Way::Ring) * flag::RING
}

/// A file and where it stands, by loads of typed pointers.
#[cfg(not(feature = "legacy"))]
#[inline(always)]
fn seen(file: u64, slot: *mut u8) -> Seen {
    use crate::watch::Identity;

    // SAFETY: the function's result is a file that the verifier knows by its type, and what is read
    // from there on are pointers that it knows as well; `plain` makes numbers of them.
    unsafe {
        let file = file as *const u8;
        let path = offset!(file_path);
        let mnt: *const u8 = read::typed(file, path + offset!(path_mnt));
        let dentry: *const u8 = read::typed(file, path + offset!(path_dentry));
        let inode: *const u8 = read::typed(file, offset!(file_inode));
        let sb: *const u8 = read::typed(inode, offset!(inode_sb));
        let parent: *const u8 = read::typed(dentry, offset!(dentry_parent));
        let above: *const u8 = read::typed(parent, offset!(dentry_inode));
        let own = Identity {
            ino: read::typed(inode, offset!(inode_ino)),
            dev: read::typed(sb, offset!(sb_dev)),
        };
        Seen {
            place: Place {
                mnt: plain(slot, mnt as u64),
                dentry: plain(slot, dentry as u64),
            },
            own,
            parent: plain(slot, parent as u64),
            parent_own: Identity {
                ino: read::typed(above, offset!(inode_ino)),
                dev: own.dev,
            },
        }
    }
}

#[cfg(feature = "legacy")]
#[inline(always)]
fn seen(file: u64, _slot: *mut u8) -> Seen {
    by_address(file)
}

/// The same of an address that the verifier knows nothing of.
#[inline(always)]
fn by_address(file: u64) -> Seen {
    let place = Place::read(file + offset!(file_path));
    let inode: u64 = read::kernel(file + offset!(file_inode));
    Seen::read(place, watch::identity(inode))
}
