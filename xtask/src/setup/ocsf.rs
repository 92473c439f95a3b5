//! Owns: the Python environment whose packages hold the OCSF schema that tests validate against.
//! Must not: touch the system's Python packages, or validate anything.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::need::{Means, Need};
use crate::process;
use crate::workspace;

/// Exact versions: a validator that changes by itself would change what the tests mean.
const REQUIREMENTS: [&str; 2] = ["ocsf-json-schema==1.2.0", "jsonschema==4.26.0"];
/// Written last, and holds [`REQUIREMENTS`]: half an environment is not one.
const COMPLETE: &str = "complete";

/// The interpreter that has the schema packages.
pub fn python() -> Result<PathBuf> {
    Ok(directory()?.join("bin/python"))
}

pub fn needs() -> Result<Vec<Need>> {
    let purpose = "holds the OCSF schema that records are checked against";
    let complete = std::fs::read_to_string(directory()?.join(COMPLETE)).unwrap_or_default();
    if complete == REQUIREMENTS.join("\n") && python()?.is_file() {
        return Ok(vec![Need::here(REQUIREMENTS[0], purpose)]);
    }
    let mut needs = vec![Need::program("python3", "python3", purpose)];
    let venv_works = ["-c", "import ensurepip, venv"];
    if !process::succeeds(Command::new("python3").args(venv_works)) {
        needs.push(Need::package("python3-venv", purpose));
    }
    let name = REQUIREMENTS.join(", ");
    needs.push(Need {
        name,
        purpose,
        means: Means::Python,
    });
    Ok(needs)
}

pub fn install() -> Result<()> {
    let directory = directory()?;
    process::must(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&directory),
    )?;
    let mut pip = Command::new(python()?);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    process::must(pip.args(REQUIREMENTS))?;
    std::fs::write(directory.join(COMPLETE), REQUIREMENTS.join("\n"))?;
    Ok(())
}

fn directory() -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join("ocsf"))
}
