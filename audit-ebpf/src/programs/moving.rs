//! Something changes place: a rename, a mount, an unmount, between the entry of its call and its exit.
//!
//! No event. While one is under way no verdict on a directory is kept or used, and afterwards those
//! from before do not count any more (see `watch`).

use aya_ebpf::{macros::tracepoint, programs::TracePointContext};

use crate::watch;

#[tracepoint]
pub fn moving_begins(_ctx: TracePointContext) -> u32 {
    watch::begins_to_move();
    0
}
