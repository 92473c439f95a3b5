//! `cargo xtask bench`: stands in until the bench command's own files are here.

use anyhow::{Result, bail};

use crate::args::Args;

pub fn run(args: Args) -> Result<()> {
    args.finish()?;
    bail!("there is no bench in this tree yet")
}
