//! Which acts on privileges are the same, so that what is repeated may be told as one.
//!
//! Owns that: by the same program, of the same user, with the same result and meaning. A failure is never the
//! same as a success.

use audit_common::privilege::{Privilege, call};

use crate::{decode::Tails, enrich::process::Executable, recorder::doer::Doer};

/// Told one by one of each in a window.
pub const TOLD_EACH: u32 = 10;
pub const WINDOW_NS: u64 = 60_000_000_000;
/// Different acts that are counted at one time.
pub const KINDS_MAX: usize = 1024;

/// What makes two acts the same.
#[derive(PartialEq, Eq, Hash)]
pub struct Same {
    doer: Doer,
    call: u32,
    errno: u32,
    flags: u32,
    /// The process that it is about.
    target: u32,
    values: [u64; 3],
    ids: [u32; 16],
    name: Box<[u8]>,
}

pub fn same(event: &Privilege, tails: &Tails<'_>, executable: Option<Executable>) -> Same {
    let header = &event.header;
    // What differs each time: numbers that the kernel gives, addresses, times.
    let values = match event.call {
        call::VM_READ | call::VM_WRITE | call::KEXEC_LOAD => [event.values[0], 0, 0],
        call::SETTIMEOFDAY | call::CLOCK_SETTIME => [event.values[0], 0, 0],
        call::ADJTIMEX | call::CLOCK_ADJTIME => [event.values[0], event.values[3], 0],
        call::BPF_LOAD | call::BPF_ATTACH => [event.values[0], event.values[1], 0],
        call::SETNS => [event.values[0], 0, 0],
        call::PERF_OPEN => [event.values[1], event.values[2], event.values[4]],
        call::PTRACE | call::PIDFD_GETFD => [event.values[0], 0, 0],
        _ => [event.values[0], event.values[1], event.values[2]],
    };
    let [b0, b1, b2, b3, b4, b5, b6, b7] = event.before_ids;
    let name = [tails.text, tails.second_name, tails.file, tails.groups];
    let parts = name.into_iter().flatten().map(|part| part.bytes);
    Same {
        doer: Doer::of(header, executable),
        call: event.call,
        errno: event.errno,
        flags: event.flags,
        target: match event.call {
            // A new one each time.
            call::CLONE => 0,
            _ => event.target.tgid,
        },
        values,
        ids: [
            b0,
            b1,
            b2,
            b3,
            b4,
            b5,
            b6,
            b7,
            header.uid,
            header.gid,
            header.suid,
            header.sgid,
            header.euid,
            header.egid,
            header.fsuid,
            header.fsgid,
        ],
        name: parts.collect::<Vec<_>>().join(&0).into_boxed_slice(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerocopy::FromZeros;

    fn like(change: impl FnOnce(&mut Privilege)) -> Same {
        let mut event = Privilege::new_zeroed();
        event.call = call::UNSHARE;
        change(&mut event);
        same(&event, &Tails::default(), None)
    }

    #[test]
    fn failures_and_other_values_are_other_acts_and_times_are_not() {
        let one = like(|_| {});
        assert!(one == like(|event| event.header.time_ns = 1));
        assert!(one != like(|event| event.errno = 1));
        assert!(one != like(|event| event.values[0] = 1));
        assert!(one != like(|event| event.header.euid = 1));
        assert!(one != like(|event| event.target.tgid = 1));
        let cloned = |child| like(|event| (event.call, event.target.tgid) = (call::CLONE, child));
        assert!(cloned(1) == cloned(2));
    }
}
