//! The command line: one file per subcommand, each with `Args` and `run`.
//!
//! Owns parsing and exit codes: 0 fine, 1 something else failed, 2 configuration or usage, 3 this
//! kernel cannot, 4 missing rights, 5 the log directory.

pub mod canary;
pub mod check;
pub mod reload;
pub mod run;
pub mod schema;
pub mod status;
pub mod unload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const AFTER_HELP: &str = "\
Exit codes: 0 fine, 1 failed, 2 configuration or usage, 3 this kernel cannot,
            4 missing rights, 5 log directory not usable

Examples:
  audit-daemon run --stdout pretty     record, and show each record as a line
  audit-daemon check                   what this kernel can see; starts nothing

Configuration: /etc/audit-daemon/config.toml, conf.d/*.toml, or --config FILE.";

/// Records who did what on this host, in a log that can be trusted.
#[derive(Parser)]
#[command(name = "audit-daemon", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Record until stopped
    Run(run::Args),
    /// Check the configuration, and print what this kernel can see
    Check(check::Args),
    /// Show how the running daemon is doing
    Status(status::Args),
    /// Have the running daemon read its configuration again
    Reload(reload::Args),
    /// Take the programs that a daemon left in the kernel out of it
    Unload(unload::Args),
    /// Print the JSON Schema of the configuration
    Schema(schema::Args),
    /// What the daemon runs to see its own hooks see
    #[command(hide = true)]
    Canary(canary::Args),
}

impl Cli {
    pub fn run(self) -> ExitCode {
        match self.command {
            Command::Run(args) => args.run(),
            Command::Check(args) => args.run(),
            Command::Status(args) => args.run(),
            Command::Reload(args) => args.run(),
            Command::Unload(args) => args.run(),
            Command::Schema(args) => args.run(),
            Command::Canary(args) => args.run(),
        }
    }
}

/// Prints an error and gives its exit code.
fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    let text = error.to_string();
    // Errors of the configuration bring their own heading.
    let heading = if text.starts_with("error:") {
        ""
    } else {
        "error: "
    };
    eprintln!("{heading}{text}");
    ExitCode::from(code)
}
