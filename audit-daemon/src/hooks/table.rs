//! The rows of the hook table, and the shapes that candidates have.
//!
//! Owns the attach targets and the order of candidates. Must not know how any of them is attached.

pub mod network;
pub mod privilege;

use audit_common::Kind;

use super::{
    BlindSpot::{self, *},
    Candidate, HookRow, Mechanism, PREEMPTED_SINCE, Precision,
};

const fn raw(
    program: &'static str,
    points: &'static [&'static str],
    since: (u32, u32),
) -> Candidate {
    Candidate {
        mechanism: Mechanism::RawTracepoint,
        program,
        points,
        since,
        precision: Precision::Exact,
        blind: BY_KERNEL,
        only_compat: false,
        never_skipped: false,
        twin: None,
        noticed_by: &[],
    }
}

/// A trace event where [`raw`] may be skipped.
const fn traced(program: &'static str, points: &'static [&'static str]) -> Candidate {
    Candidate {
        mechanism: Mechanism::Tracepoint,
        program,
        points,
        since: PREEMPTED_SINCE,
        precision: Precision::Exact,
        blind: TRACED,
        only_compat: false,
        never_skipped: true,
        twin: None,
        noticed_by: &[],
    }
}

/// Tracepoints of single system calls, of what else can be asked for by io_uring.
const fn calls(program: &'static str, points: &'static [&'static str]) -> Candidate {
    Candidate {
        mechanism: Mechanism::Tracepoint,
        program,
        points,
        since: (4, 7),
        precision: Precision::ByName,
        blind: ACTS,
        only_compat: false,
        never_skipped: false,
        twin: None,
        noticed_by: &[],
    }
}

/// The same, with a twin where the program may be skipped.
const fn twinned(
    program: &'static str,
    twin: &'static str,
    noticed_by: &'static [&'static str],
    points: &'static [&'static str],
) -> Candidate {
    Candidate {
        twin: Some(twin),
        noticed_by,
        ..calls(program, points)
    }
}

/// What the 32-bit entry of every system call passes, with `kernel.compat`.
const fn compat(candidate: Candidate) -> Candidate {
    Candidate {
        only_compat: true,
        ..candidate
    }
}

/// Those of opens: what they have opened stands behind a descriptor.
#[rustfmt::skip]
const fn opens(points: &'static [&'static str]) -> Candidate {
    Candidate {
        precision: Precision::ByDescriptor,
        blind: OPENS,
        ..twinned("file_opened", "file_opened_again", &["file_opened_again"], points)
    }
}

/// A function of the kernel, which all ways of asking for the act pass.
const fn function(program: &'static str, names: &'static [&'static str]) -> Candidate {
    Candidate {
        mechanism: Mechanism::Trampoline,
        program,
        points: names,
        since: (5, 5),
        precision: Precision::Exact,
        blind: ON_FUNCTION,
        only_compat: false,
        never_skipped: false,
        twin: None,
        noticed_by: &[],
    }
}

/// The same, of the flavour for newer kernels only.
const fn inside(program: &'static str, names: &'static [&'static str]) -> Candidate {
    Candidate {
        since: LOOPS_SINCE,
        ..function(program, names)
    }
}

/// From this kernel on programs can loop, and know a function's result.
pub const LOOPS_SINCE: (u32, u32) = (5, 17);
/// From this kernel on tracepoints hand over io_uring's requests.
const RINGS_SINCE: (u32, u32) = (6, 0);
/// With this row the acts that are asked for by io_uring are seen.
pub const RING_SUBMIT: &str = "ring_submit";
/// Rows of functions that look at the objects of acts, and that tell of those by other entries.
pub const ACTS_BEGIN: &str = "unlink_begins";
pub const ACTS_END: &str = "unlink_ends";
/// With this row descriptors are seen that come from others.
pub const RECEIVED: &str = "file_received";

/// So end the names of rows that see what the 32-bit entry passes to another one.
pub const OF_COMPAT: &str = "_32";

// Blind spots of whole shapes, before this kernel's are picked of them.
const BY_KERNEL: &[BlindSpot] = &[Skipped, Uncounted];
const ON_FUNCTION: &[BlindSpot] = &[Received, Skipped, Uncounted, NoLoginUser];
const ACTS: &[BlindSpot] = &[
    CallsOf32Bits,
    FailuresOf32Bits,
    IoUring,
    Skipped,
    Uncounted,
    ToldByName,
    NoLoginUser,
];
const OPENS: &[BlindSpot] = &[
    CallsOf32Bits,
    IoUring,
    Received,
    Skipped,
    Uncounted,
    SharedDescriptors,
    NoLoginUser,
];
const EXECS: &[BlindSpot] = &[Skipped, Uncounted, ScriptInode, NoLoginUser];
const TRACED: &[BlindSpot] = &[MapCalls];
const EXECS_TRACED: &[BlindSpot] = &[MapCalls, ScriptInode, NoLoginUser];
const EXECS_FAILED: &[BlindSpot] = &[Skipped, Uncounted, ToldByProgram, NoLoginUser];
const EXECS_FAILED_BY_CALLS: &[BlindSpot] = &[
    CallsOf32Bits,
    Skipped,
    Uncounted,
    ToldByProgram,
    NoLoginUser,
];
const BEGINNINGS: &[BlindSpot] = &[CallsOf32Bits, IoUring];
const RING_TRACED: &[BlindSpot] = &[RingTruncate, MapCalls, NoCompletion];
const RING: &[BlindSpot] = &[RingTruncate, Skipped, Uncounted, NoCompletion];

/// A row of acts on files that makes no events of its own.
const fn looks(name: &'static str, candidates: &'static [Candidate]) -> HookRow {
    HookRow {
        name,
        group: "file",
        kinds: &[],
        auxiliary: true,
        candidates,
    }
}

#[rustfmt::skip]
pub const HOOKS: &[HookRow] = &[
    HookRow { name: "cgroup_created", group: "cgroup", kinds: &[Kind::CgroupCreated], auxiliary: false, candidates: &[
        raw("cgroup_created", &["cgroup_mkdir"], (5, 5)),
    ] },
    HookRow { name: "cgroup_removed", group: "cgroup", kinds: &[Kind::CgroupRemoved], auxiliary: false, candidates: &[
        raw("cgroup_removed", &["cgroup_rmdir"], (5, 5)),
    ] },
    HookRow { name: "exit", group: "exit", kinds: &[Kind::Exit], auxiliary: false, candidates: &[
        traced("exit_traced", &["sched/sched_process_exit"]),
        raw("exit", &["sched_process_exit"], (5, 5)),
    ] },
    HookRow { name: "fork", group: "fork", kinds: &[Kind::Fork], auxiliary: false, candidates: &[
        traced("fork_traced", &["task/task_newtask"]),
        raw("fork", &["sched_process_fork"], (5, 5)),
    ] },
    // Before `exec`, so that the first exec seen has its "before".
    HookRow { name: "exec_before", group: "exec", kinds: &[], auxiliary: true, candidates: &[
        Candidate {
            twin: Some("exec_before_prepare_again"),
            ..raw("exec_before_prepare", &["sched_prepare_exec"], (6, 10))
        },
        Candidate {
            mechanism: Mechanism::Tracepoint,
            program: "exec_before_enter",
            points: &["syscalls/sys_enter_execve", "syscalls/sys_enter_execveat"],
            since: (4, 7),
            precision: Precision::Exact,
            blind: &[IdsOf32Bits],
            only_compat: false,
            never_skipped: false,
            twin: None,
            noticed_by: &[],
        },
    ] },
    HookRow { name: "exec", group: "exec", kinds: &[Kind::Exec], auxiliary: false, candidates: &[
        Candidate { blind: EXECS_TRACED, ..traced("exec_traced", &["sched/sched_process_exec"]) },
        Candidate { blind: EXECS, ..raw("exec", &["sched_process_exec"], (5, 5)) },
    ] },
    HookRow { name: "exec_failed", group: "exec_failed", kinds: &[Kind::ExecFailed], auxiliary: false, candidates: &[
        Candidate {
            precision: Precision::ByName,
            blind: EXECS_FAILED,
            only_compat: true,
            ..traced("exec_failed_traced", &["raw_syscalls/sys_exit"])
        },
        Candidate {
            mechanism: Mechanism::RawTracepoint,
            program: "exec_failed_raw",
            points: &["sys_exit"],
            since: (5, 5),
            precision: Precision::ByName,
            blind: EXECS_FAILED,
            only_compat: true,
            never_skipped: false,
            twin: None,
            noticed_by: &[],
        },
        Candidate {
            mechanism: Mechanism::Tracepoint,
            program: "exec_failed",
            points: &["syscalls/sys_exit_execve", "syscalls/sys_exit_execveat"],
            since: (4, 7),
            precision: Precision::ByName,
            blind: EXECS_FAILED_BY_CALLS,
            only_compat: false,
            never_skipped: false,
            twin: Some("exec_failed_again"),
            noticed_by: &["exec_failed_again", "exec_before_enter"],
        },
    ] },
    HookRow { name: "file_act", group: "file", kinds: &[Kind::FileAct], auxiliary: false, candidates: &[
        twinned("file_acted", "file_acted_again", &["file_acted_again"], &[
            "syscalls/sys_exit_unlink", "syscalls/sys_exit_unlinkat", "syscalls/sys_exit_rmdir",
            "syscalls/sys_exit_rename", "syscalls/sys_exit_renameat", "syscalls/sys_exit_renameat2",
            "syscalls/sys_exit_link", "syscalls/sys_exit_linkat",
            "syscalls/sys_exit_symlink", "syscalls/sys_exit_symlinkat",
            "syscalls/sys_exit_mkdir", "syscalls/sys_exit_mkdirat",
            "syscalls/sys_exit_mknod", "syscalls/sys_exit_mknodat",
            "syscalls/sys_exit_truncate", "syscalls/sys_exit_ftruncate",
            "syscalls/sys_exit_chmod", "syscalls/sys_exit_fchmod",
            "syscalls/sys_exit_fchmodat", "syscalls/sys_exit_fchmodat2",
            "syscalls/sys_exit_chown", "syscalls/sys_exit_fchown",
            "syscalls/sys_exit_lchown", "syscalls/sys_exit_fchownat",
            "syscalls/sys_exit_setxattr", "syscalls/sys_exit_lsetxattr",
            "syscalls/sys_exit_fsetxattr", "syscalls/sys_exit_setxattrat",
            "syscalls/sys_exit_removexattr", "syscalls/sys_exit_lremovexattr",
            "syscalls/sys_exit_fremovexattr", "syscalls/sys_exit_removexattrat",
            "syscalls/sys_exit_utime", "syscalls/sys_exit_utimes",
            "syscalls/sys_exit_futimesat", "syscalls/sys_exit_utimensat",
            "syscalls/sys_exit_mount", "syscalls/sys_exit_umount",
            "syscalls/sys_exit_move_mount", "syscalls/sys_exit_mount_setattr",
            "syscalls/sys_exit_open_tree", "syscalls/sys_exit_open_tree_attr",
            "syscalls/sys_exit_chroot", "syscalls/sys_exit_pivot_root",
        ]),
    ] },
    // Objects of acts, in the moment before; `file_act` tells them. Where a call is not hooked, it is the
    // functions that do it. Ends before their beginnings.
    looks(ACTS_END, &[inside("unlink_ends", &["vfs_unlink"])]),
    looks("rmdir_ends", &[inside("rmdir_ends", &["vfs_rmdir"])]),
    looks("mkdir_ends", &[inside("mkdir_ends", &["vfs_mkdir"])]),
    looks("mknod_ends", &[inside("mknod_ends", &["vfs_mknod"])]),
    looks("symlink_ends", &[inside("symlink_ends", &["vfs_symlink"])]),
    looks("link_ends", &[inside("link_ends", &["vfs_link"])]),
    looks("rename_ends", &[inside("rename_ends", &["vfs_rename"])]),
    looks("change_ends", &[inside("change_ends", &["notify_change"])]),
    looks("setxattr_ends", &[inside("setxattr_ends", &["vfs_setxattr"])]),
    looks("removexattr_ends", &[inside("removexattr_ends", &["vfs_removexattr"])]),
    looks(ACTS_BEGIN, &[inside("unlink_begins", &["security_path_unlink"])]),
    looks("rmdir_begins", &[inside("rmdir_begins", &["security_path_rmdir"])]),
    looks("mkdir_begins", &[inside("mkdir_begins", &["security_path_mkdir"])]),
    looks("mknod_begins", &[inside("mknod_begins", &["security_path_mknod"])]),
    looks("symlink_begins", &[inside("symlink_begins", &["security_path_symlink"])]),
    looks("link_begins", &[inside("link_begins", &["security_path_link"])]),
    looks("rename_begins", &[inside("rename_begins", &["security_path_rename"])]),
    looks("truncate_begins", &[inside("truncate_begins", &["security_path_truncate"])]),
    looks("ftruncate_begins", &[inside("ftruncate_begins", &["security_file_truncate"])]),
    looks("chmod_begins", &[inside("chmod_begins", &["security_path_chmod"])]),
    looks("chown_begins", &[inside("chown_begins", &["security_path_chown"])]),
    looks("utimes_begins", &[inside("utimes_begins", &["vfs_utimes"])]),
    looks("setxattr_begins", &[inside("setxattr_begins", &["security_inode_setxattr"])]),
    looks("removexattr_begins", &[inside("removexattr_begins", &["security_inode_removexattr"])]),
    HookRow { name: "file_act_32", group: "file", kinds: &[], auxiliary: true, candidates: &[
        compat(traced("file_acted_compat_traced", &["raw_syscalls/sys_exit"])),
        compat(raw("file_acted_compat", &["sys_exit"], (5, 5))),
    ] },
    // Behind what counts the end of it.
    HookRow { name: "moving_begin", group: "file", kinds: &[], auxiliary: true, candidates: &[
        Candidate { blind: BEGINNINGS, ..calls("moving_begins", &[
            "syscalls/sys_enter_rename", "syscalls/sys_enter_renameat", "syscalls/sys_enter_renameat2",
            "syscalls/sys_enter_mount", "syscalls/sys_enter_umount", "syscalls/sys_enter_move_mount",
            "syscalls/sys_enter_pivot_root",
        ]) },
    ] },
    HookRow { name: "moving_begin_32", group: "file", kinds: &[], auxiliary: true, candidates: &[
        compat(traced("moving_begins_compat_traced", &["raw_syscalls/sys_enter"])),
        compat(raw("moving_begins_compat", &["sys_enter"], (5, 5))),
    ] },
    HookRow { name: "file_open", group: "file", kinds: &[Kind::FileOpen], auxiliary: false, candidates: &[
        Candidate {
            twin: Some("file_opened_inside_again"),
            noticed_by: &["file_opened_inside_again"],
            ..function("file_opened_inside", &["do_filp_open", "do_file_open"])
        },
        opens(&[
            "syscalls/sys_exit_openat", "syscalls/sys_exit_open", "syscalls/sys_exit_openat2",
            "syscalls/sys_exit_creat", "syscalls/sys_exit_open_by_handle_at",
            "syscalls/sys_exit_open_tree",
        ]),
    ] },
    // Beside the calls only: functions are passed by these as well.
    HookRow { name: "file_open_32", group: "file", kinds: &[], auxiliary: true, candidates: &[
        compat(traced("file_opened_compat_traced", &["raw_syscalls/sys_exit"])),
        compat(raw("file_opened_compat", &["sys_exit"], (5, 5))),
    ] },
    // Beside hooks on functions only: else these are among the calls above.
    HookRow { name: "file_open_by_handle", group: "file", kinds: &[], auxiliary: true, candidates: &[
        function("file_opened_by_handle", &["do_file_open_root"]),
    ] },
    looks(RECEIVED, &[inside("file_received", &["security_file_receive"])]),
    HookRow { name: "file_open_refused", group: "file", kinds: &[], auxiliary: true, candidates: &[
        function("file_open_refused", &["do_sys_openat2"]),
    ] },
    HookRow { name: "file_open_tree", group: "file", kinds: &[], auxiliary: true, candidates: &[
        opens(&["syscalls/sys_exit_open_tree"]),
    ] },
    HookRow { name: "file_open_tree_narrow", group: "file", kinds: &[], auxiliary: true, candidates: &[
        function("file_opened_tree_narrow", &["__ia32_sys_open_tree"]),
    ] },
    // The ends of requests before their beginnings.
    HookRow { name: "ring_end", group: "file", kinds: &[], auxiliary: true, candidates: &[
        traced("ring_completed_traced", &["io_uring/io_uring_complete"]),
        raw("ring_completed", &["io_uring_complete"], RINGS_SINCE),
    ] },
    HookRow { name: "ring_overflow", group: "file", kinds: &[], auxiliary: true, candidates: &[
        traced("ring_overflowed_traced", &["io_uring/io_uring_cqe_overflow"]),
        raw("ring_overflowed", &["io_uring_cqe_overflow"], RINGS_SINCE),
    ] },
    HookRow { name: "ring_cancel", group: "file", kinds: &[], auxiliary: true, candidates: &[
        traced("ring_cancelled_traced", &["io_uring/io_uring_fail_link"]),
        raw("ring_cancelled", &["io_uring_fail_link"], RINGS_SINCE),
    ] },
    HookRow { name: RING_SUBMIT, group: "file", kinds: &[], auxiliary: true, candidates: &[
        Candidate {
            blind: RING_TRACED,
            ..traced("ring_submitted_traced", &["io_uring/io_uring_submit_req"])
        },
        Candidate { blind: RING, ..raw("ring_submitted", &["io_uring_submit_req"], (6, 4)) },
        // The same thing by its older name.
        Candidate { blind: RING, ..raw("ring_submitted", &["io_uring_submit_sqe"], RINGS_SINCE) },
    ] },
    // Before the calls, which tell what these did not.
    network::STATE,
    network::OUTCOME,
    network::PENDING,
    network::CALLS,
    network::CONNECT,
    network::ACCEPT,
    network::BIND,
    network::BIND_BY_RING,
    network::LISTEN,
    network::LISTEN_BY_RING,
    network::SEND,
    network::SEND_V6,
    network::CREATE,
    privilege::ENTER,
    privilege::MODULE,
    privilege::RETURN,
    privilege::NARROW,
    privilege::SIGNAL,
    privilege::ENTER_OF_COMPAT,
    privilege::RETURN_OF_COMPAT,
    // Last: an entry that nobody answers is a loss, so the answers must be attached by then.
    HookRow { name: "exec_entered", group: "exec", kinds: &[], auxiliary: true, candidates: &[
        traced("exec_before_enter", &["syscalls/sys_enter_execve", "syscalls/sys_enter_execveat"]),
    ] },
];
