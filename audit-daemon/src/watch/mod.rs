//! Watches: whose use is recorded, decided exactly.
//!
//! OWNS: patterns of paths, the set of all watches and its decisions, what the kernel is to look
//! for, and the built-in watches. MUST NOT: talk to the kernel, or write records.
//!
//! The way of a watch: `config::Watch` or [`builtin`] → [`set::WatchSet`] → [`anchors::Anchors`]
//! (for the kernel; its aliases go back into the set). The way of an access: the kernel finds an
//! anchor → a [`set::Subject`] → [`set::WatchSet::judge`].
//!
//! [`pattern`] depends on nothing else here: the configuration reads with it.

pub mod anchors;
pub mod builtin;
pub mod disk;
pub mod exceptions;
pub mod interpreters;
pub mod operations;
pub mod pattern;
pub mod programs;
pub mod set;
mod trie;

pub use trie::Scratch;

use std::path::Path;

use crate::config::Watch;

/// The watches that count: those of the configuration, or the built-in ones if it has none.
pub fn effective(
    configured: &[Watch],
    own: &builtin::Own,
    exists: impl Fn(&Path) -> bool,
) -> Vec<Watch> {
    if configured.is_empty() {
        builtin::watches(own, exists)
    } else {
        configured.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configured_watch_replaces_the_built_in_ones() {
        let own = builtin::Own {
            log: "/l".into(),
            config: Vec::new(),
            executable: None,
        };
        let one = Watch {
            name: "one".to_owned(),
            ..Watch::default()
        };
        assert_eq!(effective(std::slice::from_ref(&one), &own, |_| true), [one]);
        let names: Vec<_> = effective(&[], &own, |_| true)
            .into_iter()
            .map(|w| w.name)
            .collect();
        assert_eq!((names.len(), names[0].as_str()), (17, "accounts"));
    }
}
