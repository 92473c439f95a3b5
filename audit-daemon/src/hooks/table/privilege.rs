//! Rows of what changes privileges, reaches into other processes or changes the kernel.
//!
//! Owns these attach points. Must not know how any of them is attached.

use audit_common::{
    Kind,
    privilege::calls::{ENTER_POINTS, EXIT_POINTS},
};

use super::{calls, compat, function, raw, traced, twinned};
use crate::hooks::{
    BlindSpot::{self, *},
    Candidate, HookRow, Precision,
};

/// Of calls that change privileges; io_uring offers none of them.
const OF_CALLS: &[BlindSpot] = &[
    CallsOf32Bits,
    MemoryFiles,
    MemoryByRing,
    Skipped,
    Uncounted,
    PrivilegesOf32Bits,
    NoLoginUser,
];
const OF_FUNCTIONS: &[BlindSpot] = &[Skipped, Uncounted, NoLoginUser];

/// With this row changes of ids, groups and capabilities by 32-bit calls are seen.
pub const CREDENTIALS: &str = "credentials_narrow";

/// The row that tells a module's name.
pub const MODULE_NAME: &str = "module_name";

/// Before the exits, so that the first one seen has its "before".
pub const ENTER: HookRow = HookRow {
    name: "privilege_enter",
    group: "privilege",
    kinds: &[],
    auxiliary: true,
    candidates: &[Candidate {
        twin: Some("privilege_enters_again"),
        blind: &[],
        precision: Precision::Exact,
        ..calls("privilege_enters", ENTER_POINTS)
    }],
};

pub const MODULE: HookRow = HookRow {
    name: MODULE_NAME,
    group: "privilege",
    kinds: &[],
    auxiliary: true,
    candidates: &[raw("module_named", &["module_load"], (5, 5))],
};

pub const RETURN: HookRow = HookRow {
    name: "privilege",
    group: "privilege",
    kinds: &[Kind::Privilege],
    auxiliary: false,
    candidates: &[Candidate {
        precision: Precision::Exact,
        blind: OF_CALLS,
        ..twinned(
            "privilege_returned",
            "privilege_returned_again",
            &["privilege_returned_again"],
            EXIT_POINTS,
        )
    }],
};

/// On the function where credentials are put in force.
pub const NARROW: HookRow = HookRow {
    name: CREDENTIALS,
    group: "privilege",
    kinds: &[],
    auxiliary: true,
    candidates: &[Candidate {
        blind: OF_FUNCTIONS,
        ..function("credentials_narrow", &["commit_creds"])
    }],
};

pub const SIGNAL: HookRow = HookRow {
    name: "signal",
    group: "privilege",
    kinds: &[],
    auxiliary: true,
    candidates: &[raw("signal_sent", &["signal_generate"], (5, 5))],
};

pub const ENTER_OF_COMPAT: HookRow = HookRow {
    name: "privilege_enter_32",
    group: "privilege",
    kinds: &[],
    auxiliary: true,
    candidates: &[
        compat(traced(
            "privilege_enters_compat_traced",
            &["raw_syscalls/sys_enter"],
        )),
        compat(raw("privilege_enters_compat", &["sys_enter"], (5, 5))),
    ],
};

pub const RETURN_OF_COMPAT: HookRow = HookRow {
    name: "privilege_32",
    group: "privilege",
    kinds: &[],
    auxiliary: true,
    candidates: &[
        compat(traced(
            "privilege_returned_compat_traced",
            &["raw_syscalls/sys_exit"],
        )),
        compat(raw("privilege_returned_compat", &["sys_exit"], (5, 5))),
    ],
};
