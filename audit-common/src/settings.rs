//! What the daemon tells the kernel programs at load, as one read-only global.
//!
//! Owns [`Settings`]. Constants to the verifier, so that what is off costs nothing.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Settings {
    /// Longest command line to copy.
    pub argv_bytes: u32,
    /// Possible CPUs: slots of the per-CPU maps.
    pub cpus: u32,
    /// The host's root directory, as the kernel names it.
    pub root_dev: u32,
    pub mnt_ns: u32,
    pub root_ino: u64,
    pub pid_ns: u32,
    pub user_ns: u32,
    /// First letters of the listed environment variables: bit (letter & 63).
    pub env_letters: u64,
    /// `css_set.subsys[]` slot of the v1 controller to take the second cgroup id from, plus 1.
    pub v1_subsystem: u32,
    /// The exec tracepoint has a `group_dead` argument on process exit.
    pub exit_has_group_dead: u32,
    /// The failed-exec program runs on the raw sys_exit tracepoint: look at the syscall number.
    pub raw_syscalls: u32,
    /// Where the saved registers begin in a task's kernel stack (kernels without a helper for it).
    pub regs_in_stack: u32,
    /// Where members stand in the records of trace events (their `format` says it); 0: not there.
    pub exec_filename_at: u32,
    pub exec_old_tid_at: u32,
    pub newtask_pid_at: u32,
    pub newtask_flags_at: u32,
    pub exit_group_dead_at: u32,
    /// Programs on raw tracepoints and system calls can be preempted, and are then skipped for others.
    pub preempted: u32,
    /// The bit in a request's flags that says that it has credentials of its own (io_uring).
    pub request_has_creds: u32,
    /// Where a cancelled request stands in the record of `io_uring_fail_link`; 0: not there.
    pub fail_link_at: u32,
    /// Opens are hooked where all ways to them meet, io_uring's too.
    pub opens_inside: u32,
    /// Programs on functions can be preempted, and have twins.
    pub twins_inside: u32,
    /// Arguments of `do_file_open_root`.
    pub open_root_arguments: u32,
    /// The objects of acts are looked at on functions, too.
    pub acts_inside: u32,
    /// Requests of io_uring are told by its own hooks.
    pub rings_seen: u32,
    /// Sockets of this machine with itself are told, those of unix, and ends of connections.
    pub net_loopback: u32,
    pub net_unix: u32,
    pub net_close: u32,
    /// A connect without outcome is told as pending after so many milliseconds.
    pub net_pending_ms: u32,
    pub state_sock_at: u32,
    pub state_old_at: u32,
    pub state_new_at: u32,
    pub retransmit_sock_at: u32,
    pub reserved: u32,
    /// Which calls are looked at: [`crate::privilege::group`].
    pub privilege: u32,
    /// Units of which the processes are protected.
    pub protected_units: u32,
}

impl Settings {
    pub const ZERO: Settings = Settings {
        argv_bytes: 0,
        cpus: 1,
        root_dev: 0,
        mnt_ns: 0,
        root_ino: 0,
        pid_ns: 0,
        user_ns: 0,
        env_letters: 0,
        v1_subsystem: 0,
        exit_has_group_dead: 0,
        raw_syscalls: 0,
        regs_in_stack: 0,
        exec_filename_at: 0,
        exec_old_tid_at: 0,
        newtask_pid_at: 0,
        newtask_flags_at: 0,
        exit_group_dead_at: 0,
        preempted: 0,
        request_has_creds: 0,
        fail_link_at: 0,
        opens_inside: 0,
        twins_inside: 0,
        open_root_arguments: 0,
        acts_inside: 0,
        rings_seen: 0,
        net_loopback: 0,
        net_unix: 0,
        net_close: 0,
        net_pending_ms: 0,
        state_sock_at: 0,
        state_old_at: 0,
        state_new_at: 0,
        retransmit_sock_at: 0,
        reserved: 0,
        privilege: 0,
        protected_units: 0,
    };
}
