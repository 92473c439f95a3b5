//! The manifest: what the guest is to set up and to run, as lines of text in /vm/manifest.
//!
//! ```text
//! hostname audit-vm
//! cgroup v2
//! module /vm/modules/ext4.ko
//! disk /dev/vda
//! job kernel
//! timeout_ms 600000
//! cwd /tmp
//! env AUDIT_VM=7.3
//! arg /usr/lib/audit-tests/kernel
//! arg --test-threads=1
//! ```
//!
//! A line is a key, a blank and a value; `timeout_ms`, `cwd`, `env` and `arg` belong to the
//! `job` before them. In a value, `\\` is a backslash and `\xNN` is any byte: all others than
//! printable ASCII are written so, which keeps every argument, even one with newlines, on
//! one line.
//!
//! Owns: this text. Must not: check that files exist, or run anything.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Where the guest finds its manifest.
pub const MANIFEST_PATH: &str = "/vm/manifest";
/// The directory whose contents go back to the runner.
pub const OUT_PATH: &str = "/out";

/// Which control group trees the guest mounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CgroupLayout {
    /// One unified tree on /sys/fs/cgroup, as distributions have it today.
    #[default]
    V2,
    /// v1 controllers on /sys/fs/cgroup/NAME, the v2 tree on /sys/fs/cgroup/unified.
    Hybrid,
    /// v1 controllers and a named tree only.
    V1,
}

impl CgroupLayout {
    pub fn name(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
            Self::V1 => "v1",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::V2, Self::Hybrid, Self::V1]
            .into_iter()
            .find(|layout| layout.name() == name)
    }
}

/// One command of the guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job {
    pub name: String,
    pub timeout_ms: u64,
    pub cwd: OsString,
    pub args: Vec<OsString>,
    /// `KEY=value`, added to the guest's own few.
    pub env: Vec<OsString>,
}

/// All that the guest does between boot and power off.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub hostname: String,
    pub cgroup: CgroupLayout,
    /// Kernel modules in the order in which they must be loaded.
    pub modules: Vec<OsString>,
    /// A block device with an ext4 file system, to be mounted on /mnt.
    pub disk: Option<OsString>,
    pub jobs: Vec<Job>,
}

/// A line that is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    pub line: usize,
    pub what: &'static str,
}

impl std::fmt::Display for ManifestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{MANIFEST_PATH}:{}: {}", self.line, self.what)
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    pub fn encode(&self) -> String {
        let mut out = String::new();
        let mut line = |key: &str, value: &OsStr| {
            out.push_str(key);
            out.push(' ');
            escape(value.as_bytes(), &mut out);
            out.push('\n');
        };
        line("hostname", self.hostname.as_ref());
        line("cgroup", self.cgroup.name().as_ref());
        for module in &self.modules {
            line("module", module);
        }
        if let Some(disk) = &self.disk {
            line("disk", disk);
        }
        for job in &self.jobs {
            line("job", job.name.as_ref());
            line("timeout_ms", job.timeout_ms.to_string().as_ref());
            line("cwd", &job.cwd);
            for variable in &job.env {
                line("env", variable);
            }
            for arg in &job.args {
                line("arg", arg);
            }
        }
        out
    }

    pub fn decode(text: &str) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        for (index, line) in text.lines().enumerate() {
            let error = |what| ManifestError {
                line: index + 1,
                what,
            };
            let (key, value) = line.split_once(' ').ok_or(error("no value"))?;
            let value = unescape(value).ok_or(error("malformed escape"))?;
            manifest.take(key, value).map_err(error)?;
        }
        if manifest.jobs.iter().any(|job| job.args.is_empty()) {
            return Err(ManifestError {
                line: text.lines().count(),
                what: "a job without arg",
            });
        }
        Ok(manifest)
    }

    fn take(&mut self, key: &str, value: OsString) -> Result<(), &'static str> {
        let text = |value: OsString| value.into_string().map_err(|_| "not UTF-8");
        match key {
            "hostname" => self.hostname = text(value)?,
            "cgroup" => {
                let name = text(value)?;
                self.cgroup = CgroupLayout::from_name(&name).ok_or("unknown cgroup layout")?;
            }
            "module" => self.modules.push(value),
            "disk" => self.disk = Some(value),
            "job" => self.jobs.push(Job {
                name: text(value)?,
                ..Job::default()
            }),
            _ => {
                let job = self
                    .jobs
                    .last_mut()
                    .ok_or("unknown key, or no job before it")?;
                match key {
                    "timeout_ms" => {
                        job.timeout_ms = text(value)?.parse().map_err(|_| "not a number")?;
                    }
                    "cwd" => job.cwd = value,
                    "env" => job.env.push(value),
                    "arg" => job.args.push(value),
                    _ => return Err("unknown key"),
                }
            }
        }
        Ok(())
    }
}

fn escape(bytes: &[u8], out: &mut String) {
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(byte)),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "\\x{byte:02x}")),
        }
    }
}

fn unescape(text: &str) -> Option<OsString> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&letter, tail) = rest.split_first()?;
        rest = tail;
        match letter {
            b'\\' => out.push(b'\\'),
            b'x' => {
                let (digits, tail) = rest.split_first_chunk::<2>()?;
                let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
                out.push((high? << 4 | low?) as u8);
                rest = tail;
            }
            _ => return None,
        }
    }
    Some(OsString::from_vec(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Manifest {
        Manifest {
            hostname: "audit-vm".into(),
            cgroup: CgroupLayout::Hybrid,
            modules: vec!["/vm/modules/a.ko".into(), "/vm/modules/b.ko".into()],
            disk: Some("/dev/vda".into()),
            jobs: vec![
                Job {
                    name: "kernel".into(),
                    timeout_ms: 600_000,
                    cwd: "/tmp".into(),
                    args: vec![
                        "/bin/x".into(),
                        OsString::new(),
                        "a b\n\\x41 \\".into(),
                        OsString::from_vec(vec![0xff, 1, b' ']),
                        "grüß".into(),
                    ],
                    env: vec!["A=1".into(), "B=two words".into()],
                },
                Job {
                    name: "e2e".into(),
                    args: vec!["true".into()],
                    ..Job::default()
                },
            ],
        }
    }

    #[test]
    fn a_manifest_survives_the_round_trip() {
        let text = full().encode();
        assert_eq!(Manifest::decode(&text), Ok(full()));
        assert!(text.is_ascii(), "{text}");
    }

    #[test]
    fn one_argument_is_one_line() {
        let text = full().encode();
        assert_eq!(text.lines().count(), 5 + 3 + 2 + 5 + 3 + 1);
        assert!(text.contains("arg a b\\x0a\\\\x41 \\\\\n"), "{text}");
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        for (text, line, what) in [
            ("hostname x\nnonsense", 2, "no value"),
            ("arg x", 1, "unknown key, or no job before it"),
            ("job a\ncolour red", 2, "unknown key"),
            ("cgroup v3", 1, "unknown cgroup layout"),
            ("job a\ntimeout_ms soon", 2, "not a number"),
            ("job a\narg \\q", 2, "malformed escape"),
            ("job a\narg \\x4", 2, "malformed escape"),
            ("job a\narg \\x+4", 2, "malformed escape"),
            ("job a\ncwd /", 2, "a job without arg"),
        ] {
            assert_eq!(
                Manifest::decode(text),
                Err(ManifestError { line, what }),
                "{text}"
            );
        }
    }
}
