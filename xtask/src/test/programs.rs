//! Owns: asking the daemon in a guest what the kernel made of its programs, and reading the answer.
//! Must not: judge it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::plan::{MECHANISMS, setting};
use crate::process;
use crate::vm::{JobKind, JobReport, SuiteJob, job_name};

const NAME: &str = "check";
/// The legacy programs are verified three times to be counted, by an emulated CPU.
const TIME_LIMIT: Duration = Duration::from_secs(600);
/// What `audit-daemon check --json --verifier` says about the programs of one mechanism.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loaded {
    pub mechanism: String,
    /// `Err`: what it said instead.
    pub answer: Result<Answer, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub flavour: String,
    pub load_ms: u64,
    pub programs: Vec<Program>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    pub name: String,
    /// Instructions that the verifier went through; `None`: nothing tells.
    pub instructions: Option<u64>,
}

/// The configuration with this mechanism on this kernel, in a file of `directory`.
pub fn config(directory: &Path, kernel: &str, mechanism: &str) -> Result<PathBuf> {
    let setting = setting(kernel, mechanism);
    let file = directory.join(format!("check-{setting}.toml"));
    let text = format!("[kernel]\nmechanism = \"{setting}\"\n");
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&file, text))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

fn words(config: &Path) -> Vec<OsString> {
    let words = ["check", "--json", "--verifier", "--config"].map(OsString::from);
    words.into_iter().chain([config.into()]).collect()
}

/// Asks in a guest, which has this configuration.
pub fn job(daemon: &Path, config: &Path, mechanism: &str) -> SuiteJob {
    let mut command: Vec<OsString> = vec![daemon.into()];
    command.extend(words(config));
    SuiteJob {
        name: job_name(NAME, Some(mechanism)),
        kind: JobKind::Command(command),
        env: Vec::new(),
        time_limit: TIME_LIMIT,
    }
}

/// Asks this machine's own kernel, as root.
pub fn here(daemon: &Path, directory: &Path, kernel: &str) -> Result<Vec<Loaded>> {
    let mut all = Vec::new();
    for mechanism in MECHANISMS {
        let config = config(directory, kernel, mechanism)?;
        let mut check = process::as_root(daemon, words(&config), &process::Environment::new())?;
        let output = check.output().context("cannot start audit-daemon check")?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        let answer = read(&output.stdout).map_err(|error| format!("{error}; {}", stderr.trim()));
        all.push(Loaded {
            mechanism: mechanism.to_owned(),
            answer,
        });
    }
    Ok(all)
}

/// The answers among a guest's jobs.
pub fn of(jobs: &[JobReport]) -> Vec<Loaded> {
    let answer = |mechanism: &str| {
        let name = job_name(NAME, Some(mechanism));
        let job = jobs.iter().find(|job| job.name == name)?;
        let answer = read(&job.stdout).map_err(|error| {
            let stderr = String::from_utf8_lossy(&job.stderr);
            format!("{}: {error}; {}", job.ending(), stderr.trim())
        });
        Some(Loaded {
            mechanism: mechanism.to_owned(),
            answer,
        })
    };
    MECHANISMS.into_iter().filter_map(answer).collect()
}

pub fn read(stdout: &[u8]) -> Result<Answer, serde_json::Error> {
    serde_json::from_slice(stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_a_refusal_kept_in_its_words() {
        let job = |mechanism, stdout: &str, stderr: &str| JobReport {
            name: job_name(NAME, Some(mechanism)),
            stdout: stdout.into(),
            stderr: stderr.into(),
            ..JobReport::default()
        };
        let said = r#"{"version":"x","flavour":"modern","load_ms":812,
            "programs":[{"name":"exec","instructions":91},{"name":"fork","instructions":null}]}"#;
        let loaded = of(&[
            job("tracepoint", said, ""),
            job("trampoline", "", "error: refused\n"),
        ]);
        let answer = loaded[0].answer.as_ref().unwrap();
        assert_eq!((answer.load_ms, answer.programs.len()), (812, 2));
        assert_eq!(answer.programs[0].instructions, Some(91));
        assert_eq!(answer.programs[1].instructions, None);
        let refusal = loaded[1].answer.as_ref().unwrap_err();
        assert!(refusal.ends_with("; error: refused"), "{refusal}");
    }
}
