//! What is still running when a job's time is over, or when it has ended.
//!
//! Owns: describing such processes for people, and ending them, so that a job never finds
//! the processes of the one before it.
//!
//! Must not: touch kernel threads, or process 1.

use std::fs;
use std::time::{Duration, Instant};

use crate::system;

/// More processes than this are not described: the first ones tell the story.
const DESCRIBED_MAX: usize = 32;
/// How long processes may take to die after SIGKILL (one in an uninterruptible wait may not).
const DEATH_MAX: Duration = Duration::from_secs(5);

/// The ids of all processes but this one and the kernel's threads.
pub fn list() -> Vec<i32> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let mut pids: Vec<i32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&pid| pid != 1 && is_user_process(pid))
        .collect();
    pids.sort_unstable();
    pids
}

/// One text per process: name, state, and for each thread where it waits in the kernel.
pub fn describe(pids: &[i32]) -> Vec<String> {
    let mut texts: Vec<String> = pids
        .iter()
        .take(DESCRIBED_MAX)
        .map(|&pid| story(pid))
        .collect();
    if let Some(more @ 1..) = pids.len().checked_sub(DESCRIBED_MAX) {
        texts.push(format!("… and {more} more processes"));
    }
    texts
}

/// Kills every other process and waits until they are gone; gives those that are not.
pub fn end_all() -> Vec<i32> {
    let started = Instant::now();
    loop {
        system::signal_all(libc::SIGKILL);
        reap();
        let left = list();
        if left.is_empty() || started.elapsed() > DEATH_MAX {
            return left;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Collects every dead child; gives (pid, wait status) of each.
pub fn reap() -> Vec<(i32, i32)> {
    let mut dead = Vec::new();
    loop {
        let mut status = 0;
        // SAFETY: waitpid writes one int where `status` is.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
        if pid <= 0 {
            return dead;
        }
        dead.push((pid, status));
    }
}

/// Kernel threads have no memory, so no size in statm; neither have zombies, which are dead.
fn is_user_process(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/statm")).is_ok_and(|text| !text.starts_with("0 "))
}

fn story(pid: i32) -> String {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
    let command = read("cmdline").replace('\0', " ");
    let mut text = format!("process {pid}: {}", command.trim_end());
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return text;
    };
    for thread in threads.flatten().take(DESCRIBED_MAX) {
        let tid = thread.file_name().to_string_lossy().into_owned();
        let read = |file: &str| read(&format!("task/{tid}/{file}"));
        let state = read("status")
            .lines()
            .find_map(|line| line.strip_prefix("State:"))
            .map(|state| state.trim().to_owned())
            .unwrap_or_default();
        text.push_str(&format!(
            "\n  thread {tid} ({}) {state}",
            read("comm").trim_end()
        ));
        for line in read("stack").lines() {
            text.push_str(&format!("\n    {line}"));
        }
    }
    text
}
