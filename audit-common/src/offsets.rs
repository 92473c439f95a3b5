//! Where the kernel keeps what we read: the list of members, and their offsets once resolved.
//!
//! Owns the list. The daemon resolves each line from the running kernel's BTF and hands the whole
//! over as one read-only global; nothing here assumes a layout. `a|b` are names of one member in
//! different kernels, the first that exists counts. A member that no kernel of this machine has is
//! [`ABSENT`]; what needs it is turned off with that reason, never read wrongly.

/// The offset of a member that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

macro_rules! offsets {
    ($($(#[$doc:meta])* $field:ident = $spec:literal),* $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(C)]
        pub struct Offsets { $($(#[$doc])* pub $field: u32),* }

        impl Offsets {
            pub const ABSENT: Offsets = Offsets { $($field: ABSENT),* };
            /// Field name and BTF path, in field order.
            pub const SPECS: &'static [(&'static str, &'static str)] =
                &[$((stringify!($field), $spec)),*];

            /// In the order of [`Self::SPECS`].
            pub fn words(&self) -> impl Iterator<Item = u32> + use<> {
                [$(self.$field),*].into_iter()
            }

            /// Sets the offsets in the order of [`Self::SPECS`].
            pub fn from_fn(mut resolve: impl FnMut(&'static str, &'static str) -> u32) -> Offsets {
                Offsets { $($field: resolve(stringify!($field), $spec)),* }
            }
        }
    };
}

offsets! {
    task_pid = "task_struct.pid",
    task_tgid = "task_struct.tgid",
    task_group_leader = "task_struct.group_leader",
    task_real_parent = "task_struct.real_parent",
    task_exec_id = "task_struct.self_exec_id",
    task_start = "task_struct.start_boottime|task_struct.real_start_time",
    task_cred = "task_struct.cred",
    task_real_cred = "task_struct.real_cred",
    task_comm = "task_struct.comm",
    task_mm = "task_struct.mm",
    task_fs = "task_struct.fs",
    task_files = "task_struct.files",
    task_signal = "task_struct.signal",
    task_exit_code = "task_struct.exit_code",
    task_nsproxy = "task_struct.nsproxy",
    task_cgroups = "task_struct.cgroups",
    task_thread_pid = "task_struct.thread_pid",
    task_stack = "task_struct.stack",
    /// Absent without CONFIG_AUDIT.
    task_loginuid = "task_struct.loginuid",
    task_sessionid = "task_struct.sessionid",
    task_atomic_flags = "task_struct.atomic_flags",
    task_ti_status = "task_struct.thread_info.status",
    signal_group_exit_code = "signal_struct.group_exit_code",
    signal_live = "signal_struct.live",
    signal_threads = "signal_struct.thread_head",
    signal_flags = "signal_struct.flags",
    signal_tty = "signal_struct.tty",
    tty_name = "tty_struct.name",
    cred_uid = "cred.uid",
    cred_cap_permitted = "cred.cap_permitted",
    cred_cap_effective = "cred.cap_effective",
    cred_user_ns = "cred.user_ns",
    cred_securebits = "cred.securebits",
    user_ns_inum = "user_namespace.ns.inum",
    nsproxy_mnt = "nsproxy.mnt_ns",
    nsproxy_net = "nsproxy.net_ns",
    mnt_ns_inum = "mnt_namespace.ns.inum",
    net_ns_inum = "net.ns.inum",
    pid_ns_inum = "pid_namespace.ns.inum",
    pid_level = "pid.level",
    pid_numbers = "pid.numbers",
    upid_nr = "upid.nr",
    upid_ns = "upid.ns",
    fs_root = "fs_struct.root",
    fs_pwd = "fs_struct.pwd",
    fs_umask = "fs_struct.umask",
    path_mnt = "path.mnt",
    path_dentry = "path.dentry",
    dentry_parent = "dentry.d_parent",
    dentry_name = "dentry.d_name.name",
    dentry_len = "dentry.d_name.len",
    dentry_inode = "dentry.d_inode",
    mount_mnt = "mount.mnt",
    mount_parent = "mount.mnt_parent",
    mount_mountpoint = "mount.mnt_mountpoint",
    vfsmount_root = "vfsmount.mnt_root",
    inode_ino = "inode.i_ino",
    inode_mode = "inode.i_mode",
    inode_nlink = "inode.i_nlink",
    inode_sb = "inode.i_sb",
    inode_uid = "inode.i_uid",
    inode_gid = "inode.i_gid",
    inode_size = "inode.i_size",
    /// A structure of both until 6.10, under another name from 6.6 on.
    inode_ctime_sec = "inode.i_ctime_sec|inode.__i_ctime.tv_sec|inode.i_ctime.tv_sec",
    inode_ctime_nsec = "inode.i_ctime_nsec|inode.__i_ctime.tv_nsec|inode.i_ctime.tv_nsec",
    inode_mtime_sec = "inode.i_mtime_sec|inode.__i_mtime.tv_sec|inode.i_mtime.tv_sec",
    inode_mtime_nsec = "inode.i_mtime_nsec|inode.__i_mtime.tv_nsec|inode.i_mtime.tv_nsec",
    sb_dev = "super_block.s_dev",
    sb_magic = "super_block.s_magic",
    files_fdt = "files_struct.fdt",
    fdt_fd = "fdtable.fd",
    fdt_max = "fdtable.max_fds",
    files_count = "files_struct.count",
    file_path = "file.f_path",
    file_mode = "file.f_mode",
    file_flags = "file.f_flags",
    file_inode = "file.f_inode",
    bprm_file = "linux_binprm.file",
    bprm_filename = "linux_binprm.filename",
    bprm_interp = "linux_binprm.interp",
    bprm_argc = "linux_binprm.argc",
    /// Absent or not, only hooks on functions need these.
    task_flags = "task_struct.flags",
    open_flags_flag = "open_flags.open_flag",
    task_children = "task_struct.children",
    task_sibling = "task_struct.sibling",
    task_thread_node = "task_struct.thread_node",
    mm_users = "mm_struct.mm_users",
    mm_exe_file = "mm_struct.exe_file",
    mm_arg_start = "mm_struct.arg_start",
    mm_arg_end = "mm_struct.arg_end",
    mm_env_start = "mm_struct.env_start",
    mm_env_end = "mm_struct.env_end",
    css_set_dfl_cgrp = "css_set.dfl_cgrp",
    css_set_subsys = "css_set.subsys",
    css_cgroup = "cgroup_subsys_state.cgroup",
    cgroup_kn = "cgroup.kn",
    cgroup_root = "cgroup.root",
    cgroup_level = "cgroup.level",
    cgroup_root_hierarchy = "cgroup_root.hierarchy_id",
    kernfs_id = "kernfs_node.id",
    /// Requests of io_uring: absent where tracepoints do not show them.
    request_opcode = "io_kiocb.opcode",
    request_cmd = "io_kiocb.cmd",
    request_flags = "io_kiocb.flags",
    request_user_data = "io_kiocb.cqe.user_data",
    request_res = "io_kiocb.cqe.res",
    request_fd = "io_kiocb.cqe.fd",
    request_file = "io_kiocb.file",
    request_ctx = "io_kiocb.ctx",
    request_creds = "io_kiocb.creds",
    filename_name = "filename.name",
    ring_open_dfd = "io_open.dfd",
    ring_open_slot = "io_open.file_slot",
    ring_open_name = "io_open.filename",
    ring_open_flags = "io_open.how.flags",
    ring_unlink_dfd = "io_unlink.dfd",
    ring_unlink_flags = "io_unlink.flags",
    ring_unlink_name = "io_unlink.filename",
    ring_rename_old_dfd = "io_rename.old_dfd",
    ring_rename_new_dfd = "io_rename.new_dfd",
    ring_rename_old = "io_rename.oldpath",
    ring_rename_new = "io_rename.newpath",
    ring_rename_flags = "io_rename.flags",
    ring_mkdir_dfd = "io_mkdir.dfd",
    ring_mkdir_mode = "io_mkdir.mode",
    ring_mkdir_name = "io_mkdir.filename",
    ring_link_old_dfd = "io_link.old_dfd",
    ring_link_new_dfd = "io_link.new_dfd",
    ring_link_old = "io_link.oldpath",
    ring_link_new = "io_link.newpath",
    ring_link_flags = "io_link.flags",
    ring_xattr_name = "io_xattr.filename",
    ring_xattr_key = "io_xattr.ctx.kname",
    ring_xattr_size = "io_xattr.ctx.size",
    /// Sockets: absent where nothing is known of them.
    socket_sk = "socket.sk",
    socket_file = "socket.file",
    socket_of_file = "file.private_data",
    sock_family = "sock.__sk_common.skc_family",
    sock_flags = "sock.__sk_common.skc_flags",
    sock_state = "sock.__sk_common.skc_state",
    sock_daddr = "sock.__sk_common.skc_daddr",
    sock_rcv_saddr = "sock.__sk_common.skc_rcv_saddr",
    sock_dport = "sock.__sk_common.skc_dport",
    sock_num = "sock.__sk_common.skc_num",
    sock_v6_daddr = "sock.__sk_common.skc_v6_daddr",
    sock_v6_rcv_saddr = "sock.__sk_common.skc_v6_rcv_saddr",
    sock_sport = "inet_sock.inet_sport",
    sock_net = "sock.__sk_common.skc_net.net",
    sock_cookie = "sock.__sk_common.skc_cookie",
    sock_bound_if = "sock.__sk_common.skc_bound_dev_if",
    sock_type = "sock.sk_type",
    sock_protocol = "sock.sk_protocol",
    sock_err = "sock.sk_err",
    sock_socket = "sock.sk_socket",
    sock_tcp_received = "tcp_sock.bytes_received",
    sock_tcp_sent = "tcp_sock.bytes_sent",
    sock_tcp_again = "tcp_sock.bytes_retrans",
    socket_inode = "socket_alloc.vfs_inode",
    socket_message_name = "msghdr.msg_name",
    socket_message_length = "msghdr.msg_namelen",
    sock_unix_addr = "unix_sock.addr",
    sock_unix_peer = "unix_sock.peer",
    sock_unix_len = "unix_address.len",
    sock_unix_name = "unix_address.name",
    /// Of privileges: what is absent is told without.
    task_pid_links = "task_struct.pid_links",
    cred_cap_inheritable = "cred.cap_inheritable",
    cred_cap_ambient = "cred.cap_ambient",
    cred_group_info = "cred.group_info",
    group_info_count = "group_info.ngroups",
    group_info_gid = "group_info.gid",
    nsproxy_uts = "nsproxy.uts_ns",
    nsproxy_ipc = "nsproxy.ipc_ns",
    nsproxy_pid = "nsproxy.pid_ns_for_children",
    nsproxy_cgroup = "nsproxy.cgroup_ns",
    nsproxy_time = "nsproxy.time_ns_for_children",
    uts_ns_inum = "uts_namespace.ns.inum",
    uts_ns_node = "uts_namespace.name.nodename",
    uts_ns_domain = "uts_namespace.name.domainname",
    ipc_ns_inum = "ipc_namespace.ns.inum",
    cgroup_ns_inum = "cgroup_namespace.ns.inum",
    time_ns_inum = "time_namespace.ns.inum",
    ns_ops = "ns_common.ops",
    ns_ops_name = "proc_ns_operations.name",
    pid_tasks = "pid.tasks",
    pid_ns_tree = "pid_namespace.idr.idr_rt.xa_head",
    tree_node_shift = "xa_node.shift",
    tree_node_slots = "xa_node.slots",
    file_private = "file.private_data",
    inode_private = "inode.i_private",
    proc_inode_own = "proc_inode.vfs_inode",
    proc_inode_pid = "proc_inode.pid",
    siginfo_code = "kernel_siginfo.si_code",
    kernfs_name = "kernfs_node.name",
    kernfs_parent = "kernfs_node.__parent|kernfs_node.parent",
    module_name = "module.name",
    bpf_prog_type = "bpf_prog.type",
    bpf_prog_attach = "bpf_prog.expected_attach_type",
    bpf_prog_aux = "bpf_prog.aux",
    bpf_aux_name = "bpf_prog_aux.name",
    bpf_aux_id = "bpf_prog_aux.id",
    bpf_aux_function = "bpf_prog_aux.attach_func_name",
    /// arm64: absent on other machines.
    arm_regs = "pt_regs.regs",
    arm_orig_x0 = "pt_regs.orig_x0",
    arm_syscallno = "pt_regs.syscallno",
    arm_pstate = "pt_regs.pstate",
    /// x86_64: likewise.
    regs_orig_ax = "pt_regs.orig_ax",
    regs_ax = "pt_regs.ax",
    regs_bx = "pt_regs.bx",
    regs_cx = "pt_regs.cx",
    regs_bp = "pt_regs.bp",
    regs_di = "pt_regs.di",
    regs_si = "pt_regs.si",
    regs_dx = "pt_regs.dx",
    regs_r8 = "pt_regs.r8",
    regs_r9 = "pt_regs.r9",
    regs_r10 = "pt_regs.r10",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_is_resolved_in_its_own_field() {
        let mut n = 0;
        let offsets = Offsets::from_fn(|field, spec| {
            assert!(spec.contains('.'), "{field}");
            n += 1;
            n - 1
        });
        assert_eq!(n as usize, Offsets::SPECS.len());
        assert_eq!(offsets.task_pid, 0);
        assert_eq!(offsets.regs_r10, n - 1);
        assert_eq!(size_of::<Offsets>(), 4 * n as usize);
    }
}
