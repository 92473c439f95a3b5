//! The table of mounts on watched directories; what is mounted last is unmounted first.

use std::path::Path;

use serde_json::Value;

use super::{Act, Case, Expected, act, call, file, in_dir, nobody, none, one};
use crate::watched::Places;

const BIND: &str = "4096";
const RDONLY: &str = "1";
const NOEXEC: &str = "8";
const PRIVATE: &str = "262144";
const RECURSIVE: &str = "32768";
const EMPTY_PATH: &str = "4096";
/// The first mount of all ends with it.
const UNMOUNTED: &str = "unmounted, relative";

/// By mount_setattr.
fn changed(path: impl AsRef<Path>, options: &str) -> Expected {
    file("file.mount", path)
        .at("status_detail", "MOUNT_SETATTR")
        .at("file.xattributes.mount_options", options)
}

/// While something is mounted there; none if this kernel has no such call (before 5.12).
fn attributes(places: &Places, point: &Path) -> Vec<Case> {
    let missing = places.inside("missing");
    let to_nothing = act(["mount-setattr", "-"]).with([&missing]);
    let tried = to_nothing.with(["0", NOEXEC, "0", "0"]).done();
    if tried.number() == nix::libc::ENOSYS {
        return Vec::new();
    }
    vec![
        one(
            "no programs, by a call of its own",
            act(["mount-setattr", "-"])
                .with([point])
                .with(["0", NOEXEC, RDONLY, "0"]),
            changed(point, "rw,noexec"),
        ),
        one(
            "no programs, by descriptor",
            act(["mount-setattr"])
                .with([point])
                .with(["", EMPTY_PATH, NOEXEC, "0", "0"]),
            changed(point, "noexec").at("unmapped.source", Value::Null),
        ),
        one(
            "with all that is below",
            act(["mount-setattr", "-"])
                .with([point])
                .with([RECURSIVE, "0", NOEXEC, PRIVATE]),
            changed(point, "exec,private,rec"),
        ),
        one(
            "attributes are not allowed",
            nobody()
                .with(["mount-setattr", "-"])
                .with([point])
                .with(["0", NOEXEC, "0", "0"]),
            changed(point, "noexec").refused("EPERM"),
        ),
        one(
            "attributes of nothing",
            act(["mount-setattr", "-"])
                .with([&missing])
                .with(["0", NOEXEC, "0", "0"]),
            changed(&missing, "noexec").refused("ENOENT"),
        ),
    ]
}

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
    let mut cases = vec![
        one("mounted", tmpfs(point), mounted(point, source, "tmpfs")),
        one("unmounted", call("umount2", point).with(["0"]), gone()),
        one(
            "through a linked directory",
            tmpfs(&by_link),
            mounted(point, source, "tmpfs"),
        ),
        one(
            "mounted again, to read",
            act(["mount", "none"]).with([point]).with(["none", "33"]),
            file("file.mount", point).at("file.xattributes.mount_options", "ro,remount"),
        ),
        one(
            UNMOUNTED,
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
    ];
    let unmounted = cases.iter().position(|case| case.name == UNMOUNTED);
    let at = unmounted.expect("a case");
    cases.splice(at..at, attributes(places, point));
    // Before it is bound to a watched place, for which it is taken until the daemon has looked again.
    cases.splice(0..0, elsewhere(tmpfs(&places.outside), &places.outside));
    cases
}

fn elsewhere(mounted: Act, outside: &Path) -> [Case; 2] {
    let unmounted = call("umount2", outside).with(["0"]);
    [
        none("outside", mounted),
        none("outside, unmounted", unmounted),
    ]
}
