//! What a process sets for itself and its children, and what holds it back: its personality, securebits, and
//! that it gains nothing by an exec.
//!
//! Owns what was before: of a prctl it is kept at the entry, a personality is handed back by the call.

use audit_common::privilege::{NO_VALUE, Privilege, call, flag};

use super::{Call, Verdict};
use crate::{
    read,
    settings::{offset, present},
};

/// `personality` of one that only asks.
const ASKS: u32 = u32::MAX;
/// PFA_NO_NEW_PRIVS, of a task's flags.
const NO_NEW_PRIVS: u64 = 1;

/// Securebits, and whether an exec may give more: what is kept at the entry.
#[inline(always)]
pub fn restraints(task: u64) -> [u64; 2] {
    let cred: u64 = read::kernel(task + offset!(task_cred));
    let securebits = match present(offset!(cred_securebits)) {
        true => read::kernel::<u32>(cred + offset!(cred_securebits)).into(),
        false => NO_VALUE,
    };
    let flags = match present(offset!(task_atomic_flags)) {
        true => read::kernel::<u64>(task + offset!(task_atomic_flags)),
        false => 0,
    };
    [securebits, flags & NO_NEW_PRIVS]
}

#[inline(always)]
pub fn describe(asked: &Call, event: &mut Privilege) -> Verdict {
    let kept = [event.values[4], event.values[5]];
    event.values[4] = 0;
    event.values[5] = 0;
    let is_kept = event.flags & flag::BEFORE != 0;
    let is_same = match asked.call() {
        call::PERSONALITY => {
            let (wanted, was) = (asked.argument(0) as u32, asked.result() as u32);
            event.values[0] = wanted.into();
            event.values[1] = was.into();
            if wanted == ASKS {
                return Verdict::None;
            }
            wanted == was
        }
        call::SECUREBITS => {
            let [now, _] = restraints(asked.task);
            event.values[0] = asked.argument(1);
            event.values[1] = if is_kept { kept[0] } else { NO_VALUE };
            event.values[2] = now;
            is_kept && kept[0] == now && now != NO_VALUE
        }
        _ => {
            event.values[0] = asked.argument(1);
            is_kept && kept[1] != 0
        }
    };
    match is_same && event.errno == 0 {
        true => Verdict::NoChange,
        false => Verdict::Tell,
    }
}
