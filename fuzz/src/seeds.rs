//! First inputs, made when a target starts, so that none are kept in the repository.
//!
//! Owns the choice of the directory: the first one on the command line, as cargo-fuzz gives it.

use std::{fs, path::PathBuf};

/// Puts these into the corpus, unless it has them.
pub fn plant<'a>(seeds: impl IntoIterator<Item = &'a [u8]>) {
    let mut words = std::env::args_os().skip(1).map(PathBuf::from);
    let Some(corpus) = words.find(|word| word.is_dir()) else {
        return;
    };
    for (number, seed) in seeds.into_iter().enumerate() {
        // Without seeds it is slower, no more.
        let _ = fs::write(corpus.join(format!("seed-{number:02}")), seed);
    }
}
