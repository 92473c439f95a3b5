//! The table of times: only the watch that asks for them has them recorded.

use std::path::Path;

use audit_tests::acts::{Act, act};
use serde_json::Value;

use super::{Case, Expected, call, file, in_dir, nobody, none, one};
use crate::watched::Places;

const NOFOLLOW: &str = "256";
const EMPTY_PATH: &str = "4096";
/// In the place of nanoseconds: the time of the call; none.
const NOW: &str = "1073741823";
const OMIT: &str = "1073741822";

/// With the time in milliseconds.
fn timed(path: impl AsRef<Path>, milliseconds: i64) -> Expected {
    file("file.utimes", path).at("file_result.modified_time", milliseconds)
}

fn untold(path: impl AsRef<Path>) -> Expected {
    file("file.utimes", path).at("file_result", Value::Null)
}

pub fn set(places: &Places) -> Vec<Case> {
    let path = places.file();
    let inner = places.inside("inner");
    std::os::unix::fs::symlink("file", &inner).expect("symlink");
    let at = |call: &str| act([call]).with([&places.watched]);
    let secret = places.inside("secret");
    vec![
        one(
            "utime",
            call("utime", &path).with(["1000000001"]),
            timed(&path, 1_000_000_001_000),
        ),
        one(
            "utimes",
            call("utimes", &path).with(["1000000002", "345678"]),
            timed(&path, 1_000_000_002_345),
        ),
        one(
            "futimesat",
            at("futimesat").with(["file", "1000000003", "999999"]),
            timed(&path, 1_000_000_003_999),
        ),
        one(
            "utimensat",
            at("utimensat").with(["file", "1000000004", "123999999", "0"]),
            timed(&path, 1_000_000_004_123),
        ),
        one(
            "relative",
            in_dir(&places.watched).with(["utimensat", "-", "sub/../file", "1000000005", "0", "0"]),
            timed(&path, 1_000_000_005_000),
        ),
        one(
            "of a link",
            at("utimensat").with(["inner", "1000000006", "0", NOFOLLOW]),
            timed(&inner, 1_000_000_006_000),
        ),
        one(
            "by a link from outside",
            call("utime", places.outside.join("link")).with(["1000000007"]),
            timed(&path, 1_000_000_007_000),
        ),
        one(
            "of a directory",
            call("utime", places.inside("sub")).with(["1000000008"]),
            timed(places.inside("sub"), 1_000_000_008_000),
        ),
        one(
            "not that of modification",
            at("utimensat").with(["secret", "0", OMIT, "0"]),
            untold(&secret),
        ),
        none(
            "outside",
            call("utime", places.made_outside("other")).with(["1000000009"]),
        ),
    ]
}

pub fn by_descriptor(places: &Places) -> Vec<Case> {
    let path = places.file();
    let proven = |expected: Expected| expected.at("unmapped.source", Value::Null);
    vec![
        one(
            "without a name",
            call("futimens", &path).with(["1000000010", "5000000"]),
            proven(timed(&path, 1_000_000_010_005)),
        ),
        one(
            "with an empty name",
            call("utimensat", &path).with(["", "1000000011", "0", EMPTY_PATH]),
            proven(timed(&path, 1_000_000_011_000)),
        ),
        one(
            "not that of modification, without a name",
            call("futimens", &path).with(["0", OMIT]),
            proven(untold(&path)),
        ),
        none(
            "outside, without a name",
            call("futimens", places.made_outside("foreign")).with(["1000000012", "0"]),
        ),
    ]
}

pub fn failures(places: &Places) -> Vec<Case> {
    let path = places.file();
    let missing = places.inside("missing");
    let by_nobody = |call: &str| nobody().with([call]).with([&path]);
    let utimes = |path: &Path, part: &str| call("utimes", path).with(["1000000020", part]);
    vec![
        one(
            "another's",
            by_nobody("utime").with(["1000000020"]),
            timed(&path, 1_000_000_020_000).refused("EPERM"),
        ),
        one(
            "another's, without a name",
            by_nobody("futimens").with(["1000000020", "0"]),
            timed(&path, 1_000_000_020_000).refused("EPERM"),
        ),
        one(
            "another's, to now",
            by_nobody("utimes").with(["now", "-"]),
            untold(&path).refused("EACCES"),
        ),
        one(
            "of nothing",
            utimes(&missing, "0"),
            timed(&missing, 1_000_000_020_000).refused("ENOENT"),
        ),
        one(
            "of a loop",
            utimes(&places.inside("loop"), "0"),
            timed(places.inside("loop"), 1_000_000_020_000).refused("ELOOP"),
        ),
        one(
            "unknown flags",
            act(["utimensat"])
                .with([&places.watched])
                .with(["file", "1000000020", "0", "1"]),
            timed(&path, 1_000_000_020_000).refused("EINVAL"),
        ),
    ]
}

/// Acts that set the time of now, and the file whose time that is then.
pub fn to_now(places: &Places) -> Vec<(&'static str, Act)> {
    let path = places.file();
    vec![
        ("null", call("utimes", &path).with(["now", "-"])),
        (
            "by its mark",
            call("utimensat", "-").with([&path]).with(["0", NOW, "0"]),
        ),
        ("without a name", call("futimens", &path).with(["now", "-"])),
    ]
}

/// What every copy does, and no watch asked for.
pub fn unasked(places: &Places) -> Vec<Case> {
    let path = places.file();
    vec![
        none("utime", call("utime", &path).with(["1000000001"])),
        none("utimes", call("utimes", &path).with(["now", "-"])),
        none(
            "futimens",
            call("futimens", &path).with(["1000000002", "0"]),
        ),
        one(
            "attributes are recorded",
            call("chmod", &path).with(["384"]),
            file("file.chmod", &path).at("file_result.xattributes.mode", "0600"),
        ),
    ]
}
