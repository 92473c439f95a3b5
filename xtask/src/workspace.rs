//! Owns: where things are: this repository, its target directory, and what is built into it.
//! Must not: create, build or change anything.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result};

use crate::process;

/// Tells `audit-daemon`'s build script and the tests where the kernel objects are.
pub const BPF_DIR_ENV: &str = "AUDIT_BPF_DIR";

/// The repository's top directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// Where cargo puts what it builds: asked of cargo, since environment and config may move it.
pub fn target_dir() -> Result<&'static Path> {
    static TARGET_DIR: OnceLock<PathBuf> = OnceLock::new();
    if let Some(dir) = TARGET_DIR.get() {
        return Ok(dir);
    }
    let mut metadata = cargo();
    metadata.args(["metadata", "--no-deps", "--format-version", "1"]);
    let text = process::stdout_of(&mut metadata)?;
    let parsed: serde_json::Value =
        serde_json::from_str(&text).context("cargo metadata printed no JSON")?;
    let dir = parsed["target_directory"]
        .as_str()
        .context("cargo metadata names no target_directory")?;
    Ok(TARGET_DIR.get_or_init(|| PathBuf::from(dir)))
}

/// Where `build` puts `modern.o` and `legacy.o`, and the daemon's build script finds them.
pub fn bpf_dir() -> Result<PathBuf> {
    Ok(target_dir()?.join("bpf"))
}

/// The same for another machine's programs.
pub fn bpf_dir_of(arch: &str) -> Result<PathBuf> {
    match arch == std::env::consts::ARCH {
        true => bpf_dir(),
        false => Ok(target_dir()?.join(format!("bpf-{arch}"))),
    }
}

/// The cargo that runs us, in the repository's top directory.
pub fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// Where `cargo install` puts programs.
pub fn cargo_bin_dirs() -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    for variable in ["CARGO_INSTALL_ROOT", "CARGO_HOME"] {
        dirs.extend(std::env::var_os(variable).map(|dir| PathBuf::from(dir).join("bin")));
    }
    dirs.extend(std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo/bin")));
    dirs
}

/// The program `name`: on PATH, among cargo's, or where administrators' programs are.
pub fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(cargo_bin_dirs())
        .chain(["/usr/sbin", "/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file)
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("xtask/src/workspace.rs").is_file());
    }

    #[test]
    fn programs_are_found_only_where_executable() {
        assert!(find_program("sh").is_some());
        assert_eq!(find_program("no-such-program-here"), None);
        assert!(!is_executable(Path::new("/etc/passwd")));
    }
}
