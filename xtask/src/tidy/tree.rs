//! Owns: which files belong to the repository, and the rule `big-binary` about them.
//! Must not: read anything that git would not keep, where there is git to ask.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::Finding;
use crate::process;

/// A larger binary belongs where it can be made or fetched again, not into every clone.
const BINARY_BYTES_MAX: u64 = 1 << 20;
/// As git does: a NUL among the first bytes makes a file binary.
const BINARY_LOOK_BYTES: usize = 8000;

/// Paths below `root` of everything tracked, or new and not ignored. Without git: of everything
/// but build output.
pub fn files(root: &Path) -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let mut files: Vec<String> = match process::stdout_of(&mut git) {
        Ok(listed) => listed.split_terminator('\0').map(str::to_owned).collect(),
        Err(_) => walk(root, root)?,
    };
    files.retain(|file| root.join(file).is_file()); // deleted, but git does not know yet
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(root: &Path, directory: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(directory)
        .with_context(|| format!("cannot read {}", directory.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            if name != "target" && name != ".git" {
                found.extend(walk(root, &path)?);
            }
        } else if let Some(below) = path.strip_prefix(root).ok().and_then(Path::to_str) {
            found.push(below.to_owned());
        }
    }
    Ok(found)
}

pub fn big_binaries(root: &Path, files: &[String]) -> Vec<Finding> {
    let is_big =
        |path: &PathBuf| std::fs::metadata(path).is_ok_and(|meta| meta.len() > BINARY_BYTES_MAX);
    let found = files.iter().filter(|file| {
        let path = root.join(file);
        is_big(&path) && std::fs::read(&path).is_ok_and(|bytes| is_binary(&bytes))
    });
    found
        .map(|file| Finding {
            rule: "big-binary",
            path: file.clone(),
            line: 1,
            item: String::new(),
            measure: None,
            text: "a binary over 1 MiB: have the build make it, or .gitignore it".to_owned(),
        })
        .collect()
}

fn is_binary(bytes: &[u8]) -> bool {
    bytes.iter().take(BINARY_LOOK_BYTES).any(|&byte| byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_big_binary_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let big = BINARY_BYTES_MAX as usize + 1;
        std::fs::create_dir(dir.path().join("target")).unwrap();
        for (name, bytes) in [
            ("big.bin", vec![0; big]),
            ("big.txt", vec![b'a'; big]),
            ("small.bin", vec![0; 10]),
            ("target/built", vec![0; big]),
        ] {
            std::fs::write(dir.path().join(name), bytes).unwrap();
        }
        let files = files(dir.path()).unwrap();
        assert_eq!(files, ["big.bin", "big.txt", "small.bin"]);
        let found = big_binaries(dir.path(), &files);
        let paths: Vec<&str> = found.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["big.bin"]);
    }
}
