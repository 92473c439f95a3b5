//! The table of sizes, modes and owners.

use std::path::Path;

use audit_tests::acts::{Act, act};
use serde_json::Value;

use super::{Case, Expected, call, file, in_dir, nobody, one};
use crate::watched::Places;

const NOFOLLOW: &str = "256";
const EMPTY_PATH: &str = "4096";
/// -1: unchanged.
const SAME: &str = "4294967295";

pub fn sizes(places: &Places) -> Vec<Case> {
    let path = places.file();
    let sized = |size: u32| file("file.truncate", places.file()).at("file.size", size);
    let link = places.outside.join("link");
    vec![
        one("by name", call("truncate", &path).with(["5"]), sized(5)),
        one(
            "larger",
            call("truncate", &path).with(["70000"]),
            sized(70000),
        ),
        one(
            "relative",
            in_dir(&places.watched).with(["truncate", "sub/../file", "3"]),
            sized(3),
        ),
        one(
            "by a link from outside",
            call("truncate", &link).with(["2"]),
            sized(2),
        ),
        Case {
            name: "by descriptor",
            act: call("ftruncate", &path).with(["0"]),
            errno: None,
            expected: vec![file("file.open_write", &path), sized(0)],
        },
    ]
}

fn mode(path: impl AsRef<Path>, mode: &str) -> Expected {
    file("file.chmod", path).at("file_result.xattributes.mode", mode)
}

pub fn modes(places: &Places) -> Vec<Case> {
    let path = places.file();
    let sub = places.inside("sub");
    let at = |call: &str| act([call]).with([&places.watched]);
    let by_parent = places.watched.join("sub//../file");
    let mut cases = vec![
        one(
            "chmod",
            call("chmod", &path).with(["384"]),
            mode(&path, "0600"),
        ),
        one(
            "all its bits",
            call("chmod", &path).with(["4095"]),
            mode(&path, "7777"),
        ),
        one(
            "fchmod",
            call("fchmod", &path).with(["420"]),
            mode(&path, "0644"),
        ),
        one(
            "fchmodat",
            at("fchmodat").with(["file", "292"]),
            mode(&path, "0444"),
        ),
        one(
            "relative",
            in_dir(&places.watched).with(["fchmodat", "-", "file", "416"]),
            mode(&path, "0640"),
        ),
        one(
            "by a link from outside",
            call("chmod", places.outside.join("link")).with(["420"]),
            mode(&path, "0644"),
        ),
        one(
            "through the parent",
            call("chmod", by_parent).with(["0"]),
            mode(&path, "0000"),
        ),
        one(
            "a directory with a slash",
            call("chmod", format!("{}/", sub.display())).with(["1023"]),
            mode(&sub, "1777"),
        ),
    ];
    // From 6.6 on.
    if audit_tests::kernel_version() >= (6, 6) {
        cases.push(one(
            "fchmodat2",
            at("fchmodat2").with(["file", "384", NOFOLLOW]),
            mode(&path, "0600"),
        ));
        cases.push(one(
            "fchmodat2 by descriptor",
            call("fchmodat2", &path).with(["", "420", EMPTY_PATH]),
            mode(&path, "0644"),
        ));
    }
    cases
}

/// By a descriptor's entry; the process is gone before the daemon could look into its /proc.
pub fn entries(places: &Places) -> Vec<Case> {
    let path = places.file();
    vec![
        one(
            "by its entry in /proc",
            call("chmod-entry", &path).with(["/proc/self/fd/", "384"]),
            mode(&path, "0600"),
        ),
        one(
            "by the thread's entry in /proc",
            call("chmod-entry", &path).with(["/proc/thread-self/fd/", "420"]),
            mode(&path, "0644"),
        ),
        one(
            "by its entry in /dev",
            call("chmod-entry", &path).with(["/dev/fd/", "384"]),
            mode(&path, "0600"),
        ),
    ]
}

/// Numbers behind the table of descriptors: what stands in memory there is nobody's file.
pub fn no_descriptors(_: &Places) -> Vec<Case> {
    let numbers = ["64", "65", "255", "256", "1024", "1048576", "2147483647"];
    let by_number = |number: &str| {
        let entry = format!("/proc/self/fd/{number}");
        let directory = format!("#{number}");
        let at = |call: &'static str| act([call]).with([&directory]).with(["file"]);
        [
            refused_unseen(
                "by an entry",
                act(["chmod"]).with([&entry]).with(["384"]),
                "ENOENT",
            ),
            refused_unseen("removed below it", at("unlinkat").with(["0"]), "EBADF"),
            refused_unseen("opened below it", at("openat").with(["0", "0"]), "EBADF"),
        ]
    };
    numbers
        .iter()
        .flat_map(|number| by_number(number))
        .collect()
}

fn refused_unseen(name: &'static str, act: Act, errno: &'static str) -> Case {
    Case {
        errno: Some(errno),
        ..super::none(name, act)
    }
}

/// Of `-1` nothing is said.
fn owner(path: impl AsRef<Path>, uid: Option<&str>, gid: Option<&str>) -> Expected {
    let value = |id: Option<&str>| id.map_or(Value::Null, Value::from);
    file("file.chown", path)
        .at("file_result.owner.uid", value(uid))
        .at("file_result.xattributes.primary_group", value(gid))
}

pub fn owners(places: &Places) -> Vec<Case> {
    let path = places.file();
    let link = places.outside.join("link");
    let inner = places.inside("inner");
    std::os::unix::fs::symlink("file", &inner).expect("symlink");
    let both = |path: &Path| owner(path, Some("1"), Some("2"));
    let to = |act: Act| act.with(["1", "2"]);
    let at = || act(["fchownat"]).with([&places.watched]);
    vec![
        one("chown", to(call("chown", &path)), both(&path)),
        one("fchown", to(call("fchown", &path)), both(&path)),
        one("lchown of a link", to(call("lchown", &inner)), both(&inner)),
        one("lchown of a file", to(call("lchown", &path)), both(&path)),
        one("chown of a link", to(call("chown", &inner)), both(&path)),
        one(
            "by a link from outside",
            to(call("chown", &link)),
            both(&path),
        ),
        one("fchownat", to(at().with(["file"])).with(["0"]), both(&path)),
        one(
            "fchownat of a link",
            to(at().with(["inner"])).with([NOFOLLOW]),
            both(&inner),
        ),
        one(
            "fchownat by descriptor",
            to(call("fchownat", &path).with([""])).with([EMPTY_PATH]),
            both(&path),
        ),
        one(
            "the user alone",
            call("chown", &path).with(["65534", SAME]),
            owner(&path, Some("65534"), None),
        ),
        one(
            "the group alone",
            in_dir(&places.watched).with(["chown", "file", SAME, "0"]),
            owner(&path, None, Some("0")),
        ),
    ]
}

pub fn failures(places: &Places) -> Vec<Case> {
    let path = places.file();
    let inside = |name: &str| places.inside(name);
    let no_size = |path: &Path, errno| file("file.truncate", path).refused(errno);
    let truncate = |path: &Path| call("truncate", path).with(["5"]);
    vec![
        one(
            "truncate denied",
            nobody().with(["truncate"]).with([&path]).with(["0"]),
            no_size(&path, "EACCES").at("file.size", 0),
        ),
        one(
            "truncate a directory",
            truncate(&inside("sub")),
            no_size(&inside("sub"), "EISDIR"),
        ),
        one(
            "truncate nothing",
            truncate(&inside("missing")),
            no_size(&inside("missing"), "ENOENT"),
        ),
        one(
            "truncate a pipe",
            truncate(&fifo(places)),
            no_size(&inside("fifo"), "EINVAL"),
        ),
    ]
}

pub fn mode_failures(places: &Places) -> Vec<Case> {
    let path = places.file();
    let inside = |name: &str| places.inside(name);
    let no_mode = |path: &Path, errno| mode(path, "0600").refused(errno);
    let chmod = |path: &Path| call("chmod", path).with(["384"]);
    let long = inside(&"n".repeat(256));
    let (missing, looped, below) = (inside("missing"), inside("loop"), inside("file/x"));
    vec![
        one(
            "chmod of another's",
            nobody().with(["chmod"]).with([&path]).with(["384"]),
            no_mode(&path, "EPERM"),
        ),
        one(
            "fchmod of another's",
            nobody().with(["fchmod"]).with([&path]).with(["384"]),
            no_mode(&path, "EPERM"),
        ),
        one(
            "chmod of nothing",
            chmod(&missing),
            no_mode(&missing, "ENOENT"),
        ),
        one("chmod of a loop", chmod(&looped), no_mode(&looped, "ELOOP")),
        one(
            "chmod below a file",
            chmod(&below),
            no_mode(&below, "ENOTDIR"),
        ),
        one(
            "chmod of too long a name",
            chmod(&long),
            no_mode(&long, "ENAMETOOLONG"),
        ),
        one(
            "chown of another's",
            nobody().with(["chown"]).with([&path]).with(["65534", SAME]),
            owner(&path, Some("65534"), None).refused("EPERM"),
        ),
        one(
            "fchown of another's",
            nobody().with(["fchown"]).with([&path]).with(["1", "2"]),
            owner(&path, Some("1"), Some("2")).refused("EPERM"),
        ),
        one(
            "fchownat of nothing",
            act(["fchownat"])
                .with([&places.watched])
                .with(["missing", "1", "2", "0"]),
            owner(&missing, Some("1"), Some("2")).refused("ENOENT"),
        ),
        one(
            "fchownat with unknown flags",
            act(["fchownat"])
                .with([&places.watched])
                .with(["file", "1", "2", "1"]),
            owner(&path, Some("1"), Some("2")).refused("EINVAL"),
        ),
    ]
}

fn fifo(places: &Places) -> std::path::PathBuf {
    let path = places.inside("fifo");
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRUSR).expect("mkfifo");
    path
}
