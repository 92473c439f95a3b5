//! Owns: running one test program to its end or to the end of its time, line by line.
//! Must not: understand the lines.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::process;

/// How a program came to its end.
#[derive(Debug)]
pub enum End {
    Exited(ExitStatus),
    /// It was still running at the deadline, and was ended with all its descendants.
    OutOfTime,
}

/// How often the deadline and the program's end are looked at while it says nothing.
const TICK: Duration = Duration::from_millis(200);
/// After its end, how long something it left behind may hold its output open.
const DRAIN: Duration = Duration::from_secs(2);
/// After so long without a line, a person wants to know that we are still here.
const QUIET_MAX: Duration = Duration::from_secs(30);
/// Lines between reading and handling; a program that prints more waits.
const LINES_IN_FLIGHT: usize = 1024;

/// Runs `command` without stdin and with our stderr; `on_line` gets each line of its stdout, and
/// `None` after each [`QUIET_MAX`] without one.
pub fn run(
    command: &mut Command,
    deadline: Instant,
    mut on_line: impl FnMut(Option<&str>),
) -> Result<End> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start: {}", process::line(command)))?;
    let stdout = child
        .stdout
        .take()
        .context("a piped stdout was asked for")?;
    let lines = read_lines(stdout);
    let mut last_line = Instant::now();
    let mut exited = None;
    loop {
        match lines.recv_timeout(TICK) {
            Ok(line) => {
                on_line(Some(&line));
                last_line = Instant::now();
                if last_line < deadline {
                    continue;
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if Instant::now() >= deadline {
            return end(&mut child);
        }
        exited = exited.or(child.try_wait()?.map(|_| Instant::now()));
        if exited.is_some_and(|at: Instant| at.elapsed() > DRAIN) {
            break;
        }
        if last_line.elapsed() > QUIET_MAX {
            on_line(None);
            last_line = Instant::now();
        }
    }
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(End::Exited(status));
        }
        std::thread::sleep(TICK / 10);
    }
    end(&mut child)
}

fn end(child: &mut Child) -> Result<End> {
    process::kill_tree(child.id());
    child
        .wait()
        .context("cannot wait for a program that was ended")?;
    Ok(End::OutOfTime)
}

fn read_lines(stdout: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = sync_channel(LINES_IN_FLIGHT);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader
            .read_until(b'\n', &mut line)
            .is_ok_and(|bytes| bytes > 0)
        {
            let text = String::from_utf8_lossy(&line);
            if sender
                .send(text.trim_end_matches(['\n', '\r']).to_owned())
                .is_err()
            {
                return;
            }
            line.clear();
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, seconds: u64) -> (End, Vec<String>, Duration) {
        let mut lines = Vec::new();
        let started = Instant::now();
        let deadline = started + Duration::from_secs(seconds);
        let mut command = Command::new("sh");
        let end = run(command.args(["-c", script]), deadline, |line| {
            lines.extend(line.map(str::to_owned));
        });
        (end.unwrap(), lines, started.elapsed())
    }

    #[test]
    fn every_line_and_the_exit_code_come_through() {
        let (end, lines, _) = shell(r"printf 'a\r\nb\377\nc'; exit 3", 60);
        assert_eq!(lines, ["a", "b\u{fffd}", "c"]);
        assert!(
            matches!(end, End::Exited(status) if status.code() == Some(3)),
            "{end:?}"
        );
    }

    #[test]
    fn what_outlives_its_time_is_ended_with_its_children() {
        let (end, lines, took) = shell("echo a; sleep 1000", 1);
        assert_eq!(lines, ["a"]);
        assert!(matches!(end, End::OutOfTime), "{end:?}");
        assert!(took < Duration::from_secs(30), "{took:?}");
    }

    #[test]
    fn a_flood_of_lines_does_not_hide_the_deadline() {
        let (end, lines, took) = shell("yes", 1);
        assert!(
            matches!(end, End::OutOfTime) && !lines.is_empty(),
            "{end:?}"
        );
        assert!(took < Duration::from_secs(30), "{took:?}");
    }

    #[test]
    fn an_output_held_open_by_another_does_not_hold_us() {
        let (end, lines, took) = shell("echo a; sleep 20 & exit 0", 60);
        assert_eq!(lines, ["a"]);
        assert!(
            matches!(end, End::Exited(status) if status.success()),
            "{end:?}"
        );
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
}
