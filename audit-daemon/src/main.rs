//! The binary: parse, set up diagnostics, run one command.

use std::process::ExitCode;

use audit_daemon::cli::Cli;
use clap::Parser;
use tracing_subscriber::{EnvFilter, fmt, prelude::*};

fn main() -> ExitCode {
    let filter =
        EnvFilter::try_from_env("AUDIT_DAEMON_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let to_stderr = fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
    tracing_subscriber::registry()
        .with(filter)
        .with(to_stderr)
        .init();
    Cli::parse().run()
}
