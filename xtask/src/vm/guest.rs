//! Builds the guest's init: a static program, so that it runs in an empty root.
//!
//! Owns: the cargo command for it, with a target directory of its own: other flags would
//! make cargo build everything else again.
//! Must not: build the tests.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::NotAvailable;
use super::cross;
use super::platform::Platform;

const PROGRAM: &str = "audit-guest-init";

/// Gives the path of the program.
pub fn build(workspace: &Path, platform: &'static Platform) -> anyhow::Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(|path| workspace.join(path));
    let target = target
        .unwrap_or_else(|| workspace.join("target"))
        .join("guest");
    let output = cross::cargo(workspace, platform, &["-Ctarget-feature=+crt-static"])?
        .args([
            "build",
            "--release",
            "--package",
            "audit-guest",
            "--bin",
            PROGRAM,
        ])
        .args(["--target", platform.target, "--target-dir"])
        .arg(&target)
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
    Ok(target.join(platform.target).join("release").join(PROGRAM))
}
