//! Objects of which a link is being made: the daemon's look may have passed them by.
//!
//! Owns a map of them. Only the kernel writes to it, and only the daemon to the other maps of what is watched, so
//! neither undoes what the other did. How long an entry counts the daemon says.

use audit_common::watch::{LINKED_MAX, ObjectKey};
use aya_ebpf::{macros::map, maps::LruHashMap};

/// By when it was.
#[map]
static WATCH_LINKED: LruHashMap<ObjectKey, u64> = LruHashMap::with_max_entries(LINKED_MAX, 0);

/// Nobody adds any.
#[cfg(feature = "legacy")]
#[inline(always)]
pub fn bits(_: &ObjectKey) -> u32 {
    0
}

/// Did it get another name since the daemon looked?
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub fn bits(key: &ObjectKey) -> u32 {
    // SAFETY: copied at once.
    let linked = unsafe { WATCH_LINKED.get(key) }.copied();
    let (Some(at), Some(state)) = (linked, super::WATCH_STATE.get_ptr(0)) else {
        return 0;
    };
    // SAFETY: a live map value, read volatile.
    let since = super::volatile(unsafe { &(*state).linked_since_ns });
    u32::from(at >= since) * audit_common::watch::bit::OBJECT
}

/// From now on it is watched by what it is: it gets another name. First the map, then the filter: the
/// daemon looks at them in the other order.
#[cfg(not(feature = "legacy"))]
#[inline(always)]
pub fn add_object(of: super::Identity) {
    let at = audit_common::watch::filter_bit(of.ino, of.dev);
    let key = ObjectKey {
        ino: of.ino,
        dev: of.dev,
        zero: 0,
    };
    if WATCH_LINKED.insert(&key, &crate::task::now(), 0).is_ok()
        && let Some(word) = super::WATCH_FILTER.get_ptr_mut(at >> 6)
    {
        // SAFETY: a live map value.
        unsafe { crate::atomic::or(word, 1 << (at & 63)) }
    }
}
