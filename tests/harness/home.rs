//! Where one test's daemons live, and what configuration they get.
//!
//! Owns: the directory, the pins and the configuration file of a test. Must not: run the daemon,
//! but for taking out of the kernel what it left there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::{pins, pins_hold};

/// Keys and values of each table.
type Tables = BTreeMap<String, BTreeMap<String, String>>;

/// A home and a configuration. Clones share the home: a daemon that is started by one finds the log
/// and the pins of the other.
#[derive(Clone)]
pub struct Setup {
    home: Arc<Home>,
    tables: Tables,
    /// As they are for every home.
    usual: Arc<Tables>,
    more: String,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) args: Vec<String>,
}

struct Home {
    dir: TempDir,
    pin_dir: PathBuf,
    /// Its programs are for the next test that takes over such.
    is_kept: bool,
    marker: String,
}

/// Bounds what a forgotten daemon could fill.
const CAP: &str = "\"1 GiB\"";
/// The whole suite can be run with hooks that this kernel would not get by itself.
fn mechanism() -> Option<String> {
    std::env::var("AUDIT_TEST_MECHANISM").ok()
}

impl Setup {
    /// A new home. Its log, socket and pins are its own, so that it can run beside any other.
    pub fn new() -> Setup {
        Setup::made(false)
    }

    /// A new home whose daemon takes over the programs that another test's left in the kernel, where
    /// that can be (and the configuration is the same to them): to load those of files takes an
    /// emulated CPU many seconds. Not for tests of sums over all that was seen, or of the start.
    pub fn on_kept_programs() -> Setup {
        Setup::made(pins_hold())
    }

    fn made(is_kept: bool) -> Setup {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let marker = pins::marker(COUNT.fetch_add(1, Ordering::Relaxed));
        let dir = tempfile::Builder::new()
            .prefix(&format!("{marker}-"))
            .tempdir()
            .expect("a temporary directory");
        // Programs that run as other users must get in.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir.path(), open).expect("chmod");
        let home = Home {
            pin_dir: match is_kept {
                true => pins::take_kept(&marker),
                false => pins::directory(&marker),
            },
            is_kept,
            dir,
            marker,
        };
        let paths = [
            ("log.dir", home.dir.path().join("log")),
            ("kernel.pin_dir", home.pin_dir.clone()),
            ("status.socket", home.dir.path().join("status.sock")),
        ];
        let mut setup = Setup {
            home: Arc::new(home),
            tables: BTreeMap::new(),
            usual: Arc::default(),
            more: String::new(),
            env: Vec::new(),
            args: Vec::new(),
        };
        for (key, path) in paths {
            setup = setup.set(key, &format!("\"{}\"", path.display()));
        }
        // Tests read their daemon's log, which is watched: that would be a record, to be read again.
        let setup = setup.set("events.file.record", "false");
        // And what else goes on here is not the test's.
        let setup = setup.set("events.network.record", "false");
        // Nor are mounts, but where they are what is tested.
        let setup = setup.set("privilege.mounts", "false");
        // Each act has a record of its own, but where folding is what is tested.
        let setup = setup.set("volume.fold_window", "\"0 s\"");
        // Counts are those of the test's own acts, but where the canary is what is tested.
        let mut setup = setup.set("selftest.interval", "\"0 s\"");
        if let Some(mechanism) = mechanism() {
            setup = setup.set("kernel.mechanism", &format!("\"{mechanism}\""));
        }
        let setup = setup.set("log.cap", CAP);
        Setup {
            usual: Arc::new(setup.tables.clone()),
            ..setup
        }
    }

    /// Whether its daemon would be like any other, but for its home.
    pub(crate) fn is_plain(&self) -> bool {
        let nothing_more = self.more.is_empty() && self.env.is_empty() && self.args.is_empty();
        self.tables == *self.usual && nothing_more
    }

    /// Sets `table.key` to a value as TOML writes it: `set("log.cap", "\"1 GiB\"")`.
    pub fn set(mut self, key: &str, value: &str) -> Setup {
        let (table, key) = key.rsplit_once('.').expect("a key is table.key");
        let table = self.tables.entry(table.to_owned()).or_default();
        table.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Text for the end of the configuration, such as `[[mask.rule]]` tables.
    pub fn append(mut self, text: &str) -> Setup {
        self.more.push_str(text);
        self
    }

    /// An environment variable for the daemon.
    pub fn env(mut self, name: &str, value: &str) -> Setup {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One more argument behind `run --config FILE --stdout json`.
    pub fn arg(mut self, arg: &str) -> Setup {
        self.args.push(arg.to_owned());
        self
    }

    /// Occurs in no other process's arguments, and in all paths of this home.
    pub fn marker(&self) -> &str {
        &self.home.marker
    }

    /// Everything of this test is below it; any user may enter.
    pub fn dir(&self) -> &Path {
        self.home.dir.path()
    }

    pub fn log_dir(&self) -> PathBuf {
        self.dir().join("log")
    }

    pub fn pin_dir(&self) -> &Path {
        &self.home.pin_dir
    }

    pub fn socket(&self) -> PathBuf {
        self.dir().join("status.sock")
    }

    pub fn config_file(&self) -> PathBuf {
        self.dir().join("config.toml")
    }

    pub fn config_text(&self) -> String {
        let mut text = String::new();
        for (table, keys) in &self.tables {
            let _ = writeln!(text, "[{table}]");
            for (key, value) in keys {
                let _ = writeln!(text, "{key} = {value}");
            }
        }
        text + &self.more
    }

    /// Writes the configuration and returns its file.
    pub fn write_config(&self) -> PathBuf {
        std::fs::write(self.config_file(), self.config_text()).expect("write the configuration");
        self.config_file()
    }

    /// The daemon's program with a subcommand and this configuration: `check`, `status`, `unload`.
    pub fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(daemon_program());
        command
            .arg(subcommand)
            .arg("--config")
            .arg(self.write_config());
        command
    }
}

impl Default for Setup {
    fn default() -> Setup {
        Setup::new()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if self.is_kept {
            return pins::keep(std::mem::take(&mut self.pin_dir));
        }
        let config = self.dir.path().join("config.toml");
        if config.exists() {
            let mut unload = Command::new(daemon_program());
            // What it says is of interest only where it fails, and then it is on stderr.
            unload
                .arg("unload")
                .arg("--config")
                .arg(config)
                .stdout(std::process::Stdio::null());
            if !unload.status().is_ok_and(|status| status.success()) {
                eprintln!("warning: {unload:?} failed");
            }
        }
        // It may never have been made.
        let _ = std::fs::remove_dir(&self.pin_dir);
    }
}

/// The daemon under test: `AUDIT_DAEMON`, else the one that was built beside this program.
pub fn daemon_program() -> PathBuf {
    beside_us("AUDIT_DAEMON", "audit-daemon")
}

/// A program that cargo builds: named by the environment, or in the directory above that of the
/// test program (`target/<profile>/deps/kernel-…`).
pub(crate) fn beside_us(variable: &str, name: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let test = std::env::current_exe().expect("our own path");
    let places = test.ancestors().skip(1).take(2).map(|dir| dir.join(name));
    let found: Vec<PathBuf> = places.filter(|path| path.is_file()).collect();
    found.into_iter().next().unwrap_or_else(|| {
        panic!(
            "no {name} beside {}: build it, or name it in {variable}",
            test.display()
        )
    })
}
