//! One program, executed in one of the many ways there are.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::{Arc, Barrier};

use crate::{Words, refused};

/// An argument list as the kernel takes it; valid as long as the strings are.
pub fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    let strings = strings.iter().map(|string| string.as_ptr());
    strings.chain([std::ptr::null()]).collect()
}

fn environment() -> *const *const c_char {
    // SAFETY: POSIX's own, an array that ends with a null pointer.
    unsafe extern "C" {
        static environ: *const *const c_char;
    }
    // SAFETY: read before any other thread of this program could change it.
    unsafe { environ }
}

/// execve(2); returns only if it is refused.
pub fn execve(file: &CStr, argv: &[CString]) {
    // SAFETY: all strings and lists outlive the call.
    unsafe { libc::execve(file.as_ptr(), pointers(argv).as_ptr(), environment()) };
}

fn execveat(fd: RawFd, name: &CStr, argv: &[CString], flags: c_int) {
    let argv = pointers(argv);
    // SAFETY: all strings and lists outlive the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            fd,
            name.as_ptr(),
            argv.as_ptr(),
            environment(),
            flags,
        )
    };
}

/// A descriptor that the executed program does not get.
fn open(path: &CStr, flags: c_int) -> OwnedFd {
    // SAFETY: a string that outlives the call.
    let fd = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) };
    assert!(
        fd >= 0,
        "open {path:?}: {}",
        std::io::Error::last_os_error()
    );
    // SAFETY: open gave it to us, and nobody else has it.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

pub fn exec(words: &mut Words) {
    let file = words.c_string();
    execve(&file, &words.rest());
    refused()
}

/// The words that are left wait in a pipe for whom this process becomes.
pub fn become_other(words: &mut Words) {
    const PIPE_BYTES: usize = 64 * 1024;
    let file = words.c_string();
    let rest = words.rest();
    let told: Vec<u8> = rest
        .iter()
        .flat_map(|word| word.as_bytes_with_nul().to_vec())
        .collect();
    assert!(told.len() < PIPE_BYTES, "nobody reads it yet");
    let (reads, mut writes) = std::io::pipe().expect("a pipe");
    writes.write_all(&told).expect("write");
    drop(writes);
    // SAFETY: numbers.
    unsafe { libc::dup2(reads.as_raw_fd(), libc::STDIN_FILENO) };
    execve(&file, std::slice::from_ref(&file));
    refused()
}

/// With an environment as no library would make it.
pub fn with_environment(words: &mut Words) {
    let (file, strings) = (words.c_string(), words.rest());
    let argv = pointers(std::slice::from_ref(&file));
    // SAFETY: all strings and lists outlive the call.
    unsafe { libc::execve(file.as_ptr(), argv.as_ptr(), pointers(&strings).as_ptr()) };
    refused()
}

/// The search through PATH of the C library.
pub fn execvp(words: &mut Words) {
    let (name, argv) = (words.c_string(), words.rest());
    // SAFETY: all strings and lists outlive the call.
    unsafe { libc::execvp(name.as_ptr(), pointers(&argv).as_ptr()) };
    refused()
}

/// No argument list at all.
pub fn null_argv(words: &mut Words) {
    let file = words.c_string();
    // SAFETY: Linux takes a null list for an empty one.
    unsafe { libc::syscall(libc::SYS_execve, file.as_ptr(), 0, environment()) };
    refused()
}

/// An address where nothing is.
const NOWHERE: usize = 8;

pub fn bad_file() {
    // SAFETY: the kernel checks the address and refuses it.
    unsafe { libc::syscall(libc::SYS_execve, NOWHERE, 0, 0) };
    refused()
}

pub fn bad_argv(words: &mut Words) {
    let file = words.c_string();
    // SAFETY: the kernel checks the address and refuses it.
    unsafe { libc::syscall(libc::SYS_execve, file.as_ptr(), NOWHERE, 0) };
    refused()
}

pub fn at(words: &mut Words) {
    let dir = open(&words.c_string(), libc::O_PATH | libc::O_DIRECTORY);
    let name = words.c_string();
    execveat(dir.as_raw_fd(), &name, &words.rest(), 0);
    refused()
}

pub fn empty(words: &mut Words) {
    let file = open(&words.c_string(), libc::O_PATH);
    execveat(file.as_raw_fd(), c"", &words.rest(), libc::AT_EMPTY_PATH);
    refused()
}

/// Flags that no kernel knows.
pub fn at_flags(words: &mut Words) {
    let file = words.c_string();
    execveat(libc::AT_FDCWD, &file, std::slice::from_ref(&file), 1 << 30);
    refused()
}

fn filled_memfd(words: &mut Words) -> OwnedFd {
    let (name, from) = (words.c_string(), words.path());
    // SAFETY: a string that outlives the call.
    let fd = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) };
    assert!(fd >= 0, "memfd_create: {}", std::io::Error::last_os_error());
    // SAFETY: memfd_create gave it to us, and nobody else has it.
    let mut file = unsafe { std::fs::File::from_raw_fd(fd) };
    let mut from = std::fs::File::open(from).expect("open");
    std::io::copy(&mut from, &mut file).expect("fill the memfd");
    file.into()
}

pub fn memfd(words: &mut Words) {
    let file = filled_memfd(words);
    execveat(file.as_raw_fd(), c"", &words.rest(), libc::AT_EMPTY_PATH);
    refused()
}

pub fn memfd_path(words: &mut Words) {
    let file = filled_memfd(words);
    let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())).expect("no NUL");
    execve(&path, &words.rest());
    refused()
}

/// A file that has no name any more.
pub fn unlinked(words: &mut Words) {
    let path = words.c_string();
    let file = open(&path, libc::O_PATH);
    // SAFETY: a string that outlives the call.
    assert_eq!(unsafe { libc::unlink(path.as_ptr()) }, 0, "unlink");
    execveat(file.as_raw_fd(), c"", &words.rest(), libc::AT_EMPTY_PATH);
    refused()
}

/// The last of some threads executes; the others and the leader are waiting.
pub fn from_thread(words: &mut Words) {
    let threads = words.number();
    let (file, argv) = (words.c_string(), words.rest());
    let all_run = Arc::new(Barrier::new(threads as usize + 1));
    for _ in 0..threads {
        let all_run = all_run.clone();
        std::thread::spawn(move || {
            all_run.wait();
            loop {
                std::thread::park();
            }
        });
    }
    let executes = std::thread::spawn(move || {
        all_run.wait();
        execve(&file, &argv);
        refused()
    });
    // Only a failure brings us here; it has exited by then.
    let _: Result<(), _> = executes.join();
}

struct Vforked {
    file: CString,
    argv: Vec<CString>,
}

/// What vfork(2) does, on a stack of its own: one memory, and the parent waits for the exec.
pub fn vfork(words: &mut Words) {
    const STACK_BYTES: usize = 256 * 1024;
    let (file, argv) = (words.c_string(), words.rest());
    let task = Vforked { file, argv };
    let mut stack = vec![0u8; STACK_BYTES];
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack's end is aligned by `clone` itself; the child runs `child` only, on that
    // stack, while this thread waits for its exec or end, so both outlive it.
    let pid = unsafe {
        let top = stack.as_mut_ptr().add(STACK_BYTES).cast::<c_void>();
        libc::clone(child, top, flags, (&raw const task).cast_mut().cast())
    };
    assert!(pid > 0, "clone: {}", std::io::Error::last_os_error());
    println!("{pid}");
    wait(pid);
}

extern "C" fn child(task: *mut c_void) -> c_int {
    // SAFETY: `vfork` passes its own `task`.
    let task = unsafe { &*task.cast::<Vforked>() };
    execve(&task.file, &task.argv);
    127
}

pub fn posix_spawn(words: &mut Words) {
    let (file, argv) = (words.c_string(), words.rest());
    match spawn(&file, &argv) {
        Ok(pid) => {
            println!("{pid}");
            wait(pid);
        }
        Err(errno) => println!("{errno}"),
    }
}

/// posix_spawn(3): the pid, or the errno of what failed in the child.
pub fn spawn(file: &CStr, argv: &[CString]) -> Result<libc::pid_t, c_int> {
    let argv: Vec<*mut c_char> = pointers(argv)
        .into_iter()
        .map(<*const c_char>::cast_mut)
        .collect();
    let mut pid = 0;
    // SAFETY: all strings and lists outlive the call; no attributes and no file actions.
    let errno = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            file.as_ptr(),
            std::ptr::null(),
            std::ptr::null(),
            argv.as_ptr(),
            environment().cast(),
        )
    };
    if errno == 0 { Ok(pid) } else { Err(errno) }
}

pub fn wait(pid: libc::pid_t) {
    let mut status = 0;
    // SAFETY: a status of our own; the child is ours and waited for only here.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid, "waitpid: {}", std::io::Error::last_os_error());
}
