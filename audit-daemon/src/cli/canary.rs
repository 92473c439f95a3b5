//! `audit-daemon canary`, run by the daemon alone.

use std::process::ExitCode;

use super::fail;
use crate::canary::child;

#[derive(clap::Args)]
pub struct Args {}

impl Args {
    pub fn run(self) -> ExitCode {
        match child::run() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error, 1),
        }
    }
}
