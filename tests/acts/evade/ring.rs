//! Opening through an io_uring, by its system calls alone.

use std::ffi::CString;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::{behind, object};
use crate::{Words, refused};

const SETUP_SQPOLL: u32 = 1 << 1;
const ENTER_GETEVENTS: u32 = 1;
const ENTER_SQ_WAKEUP: u32 = 2;
const FEATURE_CQE_SKIP: u32 = 1 << 11;
const OP_OPENAT: u8 = 18;
const SQE_CQE_SKIP_SUCCESS: u8 = 1 << 6;
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
struct Submission {
    opcode: u8,
    flags: u8,
    priority: u16,
    fd: i32,
    offset: u64,
    address: u64,
    length: u32,
    open_flags: u32,
    user_data: u64,
    rest: [u64; 3],
}

const _: () = assert!(size_of::<Submission>() == 64);

struct Ring {
    fd: i32,
    params: Params,
    submissions: *mut u8,
    completions: *mut u8,
    entries: *mut Submission,
}

impl Ring {
    /// Ends the act where it is refused.
    fn new(flags: u32) -> Ring {
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

    /// The first and only submission.
    fn submit(&self, submission: Submission, sqpoll: bool) {
        let [_, tail, _, _, flags, _, array] = self.params.sq;
        // SAFETY: both mappings have room for ENTRIES; the kernel looks once the tail has moved.
        unsafe {
            self.entries.write(submission);
            self.submissions.add(array as usize).cast::<u32>().write(0);
        }
        Ring::word(self.submissions, tail).store(1, Ordering::SeqCst);
        let asleep = Ring::word(self.submissions, flags).load(Ordering::SeqCst) & 1 != 0;
        let (count, how) = match sqpoll {
            true if !asleep => return,
            true => (0, ENTER_SQ_WAKEUP),
            false => (1, 0),
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

    /// The result of what was submitted.
    fn result(&self) -> i32 {
        self.enter(0, 1, ENTER_GETEVENTS);
        let [_, tail, _, _, _, entries, _] = self.params.cq;
        assert_ne!(Ring::word(self.completions, tail).load(Ordering::SeqCst), 0);
        // User data takes the first eight bytes.
        let result = Ring::word(self.completions, entries + 8).load(Ordering::SeqCst);
        result.cast_signed()
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

/// `ring-open HOW PATH FLAGS`; HOW: `plain`, `sqpoll` (a thread of the kernel takes it up) or `skip`
/// (a success makes no completion). ENOSYS: this kernel has it not.
pub fn ring(words: &mut Words) {
    let how = words.bytes();
    let (path, flags): (CString, u32) = (words.c_string(), words.number());
    let (sqpoll, skip) = (how == b"sqpoll", how == b"skip");
    let ring = Ring::new(u32::from(sqpoll) * SETUP_SQPOLL);
    if skip && ring.params.features & FEATURE_CQE_SKIP == 0 {
        println!("{}", libc::ENOSYS);
        return;
    }
    let submission = Submission {
        opcode: OP_OPENAT,
        flags: u8::from(skip) * SQE_CQE_SKIP_SUCCESS,
        fd: libc::AT_FDCWD,
        address: path.as_ptr() as u64,
        open_flags: flags,
        ..Submission::default()
    };
    ring.submit(submission, sqpoll);
    let result = if skip { 0 } else { ring.result() };
    if result < 0 {
        println!("{}", -result);
        return;
    }
    wait_until_open(Path::new(path.to_str().expect("UTF-8")));
    println!("0");
}
