//! Calls that change privileges, reach into other processes or into the kernel, as they are: numbers and
//! pointers, through no wrapper of a library.
//!
//! `call NAME COUNT ARGUMENT…` is a step, done as often as wanted; each prints what came of it: a number,
//! or an errno below zero. An argument is
//!
//! ```text
//! 12, -1        a number
//! text:STRING   the address of a string
//! words:A,B,…   the address of numbers of 32 bits
//! low-words:A,…  the same below 4 GiB, for calls of 32 bits
//! longs:A,B,…   the same of 64 bits
//! room:BYTES    the address of so many zeros
//! span:ADDRESS,BYTES   a structure of both (an iovec)
//! local:BYTES   the same of memory of our own
//! pidfd:PID     a descriptor of that process
//! open:PATH     a descriptor of that file
//! self          our own pid
//! ```
//!
//! `call-32 NUMBER COUNT ARGUMENT…` does so by the 32-bit entry, with numbers and `low-words` only.
//!
//! Acts: `done` (ends), `stay` (until standard output is closed by the reader), `threads-setuid COUNT UID`,
//! `thread-apart FLAGS` (a thread made with them, which ends at once), `bpf-load TYPE NAME`, `bpf-attach NAME TRACEPOINT`, `bpf-garbage NAME`.

use std::ffi::CString;

use crate::Words;

/// Memory that calls are given; it stays until the end.
fn keep(bytes: Vec<u8>) -> i64 {
    Box::leak(bytes.into_boxed_slice()).as_mut_ptr() as i64
}

fn numbers(text: &str) -> Vec<i64> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    parts.map(number).collect()
}

fn number(text: &str) -> i64 {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).expect("digits") as i64,
        None => text.parse().expect("a number"),
    }
}

fn argument(word: &str) -> i64 {
    let Some((form, rest)) = word.split_once(':') else {
        return match word {
            "self" => std::process::id().into(),
            _ => number(word),
        };
    };
    match form {
        "text" => keep(CString::new(rest).expect("no NUL").into_bytes_with_nul()),
        "words" => {
            let words = numbers(rest);
            keep(
                words
                    .iter()
                    .flat_map(|word| (*word as u32).to_ne_bytes())
                    .collect(),
            )
        }
        "low-words" => {
            let words = numbers(rest);
            let bytes: Vec<u8> = words
                .iter()
                .flat_map(|word| (*word as u32).to_ne_bytes())
                .collect();
            crate::entry::kept_low(&bytes) as i64
        }
        "longs" => {
            let longs = numbers(rest);
            keep(longs.iter().flat_map(|long| long.to_ne_bytes()).collect())
        }
        "room" => keep(vec![0; rest.parse().expect("a number")]),
        "span" => argument(&format!("longs:{rest}")),
        "local" => {
            let bytes: usize = rest.parse().expect("a number");
            let memory = keep(vec![7; bytes]);
            argument(&format!("longs:{memory},{bytes}"))
        }
        "pidfd" => {
            let pid: libc::c_long = rest.parse().expect("a pid");
            // SAFETY: only numbers are passed.
            let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
            assert!(fd >= 0, "pidfd_open: {}", std::io::Error::last_os_error());
            fd
        }
        "open" => {
            use std::os::fd::IntoRawFd;
            let file = std::fs::File::open(rest).expect("open");
            file.into_raw_fd().into()
        }
        _ => panic!("no form {word:?}"),
    }
}

fn call_number(name: &str) -> libc::c_long {
    match name {
        "setuid" => libc::SYS_setuid,
        "setgid" => libc::SYS_setgid,
        "setreuid" => libc::SYS_setreuid,
        "setregid" => libc::SYS_setregid,
        "setresuid" => libc::SYS_setresuid,
        "setresgid" => libc::SYS_setresgid,
        "setfsuid" => libc::SYS_setfsuid,
        "setfsgid" => libc::SYS_setfsgid,
        "setgroups" => libc::SYS_setgroups,
        "capset" => libc::SYS_capset,
        "prctl" => libc::SYS_prctl,
        "unshare" => libc::SYS_unshare,
        "setns" => libc::SYS_setns,
        "ptrace" => libc::SYS_ptrace,
        "process_vm_readv" => libc::SYS_process_vm_readv,
        "process_vm_writev" => libc::SYS_process_vm_writev,
        "pidfd_getfd" => libc::SYS_pidfd_getfd,
        "pidfd_send_signal" => libc::SYS_pidfd_send_signal,
        "kill" => libc::SYS_kill,
        "tkill" => libc::SYS_tkill,
        "tgkill" => libc::SYS_tgkill,
        "rt_sigqueueinfo" => libc::SYS_rt_sigqueueinfo,
        "init_module" => libc::SYS_init_module,
        "finit_module" => libc::SYS_finit_module,
        "delete_module" => libc::SYS_delete_module,
        "bpf" => libc::SYS_bpf,
        "kexec_load" => libc::SYS_kexec_load,
        "kexec_file_load" => libc::SYS_kexec_file_load,
        "settimeofday" => libc::SYS_settimeofday,
        "clock_settime" => libc::SYS_clock_settime,
        "adjtimex" => libc::SYS_adjtimex,
        "clock_adjtime" => libc::SYS_clock_adjtime,
        "sethostname" => libc::SYS_sethostname,
        "setdomainname" => libc::SYS_setdomainname,
        "reboot" => libc::SYS_reboot,
        "swapon" => libc::SYS_swapon,
        "swapoff" => libc::SYS_swapoff,
        "perf_event_open" => libc::SYS_perf_event_open,
        "userfaultfd" => libc::SYS_userfaultfd,
        "personality" => libc::SYS_personality,
        "socket" => libc::SYS_socket,
        "clone" => libc::SYS_clone,
        "clone3" => libc::SYS_clone3,
        _ => panic!("no call {name:?}"),
    }
}

/// Makes the call and prints what came of it.
pub fn call(words: &mut Words) {
    let name = String::from_utf8(words.bytes()).expect("a name");
    let count = words.number();
    let mut all = [0; 6];
    for place in all.iter_mut().take(count as usize) {
        let word = String::from_utf8(words.bytes()).expect("an argument");
        *place = argument(&word);
    }
    let [a, b, c, d, e, f] = all;
    // SAFETY: addresses among the arguments are of memory that is kept; the tests' calls write no other.
    let result = unsafe { libc::syscall(call_number(&name), a, b, c, d, e, f) };
    if name.starts_with("clone") && result == 0 {
        // The child: nothing else.
        std::process::exit(0);
    }
    say(result);
    if name.starts_with("clone") && result > 0 {
        // SAFETY: a child of our own.
        unsafe { libc::waitpid(result as i32, std::ptr::null_mut(), libc::__WALL) };
    }
}

/// The same by the 32-bit entry: `call-32 NUMBER COUNT ARGUMENT…`.
pub fn call_32(words: &mut Words) {
    let (number, count) = (words.number(), words.number());
    let mut all = [0; 6];
    for place in all.iter_mut().take(count as usize) {
        let word = String::from_utf8(words.bytes()).expect("an argument");
        *place = argument(&word) as u32;
    }
    // SAFETY: an address among the arguments is of memory that is kept, below 4 GiB.
    println!("{}", unsafe { crate::entry::enter(number, all) });
}

fn say(result: i64) {
    match result {
        -1 => {
            let error = std::io::Error::last_os_error();
            println!("{}", -error.raw_os_error().expect("an errno"));
        }
        done => println!("{done}"),
    }
}

pub fn act(act: &[u8], words: &mut Words) -> bool {
    match act {
        b"done" => {}
        b"stay" => stay(),
        b"threads-setuid" => threads_setuid(words),
        b"thread-apart" => thread_apart(words),
        b"bpf-load" => {
            let kind = words.number();
            say(load(kind, &words.bytes()));
        }
        b"bpf-attach" => attach(words),
        b"bpf-garbage" => say(load_of(1, &words.bytes(), &[0xff; 8])),
        _ => return false,
    }
    true
}

/// Lives until somebody ends it.
fn stay() {
    println!("0");
    loop {
        // SAFETY: takes nothing.
        unsafe { libc::pause() };
    }
}

/// Has the C library change the user of a process with so many other threads.
fn threads_setuid(words: &mut Words) {
    let (threads, uid) = (words.number() as usize, words.number());
    let barrier = std::sync::Barrier::new(threads + 1);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                barrier.wait();
                barrier.wait();
            });
        }
        barrier.wait();
        // SAFETY: only a number is passed.
        let done = unsafe { libc::setuid(uid) };
        say(done.into());
        barrier.wait();
    });
}

extern "C" fn ends(_: *mut libc::c_void) -> i32 {
    0
}

fn thread_apart(words: &mut Words) {
    const STACK_BYTES: usize = 64 * 1024;
    // It stays: nobody waits for the thread to have left it.
    let stack = Vec::leak(vec![0u8; STACK_BYTES]).as_mut_ptr_range();
    let shared = libc::CLONE_VM | libc::CLONE_SIGHAND | libc::CLONE_THREAD;
    let flags = shared | number(&String::from_utf8(words.bytes()).expect("flags")) as i32;
    // SAFETY: the stack is kept, its end is aligned by `clone` itself, and the thread does nothing.
    say(unsafe { libc::clone(ends, stack.end.cast(), flags, std::ptr::null_mut()) }.into());
}

/// `r0 = 0; exit`
const NOTHING: [u8; 16] = [0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0];
const PROG_LOAD: i64 = 5;
const RAW_TRACEPOINT_OPEN: i64 = 17;
const RAW_TRACEPOINT: u32 = 17;

fn load(kind: u32, name: &[u8]) -> i64 {
    load_of(kind, name, &NOTHING)
}

fn load_of(kind: u32, name: &[u8], code: &[u8]) -> i64 {
    // Before 5.11 programs count as memory that is locked.
    let all = libc::rlimit {
        rlim_cur: libc::RLIM_INFINITY,
        rlim_max: libc::RLIM_INFINITY,
    };
    // SAFETY: a structure of our own. Who may not do so may not load programs either.
    unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const all) };
    let mut attributes = [0u8; 72];
    let mut put = |at: usize, bytes: &[u8]| attributes[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &kind.to_ne_bytes());
    put(4, &(code.len() as u32 / 8).to_ne_bytes());
    put(8, &(code.as_ptr() as u64).to_ne_bytes());
    put(16, &(c"GPL".as_ptr() as u64).to_ne_bytes());
    put(48, &name[..name.len().min(15)]);
    // SAFETY: attributes of the size that is told, whose pointers live as long as the call.
    unsafe {
        libc::syscall(
            libc::SYS_bpf,
            PROG_LOAD,
            attributes.as_ptr(),
            attributes.len(),
        )
    }
}

fn attach(words: &mut Words) {
    let name = words.bytes();
    let point = words.c_string();
    let fd = load(RAW_TRACEPOINT, &name);
    say(fd.min(0));
    let attributes = [point.as_ptr() as u64, fd as u64];
    // SAFETY: as above.
    let link = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            RAW_TRACEPOINT_OPEN,
            attributes.as_ptr(),
            size_of_val(&attributes),
        )
    };
    say(link.min(0));
}
