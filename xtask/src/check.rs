//! `cargo xtask check`: what a change has to pass before anyone reads it.
//!
//! Owns: the list of checks and their exact commands.
//! Must not: stop at the first that fails, or leave one out without a word.

use std::process::Command;

use anyhow::Result;

use crate::args::Args;
use crate::build;
use crate::process::{self, Exit};
use crate::setup::{self, Compiler, Group, Route};
use crate::workspace;

const HELP: &str = "\
cargo xtask check

Runs all of: formatting, clippy (warnings are errors) on the user side and on the
kernel side, the docs build, and tidy. Exit codes: 0 all fine, 1 not.
To repair formatting: cargo fmt --all
";

/// The packaged compiler's clippy, which Debian has in a package of its own.
const PACKAGED_CLIPPY: &str = "/usr/bin/cargo-clippy";

enum Verdict {
    Fine,
    Failed(String),
    Skipped(String),
}

pub fn run(mut args: Args) -> Result<()> {
    if args.help(HELP) {
        return Ok(());
    }
    args.finish()?;
    setup::ensure(Group::Build)?;
    build::kernel_programs()?;
    let compiler = setup::compiler()?;
    let verdicts = [
        ("format", format("Cargo.toml")),
        ("format kernel side", format("audit-ebpf/Cargo.toml")),
        ("clippy", clippy()?),
        ("clippy kernel side", clippy_kernel_side(&compiler)?),
        ("docs", docs()?),
        ("tidy", verdict_of(crate::tidy::run(Args::default()))),
    ];
    println!();
    for (name, verdict) in &verdicts {
        match verdict {
            Verdict::Fine => println!("{name:<20} ok"),
            Verdict::Failed(reason) => println!("{name:<20} FAILED: {reason}"),
            Verdict::Skipped(reason) => println!("{name:<20} skipped: {reason}"),
        }
    }
    if verdicts
        .iter()
        .any(|(_, verdict)| matches!(verdict, Verdict::Failed(_)))
    {
        return Err(Exit { code: 1 }.into());
    }
    Ok(())
}

fn format(manifest: &str) -> Verdict {
    process::step(format!("formatting ({manifest})"));
    let mut cargo = workspace::cargo();
    checked(cargo.args(["fmt", "--all", "--check", "--manifest-path", manifest]))
}

fn clippy() -> Result<Verdict> {
    process::step("clippy");
    let mut cargo = workspace::cargo();
    cargo.args(["clippy", "--workspace", "--all-targets", "--", "-Dwarnings"]);
    Ok(checked(
        cargo.env(workspace::BPF_DIR_ENV, workspace::bpf_dir()?),
    ))
}

fn clippy_kernel_side(compiler: &Compiler) -> Result<Verdict> {
    if let Err(error) = setup::ensure(Group::Lint) {
        return Ok(Verdict::Skipped(format!("{error:#}")));
    }
    process::step("clippy on the kernel side");
    let legacy = &["--features", "legacy"];
    for (arch, features) in [("x86_64", &[][..]), ("x86_64", legacy), ("aarch64", &[])] {
        let mut cargo = build::kernel_cargo(compiler, "clippy", arch)?;
        if compiler.route == Route::Packages {
            // cargo takes the first cargo-clippy on PATH, which would be rustup's.
            let mut packaged = Command::new(PACKAGED_CLIPPY);
            packaged
                .args(cargo.get_args())
                .env("CARGO", &compiler.cargo);
            if let Some(directory) = cargo.get_current_dir() {
                packaged.current_dir(directory);
            }
            for (key, value) in cargo.get_envs() {
                match value {
                    Some(value) => packaged.env(key, value),
                    None => packaged.env_remove(key),
                };
            }
            cargo = packaged;
        }
        let verdict = checked(cargo.args(features).args(["--release", "--", "-Dwarnings"]));
        if !matches!(verdict, Verdict::Fine) {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Fine)
}

fn docs() -> Result<Verdict> {
    process::step("docs");
    let mut cargo = workspace::cargo();
    cargo
        // Modules say what they own, private things included.
        .args([
            "doc",
            "--workspace",
            "--no-deps",
            "--quiet",
            "--document-private-items",
        ])
        .env("RUSTDOCFLAGS", "-Dwarnings");
    Ok(checked(
        cargo.env(workspace::BPF_DIR_ENV, workspace::bpf_dir()?),
    ))
}

fn checked(command: &mut Command) -> Verdict {
    verdict_of(process::must(command))
}

fn verdict_of(result: Result<()>) -> Verdict {
    match result {
        Ok(()) => Verdict::Fine,
        Err(error) => Verdict::Failed(format!("{error:#}")),
    }
}
