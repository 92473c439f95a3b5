//! Who is acting: fills a header from a task.
//!
//! Owns the reading of task, credentials, namespaces and cgroups. Everything is read through
//! probe_read with offsets from BTF, so the same code serves tracepoints, raw tracepoints and every
//! kernel.

use audit_common::{
    Header,
    header::{UNSET, flag},
    privilege::{GROUPS_MAX, Sets, namespace},
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
pub fn has_host_root(task: u64) -> bool {
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
    if has_host_root(task) {
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

/// The capability sets of credentials.
#[inline(always)]
pub fn capability_sets(cred: u64) -> Sets {
    Sets {
        effective: read::kernel(cred + offset!(cred_cap_effective)),
        permitted: read::kernel(cred + offset!(cred_cap_permitted)),
        inheritable: read::kernel(cred + offset!(cred_cap_inheritable)),
        ambient: read::kernel(cred + offset!(cred_cap_ambient)),
    }
}

/// Copies the first of the supplementary groups; how many there are.
///
/// # Safety
/// `to` has room for [`GROUPS_MAX`] of them.
#[inline(always)]
pub unsafe fn groups(cred: u64, to: *mut u8) -> u32 {
    let info: u64 = read::kernel(cred + offset!(cred_group_info));
    let count: u32 = read::kernel(info + offset!(group_info_count));
    let kept = match count > GROUPS_MAX as u32 {
        true => GROUPS_MAX as u32,
        false => count,
    };
    let bytes = mask!(u64::from(kept) * 4, 0xff);
    // SAFETY: the caller's; not more than the verifier sees.
    if bytes <= 4 * GROUPS_MAX as u64 {
        unsafe { read::kernel_bytes(to, bytes, info + offset!(group_info_gid)) };
    }
    count
}

/// Inode numbers of all namespaces, those that children will be in.
#[inline(always)]
pub fn namespaces_of(task: u64, to: &mut [u32; namespace::COUNT]) {
    let cred: u64 = read::kernel(task + offset!(task_cred));
    let user: u64 = read::kernel(cred + offset!(cred_user_ns));
    let proxy: u64 = read::kernel(task + offset!(task_nsproxy));
    let number = |member: u64, inum: u64| -> u32 {
        if !present(member) {
            return 0;
        }
        let namespace: u64 = read::kernel(proxy + member);
        read::kernel(namespace + inum)
    };
    to[0] = read::kernel(user + offset!(user_ns_inum));
    to[1] = number(offset!(nsproxy_mnt), offset!(mnt_ns_inum));
    to[2] = number(offset!(nsproxy_pid), offset!(pid_ns_inum));
    to[3] = number(offset!(nsproxy_net), offset!(net_ns_inum));
    to[4] = number(offset!(nsproxy_uts), offset!(uts_ns_inum));
    to[5] = number(offset!(nsproxy_ipc), offset!(ipc_ns_inum));
    to[6] = number(offset!(nsproxy_cgroup), offset!(cgroup_ns_inum));
    to[7] = number(offset!(nsproxy_time), offset!(time_ns_inum));
}

/// `struct upid` is an int and a pointer.
const UPID_BYTES: u64 = 16;
/// Numbers have 22 bits, a node of the tree takes six of them.
const TREE_LEVELS: u32 = 5;
const NODE_MASK: u64 = 3;
const NODE: u64 = 2;

/// The task with this number as the current one's pid namespace has it; 0: none. What the kernel is
/// changing just now may not be found.
#[inline(always)]
pub fn by_number(caller: u64, number: u32) -> u64 {
    let own: u64 = read::kernel(caller + offset!(task_thread_pid));
    let level: u32 = read::kernel(own + offset!(pid_level));
    let at = offset!(pid_numbers) + mask!(u64::from(level), 0x3f) * UPID_BYTES;
    let namespace: u64 = read::kernel(own + at + offset!(upid_ns));
    let mut entry: u64 = read::kernel(namespace + offset!(pid_ns_tree));
    for _ in 0..TREE_LEVELS {
        if entry & NODE_MASK == NODE {
            let node = entry & !NODE_MASK;
            let shift: u8 = read::kernel(node + offset!(tree_node_shift));
            let slot = u64::from(number) >> mask!(u64::from(shift), 0x1f) & 0x3f;
            entry = read::kernel(node + offset!(tree_node_slots) + slot * 8);
        }
    }
    let found: u32 = read::kernel(entry + at + offset!(upid_nr));
    match entry != 0 && number != 0 && found == number {
        true => of_pid(entry),
        false => 0,
    }
}

/// The task of a `struct pid`; 0: it has none, or this is no such structure.
#[inline(always)]
pub fn of_pid(pid: u64) -> u64 {
    if !present(offset!(task_pid_links)) {
        return 0;
    }
    // PIDTYPE_PID is the first of both arrays.
    let link: u64 = read::kernel(pid + offset!(pid_tasks));
    let task = link.wrapping_sub(offset!(task_pid_links));
    let is_its = link != 0 && read::kernel::<u64>(task + offset!(task_thread_pid)) == pid;
    if is_its { task } else { 0 }
}
