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

/// It is calm if it takes less than a tenth of a processor so often in a row.
const CALM_LOOK: Duration = Duration::from_millis(200);
const CALM_LOOKS: u32 = 3;
const CALM_MAX: Duration = Duration::from_secs(15);
/// Of /proc/PID/stat, on all architectures.
const TICKS_PER_SECOND: u64 = 100;

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

    /// Waits until it does next to nothing; with many watches it looks for their paths several times
    /// first. The processor time that it took so far, or none where it did not come to rest.
    pub fn calm(&self) -> Result<Option<Duration>> {
        let until = Instant::now() + CALM_MAX;
        let (mut before, mut quiet) = (self.cpu_time()?, 0);
        while Instant::now() < until {
            std::thread::sleep(CALM_LOOK);
            let now = self.cpu_time()?;
            quiet = if now - before < CALM_LOOK / 10 {
                quiet + 1
            } else {
                0
            };
            if quiet == CALM_LOOKS {
                return Ok(Some(now));
            }
            before = now;
        }
        Ok(None)
    }

    fn cpu_time(&self) -> Result<Duration> {
        cpu_time_in(&fs::read_to_string(format!(
            "/proc/{}/stat",
            self.child.id()
        ))?)
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

/// Of a line of /proc/PID/stat: user and system time, fields 14 and 15. The second one is a name that
/// may hold anything, up to the last parenthesis.
fn cpu_time_in(stat: &str) -> Result<Duration> {
    let (_, behind) = stat.rsplit_once(')').context("no name in stat")?;
    let fields = behind.split_whitespace().skip(11).take(2);
    let ticks: u64 = fields
        .map(str::parse::<u64>)
        .sum::<Result<u64, std::num::ParseIntError>>()?;
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_user_and_system() {
        let stat = "7 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 150 99 99";
        assert_eq!(cpu_time_in(stat).unwrap(), Duration::from_secs(4));
        assert!(cpu_time_in("7 nothing").is_err());
    }
}
