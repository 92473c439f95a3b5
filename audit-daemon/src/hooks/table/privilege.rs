//! Rows of what changes privileges, reaches into other processes or changes the kernel.
//!
//! Owns these attach points. Must not know how any of them is attached.

use audit_common::Kind;

use super::{calls, compat, function, raw, traced, twinned};
use crate::hooks::{
    BlindSpot::{self, *},
    Candidate, HookRow, Precision,
};

/// Calls of which what was before is wanted.
#[rustfmt::skip]
const ENTERS: &[&str] = &[
    "syscalls/sys_enter_setuid", "syscalls/sys_enter_setgid", "syscalls/sys_enter_setreuid",
    "syscalls/sys_enter_setregid", "syscalls/sys_enter_setresuid", "syscalls/sys_enter_setresgid",
    "syscalls/sys_enter_setfsuid", "syscalls/sys_enter_setfsgid", "syscalls/sys_enter_setgroups",
    "syscalls/sys_enter_capset", "syscalls/sys_enter_prctl", "syscalls/sys_enter_unshare",
    "syscalls/sys_enter_setns", "syscalls/sys_enter_adjtimex", "syscalls/sys_enter_clock_adjtime",
    "syscalls/sys_enter_sethostname", "syscalls/sys_enter_setdomainname", "syscalls/sys_enter_reboot",
];
#[rustfmt::skip]
const RETURNS: &[&str] = &[
    "syscalls/sys_exit_setuid", "syscalls/sys_exit_setgid", "syscalls/sys_exit_setreuid",
    "syscalls/sys_exit_setregid", "syscalls/sys_exit_setresuid", "syscalls/sys_exit_setresgid",
    "syscalls/sys_exit_setfsuid", "syscalls/sys_exit_setfsgid", "syscalls/sys_exit_setgroups",
    "syscalls/sys_exit_capset", "syscalls/sys_exit_prctl", "syscalls/sys_exit_unshare",
    "syscalls/sys_exit_setns", "syscalls/sys_exit_ptrace", "syscalls/sys_exit_process_vm_readv",
    "syscalls/sys_exit_process_vm_writev", "syscalls/sys_exit_pidfd_getfd", "syscalls/sys_exit_kill",
    "syscalls/sys_exit_tkill", "syscalls/sys_exit_tgkill", "syscalls/sys_exit_rt_sigqueueinfo",
    "syscalls/sys_exit_rt_tgsigqueueinfo", "syscalls/sys_exit_pidfd_send_signal",
    "syscalls/sys_exit_init_module", "syscalls/sys_exit_finit_module", "syscalls/sys_exit_delete_module",
    "syscalls/sys_exit_bpf", "syscalls/sys_exit_kexec_load", "syscalls/sys_exit_kexec_file_load",
    "syscalls/sys_exit_settimeofday", "syscalls/sys_exit_clock_settime", "syscalls/sys_exit_adjtimex",
    "syscalls/sys_exit_clock_adjtime", "syscalls/sys_exit_sethostname", "syscalls/sys_exit_setdomainname",
    "syscalls/sys_exit_reboot", "syscalls/sys_exit_clone", "syscalls/sys_exit_clone3",
];

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
        ..calls("privilege_enters", ENTERS)
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
            RETURNS,
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
