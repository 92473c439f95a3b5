//! Tests of the configuration as a whole; those of single kinds stand beside them.

use std::fs;
use std::path::PathBuf;

use super::files::{Layout, read_all};
use super::{Config, ConfigErrors, Loaded, Refused, load_read};

mod defaults;
mod errors;
mod hostile;
mod network;
mod sources;
mod values;
mod watches;

/// Configuration files in a directory of their own.
struct Files {
    directory: tempfile::TempDir,
    as_root: bool,
}

impl Files {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::create_dir(directory.path().join("conf.d")).expect("conf.d");
        Self {
            directory,
            as_root: false,
        }
    }

    /// Only the main file, with this content.
    fn main(content: impl AsRef<[u8]>) -> Self {
        Self::new().with("config.toml", content)
    }

    fn with(self, name: &str, content: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), content).expect("writing a configuration file");
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn load(&self) -> Result<Loaded, ConfigErrors> {
        self.try_load().map_err(|refused| refused.errors)
    }

    fn try_load(&self) -> Result<Loaded, Refused> {
        load_read(read_all(&Layout {
            main: self.path("config.toml"),
            main_required: false,
            additions: self.path("conf.d"),
            as_root: self.as_root,
        }))
    }

    /// The configuration, which must be without error.
    fn config(&self) -> Config {
        self.load()
            .unwrap_or_else(|errors| panic!("{errors}"))
            .config
    }

    /// What is printed, with the directory of the test taken out.
    fn errors(&self) -> String {
        let errors = self.load().expect_err("this configuration has errors");
        let directory = self.directory.path().to_str().expect("a UTF-8 path");
        errors.to_string().replace(directory, "/etc/audit-daemon")
    }
}

/// Asserts all that is printed for a main file.
fn check_errors(content: impl AsRef<[u8]>, expect: &str) {
    pretty_assert(
        &Files::main(content).errors(),
        expect.strip_prefix('\n').unwrap_or(expect),
    );
}

fn pretty_assert(found: &str, expect: &str) {
    assert!(found == expect, "found:\n{found}\n\nexpected:\n{expect}\n");
}
