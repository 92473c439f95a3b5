//! The table of what is made: directories, nodes and links.

use std::path::Path;

use audit_tests::acts::act;

use super::{Case, Expected, call, file, in_dir, nobody, none, one};
use crate::watched::{Places, allow};

const FIFO: u32 = libc::S_IFIFO;
const SOCKET: u32 = libc::S_IFSOCK;
const CHAR: u32 = libc::S_IFCHR;
const REGULAR: u32 = libc::S_IFREG;
/// Device 1:3, /dev/null.
const NULL: &str = "259";
const SYMLINK_FOLLOW: &str = "1024";
const EMPTY_PATH: &str = "4096";
/// `file.type_id` of a symbolic link.
const LINK_TYPE: i32 = 7;

fn with_mode(kind: &'static str, path: impl AsRef<Path>, mode: &str) -> Expected {
    file(kind, path).at("file.xattributes.mode", mode)
}

fn number(mode: u32) -> String {
    mode.to_string()
}

pub fn directories(places: &Places) -> Vec<Case> {
    let made = |name: &str, mode| with_mode("file.mkdir", places.inside(name), mode);
    let below = |path: &str| format!("{}{path}", places.watched.display());
    let mkdir = |path: String| act(["mkdir", &path, "448"]);
    let lost = places.made_dir("lost");
    vec![
        one("absolute", mkdir(below("/a")), made("a", "0700")),
        one(
            "relative",
            in_dir(&places.watched).with(["mkdir", "b", "493"]),
            made("b", "0755"),
        ),
        one(
            "below a descriptor",
            act(["mkdirat"]).with([&places.watched]).with(["c", "448"]),
            made("c", "0700"),
        ),
        one(
            "for all, and sticky",
            act(["umask", "0", "mkdir", &below("/d"), "1023"]),
            made("d", "1777"),
        ),
        one("trailing slash", mkdir(below("/e/")), made("e", "0700")),
        one("doubled slashes", mkdir(below("//.//f")), made("f", "0700")),
        one(
            "through the parent",
            mkdir(below("/sub/../g")),
            made("g", "0700"),
        ),
        one(
            "through a linked directory",
            call("mkdir", places.outside.join("dirlink/h")).with(["448"]),
            made("h", "0700"),
        ),
        one(
            "from a directory that is gone",
            call("lose", &lost).with(["mkdir", "../i", "448"]),
            made("i", "0700"),
        ),
    ]
}

pub fn nodes(places: &Places) -> Vec<Case> {
    let made = |name: &str, mode| with_mode("file.mknod", places.inside(name), mode);
    let mknod = |name: &str, mode: u32, device: &str| {
        call("mknod", places.inside(name)).with([&number(mode), device])
    };
    let open = places.made_dir("open");
    allow(&open, 0o777);
    // Capabilities to make devices are not everywhere.
    let probe = mknod_errno(&places.outside.join("probe"));
    let device = made("null", "0600").at("file.xattributes.rdev", "1:3");
    let device = match probe {
        None => device,
        Some(errno) => device.refused(errno),
    };
    vec![
        one(
            "a pipe",
            mknod("fifo", FIFO | 0o640, "0"),
            made("fifo", "0640"),
        ),
        one(
            "a socket",
            mknod("socket", SOCKET | 0o600, "0"),
            made("socket", "0600"),
        ),
        one(
            "a file",
            mknod("regular", REGULAR | 0o644, "0"),
            made("regular", "0644"),
        ),
        one(
            "below a descriptor",
            act(["mknodat"])
                .with([&places.watched])
                .with(["fifo2", &number(FIFO | 0o600), "0"]),
            made("fifo2", "0600"),
        ),
        one("a device", mknod("null", CHAR | 0o600, NULL), device),
        one(
            "a device that only root may make",
            nobody()
                .with(["mknod"])
                .with([open.join("null")])
                .with([&number(CHAR | 0o600), NULL]),
            made("open/null", "0600")
                .at("file.xattributes.rdev", "1:3")
                .refused("EPERM"),
        ),
        one(
            "a pipe where nobody may",
            nobody()
                .with(["mknod"])
                .with([places.inside("fifo3")])
                .with([&number(FIFO | 0o600), "0"]),
            made("fifo3", "0600").refused("EACCES"),
        ),
        one(
            "there already",
            mknod("file", FIFO | 0o600, "0"),
            made("file", "0600").refused("EEXIST"),
        ),
        one(
            "a directory by mknod",
            mknod("dir", libc::S_IFDIR | 0o700, "0"),
            made("dir", "0700").refused("EPERM"),
        ),
    ]
}

fn mknod_errno(path: &Path) -> Option<&'static str> {
    use nix::sys::stat::{Mode, SFlag, makedev, mknod};
    match mknod(path, SFlag::S_IFCHR, Mode::S_IRUSR, makedev(1, 3)) {
        Ok(()) => None,
        Err(nix::errno::Errno::EPERM) => Some("EPERM"),
        Err(other) => panic!("mknod: {other}"),
    }
}

pub fn links(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    let linked = |old: &Path, new: &Path| file("file.link", old).to(new);
    let (from, foreign) = (places.file(), places.made_outside("foreign"));
    let outside = |name: &str| places.outside.join(name);
    vec![
        one(
            "within",
            call("link", &from).with([inside("a")]),
            linked(&from, &inside("a")),
        ),
        one(
            "to outside",
            call("link", &from).with([outside("alias")]),
            linked(&from, &outside("alias")),
        ),
        one(
            "from outside",
            call("link", &foreign).with([inside("b")]),
            linked(&foreign, &inside("b")),
        ),
        one(
            "relative, both",
            in_dir(&places.watched).with(["link", "file", "sub/c"]),
            linked(&from, &inside("sub/c")),
        ),
        one(
            "below two descriptors",
            act(["linkat"])
                .with([&places.watched])
                .with(["file"])
                .with([inside("sub")])
                .with(["d", "0"]),
            linked(&from, &inside("sub/d")),
        ),
        one(
            "through a link, followed",
            act(["linkat", "-"])
                .with([outside("link")])
                .with(["-"])
                .with([inside("e")])
                .with([SYMLINK_FOLLOW]),
            linked(&from, &inside("e")),
        ),
        one(
            "by its descriptor",
            call("linkat", &from)
                .with(["", "-"])
                .with([inside("f")])
                .with([EMPTY_PATH]),
            linked(&from, &inside("f")),
        ),
    ]
}

pub fn symbolic_links(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    let pointing = |link: &Path, target: &str| {
        file("file.symlink", link)
            .at("file.type_id", LINK_TYPE)
            .at("file.xattributes.link_target", target)
    };
    let outside = |name: &str| places.outside.join(name);
    let from = places.file();
    let target = from.to_str().expect("UTF-8");
    vec![
        one(
            "a symbolic link inside",
            act(["symlink", "file"]).with([inside("g")]),
            pointing(&inside("g"), "file"),
        ),
        one(
            "a symbolic link to nothing",
            act(["symlink", "no/where"]).with([inside("h")]),
            pointing(&inside("h"), "no/where"),
        ),
        one(
            "a symbolic link below a descriptor",
            act(["symlinkat", "/etc"])
                .with([&places.watched])
                .with(["i"]),
            pointing(&inside("i"), "/etc"),
        ),
        one(
            "a symbolic link from outside to inside",
            act(["symlink", target]).with([outside("j")]),
            pointing(&outside("j"), target),
        ),
        one(
            "a relative symbolic link from outside to inside",
            act(["symlink", "../watched/file"]).with([outside("k")]),
            pointing(&outside("k"), "../watched/file"),
        ),
        none(
            "a symbolic link that is outside",
            act(["symlink", "foreign"]).with([outside("l")]),
        ),
    ]
}

pub fn failures(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    let no_dir = |name: &str, errno| file("file.mkdir", inside(name)).refused(errno);
    let mkdir = |path: &Path| call("mkdir", path).with(["448"]);
    let long = "n".repeat(256);
    let lost = places.made_dir("lost");
    vec![
        one(
            "denied",
            nobody().with(["mkdir"]).with([inside("a")]).with(["448"]),
            no_dir("a", "EACCES"),
        ),
        one(
            "there already",
            mkdir(&inside("sub")),
            no_dir("sub", "EEXIST"),
        ),
        one("no parent", mkdir(&inside("b/c")), no_dir("b/c", "ENOENT")),
        one(
            "below a file",
            mkdir(&inside("file/d")),
            no_dir("file/d", "ENOTDIR"),
        ),
        one(
            "a loop",
            mkdir(&inside("loop/e")),
            no_dir("loop/e", "ELOOP"),
        ),
        one(
            "too long",
            mkdir(&inside(&long)),
            no_dir(&long, "ENAMETOOLONG"),
        ),
        one(
            "in a directory that is gone",
            call("lose", &lost).with(["mkdir", "f", "448"]),
            no_dir("lost/f", "ENOENT"),
        ),
    ]
}

pub fn link_failures(places: &Places) -> Vec<Case> {
    let inside = |name: &str| places.inside(name);
    let no_link = |old: &str, new: &str, errno| {
        file("file.link", inside(old))
            .to(inside(new))
            .refused(errno)
    };
    let link = |old: &str, new: &str| call("link", inside(old)).with([inside(new)]);
    // Others' files may only be linked by who may write to them.
    allow(&places.inside("other"), 0o666);
    vec![
        one(
            "a link that is denied",
            nobody().with(["link"]).with([inside("other"), inside("g")]),
            no_link("other", "g", "EACCES"),
        ),
        one(
            "a link of a directory",
            link("sub", "h"),
            no_link("sub", "h", "EPERM"),
        ),
        one(
            "a link over a file",
            link("file", "other"),
            no_link("file", "other", "EEXIST"),
        ),
        one(
            "a link of nothing",
            link("missing", "i"),
            no_link("missing", "i", "ENOENT"),
        ),
        one(
            "a link to another file system",
            call("link", "/proc/version").with([inside("j")]),
            file("file.link", "/proc/version")
                .to(inside("j"))
                .refused("EXDEV"),
        ),
        one(
            "a link with unknown flags",
            act(["linkat", "-"])
                .with([places.file()])
                .with(["-"])
                .with([inside("k")])
                .with(["1"]),
            no_link("file", "k", "EINVAL"),
        ),
        one(
            "a symbolic link that is denied",
            nobody().with(["symlink", "file"]).with([inside("l")]),
            file("file.symlink", inside("l"))
                .at("file.xattributes.link_target", "file")
                .refused("EACCES"),
        ),
        one(
            "a symbolic link over a file",
            act(["symlink", "other"]).with([places.file()]),
            file("file.symlink", places.file())
                .at("file.xattributes.link_target", "other")
                .refused("EEXIST"),
        ),
    ]
}
