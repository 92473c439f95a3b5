//! What each call is about: its arguments, the process or file that they mean, names.
//!
//! Owns these readings. Must not emit, and must not know how a record reads.

use audit_common::{
    events::{tag, tail_flag},
    header,
    privilege::{NO_VALUE, Privilege, call, flag, namespace},
};

use super::{
    Call, Verdict, before, bpf, calls, module, own, perf, push_groups, reboot, signal, target,
};
use crate::{
    entry::Entry,
    path::{self, Place},
    read::{self, mask},
    settings::offset,
    tails::Tails,
    task, watch,
};

const EPERM: u32 = 1;
const PTRACE_TRACEME: u64 = 0;
const PTRACE_ATTACH: u64 = 16;
const PTRACE_SEIZE: u64 = 0x4206;

/// `timex.modes`, and the one of them that only reads.
const ADJ_OFFSET_SS_READ: u32 = 0xa001;
const ADJ_SETOFFSET: u32 = 0x100;
const ADJ_NANO: u32 = 0x2000;
const NS_PER_US: u64 = 1000;
/// Bytes of a host's name.
const HOST_NAME_MAX: u64 = 64;
/// NSFS_MAGIC
const NSFS: u64 = 0x6e73_6673;

/// Is a call with these arguments told at all? Asked before anything else: many are not.
#[inline(always)]
pub fn is_wanted(asked: &Call) -> bool {
    let (first, second) = (asked.argument(0), asked.argument(1));
    match asked.call() {
        call::PTRACE => matches!(first, PTRACE_TRACEME | PTRACE_ATTACH | PTRACE_SEIZE),
        call::UNSHARE => first & namespace::FLAGS != 0,
        // What is made is told at the fork.
        call::CLONE => asked.errno() != 0 && clone_flags(asked) & namespace::FLAGS != 0,
        // Those that arrive are told by who gets them.
        call::SIGNAL => asked.errno() == EPERM,
        call::BPF_LOAD => bpf::is_wanted(first),
        // A time zone is none of the clock's.
        call::SETTIMEOFDAY => first != 0,
        call::ADJTIMEX => sets(first),
        call::CLOCK_ADJTIME => sets(second),
        _ => true,
    }
}

/// Does this adjustment change anything?
#[inline(always)]
fn sets(timex: u64) -> bool {
    let modes = read::try_user::<u32>(timex).unwrap_or(1);
    modes != 0 && modes != ADJ_OFFSET_SS_READ
}

#[inline(always)]
pub fn describe(asked: &Call, event: &mut Privilege, tails: Tails) -> Verdict {
    match asked.call() {
        call::SETGROUPS => {
            let cred: u64 = read::kernel(asked.task + offset!(task_cred));
            push_groups(tails, tag::GROUPS, cred);
            Verdict::Tell
        }
        call::SETUID..=call::PRCTL_AMBIENT => credentials(asked, event),
        call::PERSONALITY..=call::NO_NEW_PRIVS => own::describe(asked, event),
        call::UNSHARE | call::SETNS => namespaces(asked, event, tails),
        call::CLONE => {
            event.values[0] = u64::from(asked.number() == calls::CLONE3);
            event.values[1] = clone_flags(asked);
            Verdict::Tell
        }
        call::PTRACE..=call::SIGNAL | call::PERF_OPEN => other_process(asked, event),
        call::INIT_MODULE..=call::DELETE_MODULE => modules(asked, event, tails),
        call::BPF_LOAD => bpf::describe(asked, event, tails),
        call::KEXEC_LOAD => {
            event.values[0] = asked.argument(3);
            Verdict::Tell
        }
        call::KEXEC_FILE_LOAD => {
            event.values[0] = asked.argument(4);
            file(asked, event, tails, asked.argument(0));
            Verdict::Tell
        }
        call::SETTIMEOFDAY..=call::CLOCK_ADJTIME => clock(asked, event),
        call::SETHOSTNAME | call::SETDOMAINNAME => {
            host_name(asked, tails);
            Verdict::Tell
        }
        call::USERFAULTFD => {
            event.values[0] = asked.argument(0);
            Verdict::Tell
        }
        call::SWAPON | call::SWAPOFF => {
            event.values[0] = asked.argument(1) * u64::from(asked.call() == call::SWAPON);
            tails.user_string(tag::TEXT, asked.argument(0));
            Verdict::Tell
        }
        _ => reboots(asked, event),
    }
}

/// Ids and capabilities.
#[inline(always)]
pub fn credentials(asked: &Call, event: &mut Privilege) -> Verdict {
    match asked.call() {
        call::SETUID..=call::SETFSGID => ids(asked, event),
        _ => capabilities(asked, event),
    }
}

#[inline(always)]
fn ids(asked: &Call, event: &mut Privilege) -> Verdict {
    event.values[0] = widened(asked, asked.argument(0));
    event.values[1] = widened(asked, asked.argument(1));
    event.values[2] = widened(asked, asked.argument(2));
    let header = &event.header;
    let now = [
        header.uid,
        header.gid,
        header.suid,
        header.sgid,
        header.euid,
        header.egid,
        header.fsuid,
        header.fsgid,
    ];
    // These two do not say that they were refused.
    let wanted = event.values[0] as u32;
    let set = match asked.call() {
        call::SETFSUID => header.fsuid,
        call::SETFSGID => header.fsgid,
        _ => wanted,
    };
    let in_host = header.flags & header::flag::HOST_USER_NS != 0;
    if wanted != u32::MAX && set != wanted && in_host {
        event.errno = EPERM;
    }
    if event.errno == 0 && event.flags & flag::BEFORE != 0 && event.before_ids == now {
        return Verdict::NoChange;
    }
    Verdict::Tell
}

#[inline(always)]
fn capabilities(asked: &Call, event: &mut Privilege) -> Verdict {
    event.values[0] = asked.argument(1);
    event.values[1] = asked.argument(2);
    let (now, before) = (&event.caps, &event.before_caps);
    let same = (now.effective ^ before.effective)
        | (now.permitted ^ before.permitted)
        | (now.inheritable ^ before.inheritable)
        | (now.ambient ^ before.ambient);
    if event.errno == 0 && event.flags & flag::BEFORE != 0 && same == 0 {
        return Verdict::NoChange;
    }
    Verdict::Tell
}

#[inline(always)]
fn namespaces(asked: &Call, event: &mut Privilege, tails: Tails) -> Verdict {
    event.values[0] = match asked.call() {
        call::UNSHARE => asked.argument(0),
        _ => asked.argument(1),
    };
    if asked.call() == call::SETNS {
        namespace_file(asked, event, tails);
    }
    let mut changed = 0;
    for at in 0..namespace::COUNT {
        changed |= event.namespaces[at];
    }
    if event.errno == 0 && event.flags & flag::BEFORE != 0 && changed == 0 {
        return Verdict::NoChange;
    }
    Verdict::Tell
}

/// With what a process was to be made; by clone the lowest byte is the signal of its end.
#[inline(always)]
fn clone_flags(asked: &Call) -> u64 {
    match asked.number() {
        calls::CLONE3 => read::try_user(asked.argument(0)).unwrap_or(0),
        _ => asked.argument(0) & !0xff,
    }
}

/// Type and number of the namespace behind a descriptor.
#[inline(always)]
fn namespace_file(asked: &Call, event: &mut Privilege, tails: Tails) {
    let file = task::files(asked.task).at(asked.argument(0) as u32);
    let inode: u64 = read::kernel(file + offset!(file_inode));
    let sb: u64 = read::kernel(inode + offset!(inode_sb));
    if file == 0 || read::kernel::<u64>(sb + offset!(sb_magic)) != NSFS {
        return;
    }
    event.values[1] = read::kernel(inode + offset!(inode_ino));
    let namespace: u64 = read::kernel(inode + offset!(inode_private));
    let operations: u64 = read::kernel(namespace + offset!(ns_ops));
    tails.kernel_string(tag::TEXT, read::kernel(operations + offset!(ns_ops_name)));
}

#[inline(always)]
fn other_process(asked: &Call, event: &mut Privilege) -> Verdict {
    let [first, second, third, fourth, fifth] = [0, 1, 2, 3, 4].map(|at| asked.argument(at));
    let receiver = match asked.call() {
        call::PTRACE if first == PTRACE_TRACEME => asked.task,
        call::PTRACE => task::by_number(asked.task, second as u32),
        call::PERF_OPEN => task::by_number(asked.task, perf::process(asked)),
        call::PIDFD_GETFD => target::by_descriptor(asked.task, first),
        call::SIGNAL if asked.number() == calls::PIDFD_SEND_SIGNAL => {
            target::by_descriptor(asked.task, first)
        }
        _ => task::by_number(asked.task, first as u32),
    };
    target::fill(event, receiver);
    let is_oneself = event.target.tgid == event.header.tgid;
    match asked.call() {
        call::PTRACE => {
            event.values[0] = first;
            event.values[1] = second;
        }
        call::PERF_OPEN if is_oneself => return Verdict::None,
        call::PERF_OPEN => return perf::describe(asked, event),
        call::PIDFD_GETFD => {
            event.values[0] = second;
            event.values[1] = if asked.errno() == 0 {
                asked.result() as u64
            } else {
                NO_VALUE
            };
        }
        call::SIGNAL => {
            let is_third = calls::names_thread(asked.number(), asked.entry);
            event.values[0] = if is_third { third } else { second };
            let protected = receiver != 0 && signal::is_protected(receiver);
            // Of 0 only the right to send is asked.
            if !protected || event.values[0] == 0 {
                return Verdict::None;
            }
        }
        _ => {
            if is_oneself {
                return Verdict::None;
            }
            event.values[0] = first;
            event.values[1] = match fifth {
                0 => NO_VALUE,
                _ => first_address(asked.entry, fourth),
            };
            event.values[2] = if asked.errno() == 0 {
                asked.result() as u64
            } else {
                NO_VALUE
            };
        }
    }
    Verdict::Tell
}

/// Of a list of pieces of memory.
#[inline(always)]
fn first_address(entry: Entry, list: u64) -> u64 {
    match entry {
        Entry::Native => read::try_user(list).unwrap_or(NO_VALUE),
        Entry::Compat => read::try_user::<u32>(list).map_or(NO_VALUE, u64::from),
    }
}

/// An id as this call gives it: those of 16 bits have their own "leave it".
#[inline(always)]
fn widened(asked: &Call, id: u64) -> u64 {
    let is_short = asked.entry == Entry::Compat && calls::is_short_32(asked.number());
    match id & 0xffff {
        0xffff if is_short => u32::MAX.into(),
        short if is_short => short,
        _ => id,
    }
}

/// Seconds and the smaller part, as this call gives them.
#[inline(always)]
fn time_at(asked: &Call, address: u64) -> [u64; 2] {
    let narrow = asked.entry == Entry::Compat && asked.number() != calls::CLOCK_SETTIME64;
    let read = match narrow {
        true => read::try_user::<[i32; 2]>(address)
            .map(|[seconds, part]| [i64::from(seconds) as u64, i64::from(part) as u64]),
        false => read::try_user(address),
    };
    read.unwrap_or([NO_VALUE; 2])
}

/// The file behind this descriptor.
#[inline(always)]
fn file(asked: &Call, event: &mut Privilege, tails: Tails, fd: u64) {
    let files = task::files(asked.task);
    let file = files.at(fd as u32);
    if file == 0 {
        return;
    }
    let place = Place::read(file + offset!(file_path));
    let inode: u64 = read::kernel(file + offset!(file_inode));
    let identity = watch::identity(inode);
    event.ino = identity.ino;
    event.dev = identity.dev;
    event.mode = u32::from(read::kernel::<u16>(inode + offset!(inode_mode)));
    event.flags |= flag::OBJECT | u32::from(files.are_shared()) * flag::UNPROVEN;
    let fs: u64 = read::kernel(asked.task + offset!(task_fs));
    path::push(tails, tag::FILE, place, Place::read(fs + offset!(fs_root)));
}

#[inline(always)]
fn modules(asked: &Call, event: &mut Privilege, tails: Tails) -> Verdict {
    match asked.call() {
        call::DELETE_MODULE => tails.user_string(tag::TEXT, asked.argument(0)),
        call::FINIT_MODULE => {
            event.values[0] = asked.argument(2);
            file(asked, event, tails, asked.argument(0));
            module::push_name(asked.task, tails);
        }
        _ => module::push_name(asked.task, tails),
    }
    Verdict::Tell
}

#[inline(always)]
fn clock(asked: &Call, event: &mut Privilege) -> Verdict {
    let (first, second) = (asked.argument(0), asked.argument(1));
    let kept = [event.values[4], event.values[5]];
    event.values[4] = 0;
    event.values[5] = 0;
    let is_adjustment = asked.call() >= call::ADJTIMEX;
    let (clock, address) = match asked.call() {
        call::SETTIMEOFDAY | call::ADJTIMEX => (0, first),
        _ => (first as u32 as u64, second),
    };
    event.values[0] = clock;
    let (mut time, modes) = if is_adjustment {
        let modes = read::try_user::<u32>(address).unwrap_or(0);
        let known = event.flags & flag::BEFORE != 0 && modes & ADJ_SETOFFSET != 0;
        (if known { kept } else { [NO_VALUE; 2] }, modes)
    } else {
        (time_at(asked, address), 0)
    };
    let in_us = asked.call() == call::SETTIMEOFDAY || is_adjustment && modes & ADJ_NANO == 0;
    if in_us && time[1] != NO_VALUE {
        time[1] = time[1].wrapping_mul(NS_PER_US);
    }
    event.values[1] = time[0];
    event.values[2] = time[1];
    event.values[3] = u64::from(modes);
    Verdict::Tell
}

#[inline(always)]
fn host_name(asked: &Call, tails: Tails) {
    if asked.errno() == 0 {
        tails.kernel_string(tag::TEXT, before::host_name(asked.task, asked.call()));
        return;
    }
    let (name, length) = (asked.argument(0), asked.argument(1));
    let kept = match length > HOST_NAME_MAX {
        true => HOST_NAME_MAX,
        false => length,
    };
    let kept = mask!(kept, 0x7f);
    // SAFETY: a tail has room for more than this.
    let read = unsafe { read::user_bytes(tails.content(), kept, name) };
    match read {
        true if kept < length => {
            tails.push(tag::TEXT, tail_flag::TRUNCATED, kept, length as u32 as u64);
        }
        true => tails.push(tag::TEXT, 0, kept, kept),
        false => tails.push(tag::TEXT, tail_flag::UNREADABLE, 0, 0),
    }
}

#[inline(always)]
fn reboots(asked: &Call, event: &mut Privilege) -> Verdict {
    let [first, second, command] = [0, 1, 2].map(|at| asked.argument(at));
    let is_meant = reboot::is_meant(first, second);
    event.values[0] = command;
    event.values[1] = u64::from(is_meant);
    // What was to be done was told before.
    let was_told = asked.errno() == 0 && !reboot::is_harmless(command);
    if was_told {
        Verdict::None
    } else {
        Verdict::Tell
    }
}
