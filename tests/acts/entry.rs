//! System calls by their own numbers, and by the entry of 32-bit programs where a step asks for it.
//!
//! Owns that entry: its numbers, and how arguments come down to 32 bits. It is known to nobody here but
//! by the kernel's own tables.

use std::arch::asm;
use std::sync::atomic::{AtomicU8, Ordering};

use libc::c_long;

/// The entry of this program's own kind.
const NATIVE: u8 = 0;
/// That of 32-bit programs.
const NARROW: u8 = 1;
/// The same, by calls of its first days: sizes and times of 32 bits, users of 16.
const OLD: u8 = 2;

static ENTRY: AtomicU8 = AtomicU8::new(NATIVE);

const GETPID_32: u32 = 20;
const ENOSYS: i64 = 38;

/// What a call is given.
pub trait Argument {
    fn word(self) -> u64;
}

impl<T> Argument for *const T {
    fn word(self) -> u64 {
        self.addr() as u64
    }
}

impl Argument for i32 {
    fn word(self) -> u64 {
        i64::from(self).cast_unsigned()
    }
}

impl Argument for u32 {
    fn word(self) -> u64 {
        self.into()
    }
}

impl Argument for u64 {
    fn word(self) -> u64 {
        self
    }
}

impl Argument for i64 {
    fn word(self) -> u64 {
        self.cast_unsigned()
    }
}

impl Argument for usize {
    fn word(self) -> u64 {
        self as u64
    }
}

/// `syscall!(NUMBER, ARGUMENT…)`: as syscall(2), by the entry that was asked for.
macro_rules! syscall {
    ($number:expr $(, $argument:expr)* $(,)?) => {
        $crate::entry::call($number, &[$($crate::entry::Argument::word($argument)),*])
    };
}
pub(crate) use syscall;

/// # Safety
/// As the call.
pub unsafe fn call(number: c_long, arguments: &[u64]) -> c_long {
    let mut six = [0; 6];
    six[..arguments.len()].copy_from_slice(arguments);
    let entry = ENTRY.load(Ordering::Relaxed);
    if entry == NATIVE {
        let [a, b, c, d, e, f] = six;
        // SAFETY: the caller's; what a call does not take it does not look at.
        return unsafe { libc::syscall(number, a, b, c, d, e, f) };
    }
    // SAFETY: the caller's.
    let result = i64::from(unsafe { narrow(number, six, entry == OLD) });
    if result < 0 {
        // SAFETY: this thread's own.
        unsafe { *libc::__errno_location() = -result as i32 };
        return -1;
    }
    result
}

/// The step `by-32-bit` or `by-old-32-bit`. Ends with ENOSYS where there are no such calls.
pub fn use_narrow(old: bool) {
    if !has_narrow() {
        println!("{ENOSYS}");
        std::process::exit(0);
    }
    ENTRY.store(if old { OLD } else { NARROW }, Ordering::Relaxed);
}

/// Kernels without 32-bit calls kill who makes one: asked in a process of its own.
fn has_narrow() -> bool {
    // SAFETY: the child makes one call without arguments and ends.
    unsafe {
        let pid = libc::fork();
        if pid == 0 {
            libc::_exit(i32::from(enter(GETPID_32, [0; 6]) <= 0));
        }
        assert!(pid > 0, "fork: {}", std::io::Error::last_os_error());
        let mut status = 0;
        let waited = libc::waitpid(pid, &raw mut status, 0);
        assert_eq!(waited, pid, "waitpid: {}", std::io::Error::last_os_error());
        status == 0
    }
}

/// # Safety
/// As the call; pointers must be below 4 GiB.
pub unsafe fn enter(number: u32, arguments: [u32; 6]) -> i32 {
    let result: u64;
    // SAFETY: the caller's. The compiler keeps rbx and rbp for itself, so they are changed and changed
    // back (the sixth argument of no call here is told); the kernel does not promise r8 to r11.
    unsafe {
        asm!(
            "xchg {first}, rbx",
            "int 0x80",
            "xchg {first}, rbx",
            first = inout(reg) u64::from(arguments[0]) => _,
            inlateout("rax") u64::from(number) => result,
            in("rcx") u64::from(arguments[1]),
            in("rdx") u64::from(arguments[2]),
            in("rsi") u64::from(arguments[3]),
            in("rdi") u64::from(arguments[4]),
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    result as i32
}

/// # Safety
/// As the call.
unsafe fn narrow(number: c_long, mut arguments: [u64; 6], old: bool) -> i32 {
    let of_old = if old { old_number(number) } else { None };
    let number = of_old.unwrap_or_else(|| number_of(number));
    let is_split = matches!(number, 193 | 194);
    let size = arguments[1];
    // SAFETY: the caller's.
    unsafe {
        match number {
            30 => arguments[1] = narrowed(arguments[1], 2),
            271 => arguments[1] = narrowed(arguments[1], 4),
            299 | 320 => arguments[2] = narrowed(arguments[2], 4),
            // A size takes two registers.
            _ if is_split => [arguments[1], arguments[2]] = [size & 0xffff_ffff, size >> 32],
            _ => {}
        }
        enter(number, arguments.map(|argument| below_4_gib(argument)))
    }
}

/// Where what this argument is the address of stands below 4 GiB; any other argument is cut.
///
/// # Safety
/// What does not fit is an address.
unsafe fn below_4_gib(argument: u64) -> u32 {
    const ROOM: usize = 8192;
    let is_number =
        argument <= u64::from(u32::MAX) || i32::try_from(argument.cast_signed()).is_ok();
    if is_number {
        return argument as u32;
    }
    // SAFETY: new memory of ours; of the other's as much is copied as there is.
    unsafe {
        let low = map_low(ROOM);
        let to = libc::iovec {
            iov_base: low,
            iov_len: ROOM,
        };
        let from = libc::iovec {
            iov_base: argument as *mut libc::c_void,
            iov_len: ROOM,
        };
        let got = libc::process_vm_readv(libc::getpid(), &raw const to, 1, &raw const from, 1, 0);
        assert!(
            got > 0,
            "{argument:#x}: {}",
            std::io::Error::last_os_error()
        );
        low.addr() as u32
    }
}

/// So many numbers of 64 bits, with 32.
///
/// # Safety
/// They stand there, or nothing does.
unsafe fn narrowed(address: u64, count: usize) -> u64 {
    if address == 0 {
        return 0;
    }
    // SAFETY: the caller's, and new memory that is long enough.
    unsafe {
        let wide = std::slice::from_raw_parts(address as *const i64, count);
        let low = map_low(4 * count).cast::<i32>();
        for (place, number) in wide.iter().enumerate() {
            low.add(place)
                .write(i32::try_from(*number).expect("32 bits"));
        }
        low.addr() as u64
    }
}

/// These bytes below 4 GiB, where they stay; their address.
pub fn kept_low(bytes: &[u8]) -> u64 {
    let low = map_low(bytes.len());
    // SAFETY: new memory that is long enough.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), low.cast(), bytes.len()) };
    low.addr() as u64
}

fn map_low(bytes: usize) -> *mut libc::c_void {
    let (access, kind) = (
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT,
    );
    // SAFETY: new memory.
    let low = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, kind, -1, 0) };
    assert_ne!(low, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    low
}

#[rustfmt::skip]
fn number_of(number: c_long) -> u32 {
    match number {
        libc::SYS_open => 5, libc::SYS_creat => 8, libc::SYS_openat => 295,
        libc::SYS_open_by_handle_at => 342,
        libc::SYS_unlink => 10, libc::SYS_unlinkat => 301, libc::SYS_rmdir => 40,
        libc::SYS_rename => 38, libc::SYS_renameat => 302, libc::SYS_renameat2 => 353,
        libc::SYS_link => 9, libc::SYS_linkat => 303,
        libc::SYS_symlink => 83, libc::SYS_symlinkat => 304,
        libc::SYS_mkdir => 39, libc::SYS_mkdirat => 296,
        libc::SYS_mknod => 14, libc::SYS_mknodat => 297,
        libc::SYS_truncate => 193, libc::SYS_ftruncate => 194,
        libc::SYS_chmod => 15, libc::SYS_fchmod => 94, libc::SYS_fchmodat => 306,
        libc::SYS_chown => 212, libc::SYS_lchown => 198, libc::SYS_fchown => 207,
        libc::SYS_fchownat => 298,
        libc::SYS_setxattr => 226, libc::SYS_lsetxattr => 227, libc::SYS_fsetxattr => 228,
        libc::SYS_removexattr => 235, libc::SYS_lremovexattr => 236, libc::SYS_fremovexattr => 237,
        libc::SYS_utime => 30, libc::SYS_utimes => 271, libc::SYS_futimesat => 299,
        libc::SYS_utimensat => 412,
        libc::SYS_mount => 21, libc::SYS_umount2 => 52,
        libc::SYS_chroot => 61, libc::SYS_pivot_root => 217,
        // From here on both entries have the same.
        428.. => number as u32,
        _ => panic!("no 32-bit number of {number}"),
    }
}

/// Calls that later ones with wider arguments took the place of.
fn old_number(number: c_long) -> Option<u32> {
    Some(match number {
        libc::SYS_truncate => 92,
        libc::SYS_ftruncate => 93,
        libc::SYS_chown => 182,
        libc::SYS_lchown => 16,
        libc::SYS_fchown => 95,
        libc::SYS_utimensat => 320,
        _ => return None,
    })
}
