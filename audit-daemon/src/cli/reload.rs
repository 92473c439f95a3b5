//! `audit-daemon reload`: has the running daemon read its configuration again, and says what came of
//! it. The daemon is asked by SIGHUP, as a service manager would; its status tells the result.

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::fail;
use crate::{
    config::{self, ConfigErrors},
    status::{self, ReloadState, StatusError},
};

/// For how long a daemon may neither begin nor answer. One that is at it, and says so, is waited for:
/// a reload takes milliseconds, but with tens of thousands of paths on a slow machine minutes.
const SILENT_MAX: Duration = Duration::from_secs(60);
/// After so long a person is told what is being waited for.
const PATIENT: Duration = Duration::from_secs(5);
/// How often the daemon is asked whether it is done.
const LOOK: Duration = Duration::from_millis(20);

#[derive(clap::Args)]
#[command(after_help = "\
Exit codes: 0 the new configuration is in force (settings that need a restart
            are named), else that of the error; then the old one stays")]
pub struct Args {
    /// Configuration file, to find the daemon's socket
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error("{0}")]
    Config(ConfigErrors),
    #[error("{0}")]
    Status(#[from] StatusError),
    #[error("only root may reload ({}).\nRun: sudo audit-daemon reload", .0.display())]
    Permission(PathBuf),
    #[error(
        "the running daemon (pid {0}) cannot reload.\n\
         Restart it: sudo systemctl restart audit-daemon"
    )]
    TooOld(u32),
    #[error("cannot send SIGHUP to the daemon (pid {pid}): {errno}")]
    Signal { pid: u32, errno: Errno },
    #[error(
        "the daemon (pid {pid}) ended before it had reloaded.\n\
         Look at its messages: sudo journalctl -u audit-daemon"
    )]
    Ended { pid: u32 },
    #[error(
        "the daemon (pid {pid}) has not begun to reload within {} s; it may still do so.\n\
         Look at it: sudo audit-daemon status",
        SILENT_MAX.as_secs()
    )]
    Late { pid: u32 },
}

impl ReloadError {
    fn exit_code(&self) -> u8 {
        match self {
            ReloadError::Config(_) => 2,
            ReloadError::Permission(_) => 4,
            _ => 1,
        }
    }
}

impl Args {
    pub fn run(self) -> ExitCode {
        match reload(self.config.as_deref()) {
            Ok(done) if done.exit_code == 0 => {
                println!("{}", done.text);
                ExitCode::SUCCESS
            }
            Ok(refused) => fail(&refused.text, u8::try_from(refused.exit_code).unwrap_or(1)),
            Err(error) => fail(&error, error.exit_code()),
        }
    }
}

fn reload(config: Option<&Path>) -> Result<ReloadState, ReloadError> {
    // A faulty configuration is the daemon's to refuse, and to record; it only has to be found.
    let (socket, errors) = match config::try_load(config) {
        Ok(loaded) => (loaded.config.status.socket, None),
        Err(refused) => (refused.status_socket, Some(refused.errors)),
    };
    let before = status::fetch(&socket).map_err(|error| match (error, errors) {
        (StatusError::Permission(path), _) => ReloadError::Permission(path),
        // There is none, or what would lead to it is faulty.
        (StatusError::NotRunning(_), Some(errors)) => ReloadError::Config(errors),
        (error, _) => error.into(),
    })?;
    let pid = before.daemon.pid;
    if !before.reload.can {
        return Err(ReloadError::TooOld(pid));
    }
    ask(pid).map_err(|errno| ReloadError::Signal { pid, errno })?;
    wait(&socket, pid, before.reload.begun)
}

/// Waits for a reload that began after so many others.
fn wait(socket: &Path, pid: u32, begun_before: u64) -> Result<ReloadState, ReloadError> {
    let started = Instant::now();
    let (mut heard, mut told) = (started, !io::stderr().is_terminal());
    loop {
        match status::fetch(socket) {
            Ok(now) if now.daemon.pid != pid => return Err(ReloadError::Ended { pid }),
            // One that began after the files were as they are; if not ours, then another's.
            Ok(now) if now.reload.done > begun_before => return Ok(now.reload),
            Ok(now) if now.reload.begun > now.reload.done => heard = Instant::now(),
            Ok(_) | Err(StatusError::Silent(_)) => {}
            Err(StatusError::NotRunning(_) | StatusError::Closed(_)) => {
                return Err(ReloadError::Ended { pid });
            }
            Err(StatusError::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => {
                return Err(ReloadError::Ended { pid });
            }
            Err(error) => return Err(error.into()),
        }
        if heard.elapsed() >= SILENT_MAX {
            return Err(ReloadError::Late { pid });
        }
        if !told && started.elapsed() >= PATIENT {
            eprintln!("The daemon (pid {pid}) is still at it; it goes on if you interrupt this.");
            told = true;
        }
        std::thread::sleep(LOOK);
    }
}

fn ask(pid: u32) -> Result<(), Errno> {
    // 0 and negative numbers are groups of processes.
    let pid = i32::try_from(pid).ok().filter(|pid| *pid > 0);
    kill(Pid::from_raw(pid.ok_or(Errno::ESRCH)?), Signal::SIGHUP)
}
