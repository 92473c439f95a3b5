//! open_tree by the 32-bit entry, at the exit of its own function: it passes none of those that open by name.
//!
//! Owns that entry point. Other machines have one function for both entries, and are told by its call.

use aya_ebpf::{macros::fexit, programs::FExitContext};

use super::{Program, returned};
use crate::{done::Turn, entry::Entry, scratch::Large};

struct Tree;
impl Program for Tree {
    const SLOT: Large = Large::FileOpenTreeNarrow;
    const TURN: Turn = Turn::Only;
    const ENTRY: Entry = Entry::Compat;
}

#[fexit(function = "__ia32_sys_open_tree")]
pub fn file_opened_tree_narrow(ctx: FExitContext) -> i32 {
    returned::<Tree>(ctx.arg(1));
    0
}
