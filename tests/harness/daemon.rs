//! A running daemon.
//!
//! Owns: its process, and the transcript that a failed test prints. Must not: sleep for a time
//! instead of waiting for a condition.

use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::home::{Setup, daemon_program};
use crate::records::{Record, Records, Tail};
use crate::status::Status;
use crate::{in_guest, ocsf};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// Lines of the log in a transcript.
const TRANSCRIPT_LINES: usize = 12;
const TRANSCRIPT_LINE_BYTES: usize = 600;

/// How long a condition may take that should be true at once. Emulated machines are slow.
pub fn patience() -> Duration {
    Duration::from_secs(if in_guest() { 120 } else { 30 })
}

/// A daemon from its readiness to its stop; killed if the test ends before.
pub struct Daemon {
    setup: Setup,
    child: Option<Child>,
    pid: u32,
    command: String,
    stdout: PathBuf,
    stderr: PathBuf,
    tail: RefCell<Tail>,
    said: bool,
}

impl Daemon {
    /// Starts the daemon and waits for its first line, which it prints when all hooks are attached, and for
    /// its word that it records: it is ready.
    #[track_caller]
    pub fn start(setup: &Setup) -> Daemon {
        let mut daemon = Daemon::spawn(setup);
        let deadline = Instant::now() + patience();
        loop {
            let said = std::fs::read_to_string(&daemon.stdout).unwrap_or_default();
            if let Some((first, _)) = said.split_once('\n') {
                assert_eq!(
                    Record::parse(first).kind(),
                    "daemon.start",
                    "the first line: {first}"
                );
                let log = std::fs::read_to_string(&daemon.stderr).unwrap_or_default();
                if log.contains("recording to") {
                    return daemon;
                }
            }
            if let Some(status) = daemon.has_ended() {
                panic!("the daemon ended before it was ready: {status}");
            }
            assert!(Instant::now() < deadline, "the daemon is not ready in time");
            std::thread::sleep(LOOK);
        }
    }

    /// Starts the daemon and waits for nothing.
    #[track_caller]
    pub fn spawn(setup: &Setup) -> Daemon {
        let config = setup.write_config();
        let file = |name: &str| setup.dir().join(name);
        let (stdout, stderr) = (file("stdout.json"), file("stderr.txt"));
        let create = |path: &PathBuf| File::create(path).expect("a file for the daemon's output");
        let mut command = Command::new(daemon_program());
        command
            .arg("run")
            .arg("--config")
            .arg(config)
            .args(["--stdout", "json"]);
        command.args(&setup.args);
        command.envs(setup.env.iter().map(|(name, value)| (name, value)));
        command
            .stdin(Stdio::null())
            .stdout(create(&stdout))
            .stderr(create(&stderr));
        command.current_dir(setup.dir());
        let line = format!("{command:?}");
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {line}: {error}"));
        Daemon {
            pid: child.id(),
            child: Some(child),
            command: line,
            stdout,
            stderr,
            tail: RefCell::new(Tail::new(&setup.log_dir())),
            setup: setup.clone(),
            said: false,
        }
    }

    pub fn pid(&self) -> u32 {
        self.pid
    }

    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// All records on disk now, those of earlier daemons of this home too.
    pub fn records(&self) -> Records {
        let mut tail = self.tail.borrow_mut();
        tail.read();
        tail.records.clone()
    }

    /// Waits until the log fulfils a condition, and returns it as it was then.
    #[track_caller]
    pub fn wait_for(&self, what: &str, condition: impl Fn(&Records) -> bool) -> Records {
        self.wait_within(patience(), what, condition)
    }

    #[track_caller]
    pub fn wait_within(
        &self,
        time: Duration,
        what: &str,
        condition: impl Fn(&Records) -> bool,
    ) -> Records {
        let deadline = Instant::now() + time;
        let mut first = true;
        loop {
            let late = Instant::now() >= deadline;
            let mut tail = self.tail.borrow_mut();
            if (tail.read() || first) && condition(&tail.records) {
                return tail.records.clone();
            }
            first = false;
            assert!(!late, "not in the log within {time:?}: {what}");
            drop(tail);
            std::thread::sleep(LOOK);
        }
    }

    /// Waits until status fulfils a condition.
    #[track_caller]
    pub fn wait_for_status(&self, what: &str, condition: impl Fn(&Status) -> bool) -> Status {
        let deadline = Instant::now() + patience();
        loop {
            let status = self.ask();
            if condition(&status) {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "status never shows {what}: {:#}",
                status.0
            );
            std::thread::sleep(LOOK);
        }
    }

    /// `audit-daemon status --json`
    #[track_caller]
    pub fn status(&self) -> Status {
        self.try_status().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same from its socket: `audit-daemon status` is a process, and so an event itself.
    #[track_caller]
    pub fn ask(&self) -> Status {
        let mut socket = UnixStream::connect(self.setup.socket()).expect("the status socket");
        socket.set_read_timeout(Some(patience())).expect("a limit");
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).expect("the whole status");
        Status(serde_json::from_slice(&answer).expect("status as JSON"))
    }

    fn try_status(&self) -> Result<Status, String> {
        let mut command = self.setup.command("status");
        let output = command
            .arg("--json")
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!(
                "status: {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        serde_json::from_slice(&output.stdout)
            .map(Status)
            .map_err(|error| error.to_string())
    }

    /// What it printed: its records as JSON lines.
    pub fn stdout(&self) -> String {
        std::fs::read_to_string(&self.stdout).unwrap_or_default()
    }

    /// Its own messages.
    pub fn stderr(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap_or_default()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid).expect("a pid is an i32");
        // It is our child and not yet waited for, so the number is still its own.
        assert!(self.child.is_some(), "the daemon was waited for already");
        kill(Pid::from_raw(pid), signal).expect("signal the daemon");
    }

    /// Whether it ended by itself.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child
            .as_mut()
            .and_then(|child| child.try_wait().expect("wait for the daemon"))
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub fn wait_end(&mut self) -> ExitStatus {
        let deadline = Instant::now() + patience();
        loop {
            if let Some(status) = self.has_ended() {
                self.child = None;
                return status;
            }
            assert!(Instant::now() < deadline, "the daemon does not end");
            std::thread::sleep(LOOK);
        }
    }

    /// SIGTERM: what was seen is drained. Returns all records of this home. Each is kept for the
    /// check against the schema.
    #[track_caller]
    pub fn stop(&mut self) -> Records {
        self.signal(Signal::SIGTERM);
        let status = self.wait_end();
        assert_eq!(
            status.code(),
            Some(0),
            "SIGTERM ends the daemon with {status}"
        );
        ocsf::keep(&self.setup);
        let records = self.records();
        assert_eq!(
            records.last().map_or("", Record::kind),
            "daemon.stop",
            "the last record"
        );
        records
    }

    /// kill -9, and waits until it is dead.
    #[track_caller]
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait_end();
    }

    /// What a person needs to understand a failure.
    pub fn transcript(&self) -> String {
        let records = self.records();
        let skipped = records.len().saturating_sub(TRANSCRIPT_LINES);
        let lines: Vec<String> = records[skipped..]
            .iter()
            .map(|r| shortened(&r.line))
            .collect();
        let losses: Vec<&str> = records
            .of_kind("daemon.loss")
            .chain(records.of_kind("daemon.coverage"))
            .map(|r| r.line.as_str())
            .collect();
        let sums = match self.child.as_ref().map(|_| self.try_status()) {
            Some(Ok(status)) => format!(
                "{:#?}\nskipped by hook: {:?}",
                status.lanes(),
                status.missed()
            ),
            Some(Err(error)) => error,
            None => "(it has ended)".to_owned(),
        };
        format!(
            "==== daemon ====\ncommand: {}\npid: {}\nhome: {}\n---- configuration ----\n{}\
             ---- stderr ----\n{}---- sums ----\n{sums}\n---- losses and coverage ----\n{}\n\
             ---- log: {} records, the last {} ----\n{}\n====\n",
            self.command,
            self.pid,
            self.setup.dir().display(),
            self.setup.config_text(),
            self.stderr(),
            losses.join("\n"),
            records.len(),
            lines.len(),
            lines.join("\n"),
        )
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.said {
            self.said = true;
            eprintln!("{}", self.transcript());
        }
        if let Some(mut child) = self.child.take() {
            // It may have ended meanwhile; either way it is gone after this.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn shortened(line: &str) -> String {
    let mut end = line.len().min(TRANSCRIPT_LINE_BYTES);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let more = line.len() - end;
    match more {
        0 => line.to_owned(),
        _ => format!("{} … {more} more bytes", &line[..end]),
    }
}
