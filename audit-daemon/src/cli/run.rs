//! `audit-daemon run`

use std::{path::PathBuf, process::ExitCode};

use clap::ValueEnum;

use super::fail;
use crate::{
    config,
    daemon::{self, Options, Output},
    pretty::terminal::{self, ColourChoice},
};

#[derive(clap::Args)]
pub struct Args {
    /// Instead of /etc/audit-daemon/config.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Log directory instead of `log.dir`
    #[arg(long, value_name = "DIR")]
    log_dir: Option<PathBuf>,
    /// Print each record, once durable: `pretty` or `json`
    #[arg(long, value_name = "HOW", hide_possible_values = true)]
    stdout: Option<How>,
    /// With `pretty`: show times in UTC
    #[arg(long)]
    utc: bool,
    /// With `pretty`: show pid, parent, sequence and labels too
    #[arg(short, long)]
    verbose: bool,
    /// With `pretty`: colours `auto`, `always` or `never`
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_possible_values = true,
        hide_default_value = true
    )]
    color: Colour,
}

#[derive(Clone, Copy, ValueEnum)]
enum How {
    Pretty,
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

impl Args {
    pub fn run(self) -> ExitCode {
        let loaded = match config::load(self.config.as_deref()) {
            Ok(loaded) => loaded,
            Err(errors) => return fail(&errors, 2),
        };
        let colour = match self.color {
            Colour::Auto => ColourChoice::Auto,
            Colour::Always => ColourChoice::Always,
            Colour::Never => ColourChoice::Never,
        };
        let stdout = self.stdout.map(|how| match how {
            How::Json => Output::Json,
            How::Pretty => Output::Pretty(terminal::stdout_options(colour, self.utc, self.verbose)),
        });
        match daemon::run(
            loaded,
            Options {
                config_file: self.config,
                log_dir: self.log_dir,
                stdout,
            },
        ) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, error.exit_code()),
        }
    }
}
