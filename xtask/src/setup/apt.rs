//! Owns: asking dpkg and apt about packages, and installing them as root.
//! Must not: decide which packages are wanted, or start a service.
//!
//! Packages must not start their services on somebody's server because tests want their programs:
//! while apt works, `/usr/sbin/policy-rc.d` refuses every start, and afterwards it is what it was.

use std::collections::HashSet;
use std::process::Command;

use anyhow::Result;

use crate::process::{self, Environment};
use crate::workspace;

/// Whether this machine has apt at all.
pub fn is_here() -> bool {
    workspace::find_program("apt-get").is_some() && workspace::find_program("dpkg-query").is_some()
}

pub fn is_installed(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f=${Status}", package]);
    process::stdout_of(&mut query).is_ok_and(|status| status.ends_with(" installed"))
}

/// Which of `packages` apt could install, by the lists it has now.
pub fn offered(packages: &[String]) -> HashSet<String> {
    if packages.is_empty() || !is_here() {
        return HashSet::new();
    }
    let mut policy = Command::new("apt-cache");
    policy.arg("policy").args(packages).env("LC_ALL", "C");
    candidates(&process::stdout_of(&mut policy).unwrap_or_default())
}

/// Reads `apt-cache policy`: a name and a colon, then indented lines, one the candidate.
fn candidates(policy: &str) -> HashSet<String> {
    let mut name = None;
    let mut found = HashSet::new();
    for line in policy.lines() {
        if !line.starts_with(' ') {
            name = line.strip_suffix(':');
        } else if let Some(version) = line.trim().strip_prefix("Candidate: ")
            && version != "(none)"
        {
            found.extend(name.map(str::to_owned));
        }
    }
    found
}

/// Brings apt's lists up to date.
pub fn update() -> Result<()> {
    process::step("apt-get update");
    as_root_with_guard(&["update".to_owned(), "-q".to_owned()])
}

/// Installs `packages`; one try more, with fresh lists, if the first fails.
pub fn install(packages: &[String]) -> Result<()> {
    let mut args: Vec<String> = ["install", "-qy", "--no-install-recommends"]
        .map(str::to_owned)
        .into();
    args.extend(packages.iter().cloned());
    if as_root_with_guard(&args).is_err() {
        eprintln!("apt-get failed: trying once more with fresh lists");
        update()?;
        as_root_with_guard(&args)?;
    }
    Ok(())
}

fn as_root_with_guard(apt_args: &[String]) -> Result<()> {
    let mut words = vec!["-c".to_owned(), GUARDED_APT.to_owned(), "setup".to_owned()];
    words.extend_from_slice(apt_args);
    let command = process::as_root("sh", &words, &Environment::new());
    let mut command = command.map_err(|_| as_typed_by_root(apt_args))?;
    process::must(&mut command).map_err(|error| {
        let first = error.to_string();
        let status = first.split(": ").next().unwrap_or("failed");
        anyhow::anyhow!("{status}: apt-get {}", apt_args.join(" "))
    })
}

fn as_typed_by_root(apt_args: &[String]) -> anyhow::Error {
    anyhow::anyhow!(
        "this needs root, and sudo is missing or cannot ask for a password here. As root, run:\n  \
         apt-get update && apt-get {}",
        apt_args.join(" ")
    )
}

/// One shell for all of it, so that a plain user is asked for a password once. The mark in our
/// policy file tells a later run that one was killed half-way; the lock keeps two from mixing.
const GUARDED_APT: &str = r#"
guard=/usr/sbin/policy-rc.d saved=/usr/sbin/policy-rc.d.audit-saved mark='written by cargo xtask setup'
exec 9>/run/audit-daemon-setup.lock && flock 9 || exit 1
restore() {
  if grep -qs "$mark" "$guard"; then rm -f "$guard"; fi
  if [ -e "$saved" ]; then mv -f "$saved" "$guard"; fi
}
restore
trap restore EXIT
trap 'exit 130' INT TERM HUP
if [ -e "$guard" ]; then mv "$guard" "$saved" || exit 1; fi
printf '#!/bin/sh\n# %s; safe to delete\nexit 101\n' "$mark" >"$guard" && chmod 755 "$guard" || exit 1
DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null 9>&- >&2
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_read_from_policy() {
        let policy = "rustc-web:\n  Installed: (none)\n  Candidate: 1.96.0\n  Version table:\n     \
                      1.96.0 500\nauditd:\n  Installed: 3\n  Candidate: (none)\nzstd:\n  \
                      Installed: (none)\n  Candidate: 1.5\n";
        let expected = ["rustc-web", "zstd"].map(str::to_owned).into();
        assert_eq!(candidates(policy), expected);
        assert_eq!(candidates(""), HashSet::new());
    }

    #[test]
    fn the_guard_script_is_a_shell_program() {
        assert!(process::succeeds(Command::new("sh").args([
            "-n",
            "-c",
            GUARDED_APT
        ])));
    }

    #[test]
    fn a_user_without_root_is_told_what_to_type() {
        let args = ["install".to_owned(), "-qy".to_owned(), "cpio".to_owned()];
        let text = as_typed_by_root(&args).to_string();
        assert!(text.ends_with("As root, run:\n  apt-get update && apt-get install -qy cpio"));
    }
}
