//! The table of names that are odd, as long as can be, or none of the watch's business.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use audit_tests::acts::act;

use super::{Case, call, file, in_dir, none, one};
use crate::watched::Places;

/// The longest path that a call takes: PATH_MAX counts the NUL.
const PATH_BYTES: usize = 4095;
const NAME_BYTES: usize = 255;

pub fn odd(places: &Places) -> Vec<Case> {
    let odd = |bytes: &[u8]| places.inside(OsStr::from_bytes(bytes));
    let made = |bytes: &[u8]| places.made(OsStr::from_bytes(bytes));
    let long = made(&[b'n'; NAME_BYTES]);
    let longer = odd(&[b'm'; NAME_BYTES]);
    let latin = made(b"caf\xe9");
    let (control, control_dir) = (made(b"a\nb\x1b[31mc"), odd(b"d\ne\x1b[31mf\x7f"));
    let (latin_link, latin_dir) = (odd(b"li\xffen"), odd(b"r\xe9p"));
    vec![
        one(
            "the longest name, renamed",
            call("rename", &long).with([&longer]),
            file("file.rename", &long).to(&longer),
        ),
        one(
            "the longest name, removed",
            call("unlink", &longer),
            file("file.delete", &longer),
        ),
        one(
            "no text, linked",
            call("link", &latin).with([&latin_link]),
            file("file.link", &latin).to(&latin_link),
        ),
        one(
            "no text, relative",
            in_dir(&places.watched).with(["unlink"]).bytes(b"caf\xe9"),
            file("file.delete", &latin),
        ),
        one(
            "no text, below a descriptor",
            call("mkdirat", &places.watched)
                .bytes(b"r\xe9p")
                .with(["448"]),
            file("file.mkdir", &latin_dir),
        ),
        one(
            "control characters",
            call("chmod", &control).with(["384"]),
            file("file.chmod", &control).at("file_result.xattributes.mode", "0600"),
        ),
        one(
            "control characters, refused",
            call("rmdir", &control),
            file("file.rmdir", &control).refused("ENOTDIR"),
        ),
        one(
            "control characters, made",
            call("mkdir", &control_dir).with(["448"]),
            file("file.mkdir", &control_dir),
        ),
    ]
}

/// A path of so many bytes below a directory, whose parents are made.
fn deep(top: &Path, bytes: usize) -> PathBuf {
    let mut path = top.as_os_str().as_bytes().to_vec();
    // The last name must be of one byte or more.
    while bytes - path.len() > NAME_BYTES + 1 {
        let left = bytes - path.len() - 1;
        let name = NAME_BYTES.min(left - 2);
        path.push(b'/');
        path.resize(path.len() + name, b'd');
    }
    std::fs::create_dir_all(OsStr::from_bytes(&path)).expect("mkdir");
    let left = bytes - path.len() - 1;
    path.push(b'/');
    path.resize(path.len() + left, b'f');
    assert_eq!(path.len(), bytes, "of the length that was asked for");
    PathBuf::from(OsStr::from_bytes(&path))
}

pub fn longest(places: &Places) -> Vec<Case> {
    let path = deep(&places.watched, PATH_BYTES);
    let parent = path.parent().expect("a parent");
    let name = path.file_name().expect("a name");
    let mut other = path.as_os_str().as_bytes().to_vec();
    let last = other.len() - 1;
    other[last] = b'g';
    let other = PathBuf::from(OsStr::from_bytes(&other));
    vec![
        one(
            "made",
            call("mkdir", &path).with(["448"]),
            file("file.mkdir", &path).at("file.xattributes.mode", "0700"),
        ),
        one(
            "its mode",
            call("chmod", &path).with(["493"]),
            file("file.chmod", &path).at("file_result.xattributes.mode", "0755"),
        ),
        one(
            "there already, relative",
            in_dir(parent).with(["mkdir"]).with([name]).with(["448"]),
            file("file.mkdir", &path).refused("EEXIST"),
        ),
        one(
            "renamed, both as long",
            call("rename", &path).with([&other]),
            file("file.rename", &path).to(&other),
        ),
        one(
            "removed, below a descriptor",
            call("unlinkat", parent)
                .with([other.file_name().expect("a name")])
                .with(["512"]),
            file("file.rmdir", &other),
        ),
        one(
            "missing",
            call("unlink", &path),
            file("file.delete", &path).refused("ENOENT"),
        ),
    ]
}

/// None of the watch's business.
pub fn outside(places: &Places) -> Vec<Case> {
    let outside = |name: &str| places.outside.join(name);
    places.made_outside("a");
    std::fs::create_dir(places.watched.with_extension("not")).expect("mkdir");
    let beside = places.watched.with_extension("not").join("x");
    vec![
        none("mkdir", call("mkdir", outside("dir")).with(["448"])),
        none("rmdir", call("rmdir", outside("dir"))),
        none("beside, alike", call("mkdir", &beside).with(["448"])),
        none(
            "through what is watched",
            call("mkdir", places.watched.join("../outside/dir2")).with(["448"]),
        ),
        none("mknod", call("mknod", outside("fifo")).with(["4480", "0"])),
        none("chmod", call("chmod", outside("a")).with(["384"])),
        none("chown", call("chown", outside("a")).with(["1", "1"])),
        none("truncate", call("truncate", outside("a")).with(["1"])),
        none("link", call("link", outside("a")).with([outside("b")])),
        none("rename", call("rename", outside("b")).with([outside("c")])),
        none("unlink", call("unlink", outside("c"))),
        none("relative", in_dir(&places.outside).with(["unlink", "a"])),
        Case {
            errno: Some("ENOENT"),
            ..none("missing", call("unlink", outside("missing")))
        },
        Case {
            errno: Some("EACCES"),
            ..none(
                "denied",
                act(["uid", "65534", "mkdir"])
                    .with([outside("d")])
                    .with(["448"]),
            )
        },
    ]
}
