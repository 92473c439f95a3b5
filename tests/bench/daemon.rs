//! The real daemon as a child: its own configuration, log directory and socket.
//!
//! Owns starting it, waiting until it says that it is ready, asking for its status, and ending it.
//! Ends only the child that it started.

use std::{
    fs,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use audit_daemon::status::{StatusSnapshot, fetch, snapshot::Sums};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Loading and attaching takes about a second; a loaded machine needs longer.
const READY_MAX: Duration = Duration::from_secs(30);
const STOP_MAX: Duration = Duration::from_secs(30);
/// What was seen is durable within milliseconds; a flood may take longer to drain.
const SETTLE_MAX: Duration = Duration::from_secs(20);
/// The figures in the status are as of the last tick of the pipeline.
const TICK: Duration = Duration::from_millis(600);

pub struct Daemon {
    child: Child,
    socket: PathBuf,
    log_dir: PathBuf,
}

impl Daemon {
    /// Starts `program` in a new directory below `dir`; `more` goes into its configuration.
    pub fn start(program: &Path, dir: &Path, more: &str) -> Result<Daemon> {
        let dir = tempfile::Builder::new().prefix("d").tempdir_in(dir)?.keep();
        let (log_dir, socket) = (dir.join("log"), dir.join("status.sock"));
        let config = dir.join("config.toml");
        let text = format!(
            "log.dir = {:?}\nkernel.pin = \"never\"\nstatus.socket = {:?}\n{more}",
            log_dir, socket
        );
        fs::write(&config, text)?;
        let notify = dir.join("notify.sock");
        let notified = UnixDatagram::bind(&notify)?;
        let said = fs::File::create(dir.join("stderr"))?;
        let mut command = Command::new(program);
        command.arg("run").arg("--config").arg(&config);
        command
            .env("NOTIFY_SOCKET", &notify)
            .env_remove("AUDIT_DAEMON_LOG");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(said);
        let child = command
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let mut daemon = Daemon {
            child,
            socket,
            log_dir,
        };
        daemon.wait_ready(&notified, &dir.join("stderr"))?;
        Ok(daemon)
    }

    fn wait_ready(&mut self, notified: &UnixDatagram, said: &Path) -> Result<()> {
        notified.set_read_timeout(Some(Duration::from_millis(100)))?;
        let until = Instant::now() + READY_MAX;
        let mut message = [0; 1024];
        while Instant::now() < until {
            if let Ok(length) = notified.recv(&mut message)
                && message[..length].starts_with(b"READY=1")
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "the daemon ended with {status}:\n{}",
                    fs::read_to_string(said)?.trim_end()
                );
            }
        }
        bail!("the daemon was not ready within {READY_MAX:?}");
    }

    pub fn log_dir(&self) -> &Path {
        &self.log_dir
    }

    pub fn status(&self) -> Result<StatusSnapshot> {
        Ok(fetch(&self.socket)?)
    }

    /// The status once everything submitted so far has met its fate.
    pub fn settled_status(&self) -> Result<StatusSnapshot> {
        let until = Instant::now() + SETTLE_MAX;
        loop {
            std::thread::sleep(TICK);
            let status = self.status()?;
            let sums = sums_of(&status);
            let user = &sums.user;
            let left_out: u64 = user.left_out.values().sum();
            let fates = user.recorded + user.folded + left_out;
            if fates >= sums.kernel.submitted || Instant::now() >= until {
                return Ok(status);
            }
        }
    }

    /// A line of /proc/PID/status in KiB, as bytes.
    pub fn memory_bytes(&self, key: &str) -> Result<u64> {
        memory_bytes(self.child.id(), key)
    }

    /// Stops it in order, and fails if it does not end well.
    pub fn stop(mut self) -> Result<()> {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM)?;
        let until = Instant::now() + STOP_MAX;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait()? {
                ensure!(status.success(), "the daemon ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        bail!("the daemon did not stop within {STOP_MAX:?}");
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Only after an error: there is nothing more to do about another one.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The sums of both lanes.
pub fn sums_of(status: &StatusSnapshot) -> Sums {
    status.lanes.iter().fold(Sums::default(), |mut sums, lane| {
        sums.add(&lane.total());
        sums
    })
}

/// Said beside a figure, if something got lost while it was taken.
pub fn loss_note(status: &StatusSnapshot) -> String {
    match sums_of(status).kernel.lost {
        0 => "nothing lost".to_owned(),
        lost => format!("{lost} events lost, and said so in the log"),
    }
}

pub fn memory_bytes(pid: u32, key: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = text.lines().find_map(|line| {
        let rest = line.strip_prefix(key)?.strip_prefix(':')?;
        rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    });
    Ok(kib.with_context(|| format!("/proc/{pid}/status has no {key}"))? << 10)
}
