//! `cargo xtask build`: the kernel programs, then the daemon that embeds them.
//!
//! Owns: the command line that compiles `audit-ebpf`, its two flavours, what they may not be, and where they are
//! put.
//! Must not: install anything (that is `setup`), or run what it built.
//!
//! `audit-ebpf` is compiled twice, into `target/bpf/modern.o` and `target/bpf/legacy.o`. A file is
//! only replaced if its bytes changed, so that cargo does not rebuild the daemon for nothing.

mod stack;
mod strip;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::args::Args;
use crate::process;
use crate::setup::{self, Compiler, Group, Route};
use crate::workspace;

const HELP: &str = "\
cargo xtask build [--release]

Builds the kernel programs (target/bpf/modern.o, and legacy.o for kernels before
5.12), then the daemon with both inside. Installs what is missing first.

  --release   the daemon as it is shipped; the kernel programs always are

Examples
  cargo xtask build
  cargo xtask build --release && sudo target/release/audit-daemon check
";

/// A way of compiling the kernel programs, and the cargo features that make it.
struct Flavour {
    name: &'static str,
    features: &'static [&'static str],
}

const FLAVOURS: &[Flavour] = &[
    Flavour {
        name: "modern",
        features: &[],
    },
    // Before 5.12 there is no atomic read-modify-write that returns a value.
    Flavour {
        name: "legacy",
        features: &["legacy"],
    },
];

const BPF_TARGET: &str = "bpfel-unknown-none";
const DAEMON: &str = "audit-daemon";

/// How the daemon is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    Dev,
    Release,
}

impl Profile {
    pub fn from_flag(release: bool) -> Self {
        if release {
            Profile::Release
        } else {
            Profile::Dev
        }
    }

    /// The words that make cargo use it.
    pub fn cargo_args(self) -> &'static [&'static str] {
        match self {
            Profile::Dev => &[],
            Profile::Release => &["--release"],
        }
    }
}

pub fn run(mut args: Args) -> Result<()> {
    if args.help(HELP) {
        return Ok(());
    }
    let profile = Profile::from_flag(args.flag("--release"));
    args.finish()?;
    setup::ensure(Group::Build)?;
    let daemon = all(profile)?;
    println!("{}", daemon.display());
    Ok(())
}

/// Kernel programs and daemon; returns the daemon's path.
pub fn all(profile: Profile) -> Result<PathBuf> {
    kernel_programs()?;
    process::step("building audit-daemon");
    let mut cargo = workspace::cargo();
    cargo
        .args(["build", "--package", DAEMON])
        .args(profile.cargo_args());
    cargo.env(workspace::BPF_DIR_ENV, workspace::bpf_dir()?);
    let built = executables(&mut cargo)?;
    let daemon = built.into_iter().find(|built| built.target == DAEMON);
    Ok(daemon
        .context("cargo built no program named audit-daemon")?
        .path)
}

/// Both flavours of the kernel programs, into [`workspace::bpf_dir`].
pub fn kernel_programs() -> Result<()> {
    kernel_programs_of(std::env::consts::ARCH)
}

/// The same for a machine by the compiler's name of it: they read its registers.
pub fn kernel_programs_of(arch: &str) -> Result<()> {
    let compiler = setup::compiler()?;
    let out = workspace::bpf_dir_of(arch)?;
    std::fs::create_dir_all(&out).with_context(|| format!("cannot create {}", out.display()))?;
    for flavour in FLAVOURS {
        process::step(format!(
            "building the kernel programs ({}, {arch})",
            flavour.name
        ));
        let mut cargo = kernel_cargo(&compiler, "build", arch)?;
        cargo.arg("--release").args(feature_args(flavour));
        let object = executables(&mut cargo)?
            .pop()
            .with_context(|| format!("cargo built no kernel object ({})", flavour.name))?;
        stack::check(&object.path)?;
        let built = std::fs::read(&object.path)
            .with_context(|| format!("cannot read {}", object.path.display()))?;
        let bytes = strip::stripped(&built)?;
        replace_if_changed(&bytes, &out.join(format!("{}.o", flavour.name)))?;
    }
    Ok(())
}

/// For commands that let cargo build the daemon by themselves: unless the environment already says
/// where the kernel programs are, builds them and starts the command again with that said.
pub fn kernel_programs_for(command: &str, words: &[OsString]) -> Result<()> {
    if std::env::var_os(workspace::BPF_DIR_ENV).is_some() {
        return Ok(());
    }
    setup::ensure(Group::Build)?;
    kernel_programs()?;
    let mut again = Command::new(std::env::current_exe()?);
    again
        .arg(command)
        .args(words)
        .env(workspace::BPF_DIR_ENV, workspace::bpf_dir()?);
    let error = again.exec();
    Err(error).with_context(|| format!("cannot start: {}", process::line(&again)))
}

/// A cargo with another compiler than ours: what cargo and rustup set for us would mislead it.
pub fn cargo_unlike_ours(program: &Path) -> Command {
    let mut cargo = Command::new(program);
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if is_of_the_other_compiler(&name) {
            cargo.env_remove(&key);
        }
    }
    cargo
}

/// A cargo that works on `audit-ebpf` with the kernel programs' compiler, for a machine.
pub fn kernel_cargo(compiler: &Compiler, command: &str, arch: &str) -> Result<Command> {
    let mut cargo = cargo_unlike_ours(&compiler.cargo);
    cargo.current_dir(workspace::root().join("audit-ebpf"));
    cargo.arg(command).args(["--target", BPF_TARGET]);
    if compiler.route == Route::Source {
        cargo.args(["-Z", "build-std=core"]);
        if let Some(toolchain) = std::env::var_os("RUSTUP_TOOLCHAIN") {
            cargo.env("RUSTUP_TOOLCHAIN", toolchain);
        }
    }
    cargo.env("RUSTC", &compiler.rustc);
    // The kernel's instruction set is a tier-3 target: a stable compiler needs leave to use it.
    cargo.env("RUSTC_BOOTSTRAP", "1");
    let mut scratch = workspace::bpf_dir_of(arch)?.into_os_string();
    scratch.push("-build");
    cargo.env("CARGO_TARGET_DIR", scratch);
    cargo.env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &compiler.linker);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", rustflags(arch).join("\u{1f}"));
    Ok(cargo)
}

fn is_of_the_other_compiler(variable: &str) -> bool {
    const KEPT: &[&str] = &[
        "CARGO_HOME",
        "CARGO_TERM_COLOR",
        "CARGO_BUILD_JOBS",
        "CARGO_NET_OFFLINE",
    ];
    let prefixes = ["CARGO", "RUSTC", "RUSTDOC", "RUSTFLAGS", "RUSTUP_TOOLCHAIN"];
    let http = variable.starts_with("CARGO_HTTP_") || variable.starts_with("CARGO_REGISTR");
    let own = variable.starts_with("CARGO_SOURCE_") || http || KEPT.contains(&variable);
    !own && prefixes.iter().any(|prefix| variable.starts_with(prefix))
}

fn rustflags(arch: &str) -> [String; 3] {
    [
        format!("--cfg=bpf_target_arch=\"{arch}\""),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
    ]
}

fn feature_args(flavour: &Flavour) -> Vec<String> {
    let features = flavour.features.iter();
    features
        .flat_map(|feature| ["--features".to_owned(), (*feature).to_owned()])
        .collect()
}

/// A program, test program or kernel object that cargo built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executable {
    pub package_dir: PathBuf,
    pub target: String,
    pub path: PathBuf,
    /// Built as a program of tests, not as the program itself.
    pub is_test: bool,
}

/// Runs a cargo command that builds, and returns what it built; its messages go to stderr.
pub fn executables(cargo: &mut Command) -> Result<Vec<Executable>> {
    cargo.arg("--message-format=json-render-diagnostics");
    cargo.stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = cargo
        .output()
        .with_context(|| format!("cannot start: {}", process::line(cargo)))?;
    if !output.status.success() {
        bail!(
            "the build failed with {}: {}",
            output.status,
            process::line(cargo)
        );
    }
    Ok(parse_artifacts(&String::from_utf8_lossy(&output.stdout)))
}

fn parse_artifacts(messages: &str) -> Vec<Executable> {
    let parsed = messages
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    parsed
        .filter_map(|message: serde_json::Value| {
            let manifest = Path::new(message["manifest_path"].as_str()?);
            Some(Executable {
                package_dir: manifest.parent()?.to_owned(),
                target: message["target"]["name"].as_str()?.to_owned(),
                path: PathBuf::from(message["executable"].as_str()?),
                is_test: message["profile"]["test"].as_bool().unwrap_or(false),
            })
        })
        .collect()
}

fn replace_if_changed(bytes: &[u8], to: &Path) -> Result<()> {
    if std::fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    // By rename: a build that runs beside us sees the old file or the new one.
    let new = to.with_extension("o.new");
    std::fs::write(&new, bytes).with_context(|| format!("cannot write {}", new.display()))?;
    std::fs::rename(&new, to).with_context(|| format!("cannot write {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_are_what_has_an_executable() {
        let messages = r#"{"reason":"compiler-artifact","manifest_path":"/p/a/Cargo.toml","target":{"name":"a","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","manifest_path":"/p/a/Cargo.toml","target":{"name":"b","kind":["bin"]},"profile":{"test":true},"executable":"/t/b"}
{"reason":"build-finished","success":true}
not json"#;
        let expected = Executable {
            package_dir: "/p/a".into(),
            target: "b".to_owned(),
            path: "/t/b".into(),
            is_test: true,
        };
        assert_eq!(parse_artifacts(messages), [expected]);
    }

    #[test]
    fn an_unchanged_object_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let to = dir.path().join("to.o");
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1);
        replace_if_changed(b"one", &to).unwrap();
        std::fs::File::options()
            .write(true)
            .open(&to)
            .unwrap()
            .set_modified(long_ago)
            .unwrap();
        replace_if_changed(b"one", &to).unwrap();
        assert_eq!(
            std::fs::metadata(&to).unwrap().modified().unwrap(),
            long_ago
        );
        replace_if_changed(b"two", &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"two");
        assert_ne!(
            std::fs::metadata(&to).unwrap().modified().unwrap(),
            long_ago
        );
    }

    #[test]
    fn only_what_describes_the_other_compiler_is_dropped() {
        for dropped in [
            "CARGO",
            "CARGO_MANIFEST_DIR",
            "RUSTC_WRAPPER",
            "RUSTFLAGS",
            "RUSTUP_TOOLCHAIN",
        ] {
            assert!(is_of_the_other_compiler(dropped), "{dropped}");
        }
        for kept in [
            "CARGO_HOME",
            "CARGO_HTTP_PROXY",
            "CARGO_REGISTRIES_X",
            "RUST_LOG",
            "PATH",
            "RUSTUP_HOME",
        ] {
            assert!(!is_of_the_other_compiler(kept), "{kept}");
        }
    }

    #[test]
    fn legacy_is_a_feature_and_modern_is_none() {
        let args: Vec<_> = FLAVOURS.iter().map(feature_args).collect();
        assert_eq!(
            args,
            [vec![], vec!["--features".to_owned(), "legacy".to_owned()]]
        );
    }
}
