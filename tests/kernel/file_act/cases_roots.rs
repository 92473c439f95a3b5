//! The tables of new roots and of trees that are bound.

use std::path::Path;

use serde_json::Value;

use super::{Case, Expected, act, call, file, in_dir, nobody, none, one};
use crate::watched::{Places, shown};

const NOFOLLOW_CLONE: &str = "257";
const EMPTY_PATH_CLONE: &str = "4097";
const RECURSIVE_CLONE: &str = "32769";
const CLONE: &str = "1";
const O_WRONLY: &str = "1";

/// A record of the process, not of the file.
fn root(call: &'static str, path: impl AsRef<Path>) -> Expected {
    Expected {
        kind: match call {
            "chroot" => "priv.chroot",
            _ => "priv.pivot_root",
        },
        errno: None,
        fields: vec![
            ("kernel.path", shown(path.as_ref()).into()),
            ("kernel.name", call.into()),
            ("kernel.system_call", call.into()),
            ("kernel.type_id", 2.into()),
            ("type_uid", 100_304.into()),
            ("severity_id", 2.into()),
            ("file", Value::Null),
        ],
    }
}

pub fn changed(places: &Places) -> Vec<Case> {
    let watched = &places.watched;
    let sub = places.inside("sub");
    let known = |path: &Path| root("chroot", path).at("unmapped.source", Value::Null);
    let above = watched.parent().expect("a parent");
    let apart = || act(["chroot"]).with([above]).with(["chdir", "/"]);
    vec![
        one("absolute", call("new-root", watched), known(watched)),
        one("below", call("new-root", &sub), known(&sub)),
        one(
            "relative",
            in_dir(watched).with(["new-root", "sub/deep/.."]),
            known(&sub),
        ),
        one(
            "where it works",
            in_dir(watched).with(["new-root", "."]),
            known(watched),
        ),
        one(
            "trailing slash",
            call("new-root", format!("{}/", sub.display())),
            known(&sub),
        ),
        one(
            "through a linked directory",
            call("new-root", places.outside.join("dirlink")),
            known(watched),
        ),
        one(
            "from another root",
            apart().with(["new-root", "/watched/sub"]),
            known(&sub),
        ),
        none("above", call("new-root", above)),
        none("outside", call("new-root", &places.outside)),
    ]
}

pub fn failures(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    let refused = |name: &str, errno| root("chroot", inside(name)).refused(errno);
    let chroot = |name: &str| call("new-root", inside(name));
    let (sub, old) = (inside("sub"), inside("sub/deep"));
    let pivot = |new: &Path, old: &Path| act(["pivot"]).with([new, old]);
    let no_pivot = |path: &Path, errno| root("pivot_root", path).refused(errno);
    vec![
        one(
            "not allowed",
            nobody().with(["new-root"]).with([inside("sub")]),
            refused("sub", "EPERM"),
        ),
        one("nowhere", chroot("missing"), refused("missing", "ENOENT")),
        one("a file", chroot("file"), refused("file", "ENOTDIR")),
        one("a loop", chroot("loop"), refused("loop", "ELOOP")),
        one(
            "pivoting to a file",
            pivot(&places.file(), &old),
            no_pivot(&places.file(), "ENOTDIR"),
        ),
        one(
            "pivoting is not allowed",
            nobody().with(["pivot"]).with([&sub, &old]),
            no_pivot(&sub, "EPERM"),
        ),
        one(
            "pivoting to nowhere",
            pivot(&inside("missing"), &old),
            no_pivot(&inside("missing"), "ENOENT"),
        ),
    ]
}

/// Needs a mount namespace; each process has its own.
pub fn pivoted(places: &Places) -> Vec<Case> {
    let above = places.watched.parent().expect("a parent");
    let sub = places.inside("sub");
    let foreign = places.outside.join("foreign");
    std::fs::create_dir_all(foreign.join("old")).expect("mkdir");
    let bound = |path: &Path| act(["apart", "bind"]).with([path]);
    let pivot = |new: &Path, old: &Path| bound(new).with(["pivot"]).with([new, old]);
    let binding = || file("file.mount", &sub);
    let both = |name, act, path: &Path| Case {
        name,
        act,
        errno: None,
        expected: vec![binding(), root("pivot_root", path)],
    };
    vec![
        both("absolute", pivot(&sub, &sub.join("deep")), &sub),
        both(
            "relative",
            bound(&sub)
                .with(["chdir"])
                .with([&sub])
                .with(["pivot", ".", "deep"]),
            &sub,
        ),
        both(
            "one over the other",
            bound(&sub)
                .with(["chdir"])
                .with([&sub])
                .with(["pivot", ".", "."]),
            &sub,
        ),
        one(
            "the old one is put into what is watched",
            pivot(above, &sub),
            root("pivot_root", above),
        ),
        one(
            "the old one is put there by a relative name",
            bound(above)
                .with(["chdir"])
                .with([above])
                .with(["pivot", ".", "watched/sub"]),
            root("pivot_root", above),
        ),
        one(
            "nothing is mounted there",
            bound(above).with(["pivot"]).with([&sub, &sub.join("deep")]),
            root("pivot_root", &sub).refused("EINVAL"),
        ),
        none("outside", pivot(&foreign, &foreign.join("old"))),
    ]
}

fn cloned(path: impl AsRef<Path>) -> Expected {
    file("file.mount", path)
        .at("status_detail", "OPEN_TREE_CLONE")
        .at("file.xattributes.mount_options", "bind")
}

pub fn trees(places: &Places) -> Vec<Case> {
    let watched = &places.watched;
    let (path, sub) = (places.file(), places.inside("sub"));
    let above = watched.parent().expect("a parent");
    let clone = |path: &Path| act(["open-tree", "-"]).with([path]).with([CLONE]);
    let known = |path: &Path| cloned(path).at("unmapped.source", Value::Null);
    let inner = places.inside("inner");
    std::os::unix::fs::symlink("file", &inner).expect("symlink");
    let below = |name: &str, flags: &str| act(["open-tree"]).with([watched]).with([name, flags]);
    vec![
        one("a tree", clone(watched), known(watched)),
        one("a tree below", clone(&sub), known(&sub)),
        one("a file", clone(&path), known(&path)),
        one(
            "relative",
            in_dir(watched).with(["open-tree", "-", "sub/deep/..", CLONE]),
            cloned(&sub),
        ),
        one("below a descriptor", below("sub", CLONE), cloned(&sub)),
        one(
            "by descriptor",
            act(["open-tree"]).with([&sub]).with(["", EMPTY_PATH_CLONE]),
            cloned(&sub),
        ),
        one(
            "through a linked directory",
            clone(&places.outside.join("dirlink/sub")),
            cloned(&sub),
        ),
        one("a link", below("inner", NOFOLLOW_CLONE), cloned(&inner)),
        one("what a link leads to", below("inner", CLONE), cloned(&path)),
        one(
            "with all mounts",
            below("sub", RECURSIVE_CLONE),
            file("file.mount", &sub).at("file.xattributes.mount_options", "bind,rec"),
        ),
        one("what is above takes it along", clone(above), known(above)),
        none("outside", clone(&places.outside)),
        none(
            "nothing is bound",
            act(["open-tree", "-"]).with([&sub]).with(["0"]),
        ),
        Case {
            name: "opened through it",
            act: call("open-tree-open", watched).with(["file", O_WRONLY]),
            errno: None,
            expected: vec![
                known(watched),
                Expected {
                    kind: "file.open_write",
                    errno: None,
                    fields: vec![("file.name", "file".into())],
                },
            ],
        },
    ]
}

/// The same by a call of its own, from 6.15 on.
pub fn trees_with_attributes(places: &Places) -> Vec<Case> {
    if audit_tests::kernel_version() < (6, 15) {
        return Vec::new();
    }
    let sub = places.inside("sub");
    let clone = |flags: &str| act(["open-tree-attr", "-"]).with([&sub]).with([flags]);
    vec![
        one("a tree with attributes", clone(CLONE), cloned(&sub)),
        none("nothing is bound with attributes", clone("0")),
    ]
}

pub fn tree_failures(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    let clone = |path: &Path| act(["open-tree", "-"]).with([path]).with([CLONE]);
    let refused = |name: &str, errno| cloned(inside(name)).refused(errno);
    vec![
        one(
            "a clone that is not allowed",
            nobody()
                .with(["open-tree", "-"])
                .with([inside("sub")])
                .with([CLONE]),
            refused("sub", "EPERM"),
        ),
        one(
            "a clone of nothing",
            clone(&inside("missing")),
            refused("missing", "ENOENT"),
        ),
        one(
            "a clone of a loop",
            clone(&inside("loop")),
            refused("loop", "ELOOP"),
        ),
        one(
            "a clone with unknown flags",
            act(["open-tree", "-"]).with([inside("sub")]).with(["3"]),
            refused("sub", "EINVAL"),
        ),
    ]
}
