//! The process that an act is about.
//!
//! Owns how it is found: by its number as the caller has it, or by a descriptor that stands for it.

use audit_common::{
    header,
    privilege::{Privilege, flag},
};

use crate::{
    read,
    settings::{offset, setting},
    task,
};

/// PID_FS_MAGIC
const PIDFS: u64 = 0x5049_4446;

/// Takes this task as the target; 0: it is not known.
#[inline(always)]
pub fn fill(event: &mut Privilege, target: u64) {
    if target == 0 {
        return;
    }
    let cred: u64 = read::kernel(target + offset!(task_real_cred));
    let (tgid, start_ns) = task::identity(target);
    event.target.tgid = tgid;
    event.target.start_ns = start_ns;
    event.target.tid = read::kernel(target + offset!(task_pid));
    event.target.ids = read::kernel(cred + offset!(cred_uid));
    event.target.cap_effective = read::kernel(cred + offset!(cred_cap_effective));
    let user_ns: u64 = read::kernel(cred + offset!(cred_user_ns));
    let user_ns: u32 = read::kernel(user_ns + offset!(user_ns_inum));
    let mut flags = 0;
    if task::has_host_root(target) {
        flags |= header::flag::HOST_ROOT;
    }
    if user_ns == setting!(user_ns) {
        flags |= header::flag::HOST_USER_NS;
    }
    event.target.flags = flags;
    let leader: u64 = read::kernel(target + offset!(task_group_leader));
    event.target.comm = read::kernel(leader + offset!(task_comm));
    event.flags |= flag::TARGET;
}

/// The task behind a descriptor of a process; 0: none.
#[inline(always)]
pub fn by_descriptor(caller: u64, fd: u64) -> u64 {
    let file = task::files(caller).at(fd as u32);
    if file == 0 {
        return 0;
    }
    let inode: u64 = read::kernel(file + offset!(file_inode));
    let sb: u64 = read::kernel(inode + offset!(inode_sb));
    let pid: u64 = match read::kernel::<u64>(sb + offset!(sb_magic)) {
        PIDFS => read::kernel(inode + offset!(inode_private)),
        _ => read::kernel(file + offset!(file_private)),
    };
    task::of_pid(pid)
}
