//! `cargo xtask`: everything that is done to this repository, one file per command.
//!
//! Owns: the list of commands and how their failure becomes an exit code.
//! Must not: do any command's work, or build anything that is shipped.
//!
//! Every command has the same skeleton: `HELP`, `run(args)`, then its steps.

mod args;
mod bench;
mod build;
mod check;
mod process;
mod run;
mod setup;
mod test;
mod tidy;
mod vm;
mod workspace;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::{Result, bail};

use args::Args;

struct Command {
    name: &'static str,
    about: &'static str,
    run: fn(Args) -> Result<()>,
}

/// The one list of commands; help and dispatch read it.
const COMMANDS: &[Command] = &[
    Command {
        name: "setup",
        about: "install what is missing, or list it (--check)",
        run: setup::run,
    },
    Command {
        name: "build",
        about: "build the kernel programs and the daemon",
        run: build::run,
    },
    Command {
        name: "run",
        about: "setup, build, and run the daemon as root",
        run: run::run,
    },
    Command {
        name: "test",
        about: "setup, build, and run all tests, tier by tier",
        run: test::run,
    },
    Command {
        name: "vm",
        about: "run tests under another kernel in QEMU",
        run: run_vm,
    },
    Command {
        name: "bench",
        about: "measure costs against the design's goals",
        run: bench::run,
    },
    Command {
        name: "tidy",
        about: "layout rules: lengths, docs, owners, leftovers",
        run: tidy::run,
    },
    Command {
        name: "check",
        about: "formatting, clippy, docs and tidy",
        run: check::run,
    },
];

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    let name = words.next().map(|word| word.to_string_lossy().into_owned());
    match Args::new(words).and_then(|args| dispatch(name.as_deref(), args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<process::Exit>() {
            Some(exit) => ExitCode::from(exit.code),
            None => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

fn dispatch(name: Option<&str>, args: Args) -> Result<()> {
    let name = match name {
        None | Some("help" | "--help" | "-h") => {
            print_help();
            return Ok(());
        }
        Some(name) => name,
    };
    if let Some(command) = COMMANDS.iter().find(|command| command.name == name) {
        return (command.run)(args);
    }
    let names: Vec<&str> = COMMANDS.iter().map(|command| command.name).collect();
    match args::nearest(name, &names) {
        Some(near) => bail!("no command `{name}`; did you mean `cargo xtask {near}`?"),
        None => bail!("no command `{name}`; there are: {}", names.join(", ")),
    }
}

/// `vm` reads its words itself, and builds what it puts into a guest.
fn run_vm(args: Args) -> Result<()> {
    let words = args.into_words();
    if words
        .iter()
        .any(|word| word == "--kernel" || word.as_encoded_bytes().starts_with(b"--kernel="))
    {
        build::kernel_programs_for("vm", &words)?;
    }
    let words: Result<Vec<String>, OsString> =
        words.into_iter().map(OsString::into_string).collect();
    match words {
        Ok(words) => vm::run(words),
        Err(word) => bail!("{word:?} is not UTF-8"),
    }
}

fn print_help() {
    println!("cargo xtask COMMAND [--help]\n");
    for command in COMMANDS {
        println!("  {:<7} {}", command.name, command.about);
    }
    println!("\nTo see it work:  cargo xtask run\nTo be sure:      cargo xtask test");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_abouts_fit_a_line() {
        for (at, command) in COMMANDS.iter().enumerate() {
            assert!(
                COMMANDS[..at]
                    .iter()
                    .all(|other| other.name != command.name)
            );
            assert!(command.about.len() < 60, "{}", command.name);
        }
    }

    #[test]
    fn a_mistyped_command_names_the_nearest() {
        let error = dispatch(Some("tset"), Args::default())
            .unwrap_err()
            .to_string();
        assert_eq!(error, "no command `tset`; did you mean `cargo xtask test`?");
    }
}
