//! The table of permissions: those that came to be, not those that were asked for.

use std::path::{Path, PathBuf};

use audit_tests::{
    acts::{Act, act},
    hooks::acts_on_functions,
};
use serde_json::{Value, json};

use super::{Case, Expected, call, file, nobody, one};
use crate::watched::{NOBODY, Places, allow};

/// Version 2; the owner all, the group to read and pass, nobody else.
const DEFAULT_ACL: &str = "0x0200000001000700ffffffff04000500ffffffff20000000ffffffff";
const PIPE: u32 = libc::S_IFIFO;

fn with_mode(kind: &'static str, path: impl AsRef<Path>, mode: &str) -> Expected {
    file(kind, path).at("file.xattributes.mode", mode)
}

/// Where all but the mode was found out by the daemon; and the mode, if that was. Nothing where the kernel
/// looks at objects itself.
fn learnt(mode: Option<&str>) -> Value {
    if acts_on_functions() {
        return Value::Null;
    }
    let mut learnt = json!({ "file.path": "userspace", "file.uid": "userspace" });
    if let Some(mode) = mode {
        learnt["file.xattributes.mode"] = mode.into();
    }
    learnt
}

fn masked(umask: &str) -> Act {
    act(["umask", umask])
}

/// By numbers: 63 is 077, 23 is 027, 18 is 022; 511 is 0777, 4095 is 7777.
pub fn by_umask(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    let known = |expected: Expected| expected.at("unmapped.source", learnt(None));
    let mkdir = |umask, name: &str, mode| {
        masked(umask)
            .with(["mkdir"])
            .with([inside(name)])
            .with([mode])
    };
    let mknod = |umask, name: &str, mode: u32| {
        masked(umask)
            .with(["mknod"])
            .with([inside(name)])
            .with([&mode.to_string(), "0"])
    };
    vec![
        one(
            "a directory",
            mkdir("23", "a", "511"),
            known(with_mode("file.mkdir", inside("a"), "0750")),
        ),
        one(
            "a directory of all bits",
            mkdir("0", "b", "4095"),
            known(with_mode("file.mkdir", inside("b"), "1777")),
        ),
        one(
            "below a descriptor",
            masked("63")
                .with(["mkdirat"])
                .with([&places.watched])
                .with(["c", "511"]),
            known(with_mode("file.mkdir", inside("c"), "0700")),
        ),
        one(
            "a pipe",
            mknod("63", "d", PIPE | 0o666),
            known(with_mode("file.mknod", inside("d"), "0600")),
        ),
        one(
            "a file of all bits",
            mknod("18", "e", libc::S_IFREG | 0o6777),
            known(with_mode("file.mknod", inside("e"), "6755")),
        ),
        one(
            "refused",
            nobody()
                .with(["umask", "63", "mkdir"])
                .with([inside("f")])
                .with(["511"]),
            with_mode("file.mkdir", inside("f"), "0777").refused("EACCES"),
        ),
    ]
}

/// Directories that decide themselves.
pub fn by_directory(places: &Places) -> Vec<Case> {
    let stands = |expected: Expected| expected.at("unmapped.source", learnt(Some("userspace")));
    let group = places.made_dir("group");
    allow(&group, 0o2755);
    let listed = places.made_dir("listed");
    let mkdir = |umask, path: &PathBuf| masked(umask).with(["mkdir"]).with([path]).with(["511"]);
    let mut cases = vec![one(
        "of its group",
        mkdir("18", &group.join("a")),
        stands(with_mode("file.mkdir", group.join("a"), "2755")),
    )];
    // Not every file system has lists.
    let list = call("setxattr", &listed).with(["system.posix_acl_default", DEFAULT_ACL, "0"]);
    if list.done().number() == 0 {
        cases.push(one(
            "as its list says, whatever the umask",
            mkdir("63", &listed.join("b")),
            stands(with_mode("file.mkdir", listed.join("b"), "0750")),
        ));
    }
    cases
}

/// The setgid bit is refused without a word to who is not of the group.
pub fn without_setgid(places: &Places) -> Vec<Case> {
    let own = places.file();
    std::os::unix::fs::chown(&own, NOBODY.parse().ok(), Some(0)).expect("chown");
    let of_no_group = || act(["gid", NOBODY, "uid", NOBODY]);
    let mode = |mode: &str| file("file.chmod", &own).at("file_result.xattributes.mode", mode);
    let mut by_name = learnt(None);
    if by_name.is_object() {
        by_name["file_result.xattributes.mode"] = "userspace".into();
    }
    vec![
        one(
            "by descriptor",
            of_no_group().with(["fchmod"]).with([&own]).with(["1517"]),
            mode("0755").at("unmapped.source", Value::Null),
        ),
        one(
            "by its entry in /proc",
            of_no_group()
                .with(["chmod-entry"])
                .with([&own])
                .with(["/proc/self/fd/", "1517"]),
            mode("0755").at("unmapped.source", Value::Null),
        ),
        one(
            "by name",
            of_no_group().with(["chmod"]).with([&own]).with(["1517"]),
            mode("0755").at("unmapped.source", by_name),
        ),
    ]
}
