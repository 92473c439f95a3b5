//! A private directory under the system's temporary one, gone when its owner is.
//!
//! Owns: the directory. Its name carries the process id, so that what a killed run left
//! behind is found and removed by the next one.
//!
//! Must not: remove what belongs to a process that lives.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;

const PREFIX: &str = "audit-vm-";
static NEXT: AtomicU32 = AtomicU32::new(0);

pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> anyhow::Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing more can be done about it here; the next run tries again.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what runs left behind whose process is no more.
fn sweep(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        let Some(Ok(pid)) = owner.map(str::parse::<u32>) else {
            continue;
        };
        if !Path::new(&format!("/proc/{pid}")).exists() {
            // Someone else's directory cannot be removed, and need not be.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_and_goes_with_its_owner() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = Scratch::new().unwrap();
        let path = scratch.path().to_owned();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o700
        );
        fs::write(path.join("x"), "y").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn only_what_the_dead_left_is_swept() {
        let scratch = Scratch::new().unwrap();
        let parent = scratch.path();
        // Process ids end below 2^22.
        let dead = parent.join("audit-vm-4194305-0");
        let living = parent.join(format!("audit-vm-{}-9", std::process::id()));
        let other = parent.join("audit-vm-report");
        for directory in [&dead, &living, &other] {
            fs::create_dir(directory).unwrap();
        }
        sweep(parent);
        assert_eq!(
            (dead.exists(), living.exists(), other.exists()),
            (false, true, true)
        );
    }
}
