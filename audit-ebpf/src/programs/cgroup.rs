//! A cgroup was made or removed: tp_btf cgroup_mkdir and cgroup_rmdir (cgroup, path).

use audit_common::{
    Kind, Lane,
    cgroup::Cgroup,
    events::{TAIL_BYTES, Tail, tag, tail_flag},
    limits::PATH_BYTES_MAX,
};
use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

use crate::{
    emit::emit,
    read::{self, mask},
    scratch::{self, Small},
    settings::offset,
    task,
};

#[btf_tracepoint(function = "cgroup_mkdir")]
pub fn cgroup_created(ctx: BtfTracePointContext) -> i32 {
    send(
        Kind::CgroupCreated,
        Small::CgroupCreated,
        ctx.arg(0),
        ctx.arg(1),
    )
}

#[btf_tracepoint(function = "cgroup_rmdir")]
pub fn cgroup_removed(ctx: BtfTracePointContext) -> i32 {
    send(
        Kind::CgroupRemoved,
        Small::CgroupRemoved,
        ctx.arg(0),
        ctx.arg(1),
    )
}

#[inline(always)]
fn send(kind: Kind, program: Small, cgroup: u64, path: u64) -> i32 {
    let Some(slot) = scratch::small(program) else {
        return 0;
    };
    // SAFETY: a small slot holds the event, a tail's head and PATH_BYTES_MAX.
    unsafe {
        let event = &mut *slot.cast::<Cgroup>();
        task::fill(&mut event.header, task::current());
        let node: u64 = read::kernel(cgroup + offset!(cgroup_kn));
        event.id = read::kernel(node + offset!(kernfs_id));
        let root: u64 = read::kernel(cgroup + offset!(cgroup_root));
        event.hierarchy = read::kernel(root + offset!(cgroup_root_hierarchy));
        event.level = read::kernel(cgroup + offset!(cgroup_level));
        let content = slot.add(size_of::<Cgroup>() + TAIL_BYTES);
        let got = read::kernel_string(content, PATH_BYTES_MAX as u32, path);
        let length = if got > 0 {
            mask!(got as u64 - 1, 0xfff)
        } else {
            0
        };
        let flags = if got > 0 { 0 } else { tail_flag::UNREADABLE };
        let head = Tail {
            tag: tag::CGROUP,
            flags,
            stored: length as u32,
            original: length as u32,
        };
        slot.add(size_of::<Cgroup>())
            .cast::<Tail>()
            .write_unaligned(head);
        let size = (size_of::<Cgroup>() + TAIL_BYTES) as u64 + length;
        emit(kind, Lane::Critical, slot, mask!(size, 0x1fff));
    }
    0
}
