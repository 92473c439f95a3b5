//! `audit-daemon status`

use std::{path::PathBuf, process::ExitCode};

use super::fail;
use crate::{
    config,
    pretty::terminal::{self, ColourChoice},
    status::{self, TextOptions},
};

#[derive(clap::Args)]
pub struct Args {
    /// Configuration file, to find the socket
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print everything as JSON
    #[arg(long)]
    json: bool,
    /// Show every CPU, hook and table
    #[arg(short, long)]
    verbose: bool,
}

impl Args {
    pub fn run(self) -> ExitCode {
        let socket = match config::load(self.config.as_deref()) {
            Ok(loaded) => loaded.config.status.socket,
            Err(errors) => return fail(&errors, 2),
        };
        let snapshot = match status::fetch(&socket) {
            Ok(snapshot) => snapshot,
            Err(error) => return fail(&error, 1),
        };
        if self.json {
            match serde_json::to_string_pretty(&snapshot) {
                Ok(text) => println!("{text}"),
                Err(error) => return fail(&error, 1),
            }
        } else {
            let screen = terminal::stdout_options(ColourChoice::Auto, false, false);
            let options = TextOptions {
                width: screen.width,
                colour: screen.colour,
                full: self.verbose,
            };
            print!("{}", status::render(&snapshot, options));
        }
        ExitCode::SUCCESS
    }
}
