//! Builds the guest's init: a static program, so that it runs in an empty root.
//!
//! Owns: the cargo command for it, with a target directory of its own: other flags would
//! make cargo build everything else again.
//! Must not: build the tests.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::NotAvailable;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const PROGRAM: &str = "audit-guest-init";

/// Gives the path of the program.
pub fn build(workspace: &Path) -> anyhow::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(|path| workspace.join(path));
    let target = target
        .unwrap_or_else(|| workspace.join("target"))
        .join("guest");
    let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
        .args([
            "build",
            "--release",
            "--package",
            "audit-guest",
            "--bin",
            PROGRAM,
        ])
        .args(["--target", TARGET, "--target-dir"])
        .arg(&target)
        .current_dir(workspace)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-Ctarget-feature=+crt-static")
        .output()
        .context("cannot run cargo")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("cannot find -lc") {
            let reason = "no static libc to link the guest's init with (Debian package libc6-dev)";
            return Err(NotAvailable(reason.into()).into());
        }
        bail!("the guest's init does not build:\n{said}");
    }
    Ok(target.join(TARGET).join("release").join(PROGRAM))
}
