//! The table of what is renamed: within, into and out of what is watched.

use std::path::{Path, PathBuf};

use audit_tests::acts::act;

use super::{Case, Expected, call, file, in_dir, nobody, none, one};
use crate::watched::Places;

const NOREPLACE: &str = "1";
const EXCHANGE: &str = "2";

fn renamed(old: impl AsRef<Path>, new: impl AsRef<Path>) -> Expected {
    file("file.rename", old).to(new)
}

pub fn names(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    let outside = |name: &str| places.outside.join(name);
    for name in ["a", "b", "c", "d", "e", "f"] {
        places.made(name);
    }
    places.made_dir("g");
    let parent = |name: &str| places.watched.join("sub/..").join(name);
    let slash = |name: &str| PathBuf::from(format!("{}//{name}/", places.watched.display()));
    let rename = |old: &Path, new: &Path| call("rename", old).with([new]);
    vec![
        one(
            "within",
            rename(&inside("a"), &inside("a2")),
            renamed(inside("a"), inside("a2")),
        ),
        one(
            "relative, to another directory",
            in_dir(&places.watched).with(["rename", "b", "sub/b2"]),
            renamed(inside("b"), inside("sub/b2")),
        ),
        one(
            "below two descriptors",
            act(["renameat"])
                .with([&places.watched])
                .with(["c"])
                .with([inside("sub")])
                .with(["c2"]),
            renamed(inside("c"), inside("sub/c2")),
        ),
        one(
            "from the working directory to a descriptor",
            in_dir(&places.watched)
                .with(["renameat2", "-", "d"])
                .with([inside("sub")])
                .with(["d2", "0"]),
            renamed(inside("d"), inside("sub/d2")),
        ),
        one(
            "through the parent",
            rename(&parent("e"), &parent("e2")),
            renamed(inside("e"), inside("e2")),
        ),
        one(
            "through a linked directory",
            rename(&outside("dirlink/f"), &outside("dirlink/f2")),
            renamed(inside("f"), inside("f2")),
        ),
        one(
            "a directory with slashes",
            rename(&slash("g"), &slash("g2")),
            renamed(inside("g"), inside("g2")),
        ),
    ]
}

pub fn across(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    let outside = |name: &str| places.outside.join(name);
    places.made("a2");
    places.made_outside("h");
    places.made_outside("i");
    let lost = places.made_dir("lost");
    places.made("j");
    let rename = |old: &Path, new: &Path| call("rename", old).with([new]);
    vec![
        one(
            "into",
            rename(&outside("h"), &inside("h2")),
            renamed(outside("h"), inside("h2")),
        ),
        one(
            "out of",
            rename(&inside("a2"), &outside("a3")),
            renamed(inside("a2"), outside("a3")),
        ),
        one(
            "from a directory that is gone",
            call("lose", &lost).with(["rename", "../j", "../j2"]),
            renamed(inside("j"), inside("j2")),
        ),
        none("outside", rename(&outside("i"), &outside("i2"))),
    ]
}

pub fn over(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    for name in ["a", "b", "c", "d", "e"] {
        places.made(name);
    }
    let foreign = places.made_outside("foreign");
    let in_two = |old: &Path, new: &Path, flags: &str| {
        act(["renameat2", "-"])
            .with([old])
            .with(["-"])
            .with([new])
            .with([flags])
    };
    let exchanged =
        |old: &Path, new: &Path| renamed(old, new).at("status_detail", "RENAME_EXCHANGE");
    vec![
        one(
            "over a file",
            call("rename", inside("a")).with([inside("b")]),
            renamed(inside("a"), inside("b")),
        ),
        one(
            "exchanged",
            in_two(&inside("c"), &inside("d"), EXCHANGE),
            exchanged(&inside("c"), &inside("d")),
        ),
        one(
            "exchanged with one from outside",
            in_two(&foreign, &inside("d"), EXCHANGE),
            exchanged(&foreign, &inside("d")),
        ),
        one(
            "exchanged with nothing",
            in_two(&inside("c"), &inside("missing"), EXCHANGE),
            exchanged(&inside("c"), &inside("missing")).refused("ENOENT"),
        ),
        one(
            "replacing nothing",
            in_two(&inside("e"), &inside("e2"), NOREPLACE),
            renamed(inside("e"), inside("e2")),
        ),
        one(
            "not to be replaced",
            in_two(&inside("e2"), &inside("d"), NOREPLACE),
            renamed(inside("e2"), inside("d")).refused("EEXIST"),
        ),
        one(
            "flags that exclude each other",
            in_two(&inside("e2"), &inside("d"), "3"),
            renamed(inside("e2"), inside("d")).refused("EINVAL"),
        ),
    ]
}

pub fn failures(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    let rename = |old: &Path, new: &Path| call("rename", old).with([new]);
    let not = |old: &str, new: &str, errno| renamed(inside(old), inside(new)).refused(errno);
    let within = |old: &str, new: &str| rename(&inside(old), &inside(new));
    let long = "n".repeat(256);
    places.made_dir("empty");
    vec![
        one(
            "denied",
            nobody()
                .with(["rename"])
                .with([inside("file"), inside("a")]),
            not("file", "a", "EACCES"),
        ),
        one(
            "denied, relative",
            in_dir(&places.watched).with(["uid", "65534", "rename", "file", "a"]),
            not("file", "a", "EACCES"),
        ),
        one(
            "missing",
            within("missing", "a"),
            not("missing", "a", "ENOENT"),
        ),
        one(
            "missing, below a descriptor",
            act(["renameat"])
                .with([&places.watched])
                .with(["missing", "-"])
                .with([inside("a")]),
            not("missing", "a", "ENOENT"),
        ),
        one(
            "over a full directory",
            within("empty", "sub"),
            not("empty", "sub", "ENOTEMPTY"),
        ),
        one(
            "a file over a directory",
            within("file", "empty"),
            not("file", "empty", "EISDIR"),
        ),
        one(
            "a directory over a file",
            within("empty", "file"),
            not("empty", "file", "ENOTDIR"),
        ),
        one(
            "into itself",
            within("sub", "sub/deep/x"),
            not("sub", "sub/deep/x", "EINVAL"),
        ),
        one(
            "too long",
            within("file", &long),
            not("file", &long, "ENAMETOOLONG"),
        ),
        one("a loop", within("loop/x", "a"), not("loop/x", "a", "ELOOP")),
        one(
            "to another file system",
            rename(&places.file(), Path::new("/proc/x")),
            renamed(places.file(), "/proc/x").refused("EXDEV"),
        ),
    ]
}

/// The watched directory itself: what is below it goes with it.
pub fn whole(places: &Places) -> Vec<Case> {
    let away = places.outside.join("away");
    let rename = |old: &Path, new: &Path| call("rename", old).with([new]);
    vec![
        one(
            "away",
            rename(&places.watched, &away),
            renamed(&places.watched, &away),
        ),
        one(
            "and back",
            rename(&away, &places.watched),
            renamed(&away, &places.watched),
        ),
        one(
            "and as before",
            call("unlink", places.file()),
            file("file.delete", places.file()),
        ),
    ]
}
