//! Owns: what came out of guests, one file a kernel, in docs/kernels/: a run of all kernels takes hours, so it
//! is done in pieces, and each says of which commit it is.
//! Must not: hold what differs between two runs that came to the same.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::guests::Guest;
use crate::process;

/// Below the workspace's root.
pub const DIRECTORY: &str = "docs/kernels";
/// What runs in guests is made of these.
const CODE: [&str; 5] = [
    "audit-common",
    "audit-daemon",
    "audit-ebpf",
    "tests",
    "Cargo.lock",
];

pub struct Store {
    directory: PathBuf,
}

/// What came out of one kernel's guest.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The last that changed what ran.
    pub commit: String,
    pub guest: Guest,
}

/// The last commit of the code that runs in guests, and whether more was changed since.
pub fn commit(root: &Path) -> Result<String> {
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.current_dir(root).args(words).arg("--").args(CODE);
        process::stdout_of(&mut git)
    };
    let commit = git(&["log", "-1", "--format=%h", "--abbrev=10"])?;
    let changed = !git(&["status", "--porcelain"])?.trim().is_empty();
    let changes = if changed { " and changes" } else { "" };
    Ok(format!("{}{changes}", commit.trim()))
}

impl Store {
    pub fn of(root: &Path) -> Self {
        Self {
            directory: root.join(DIRECTORY),
        }
    }

    pub fn keep(&self, kernel: &str, kept: &Kept) -> Result<()> {
        std::fs::create_dir_all(&self.directory)?;
        let file = self.file(kernel);
        std::fs::write(&file, serde_json::to_string(kept)? + "\n")
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// `None`: there is none yet.
    pub fn get(&self, kernel: &str) -> Result<Option<Kept>> {
        let file = self.file(kernel);
        if !file.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&file)?;
        serde_json::from_str(&text).with_context(|| format!("cannot read {}", file.display()))
    }

    fn file(&self, kernel: &str) -> PathBuf {
        self.directory.join(format!("{kernel}.json"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::guests::PartRun;
    use crate::test::libtest::Tally;
    use crate::test::plan::{self, Scope};

    #[test]
    fn results_come_back_but_for_the_time_they_took() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::of(dir.path());
        let mut tally = Tally::default();
        tally.skipped.insert("a".to_owned(), "b".to_owned());
        let part = plan::parts("7.3", &["kernel"], Scope::All).remove(0);
        let run = PartRun {
            part,
            tally,
            problems: vec!["died".to_owned()],
            took: std::time::Duration::ZERO,
        };
        let mut kept = Kept {
            commit: "abc".to_owned(),
            guest: Guest {
                release: "7.3.4".to_owned(),
                parts: vec![run],
                loaded: Vec::new(),
            },
        };
        assert_eq!(store.get("7.3").unwrap(), None);
        store.keep("7.3", &kept).unwrap();
        let file = dir.path().join(DIRECTORY).join("7.3.json");
        let written = std::fs::read_to_string(&file).unwrap();
        assert_eq!(store.get("7.3").unwrap().as_ref(), Some(&kept));
        assert_eq!(store.get("6.1").unwrap(), None);

        let run = &mut kept.guest.parts[0];
        run.took = std::time::Duration::from_secs(3);
        let time = std::time::Duration::from_millis(7);
        run.tally.times.insert("c".to_owned(), time);
        store.keep("7.3", &kept).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), written);
        std::fs::write(&file, "{").unwrap();
        assert!(store.get("7.3").is_err());
    }

    #[test]
    fn the_commit_is_the_last_of_what_runs_there() {
        let dir = tempfile::tempdir().unwrap();
        let git = |words: &[&str]| {
            let mut git = Command::new("git");
            git.current_dir(dir.path()).args(words);
            process::stdout_of(&mut git).unwrap()
        };
        let made = |file: &str, text: &str| {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let committed = || {
            git(&["add", "."]);
            let who = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
            git(&[&who[..], &["commit", "-qm", "one"]].concat());
            let head = git(&["rev-parse", "--short=10", "HEAD"]);
            head.trim().to_owned()
        };
        git(&["init", "-q"]);
        made("tests/a", "1");
        let first = committed();
        made("docs/a", "1");
        committed();
        assert_eq!(commit(dir.path()).unwrap(), first);
        made("audit-ebpf/a", "1");
        let changed = format!("{first} and changes");
        assert_eq!(commit(dir.path()).unwrap(), changed);
        let second = committed();
        assert_eq!(commit(dir.path()).unwrap(), second);
    }
}
