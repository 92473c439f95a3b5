//! Requests of io_uring whose ends are told in different ways, by its system calls alone.
//!
//! Owns the ring of one act. Each request removes a name in the canary's directory, so that its event
//! tells which act it was.

use std::{
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    sync::atomic::{AtomicU32, Ordering},
};

use nix::libc as c;

use super::scene::{Done, Scene, Undone};

const ENTRIES: u32 = 4;
const ENTER_GETEVENTS: u32 = 1;
const FEATURE_CQE_SKIP: u32 = 1 << 11;
const OFFSET_COMPLETIONS: i64 = 0x800_0000;
const OFFSET_ENTRIES: i64 = 0x1000_0000;
const PAGE: usize = 4096;
const OP_NOP: u8 = 0;
const OP_UNLINKAT: u8 = 36;
const SQE_IO_LINK: u8 = 1 << 2;
const SQE_CQE_SKIP_SUCCESS: u8 = 1 << 6;

/// `struct io_uring_params`
#[repr(C)]
#[derive(Default)]
struct Params {
    entries: [u32; 2],
    flags: u32,
    sq_thread: [u32; 2],
    features: u32,
    workers_fd: u32,
    reserved: [u32; 3],
    /// head, tail, ring_mask, ring_entries, flags, dropped, array
    submissions: [u32; 7],
    submissions_rest: [u32; 3],
    completions: [u32; 7],
    completions_rest: [u32; 3],
}

const _: () = assert!(size_of::<Params>() == 120);

/// `struct io_uring_sqe`
#[repr(C)]
#[derive(Default)]
struct Request {
    opcode: u8,
    flags: u8,
    priority: u16,
    fd: i32,
    offset: u64,
    address: u64,
    rest: [u64; 5],
}

const _: () = assert!(size_of::<Request>() == 64);

pub struct Ring<'a> {
    scene: &'a Scene,
    fd: OwnedFd,
    params: Params,
    submissions: *mut u8,
    entries: *mut Request,
}

impl Ring<'_> {
    /// `Undone` where there is none, or none that skips completions.
    pub fn new(scene: &Scene) -> Result<Ring<'_>, Undone> {
        let mut params = Params::default();
        // SAFETY: the structure is the kernel's, asserted by its size.
        let fd = unsafe { c::syscall(c::SYS_io_uring_setup, ENTRIES, &raw mut params) };
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0).ok_or(Undone)?;
        // SAFETY: made for us just now.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        if params.features & FEATURE_CQE_SKIP == 0 {
            return Err(Undone);
        }
        // The kernel wants no reader of completions; they end with the process.
        map(&fd, OFFSET_COMPLETIONS)?;
        Ok(Ring {
            scene,
            submissions: map(&fd, 0)?.cast(),
            entries: map(&fd, OFFSET_ENTRIES)?.cast(),
            fd,
            params,
        })
    }

    fn word(&self, at: u32) -> &AtomicU32 {
        // SAFETY: a word of the mapping by the kernel's own offsets, written by it atomically; the
        // mapping is never taken away.
        unsafe { &*self.submissions.add(at as usize).cast::<AtomicU32>() }
    }

    /// Hands over at most as many as the ring has entries, and waits for so many to be completed.
    fn submit(&self, requests: impl IntoIterator<Item = Request>, completions: u32) -> Done {
        let [_, tail, mask, _, _, _, array] = self.params.submissions;
        let mask = self.word(mask).load(Ordering::Acquire);
        let begin = self.word(tail).load(Ordering::Acquire);
        let mut end = begin;
        for request in requests {
            let at = end & mask;
            // SAFETY: both mappings have room for ENTRIES, and `at` is below that; the kernel looks
            // only once the tail has moved.
            unsafe {
                self.entries.add(at as usize).write(request);
                let array = self.submissions.add(array as usize).cast::<u32>();
                array.add(at as usize).write(at);
            }
            end = end.wrapping_add(1);
        }
        self.word(tail).store(end, Ordering::Release);
        let (count, no_mask) = (end.wrapping_sub(begin), std::ptr::null::<u8>());
        // SAFETY: numbers, and no mask of signals.
        let entered = unsafe {
            c::syscall(
                c::SYS_io_uring_enter,
                self.fd.as_raw_fd(),
                count,
                completions,
                ENTER_GETEVENTS,
                no_mask,
                0,
            )
        };
        (entered >= 0).then_some(()).ok_or(Undone)
    }

    /// Removes a name; the scene outlives the request.
    fn removing(name: usize, flags: u8) -> Request {
        Request {
            opcode: OP_UNLINKAT,
            flags,
            fd: c::AT_FDCWD,
            address: name as u64,
            ..Request::default()
        }
    }

    /// Its success is told by nothing but its submission.
    pub fn told_at_submission(&self) -> Done {
        self.scene.made();
        let request = Self::removing(self.scene.path(), SQE_CQE_SKIP_SUCCESS);
        self.submit([request], 0)
    }

    /// In the usual way.
    pub fn told_at_end(&self) -> Done {
        self.scene.made();
        self.submit([Self::removing(self.scene.path(), 0)], 1)
    }

    /// Its completion finds the queue full.
    pub fn told_without_room(&self) -> Done {
        let nothing = || Request {
            opcode: OP_NOP,
            ..Request::default()
        };
        // Twice as many completions as entries have room.
        for _ in 0..2 {
            self.submit((0..ENTRIES).map(|_| nothing()), 0)?;
        }
        self.scene.made();
        self.submit([Self::removing(self.scene.path(), 0)], 0)
    }

    /// What it was linked to fails, and takes its completion along.
    pub fn told_by_what_it_was_linked_to(&self) -> Done {
        let fails = Self::removing(self.scene.nothing(), SQE_IO_LINK | SQE_CQE_SKIP_SUCCESS);
        self.submit([fails, Self::removing(self.scene.path(), 0)], 1)
    }
}

fn map(fd: &OwnedFd, offset: i64) -> Result<*mut c::c_void, Undone> {
    // SAFETY: new memory where the kernel chooses; a few entries are within a page.
    let at = unsafe {
        c::mmap(
            std::ptr::null_mut(),
            PAGE,
            c::PROT_READ | c::PROT_WRITE,
            c::MAP_SHARED | c::MAP_POPULATE,
            fd.as_raw_fd(),
            offset,
        )
    };
    (at != c::MAP_FAILED).then_some(at).ok_or(Undone)
}
