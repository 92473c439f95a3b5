//! Acts on privileges. All of them are refused, by arguments that mean nothing, but for those that cannot be:
//! there the child has other ids for a moment. Signals to the daemon are refused to a user who may not send
//! them; the one that is sent is one that nobody takes notice of.

use audit_common::privilege::group;
use nix::libc as c;

use super::{Act, Answer, Needs, on};
use crate::canary::scene::{Done, Scene, Undone};

/// "Leave it as it is"; where an id must be given, none.
const NO_ID: usize = u32::MAX as usize;
const OTHER_ID: usize = 65_534;
const NO_FD: usize = usize::MAX;
/// Larger than any process's number.
const NO_PROCESS: usize = i32::MAX as usize;
const NO_CAPABILITY: usize = 9_999;
const NO_CLOCK: usize = 9_999;
const ASKS: usize = u32::MAX as usize;
const OLD_VERSION: usize = 0x2_0000;
const UNKNOWN_FLAG: usize = 1;
const APART: usize = (c::CLONE_NEWUSER | c::CLONE_THREAD) as usize;
/// All that there are, and more.
const ALL_FLAGS: usize = u32::MAX as usize;
/// More than a kernel has.
const SEGMENTS: usize = 17;
const BPF_PROG_LOAD: usize = 5;
const BPF_ATTRIBUTES: [u64; 16] = [0; 16];
const SIGNAL: usize = c::SIGURG as usize;

/// A call by its name, and the group it is switched with.
const fn refused(name: &'static str, number: i64, group: u32, doing: fn(&Scene) -> Done) -> Act {
    Act {
        needs: Needs::Group(group),
        ..on("privilege", name, Answer::Called(number), doing)
    }
}

/// The same, for the point where what is before it is kept.
const fn entered(act: Act) -> Act {
    let answer = match act.answer {
        Answer::Called(number) => Answer::Remembered(number),
        other => other,
    };
    Act {
        hook: "privilege_enter",
        answer,
        ..act
    }
}

fn clock(at: &Scene, number: i64, before: &[usize]) -> Done {
    // SAFETY: of plain numbers.
    let mut change: c::timex = unsafe { std::mem::zeroed() };
    // To no length at all.
    change.modes = c::ADJ_TICK;
    let place = (&raw const change) as usize;
    at.call(number, &[before, &[place]].concat())
}

fn too_many_us(at: &Scene) -> Done {
    let time = [0_i64, 2_000_000];
    at.call(c::SYS_settimeofday, &[time.as_ptr() as usize, 0])
}

/// One byte of memory of a process that is not there.
fn memory(at: &Scene, number: i64) -> Done {
    let mut byte = 0_u8;
    let piece = c::iovec {
        iov_base: (&raw mut byte).cast(),
        iov_len: 1,
    };
    let place = (&raw const piece) as usize;
    at.call(number, &[NO_PROCESS, place, 1, place, 1, 0])
}

fn program(at: &Scene) -> Done {
    let bytes = size_of_val(&BPF_ATTRIBUTES);
    at.call(
        c::SYS_bpf,
        &[BPF_PROG_LOAD, BPF_ATTRIBUTES.as_ptr() as usize, bytes],
    )
}

/// For a moment uname(2) tells this thread of an older kernel.
fn other_personality(at: &Scene) -> Done {
    let was = at.raw(c::SYS_personality, &[ASKS]);
    let was = usize::try_from(was).map_err(|_| Undone)?;
    let done = at.call(c::SYS_personality, &[was ^ OLD_VERSION]);
    at.raw(c::SYS_personality, &[was]);
    done
}

/// A queued signal says what it is about.
fn queued(at: &Scene, number: i64, to: &[usize]) -> Done {
    // SAFETY: of plain numbers.
    let mut about: c::siginfo_t = unsafe { std::mem::zeroed() };
    about.si_code = c::SI_QUEUE;
    let place = (&raw const about) as usize;
    let all = [to, &[SIGNAL, place]].concat();
    at.refused_to_nobody(number, &all)
}

fn by_descriptor(at: &Scene) -> Done {
    let process = at.opened(c::SYS_pidfd_open, &[at.daemon()?, 0])?;
    at.refused_to_nobody(c::SYS_pidfd_send_signal, &[process, SIGNAL, 0, 0])
}

fn sent(at: &Scene, number: i64, threads: usize) -> Done {
    let daemon = at.daemon()?;
    let mut to = vec![daemon; threads];
    to.push(SIGNAL);
    at.refused_to_nobody(number, &to)
}

const IDS: u32 = group::CREDENTIALS;

#[rustfmt::skip]
const CHANGES: [Act; 17] = [
    refused("setuid", c::SYS_setuid, IDS, |at| at.call(c::SYS_setuid, &[NO_ID])),
    refused("setgid", c::SYS_setgid, IDS, |at| at.call(c::SYS_setgid, &[NO_ID])),
    refused("setreuid", c::SYS_setreuid, IDS, |at| at.for_a_moment(c::SYS_setreuid, &[NO_ID, OTHER_ID])),
    refused("setregid", c::SYS_setregid, IDS, |at| at.for_a_moment(c::SYS_setregid, &[NO_ID, OTHER_ID])),
    refused("setresuid", c::SYS_setresuid, IDS, |at| at.for_a_moment(c::SYS_setresuid, &[NO_ID, OTHER_ID, NO_ID])),
    refused("setresgid", c::SYS_setresgid, IDS, |at| at.for_a_moment(c::SYS_setresgid, &[NO_ID, OTHER_ID, NO_ID])),
    refused("setfsuid", c::SYS_setfsuid, IDS, |at| at.for_a_moment(c::SYS_setfsuid, &[OTHER_ID])),
    refused("setfsgid", c::SYS_setfsgid, IDS, |at| at.for_a_moment(c::SYS_setfsgid, &[OTHER_ID])),
    refused("setgroups", c::SYS_setgroups, IDS, |at| at.call(c::SYS_setgroups, &[i32::MAX as usize, 0])),
    refused("capset", c::SYS_capset, group::CAPABILITIES, |at| at.call(c::SYS_capset, &[0, 0])),
    refused("prctl", c::SYS_prctl, group::CAPABILITIES, |at| {
        let raise = c::PR_CAP_AMBIENT_RAISE as usize;
        at.call(c::SYS_prctl, &[c::PR_CAP_AMBIENT as usize, raise, NO_CAPABILITY, 0, 0])
    }),
    refused("unshare", c::SYS_unshare, group::NAMESPACES, |at| {
        at.call(c::SYS_unshare, &[c::CLONE_NEWUTS as usize | UNKNOWN_FLAG])
    }),
    refused("setns", c::SYS_setns, group::NAMESPACES, |at| at.call(c::SYS_setns, &[NO_FD, 0])),
    refused("adjtimex", c::SYS_adjtimex, group::SYSTEM, |at| clock(at, c::SYS_adjtimex, &[])),
    refused("clock_adjtime", c::SYS_clock_adjtime, group::SYSTEM, |at| clock(at, c::SYS_clock_adjtime, &[NO_CLOCK])),
    refused("sethostname", c::SYS_sethostname, group::SYSTEM, |at| at.call(c::SYS_sethostname, &[0, usize::MAX])),
    refused("setdomainname", c::SYS_setdomainname, group::SYSTEM, |at| {
        at.call(c::SYS_setdomainname, &[0, usize::MAX])
    }),
];

#[rustfmt::skip]
const OTHERS: [Act; 27] = [
    // A new user namespace for a thread, which there is not.
    refused("clone", c::SYS_clone, group::NAMESPACES, |at| at.call(c::SYS_clone, &[APART, 0, 0, 0, 0])),
    refused("clone3", c::SYS_clone3, group::NAMESPACES, |at| {
        let how = [APART as u64, 0, 0, 0, 0, 0, 0, 0];
        at.call(c::SYS_clone3, &[how.as_ptr() as usize, size_of_val(&how)])
    }),
    refused("ptrace", c::SYS_ptrace, group::PTRACE, |at| {
        at.call(c::SYS_ptrace, &[c::PTRACE_ATTACH as usize, NO_PROCESS, 0, 0])
    }),
    refused("pidfd_getfd", c::SYS_pidfd_getfd, group::PTRACE, |at| at.call(c::SYS_pidfd_getfd, &[NO_FD, 0, 0])),
    // Of all processes, by attributes that are not there.
    refused("perf_event_open", c::SYS_perf_event_open, group::PTRACE, |at| {
        at.call(c::SYS_perf_event_open, &[0, usize::MAX, 0, usize::MAX, 0])
    }),
    refused("userfaultfd", c::SYS_userfaultfd, group::MEMORY, |at| at.call(c::SYS_userfaultfd, &[ALL_FLAGS])),
    refused("personality", c::SYS_personality, group::MEMORY, other_personality),
    refused("process_vm_readv", c::SYS_process_vm_readv, group::MEMORY, |at| memory(at, c::SYS_process_vm_readv)),
    refused("process_vm_writev", c::SYS_process_vm_writev, group::MEMORY, |at| memory(at, c::SYS_process_vm_writev)),
    refused("kill", c::SYS_kill, group::SIGNALS, |at| sent(at, c::SYS_kill, 1)),
    refused("tkill", c::SYS_tkill, group::SIGNALS, |at| sent(at, c::SYS_tkill, 1)),
    refused("tgkill", c::SYS_tgkill, group::SIGNALS, |at| sent(at, c::SYS_tgkill, 2)),
    refused("rt_sigqueueinfo", c::SYS_rt_sigqueueinfo, group::SIGNALS, |at| {
        queued(at, c::SYS_rt_sigqueueinfo, &[at.daemon()?])
    }),
    refused("rt_tgsigqueueinfo", c::SYS_rt_tgsigqueueinfo, group::SIGNALS, |at| {
        queued(at, c::SYS_rt_tgsigqueueinfo, &[at.daemon()?, at.daemon()?])
    }),
    refused("pidfd_send_signal", c::SYS_pidfd_send_signal, group::SIGNALS, by_descriptor),
    refused("init_module", c::SYS_init_module, group::MODULES, |at| at.call(c::SYS_init_module, &[0, 0, at.nothing()])),
    refused("finit_module", c::SYS_finit_module, group::MODULES, |at| {
        at.call(c::SYS_finit_module, &[NO_FD, at.nothing(), 0])
    }),
    refused("delete_module", c::SYS_delete_module, group::MODULES, |at| {
        at.call(c::SYS_delete_module, &[at.nothing(), c::O_NONBLOCK as usize])
    }),
    refused("bpf", c::SYS_bpf, group::BPF, program),
    refused("kexec_load", c::SYS_kexec_load, group::SYSTEM, |at| at.call(c::SYS_kexec_load, &[0, SEGMENTS, 0, ALL_FLAGS])),
    refused("kexec_file_load", c::SYS_kexec_file_load, group::SYSTEM, |at| {
        at.call(c::SYS_kexec_file_load, &[NO_FD, NO_FD, 0, 0, ALL_FLAGS])
    }),
    refused("settimeofday", c::SYS_settimeofday, group::SYSTEM, too_many_us),
    refused("clock_settime", c::SYS_clock_settime, group::SYSTEM, |at| {
        let time = [0_i64; 2];
        at.call(c::SYS_clock_settime, &[NO_CLOCK, time.as_ptr() as usize])
    }),
    refused("swapon", c::SYS_swapon, group::SYSTEM, |at| at.call(c::SYS_swapon, &[at.nothing(), 0])),
    refused("swapoff", c::SYS_swapoff, group::SYSTEM, |at| at.call(c::SYS_swapoff, &[at.nothing()])),
    // Without the numbers that show that it is meant.
    refused("reboot", c::SYS_reboot, group::SYSTEM, |at| at.call(c::SYS_reboot, &[0, 0, 0, 0])),
    Act {
        needs: Needs::Group(group::SIGNALS),
        ..on("signal", "kill", Answer::Signalled, |at| at.call(c::SYS_kill, &[at.daemon()?, SIGNAL]))
    },
];

pub const ACTS: &[Act] = &{
    let mut all = [CHANGES[0]; 2 * CHANGES.len() + OTHERS.len()];
    let mut at = 0;
    while at < CHANGES.len() {
        all[at] = CHANGES[at];
        all[CHANGES.len() + at] = entered(CHANGES[at]);
        at += 1;
    }
    let mut at = 0;
    while at < OTHERS.len() {
        all[2 * CHANGES.len() + at] = OTHERS[at];
        at += 1;
    }
    all
};
