//! Opens while somebody else changes what they are about.

use std::ffi::{CString, OsStr};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Barrier};

use super::{behind, c_path, ended, object, opened, tried};
use crate::{Words, old};

/// Rounds go on beyond what was asked until both files were got, at most so many times as many.
const MORE: u32 = 20;

/// Opens until the rounds are over and each outcome was met; how often it got `wanted`.
fn count(rounds: u32, wanted: (u64, u64), mut open: impl FnMut() -> Option<(u64, u64)>) -> u32 {
    let (mut hits, mut round) = (0, 0);
    while round < rounds || (hits == 0 || hits == round) && round < rounds * MORE {
        hits += u32::from(open() == Some(wanted));
        round += 1;
    }
    hits
}

/// `swap-open ROUNDS LINK FILE OTHER`: another process makes LINK lead to FILE and to OTHER, in
/// turn, while this one opens LINK. Prints how often it got FILE.
pub fn swap(words: &mut Words) {
    let rounds = words.number();
    let (link, file, other) = (words.path(), words.path(), words.path());
    let next = format!("{}.next", link.to_str().expect("UTF-8"));
    let turn = |to: &OsStr| {
        symlink(to, &next).expect("symlink");
        std::fs::rename(&next, &link).expect("rename");
    };
    turn(&other);
    // SAFETY: no other thread runs in this program.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        // SAFETY: asks to die with the parent, so that the loop has an end.
        unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
        loop {
            turn(&file);
            turn(&other);
        }
    }
    assert!(pid > 0, "fork: {}", std::io::Error::last_os_error());
    let name = c_path(Path::new(&link));
    let hits = count(rounds, object(Path::new(&file)), || {
        let fd = tried(&name, libc::O_RDONLY).ok()?;
        Some(behind(fd.as_raw_fd()))
    });
    // SAFETY: our own child, not yet waited for.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    ended(pid);
    println!("{hits}");
}

/// `rewrite-open ROUNDS FILE OTHER`, names of one length that differ in their last byte: another
/// thread changes that byte while this one opens. Prints how often it got FILE.
pub fn rewrite(words: &mut Words) {
    let (rounds, file, other) = (words.number(), words.bytes(), words.bytes());
    let last = file.len() - 1;
    assert_eq!(file[..last], other[..last], "names that differ in the end");
    let bytes = file.iter().copied().chain([0]).map(AtomicU8::new);
    let name: Arc<[AtomicU8]> = bytes.collect();
    let over = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (name, over, ends) = (name.clone(), over.clone(), [file[last], other[last]]);
        move || {
            while !over.load(Ordering::Relaxed) {
                for end in ends {
                    name[last].store(end, Ordering::Relaxed);
                }
            }
        }
    });
    let wanted = object(Path::new(OsStr::from_bytes(&file)));
    let hits = count(rounds, wanted, || {
        // SAFETY: the string ends with NUL; bytes of it may change while the kernel reads them.
        let fd = unsafe { old::open(name.as_ptr().cast(), libc::O_RDONLY, 0) };
        let fd = i32::try_from(fd).ok().filter(|fd| *fd >= 0)?;
        let got = behind(fd);
        // SAFETY: open gave it to us, and nobody else uses it.
        unsafe { libc::close(fd) };
        Some(got)
    });
    over.store(true, Ordering::Relaxed);
    writer.join().expect("the thread ends");
    println!("{hits}");
}

/// `dup-over ROUNDS FILE OTHER`: another thread puts OTHER over the descriptor of FILE as soon as it
/// is there. Prints in how many rounds OTHER was there when this thread looked.
pub fn dup_over(words: &mut Words) {
    let (rounds, file, other): (u32, CString, CString) =
        (words.number(), words.c_string(), words.c_string());
    let other = opened(&other, libc::O_RDONLY);
    let over = Arc::new(AtomicBool::new(false));
    // The number that the next open gets: the lowest that is free.
    let next = opened(&file, libc::O_PATH).as_raw_fd();
    let from = other.as_raw_fd();
    let both_run = Arc::new(Barrier::new(2));
    let thread = std::thread::spawn({
        let (over, both_run) = (over.clone(), both_run.clone());
        move || {
            both_run.wait();
            while !over.load(Ordering::Relaxed) {
                // SAFETY: numbers only. Only a descriptor that is there is overwritten: this is
                // refused while the open is about to give it out, and after it the number is taken.
                unsafe {
                    if libc::fcntl(next, libc::F_GETFD) >= 0 {
                        libc::dup2(from, next);
                    }
                }
            }
        }
    });
    let (mut replaced, others) = (0, behind(from));
    both_run.wait();
    for _ in 0..rounds {
        // SAFETY: a string and numbers; what is closed is whatever is there, and of no one else.
        unsafe {
            let fd = libc::open(file.as_ptr(), libc::O_RDONLY);
            assert!(fd >= 0, "open: {}", std::io::Error::last_os_error());
            replaced += u32::from(behind(fd) == others);
            libc::close(fd);
            // Put there by the other thread after our close.
            libc::close(next);
        }
    }
    over.store(true, Ordering::Relaxed);
    thread.join().expect("the thread ends");
    println!("{replaced}");
}
