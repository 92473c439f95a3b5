//! The table of mounts on watched directories; what is mounted last is unmounted first.

use std::path::Path;

use super::{Case, Expected, act, call, file, in_dir, nobody, none, one};
use crate::watched::Places;

const BIND: &str = "4096";

pub fn all(places: &Places, point: &Path) -> Vec<Case> {
    let source = "/audit-test";
    let mounted = |path: &Path, source: &str, kind: &str| -> Expected {
        file("file.mount", path)
            .at("file.xattributes.mount_source", source)
            .at("file.xattributes.fstype", kind)
    };
    let gone = || file("file.umount", point);
    let tmpfs = |path: &Path| act(["mount", source]).with([path]).with(["tmpfs", "0"]);
    let missing = places.inside("missing");
    let outside = places.outside.to_str().expect("UTF-8");
    let by_link = places.outside.join("dirlink/mnt");
    vec![
        one("mounted", tmpfs(point), mounted(point, source, "tmpfs")),
        one("unmounted", call("umount2", point).with(["0"]), gone()),
        one(
            "through a linked directory",
            tmpfs(&by_link),
            mounted(point, source, "tmpfs"),
        ),
        one(
            "unmounted, relative",
            in_dir(&places.watched).with(["umount2", "mnt", "2"]),
            gone(),
        ),
        one(
            "bound",
            act(["mount", outside]).with([point]).with(["none", BIND]),
            mounted(point, outside, "none"),
        ),
        one(
            "unmounted without following",
            call("umount2", point).with(["8"]),
            gone(),
        ),
        one(
            "not allowed",
            nobody()
                .with(["mount", source])
                .with([point])
                .with(["tmpfs", "0"]),
            mounted(point, source, "tmpfs").refused("EPERM"),
        ),
        one(
            "unmounting is not allowed",
            nobody().with(["umount2"]).with([point]).with(["0"]),
            gone().refused("EPERM"),
        ),
        one(
            "nowhere",
            tmpfs(&missing),
            mounted(&missing, source, "tmpfs").refused("ENOENT"),
        ),
        one(
            "of no kind",
            act(["mount", source]).with([point]).with(["no-such", "0"]),
            mounted(point, source, "no-such").refused("ENODEV"),
        ),
        one(
            "nothing is mounted there",
            call("umount2", point).with(["0"]),
            gone().refused("EINVAL"),
        ),
        none("outside", tmpfs(&places.outside)),
        none(
            "outside, unmounted",
            call("umount2", &places.outside).with(["0"]),
        ),
    ]
}
