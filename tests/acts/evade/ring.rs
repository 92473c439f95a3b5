//! Acts through an io_uring, by its system calls alone.

mod requests;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub use requests::ring;

use super::{behind, object};
use crate::refused;

const SETUP_SQPOLL: u32 = 1 << 1;
const ENTER_GETEVENTS: u32 = 1;
const ENTER_SQ_WAKEUP: u32 = 2;
const FEATURE_CQE_SKIP: u32 = 1 << 11;
const OFFSET_SQES: i64 = 0x1000_0000;
const ENTRIES: u32 = 4;
const PAGE: usize = 4096;
/// Far longer than an open takes.
const PATIENCE: Duration = Duration::from_secs(20);

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
    sq: [u32; 7],
    sq_rest: [u32; 3],
    /// head, tail, ring_mask, ring_entries, overflow, cqes, flags
    cq: [u32; 7],
    cq_rest: [u32; 3],
}

const _: () = assert!(size_of::<Params>() == 120);

/// `struct io_uring_sqe`
#[repr(C)]
#[derive(Default)]
pub struct Submission {
    pub opcode: u8,
    pub flags: u8,
    pub priority: u16,
    pub fd: i32,
    pub offset: u64,
    pub address: u64,
    pub length: u32,
    pub open_flags: u32,
    pub user_data: u64,
    pub buffer: u16,
    pub personality: u16,
    pub file_index: u32,
    pub third_address: u64,
    pub rest: u64,
}

const _: () = assert!(size_of::<Submission>() == 64);

/// `struct io_uring_cqe`
const COMPLETION_BYTES: u32 = 16;

pub struct Ring {
    fd: i32,
    params: Params,
    submissions: *mut u8,
    completions: *mut u8,
    entries: *mut Submission,
}

impl Ring {
    /// Ends the act where it is refused.
    pub fn new(flags: u32) -> Ring {
        let mut params = Params {
            flags,
            ..Params::default()
        };
        // SAFETY: the structure is the kernel's, asserted by its size.
        let fd = unsafe { libc::syscall(libc::SYS_io_uring_setup, ENTRIES, &raw mut params) };
        if fd < 0 {
            refused();
        }
        let fd = fd as i32;
        Ring {
            submissions: map(fd, 0).cast(),
            completions: map(fd, 0x800_0000).cast(),
            entries: map(fd, OFFSET_SQES).cast(),
            fd,
            params,
        }
    }

    fn word(base: *mut u8, at: u32) -> &'static AtomicU32 {
        // SAFETY: a word of the mapping, which is never taken away; the kernel writes it atomically.
        unsafe { &*base.add(at as usize).cast::<AtomicU32>() }
    }

    /// All of them at once: no more than the ring has entries.
    pub fn submit(&self, submissions: Vec<Submission>, sqpoll: bool) {
        let [_, tail, mask, _, flags, _, array] = self.params.sq;
        let mask = Ring::word(self.submissions, mask).load(Ordering::SeqCst);
        let count = u32::try_from(submissions.len()).expect("few");
        let mut end = Ring::word(self.submissions, tail).load(Ordering::SeqCst);
        for submission in submissions {
            let at = end & mask;
            // SAFETY: both mappings have room for ENTRIES; the kernel looks once the tail has moved.
            unsafe {
                self.entries.add(at as usize).write(submission);
                let array = self.submissions.add(array as usize).cast::<u32>();
                array.add(at as usize).write(at);
            }
            end += 1;
        }
        Ring::word(self.submissions, tail).store(end, Ordering::SeqCst);
        let asleep = Ring::word(self.submissions, flags).load(Ordering::SeqCst) & 1 != 0;
        let (count, how) = match sqpoll {
            true if !asleep => return,
            true => (0, ENTER_SQ_WAKEUP),
            false => (count, 0),
        };
        self.enter(count, 0, how);
    }

    fn enter(&self, submit: u32, complete: u32, flags: u32) {
        let nothing = std::ptr::null::<u8>();
        // SAFETY: numbers, and no mask of signals.
        let done = unsafe {
            libc::syscall(
                libc::SYS_io_uring_enter,
                self.fd,
                submit,
                complete,
                flags,
                nothing,
                0,
            )
        };
        assert!(done >= 0, "enter: {}", std::io::Error::last_os_error());
    }

    /// The result of what was submitted with this data; what completes before it is thrown away.
    pub fn result(&self, user_data: u64) -> i32 {
        let [head, tail, mask, _, _, entries, _] = self.params.cq;
        let word = |at| Ring::word(self.completions, at);
        let mask = word(mask).load(Ordering::SeqCst);
        loop {
            let first = word(head).load(Ordering::SeqCst);
            if first == word(tail).load(Ordering::SeqCst) {
                self.enter(0, 1, ENTER_GETEVENTS);
                continue;
            }
            let at = entries + (first & mask) * COMPLETION_BYTES;
            let data = u64::from(word(at).load(Ordering::SeqCst))
                | u64::from(word(at + 4).load(Ordering::SeqCst)) << 32;
            let result = word(at + 8).load(Ordering::SeqCst);
            word(head).store(first + 1, Ordering::SeqCst);
            if data == user_data {
                return result.cast_signed();
            }
        }
    }

    fn register(&self, what: u32, argument: *const u8, count: u32) -> i64 {
        // SAFETY: what the kernel reads there is the caller's and lives through the call.
        let done =
            unsafe { libc::syscall(libc::SYS_io_uring_register, self.fd, what, argument, count) };
        if done < 0 {
            refused();
        }
        done
    }
}

fn map(fd: i32, offset: i64) -> *mut libc::c_void {
    // SAFETY: new memory where the kernel chooses; a few entries are within a page.
    let at = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            PAGE,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_POPULATE,
            fd,
            offset,
        )
    };
    assert_ne!(at, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    at
}

/// The file came to be behind a descriptor of ours.
fn wait_until_open(path: &Path) {
    const DESCRIPTORS: i32 = 64;
    let (wanted, deadline) = (object(path), Instant::now() + PATIENCE);
    // SAFETY: only asks.
    let is_open = |fd| unsafe { libc::fcntl(fd, libc::F_GETFD) } >= 0;
    while !(0..DESCRIPTORS).any(|fd| is_open(fd) && behind(fd) == wanted) {
        assert!(Instant::now() < deadline, "it is never open");
        std::thread::yield_now();
    }
}
