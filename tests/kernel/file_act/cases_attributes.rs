//! The table of extended attributes, by name and by descriptor.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

use audit_tests::acts::{Act, act};
use nix::errno::Errno;

use super::{Case, Expected, call, file, in_dir, nobody, one};
use crate::watched::Places;

const CREATE: &str = "1";
const REPLACE: &str = "2";
/// Version 2: the owner reads and writes, group and others read.
const ACL: &str = "0x0200000001000600ffffffff04000400ffffffff20000400ffffffff";
const ACL_BYTES: [u8; 28] = [
    2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 4, 0, 4, 0, 255, 255, 255, 255, 32, 0, 4, 0, 255,
    255, 255, 255,
];

fn set_to(path: impl AsRef<Path>, name: &str, size: usize) -> Expected {
    file("file.setxattr", path)
        .at("file.xattributes.xattr", name)
        .at("file.xattributes.xattr_size", size)
}

fn gone(path: impl AsRef<Path>, name: &str) -> Expected {
    file("file.rmxattr", path).at("file.xattributes.xattr", name)
}

/// Sets it: how that ends depends on the file system, and on what this process may do.
fn attempt(path: &Path, name: &str, value: &[u8]) -> Option<&'static str> {
    let path = CString::new(path.as_os_str().as_bytes()).expect("no NUL");
    let name = CString::new(name).expect("no NUL");
    let (bytes, size) = (value.as_ptr().cast(), value.len());
    // SAFETY: two strings, and bytes of the length that is said.
    let done = unsafe { libc::lsetxattr(path.as_ptr(), name.as_ptr(), bytes, size, 0) };
    match (done, Errno::last()) {
        (0, _) => None,
        (_, Errno::EOPNOTSUPP) => Some("EOPNOTSUPP"),
        (_, Errno::EPERM) => Some("EPERM"),
        (_, other) => panic!("{name:?}: {other}"),
    }
}

fn or_refused(expected: Expected, errno: Option<&'static str>) -> Expected {
    match errno {
        Some(errno) => expected.refused(errno),
        None => expected,
    }
}

pub fn set(places: &Places) -> Vec<Case> {
    let path = places.file();
    let inner = places.inside("inner");
    symlink("file", &inner).expect("symlink");
    let (probe, probe_link) = (
        places.made_outside("probe"),
        places.outside.join("probe-link"),
    );
    symlink("probe", &probe_link).expect("symlink");
    let like =
        |expected, name: &str, value: &[u8]| or_refused(expected, attempt(&probe, name, value));
    let user = |name: &str| like(set_to(&path, name, 3), name, b"abc");
    let of_link = attempt(&probe_link, "trusted.link", b"abc");
    let set =
        |call: &str, path: &Path, name: &str| act([call]).with([path]).with([name, "abc", "0"]);
    let link = places.outside.join("link");
    vec![
        one("by name", set("setxattr", &path, "user.a"), user("user.a")),
        one("itself", set("lsetxattr", &path, "user.b"), user("user.b")),
        one(
            "by descriptor",
            set("fsetxattr", &path, "user.c"),
            user("user.c"),
        ),
        one(
            "relative",
            in_dir(&places.watched).with(["setxattr", "file", "user.d", "abc", CREATE]),
            user("user.d"),
        ),
        one(
            "by a link from outside",
            set("setxattr", &link, "user.e"),
            user("user.e"),
        ),
        one(
            "by a link inside",
            set("setxattr", &inner, "user.f"),
            user("user.f"),
        ),
        one(
            "a link itself",
            set("lsetxattr", &inner, "trusted.link"),
            or_refused(set_to(&inner, "trusted.link", 3), of_link),
        ),
        one(
            "trusted",
            set("setxattr", &path, "trusted.a"),
            user("trusted.a"),
        ),
        one(
            "security",
            set("setxattr", &path, "security.a"),
            user("security.a"),
        ),
        one(
            "an access list",
            call("setxattr", &path).with(["system.posix_acl_access", ACL, "0"]),
            like(
                set_to(&path, "system.posix_acl_access", ACL_BYTES.len()),
                "system.posix_acl_access",
                &ACL_BYTES,
            ),
        ),
        one(
            "empty",
            call("setxattr", &path).with(["user.empty", "", "0"]),
            like(set_to(&path, "user.empty", 0), "user.empty", b""),
        ),
    ]
}

pub fn removed(places: &Places) -> Vec<Case> {
    let path = places.file();
    let inner = places.inside("inner");
    symlink("file", &inner).expect("symlink");
    // What cannot be set cannot be removed for the same reason.
    let set = |path: &Path, name: &str| or_refused(gone(path, name), attempt(path, name, b"abc"));
    let removal =
        |call: &str, path: &Path, name: &str| -> Act { act([call]).with([path]).with([name]) };
    vec![
        one(
            "by name",
            removal("removexattr", &path, "user.a"),
            set(&path, "user.a"),
        ),
        one(
            "itself",
            removal("lremovexattr", &path, "user.b"),
            set(&path, "user.b"),
        ),
        one(
            "by descriptor",
            removal("fremovexattr", &path, "user.c"),
            set(&path, "user.c"),
        ),
        one(
            "relative",
            in_dir(&places.watched).with(["removexattr", "sub/../file", "user.d"]),
            set(&path, "user.d"),
        ),
        one(
            "by a link inside",
            removal("removexattr", &inner, "user.e"),
            set(&path, "user.e"),
        ),
        one(
            "a link itself",
            removal("lremovexattr", &inner, "trusted.link"),
            set(&inner, "trusted.link"),
        ),
        one(
            "security",
            removal("removexattr", &path, "security.a"),
            set(&path, "security.a"),
        ),
    ]
}

pub fn failures(places: &Places) -> Vec<Case> {
    let path = places.file();
    let inner = places.inside("inner");
    symlink("file", &inner).expect("symlink");
    let probe = places.made_outside("probe");
    let unsupported = attempt(&probe, "user.a", b"abc");
    let supported = |errno| unsupported.unwrap_or(errno);
    let (missing, looped) = (places.inside("missing"), places.inside("loop"));
    let set = |path: &Path, flags| call("setxattr", path).with(["user.n", "abc", flags]);
    let not = |path: &Path, errno| set_to(path, "user.n", 3).refused(errno);
    let long = format!("user.{}", "n".repeat(251));
    vec![
        one(
            "denied",
            nobody()
                .with(["setxattr"])
                .with([&path])
                .with(["user.n", "abc", "0"]),
            not(&path, "EACCES"),
        ),
        one(
            "a removal that is denied",
            nobody()
                .with(["removexattr"])
                .with([&path])
                .with(["user.n"]),
            gone(&path, "user.n").refused("EACCES"),
        ),
        one(
            "trusted, of nobody",
            nobody()
                .with(["setxattr"])
                .with([&path])
                .with(["trusted.n", "abc", "0"]),
            set_to(&path, "trusted.n", 3).refused("EPERM"),
        ),
        one("missing", set(&missing, "0"), not(&missing, "ENOENT")),
        one("a loop", set(&looped, "0"), not(&looped, "ELOOP")),
        one("unknown flags", set(&path, "4"), not(&path, "EINVAL")),
        one(
            "to replace none",
            set(&path, REPLACE),
            not(&path, supported("ENODATA")),
        ),
        one(
            "to remove none",
            call("removexattr", &path).with(["user.none"]),
            gone(&path, "user.none").refused(supported("ENODATA")),
        ),
        one(
            "of a link itself",
            call("lsetxattr", &inner).with(["user.n", "abc", "0"]),
            not(&inner, "EPERM"),
        ),
        one(
            "too long an attribute",
            call("setxattr", &path).with([&long, "abc", "0"]),
            file("file.setxattr", &path).refused("ERANGE"),
        ),
    ]
}
