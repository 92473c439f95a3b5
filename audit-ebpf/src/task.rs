//! Who is acting: fills a header from a task.
//!
//! Owns the reading of task, credentials, namespaces and cgroups. Everything is read through
//! probe_read with offsets from BTF, so the same code serves tracepoints, raw tracepoints and every
//! kernel.

use audit_common::{
    Header,
    header::{UNSET, flag},
};
use aya_ebpf::helpers::{bpf_get_current_task, bpf_ktime_get_boot_ns};

use crate::{
    arch,
    read::{self, mask},
    settings::{offset, present, setting},
};

#[inline(always)]
pub fn current() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_get_current_task() }
}

/// Is it in a call of 32 bits?
#[inline(always)]
pub fn in_compat(task: u64) -> bool {
    arch::is_32_bit(task)
}

/// Do other threads, or processes, write to the task's memory?
#[inline(always)]
pub fn shares_memory(task: u64) -> bool {
    let mm: u64 = read::kernel(task + offset!(task_mm));
    read::kernel::<u32>(mm + offset!(mm_users)) > 1
}

/// The current task's files.
pub struct Files {
    address: u64,
    array: u64,
    /// Descriptors that the array has room for.
    room: u32,
}

impl Files {
    /// The file behind a descriptor; 0: there is none. Behind the array stands anybody's memory, and a
    /// program may name any number.
    #[inline(always)]
    pub fn at(&self, fd: u32) -> u64 {
        if fd >= self.room {
            return 0;
        }
        read::kernel(self.array + u64::from(fd) * 8)
    }

    /// Do other threads or processes share them? Asked after the file: the later that is read, the more
    /// of them can have put another one there.
    #[inline(always)]
    pub fn are_shared(&self) -> bool {
        read::kernel::<u32>(self.address + offset!(files_count)) > 1
    }
}

#[inline(always)]
pub fn files(task: u64) -> Files {
    #[cfg(not(feature = "legacy"))]
    // SAFETY: typed pointers all the way; the current task is alive.
    unsafe {
        let _ = task;
        let task = aya_ebpf::helpers::bpf_get_current_task_btf().cast::<u8>();
        let files: *const u8 = read::typed(task, offset!(task_files));
        let table: *const u8 = read::typed(files, offset!(files_fdt));
        Files {
            address: files as u64,
            array: read::typed(table, offset!(fdt_fd)),
            room: read::typed(table, offset!(fdt_max)),
        }
    }
    #[cfg(feature = "legacy")]
    {
        let files: u64 = read::kernel(task + offset!(task_files));
        let table: u64 = read::kernel(files + offset!(files_fdt));
        Files {
            address: files,
            array: read::kernel(table + offset!(fdt_fd)),
            room: read::kernel(table + offset!(fdt_max)),
        }
    }
}

#[inline(always)]
pub fn now() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_boot_ns() }
}

/// tgid and leader's start time.
#[inline(always)]
pub fn identity(task: u64) -> (u32, u64) {
    let leader: u64 = read::kernel(task + offset!(task_group_leader));
    (
        read::kernel(task + offset!(task_tgid)),
        read::kernel(leader + offset!(task_start)),
    )
}

#[inline(always)]
pub fn parent(task: u64) -> (u32, u64) {
    identity(read::kernel(task + offset!(task_real_parent)))
}

/// Ids in the order of `struct cred`: uid, gid, suid, sgid, euid, egid, fsuid, fsgid.
pub struct Credentials {
    pub ids: [u32; 8],
    pub cap_permitted: u64,
    pub cap_effective: u64,
    pub user_ns: u32,
}

#[inline(always)]
fn of_credentials(cred: u64) -> Credentials {
    let user_ns: u64 = read::kernel(cred + offset!(cred_user_ns));
    Credentials {
        ids: read::kernel(cred + offset!(cred_uid)),
        cap_permitted: read::kernel(cred + offset!(cred_cap_permitted)),
        cap_effective: read::kernel(cred + offset!(cred_cap_effective)),
        user_ns: read::kernel(user_ns + offset!(user_ns_inum)),
    }
}

#[inline(always)]
pub fn credentials(task: u64) -> Credentials {
    of_credentials(read::kernel(task + offset!(task_cred)))
}

/// The pid in the innermost namespace, and that namespace's inode number.
#[inline(always)]
pub fn innermost_pid(task: u64) -> (u32, u32) {
    let pid: u64 = read::kernel(task + offset!(task_thread_pid));
    let level: u32 = read::kernel(pid + offset!(pid_level));
    // `struct upid` is an int and a pointer; namespaces nest at most 32 deep.
    let upid = pid + offset!(pid_numbers) + mask!(u64::from(level), 0x3f) * 16;
    let namespace: u64 = read::kernel(upid + offset!(upid_ns));
    (
        read::kernel(upid + offset!(upid_nr)),
        read::kernel(namespace + offset!(pid_ns_inum)),
    )
}

#[inline(always)]
fn cgroup_id(cgroup: u64) -> u64 {
    let node: u64 = read::kernel(cgroup + offset!(cgroup_kn));
    read::kernel(node + offset!(kernfs_id))
}

#[inline(always)]
fn cgroups(task: u64, header: &mut Header) {
    let set: u64 = read::kernel(task + offset!(task_cgroups));
    header.cgroup = cgroup_id(read::kernel(set + offset!(css_set_dfl_cgrp)));
    header.cgroup_v1 = 0;
    let slot = setting!(v1_subsystem);
    if slot != 0 {
        let at = set + offset!(css_set_subsys) + u64::from(slot - 1) * 8;
        let state: u64 = read::kernel(at);
        header.cgroup_v1 = cgroup_id(read::kernel(state + offset!(css_cgroup)));
    }
}

#[inline(always)]
fn namespaces(task: u64, header: &mut Header) {
    // A task that is past exit_namespaces has no proxy: zeros.
    let proxy: u64 = read::kernel(task + offset!(task_nsproxy));
    let mnt: u64 = read::kernel(proxy + offset!(nsproxy_mnt));
    let net: u64 = read::kernel(proxy + offset!(nsproxy_net));
    header.mnt_ns = read::kernel(mnt + offset!(mnt_ns_inum));
    header.net_ns = read::kernel(net + offset!(net_ns_inum));
}

/// Is the task's root directory the host's?
#[inline(always)]
fn host_root(task: u64) -> bool {
    let fs: u64 = read::kernel(task + offset!(task_fs));
    let dentry: u64 = read::kernel(fs + offset!(fs_root) + offset!(path_dentry));
    let inode: u64 = read::kernel(dentry + offset!(dentry_inode));
    let sb: u64 = read::kernel(inode + offset!(inode_sb));
    let ino: u64 = read::kernel(inode + offset!(inode_ino));
    let dev: u32 = read::kernel(sb + offset!(sb_dev));
    ino == setting!(root_ino) && dev == setting!(root_dev)
}

/// Fills in all that `emit` does not. Returns the innermost pid and the permitted capabilities,
/// which only some events carry.
#[inline(always)]
pub fn fill(header: &mut Header, task: u64) -> (u32, u64) {
    fill_with(header, task, read::kernel(task + offset!(task_cred)))
}

/// A thread that the kernel made for a process is known by that process's name; gives its pid in the
/// innermost namespace.
#[inline(always)]
pub fn be_the_process(header: &mut Header, task: u64) -> u32 {
    let leader: u64 = read::kernel(task + offset!(task_group_leader));
    header.comm = read::kernel(leader + offset!(task_comm));
    innermost_pid(leader).0
}

/// The same with other credentials than the task's own.
#[inline(always)]
pub fn fill_with(header: &mut Header, task: u64, cred: u64) -> (u32, u64) {
    header.time_ns = now();
    (header.tgid, header.start_ns) = identity(task);
    header.tid = read::kernel(task + offset!(task_pid));
    let cred = of_credentials(cred);
    let [uid, gid, suid, sgid, euid, egid, fsuid, fsgid] = cred.ids;
    (header.uid, header.gid, header.suid, header.sgid) = (uid, gid, suid, sgid);
    (header.euid, header.egid, header.fsuid, header.fsgid) = (euid, egid, fsuid, fsgid);
    header.cap_effective = cred.cap_effective;
    header.user_ns = cred.user_ns;
    header.login_uid = UNSET;
    header.session = UNSET;
    if present(offset!(task_loginuid)) {
        header.login_uid = read::kernel(task + offset!(task_loginuid));
        header.session = read::kernel(task + offset!(task_sessionid));
    }
    header.comm = read::kernel(task + offset!(task_comm));
    cgroups(task, header);
    namespaces(task, header);
    let (pid, pid_ns) = innermost_pid(task);
    header.pid_ns = pid_ns;
    let mut flags = 0;
    if host_root(task) {
        flags |= flag::HOST_ROOT;
    }
    if header.user_ns == setting!(user_ns) {
        flags |= flag::HOST_USER_NS;
    }
    if header.pid_ns == setting!(pid_ns) {
        flags |= flag::HOST_PID_NS;
    }
    if header.mnt_ns == setting!(mnt_ns) {
        flags |= flag::HOST_MNT_NS;
    }
    header.flags = flags;
    (pid, cred.cap_permitted)
}
