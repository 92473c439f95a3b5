//! The table of what is deleted, by each way to name it.

use std::os::unix::fs::symlink;

use audit_tests::acts::act;

use super::{Case, file, in_dir, nobody, none, one};
use crate::watched::{Places, allow};

const REMOVEDIR: &str = "512";

pub fn names(places: &Places) -> Vec<Case> {
    let made = |name: &str| places.made(name);
    let gone = |name: &str| file("file.delete", places.inside(name));
    let unlink = |path: &str| act(["unlink", path]);
    let below = |path: &str| format!("{}{path}", places.watched.display());
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        made(name);
    }
    made("sub/i");
    symlink("../outside/link", places.inside("link")).expect("symlink");
    symlink("sub", places.inside("sublink")).expect("symlink");
    let lost = places.made_dir("lost");
    let by_link = places.outside.join("dirlink/e");
    let relative = in_dir(&places.watched);
    vec![
        one("absolute", unlink(&below("/a")), gone("a")),
        one("relative", relative.with(["unlink", "b"]), gone("b")),
        one(
            "below a descriptor",
            act(["unlinkat"]).with([&places.watched]).with(["c", "0"]),
            gone("c"),
        ),
        one(
            "working directory by unlinkat",
            in_dir(&places.watched).with(["unlinkat", "-", "d", "0"]),
            gone("d"),
        ),
        one(
            "through a linked directory",
            act(["unlink"]).with([by_link]),
            gone("e"),
        ),
        one("through the parent", unlink(&below("/sub/../f")), gone("f")),
        one("doubled slashes", unlink(&below("//.//g")), gone("g")),
        one(
            "from a directory that is gone",
            act(["lose"]).with([lost]).with(["unlink", "../h"]),
            gone("h"),
        ),
        one(
            "through a linked directory inside",
            unlink(&below("/sublink/i")),
            gone("sub/i"),
        ),
        one("a link itself", unlink(&below("/link")), gone("link")),
        none(
            "a link from outside",
            act(["unlink"]).with([places.outside.join("link")]),
        ),
    ]
}

pub fn directories(places: &Places) -> Vec<Case> {
    let gone = |name: &str| file("file.rmdir", places.inside(name));
    let below = |path: &str| format!("{}{path}", places.watched.display());
    for name in ["a", "b", "c", "d", "e", "f"] {
        places.made_dir(name);
    }
    vec![
        one("absolute", act(["rmdir", &below("/a")]), gone("a")),
        one(
            "relative",
            in_dir(&places.watched).with(["rmdir", "b"]),
            gone("b"),
        ),
        one("trailing slash", act(["rmdir", &below("/c/")]), gone("c")),
        one(
            "by unlinkat",
            act(["unlinkat"])
                .with([&places.watched])
                .with(["d", REMOVEDIR]),
            gone("d"),
        ),
        one(
            "through the parent",
            act(["rmdir", &below("/sub/deep/../../e")]),
            gone("e"),
        ),
        one(
            "through a linked directory",
            act(["rmdir"]).with([places.outside.join("dirlink/f")]),
            gone("f"),
        ),
    ]
}

pub fn failures(places: &Places) -> Vec<Case> {
    let sticky = places.made_dir("sticky");
    places.made("sticky/file");
    allow(&sticky, 0o1777);
    let not = |name: &str, errno| file("file.delete", places.inside(name)).refused(errno);
    let below = |path: &str| format!("{}/{path}", places.watched.display());
    let unlink = |path: &str| act(["unlink", &below(path)]);
    let long = "n".repeat(256);
    let in_watched = || in_dir(&places.watched);
    vec![
        one(
            "denied",
            nobody().with(["unlink", &below("file")]),
            not("file", "EACCES"),
        ),
        one(
            "denied, relative",
            in_watched().with(["uid", "65534", "unlink", "file"]),
            not("file", "EACCES"),
        ),
        one(
            "denied, through a linked directory",
            nobody()
                .with(["unlink"])
                .with([places.outside.join("dirlink/file")]),
            not("file", "EACCES"),
        ),
        one(
            "not its owner",
            nobody().with(["unlink", &below("sticky/file")]),
            not("sticky/file", "EPERM"),
        ),
        one("missing", unlink("missing"), not("missing", "ENOENT")),
        one(
            "missing, relative",
            in_watched().with(["unlink", "missing"]),
            not("missing", "ENOENT"),
        ),
        one(
            "missing, below a descriptor",
            act(["unlinkat"])
                .with([&places.watched])
                .with(["missing", "0"]),
            not("missing", "ENOENT"),
        ),
        one("a directory", unlink("sub"), not("sub", "EISDIR")),
        one("below a file", unlink("file/x"), not("file/x", "ENOTDIR")),
        one("a loop", unlink("loop/x"), not("loop/x", "ELOOP")),
        one("too long a name", unlink(&long), not(&long, "ENAMETOOLONG")),
        one(
            "unknown flags",
            act(["unlinkat"])
                .with([&places.watched])
                .with(["file", "1"]),
            not("file", "EINVAL"),
        ),
    ]
}

pub fn directory_failures(places: &Places) -> Vec<Case> {
    let not_dir = |name: &str, errno| file("file.rmdir", places.inside(name)).refused(errno);
    let below = |path: &str| format!("{}/{path}", places.watched.display());
    vec![
        one(
            "a directory that is denied",
            nobody().with(["rmdir", &below("sub")]),
            not_dir("sub", "EACCES"),
        ),
        one(
            "not empty",
            act(["rmdir", &below("sub")]),
            not_dir("sub", "ENOTEMPTY"),
        ),
        one(
            "not empty, by unlinkat",
            in_dir(&places.watched).with(["unlinkat", "-", "sub", REMOVEDIR]),
            not_dir("sub", "ENOTEMPTY"),
        ),
        one(
            "no directory",
            act(["rmdir", &below("file")]),
            not_dir("file", "ENOTDIR"),
        ),
        one(
            "a missing directory",
            act(["rmdir", &below("missing")]),
            not_dir("missing", "ENOENT"),
        ),
    ]
}
