//! The table: what is done, and what the log must say of it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use audit_tests::acts::act;

use super::{CREAT, Case, EXCL, RDONLY, RDWR, WRONLY, one, open, opened, refused};
use crate::watched::{NOBODY, Places};

pub fn names(places: &Places) -> Vec<Case> {
    let file = places.file();
    let read = |path: &Path| opened("file.open_read", path, 0);
    vec![
        one("absolute", open(&file, RDONLY), read(&file)),
        one(
            "relative",
            act(["chdir"])
                .with([&places.watched])
                .with(["open", "file", "0", "0"]),
            read(&file),
        ),
        one(
            "below a descriptor",
            act(["openat"])
                .with([&places.watched])
                .with(["file", "0", "0"]),
            read(&file),
        ),
        one(
            "working directory by openat",
            act(["chdir"])
                .with([&places.watched])
                .with(["openat", "-", "file", "0", "0"]),
            read(&file),
        ),
        one(
            "openat2",
            act(["openat2"])
                .with([&places.watched])
                .with(["file", "0", "0", "0"]),
            read(&file),
        ),
    ]
}

pub fn roundabout_names(places: &Places) -> Vec<Case> {
    let file = places.file();
    let read = |path: &Path| opened("file.open_read", path, 0);
    vec![
        one(
            "by a symbolic link from outside",
            open(places.outside.join("link"), RDONLY),
            read(&file),
        ),
        one(
            "through a linked directory",
            open(places.outside.join("dirlink/file"), RDONLY),
            read(&file),
        ),
        one(
            "through the parent",
            open(places.watched.join("sub/../file"), RDONLY),
            read(&file),
        ),
        one(
            "doubled slashes",
            open(format!("{}//./file", places.watched.display()), RDONLY),
            read(&file),
        ),
        one(
            "deeper",
            open(places.watched.join("sub/deep/file"), RDONLY),
            read(&places.watched.join("sub/deep/file")),
        ),
        one(
            "a directory",
            open(places.watched.join("sub"), RDONLY | libc::O_DIRECTORY),
            opened(
                "file.open_read",
                places.watched.join("sub"),
                libc::O_DIRECTORY,
            ),
        ),
        one(
            "by handle",
            act(["chdir"])
                .with([&places.outside])
                .with(["open-by-handle"])
                .with([&file])
                .with(["0"]),
            read(&file),
        ),
    ]
}

pub fn odd_names(places: &Places) -> Vec<Case> {
    let read = |path: &Path| opened("file.open_read", path, 0);
    let odd = |bytes: &[u8]| {
        let path = places.watched.join(OsStr::from_bytes(bytes));
        std::fs::write(&path, b"").expect("write");
        path
    };
    let long = odd(&[b'n'; 255]);
    let latin = odd(b"caf\xe9");
    let control = odd(b"a\nb\x1b[31mc");
    vec![
        one("the longest name", open(&long, RDONLY), read(&long)),
        one("no text", open(&latin, RDONLY), read(&latin)),
        one("control characters", open(&control, RDONLY), read(&control)),
    ]
}

pub fn intents(places: &Places) -> Vec<Case> {
    let file = places.file();
    let new = |name: &str| places.watched.join(name);
    let write = |mask: i32| opened("file.open_write", &file, mask);
    vec![
        one("to write", open(&file, WRONLY), write(WRONLY)),
        one("to read and write", open(&file, RDWR), write(RDWR)),
        one(
            "to append",
            open(&file, WRONLY | libc::O_APPEND),
            write(WRONLY | libc::O_APPEND),
        ),
        one(
            "to truncate",
            open(places.watched.join("other"), WRONLY | libc::O_TRUNC),
            opened(
                "file.open_write",
                places.watched.join("other"),
                WRONLY | libc::O_TRUNC,
            ),
        ),
        one(
            "to create what is there",
            open(&file, WRONLY | CREAT),
            write(WRONLY | CREAT),
        ),
        one(
            "to create",
            open(new("made"), WRONLY | CREAT),
            opened("file.create", new("made"), WRONLY | CREAT),
        ),
        one(
            "to create alone",
            open(new("made-alone"), RDWR | CREAT | EXCL),
            opened("file.create", new("made-alone"), RDWR | CREAT | EXCL),
        ),
        one(
            "creat",
            act(["creat"]).with([new("creat")]).with(["384"]),
            opened("file.create", new("creat"), WRONLY | CREAT | libc::O_TRUNC),
        ),
        one(
            "close on exec is no intent",
            open(&file, RDONLY | libc::O_CLOEXEC),
            opened("file.open_read", &file, 0),
        ),
        one(
            "a bare handle",
            open(&file, libc::O_PATH),
            opened("file.open_read", &file, libc::O_PATH),
        ),
        Case {
            name: "a handle, opened again",
            act: act(["reopen"]).with([&file]).with(["1"]),
            expected: vec![
                opened("file.open_read", &file, libc::O_PATH),
                opened("file.open_write", &file, WRONLY),
            ],
        },
    ]
}

/// By open_tree, which opens what it does not clone.
pub fn bare(places: &Places) -> Vec<Case> {
    let file = places.file();
    vec![
        one(
            "a bare handle by open_tree",
            act(["open-tree", "-"]).with([&file]).with(["0"]),
            opened("file.open_read", &file, libc::O_PATH),
        ),
        one(
            "a bare handle by open_tree, from a directory",
            act(["open-tree"])
                .with([&places.watched])
                .with(["sub", "0"]),
            opened("file.open_read", places.watched.join("sub"), libc::O_PATH),
        ),
        one(
            "a bare handle of nothing",
            act(["open-tree", "-"])
                .with([places.watched.join("missing")])
                .with(["0"]),
            refused(
                "file.open_read",
                places.watched.join("missing"),
                libc::O_PATH,
                "ENOENT",
            ),
        ),
    ]
}

pub fn refusals(places: &Places) -> Vec<Case> {
    let secret = places.watched.join("secret");
    let missing = places.watched.join("missing");
    let file = places.file();
    vec![
        one(
            "denied",
            act(["uid", NOBODY])
                .with(["open"])
                .with([&secret])
                .with(["0", "0"]),
            refused("file.open_read", &secret, 0, "EACCES"),
        ),
        one(
            "denied to write",
            act(["uid", NOBODY])
                .with(["open"])
                .with([&file])
                .with(["1", "0"]),
            refused("file.open_write", &file, WRONLY, "EACCES"),
        ),
        one(
            "denied to create",
            act(["uid", NOBODY])
                .with(["open"])
                .with([&missing])
                .with([(WRONLY | CREAT | EXCL).to_string(), "384".to_owned()]),
            refused("file.create", &missing, WRONLY | CREAT | EXCL, "EACCES"),
        ),
    ]
}

pub fn failures(places: &Places) -> Vec<Case> {
    let missing = places.watched.join("missing");
    let file = places.file();
    vec![
        one(
            "missing",
            open(&missing, RDONLY),
            refused("file.open_read", &missing, 0, "ENOENT"),
        ),
        one(
            "missing, relative",
            act(["chdir"])
                .with([&places.watched])
                .with(["open", "missing", "0", "0"]),
            refused("file.open_read", &missing, 0, "ENOENT"),
        ),
        one(
            "missing, below a descriptor",
            act(["openat"])
                .with([&places.watched])
                .with(["missing", "0", "0"]),
            refused("file.open_read", &missing, 0, "ENOENT"),
        ),
        one(
            "there already",
            open(&file, WRONLY | CREAT | EXCL),
            refused("file.create", &file, WRONLY | CREAT | EXCL, "EEXIST"),
        ),
        one(
            "a directory to write",
            open(places.watched.join("sub"), WRONLY),
            refused(
                "file.open_write",
                places.watched.join("sub"),
                WRONLY,
                "EISDIR",
            ),
        ),
        one(
            "a loop",
            open(places.watched.join("loop"), RDONLY),
            refused("file.open_read", places.watched.join("loop"), 0, "ELOOP"),
        ),
        one(
            "no directory",
            open(places.watched.join("file/x"), RDONLY),
            refused(
                "file.open_read",
                places.watched.join("file/x"),
                0,
                "ENOTDIR",
            ),
        ),
    ]
}
