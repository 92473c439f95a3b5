//! Events of others that a process wants to be told of, or to have counted: perf_event_open(2).
//!
//! Owns the reading of its attributes. Those of oneself are nobody's matter.

use audit_common::privilege::{NO_VALUE, PERF_OF_CGROUP, Privilege};

use super::{Call, Verdict};
use crate::read;

/// Where members stand in its attributes.
mod at {
    pub const TYPE: u64 = 0;
    pub const CONFIG: u64 = 8;
}

/// Whose events it is about; nobody's number if `pid` is a descriptor of a control group.
#[inline(always)]
pub fn process(asked: &Call) -> u32 {
    match asked.argument(4) & PERF_OF_CGROUP {
        0 => asked.argument(1) as u32,
        _ => u32::MAX,
    }
}

/// Of a process that is not the caller's own, of a control group, or of all.
#[inline(always)]
pub fn describe(asked: &Call, event: &mut Privilege) -> Verdict {
    let [attributes, pid, cpu, flags] = [0, 1, 2, 4].map(|at| asked.argument(at));
    if process(asked) == 0 {
        return Verdict::None;
    }
    event.values[0] = pid as u32 as u64;
    event.values[1] = read::try_user::<u32>(attributes + at::TYPE).map_or(NO_VALUE, u64::from);
    event.values[2] = read::try_user(attributes + at::CONFIG).unwrap_or(NO_VALUE);
    event.values[3] = cpu as u32 as u64;
    event.values[4] = flags;
    Verdict::Tell
}
