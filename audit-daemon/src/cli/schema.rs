//! `audit-daemon schema`

use std::process::ExitCode;

use super::fail;
use crate::config;

#[derive(clap::Args)]
pub struct Args {}

impl Args {
    pub fn run(self) -> ExitCode {
        match serde_json::to_string_pretty(&config::json_schema()) {
            Ok(text) => {
                println!("{text}");
                ExitCode::SUCCESS
            }
            Err(error) => fail(&error, 1),
        }
    }
}
