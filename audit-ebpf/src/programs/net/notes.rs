//! What is known beside an event of a call, and the name of a unix socket behind it.
//!
//! Owns the notes' place in the slot, and the reading of names.

use audit_common::{
    events::{TAIL_BYTES, Tail, tag, tail_flag},
    net::Net,
};

use crate::{
    read::{self, mask},
    scratch::Word,
    settings::{offset, present},
};

/// Longest name of a unix socket, and where it begins in its address.
const UNIX_NAME_BYTES: u64 = 108;
const UNIX_NAME_AT: u64 = 2;

/// What is known beside the event, in the slot and not in registers: to the verifier it is any number
/// then, and the end of the program is verified once and not for each way to it.
#[repr(C)]
pub struct Notes {
    /// Where the name of a unix socket is, and from what it is read.
    named: Word,
    name_at: Word,
    name_length: Word,
    /// Bytes of the event.
    pub size: Word,
    /// A connection whose end is to be told.
    pub ends: Word,
}

impl Notes {
    #[inline(always)]
    pub fn clear(&mut self) {
        self.named.set(NAMELESS);
        self.ends.set(0);
    }
}

/// Behind the longest event.
const NOTES_AT: usize = 512;

#[inline(always)]
pub fn notes<'a>(slot: *mut u8) -> &'a mut Notes {
    // SAFETY: inside the slot, which is this CPU's and program's own.
    unsafe { &mut *slot.add(NOTES_AT).cast::<Notes>() }
}

const NAMELESS: u64 = 0;
/// By the socket at `name_at`.
pub const OF_SOCKET: u64 = 1;
/// By its peer.
pub const OF_PEER: u64 = 2;
/// In the caller's memory.
pub const SAID: u64 = 3;
/// In the kernel's copy of it.
pub const COPIED: u64 = 4;

#[inline(always)]
pub fn note_name(slot: *mut u8, named: u64, at: u64, length: u64) {
    let notes = notes(slot);
    notes.named.set(named);
    notes.name_at.set(at);
    notes.name_length.set(length);
}

/// Writes the name of a unix socket behind the event.
#[inline(always)]
pub fn name(slot: *mut u8) {
    let notes = notes(slot);
    let (named, mut from, mut length) = (
        notes.named.get(),
        notes.name_at.get(),
        notes.name_length.get(),
    );
    if named == NAMELESS {
        return;
    }
    if named == OF_SOCKET || named == OF_PEER {
        if !present(offset!(sock_unix_addr)) {
            return;
        }
        if named == OF_PEER {
            from = read::kernel(from + offset!(sock_unix_peer));
        }
        let address: u64 = read::kernel(from + offset!(sock_unix_addr));
        if from == 0 || address == 0 {
            return;
        }
        length = u64::from(read::kernel::<u32>(address + offset!(sock_unix_len)));
        from = address + offset!(sock_unix_name);
    }
    if length <= UNIX_NAME_AT || length > UNIX_NAME_AT + UNIX_NAME_BYTES {
        return;
    }
    let stored = mask!(length - UNIX_NAME_AT, 0x7f);
    const AT: usize = size_of::<Net>() + TAIL_BYTES;
    // SAFETY: the slot has room for 127 bytes behind event and head.
    let is_read = unsafe {
        match named == SAID {
            true => read::user_bytes(slot.add(AT), stored, from + UNIX_NAME_AT),
            false => read::kernel_bytes(slot.add(AT), stored, from + UNIX_NAME_AT),
        }
    };
    let head = Tail {
        tag: tag::UNIX_NAME,
        flags: if is_read { 0 } else { tail_flag::UNREADABLE },
        stored: stored as u32,
        original: stored as u32,
    };
    // SAFETY: behind the event, which the slot is larger than.
    unsafe {
        slot.add(size_of::<Net>())
            .cast::<Tail>()
            .write_unaligned(head)
    };
    notes.size.set((AT as u64) + stored);
}
