//! Builds what the tiers run in the guest: the test programs and the daemon.
//!
//! Owns: the cargo commands and the reading of their answers.
//! Must not: run any of it here.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};

use super::cross;
use super::platform::Platform;

/// The tiers that run in guests; each is a test target of that name in the workspace.
pub const TIERS: [&str; 2] = ["kernel", "e2e"];
const DAEMON: &str = "audit-daemon";

/// A program that cargo has built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    pub name: String,
    pub path: PathBuf,
}

/// The test programs of these tiers, in this order.
pub fn tests(
    workspace: &Path,
    platform: &'static Platform,
    tiers: &[&str],
    release: bool,
) -> anyhow::Result<Vec<Built>> {
    let mut arguments = vec!["test", "--no-run"];
    arguments.extend(tiers.iter().flat_map(|tier| ["--test", tier]));
    let built = cargo(workspace, platform, &arguments, release)?;
    let find = |tier: &&str| {
        let program = built
            .iter()
            .find(|program| program.name == **tier && program.is_test);
        let program = program.with_context(|| format!("cargo built no test program `{tier}`"))?;
        Ok(Built {
            name: (*tier).into(),
            path: program.path.clone(),
        })
    };
    tiers.iter().map(find).collect()
}

/// The daemon.
pub fn daemon(
    workspace: &Path,
    platform: &'static Platform,
    release: bool,
) -> anyhow::Result<PathBuf> {
    let built = cargo(workspace, platform, &["build", "--bin", DAEMON], release)?;
    let daemon = built
        .into_iter()
        .find(|program| program.name == DAEMON && !program.is_test);
    Ok(daemon
        .with_context(|| format!("cargo built no `{DAEMON}`"))?
        .path)
}

struct Artifact {
    name: String,
    is_test: bool,
    path: PathBuf,
}

fn cargo(
    workspace: &Path,
    platform: &'static Platform,
    arguments: &[&str],
    release: bool,
) -> anyhow::Result<Vec<Artifact>> {
    let mut command = cross::cargo(workspace, platform, &[])?;
    command
        .args(arguments)
        .arg("--message-format=json-render-diagnostics");
    if release {
        command.arg("--release");
    }
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo {} failed ({})", arguments.join(" "), output.status);
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

fn parse(messages: &str) -> Vec<Artifact> {
    messages
        .lines()
        .filter_map(|line| artifact(&serde_json::from_str(line).ok()?))
        .collect()
}

fn artifact(message: &serde_json::Value) -> Option<Artifact> {
    let is_artifact = message["reason"] == "compiler-artifact";
    let path = message["executable"].as_str().filter(|_| is_artifact)?;
    Some(Artifact {
        name: message["target"]["name"].as_str()?.into(),
        is_test: message["profile"]["test"].as_bool()?,
        path: path.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_programs_are_taken_from_cargos_messages() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","target":{"name":"libc"},"profile":{"test":false},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"kernel"},"profile":{"test":true},"executable":"/t/kernel-1"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","target":{"name":"audit-daemon"},"profile":{"test":false},"executable":"/t/audit-daemon"}"#,
            "\nnot json\n",
            r#"{"reason":"build-finished","success":true}"#,
        );
        let found = parse(messages);
        let found: Vec<_> = found
            .iter()
            .map(|a| (a.name.as_str(), a.is_test, a.path.to_str().unwrap()))
            .collect();
        assert_eq!(
            found,
            [
                ("kernel", true, "/t/kernel-1"),
                ("audit-daemon", false, "/t/audit-daemon")
            ]
        );
    }
}
