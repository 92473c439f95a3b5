//! Calls of bpf(2) on maps, in which the thread that makes them is not preempted.
//!
//! Owns the thread's scheduling for that moment. While such a call is under way the kernel runs no program on
//! trace events of that CPU (and before 7.2 none on system calls): a daemon that is preempted there would be
//! a reason for losses, which the log says, and whoever makes it look at files could bring it about. As a
//! real-time task of the least priority it gives way to interrupts and to other such tasks only. Where it may
//! not be one (no CAP_SYS_NICE) it does without.

use nix::libc;

/// Does this without being preempted. Not for more than some milliseconds.
pub fn undisturbed<T>(act: impl FnOnce() -> T) -> T {
    let _calm = Calm::begin();
    act()
}

struct Calm {
    /// What it was, if it is another by now.
    before: Option<(libc::c_int, libc::sched_param)>,
}

impl Calm {
    fn begin() -> Calm {
        // SAFETY: of this thread; all zeros are a value of this structure of numbers, which the kernel fills.
        let before = unsafe {
            let mut parameters: libc::sched_param = std::mem::zeroed();
            let policy = libc::sched_getscheduler(0);
            let known = policy >= 0 && libc::sched_getparam(0, &raw mut parameters) == 0;
            known.then_some((policy, parameters))
        };
        let is_ordinary = before.is_some_and(|(policy, _)| policy == libc::SCHED_OTHER);
        if !is_ordinary || !set(libc::SCHED_FIFO, libc::sched_param { sched_priority: 1 }) {
            return Calm { before: None };
        }
        Calm { before }
    }
}

impl Drop for Calm {
    fn drop(&mut self) {
        if let Some((policy, parameters)) = self.before {
            // Back to what everybody may be.
            set(policy, parameters);
        }
    }
}

fn set(policy: libc::c_int, parameters: libc::sched_param) -> bool {
    // SAFETY: of this thread, by numbers.
    unsafe { libc::sched_setscheduler(0, policy, &raw const parameters) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> libc::c_int {
        // SAFETY: asks only.
        unsafe { libc::sched_getscheduler(0) }
    }

    #[test]
    fn a_thread_is_what_it_was_afterwards() {
        let before = policy();
        let within = undisturbed(policy);
        assert_eq!(policy(), before);
        // Whether it may be one is this machine's matter.
        assert!([before, libc::SCHED_FIFO].contains(&within));
        let nested = undisturbed(|| {
            undisturbed(|| {});
            policy()
        });
        assert_eq!(nested, within);
    }
}
