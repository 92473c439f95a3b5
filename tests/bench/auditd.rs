//! auditd with a rule on execve, for comparison.
//!
//! Owns its start and end. Audit that was enabled once leaves its mark on every task made since,
//! until the machine restarts; so this comes last in a run, and leaves a note for later runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

/// Lives as long as the mark: until the machine restarts.
const NOTE: &str = "/run/audit-bench-auditd-was-enabled";
/// The default of 64 loses events.
const BACKLOG: &str = "8192";
const START: Duration = Duration::from_millis(700);
const PLACES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

pub struct Auditd {
    child: Child,
    auditctl: PathBuf,
}

/// Whether an earlier run in this boot left the mark.
pub fn was_enabled() -> bool {
    Path::new(NOTE).exists()
}

/// Why it cannot be measured here.
pub fn hindrance() -> Option<String> {
    if find("auditd").is_none() || find("auditctl").is_none() {
        return Some("auditd is not installed (cargo xtask setup --for bench)".into());
    }
    if processes_named("auditd") {
        return Some("an auditd runs already; its rules are left alone".into());
    }
    None
}

impl Auditd {
    pub fn start() -> Result<Auditd> {
        let auditd = find("auditd").context("auditd is not installed")?;
        let auditctl = find("auditctl").context("auditctl is not installed")?;
        fs::write(NOTE, b"").with_context(|| format!("write {NOTE}"))?;
        let mut command = Command::new(auditd);
        command
            .arg("-n")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = command.spawn().context("start auditd")?;
        let mut started = Auditd { child, auditctl };
        std::thread::sleep(START);
        let ended = started.child.try_wait()?;
        ensure!(ended.is_none(), "auditd ended at once: {ended:?}");
        started.control(&["-b", BACKLOG])?;
        started.control(&["-e", "1"])?;
        let rule = [
            "-a",
            "always,exit",
            "-F",
            "arch=b64",
            "-S",
            "execve,execveat",
            "-k",
            "bench",
        ];
        started.control(&rule)?;
        Ok(started)
    }

    fn control(&self, words: &[&str]) -> Result<()> {
        let output = Command::new(&self.auditctl)
            .args(words)
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "auditctl {}: {}",
            words.join(" "),
            said.trim()
        );
        Ok(())
    }
}

impl Drop for Auditd {
    fn drop(&mut self) {
        // Whatever of it fails, the rest is to be tried.
        let _ = self.control(&["-D"]);
        let _ = self.control(&["-e", "0"]);
        let pid = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

fn find(program: &str) -> Option<PathBuf> {
    PLACES
        .iter()
        .map(|place| Path::new(place).join(program))
        .find(|path| path.is_file())
}

fn processes_named(name: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|process| fs::read_to_string(process.path().join("comm")).ok())
        .any(|comm| comm.trim_end() == name)
}
