//! What tests' daemons leave in bpffs: their programs, until somebody takes them out.
//!
//! Owns: the directories of pins, the end of those whose test program is dead, and those that are
//! handed on from test to test. Must not: know what is pinned.
//!
//! Programs that stay behind are run by every other program's acts, and slow all later tests down.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

const BPFFS: &str = "/sys/fs/bpf";
const PREFIX: &str = "audit-test-";

/// Directories with programs that wait for the next test that takes over such.
static KEPT: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Where the daemons of the home with this marker pin.
pub fn directory(marker: &str) -> PathBuf {
    static SWEPT: Once = Once::new();
    SWEPT.call_once(|| sweep(Path::new(BPFFS)));
    Path::new(BPFFS).join(marker)
}

/// No two test programs that live, and no two homes of one, have the same.
pub fn marker(home: u32) -> String {
    format!("{PREFIX}{}-{home}", std::process::id())
}

/// A directory whose programs another test left there, or a new one of this name.
pub fn take_kept(marker: &str) -> PathBuf {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.pop().unwrap_or_else(|| directory(marker))
}

/// For the next one. What nobody takes any more goes with the test program.
pub fn keep(dir: PathBuf) {
    extern "C" fn end() {
        let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().for_each(|dir| take_out(dir));
    }
    static ONCE: Once = Once::new();
    // SAFETY: the function takes nothing, catches what a poisoned lock would throw, and lives as long
    // as the program.
    ONCE.call_once(|| assert_eq!(unsafe { libc::atexit(end) }, 0, "atexit"));
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.push(dir);
}

/// Takes out what test programs left that were killed.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        let Some(Ok(pid)) = owner.map(str::parse::<u32>) else {
            continue;
        };
        if pid != std::process::id() && !Path::new(&format!("/proc/{pid}")).exists() {
            eprintln!("taking out what a killed test program left: {name:?}");
            take_out(&entry.path());
        }
    }
}

/// Each pin, links first, and the directory. What cannot be removed stays for the next one to try.
fn take_out(dir: &Path) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut pins: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    pins.sort();
    for pin in pins {
        let _ = std::fs::remove_file(pin);
    }
    let _ = std::fs::remove_dir(dir);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_dead_left_is_taken_out() {
        let parent = tempfile::tempdir().expect("a directory");
        let made = |name: &str| {
            let dir = parent.path().join(name);
            std::fs::create_dir(&dir).expect("mkdir");
            std::fs::write(dir.join("link_exec_0_0_0"), b"").expect("write");
            dir
        };
        // Process ids end below 2^22.
        let dead = made("audit-test-4194305-0");
        let ours = made(&marker(7));
        let living = made("audit-test-1-0");
        let other = made("audit-daemon");
        sweep(parent.path());
        let there = [&dead, &ours, &living, &other].map(|dir| dir.exists());
        assert_eq!(there, [false, true, true, true]);
    }

    #[test]
    fn what_is_kept_is_taken_over_once() {
        let first = take_kept("audit-test-x");
        assert_eq!(first, Path::new("/sys/fs/bpf/audit-test-x"));
        keep(first.clone());
        assert_eq!(take_kept("audit-test-y"), first);
        assert_eq!(take_kept("audit-test-z"), directory("audit-test-z"));
    }
}
