//! What programs ask of files by io_uring: the submission of a request, its completion, and the other
//! ways in which one ends.
//!
//! Owns the entry points and the choice by opcode. At the submission the whole event is made, with the
//! kernel's own copies of the names, in the submitter's name; the end adds the result. Who completes a
//! request may be a worker, a thread of the kernel, or another thread of the program.

mod act;
mod kept;
mod open;

use audit_common::Lane;
use aya_ebpf::{
    EbpfContext,
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};

use super::file_open::{ERESTART_FIRST, ERESTART_LAST};
use crate::{
    emit::filtered,
    read::{self, mask},
    scratch::{self, Large},
    settings::{offset, setting},
    task,
    watch::{self, Identity},
};

const OPENAT: u64 = 18;
const OPENAT2: u64 = 28;
const RENAMEAT: u64 = 35;
const UNLINKAT: u64 = 36;
const MKDIRAT: u64 = 37;
const SYMLINKAT: u64 = 38;
const LINKAT: u64 = 39;
const FSETXATTR: u64 = 41;
const SETXATTR: u64 = 42;
const OPENS: u64 = 1 << OPENAT | 1 << OPENAT2;
const NAMES: u64 = 1 << RENAMEAT | 1 << UNLINKAT | 1 << MKDIRAT | 1 << SYMLINKAT | 1 << LINKAT;
/// All that are followed.
const OF_FILES: u64 = OPENS | NAMES | 1 << FSETXATTR | 1 << SETXATTR;

const ECANCELED: i32 = 125;
/// In a request's flags as in its submission: its descriptor is a place in the ring's own table.
const FIXED_FILE: u32 = 1 << 0;
/// A success makes no completion.
const CQE_SKIP_SUCCESS: u32 = 1 << 6;
/// Where the second word stands in the records of these trace events: the request.
const RECORD_REQUEST: usize = 16;

#[btf_tracepoint(function = "io_uring_submit_req")]
pub fn ring_submitted(ctx: BtfTracePointContext) -> i32 {
    submitted(ctx.arg(0));
    0
}

#[btf_tracepoint(function = "io_uring_complete")]
pub fn ring_completed(ctx: BtfTracePointContext) -> i32 {
    completed(ctx.arg(1));
    0
}

/// The completion found no room in its queue.
#[btf_tracepoint(function = "io_uring_cqe_overflow")]
pub fn ring_overflowed(ctx: BtfTracePointContext) -> i32 {
    overflowed(ctx.arg(0), ctx.arg(1), ctx.arg::<u64>(2) as i32);
    0
}

/// Cancelled, because what it was linked to failed; a completion need not follow.
#[btf_tracepoint(function = "io_uring_fail_link")]
pub fn ring_cancelled(ctx: BtfTracePointContext) -> i32 {
    cancelled(ctx.arg(1));
    0
}

/// The same on trace events, whose programs are never preempted.
#[tracepoint]
pub fn ring_submitted_traced(ctx: TracePointContext) -> u32 {
    submitted(word(&ctx, RECORD_REQUEST));
    0
}

#[tracepoint]
pub fn ring_completed_traced(ctx: TracePointContext) -> u32 {
    completed(word(&ctx, RECORD_REQUEST));
    0
}

#[tracepoint]
pub fn ring_overflowed_traced(ctx: TracePointContext) -> u32 {
    overflowed(word(&ctx, 8), word(&ctx, 16), word(&ctx, 24) as i32);
    0
}

#[tracepoint]
pub fn ring_cancelled_traced(ctx: TracePointContext) -> u32 {
    let at = u64::from(setting!(fail_link_at));
    if at != 0 {
        cancelled(read::kernel(ctx.as_ptr() as u64 + at));
    }
    0
}

#[inline(always)]
fn word(ctx: &TracePointContext, at: usize) -> u64 {
    // SAFETY: a word of the record, by its format.
    unsafe { *ctx.as_ptr().cast::<u8>().add(at).cast::<u64>() }
}

/// The opcode of a request, if it is one of files.
#[inline(always)]
fn opcode(request: u64) -> Option<u64> {
    let opcode = u64::from(read::kernel::<u8>(request + offset!(request_opcode)));
    let followed = match setting!(opens_inside) {
        0 => OF_FILES,
        // All opens meet in one function, and are told there.
        _ => OF_FILES & !OPENS,
    };
    (opcode < 64 && followed >> mask!(opcode, 0x3f) & 1 != 0).then_some(opcode)
}

/// A request on its way into a slot.
struct Request {
    address: u64,
    opcode: u64,
    /// The first word of its command.
    command: u64,
    slot: *mut u8,
    task: u64,
    fs: u64,
}

#[inline(always)]
fn submitted(address: u64) {
    let Some(opcode) = opcode(address) else {
        return;
    };
    // Nothing that was kept under this address can be under way any more.
    kept::forget(address);
    let Some(state) = watch::state() else {
        return;
    };
    let Some(slot) = scratch::large(Large::RingSubmitted) else {
        return;
    };
    let task = task::current();
    let request = Request {
        address,
        opcode,
        command: address + offset!(request_cmd),
        slot,
        task,
        fs: read::kernel(task + offset!(task_fs)),
    };
    // SAFETY: a large slot; `kept` begins behind any event that is kept.
    let kept = unsafe { kept::notes(slot) };
    kept.ring = read::kernel(address + offset!(request_ctx));
    kept.user_data = read::kernel(address + offset!(request_user_data));
    kept.files = read::kernel(task + offset!(task_files));
    kept.opcode = opcode;
    kept.moves = 0;
    match is_open(opcode) {
        true => open::submitted(state, &request, kept),
        false => act::submitted(state, &request, kept),
    }
}

/// The credentials that a request is done with.
#[inline(always)]
fn credentials(request: &Request) -> u64 {
    let flags: u32 = read::kernel(request.address + offset!(request_flags));
    let bit = mask!(u64::from(setting!(request_has_creds)), 0x3f);
    let own = read::all_if(u64::from(flags) >> bit & 1);
    let theirs: u64 = read::kernel(request.address + offset!(request_creds));
    let current: u64 = read::kernel(request.task + offset!(task_cred));
    theirs & own | current & !own
}

#[inline(always)]
fn is_open(opcode: u64) -> bool {
    opcode == OPENAT || opcode == OPENAT2
}

#[inline(always)]
fn is_fixed(request: &Request) -> bool {
    let flags: u32 = read::kernel(request.address + offset!(request_flags));
    flags & FIXED_FILE != 0
}

#[inline(always)]
fn is_skipped(request: &Request) -> bool {
    let flags: u32 = read::kernel(request.address + offset!(request_flags));
    flags & CQE_SKIP_SUCCESS != 0
}

#[inline(always)]
fn completed(address: u64) {
    if opcode(address).is_some() {
        ended(address, read::kernel(address + offset!(request_res)));
    }
}

#[inline(always)]
fn cancelled(address: u64) {
    if opcode(address).is_some() {
        ended(address, -ECANCELED);
    }
}

#[inline(always)]
fn overflowed(ring: u64, user_data: u64, result: i32) {
    let address = kept::find(ring, user_data);
    if address != 0 {
        ended(address, result);
    }
}

/// The end of a request that is kept.
#[inline(always)]
fn ended(address: u64, result: i32) {
    let Some(slot) = scratch::large(Large::RingEnded) else {
        return;
    };
    if !kept::take(address, slot) {
        return;
    }
    let errno = if result < 0 { -result as u32 } else { 0 };
    if (ERESTART_FIRST..=ERESTART_LAST).contains(&errno) {
        return;
    }
    // SAFETY: `take` has put them there.
    let opcode = unsafe { kept::notes(slot) }.opcode;
    if let Some(state) = watch::state() {
        match is_open(opcode) {
            true => open::ended(state, slot, result),
            false => act::ended(state, address, slot, errno),
        }
    }
}

/// Device of the directory that a name starts from.
#[inline(always)]
fn identity_of(dentry: u64) -> Identity {
    watch::identity(read::kernel(dentry + offset!(dentry_inode)))
}

#[inline(always)]
fn passed_over(reason: audit_common::counters::Filtered) {
    filtered(Lane::Bulk, reason);
}
