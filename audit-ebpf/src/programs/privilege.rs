//! What a process may do has changed, or it reached into another one or into the kernel: the exits of
//! some forty system calls, told apart by number.
//!
//! Owns what is the same in all of them: who, what was before, what came of it. What each is about is
//! read in `about`. A call that left everything as it was is counted and not told.

mod about;
mod before;
mod bpf;
mod calls;
pub mod memory;
mod module;
mod narrow;
mod own;
mod perf;
mod reboot;
mod signal;
mod target;

use audit_common::{
    Kind, Lane,
    counters::Filtered,
    events::{tag, tail_flag},
    header,
    privilege::{GROUPS_MAX, Privilege, call, flag, group, namespace},
};
use aya_ebpf::{
    macros::{btf_tracepoint, tracepoint},
    programs::{BtfTracePointContext, TracePointContext},
};

use super::exec_failed::result_in;
use crate::{
    arch::{self, registers},
    done::Turn,
    emit::{emit, filtered},
    entry::{Entry, arguments},
    read::{self, mask},
    scratch::{self, Large, Small},
    settings::{offset, setting},
    tails::Tails,
    task, volume, watch,
};

const ERESTART_FIRST: u32 = 512;
const ERESTART_LAST: u32 = 516;

#[tracepoint]
pub fn privilege_returned(ctx: TracePointContext) -> u32 {
    native_returned(&ctx, Large::Privilege, Turn::First);
    0
}

/// Does what the first did not, because it was skipped.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn privilege_returned_again(ctx: TracePointContext) -> u32 {
    native_returned(&ctx, Large::PrivilegeAgain, Turn::Twin);
    0
}

/// The same on the raw tracepoint, for 32-bit calls only. Its price is paid by every system call, so it
/// is a setting.
#[btf_tracepoint(function = "sys_exit")]
pub fn privilege_returned_compat(ctx: BtfTracePointContext) -> i32 {
    if task::in_compat(task::current()) {
        compat_returned(ctx.arg(0), ctx.arg(1));
    }
    0
}

/// The same on the trace event of that tracepoint, whose program is never preempted.
#[cfg(not(feature = "legacy"))]
#[tracepoint]
pub fn privilege_returned_compat_traced(ctx: TracePointContext) -> u32 {
    let task = task::current();
    if task::in_compat(task) {
        compat_returned(registers(task), result_in(&ctx));
    }
    0
}

#[inline(always)]
fn native_returned(ctx: &TracePointContext, slot: Large, turn: Turn) {
    let regs = registers(task::current());
    let call = calls::call(arch::number(regs));
    if calls::is_switched_on(call) {
        returned(call, regs, result_in(ctx), slot, turn, Entry::Native);
    }
}

#[inline(always)]
fn compat_returned(regs: u64, result: i64) {
    let call = calls::call_32(arch::number(regs));
    if calls::is_switched_on(call) {
        let (slot, entry) = (Large::PrivilegeCompat, Entry::Compat);
        returned(call, regs, result, slot, Turn::Only, entry);
    }
}

/// One call, as it came back. What is known of it is in the slot: to the verifier it is any call then, so what
/// some forty of them have in common is verified once.
struct Call {
    task: u64,
    entry: Entry,
    slot: *mut u8,
}

impl Call {
    #[inline(always)]
    fn note(&self, call: u32, regs: u64, result: i64) {
        let [first, second, third, fourth, fifth, sixth] = arguments(regs, self.entry);
        let number = arch::number(regs);
        let all = [
            call.into(),
            number,
            result as u64,
            first,
            second,
            third,
            fourth,
            fifth,
            sixth,
        ];
        // SAFETY: a large slot, of this CPU and program.
        let words = unsafe { &mut scratch::state(self.slot).asked };
        for (word, value) in words.iter_mut().zip(all) {
            word.set(value);
        }
    }

    /// Is it told at all? Several acts are one call, of which the arguments say which it is.
    #[inline(always)]
    fn is_wanted(&self) -> bool {
        let call = calls::meant(self.call(), self.argument(0), self.argument(1));
        // SAFETY: as above.
        unsafe { scratch::state(self.slot) }.asked[0].set(call.into());
        call != 0 && about::is_wanted(self)
    }

    #[inline(always)]
    fn word(&self, at: usize) -> u64 {
        // SAFETY: as above.
        unsafe { scratch::state(self.slot) }.asked[at].get()
    }

    /// [`call`]
    #[inline(always)]
    fn call(&self) -> u32 {
        self.word(0) as u32
    }

    #[inline(always)]
    fn number(&self) -> u64 {
        self.word(1)
    }

    #[inline(always)]
    fn result(&self) -> i64 {
        self.word(2) as i64
    }

    /// 0: success.
    #[inline(always)]
    fn errno(&self) -> u32 {
        let result = self.result();
        if result < 0 { -result as u32 } else { 0 }
    }

    /// Of six.
    #[inline(always)]
    fn argument(&self, at: usize) -> u64 {
        self.word(3 + at)
    }
}

/// What becomes of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Tell,
    /// It is about nothing that is told.
    None,
    NoChange,
}

#[inline(always)]
fn returned(call: u32, regs: u64, result: i64, slot: Large, turn: Turn, entry: Entry) {
    let Some(slot) = scratch::large(slot) else {
        return;
    };
    let task = task::current();
    let asked = Call { task, entry, slot };
    asked.note(call, regs, result);
    if !asked.is_wanted() {
        return;
    }
    let is_over = !(ERESTART_FIRST..=ERESTART_LAST).contains(&asked.errno());
    if is_over && !before::is_told(task, asked.call()) {
        tell(&asked, turn);
    }
    before::over(task, asked.call(), turn);
}

#[inline(always)]
fn tell(asked: &Call, turn: Turn) {
    let slot = asked.slot;
    // SAFETY: the slot is larger than any event, and this CPU's and program's own.
    let event = unsafe { &mut *slot.cast::<Privilege>() };
    blank(event, asked.task, asked.call(), asked.errno());
    event.number = asked.number() as u32;
    event.header.flags |= asked.entry.flag();
    if watch::self_tgid() == event.header.tgid {
        passed_over(turn, Filtered::Oneself);
        return;
    }
    // SAFETY: a large slot, as `Tails` asks.
    let tails = unsafe { Tails::after(slot, size_of::<Privilege>()) };
    if let Some(before) = before::of(asked.task, asked.call()) {
        remember(asked, event, tails, before);
    }
    match about::describe(asked, event, tails) {
        Verdict::Tell => {}
        Verdict::None => return,
        Verdict::NoChange => {
            passed_over(turn, Filtered::NoChange);
            return;
        }
    }
    let token = asked.number() << 32 | u64::from(event.errno);
    // What was done is told whatever came before it in this second.
    let is_failure = event.errno != 0;
    if turn.takes(asked.task, token) && (!is_failure || volume::is_within_rate(&event.header)) {
        // SAFETY: `slot` begins with the event; `size` is masked to the slot.
        unsafe { emit(Kind::Privilege, Lane::Bulk, slot, tails.size()) };
    }
}

#[inline(always)]
fn passed_over(turn: Turn, reason: Filtered) {
    if turn.counts() {
        filtered(Lane::Bulk, reason);
    }
}

/// An event of which only the actor and the call are known.
#[inline(always)]
fn blank(event: &mut Privilege, task: u64, call: u32, errno: u32) {
    (event.namespace_pid, _) = task::fill(&mut event.header, task);
    let cred: u64 = read::kernel(task + offset!(task_cred));
    event.caps = task::capability_sets(cred);
    event.before_caps = event.caps;
    event.before_ids = [0; 8];
    event.values = [0; 6];
    event.target.start_ns = 0;
    event.target.cap_effective = 0;
    event.target.ids = [0; 8];
    event.target.tgid = 0;
    event.target.tid = 0;
    event.target.flags = 0;
    event.target.reserved = 0;
    event.target.comm = [0; 16];
    event.ino = 0;
    event.namespaces = [0; namespace::COUNT];
    event.call = call;
    event.errno = errno;
    event.flags = 0;
    event.dev = 0;
    event.mode = 0;
    event.number = 0;
    event.reserved = 0;
}

/// Takes over what was kept at the entry.
#[inline(always)]
fn remember(asked: &Call, event: &mut Privilege, tails: Tails, before: *mut before::Before) {
    // SAFETY: a live map value, which only this task's own calls write.
    let before = unsafe { &*before };
    event.flags |= flag::BEFORE;
    event.before_ids = before.ids;
    event.before_caps = before.caps;
    event.values[4] = before.words[0];
    event.values[5] = before.words[1];
    match asked.call() {
        call::SETGROUPS => {
            push_kept_groups(tails, tag::OLD_GROUPS, before.groups, |to, bytes| {
                // SAFETY: the text is as long as all groups that are kept.
                unsafe { read::kernel_bytes(to, bytes, before.text.as_ptr() as u64) };
            });
        }
        call::SETHOSTNAME | call::SETDOMAINNAME => {
            tails.kernel_string(tag::OLD_TEXT, before.text.as_ptr() as u64);
        }
        call::UNSHARE | call::SETNS => {
            // Who does it is who it was.
            event.header.cap_effective = before.caps.effective;
            event.header.user_ns = before.namespaces[0];
            if before.namespaces[0] == setting!(user_ns) {
                event.header.flags |= header::flag::HOST_USER_NS;
            } else {
                event.header.flags &= !header::flag::HOST_USER_NS;
            }
            task::namespaces_of(task::current(), &mut event.namespaces);
            for at in 0..namespace::COUNT {
                if event.namespaces[at] == before.namespaces[at] {
                    event.namespaces[at] = 0;
                }
            }
        }
        _ => {}
    }
}

/// Appends the groups of these credentials.
#[inline(always)]
fn push_groups(tails: Tails, tag: u16, cred: u64) {
    let info: u64 = read::kernel(cred + offset!(cred_group_info));
    let count: u32 = read::kernel(info + offset!(group_info_count));
    push_kept_groups(tails, tag, count, |to, bytes| {
        // SAFETY: a tail has room for more than this.
        unsafe { read::kernel_bytes(to, bytes, info + offset!(group_info_gid)) };
    });
}

/// Appends so many groups, of which `copy` copies those that are kept.
#[inline(always)]
fn push_kept_groups(tails: Tails, tag: u16, count: u32, copy: impl FnOnce(*mut u8, u64)) {
    let kept = match count > GROUPS_MAX as u32 {
        true => GROUPS_MAX as u32,
        false => count,
    };
    let bytes = mask!(u64::from(kept) * 4, 0xff);
    copy(tails.content(), bytes);
    let flags = match kept < count {
        true => tail_flag::TRUNCATED,
        false => 0,
    };
    tails.push(tag, flags, bytes, u64::from(count) * 4);
}

#[inline(always)]
pub fn tells_namespaces() -> bool {
    setting!(privilege) & group::NAMESPACES != 0
}

/// A process or thread was made: in namespaces of its own? Asked of every fork, so as little as can be.
#[inline(always)]
pub fn cloned(maker: u64, child: u64) {
    if !tells_namespaces() {
        return;
    }
    let proxies: [u64; 2] = [
        read::kernel(maker + offset!(task_nsproxy)),
        read::kernel(child + offset!(task_nsproxy)),
    ];
    let user = |task: u64| -> u64 {
        let cred: u64 = read::kernel(task + offset!(task_cred));
        read::kernel(cred + offset!(cred_user_ns))
    };
    if proxies[0] != proxies[1] || user(maker) != user(child) {
        cloned_apart(maker, child);
    }
}

#[inline(always)]
fn cloned_apart(maker: u64, child: u64) {
    let Some(slot) = scratch::small(Small::PrivilegeClone) else {
        return;
    };
    // SAFETY: the slot is larger than the event, and this CPU's and program's own.
    unsafe {
        let event = &mut *slot.cast::<Privilege>();
        blank(event, maker, call::CLONE, 0);
        let mut of_maker = [0u32; namespace::COUNT];
        task::namespaces_of(maker, &mut of_maker);
        task::namespaces_of(child, &mut event.namespaces);
        let mut any = 0;
        for (own, of_maker) in event.namespaces.iter_mut().zip(&of_maker) {
            if *own == *of_maker {
                *own = 0;
            }
            any |= *own;
        }
        if any == 0 {
            return;
        }
        let number = arch::number(registers(maker));
        event.number = number as u32;
        event.values[0] = u64::from(number == calls::CLONE3);
        target::fill(event, child);
        emit(
            Kind::Privilege,
            Lane::Bulk,
            slot,
            size_of::<Privilege>() as u64,
        );
    }
}
