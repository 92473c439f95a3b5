//! The name of a module that is being loaded: tp_btf module_load(module), in the middle of the call.
//!
//! Owns the map `MODULE_NAMES`, from there to the call's exit. No event of its own: one that the kernel
//! refuses has no name.

use audit_common::{events::tag, privilege::group};
use aya_ebpf::{
    macros::{btf_tracepoint, map},
    maps::LruHashMap,
    programs::BtfTracePointContext,
};

use crate::{
    read,
    settings::{offset, setting},
    tails::Tails,
    task,
};

/// MODULE_NAME_LEN
const NAME_BYTES: usize = 56;

/// Modules being loaded at once.
#[map]
static MODULE_NAMES: LruHashMap<u64, [u8; NAME_BYTES]> = LruHashMap::with_max_entries(64, 0);

#[btf_tracepoint(function = "module_load")]
pub fn module_named(ctx: BtfTracePointContext) -> i32 {
    if setting!(privilege) & group::MODULES != 0 {
        let module: u64 = ctx.arg(0);
        let name: [u8; NAME_BYTES] = read::kernel(module + offset!(module_name));
        // Without it the record says that the name is not known.
        let _ = MODULE_NAMES.insert(&task::current(), &name, 0);
    }
    0
}

#[inline(always)]
pub fn push_name(task: u64, tails: Tails) {
    if let Some(name) = MODULE_NAMES.get_ptr(&task) {
        tails.kernel_string(tag::TEXT, name as u64);
        let _ = MODULE_NAMES.remove(&task);
    }
}
