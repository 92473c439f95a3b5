//! The watched directory, or a part of it, mounted somewhere else.

use std::path::{Path, PathBuf};

use audit_tests::acts::Act;

use super::{Places, WRONLY, assert_seen, with};

/// What is bound, under which name the file is then opened, and which file it is.
struct Bound {
    source: PathBuf,
    name: &'static str,
    file: PathBuf,
}

fn whole(places: &Places) -> Bound {
    Bound {
        source: places.tree.clone(),
        name: "file",
        file: places.file(),
    }
}

fn part(places: &Places) -> Bound {
    Bound {
        source: places.tree.join("sub"),
        name: "deep",
        file: places.deep(),
    }
}

fn mounted(how: &str, bound: &Bound, target: &Path) -> Act {
    let paths = [&bound.source, target, Path::new(bound.name)];
    with(&["mount-open", how], paths, WRONLY)
}

/// Whether a mount of this kind is refused here, with nothing recorded meanwhile.
fn refused(how: &str) -> bool {
    let places = Places::new();
    let target = places.outside.join("target");
    std::fs::create_dir(&target).expect("mkdir");
    let errno = mounted(how, &whole(&places), &target).done().number();
    assert!([0, libc::EPERM, libc::EACCES].contains(&errno), "{errno}");
    errno != 0
}

fn run(how: &str) {
    for bound in [whole, part] {
        let places = Places::new();
        let target = places.outside.join("target");
        std::fs::create_dir(&target).expect("mkdir");
        let bound = bound(&places);
        let act = mounted(how, &bound, &target);
        assert_seen(&places, &act, &bound.file, &["file.open_write"]);
    }
}

#[test]
fn a_bind_mount_is_no_way_round() {
    if refused("here") {
        audit_tests::skip!("mounts are refused");
    }
    run("here");
}

#[test]
fn a_bind_mount_in_a_namespace_of_its_own_is_no_way_round() {
    if refused("apart") {
        audit_tests::skip!("mount namespaces are refused");
    }
    run("apart");
}

#[test]
fn a_bind_mount_below_another_root_is_no_way_round() {
    if refused("chroot") {
        audit_tests::skip!("mount namespaces are refused");
    }
    run("chroot");
}
