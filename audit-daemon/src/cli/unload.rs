//! `audit-daemon unload`

use std::{path::PathBuf, process::ExitCode};

use super::fail;
use crate::{config, kernel};

#[derive(clap::Args)]
pub struct Args {
    /// Configuration that names the directory of pins
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Args {
    pub fn run(self) -> ExitCode {
        let dir = match config::load(self.config.as_deref()) {
            Ok(loaded) => loaded.config.kernel.pin_dir,
            Err(errors) => return fail(&errors, 2),
        };
        match kernel::unload(&dir) {
            Ok(0) => println!("Nothing is pinned in {}.", dir.display()),
            Ok(count) => println!(
                "Removed {count} pins from {}: nothing of ours is left in the kernel, unless a \
                 daemon is running.",
                dir.display()
            ),
            Err(error) => return fail(&error, error.exit_code()),
        }
        ExitCode::SUCCESS
    }
}
