//! Many at once, and the ends of processes.

use std::ffi::CString;
use std::sync::{Arc, Barrier};

use crate::Words;
use crate::launch::{execve, spawn, wait};

/// Runs it on some threads that begin together, with the thread's number.
fn together(threads: u32, each: impl Fn(u32) + Send + Sync + 'static) {
    let begin = Arc::new(Barrier::new(threads as usize));
    let each = Arc::new(each);
    let run = |thread| {
        let (begin, each) = (begin.clone(), each.clone());
        std::thread::spawn(move || {
            begin.wait();
            each(thread);
        })
    };
    let handles: Vec<_> = (0..threads).map(run).collect();
    for handle in handles {
        handle.join().expect("no thread fails");
    }
}

/// Processes that live for an instant, each with the arguments FILE `TAG-<thread>-<number>`.
pub fn spawn_many(words: &mut Words) {
    let (threads, each) = (words.number(), words.number());
    let (file, tag) = (
        words.c_string(),
        words.c_string().into_string().expect("UTF-8"),
    );
    together(threads, move |thread| {
        for number in 0..each {
            let name = CString::new(format!("{tag}-{thread}-{number}")).expect("no NUL");
            wait(spawn(&file, &[file.clone(), name]).expect("posix_spawn"));
        }
    });
}

/// Execs that fail, each with an error that nothing folds.
pub fn fail_many(words: &mut Words) {
    let (threads, each) = (words.number(), words.number());
    let file = words.c_string();
    together(threads, move |_| {
        for _ in 0..each {
            execve(&file, std::slice::from_ref(&file));
        }
    });
}

/// Processes that execute nothing.
pub fn fork_many(words: &mut Words) {
    let (threads, each) = (words.number(), words.number());
    together(threads, move |_| {
        for _ in 0..each {
            // SAFETY: the child calls nothing but _exit.
            let pid = unsafe { libc::fork() };
            if pid == 0 {
                // SAFETY: ends this process without running anything of its parent's.
                unsafe { libc::_exit(0) };
            }
            assert!(pid > 0, "fork: {}", std::io::Error::last_os_error());
            wait(pid);
        }
    });
}

pub fn exit(words: &mut Words) {
    exit_group(words.number());
}

pub fn raise(words: &mut Words) {
    let signal = words.number();
    let no_core = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: only numbers and a limit of our own are passed.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &raw const no_core);
        libc::signal(signal as libc::c_int, libc::SIG_DFL);
        libc::raise(signal as libc::c_int);
    }
}

/// One of several threads ends the process.
pub fn exit_among(words: &mut Words) {
    let (threads, code) = (words.number(), words.number());
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
    all_run.wait();
    exit_group(code);
}

/// The leader ends first, then its threads one after the other.
pub fn leader_first(words: &mut Words) {
    let (threads, code) = (words.number(), words.number());
    // SAFETY: only asks.
    let pid = unsafe { libc::getpid() };
    for _ in 0..threads {
        std::thread::spawn(move || {
            // The leader is a zombie as long as threads are left: that it ended is seen in its state.
            while state(pid) != Some('Z') {
                std::thread::yield_now();
            }
        });
    }
    // SAFETY: ends this thread only; nothing of it is used by the others.
    unsafe { libc::syscall(libc::SYS_exit, code) };
}

/// State of a process's leader, as in `/proc/<pid>/stat`.
fn state(pid: libc::pid_t) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

fn exit_group(code: u32) -> ! {
    std::process::exit(i32::try_from(code).expect("a code of a process"))
}
