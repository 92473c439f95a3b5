//! Work for the daemon to record: programs that are executed one after the other, each with a
//! number of its own.
//!
//! Owns: starting them, and finding their numbers in a log. Must not: judge what is there.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use audit_tests::Records;

/// What is executed: it does nothing, and is everywhere.
const PROGRAM: &str = "/bin/true";

/// Runs `/bin/true <tag>-<n>` once.
#[track_caller]
pub fn exec(tag: &str, number: u64) {
    let status = Command::new(PROGRAM)
        .arg(format!("{tag}-{number}"))
        .status();
    assert!(status.expect("start /bin/true").success());
}

/// Numbers `first..end`, one after the other.
#[track_caller]
pub fn execs(tag: &str, numbers: std::ops::Range<u64>) {
    numbers.for_each(|number| exec(tag, number));
}

/// The numbers of this tag in the order of the log, one for each record of an exec.
pub fn numbers(records: &Records, tag: &str) -> Vec<u64> {
    let start = format!("{PROGRAM} {tag}-");
    let number = |text: &str| text.parse().expect("a number behind the tag");
    let execs = records.iter().filter(|record| record.is_exec());
    execs
        .filter_map(|record| {
            record
                .str("process.cmd_line")
                .strip_prefix(&start)
                .map(number)
        })
        .collect()
}

/// The same, sorted: each number that was recorded, as often as it was.
pub fn sorted(records: &Records, tag: &str) -> Vec<u64> {
    let mut numbers = numbers(records, tag);
    numbers.sort_unstable();
    numbers
}

/// Threads that execute without pause until they are told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    next: Arc<AtomicU64>,
    done: Arc<Mutex<Vec<u64>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(tag: &str, threads: usize) -> Load {
        let (stop, next) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let done = Arc::new(Mutex::new(Vec::new()));
        let threads = (0..threads)
            .map(|_| {
                let (stop, next, done) = (stop.clone(), next.clone(), done.clone());
                let tag = tag.to_owned();
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        exec(&tag, number);
                        done.lock().expect("no thread panicked").push(number);
                    }
                })
            })
            .collect();
        Load {
            stop,
            next,
            done,
            threads,
        }
    }

    /// Those that have ended by now.
    pub fn done(&self) -> Vec<u64> {
        self.done.lock().expect("no thread panicked").clone()
    }

    /// Waits until so many more have ended.
    pub fn wait_for_more(&self, count: usize) {
        let until = self.done().len() + count;
        while self.done().len() < until {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// Ends it; gives the count of all that were executed: numbers `0..count`.
    pub fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a thread of the load");
        }
        let count = self.next.load(Ordering::Relaxed);
        assert_eq!(
            self.done.lock().expect("no thread panicked").len() as u64,
            count
        );
        count
    }
}

/// Ends a test that needs pins on a kernel that cannot pin all of our links.
macro_rules! need_pins {
    () => {
        if audit_tests::kernel_version() < (5, 15) {
            audit_tests::skip!("perf tracepoints can be pinned from Linux 5.15 on");
        }
    };
}
pub(crate) use need_pins;

/// Runs a command to its end, quietly; a failure fails the test with what it said.
#[track_caller]
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?} ended with {}: {}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}
