//! Runs one job: starts it, passes on what it writes, and says how it ended.
//!
//! Owns: the child from fork to the last byte of its output, its time limit, and the rule
//! that a job leaves nothing running. Reaps all orphans while it waits.
//!
//! Must not: interpret output. Invariant: every job that is run gets exactly one `Started`
//! and one `Ended`, with all of its output between the two.

use std::fs::{self, File};
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use audit_guest::frame::{Ending, Exit, Kind, PAYLOAD_BYTES_MAX};
use audit_guest::manifest::Job;

use crate::channel::Channel;
use crate::survivors;
use crate::system;

/// What every job has in its environment, before its own variables.
const ENVIRONMENT: [(&str, &str); 4] = [
    (
        "PATH",
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ),
    ("HOME", "/root"),
    ("TERM", "dumb"),
    ("LANG", "C.UTF-8"),
];

/// A file descriptor that is readable when a child has died.
pub struct ChildSignal(OwnedFd);

impl ChildSignal {
    pub fn new() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset makes the set a value, the others then read it; this process
        // has one thread, so its mask is the process's. std gives children an empty mask.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGCHLD);
            let blocked = libc::sigprocmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
            system::check(libc::c_long::from(blocked))?;
            let flags = libc::SFD_NONBLOCK | libc::SFD_CLOEXEC;
            let fd = libc::signalfd(-1, set.as_ptr(), flags);
            system::check(libc::c_long::from(fd))?;
            Ok(Self(OwnedFd::from_raw_fd(fd)))
        }
    }

    fn clear(&self) {
        let mut info = [0u8; size_of::<libc::signalfd_siginfo>()];
        // SAFETY: reads at most the length of `info` into it. Signals of one number are
        // folded into one, so one read empties it.
        unsafe { libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), info.len()) };
    }
}

/// Runs `job` to its end.
pub fn run(job: &Job, number: u32, children: &ChildSignal, channel: &mut Channel) {
    channel.send(Kind::Started, number, b"");
    let started = Instant::now();
    let exit = match start(job) {
        Err(error) => {
            channel.note(
                number,
                &format!("cannot start {}: {error}", job.args[0].display()),
            );
            Exit::NotStarted(error.raw_os_error().unwrap_or(libc::EIO))
        }
        Ok(child) => {
            let limit = Duration::from_millis(job.timeout_ms);
            let mut running = Running {
                child,
                number,
                channel,
            };
            running.wait(started + limit, children)
        }
    };
    let run_us = started.elapsed().as_micros() as u64;
    let left = survivors::end_all();
    for text in survivors::describe(&left) {
        channel.note(number, &format!("does not die: {text}"));
    }
    channel.send(Kind::Ended, number, &Ending { exit, run_us }.encode());
}

struct Child {
    pid: i32,
    /// Standard output and error; `None` once at its end.
    pipes: [Option<File>; 2],
}

fn start(job: &Job) -> io::Result<Child> {
    let (out_read, out_write) = io::pipe()?;
    let (err_read, err_write) = io::pipe()?;
    let mut command = Command::new(&job.args[0]);
    command
        .args(&job.args[1..])
        .env_clear()
        .envs(ENVIRONMENT)
        .current_dir(&job.cwd);
    for variable in &job.env {
        let bytes = variable.as_encoded_bytes();
        let split = bytes
            .iter()
            .position(|&byte| byte == b'=')
            .unwrap_or(bytes.len());
        let (key, value) = (&bytes[..split], bytes.get(split + 1..).unwrap_or_default());
        use std::os::unix::ffi::OsStrExt;
        command.env(
            std::ffi::OsStr::from_bytes(key),
            std::ffi::OsStr::from_bytes(value),
        );
    }
    command
        .stdin(Stdio::null())
        .stdout(out_write)
        .stderr(err_write);
    // SAFETY: setsid is async-signal-safe and allocates nothing.
    unsafe { command.pre_exec(|| system::check(libc::c_long::from(libc::setsid()))) };
    let child = command.spawn()?;
    let pipes = [out_read, err_read].map(|pipe| Some(File::from(OwnedFd::from(pipe))));
    for pipe in pipes.iter().flatten() {
        // SAFETY: fcntl on a descriptor that `pipe` keeps open, with an integer argument.
        system::check(libc::c_long::from(unsafe {
            libc::fcntl(pipe.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK)
        }))?;
    }
    Ok(Child {
        pid: child.id() as i32,
        pipes,
    })
}

struct Running<'a> {
    child: Child,
    number: u32,
    channel: &'a mut Channel,
}

impl Running<'_> {
    /// Passes on output until the child is dead or out of time, ends what it left behind,
    /// and then passes on what the pipes still hold.
    fn wait(&mut self, deadline: Instant, children: &ChildSignal) -> Exit {
        let exit = loop {
            self.poll(deadline, children);
            self.pass_on();
            children.clear();
            let own = survivors::reap()
                .into_iter()
                .find(|&(pid, _)| pid == self.child.pid);
            if let Some((_, status)) = own {
                break exit_of(status);
            }
            if Instant::now() >= deadline {
                self.explain();
                break Exit::TimedOut;
            }
        };
        let left = survivors::list();
        if !left.is_empty() && exit != Exit::TimedOut {
            let text = format!("{} processes outlived the job and are ended", left.len());
            self.channel.note(self.number, &text);
        }
        survivors::end_all();
        self.pass_on();
        exit
    }

    /// Waits for output, a dead child or the deadline.
    fn poll(&self, deadline: Instant, children: &ChildSignal) {
        let wanted = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut fds = vec![wanted(children.0.as_raw_fd())];
        fds.extend(
            self.child
                .pipes
                .iter()
                .flatten()
                .map(|pipe| wanted(pipe.as_raw_fd())),
        );
        let rest = deadline.saturating_duration_since(Instant::now());
        let wait_ms = rest.as_millis().saturating_add(1).min(i32::MAX as u128) as i32;
        // SAFETY: pointer and length describe `fds`. Errors (a signal) only mean to look
        // earlier than needed.
        unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, wait_ms) };
    }

    /// Sends what the pipes hold now.
    fn pass_on(&mut self) {
        let mut buffer = [0u8; PAYLOAD_BYTES_MAX];
        for (slot, kind) in self
            .child
            .pipes
            .iter_mut()
            .zip([Kind::Stdout, Kind::Stderr])
        {
            while let Some(pipe) = slot {
                match pipe.read(&mut buffer) {
                    Ok(0) => *slot = None,
                    Ok(length) => self.channel.send(kind, self.number, &buffer[..length]),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(_) => *slot = None,
                }
            }
        }
    }

    /// Says what everything was doing when the time was over.
    fn explain(&mut self) {
        self.channel
            .note(self.number, "out of time; what was running:");
        for text in survivors::describe(&survivors::list()) {
            self.channel.note(self.number, &text);
        }
        // Blocked tasks and held locks go to the console, which the runner keeps.
        for key in ["w", "l"] {
            // A kernel without sysrq has nothing to add.
            let _ = fs::write("/proc/sysrq-trigger", key);
        }
    }
}

fn exit_of(status: i32) -> Exit {
    if libc::WIFSIGNALED(status) {
        Exit::Signal(libc::WTERMSIG(status))
    } else {
        Exit::Code(libc::WEXITSTATUS(status))
    }
}
