//! Owns: what came out of guests, kept under the target directory until a run of all kernels is complete:
//! it takes hours, and must not begin anew for one guest that died.
//! Must not: mix results of different programs.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::guests::Guest;

/// The results of some programs.
pub struct Store {
    directory: PathBuf,
    /// Of the daemon and the tests.
    fingerprint: u64,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    fingerprint: u64,
    guest: Guest,
}

impl Store {
    /// For the results of these programs.
    pub fn of<'a>(directory: &Path, programs: impl IntoIterator<Item = &'a Path>) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        for program in programs {
            let bytes = std::fs::read(program)
                .with_context(|| format!("cannot read {}", program.display()))?;
            hasher.write(&bytes);
        }
        Ok(Self {
            directory: directory.to_owned(),
            fingerprint: hasher.finish(),
        })
    }

    pub fn keep(&self, kernel: &str, guest: &Guest) -> Result<()> {
        let entry = Entry {
            fingerprint: self.fingerprint,
            guest: guest.clone(),
        };
        std::fs::create_dir_all(&self.directory)?;
        let file = self.file(kernel);
        std::fs::write(&file, serde_json::to_vec(&entry)?)
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// `None`: there is none of these programs.
    pub fn get(&self, kernel: &str) -> Option<Guest> {
        let bytes = std::fs::read(self.file(kernel)).ok()?;
        let entry: Entry = serde_json::from_slice(&bytes).ok()?;
        (entry.fingerprint == self.fingerprint).then_some(entry.guest)
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
    fn results_come_back_whole_and_only_of_the_same_programs() {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("program");
        let store = |content: &str| {
            std::fs::write(&program, content).unwrap();
            Store::of(&dir.path().join("results"), [program.as_path()]).unwrap()
        };
        let mut tally = Tally::default();
        tally.skipped.insert("a".to_owned(), "b".to_owned());
        tally
            .times
            .insert("c".to_owned(), std::time::Duration::from_millis(7));
        let part = plan::parts("7.3", &["kernel"], Scope::All).remove(0);
        let run = PartRun {
            part,
            tally,
            problems: vec!["died".to_owned()],
            took: std::time::Duration::from_secs(3),
        };
        let guest = Guest {
            release: "7.3.4".to_owned(),
            parts: vec![run],
            loaded: Vec::new(),
        };
        let first = store("one");
        assert_eq!(first.get("7.3"), None);
        first.keep("7.3", &guest).unwrap();
        assert_eq!(first.get("7.3"), Some(guest));
        assert_eq!(first.get("6.1"), None);
        assert_eq!(store("two").get("7.3"), None);
    }
}
