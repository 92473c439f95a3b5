//! Cargo, for this machine or another platform.
//!
//! Owns: which compiler, standard library and linker make programs for another platform, and a target
//! directory of its own for each. Must not: say what is built.
//!
//! For another platform it is Debian's compiler, that of the kernel programs: of it alone the packages
//! have a standard library for each architecture.

use std::path::Path;
use std::process::Command;

use super::foreign::Root;
use super::platform::Platform;
use super::tools::LINKER_ARM64;
use crate::{build, setup, workspace};

/// A cargo whose programs run on `platform`, with more flags for its compiler.
pub fn cargo(
    workspace: &Path,
    platform: &'static Platform,
    flags: &[&str],
) -> anyhow::Result<Command> {
    if platform.is_here() {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        cargo.current_dir(workspace);
        if !flags.is_empty() {
            cargo.env_remove("CARGO_ENCODED_RUSTFLAGS");
            cargo.env("RUSTFLAGS", flags.join(" "));
        }
        return Ok(cargo);
    }
    let linker = LINKER_ARM64.find()?;
    let root = Root::obtain(platform)?;
    let mut cargo = build::cargo_unlike_ours(Path::new(setup::PACKAGED_CARGO));
    let variable = platform.target.replace('-', "_").to_uppercase();
    let sysroot = format!("--sysroot={}", root.sysroot().display());
    let flags = [&[sysroot.as_str()], flags].concat().join("\u{1f}");
    cargo
        .current_dir(workspace)
        .env("RUSTC", setup::PACKAGED_RUSTC)
        .env("CARGO_BUILD_TARGET", platform.target)
        .env(
            "CARGO_TARGET_DIR",
            workspace::target_dir()?.join(platform.name),
        )
        .env(format!("CARGO_TARGET_{variable}_LINKER"), linker)
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .env(
            workspace::BPF_DIR_ENV,
            workspace::bpf_dir_of(platform.arch)?,
        );
    Ok(cargo)
}
