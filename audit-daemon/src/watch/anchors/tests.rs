//! Anchors of small trees of files, to the exact list.

mod limits;
mod links;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::config::{Operation, Scope, Watch};
use crate::watch::disk::{Host, Kind};

/// A root with files in it.
struct Root(tempfile::TempDir);

impl Root {
    /// Files at these paths, directories where one ends with a slash.
    fn with(paths: &[&str]) -> Self {
        let root = Self(tempfile::tempdir().expect("a temporary directory"));
        for path in paths {
            let whole = root.at(path);
            let parent = if path.ends_with('/') {
                Some(whole.as_path())
            } else {
                whole.parent()
            };
            fs::create_dir_all(parent.expect("a parent")).expect("a directory");
            if !path.ends_with('/') {
                fs::write(whole, path).expect("a file");
            }
        }
        root
    }

    fn link(self, path: &str, target: &str) -> Self {
        symlink(target, self.at(path)).expect("a symbolic link");
        self
    }

    fn hard_link(self, path: &str, original: &str) -> Self {
        fs::hard_link(self.at(original), self.at(path)).expect("a hard link");
        self
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path.trim_matches('/'))
    }

    fn find(&self, watches: &[(&str, &[&str])]) -> Anchors {
        self.find_on(&Host::new(), watches, Limits::default())
    }

    fn find_on(&self, disk: &dyn Disk, watches: &[(&str, &[&str])], limits: Limits) -> Anchors {
        let watches = watches
            .iter()
            .map(|(name, paths)| watch(name, paths))
            .collect();
        let set = WatchSet::new(watches).expect("valid watches");
        Anchors::find(&set, self.0.path(), disk, limits)
    }

    /// All anchors as lines, directories by their path; and the warnings.
    fn lines(&self, anchors: &Anchors) -> Vec<String> {
        let mut directories = BTreeMap::new();
        let mut todo = vec![PathBuf::from("/")];
        while let Some(path) = todo.pop() {
            let whole = self.at(&path.to_string_lossy());
            let seen = Host::new().look(&whole).expect("a file");
            if seen.kind == Kind::Directory {
                let entries = fs::read_dir(&whole).expect("a directory");
                todo.extend(entries.map(|entry| path.join(entry.expect("an entry").file_name())));
                directories.insert(seen.id, path);
            }
        }
        let name = |kind: &str, (id, name): &Name| {
            let directory = directories[id].display();
            format!("{kind} {directory} {}", String::from_utf8_lossy(name))
        };
        let object = |kind: &str, one: &Object| {
            let watches: Vec<_> = one.watches.iter().map(|id| id.0.to_string()).collect();
            format!("{kind} {} of {}", one.path.display(), watches.join(","))
        };
        let mut lines = Vec::new();
        for tree in anchors.trees.values() {
            let path = tree.path.display();
            if tree.interest != Interest::default() {
                lines.push(format!("tree {path}"));
            }
            let missing = tree
                .missing
                .keys()
                .map(|name| String::from_utf8_lossy(name));
            lines.extend(missing.map(|name| format!("missing {path} {name}")));
        }
        lines.extend(anchors.names.keys().map(|key| name("name", key)));
        lines.extend(anchors.ways.iter().map(|key| name("way", key)));
        lines.extend(anchors.objects.values().map(|one| object("object", one)));
        lines.extend(anchors.linked.values().map(|one| object("linked", one)));
        lines.extend(anchors.aliases.iter().map(|(id, way)| {
            let parts = way.components().iter().map(|part| match part {
                crate::watch::pattern::Component::Name(name) => {
                    String::from_utf8_lossy(name).into_owned()
                }
                crate::watch::pattern::Component::Tree => "**".to_owned(),
                other => if other.matches(b"anything") {
                    "*"
                } else {
                    "glob"
                }
                .to_owned(),
            });
            format!("alias /{} of {}", parts.collect::<Vec<_>>().join("/"), id.0)
        }));
        lines.sort_unstable();
        lines.extend(anchors.warnings.iter().cloned());
        lines
    }

    fn check(&self, paths: &[&str], expect: &[&str]) {
        let found = self.lines(&self.find(&[("w", paths)]));
        assert_eq!(found, expect, "{paths:?}");
    }
}

fn watch(name: &str, paths: &[&str]) -> Watch {
    Watch {
        name: name.to_owned(),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..Watch::default()
    }
}

#[test]
fn a_plain_path_is_a_name_and_what_it_names() {
    let root = Root::with(&["/etc/passwd", "/etc/ssh/"]);
    let way = "way / etc";
    root.check(
        &["/etc/passwd"],
        &["name /etc passwd", "object /etc/passwd of 0", way],
    );
    root.check(&["/etc/shadow"], &["name /etc shadow", way]);
    root.check(&["/"], &[
        "object / of 0",
        "watch \"w\": \"/\" is a directory, of which only the entry itself is watched: add /** to \
         the path for what is below",
    ]);
    // Another path says what below it is meant.
    root.check(
        &["/etc/ssh", "/etc/ssh/x"],
        &[
            "name /etc ssh",
            "name /etc/ssh x",
            "object /etc/ssh of 0",
            way,
            "way /etc ssh",
        ],
    );
    root.check(
        &["/etc/ssh{,/**}"],
        &[
            "name /etc ssh",
            "object /etc/ssh of 0",
            "tree /etc/ssh",
            way,
            "way /etc ssh",
        ],
    );
}

#[test]
fn what_is_missing_is_the_nearest_directory() {
    let root = Root::with(&["/etc/passwd"]);
    root.check(
        &["/etc/a/b/c"],
        &["missing /etc a", "way / etc", "way /etc a"],
    );
    root.check(
        &["/etc/passwd/x"],
        &["missing /etc passwd", "way / etc", "way /etc passwd"],
    );
    root.check(
        &["/opt/x"],
        &[
            "missing / opt",
            "way / opt",
            "watch \"w\": \"/opt\" does not exist yet: until then everything on this machine \
         may be looked at",
        ],
    );
    root.check(
        &["/etc/a/*/c"],
        &["missing /etc a", "way / etc", "way /etc a"],
    );
}

#[test]
fn missing_names_and_whole_trees_are_told_apart_and_add_up() {
    let root = Root::with(&["/etc/passwd"]);
    let one = |operation, paths: &[&str]| {
        let mut watch = watch(operation, paths);
        watch.operations = Operation::EVERY
            .into_iter()
            .filter(|one| one.as_str() == operation)
            .collect();
        watch
    };
    let watches = vec![
        one("read", &["/etc/a/x", "/etc/b/x"]),
        one("link", &["/etc/a/y"]),
        one("mount", &["/etc/*"]),
    ];
    let set = WatchSet::new(watches).expect("valid watches");
    let found = Anchors::find(&set, root.0.path(), &Host::new(), Limits::default());
    let operations = |list: &[Operation]| Interest {
        operations: Operations::of(list),
        everywhere: false,
    };
    let tree = found.trees.values().next().expect("a tree");
    let missing: Vec<_> = tree
        .missing
        .iter()
        .map(|(name, interest)| (&**name, *interest))
        .collect();
    let expect: [(&[u8], Interest); 2] = [
        (b"a", operations(&[Operation::Read, Operation::Link])),
        (b"b", operations(&[Operation::Read])),
    ];
    assert_eq!(missing, expect);
    assert_eq!(tree.interest, operations(&[Operation::Mount]));
    let all = operations(&[Operation::Read, Operation::Link, Operation::Mount]);
    assert_eq!((found.trees.len(), tree.widest()), (1, all));
}

#[test]
fn wildcards_are_the_directory_before_them_and_what_they_match() {
    let root = Root::with(&[
        "/home/ann/.ssh/keys",
        "/home/bob/.ssh/",
        "/home/bob/x",
        "/home/file",
    ]);
    root.check(
        &["/home/*/.ssh/keys"],
        &[
            "object /home/ann/.ssh/keys of 0",
            "tree /home",
            "way / home",
        ],
    );
    root.check(&["/home/**"], &["tree /home", "way / home"]);
    root.check(
        &["/home/b*"],
        &["object /home/bob of 0", "tree /home", "way / home"],
    );
    root.check(&["/**/x"], &["tree /"]);
    let found = root.find(&[("a", &["/home/*"]), ("b", &["/home/*/x", "/home/bob/x"])]);
    assert_eq!(
        root.lines(&found),
        [
            "name /home/bob x",
            "object /home/ann of 0",
            "object /home/bob of 0",
            "object /home/bob/x of 1",
            "object /home/file of 0",
            "tree /home",
            "way / home",
            "way /home bob",
        ]
    );
}

#[test]
fn interests_of_several_watches_add_up() {
    let root = Root::with(&["/etc/passwd"]);
    let mut read = watch("read", &["/etc/passwd", "/etc/**"]);
    (read.operations, read.scope) = (vec![Operation::Read], Scope::All);
    let mut link = watch("link", &["/etc/passwd"]);
    link.operations = vec![Operation::Link];
    let set = WatchSet::new(vec![read, link]).expect("valid watches");
    let found = Anchors::find(&set, root.0.path(), &Host::new(), Limits::default());
    let both = Interest {
        operations: Operations::of(&[Operation::Read, Operation::Link]),
        everywhere: true,
    };
    let one = Interest {
        operations: Operations::of(&[Operation::Read]),
        everywhere: true,
    };
    assert_eq!(found.names.values().copied().collect::<Vec<_>>(), [both]);
    let object = found.objects.values().next().expect("an object");
    assert_eq!(
        (object.interest, object.watches.as_slice()),
        (both, &[WatchId(0), WatchId(1)][..])
    );
    assert_eq!(
        found
            .trees
            .values()
            .map(|tree| tree.interest)
            .collect::<Vec<_>>(),
        [one]
    );
}
