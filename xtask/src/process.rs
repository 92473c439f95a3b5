//! Owns: starting other programs, as this user or as root, and ending those we started.
//! Must not: know what is built, tested or installed.
//!
//! Invariant: only processes that descend from one we started are ever ended, by their ids.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::IsTerminal;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// "End with this code; what there was to say has been said."
#[derive(Debug)]
pub struct Exit {
    pub code: u8,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "exit code {}", self.code)
    }
}

impl std::error::Error for Exit {}

/// Tells on stderr what happens now.
pub fn step(text: impl fmt::Display) {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        eprintln!("\x1b[1m==> {text}\x1b[0m");
    } else {
        eprintln!("==> {text}");
    }
}

/// Runs it with our own stdin, stdout and stderr; failing is an error that names the command.
pub fn must(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start: {}", line(command)))?;
    if !status.success() {
        bail!("failed with {status}: {}", line(command));
    }
    Ok(())
}

/// What it prints on stdout; failing is an error with what it printed on stderr.
pub fn stdout_of(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start: {}", line(command)))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!(
            "failed with {}: {}\n{}",
            output.status,
            line(command),
            stderr.trim_end()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether it starts and succeeds; prints nothing.
pub fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// The command as one would type it.
pub fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.into_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Whether we have root's effective user id.
pub fn is_root() -> bool {
    effective_uid(&std::fs::read_to_string("/proc/self/status").unwrap_or_default()) == Some(0)
}

fn effective_uid(status: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// The environment that a command run as root gets from us: sudo would drop it.
pub type Environment = Vec<(String, OsString)>;

/// A command that runs as root: as it is when we are root, else through sudo. Where sudo cannot
/// be had or could not ask for a password, the error says what to run instead.
pub fn as_root<I, S>(program: impl AsRef<OsStr>, args: I, env: &Environment) -> Result<Command>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut plain = Command::new(program);
    plain.args(args);
    if is_root() {
        plain.envs(env.iter().map(|(key, value)| (key, value)));
        return Ok(plain);
    }
    let may_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let Some(sudo) = workspace::find_program("sudo") else {
        bail!(
            "this needs root, and there is no sudo here. As root, run:\n  {}",
            line(&plain)
        );
    };
    if !may_ask && !succeeds(Command::new(&sudo).args(["-n", "true"])) {
        let line = line(&plain);
        bail!(
            "this needs root, and sudo wants a password but has no terminal. Run:\n  sudo {line}"
        );
    }
    let mut command = Command::new(sudo);
    command
        .arg("--")
        .arg("env")
        .args(env.iter().map(|(key, value)| {
            let mut assignment = OsString::from(format!("{key}="));
            assignment.push(value);
            assignment
        }));
    command.arg(plain.get_program()).args(plain.get_args());
    Ok(command)
}

/// Ends `pid`, which we started, and all that descends from it.
pub fn kill_tree(pid: u32) {
    // From the top: what is ended first cannot start others, or take its children's end for theirs.
    let below = descendants(pid, &parents());
    let ids = std::iter::once(pid).chain(below).map(|pid| pid.to_string());
    // The shell's own kill: a small system may have no other.
    let words = ["-c", "kill -KILL \"$@\"", "kill"].map(str::to_owned);
    let args: Vec<String> = words.into_iter().chain(ids).collect();
    if succeeds(Command::new("sh").args(&args)) || is_root() {
        return; // as root, a failure only means that some were gone already
    }
    if let Ok(mut kill) = as_root("sh", args, &Environment::new()) {
        succeeds(&mut kill);
    }
}

/// The parent of each process there is.
fn parents() -> HashMap<u32, u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read(entry.path().join("stat")).ok()?;
            Some((pid, parent_in_stat(&stat)?))
        })
        .collect()
}

/// The fourth field of /proc/PID/stat; the second is in parentheses and may hold anything.
fn parent_in_stat(stat: &[u8]) -> Option<u32> {
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let rest = String::from_utf8_lossy(stat.get(name_end + 1..)?);
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn descendants(of: u32, parents: &HashMap<u32, u32>) -> Vec<u32> {
    let mut found = vec![of];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        let children = parents
            .iter()
            .filter(|&(pid, &its)| its == parent && !found.contains(pid));
        let children: Vec<u32> = children.map(|(&pid, _)| pid).collect();
        found.extend(children);
        at += 1;
    }
    found.split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_typed() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo it's", ""]);
        assert_eq!(line(&command), r"sh -c 'echo it'\''s' ''");
    }

    #[test]
    fn the_effective_user_is_the_second_id() {
        assert_eq!(
            effective_uid("Name:\tx\nUid:\t1000\t0\t1000\t1000\n"),
            Some(0)
        );
        assert_eq!(effective_uid("Name:\tx\n"), None);
    }

    #[test]
    fn a_process_name_cannot_forge_its_parent() {
        assert_eq!(parent_in_stat(b"7 (a) S 1 (b) S 42 7 7 0"), Some(42));
        assert_eq!(parent_in_stat(b"7"), None);
    }

    #[test]
    fn descendants_are_found_at_every_depth() {
        let parents = HashMap::from([(2, 1), (3, 2), (4, 3), (5, 1), (9, 8)]);
        let mut found = descendants(2, &parents);
        found.sort_unstable();
        assert_eq!(found, [3, 4]);
    }

    #[test]
    fn a_tree_is_ended_whole() {
        let mut shell = Command::new("sh");
        let mut child = shell.args(["-c", "sleep 1000 & wait"]).spawn().unwrap();
        let below = loop {
            let below = descendants(child.id(), &parents());
            if !below.is_empty() {
                break below;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        kill_tree(child.id());
        assert!(!child.wait().unwrap().success());
        let gone = |pid: &u32| match std::fs::read(format!("/proc/{pid}/stat")) {
            Ok(stat) => String::from_utf8_lossy(&stat).contains(") Z "),
            Err(_) => true,
        };
        for _ in 0..200 {
            if below.iter().all(gone) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("still there: {below:?}");
    }

    #[test]
    fn failures_name_the_command_and_its_words() {
        let mut command = Command::new("sh");
        let error = stdout_of(command.args(["-c", "echo no >&2; exit 3"]))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("exit status: 3") && error.ends_with("\nno"),
            "{error}"
        );
    }
}
