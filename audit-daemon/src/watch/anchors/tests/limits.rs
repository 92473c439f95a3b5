//! Where a search stops, and what is an anchor then.

use std::cell::RefCell;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::{Limits, Root};
use crate::watch::disk::{Disk, Ground, Host, Seen};

#[test]
fn limits_end_a_search_and_leave_the_tree() {
    let files: Vec<String> = (0..30).map(|n| format!("/srv/d{}/f{n}", n % 3)).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let root = Root::with(&files);
    let limits = |per_watch, in_all| Limits { per_watch, in_all };
    let warnings = |limits, watches: &[(&str, &[&str])]| {
        let found = root.find_on(&Host::new(), watches, limits);
        assert_eq!(found.trees.len(), 1);
        found.warnings
    };
    let all: (&str, &[&str]) = ("all", &["/srv/**"]);
    let again: (&str, &[&str]) = ("again", &["/srv/**", "/srv/*/f1"]);
    assert_eq!(warnings(limits(33, 33), &[all]), Vec::<String>::new());
    let found = warnings(limits(32, 100), &[all]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("watch \"all\": \"/srv/d"), "{found:?}");
    assert!(
        found[0].contains(" more than 32 files: the rest is not searched"),
        "{found:?}"
    );
    let found = warnings(limits(100, 40), &[all, again]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("watch \"again\": "), "{found:?}");
    assert!(
        found[0].contains(" 40 files together with other watches: "),
        "{found:?}"
    );
}

/// A disk with faults at some paths, which counts what is listed.
struct Faulty {
    unlistable: Vec<PathBuf>,
    unlookable: Vec<PathBuf>,
    /// Another device with this ground begins here.
    mounted: Option<(PathBuf, Ground)>,
    listed: RefCell<Vec<PathBuf>>,
}

impl Faulty {
    fn new() -> Self {
        Self {
            unlistable: Vec::new(),
            unlookable: Vec::new(),
            mounted: None,
            listed: RefCell::default(),
        }
    }
}

impl Disk for Faulty {
    fn look(&self, path: &Path) -> io::Result<Seen> {
        if self.unlookable.iter().any(|one| path.starts_with(one)) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let mut seen = Host::new().look(path)?;
        if self
            .mounted
            .as_ref()
            .is_some_and(|(mount, _)| path.starts_with(mount))
        {
            seen.id.dev += 1;
        }
        Ok(seen)
    }

    fn list(&self, directory: &Path, count_max: usize) -> io::Result<Vec<OsString>> {
        if self.unlistable.iter().any(|one| one == directory) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.listed.borrow_mut().push(directory.to_owned());
        Host::new().list(directory, count_max)
    }

    fn target(&self, link: &Path) -> io::Result<PathBuf> {
        Host::new().target(link)
    }

    fn ground(&self, _directory: &Path) -> Ground {
        self.mounted
            .as_ref()
            .map_or(Ground::Local, |(_, ground)| *ground)
    }
}

#[test]
fn what_cannot_be_read_makes_the_nearest_readable_directory_a_tree() {
    let root = Root::with(&["/a/b/c/f"]);
    let mut disk = Faulty::new();
    disk.unlookable = vec![root.at("/a/b/c")];
    disk.unlistable = vec![root.at("/a/b")];
    let found = root.find_on(&disk, &[("w", &["/a/b/c/f"])], Limits::default());
    assert_eq!(
        root.lines(&found),
        [
            "tree /a",
            "way / a",
            "way /a b",
            "way /a/b c",
            "watch \"w\": \"/a/b\" cannot be searched: permission denied; everything below \"/a\" is \
         looked at instead",
        ]
    );
    let found = root.find_on(&disk, &[("w", &["/a/b/*"])], Limits::default());
    assert_eq!(
        root.lines(&found),
        [
            "tree /a",
            "tree /a/b",
            "way / a",
            "way /a b",
            "watch \"w\": \"/a/b\" cannot be searched: permission denied; everything below \"/a\" is \
         looked at instead",
        ]
    );
}

#[test]
fn scans_stay_off_made_up_and_remote_file_systems() {
    let root = Root::with(&["/srv/mnt/a", "/srv/b", "/tmp/"]).hard_link("/tmp/a", "/srv/mnt/a");
    for (ground, linked, listed, warnings) in [
        (Ground::Local, 1, 2, 0),
        (Ground::Pseudo, 0, 1, 0),
        (Ground::Remote, 0, 1, 1),
    ] {
        let mut disk = Faulty::new();
        disk.mounted = Some((root.at("/srv/mnt"), ground));
        let found = root.find_on(&disk, &[("w", &["/srv/**"])], Limits::default());
        let counts = (
            found.linked.len(),
            disk.listed.borrow().len(),
            found.warnings.len(),
        );
        assert_eq!(counts, (linked, listed, warnings), "{ground:?}");
    }
}

#[test]
fn many_plain_watches_need_no_scan() {
    let root = Root::with(&["/srv/a/b/"]);
    let paths: Vec<String> = (0..10_000).map(|n| format!("/srv/a/b/f{n}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let found = root.find_on(
        &Faulty::new(),
        &[("w", &paths)],
        Limits {
            per_watch: 0,
            in_all: 0,
        },
    );
    assert_eq!(
        (found.names.len(), found.ways.len(), found.trees.len()),
        (10_000, 3, 0)
    );
    assert_eq!(found.warnings, Vec::<String>::new());
}
