//! `cargo xtask run`: from a fresh clone to a running daemon in one command.
//!
//! Owns: which words the daemon is started with.
//! Must not: stay between the terminal and the daemon: it becomes the daemon (or sudo), so that
//! signals and the exit code pass through untouched.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;

use anyhow::{Context, Result};

use crate::args::Args;
use crate::build::{self, Profile};
use crate::process::{self, Environment};
use crate::setup::{self, Group};

const HELP: &str = "\
cargo xtask run [--release] [-- ARGS]

Installs what is missing, builds, and runs the daemon as root with its embedded
default config, showing what happens on this machine. Stop it with Ctrl-C. Its
programs stay in the kernel, so that a restart misses nothing, until `unload`.

  ARGS   options go to `audit-daemon run`; a subcommand replaces it

Examples
  cargo xtask run
  cargo xtask run -- --stdout json
  cargo xtask run -- check --json
  cargo xtask run -- unload
";

/// Passed on to the daemon through sudo, which drops what it does not know.
const PASSED_ON: &[&str] = &[
    "RUST_LOG",
    "RUST_BACKTRACE",
    "NO_COLOR",
    "TERM",
    "COLUMNS",
    "TZ",
];

pub fn run(mut args: Args) -> Result<()> {
    if args.help(HELP) {
        return Ok(());
    }
    let profile = Profile::from_flag(args.flag("--release"));
    let words = daemon_words(args.trailing());
    args.finish()?;
    setup::ensure(Group::Build)?;
    let daemon = build::all(profile)?;
    let mut command = process::as_root(&daemon, words, &environment())?;
    process::step(process::line(&command));
    let error = command.exec();
    Err(error).with_context(|| format!("cannot start: {}", process::line(&command)))
}

fn environment() -> Environment {
    let value = |name: &&str| Some(((*name).to_owned(), std::env::var_os(name)?));
    PASSED_ON.iter().filter_map(value).collect()
}

/// `run --stdout pretty` unless something else was asked for.
fn daemon_words(asked: Vec<OsString>) -> Vec<OsString> {
    let is_subcommand = |word: &OsString| !word.as_encoded_bytes().starts_with(b"-");
    let is_about_the_program = |word: &OsString| {
        ["--help", "-h", "--version", "-V"]
            .iter()
            .any(|known| word == known)
    };
    if asked
        .first()
        .is_some_and(|word| is_subcommand(word) || is_about_the_program(word))
    {
        return asked;
    }
    let names_stdout = |word: &OsString| word.as_encoded_bytes().starts_with(b"--stdout");
    let mut words = vec![OsString::from("run")];
    if !asked.iter().any(names_stdout) {
        words.extend(["--stdout", "pretty"].map(OsString::from));
    }
    words.extend(asked);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_added_and_a_subcommand_replaces() {
        let cases = [
            ("", "run --stdout pretty"),
            ("-v", "run --stdout pretty -v"),
            ("--stdout json", "run --stdout json"),
            ("--stdout=json -v", "run --stdout=json -v"),
            ("check --json", "check --json"),
            ("run --config x", "run --config x"),
            ("--help", "--help"),
        ];
        for (asked, expected) in cases {
            let words = daemon_words(asked.split_whitespace().map(OsString::from).collect());
            assert_eq!(words.join(&OsString::from(" ")), expected, "{asked}");
        }
    }
}
