//! What is not as elsewhere on some kernels, or with one of the ways to hook.
//!
//! Owns the one table of it, `hooks/differences.toml`: `check` prints what holds here, tests ask before
//! they expect less, docs/KERNELS.md is made of it. Must not decide how anything is hooked.

use serde::{Deserialize, Serialize};

/// The table as it stands in the source.
pub const TABLE: &str = include_str!("hooks/differences.toml");

/// One row of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Difference {
    /// By which tests and records of runs name it.
    pub name: String,
    /// The first kernel that it holds for.
    #[serde(skip_serializing)]
    since: Option<String>,
    /// The first kernel that it does not hold for any more.
    #[serde(skip_serializing)]
    before: Option<String>,
    /// Only with these hooks.
    #[serde(skip_serializing)]
    mechanism: Option<String>,
    /// What is done.
    pub act: String,
    /// What comes of it there.
    pub differs: String,
    pub why: String,
}

#[derive(Deserialize)]
struct Table {
    #[serde(default)]
    difference: Vec<Difference>,
}

/// All rows. The table is part of the program, and tested: a fault in it leaves nothing.
pub fn all() -> Vec<Difference> {
    toml::from_str::<Table>(TABLE).map_or_else(|_| Vec::new(), |table| table.difference)
}

/// Those that hold for a kernel of this release, with these hooks.
pub fn here(release: &str, mechanism: &str) -> Vec<Difference> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let mut next = || {
        numbers
            .next()
            .and_then(|number| number.parse().ok())
            .unwrap_or(0)
    };
    let kernel = (next(), next());
    let mut rows = all();
    rows.retain(|row| row.is_for(kernel, mechanism));
    rows
}

impl Difference {
    pub fn is_for(&self, kernel: (u32, u32), mechanism: &str) -> bool {
        let at = |series: &Option<String>| series.as_deref().and_then(version);
        at(&self.since).is_none_or(|since| since <= kernel)
            && at(&self.before).is_none_or(|before| kernel < before)
            && self.mechanism.as_deref().is_none_or(|of| of == mechanism)
    }
}

fn version(series: &str) -> Option<(u32, u32)> {
    let (major, minor) = series.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_its_kernels_are_kernels() {
        let rows = all();
        assert_eq!(rows.len(), TABLE.matches("\n[[difference]]").count());
        assert!(!rows.is_empty());
        for row in rows {
            for series in row.since.iter().chain(&row.before) {
                assert!(version(series).is_some(), "{}: {series}", row.name);
            }
            let mechanism = row.mechanism.as_deref().unwrap_or("tracepoint");
            assert!(
                ["tracepoint", "trampoline"].contains(&mechanism),
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn a_release_is_a_kernel() {
        let names = |release| -> Vec<String> {
            let rows = here(release, "tracepoint").into_iter();
            rows.map(|row| row.name).collect()
        };
        assert!(names("5.10.0-46-cloud-amd64").contains(&"programs-go-with-the-daemon".into()));
        assert!(names("6.12.117+deb13").contains(&"written-files-are-executed".into()));
        assert!(!names("7.3.4").contains(&"written-files-are-executed".into()));
    }

    #[test]
    fn a_row_holds_from_its_first_kernel_up_to_its_last() {
        let row = Difference {
            name: String::new(),
            since: Some("6.1".into()),
            before: Some("6.12".into()),
            mechanism: Some("tracepoint".into()),
            act: String::new(),
            differs: String::new(),
            why: String::new(),
        };
        let holds = [(5, 15), (6, 1), (6, 11), (6, 12), (7, 0)];
        let holds = holds.map(|kernel| row.is_for(kernel, "tracepoint"));
        assert_eq!(holds, [false, true, true, false, false]);
        assert!(!row.is_for((6, 1), "trampoline"));
    }
}
