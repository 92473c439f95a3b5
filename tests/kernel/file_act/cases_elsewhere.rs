//! The table of acts by processes that see other directories than the host does.

use super::{Case, act, file, none, one};
use crate::watched::Places;

const BIND: &str = "4096";

/// Below another root, whose process is gone before the daemon could ask what it sees.
pub fn below_another_root(places: &Places) -> Vec<Case> {
    let root = places.watched.parent().expect("a parent");
    let apart = || act(["chroot"]).with([root]).with(["chdir", "/"]);
    vec![
        one(
            "absolute",
            apart().with(["unlink", "/watched/file"]),
            file("file.delete", "/watched/file"),
        ),
        one(
            "relative",
            apart().with(["chdir", "/watched", "unlink", "secret"]),
            file("file.delete", "/watched/secret"),
        ),
        one(
            "both names",
            apart().with(["rename", "/watched/other", "/outside/other"]),
            file("file.rename", "/watched/other").at("file_result.path", "/outside/other"),
        ),
        none("outside", apart().with(["unlink", "/outside/other"])),
    ]
}

/// In a mount namespace of its own, as sandboxes are.
pub fn in_another_namespace(places: &Places) -> Vec<Case> {
    let apart = || act(["apart"]);
    let source = places.watched.to_str().expect("UTF-8");
    vec![
        none(
            "that it begins is nobody's business",
            apart()
                .with(["mkdir"])
                .with([places.outside.join("mnt")])
                .with(["493"]),
        ),
        one(
            "the watched directory is bound",
            apart()
                .with(["mount", source])
                .with([places.outside.join("mnt")])
                .with(["none", BIND]),
            file("file.mount", places.outside.join("mnt"))
                .at("file.xattributes.mount_source", source),
        ),
        one(
            "by its own name",
            apart().with(["unlink"]).with([places.file()]),
            file("file.delete", places.file()),
        ),
    ]
}
