//! The program `audit-acts`: odd acts that a test cannot do in its own process.
//!
//! Owns: finding it and calling it. Must not: know what the acts are; see tests/acts/main.rs.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use crate::home::beside_us;

/// `AUDIT_ACTS`, else the one that was built beside this program.
pub fn program() -> PathBuf {
    beside_us("AUDIT_ACTS", "audit-acts")
}

/// A process of the program, or of a copy of it, that waits for its words.
#[track_caller]
pub fn waiting(program: &Path) -> Child {
    Command::new(program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start audit-acts")
}

/// What an act came to.
#[derive(Debug)]
pub struct Acted {
    pub pid: u32,
    pub status: ExitStatus,
    pub stdout: String,
}

impl Acted {
    /// The number that the act printed: the errno of what was refused, or a pid.
    #[track_caller]
    pub fn number(&self) -> i32 {
        let text = self.stdout.trim();
        text.parse()
            .unwrap_or_else(|_| panic!("the act printed no number: {self:?}"))
    }
}

/// Steps and an act for one process.
pub struct Act {
    words: Vec<u8>,
}

impl Act {
    pub fn new() -> Act {
        Act { words: Vec::new() }
    }

    /// Adds words: `with(["exec"]).with([&program])`.
    pub fn with<S: AsRef<OsStr>>(mut self, words: impl IntoIterator<Item = S>) -> Act {
        for word in words {
            self.words.extend(word.as_ref().as_bytes());
            self.words.push(0);
        }
        self
    }

    /// These steps first.
    pub fn after(mut self, mut steps: Act) -> Act {
        steps.words.append(&mut self.words);
        steps
    }

    /// One word of any bytes.
    pub fn bytes(self, word: &[u8]) -> Act {
        self.with([OsStr::from_bytes(word)])
    }

    /// Starts the process; it waits for its words until it has them all.
    #[track_caller]
    pub fn start(&self) -> Child {
        let mut child = waiting(&program());
        self.tell(&mut child);
        child
    }

    /// Tells a process that [waits](waiting) for its words.
    #[track_caller]
    pub fn tell(&self, child: &mut Child) {
        let mut input = child.stdin.take().expect("a pipe");
        input
            .write_all(&self.words)
            .expect("tell audit-acts what to do");
    }

    /// Does it and waits for its end.
    #[track_caller]
    pub fn run(&self) -> Acted {
        self.run_by(waiting(&program()))
    }

    /// Has a process that [waits](waiting) do it, and waits for its end.
    #[track_caller]
    pub fn run_by(&self, mut child: Child) -> Acted {
        self.tell(&mut child);
        let pid = child.id();
        let output = child.wait_with_output().expect("wait for audit-acts");
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        Acted {
            pid,
            status: output.status,
            stdout,
        }
    }

    /// Does it; the process has to end with 0.
    #[track_caller]
    pub fn done(&self) -> Acted {
        let acted = self.run();
        assert!(acted.status.success(), "the act failed: {acted:?}");
        acted
    }
}

impl Default for Act {
    fn default() -> Act {
        Act::new()
    }
}

/// An act with its words: `act(["exec", "/bin/true"])`.
pub fn act<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Act {
    Act::new().with(words)
}
